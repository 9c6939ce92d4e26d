/**
 * Tokens of the match and action language, ovn-sb(5), "Lexical syntax"; what is
 * accepted and how a mistake is worded is lib/lex.c's.
 *
 * A `Lexer` holds one token, the current one.  `expect...` and `fail...` throw.
 */
import { parseEthernet, parseIpv4, parseIpv6 } from './addresses.ts';
import { LangError } from './errors.ts';
import type { NumberFormat } from './ir.ts';
import { unquote } from './quoting.ts';

/** Punctuation stands for itself. */
export type TokenType =
  | 'end'
  | 'error'
  | 'id'
  | 'string'
  | 'integer'
  | 'masked'
  | 'address-set'
  | 'port-group'
  | 'template'
  | '('
  | ')'
  | '{'
  | '}'
  | '['
  | ']'
  | '=='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>='
  | '!'
  | '&&'
  | '||'
  | '..'
  | ','
  | ';'
  | '='
  | '<->'
  | '--'
  | ':'
  | '-';

export class Lexer {
  readonly source: string;
  /** The current token. */
  type: TokenType = 'end';
  /** An identifier, a string's contents, a set's or template variable's name, or what is wrong (`error`). */
  text = '';
  /** Of `integer` and `masked`. */
  value = 0n;
  /** Of `masked`; `value` has no bit that `mask` has not. */
  mask = 0n;
  format: NumberFormat = 'decimal';
  /** Where the current token starts and where what follows it starts. */
  start = 0;
  next = 0;

  constructor(source: string) {
    this.source = source;
    this.advance();
  }

  /** Moves to the next token. */
  advance(): void {
    this.next = scan(this, this.source, this.next);
  }

  /** The type of the token after the current one. */
  lookahead(): TokenType {
    const { type, text, value, mask, format, start, next } = this;
    this.advance();
    const ahead = this.type;
    this.type = type;
    this.text = text;
    this.value = value;
    this.mask = mask;
    this.format = format;
    this.start = start;
    this.next = next;
    return ahead;
  }

  /** Whether the current token has this type; if so, moves past it. */
  match(type: TokenType): boolean {
    if (this.type !== type) {
      return false;
    }
    this.advance();
    return true;
  }

  /** Whether the current token is this identifier; if so, moves past it. */
  matchId(name: string): boolean {
    if (this.type !== 'id' || this.text !== name) {
      return false;
    }
    this.advance();
    return true;
  }

  expect(type: TokenType): void {
    if (!this.match(type)) {
      this.failSyntax(`expecting \`${type}'`);
    }
  }

  expectEnd(): void {
    if (this.type !== 'end') {
      this.failSyntax('expecting end of input');
    }
  }

  /** Whether the current token is a decimal integer that fits C's `int`. */
  isInt(): boolean {
    return this.type === 'integer' && this.format === 'decimal' && this.value <= 0x7fffffffn;
  }

  /** A decimal integer from 0 to 2^31 - 1. */
  expectInt(): number {
    if (!this.isInt()) {
      this.failSyntax('expecting small integer');
    }
    const value = Number(this.value);
    this.advance();
    return value;
  }

  /** The source text of the current token. */
  tokenSource(): string {
    return this.source.slice(this.start, this.next);
  }

  /** A mistake at the current token; a token that is itself malformed is the mistake to report. */
  fail(message: string): never {
    throw new LangError(this.type === 'error' ? this.text : message, this.source, this.start);
  }

  /** A mistake of syntax; `expecting` says what was wanted here, if anything. */
  failSyntax(expecting?: string): never {
    const where = this.type === 'end' ? 'at end of input' : `at \`${this.tokenSource()}'`;
    this.fail(`Syntax error ${where}${expecting === undefined ? '' : ` ${expecting}`}.`);
  }
}

const DECIMAL_LIMIT = 1n << 64n;
/** Of a hexadecimal constant: OVN has room for 1024 bits, more than any field has. */
const MAX_HEXITS = 256;
const INET6_ADDRSTRLEN = 46;

function isDigit(c: number): boolean {
  return c >= 48 && c <= 57;
}

function isHexit(c: number): boolean {
  return isDigit(c) || (c >= 97 && c <= 102) || (c >= 65 && c <= 70);
}

function isLetter(c: number): boolean {
  return (c >= 97 && c <= 122) || (c >= 65 && c <= 90);
}

function isIdStart(c: number): boolean {
  return isLetter(c) || c === 95 || c === 46;
}

/** A byte of value 0 ends the input, as it ends a string in C. */
function codeAt(source: string, at: number): number {
  const code = source.charCodeAt(at);
  return Number.isNaN(code) ? 0 : code;
}

/** Reads one token from `at` into `token`; returns where the next one starts. */
function scan(token: Lexer, source: string, at: number): number {
  let p = at;
  for (;;) {
    const c = codeAt(source, p);
    if (c === 32 || (c >= 9 && c <= 13)) {
      p++;
      continue;
    }
    token.start = p;
    if (c !== 47) {
      return scanToken(token, source, p, c);
    }
    const comment = scanComment(source, p);
    if (comment.error !== undefined) {
      return malformed(token, comment.error, comment.end);
    }
    p = comment.end;
  }
}

/** Where the comment that starts at `p` ends, or what is wrong with it. */
function scanComment(source: string, p: number): { end: number; error?: string } {
  const second = source[p + 1];
  let end = p + 2;
  if (second === '/') {
    while (codeAt(source, end) !== 0 && source[end] !== '\n') {
      end++;
    }
    return { end };
  }
  if (second !== '*') {
    return { end: p + 1, error: "`/' is only valid as part of `//' or `/*'." };
  }
  for (;;) {
    const c = codeAt(source, end);
    if (c === 42 && source[end + 1] === '/') {
      return { end: end + 2 };
    }
    if (c === 0 || c === 10) {
      return { end, error: "`/*' without matching `*/'." };
    }
    end++;
  }
}

function malformed(token: Lexer, message: string, next: number): number {
  token.type = 'error';
  token.text = message;
  return next;
}

function punctuation(token: Lexer, type: TokenType, next: number): number {
  token.type = type;
  return next;
}

function scanToken(token: Lexer, source: string, p: number, c: number): number {
  const second = source[p + 1];
  switch (source[p]) {
    case '(':
    case ')':
    case '{':
    case '}':
    case '[':
    case ']':
    case ',':
    case ';':
      return punctuation(token, source[p] as TokenType, p + 1);
    case '=':
      return second === '=' ? punctuation(token, '==', p + 2) : punctuation(token, '=', p + 1);
    case '!':
      return second === '=' ? punctuation(token, '!=', p + 2) : punctuation(token, '!', p + 1);
    case '&':
      return second === '&'
        ? punctuation(token, '&&', p + 2)
        : malformed(token, "`&' is only valid as part of `&&'.", p + 1);
    case '|':
      return second === '|'
        ? punctuation(token, '||', p + 2)
        : malformed(token, "`|' is only valid as part of `||'.", p + 1);
    case '<':
      if (second === '=') {
        return punctuation(token, '<=', p + 2);
      }
      return second === '-' && source[p + 2] === '>'
        ? punctuation(token, '<->', p + 3)
        : punctuation(token, '<', p + 1);
    case '>':
      return second === '=' ? punctuation(token, '>=', p + 2) : punctuation(token, '>', p + 1);
    case '.':
      return second === '.'
        ? punctuation(token, '..', p + 2)
        : malformed(token, "`.' is only valid as part of `..' or a number.", p + 1);
    case '-':
      return second === '-' ? punctuation(token, '--', p + 2) : punctuation(token, '-', p + 1);
    case '$':
    case '@':
    case '^':
      return scanMarkedName(token, source, p);
    case ':':
      return second === ':' ? scanNumber(token, source, p) : punctuation(token, ':', p + 1);
    case '"':
      return scanString(token, source, p);
    default:
      if (isDigit(c)) {
        return scanNumber(token, source, p);
      }
      if (isLetter(c) || c === 95) {
        return startsWithHexitsAndColon(source, p) ? scanNumber(token, source, p) : scanId(token, source, p, 'id');
      }
      return scanOther(token, source, p, c);
  }
}

/** Ethernet and IPv6 addresses may start with a letter; no identifier has a colon after hexadecimal digits. */
function startsWithHexitsAndColon(source: string, p: number): boolean {
  let end = p;
  while (isHexit(codeAt(source, end))) {
    end++;
  }
  return end > p && source[end] === ':';
}

function scanOther(token: Lexer, source: string, p: number, c: number): number {
  if (c === 0) {
    token.type = 'end';
    return p;
  }
  if (c > 32 && c < 127) {
    return malformed(token, `Invalid character \`${source[p]}' in input.`, p + 1);
  }
  const point = source.codePointAt(p) ?? 0;
  // OVN names the first byte of the UTF-8 encoding, as a signed number behind "0x".
  const byte = new TextEncoder().encode(String.fromCodePoint(point))[0] ?? 0;
  return malformed(token, `Invalid byte 0x${(byte << 24) >> 24} in input.`, p + (point > 0xffff ? 2 : 1));
}

function scanId(token: Lexer, source: string, p: number, type: TokenType): number {
  let end = p + 1;
  for (let c = codeAt(source, end); isIdStart(c) || isDigit(c); c = codeAt(source, end)) {
    end++;
  }
  token.type = type;
  token.text = source.slice(p, end);
  return end;
}

/** What a name stands for, by the character before it. */
const MARKED: Readonly<Record<string, TokenType>> = { $: 'address-set', '@': 'port-group', '^': 'template' };

function scanMarkedName(token: Lexer, source: string, p: number): number {
  if (!isIdStart(codeAt(source, p + 1))) {
    return malformed(token, `\`${source[p]}' must be followed by a valid identifier.`, p + 1);
  }
  return scanId(token, source, p + 1, MARKED[source[p] ?? ''] ?? 'error');
}

function scanString(token: Lexer, source: string, p: number): number {
  let end = p + 1;
  for (let c = codeAt(source, end); c !== 34; c = codeAt(source, end)) {
    if (c === 92) {
      end++;
    }
    if (codeAt(source, end) === 0) {
      return malformed(token, 'Input ends inside quoted string.', end);
    }
    end++;
  }
  const result = unquote(source.slice(p + 1, end));
  if ('error' in result) {
    return malformed(token, result.error, end + 1);
  }
  token.type = 'string';
  token.text = result.text;
  return end + 1;
}

/** A number, and the mask behind its `/` if there is one. */
function scanNumber(token: Lexer, source: string, p: number): number {
  const end = scanInteger(token, source, p);
  return token.type === 'integer' && source[end] === '/' ? scanMask(token, source, end + 1) : end;
}

function scanMask(token: Lexer, source: string, p: number): number {
  const { value, format } = token;
  const end = scanInteger(token, source, p);
  if (token.type === 'error') {
    return end;
  }
  const prefix = BigInt.asUintN(32, token.value);
  let mask: bigint;
  token.type = 'masked';
  if (format === token.format) {
    mask = token.value;
  } else if (format === 'ipv4' && token.format === 'decimal' && prefix <= 32n) {
    mask = prefixMask(32n, prefix);
  } else if (format === 'ipv6' && token.format === 'decimal' && prefix <= 128n) {
    mask = prefixMask(128n, prefix);
  } else if (format === 'decimal' && token.format === 'hexadecimal' && value === 0n) {
    mask = token.value;
    token.format = 'hexadecimal';
    token.mask = mask;
    token.value = 0n;
    return end;
  } else {
    return malformed(token, 'Value and mask have incompatible formats.', end);
  }
  token.format = format;
  token.mask = mask;
  token.value = value & mask;
  return end;
}

function prefixMask(width: bigint, bits: bigint): bigint {
  return ((1n << bits) - 1n) << (width - bits);
}

/**
 * The longest run of characters that can be a number.  Two dots in a row end it
 * (`1..2`), and so does a colon behind a dot (`1.2.3.4:80`).
 */
function numberEnd(source: string, p: number): number {
  let end = p;
  let sawDot = false;
  for (;;) {
    const c = codeAt(source, end);
    if (c === 46) {
      if (source[end + 1] === '.') {
        return end;
      }
      sawDot = true;
    } else if (!(isDigit(c) || isLetter(c) || (c === 58 && !sawDot))) {
      return end;
    }
    end++;
  }
}

function scanInteger(token: Lexer, source: string, p: number): number {
  const end = numberEnd(source, p);
  const word = source.slice(p, end);
  const integer = (value: bigint, format: NumberFormat) => {
    token.type = 'integer';
    token.value = value;
    token.format = format;
    return end;
  };
  if (word === '') {
    return malformed(token, 'Integer constant expected.', end);
  }
  const mac = word.length === 17 ? parseEthernet(word) : undefined;
  if (mac !== undefined) {
    return integer(mac, 'ethernet');
  }
  if (allDigits(word)) {
    if (word.length > 1 && word[0] === '0') {
      return malformed(token, 'Decimal constants must not have leading zeros.', end);
    }
    const value = word.length > 20 ? DECIMAL_LIMIT : BigInt(word);
    return value >= DECIMAL_LIMIT
      ? malformed(token, 'Decimal constants must be less than 2**64.', end)
      : integer(value, 'decimal');
  }
  if (word[0] === '0' && (word[1] === 'x' || word[1] === 'X')) {
    return scanHexadecimal(token, word, end);
  }
  if (word.length < INET6_ADDRSTRLEN) {
    const ipv4 = parseIpv4(word);
    if (ipv4 !== undefined) {
      return integer(ipv4, 'ipv4');
    }
    const ipv6 = parseIpv6(word);
    if (ipv6 !== undefined) {
      return integer(ipv6, 'ipv6');
    }
  }
  return malformed(token, 'Invalid numeric constant.', end);
}

function scanHexadecimal(token: Lexer, word: string, end: number): number {
  const digits = word.slice(2);
  if (digits === '') {
    return malformed(token, `Hex digits expected following 0${word[1]}.`, end);
  }
  // Read from the right, as OVN does: the first complaint from there wins.
  for (let i = 0; i < digits.length; i++) {
    const c = digits.charCodeAt(digits.length - 1 - i);
    if (!isHexit(c)) {
      return malformed(token, 'Invalid syntax in hexadecimal constant.', end);
    }
    if (c !== 48 && i >= MAX_HEXITS) {
      return malformed(token, `Hexadecimal constant requires more than ${4 * MAX_HEXITS} bits.`, end);
    }
  }
  token.type = 'integer';
  token.value = BigInt(`0x${digits.slice(-MAX_HEXITS)}`);
  token.format = 'hexadecimal';
  return end;
}

function allDigits(word: string): boolean {
  for (let i = 0; i < word.length; i++) {
    if (!isDigit(word.charCodeAt(i))) {
      return false;
    }
  }
  return true;
}

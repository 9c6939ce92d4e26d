/**
 * The usual text of a match, read without the parser: `inport == "a" && ip4.dst ==
 * 10.0.0.0/16 && tcp`, fields against constants and predicates, all of
 * them to hold.  What a field takes for granted comes from the parser, once for
 * each field.  Whatever is not plain or might be wrong is left to the parser.
 */
import { annotate, findSymbol, LangError, parseIpv6, parseMatch, simplify } from '../../engine/lang/index.ts';
import type { Expr, FieldRef } from '../../engine/lang/ir.ts';
import { addWord, anyOf, compileMatch, type Decision, type WordTest, wordTests } from './matcher.ts';
import { type Bits, resolveField, slot, wordsOf } from './packet.ts';

/** What a plain text asks of a packet: all of the words, and one alternative of each choice. */
export interface PlainMatch {
  words: WordTest[];
  choices: readonly Choice[];
  /** Whether it names ports, whose numbers are a datapath's own. */
  namesPorts: boolean;
}

/** `ip4 || ip6`: what a field takes for granted, where that leaves a choice. */
export interface Choice {
  test: Decision;
  /** The words that each alternative asks for. */
  alternatives: readonly (readonly WordTest[])[];
}

/** What a term asks for besides its constant. */
interface Meaning {
  words: readonly WordTest[];
  choices: readonly Choice[];
  /** Where its constant is compared; absent for a predicate. */
  bits?: Bits;
  /** A port's name is its constant. */
  isPort: boolean;
}

const term =
  /[ \t-\r]*([a-z][a-z0-9_.]*(?:\[\d+(?:\.\.\d+)?\])?)(?: *== *(?:"([^"\\^]*)"|([0-9a-fA-F.:x]+(?:\/\d{1,3})?)|\{([0-9a-fA-F.:x/, ]+)\}))?[ \t-\r]*(?:(&&)|$)/y;

/**
 * Reads a plain text; undefined if it is not plain, or names a port that
 * `portKey` does not know.  `words` that exclude each other are not noticed.
 */
export function readPlain(text: string, portKey: (name: string) => number | undefined): PlainMatch | undefined {
  const words: WordTest[] = [];
  const choices: Choice[] = [];
  let namesPorts = false;
  term.lastIndex = 0;
  for (;;) {
    const [, name, port, number, set, more] = term.exec(text) ?? [];
    if (name === undefined) return undefined;
    const meaning = meaningOf(name, port !== undefined || number !== undefined || set !== undefined);
    if (!meaning || meaning.isPort !== (port !== undefined)) return undefined;
    if (port !== undefined) {
      const value = portKey(port);
      if (value === undefined) return undefined;
      words.push({ at: slot[name === 'inport' ? 'inport' : 'outport'], mask: -1, value });
      namesPorts = true;
    } else if (meaning.bits && number !== undefined) {
      if (!addConstant(words, meaning.bits, number)) return undefined;
    } else if (meaning.bits && set !== undefined) {
      const choice = choiceOfConstants(meaning.bits, set);
      if (!choice) return undefined;
      choices.push(choice);
    }
    for (const word of meaning.words) addWord(words, word);
    for (const choice of meaning.choices) if (!choices.includes(choice)) choices.push(choice);
    if (more === undefined) return { words, choices, namesPorts };
  }
}

const meanings = new Map<string, Meaning | false>();

/** What `NAME == constant` or `NAME` alone means; undefined if that is not plain. */
function meaningOf(name: string, compared: boolean): Meaning | undefined {
  const key = compared ? `${name} ==` : name;
  let meaning = meanings.get(key);
  if (meaning === undefined) {
    meaning = (compared ? meaningOfField(name) : meaningOfPredicate(name)) ?? false;
    // Names come from texts, and there are only so many fields; ranges of their bits are many.
    if (meanings.size < maxMeanings) meanings.set(key, meaning);
  }
  return meaning || undefined;
}

const maxMeanings = 10_000;

function meaningOfPredicate(name: string): Meaning | undefined {
  const expr = parsed(name);
  const parts = expr && partsOf([expr]);
  return parts && { ...parts, isPort: false };
}

function meaningOfField(name: string): Meaning | undefined {
  const [, symbolName = '', low, high = low] = /^([^[]+)(?:\[(\d+)(?:\.\.(\d+))?\])?$/.exec(name) ?? [];
  const symbol = findSymbol(symbolName);
  if (!symbol || symbol.predicate !== undefined) return undefined;
  if (symbol.width === 0) return low === undefined ? { words: [], choices: [], isPort: true } : undefined;
  // The parser says whether the field has these bits, and what it takes for granted.
  const expr = parsed(`${name} == 0`);
  const [own, ...granted] = expr ? flattened([expr]) : [];
  if (own?.type !== 'comparison' || own.relop !== '==') return undefined;
  const parts = partsOf(granted);
  const ref: FieldRef = {
    symbol,
    ofs: Number(low ?? 0),
    n: low === undefined ? symbol.width : Number(high) - Number(low) + 1,
  };
  const bits = resolveField(ref);
  return parts && bits && { ...parts, bits, isPort: false };
}

function parsed(text: string): Expr | undefined {
  try {
    return simplify(annotate(parseMatch(text)));
  } catch (error) {
    if (error instanceof LangError) return undefined;
    throw error;
  }
}

function flattened(terms: readonly Expr[]): Expr[] {
  return terms.flatMap((one) => (one.type === 'and' ? flattened(one.terms) : [one]));
}

const anywhere = { portKey: () => undefined, isResident: () => false };
const knownChoices = new Map<string, Choice>();

function partsOf(terms: readonly Expr[]): { words: WordTest[]; choices: Choice[] } | undefined {
  const words: WordTest[] = [];
  const choices: Choice[] = [];
  for (const one of flattened(terms)) {
    if (one.type === 'or') {
      const choice = choiceOf(one.terms);
      if (!choice) return undefined;
      choices.push(choice);
      continue;
    }
    const asked = wordsOfLiteral(one);
    if (!asked) return undefined;
    words.push(...asked);
  }
  return { words, choices };
}

/** The same choice is the same object. */
function choiceOf(terms: readonly Expr[]): Choice | undefined {
  const alternatives: WordTest[][] = [];
  for (const alternative of terms) {
    const words: WordTest[] = [];
    for (const literal of flattened([alternative])) {
      const asked = wordsOfLiteral(literal);
      if (!asked) return undefined;
      words.push(...asked);
    }
    alternatives.push(words);
  }
  const key = JSON.stringify(alternatives);
  const known = knownChoices.get(key);
  if (known) return known;
  const test = compileMatch({ type: 'or', terms }, anywhere);
  if (typeof test === 'boolean') return undefined;
  const choice = { test, alternatives };
  knownChoices.set(key, choice);
  return choice;
}

function wordsOfLiteral(expr: Expr): WordTest[] | undefined {
  if (expr.type !== 'comparison' || expr.relop !== '==') return undefined;
  return wordTests(expr.symbol.field, expr.symbol.ofs, expr.value, expr.mask);
}

function choiceOfConstants(bits: Bits, set: string): Choice | undefined {
  const alternatives: WordTest[][] = [];
  for (const text of set.split(',')) {
    const words: WordTest[] = [];
    if (!addConstant(words, bits, text.trim()) || words.length === 0) return undefined;
    alternatives.push(words);
  }
  return { test: anyOf(alternatives), alternatives };
}

/** Adds the words of a constant; false if it is not plain or does not fit. */
function addConstant(words: WordTest[], bits: Bits, constant: string): boolean {
  const slash = constant.indexOf('/');
  const text = slash < 0 ? constant : constant.slice(0, slash);
  const prefix = slash < 0 ? undefined : prefixOf(constant.slice(slash + 1));
  if (prefix !== undefined && prefix < 0) return false;
  const { where, ofs, n } = bits;
  if (n === 48 && where.width === 48) return prefix === undefined && addEthernet(words, where.slot, text);
  const low = (ofs + where.shift) & 31;
  if (low + n > 32) return addWide(words, bits, text, prefix);
  const value = n === 32 && text.includes('.') ? ipv4Of(text) : numberOf(text);
  if (value < 0 || value >= 2 ** n) return false;
  if (prefix !== undefined && (!text.includes('.') || prefix > 32)) return false;
  const mask = prefix === undefined ? 2 ** n - 1 : prefixMask(prefix);
  const at = where.slot + wordsOf(where) - 1 - ((ofs + where.shift) >> 5);
  if (mask !== 0) words.push({ at, mask: mask << low, value: (value & mask) << low });
  return true;
}

/** The length of a prefix; -1 for anything else that may stand behind a slash. */
function prefixOf(text: string): number {
  return /^(?:0|[1-9]\d{0,2})$/.test(text) ? Number(text) : -1;
}

function prefixMask(length: number): number {
  return length === 0 ? 0 : (-1 << (32 - length)) >>> 0;
}

/** IPv6 addresses, and numbers that go into registers of more than 32 bits. */
function addWide(words: WordTest[], { where, ofs, n }: Bits, text: string, prefix: number | undefined): boolean {
  if (text.includes('.')) return false;
  const isIp6 = n === 128 && text.includes(':');
  if (prefix !== undefined && (!isIp6 || prefix > 128)) return false;
  const mask = ((1n << BigInt(n)) - 1n) & ~((1n << BigInt(n - (prefix ?? n))) - 1n);
  const value = isIp6 ? parseIpv6(text) : number128(text);
  if (value === undefined || value >> BigInt(n) !== 0n) return false;
  const first = where.slot;
  const width = wordsOf(where);
  const low = BigInt(ofs + where.shift);
  let v = (value & mask) << low;
  let m = mask << low;
  for (let at = first + width - 1; at >= first; at--) {
    if (m & 0xffffffffn) words.push({ at, mask: Number(m & 0xffffffffn) | 0, value: Number(v & 0xffffffffn) | 0 });
    v >>= 32n;
    m >>= 32n;
  }
  return true;
}

function number128(text: string): bigint | undefined {
  const value = numberOf(text);
  return value < 0 ? undefined : BigInt(value);
}

/** A decimal number of up to nine digits, a hexadecimal one of up to eight; -1 for anything else. */
function numberOf(text: string): number {
  if (/^(?:0|[1-9]\d{0,8})$/.test(text)) return Number(text);
  return /^0x[0-9a-fA-F]{1,8}$/.test(text) ? Number.parseInt(text, 16) : -1;
}

/** Four numbers up to 255 without leading zeros; -1 for anything else. */
function ipv4Of(text: string): number {
  let value = 0;
  let part = -1;
  let dots = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 46) {
      if (part < 0 || ++dots > 3) return -1;
      value = value * 256 + part;
      part = -1;
    } else {
      if (c < 48 || c > 57 || part === 0) return -1;
      part = part < 0 ? c - 48 : part * 10 + c - 48;
      if (part > 255) return -1;
    }
  }
  return part < 0 || dots !== 3 ? -1 : value * 256 + part;
}

/** Six pairs of hexadecimal digits; what else OVN takes for an Ethernet address is left to the parser. */
function addEthernet(words: WordTest[], at: number, text: string): boolean {
  if (text.length !== 17) return false;
  const high = bytesOf(text, 0, 2);
  const low = bytesOf(text, 6, 4);
  if (high < 0 || low < 0) return false;
  words.push({ at, mask: 0xffff, value: high }, { at: at + 1, mask: -1, value: low | 0 });
  return true;
}

/** `count` pairs of digits from `from` on, a colon before each but the first of the text. */
function bytesOf(text: string, from: number, count: number): number {
  let value = 0;
  for (let i = 0; i < count; i++) {
    const at = from + 3 * i;
    if (at > 0 && text.charCodeAt(at - 1) !== 58) return -1;
    const high = hexit(text.charCodeAt(at));
    const low = hexit(text.charCodeAt(at + 1));
    if (high < 0 || low < 0) return -1;
    value = value * 256 + high * 16 + low;
  }
  return value;
}

function hexit(c: number): number {
  if (c >= 48 && c <= 57) return c - 48;
  const letter = c | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}

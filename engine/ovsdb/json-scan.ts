/**
 * JSON as bytes, looked at without building anything: where the members of an
 * object are, and how deep a value is nested.  A record may be as large as the
 * whole database; so its rows are found first and parsed one by one.
 */

/** The JSON is not as it should be; `offset` is the byte where that is seen. */
export class JsonError extends Error {
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.name = 'JsonError';
    this.offset = offset;
  }
}

/** Where a value is, and how many brackets, braces and commas it has: roughly how much it takes in memory. */
export interface Span {
  start: number;
  end: number;
  parts: number;
}

/** No value of OVSDB needs more. */
export const maxDepth = 100;
/** A row of more bytes or parts would take too much memory at once. */
const maxBytes = 128 * 1024 * 1024;
const maxParts = 4_000_000;

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The value at a span.  Throws `JsonError` if it is none, not in UTF-8 or too large. */
export function parseSpan(bytes: Uint8Array, { start, end, parts }: Span): unknown {
  if (end - start > maxBytes || parts > maxParts) {
    const limits = `at most ${maxBytes} bytes and ${maxParts} parts are read`;
    throw new JsonError(`a value of ${end - start} bytes in ${parts} parts is too large; ${limits}`, start);
  }
  let text: string;
  try {
    text = decoder.decode(bytes.subarray(start, end));
  } catch {
    throw new JsonError('it is not text in UTF-8', start);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/[^ -~]/g, '.') : '';
    throw new JsonError(`it is not JSON: ${reason}`, start);
  }
}

/** The one value from `start` to `end`.  Throws `JsonError` if it does not end there or is nested too deep. */
export function wholeSpan(bytes: Uint8Array, { start, end }: Range): Span {
  const value = valueAt(bytes, skipSpace(bytes, start, end), end);
  nothingAfter(bytes, value.end, end);
  return value;
}

/** A part of the bytes. */
export interface Range {
  start: number;
  end: number;
}

/** Calls `visit` with each member's name and place, in order; a name may come twice. */
export function eachMember(bytes: Uint8Array, { start, end }: Range, visit: (name: string, value: Span) => void): void {
  const isEnd = (at: number): boolean => at < end && bytes[at] === closeBrace;
  let at = skipSpace(bytes, expect(bytes, skipSpace(bytes, start, end), end, openBrace, 'an object'), end);
  while (!isEnd(at)) {
    const name = valueAt(bytes, skipSpace(bytes, at, end), end);
    if (bytes[name.start] !== quote) throw new JsonError('it is not JSON: a member needs a name', name.start);
    at = expect(bytes, skipSpace(bytes, name.end, end), end, colon, 'a colon');
    const value = valueAt(bytes, skipSpace(bytes, at, end), end);
    visit(nameAt(bytes, name), value);
    at = skipSpace(bytes, value.end, end);
    if (isEnd(at)) break;
    at = expect(bytes, at, end, comma, 'a comma or the end of an object');
    // A comma promises another member.
    if (isEnd(skipSpace(bytes, at, end))) throw new JsonError('it is not JSON: nothing follows a comma', at);
  }
  nothingAfter(bytes, at + 1, end);
}

/** The places of the two elements of an array. */
export function pairAt(bytes: Uint8Array, { start, end }: Range): [Span, Span] {
  const opened = expect(bytes, skipSpace(bytes, start, end), end, openBracket, 'an array');
  const first = valueAt(bytes, skipSpace(bytes, opened, end), end);
  const parted = expect(bytes, skipSpace(bytes, first.end, end), end, comma, 'a comma');
  const second = valueAt(bytes, skipSpace(bytes, parted, end), end);
  const closed = expect(bytes, skipSpace(bytes, second.end, end), end, closeBracket, 'the end of an array');
  nothingAfter(bytes, closed, end);
  return [first, second];
}

/** Whether the value is `null`. */
export function isNull(bytes: Uint8Array, { start, end }: Span): boolean {
  return end - start === 4 && bytes[start] === 0x6e;
}

/** Names are short and almost always plain ASCII without escapes, which needs no decoder. */
function nameAt(bytes: Uint8Array, name: Span): string {
  if (name.end - name.start > 100) return String(parseSpan(bytes, name));
  let text = '';
  for (let at = name.start + 1; at < name.end - 1; at++) {
    const byte = bytes[at];
    if (byte === backslash || byte < 0x20 || byte >= 0x80) return String(parseSpan(bytes, name));
    text += String.fromCharCode(byte);
  }
  return text;
}

/**
 * Where the value that begins at `start` ends.  Only its brackets, braces and
 * strings are looked at: whether it is JSON, `parseSpan` says.
 */
function valueAt(bytes: Uint8Array, start: number, end: number): Span {
  let depth = 0;
  let parts = 0;
  let at = start;
  while (at < end) {
    const byte = bytes[at];
    if (byte === quote) {
      at = stringEnd(bytes, at, end);
      if (depth === 0) return { start, end: at, parts };
      continue;
    }
    if (byte === openBrace || byte === openBracket) {
      parts++;
      if (++depth > maxDepth) throw new JsonError(`it is nested more than ${maxDepth} levels deep`, at);
    } else if (byte === closeBrace || byte === closeBracket) {
      if (depth === 0) break;
      if (--depth === 0) return { start, end: at + 1, parts };
    } else if (byte === comma) {
      if (depth === 0) break;
      parts++;
    } else if (depth === 0 && isSpace(byte)) break;
    at++;
  }
  if (depth > 0 || at === start) throw new JsonError('it is not JSON: a value is missing or does not end', start);
  return { start, end: at, parts };
}

function stringEnd(bytes: Uint8Array, start: number, end: number): number {
  for (let at = start + 1; at < end; at++) {
    const byte = bytes[at];
    if (byte === quote) return at + 1;
    if (byte === backslash) at++;
  }
  throw new JsonError('it is not JSON: a text does not end', start);
}

const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

function skipSpace(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && isSpace(bytes[at])) at++;
  return at;
}

function expect(bytes: Uint8Array, at: number, end: number, byte: number, what: string): number {
  if (at >= end || bytes[at] !== byte) throw new JsonError(`it is not JSON as expected: ${what} should stand here`, at);
  return at + 1;
}

function nothingAfter(bytes: Uint8Array, at: number, end: number): void {
  const rest = skipSpace(bytes, at, end);
  if (rest < end) throw new JsonError('it is not JSON: something follows its end', rest);
}

/**
 * The records of an OVSDB file, ovsdb(5): a line `OVSDB MAGIC LENGTH SHA1`, then
 * LENGTH bytes of JSON with that checksum, again and again.
 */
import { sha1 } from './sha1.ts';

/** The kinds of file: standalone, and one server's copy of a clustered database. */
export type Magic = 'JSON' | 'CLUSTER';

/** One record: its number in the file, from 1, and where its JSON is. */
export interface FileRecord {
  number: number;
  /** Byte offset of its first line. */
  offset: number;
  /** Byte offset of its JSON. */
  start: number;
  /** Byte offset behind its JSON: of the next record. */
  end: number;
}

/** Where in a file something is wrong. */
export interface Place {
  /** Number of the record, from 1. */
  record: number;
  /** Byte offset in the file. */
  offset: number;
}

/**
 * A database file cannot be read or used.  `place` says where it is damaged,
 * `readable` how many bytes before that are whole records.
 */
export class DatabaseError extends Error {
  readonly place?: Place;
  readonly readable?: number;
  constructor(message: string, place?: Place, readable?: number) {
    super(message);
    this.name = 'DatabaseError';
    if (place) this.place = place;
    if (readable !== undefined) this.readable = readable;
  }
}

/** Gives a part of a file its checksum, in 40 lower-case hexadecimal digits. */
export type Checksum = (bytes: Uint8Array) => string;

/** How the bytes of a file end: with a whole record, or at this offset with a part of one. */
export interface End {
  truncatedAt?: number;
}

const word = 'OVSDB ';
/** No first line is longer: a length has at most 20 digits. */
const maxLine = word.length + 'CLUSTER '.length + 20 + 1 + 40 + 1;

/** Whether these are the first bytes of an OVSDB file. */
export function isDatabaseFile(bytes: Uint8Array): boolean {
  return startsWith(bytes, 0, word);
}

/**
 * The records in order, each with its checksum verified.  A last record that the
 * file ends in the midst of is left out and told by `end`: that is how a file
 * looks after its server was killed while it wrote.  Throws `DatabaseError` on
 * anything else that is wrong.
 */
export function* readRecords(bytes: Uint8Array, end: End, checksum?: Checksum): Generator<FileRecord, void> {
  let magic: Magic | undefined;
  for (let offset = 0, number = 1; offset < bytes.length; number++) {
    const place = { record: number, offset };
    const line = firstLine(bytes, offset);
    const header = line === undefined ? undefined : /^OVSDB (JSON|CLUSTER) (\d{1,20}) ([0-9a-fA-F]{40})$/.exec(line);
    if (!header) {
      if (line === undefined && isBeginning(bytes, offset)) {
        end.truncatedAt = offset;
        return;
      }
      throw damaged(bytes, place, describeLine(bytes, offset));
    }
    const kind = header[1] as Magic;
    magic ??= kind;
    if (kind !== magic) throw damaged(bytes, place, `a record of a ${kindOf(kind)} in a ${kindOf(magic)}`);
    const start = offset + header[0].length + 1;
    const length = Number(header[2]);
    if (length === 0) throw damaged(bytes, place, 'its length is 0');
    if (length > bytes.length - start) {
      const next = findRecord(bytes, start);
      if (next !== undefined) {
        const what = `its length is ${length}, but the file ends after ${bytes.length - start} bytes, and the next record begins after ${next - start}`;
        throw damaged(bytes, place, what);
      }
      end.truncatedAt = offset;
      return;
    }
    const record = { number, offset, start, end: start + length };
    const real = checksum ? checksum(bytes.subarray(record.start, record.end)) : sha1(bytes, record.start, record.end);
    const said = header[3].toLowerCase();
    if (real !== said) throw damaged(bytes, place, `its checksum is ${real}, but its first line says ${said}`);
    yield record;
    offset = record.end;
  }
}

const kindOf = (magic: Magic): string => (magic === 'JSON' ? 'standalone database' : 'clustered database');

/** Which kind of file it is; undefined if it does not begin with a whole first line. */
export function magicOf(bytes: Uint8Array): Magic | undefined {
  return startsWith(bytes, 0, 'OVSDB JSON ') ? 'JSON' : startsWith(bytes, 0, 'OVSDB CLUSTER ') ? 'CLUSTER' : undefined;
}

/** The error for a record that is not as it should be, and how much before it is. */
export function damaged(bytes: Uint8Array, place: Place, what: string): DatabaseError {
  const { record, offset } = place;
  const whole = record === 1 ? 'nothing before it can be read' : `the ${record - 1} before it can be read`;
  const message = `record ${record}, at byte ${offset} of ${bytes.length}, is corrupt: ${what}; ${whole}`;
  return new DatabaseError(message, place, offset);
}

/** The line at `offset` without its line feed; undefined if there is none within its greatest length. */
function firstLine(bytes: Uint8Array, offset: number): string | undefined {
  const limit = Math.min(offset + maxLine, bytes.length);
  for (let at = offset; at < limit; at++) {
    if (bytes[at] === 0x0a) return latin1(bytes, offset, at);
  }
  return undefined;
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  return String.fromCharCode(...bytes.subarray(start, end));
}

/** Whether the file ends within the first line of a record, which so far is right. */
function isBeginning(bytes: Uint8Array, offset: number): boolean {
  if (bytes.length - offset > maxLine) return false;
  const rest = latin1(bytes, offset, bytes.length);
  return ['JSON', 'CLUSTER'].some((magic) => {
    const head = `${word}${magic} `;
    return (
      head.startsWith(rest) ||
      (rest.startsWith(head) && /^\d{0,20}( [0-9a-fA-F]{0,40})?$/.test(rest.slice(head.length)))
    );
  });
}

function describeLine(bytes: Uint8Array, offset: number): string {
  let zeros = offset;
  while (zeros < bytes.length && bytes[zeros] === 0) zeros++;
  if (zeros > offset) return `${zeros - offset} zero bytes stand where a record should begin`;
  const found = latin1(bytes, offset, Math.min(offset + 40, bytes.length)).replace(/[^ -~]/g, '.');
  return `it should begin with "OVSDB MAGIC LENGTH SHA1", but begins with "${found}"`;
}

/** The offset of a line after `start` that looks like the first line of a record. */
function findRecord(bytes: Uint8Array, start: number): number | undefined {
  // Within JSON that OVSDB writes, a line feed stands only at the end.
  for (let at = bytes.indexOf(0x0a, start); at >= 0; at = bytes.indexOf(0x0a, at + 1)) {
    if (startsWith(bytes, at + 1, 'OVSDB JSON ') || startsWith(bytes, at + 1, 'OVSDB CLUSTER ')) return at + 1;
  }
  return undefined;
}

function startsWith(bytes: Uint8Array, offset: number, text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    if (bytes[offset + at] !== text.charCodeAt(at)) return false;
  }
  return true;
}

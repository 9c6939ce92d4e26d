/** Files that somebody, or a failing disk, changed: they are read, or refused with the module's own error. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DatabaseError, readDatabase } from '../../engine/ovsdb/file.ts';
import { readNorthbound } from '../../engine/ovsdb/northbound-db.ts';
import { readSouthbound } from '../../engine/ovsdb/southbound-db.ts';
import { prepare } from '../../sim/trace/index.ts';
import { seedAndRuns } from '../oracle/seed.ts';
import { recordOf } from './records.ts';

const { seed, runs } = seedAndRuns(150);
const recording = (name: string): Buffer => readFileSync(new URL(`files/${name}`, import.meta.url));
const names = ['standalone.db', 'clustered.db', 'clustered-compacted.db', 'ovn-sb.db', 'ovn-nb.db'];
const files = new Map(names.map((name) => [name, recording(name)]));
const read = (name: string): Buffer => files.get(name) ?? Buffer.of();

/** Reads, and uses what was read; whatever is thrown but the module's own error fails the test. */
function use(bytes: Uint8Array): 'read' | 'refused' {
  try {
    const file = readDatabase(bytes);
    if (file.schema.name === 'OVN_Southbound') prepare(readSouthbound(file).southbound);
    else readNorthbound(file);
    return 'read';
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    expect(error.message).not.toMatch(/undefined|NaN|\n/);
    return 'refused';
  }
}

/** The records of a file as separate bytes: first line and JSON. */
function split(bytes: Buffer): { line: string; body: Buffer }[] {
  const parts: { line: string; body: Buffer }[] = [];
  for (let at = 0; at < bytes.length; ) {
    const start = bytes.indexOf('\n', at) + 1;
    const line = bytes.subarray(at, start).toString();
    const end = start + Number(line.split(' ')[2]);
    parts.push({ line, body: bytes.subarray(start, end) });
    at = end;
  }
  return parts;
}

const file = fc.constantFrom(...names);
const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const at = (part: number, length: number): number => Math.floor(part * length);

/** Whatever the fuzzer makes of it, the unchanged files are read. */
test('the files as they are', () => {
  expect([...files.values()].map(use)).toEqual(names.map(() => 'read'));
});

/** What the file looks like with one record's JSON changed, and its checksum right again. */
function withBody(bytes: Buffer, which: number, change: (body: Buffer) => Uint8Array): Buffer {
  const magic = bytes.subarray(6, 10).toString() === 'JSON' ? 'JSON' : 'CLUSTER';
  const parts = split(bytes);
  const chosen = at(which, parts.length);
  return Buffer.concat(parts.map(({ body }, index) => recordOf(index === chosen ? change(body) : body, magic)));
}

/** Texts that mean something in a record. */
const tokens = fc.constantFrom(
  ...['{', '}', '[', ']', '"', '\\', ',', ':', 'null', '0', '-1', '1e999', '9'.repeat(400), '"\\u0000"', '"__proto__"'],
  ...[
    '["set",[]]',
    '["map",[["a","b"]]]',
    '["uuid","x"]',
    '{"a":1}',
    '"_is_diff":true',
    '"index":3',
    '"commit_index":9,',
  ],
  ...['['.repeat(5000), '{"a":'.repeat(5000), '\u00ff', '\n', ' '],
);

describe('no crash, no hang, one kind of error:', () => {
  const settings = { seed, numRuns: runs };

  test('cut off', () => {
    fc.assert(
      fc.property(file, place, (name, where) => void use(read(name).subarray(0, at(where, read(name).length)))),
      settings,
    );
  });

  test('bits flipped', () => {
    const flips = fc.array(fc.tuple(place, fc.nat(7)), { minLength: 1, maxLength: 4 });
    const flipped = fc.property(file, flips, (name, changes) => {
      const changed = Buffer.from(read(name));
      for (const [where, bit] of changes) changed[at(where, changed.length)] ^= 1 << bit;
      use(changed);
    });
    fc.assert(flipped, settings);
  });

  test('records swapped, left out, doubled', () => {
    const order = fc.array(fc.tuple(fc.constantFrom('swap', 'drop', 'double'), place, place), {
      minLength: 1,
      maxLength: 5,
    });
    const reordered = fc.property(file, order, (name, moves) => {
      const parts = split(read(name));
      for (const [move, a, b] of moves) {
        if (parts.length === 0) break;
        const [from, to] = [at(a, parts.length), at(b, parts.length)];
        const [taken] = parts.splice(from, move === 'double' ? 0 : 1);
        if (move !== 'drop') parts.splice(to, 0, taken ?? (parts[from] as (typeof parts)[number]));
      }
      use(Buffer.concat(parts.flatMap(({ line, body }) => [Buffer.from(line), body])));
    });
    fc.assert(reordered, settings);
  });

  test('lengths that lie', () => {
    const lengths = fc.constantFrom('0', '1', '-1', '00', '4294967296', '9'.repeat(20), '9'.repeat(40), '1e9', 'x', '');
    const lying = fc.property(file, place, lengths, (name, which, length) => {
      const parts = split(read(name));
      const chosen = at(which, parts.length);
      const lied = (line: string) => line.replace(/(\S+ \S+) \S+/, `$1 ${length}`);
      const changed = parts.flatMap(({ line, body }, index) => [
        Buffer.from(index === chosen ? lied(line) : line),
        body,
      ]);
      use(Buffer.concat(changed));
    });
    fc.assert(lying, settings);
  });

  test('JSON that is not what it was, with the right checksum', () => {
    const edits = fc.array(fc.tuple(place, tokens, fc.nat(12)), { minLength: 1, maxLength: 4 });
    const outcomes = { read: 0, refused: 0 };
    const edited = fc.property(file, place, edits, (name, which, changes) => {
      const changed = withBody(read(name), which, (body) => {
        let text = body.toString('latin1');
        for (const [where, token, gone] of changes) {
          const start = at(where, text.length);
          text = text.slice(0, start) + token + text.slice(start + gone);
        }
        return Buffer.from(text, 'latin1');
      });
      outcomes[use(changed)]++;
    });
    fc.assert(edited, settings);
    expect(outcomes.refused).toBeGreaterThan(0);
  });

  test('values that are JSON, but of other types', () => {
    const values = fc.oneof(
      fc.jsonValue({ maxDepth: 3 }),
      fc.constantFrom(1e300, -1, '', ['set', []], ['map', []], null),
    );
    const edited = fc.property(file, place, fc.nat(), values, (name, which, member, value) => {
      use(
        withBody(read(name), which, (body) =>
          Buffer.from(JSON.stringify(replaced(JSON.parse(body.toString()), member, value))),
        ),
      );
    });
    fc.assert(edited, settings);
  });
});

/** A copy with one of its members, somewhere in it, replaced. */
function replaced(json: unknown, member: number, value: unknown): unknown {
  if (typeof json !== 'object' || json === null) return value;
  const keys = Object.keys(json);
  if (keys.length === 0 || member % 7 === 0) return value;
  const chosen = keys[member % keys.length] ?? '';
  const copy: Record<string, unknown> = Array.isArray(json) ? (Object.assign([], json) as never) : { ...json };
  copy[chosen] = replaced(copy[chosen], Math.floor(member / 7), value);
  return copy;
}

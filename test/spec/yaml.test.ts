import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { maxDocuments, maxLexemes, maxMarks, maxTextLength } from '../../engine/spec/limits.ts';
import { readYaml } from '../../engine/spec/yaml.ts';

const values = (text: string) => readYaml(text).documents.map(({ value }) => value);
const complaints = (text: string) => {
  const read = readYaml(text);
  return read.complaints.map(({ id, offset }) => {
    const { line, column } = read.position(offset);
    return `${id} ${line}:${column}`;
  });
};

describe('values are those that kubectl would read', () => {
  test.each<[string, unknown]>([
    ['a: yes', { a: true }],
    ['a: Off', { a: false }],
    ['a: "yes"', { a: 'yes' }],
    ['a: 010', { a: 8 }],
    ['a: 0x10', { a: 16 }],
    ['a: 1.5', { a: 1.5 }],
    ['a: 12:30:45', { a: '12:30:45' }],
    ['a: 02:00:00:00:00:01', { a: '02:00:00:00:00:01' }],
    ['a: ~', { a: null }],
    ['on: 1', { on: 1 }],
    ['1: a', { 1: 'a' }],
    ['{"a": [1, {"b": null}]}', { a: [1, { b: null }] }],
    ['a: |\n  x\n  y\n', { a: 'x\ny\n' }],
    ['\ufeffa: 1', { a: 1 }],
    ['a: 1\r\nb: 2\r\n', { a: 1, b: 2 }],
    ['constructor: 1\ntoString: 2', { constructor: 1, toString: 2 }],
    ['a: &x {b: 1}\nc: *x', { a: { b: 1 }, c: { b: 1 } }],
    ['a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  c: 3', { a: { b: 1, c: 2 }, d: { c: 3, b: 1 } }],
    ['a: &x {b: 1}\nc: &y {b: 2, d: 3}\ne:\n  <<: [*x, *y]', { a: { b: 1 }, c: { b: 2, d: 3 }, e: { b: 1, d: 3 } }],
    ['a: &x 1\nb: *x\nc: &x 2\nd: *x', { a: 1, b: 1, c: 2, d: 2 }],
  ])('%j', (text, expected) => {
    expect(readYaml(text).complaints).toEqual([]);
    expect(values(text)).toEqual([expected]);
  });

  test('of several documents, empty ones left out', () => {
    expect(values('---\na: 1\n---\n---\n# nothing\n---\nb: 2\n...\n')).toEqual([{ a: 1 }, { b: 2 }]);
    expect(values('')).toEqual([]);
  });
});

test('every field and item has its place', () => {
  const read = readYaml('first: 1\nlist:\n  - a\n  - key: value\n');
  const [{ value, places, start }] = read.documents;
  const root = value as { list: object[] };
  const at = (object: object, segment: string | number) => {
    const place = places.get(object)?.get(segment);
    return (
      place && [read.position(place.key), read.position(place.value)].map(({ line, column }) => `${line}:${column}`)
    );
  };
  expect(read.position(start)).toEqual({ line: 1, column: 1 });
  expect(at(root, 'list')).toEqual(['2:1', '3:3']);
  expect(at(root.list, 0)).toEqual(['3:5', '3:5']);
  expect(at(root.list[1], 'key')).toEqual(['4:5', '4:10']);
});

test('what is merged keeps its place', () => {
  const read = readYaml('a: &x\n  b: 1\nc:\n  <<: *x\n');
  const { c } = read.documents[0].value as { c: object };
  expect(read.position(read.documents[0].places.get(c)?.get('b')?.value ?? 0)).toEqual({ line: 2, column: 6 });
});

describe('mistakes are told with their place', () => {
  test.each<[string, string[]]>([
    ['a: 1\na: 2\nb: 1\nb: 2', ['yaml-duplicate-key 2:1', 'yaml-duplicate-key 4:1']],
    ['a:\n\tb: 1', ['yaml-syntax 2:1']],
    ['a: [1', ['yaml-syntax 1:6']],
    ['a: *x', ['yaml-alias 1:4']],
    ['a: &x [*x]', ['yaml-alias 1:8']],
    ['a: &x\n  b: &y [*x]\nc: *y', ['yaml-alias 2:10', 'yaml-alias 2:10']],
    ['a: &x 1\nb:\n  <<: *x', ['yaml-alias 3:3']],
    ['__proto__: {polluted: true}', ['yaml-key 1:1']],
    ['"__proto__": {polluted: true}', ['yaml-key 1:1']],
    ['? [a]\n: 1', ['yaml-syntax 1:3']],
    ['a: !!python/object 1', ['yaml-syntax 1:4']],
  ])('%j', (text, expected) => expect(complaints(text)).toEqual(expected));

  test('and do not keep other documents from being read', () => {
    const read = readYaml('a: [1\n---\nb: 2\n');
    expect(read.complaints.map(({ id }) => id)).toEqual(['yaml-syntax']);
    expect(values('b: 2\n---\na: 1\na: 1\n---\nc: 3')).toEqual([{ b: 2 }, { c: 3 }]);
  });

  test('and objects keep their prototype', () => {
    readYaml('__proto__: {polluted: true}\na: {<<: {__proto__: {polluted: true}}}');
    expect({}).not.toHaveProperty('polluted');
  });
});

describe('hostile text ends in one clear complaint', () => {
  const bomb = ['a0: &a0 [x,x,x,x,x,x,x,x,x]'];
  for (let level = 1; level < 12; level++)
    bomb.push(
      `a${level}: &a${level} [${Array(9)
        .fill(`*a${level - 1}`)
        .join(',')}]`,
    );
  const indented = Array.from({ length: 500 }, (_, level) => `${' '.repeat(level)}a:`).join('\n');
  test.each<[string, string, string]>([
    ['more than the limit', ' '.repeat(maxTextLength + 1), 'file-too-large'],
    ['random control characters', 'a: \u0001\u0002', 'not-text'],
    ['NUL characters', '\0'.repeat(1e6), 'not-text'],
    ['alias bomb', bomb.join('\n'), 'yaml-alias'],
    ['cycle at the root', '&a [*a]', 'yaml-alias'],
    ['open brackets', '['.repeat(1e6), 'yaml-depth'],
    ['open braces', '{a: '.repeat(3e5), 'yaml-depth'],
    ['lists in lists', '- '.repeat(5e5), 'yaml-depth'],
    ['complex keys', '? '.repeat(5e5), 'yaml-depth'],
    ['deep indentation', indented, 'yaml-depth'],
    ['closing brackets', ']'.repeat(1e6), 'yaml-syntax'],
    ['closing brackets on lines', ']\n'.repeat(5e5), 'yaml-syntax'],
    ['tabs', 'a:\n\tb\n'.repeat(2e5), 'yaml-syntax'],
    ['an open quote', `a: "${'x\n '.repeat(1e6)}`, 'yaml-syntax'],
    ['anchors', '- &a x\n'.repeat(maxMarks * 2), 'yaml-alias'],
    ['tags', '!a '.repeat(3e5), 'yaml-alias'],
    ['directives', '%a\n'.repeat(3e5), 'yaml-alias'],
    ['values', '- 1\n'.repeat(maxLexemes / 2), 'file-too-large'],
    ['documents', '---\n'.repeat(maxDocuments + 10), 'file-too-large'],
    ['keys', Array.from({ length: maxLexemes / 4 }, (_, index) => `k${index}: 1`).join('\n'), 'file-too-large'],
  ])('%s', (_, text, id) => {
    const found = readYaml(text).complaints;
    expect(found.length).toBeGreaterThan(0);
    expect(found.length).toBeLessThanOrEqual(11);
    expect(new Set(found.map((complaint) => complaint.id))).toEqual(new Set([id]));
  });

  test('equal keys are told of a few times', () => {
    expect(readYaml('a: 1\n'.repeat(5e4)).complaints.length).toBeLessThan(20);
  });

  const sign = fc.constantFrom(...':-?[]{},\n #&*!|>%@`"\'a1\t\r<~\u00e9\u2028');
  test('whatever it is', () => {
    const junk = fc.oneof(fc.string({ unit: 'binary', maxLength: 200 }), fc.string({ unit: sign, maxLength: 200 }));
    fc.assert(
      fc.property(junk, (text) => {
        const read = readYaml(text);
        for (const { offset, message } of read.complaints) {
          const { line, column } = read.position(offset);
          expect(offset).toBeLessThanOrEqual(text.length + 1);
          expect(line).toBeGreaterThan(0);
          expect(column).toBeGreaterThan(0);
          expect(message).not.toBe('');
        }
      }),
      { numRuns: 500 },
    );
  });

  test('whatever is made of a manifest', () => {
    const text = 'apiVersion: v1\nkind: Node\nmetadata: &m\n  name: "a"\n  labels: {a: b, c: [1, *m]}\n';
    fc.assert(
      fc.property(fc.nat(text.length), fc.nat(8), fc.string({ unit: sign, maxLength: 4 }), (at, length, inserted) => {
        readYaml(text.slice(0, at) + inserted + text.slice(at + length));
      }),
      { numRuns: 500 },
    );
  });
});

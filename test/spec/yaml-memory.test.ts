/** A text that is read with a memory of others is what it is by itself. LFLOW_SEED and LFLOW_RUNS (500). */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { maxDocuments, maxLexemes, maxMarks, maxTextLength } from '../../engine/spec/limits.ts';
import { readManifests } from '../../engine/spec/read.ts';
import { readYaml, type YamlText } from '../../engine/spec/yaml.ts';
import { openYamlMemory } from '../../engine/spec/yaml-memory.ts';
import { seedAndRuns } from '../oracle/seed.ts';

const { seed, runs } = seedAndRuns(500);

/** All that a text says, and where. */
function said({ documents, complaints, position }: YamlText): unknown {
  return {
    complaints: complaints.map((one) => ({ ...one, at: position(one.offset) })),
    documents: documents.map(({ value, start, places }) => {
      const at: unknown[] = [];
      const look = (one: unknown): void => {
        if (typeof one !== 'object' || one === null) return;
        for (const [segment, { key, value: to }] of places.get(one) ?? [])
          at.push(segment, position(key), position(to));
        for (const each of Object.values(one)) look(each);
      };
      look(value);
      return { value, start: position(start), at };
    }),
  };
}

const line = fc.constantFrom(
  ...['a: 1', 'b: [1, 2]', 'c: &x {d: e}', 'f: *x', '  g: h', '- i', '---', '--- ', '---\t', '--- j: k', '---l', '...'],
  ...[
    '%YAML 1.2',
    '# m',
    'n: "o',
    'p"',
    'q: |',
    '>',
    '--- |',
    "'",
    '',
    ' ',
    '\tr',
    '---\r',
    's: {',
    '}',
    '<<: *x',
    '\ufeff',
  ],
);
const sign = fc.constantFrom(...':-?[]{},\n #&*!|>%@`"\'a1\t\r<~\u2028.');
const text = fc
  .array(fc.oneof({ weight: 6, arbitrary: line }, { weight: 1, arbitrary: fc.string({ unit: sign, maxLength: 9 }) }), {
    maxLength: 12,
  })
  .chain((lines) => fc.constantFrom('\n', '\r\n').map((end) => lines.join(end)));

test('texts that follow each other are what each of them is by itself', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(text, fc.boolean()), { minLength: 1, maxLength: 4 }), (texts) => {
      const memory = openYamlMemory();
      let before = '';
      for (const [one, isMore] of texts) {
        before = isMore ? `${one}\n---\n${before}` : one;
        for (const _ of [1, 2]) expect(said(memory.read(before))).toEqual(said(readYaml(before)));
        memory.forget();
      }
    }),
    { seed, numRuns: runs },
  );
});

describe('what a file as a whole may hold is what it may hold with a memory', () => {
  test.each<[string, string]>([
    ['characters', `${'# x\n'.repeat(maxTextLength / 8)}---\n${'# x\n'.repeat(maxTextLength / 8)}`],
    ['words', `${'- 1\n'.repeat(maxLexemes / 12)}---\n`.repeat(4)],
    ['anchors', `${'- &a x\n'.repeat(maxMarks / 2 + 1)}---\n`.repeat(2)],
    ['tabs', `${'a: 1\n\t\n'.repeat(1)}---\n`.repeat(maxMarks + 1)],
    ['documents', '---\n'.repeat(maxDocuments + 10)],
  ])('%s', (_, long) => {
    const whole = readYaml(long);
    expect(whole.complaints.length).toBeGreaterThan(0);
    expect(said(openYamlMemory().read(long))).toEqual(said(whole));
  });
});

test('who changes what was read changes nobody else’s', () => {
  const memory = openYamlMemory();
  const one = 'a: {b: 1}\n---\nc: 2\n';
  const { documents } = memory.read(one);
  Object.assign(documents[0]?.value as object, { a: 3 });
  expect(said(memory.read(one))).toEqual(said(readYaml(one)));
});

test('manifests that are read again are what they are by themselves, in other places too', () => {
  const node = (name: string) => `apiVersion: v1\nkind: Node\nmetadata: {name: ${name}, labels: {a: null}}\n`;
  const memory = openYamlMemory();
  for (const names of [['a', 'b'], ['a', 'c', 'b'], ['b'], ['b', 'b']]) {
    const files = [{ file: 'nodes.yaml', text: names.map(node).join('---\n') }];
    const [one, other] = [readManifests(files, { memory }), readManifests(files)];
    expect(one.problems).toEqual(other.problems);
    expect(one.resources.nodes.map(({ name, origin }) => [name, origin])).toEqual(
      other.resources.nodes.map(({ name, origin }) => [name, origin]),
    );
    expect(one.resources.nodes.map(({ at }) => at('metadata.name'))).toEqual(
      other.resources.nodes.map(({ at }) => at('metadata.name')),
    );
  }
});

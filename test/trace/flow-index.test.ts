import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  candidates,
  following,
  type IndexedFlow,
  isGuarded,
  isPassed,
  markPassed,
  newIndexCode,
  nextCandidate,
  numberOf,
  writeIndex,
} from '../../sim/trace/flow-index.ts';
import type { WordTest } from '../../sim/trace/matcher.ts';

const word = fc
  .record({ at: fc.nat(2), mask: fc.constantFrom(-1, 1, 6), value: fc.nat(7) })
  .map(({ at, mask, value }) => ({ at, mask, value: value & mask }));
const required = fc.uniqueArray(word, { maxLength: 3, selector: ({ at }) => at });
const choice = fc.array(fc.array(word, { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 3 });
const table = fc.array(fc.record({ required, choices: fc.array(choice, { maxLength: 2 }), isGuarded: fc.boolean() }), {
  maxLength: 40,
});

function hold(tests: readonly WordTest[], words: Uint32Array): boolean {
  return tests.every(({ at, mask, value }) => ((words[at] as number) & mask) === value);
}

function matches({ required: tests, choices }: IndexedFlow, words: Uint32Array): boolean {
  return hold(tests, words) && choices.every((alternatives) => alternatives.some((all) => hold(all, words)));
}

/** The numbers of all that get what they insist on, in order, and whether they ask for more. */
function found(code: Int32Array, start: number, words: Uint32Array): [number, boolean][] {
  const list: [number, boolean][] = [];
  let at = nextCandidate(code, words, candidates(code, start, words));
  for (; at > 0; at = nextCandidate(code, words, following(code, at))) {
    list.push([numberOf(code, at), isGuarded(code, at)]);
  }
  return list;
}

test('the first flow that matches is found, and all that match are kept in order, in each of several tables', () => {
  fc.assert(
    fc.property(
      fc.array(table, { minLength: 1, maxLength: 3 }),
      fc.array(fc.nat(7), { minLength: 3, maxLength: 3 }),
      (all, values) => {
        const words = Uint32Array.from(values);
        const code = newIndexCode();
        const tables = all.map((flows, i) => flows.map((flow, j) => ({ ...flow, number: 100 * i + j })));
        const starts = tables.map((flows) => writeIndex(code, flows));
        for (const [i, flows] of tables.entries()) {
          const matching = flows.filter((flow) => matches(flow, words));
          expect(found(code.words, starts[i] ?? 0, words)).toEqual(
            matching.map((flow) => [flow.number, flow.isGuarded]),
          );
        }
      },
    ),
  );
});

function insisting(value: number, number: number): IndexedFlow {
  return { number, required: [{ at: 0, mask: -1, value }], choices: [], isGuarded: false };
}

test('a flow of many that insist on different values is found without the others', () => {
  const code = newIndexCode();
  const values = Array.from({ length: 1000 }, (_, i) => (Math.imul(i, 0x01000193) ^ (i << 24)) | 0);
  const start = writeIndex(code, values.map(insisting));
  for (const [number, value] of values.entries()) {
    const leaf = candidates(code.words, start, Uint32Array.of(value));
    expect(numberOf(code.words, leaf)).toBe(number);
    expect(numberOf(code.words, following(code.words, leaf))).toBe(-1);
  }
  expect(numberOf(code.words, candidates(code.words, start, Uint32Array.of(0x7fffffff)))).toBe(-1);
});

test('a mark is of one flow and changes nothing else', () => {
  const code = newIndexCode();
  const words = Uint32Array.of(5);
  const start = writeIndex(code, [insisting(5, 7), { ...insisting(5, 8), isGuarded: true }]);
  const first = nextCandidate(code.words, words, candidates(code.words, start, words));
  const second = following(code.words, first);
  markPassed(code.words, second);
  expect([first, second].map((at) => isPassed(code.words, at))).toEqual([false, true]);
  expect(found(code.words, start, words)).toEqual([
    [7, false],
    [8, true],
  ]);
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { candidates, type FlowIndex, type IndexedFlow, indexFlows, nextCandidate } from '../../sim/trace/flow-index.ts';

const word = fc.record({ at: fc.nat(2), mask: fc.constantFrom(-1, 1, 6), value: fc.nat(7) });
const required = fc.uniqueArray(
  word.map(({ at, mask, value }) => ({ at, mask, value: value & mask })),
  { maxLength: 3, selector: ({ at }) => at },
);

function matches({ required: tests }: IndexedFlow<number>, words: Uint32Array): boolean {
  return tests.every(({ at, mask, value }) => ((words[at] as number) & mask) === value);
}

/** All that get what they insist on, in order. */
function found(index: FlowIndex<number>, words: Uint32Array): number[] {
  const leaf = candidates(index, words);
  const list: number[] = [];
  for (let i = nextCandidate(leaf, words, 0); i >= 0; i = nextCandidate(leaf, words, i + 1)) {
    list.push(leaf.flows[i] as number);
  }
  return list;
}

test('the first flow that matches is found, and all that match are kept in order', () => {
  fc.assert(
    fc.property(
      fc.array(required, { maxLength: 40 }),
      fc.array(fc.nat(7), { minLength: 3, maxLength: 3 }),
      (all, values) => {
        const flows = all.map((tests, flow) => ({ flow, required: tests }));
        const words = Uint32Array.from(values);
        const matching = (flow: number) => matches(flows[flow] as IndexedFlow<number>, words);
        expect(found(indexFlows(flows), words)).toEqual(flows.map(({ flow }) => flow).filter(matching));
      },
    ),
  );
});

test('a flow of many that insist on different values is found without the others', () => {
  const flows = Array.from({ length: 1000 }, (_, flow) => ({ flow, required: [{ at: 0, mask: -1, value: flow }] }));
  expect(candidates(indexFlows(flows), Uint32Array.of(77)).flows).toEqual([77]);
});

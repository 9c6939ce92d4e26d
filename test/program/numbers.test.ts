import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FlowNumbers } from '../../engine/program/numbers.ts';
import { flowOf } from './classifying.ts';

test('random generations: no number twice, the same flow keeps its own, and one that was freed rests a generation', () => {
  const generation = fc.uniqueArray(fc.record({ uuid: fc.nat(12), actions: fc.constantFrom('next;', 'drop;') }), {
    selector: ({ uuid, actions }) => `${uuid} ${actions}`,
    maxLength: 20,
  });
  fc.assert(
    fc.property(fc.array(generation, { minLength: 2, maxLength: 8 }), (generations) => {
      const numbers = new FlowNumbers();
      let before = new Map<string, number>();
      for (const flows of generations) {
        numbers.begin();
        const now = new Map<string, number>();
        for (const { uuid, actions } of flows) {
          now.set(`${uuid} ${actions}`, numbers.of(flowOf(1, '1', { uuid: `${uuid}`, actions })));
        }
        expect(new Set(now.values()).size).toBe(now.size);
        const others = new Map([...before].map(([flow, number]) => [number, flow]));
        for (const [flow, number] of now) {
          expect(number).toBeLessThan(numbers.end);
          expect(number).toBe(before.get(flow) ?? number);
          // What counted for a flow that went does not count for another one at once.
          expect(others.get(number) ?? flow).toBe(flow);
        }
        before = now;
      }
    }),
  );
});

test('numbers of flows that went are given out again in the end', () => {
  const numbers = new FlowNumbers();
  for (let i = 0; i < 100; i++) {
    numbers.begin();
    numbers.of(flowOf(1, '1', { uuid: `${i}` }));
  }
  expect(numbers.end).toBeLessThan(5);
});

test('hundreds of thousands of flows may go at once', () => {
  const numbers = new FlowNumbers();
  numbers.begin();
  const flow = flowOf(1, '1');
  for (let i = 0; i < 300_000; i++) numbers.of({ ...flow, uuid: `${i}` });
  for (let i = 0; i < 3; i++) numbers.begin();
  expect(numbers.of(flow)).toBeLessThan(300_000);
});

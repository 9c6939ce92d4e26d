import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LogicalFlow } from '../../engine/ovsdb/southbound.ts';
import { FlowNumbers, type NumberedFlows, sameFlows } from '../../engine/program/numbers.ts';
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
      let table: NumberedFlows | undefined;
      for (const flows of generations) {
        numbers.begin();
        const now = new Map<string, number>();
        const there = flows.map(({ uuid, actions }) => flowOf(1, '1', { uuid: `${uuid}`, actions }));
        table = { flows: there, numbers: numbers.of(there, table) };
        for (const [index, { uuid, actions }] of flows.entries()) {
          now.set(`${uuid} ${actions}`, table.numbers[index] as number);
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
  let table: NumberedFlows | undefined;
  for (let i = 0; i < 100; i++) {
    numbers.begin();
    const flows = [flowOf(1, '1', { uuid: `${i}` })];
    table = { flows, numbers: numbers.of(flows, table) };
  }
  expect(numbers.end).toBeLessThan(5);
});

test('hundreds of thousands of flows may go at once', () => {
  const numbers = new FlowNumbers();
  numbers.begin();
  const flow = flowOf(1, '1');
  const flows = Array.from({ length: 300_000 }, (_, i): LogicalFlow => ({ ...flow, uuid: `${i}` }));
  numbers.release(numbers.of(flows));
  for (let i = 0; i < 2; i++) numbers.begin();
  expect(numbers.of([flow])[0]).toBeLessThan(300_000);
});

test('where a flow comes from tells tables apart, though not its number', () => {
  const [one, other] = [flowOf(1, '1', { uuid: 'a', hint: 'x' }), flowOf(1, '1', { uuid: 'a', hint: 'y' })];
  expect(sameFlows([one], [{ ...one }])).toBe(true);
  expect(sameFlows([one], [other])).toBe(false);
  expect(sameFlows([one], [one, one])).toBe(false);
  const numbers = new FlowNumbers();
  const before = { flows: [one], numbers: numbers.of([one]) };
  expect(numbers.of([other], before)).toEqual(before.numbers);
});

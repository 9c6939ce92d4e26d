import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { inOrder } from '../../cli/in-order.ts';

async function all<T>(results: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const one of results) list.push(one);
  return list;
}

test('results come in the order of the list, whichever is done first, and so many are done at once', async () => {
  let running = 0;
  let most = 0;
  const work = async (ms: number, index: number): Promise<string> => {
    running += 1;
    most = Math.max(most, running);
    await setTimeout(ms);
    running -= 1;
    return `${index}: ${ms}`;
  };
  expect(await all(inOrder([30, 1, 10, 2, 1], 2, work))).toEqual(['0: 30', '1: 1', '2: 10', '3: 2', '4: 1']);
  expect(most).toBe(2);
  expect(await all(inOrder([], 2, work))).toEqual([]);
});

test('a result is there as soon as those before it are', async () => {
  let open: () => void = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const results = inOrder([1, 2], 2, async (one) => {
    if (one === 2) await gate;
    return one;
  });
  expect(await results.next()).toEqual({ value: 1, done: false });
  open();
  expect(await results.next()).toEqual({ value: 2, done: false });
  expect(await results.next()).toEqual({ value: undefined, done: true });
});

test('what fails is told in its turn, and nothing is begun after that', async () => {
  const begun: number[] = [];
  const told: number[] = [];
  const work = async (one: number): Promise<number> => {
    begun.push(one);
    await setTimeout(one === 1 ? 20 : 1);
    if (one === 2) throw new Error('two cannot be done');
    return one;
  };
  const reading = async (): Promise<void> => {
    for await (const one of inOrder([1, 2, 3, 4, 5, 6, 7], 2, work)) {
      told.push(one);
      await setTimeout(1);
    }
  };
  await expect(reading()).rejects.toThrow('two cannot be done');
  expect(told).toEqual([1]);
  const sofar = begun.length;
  await setTimeout(30);
  expect(begun.length - sofar).toBeLessThanOrEqual(1);
});

import { expect, test } from 'vitest';
import { isSame } from '../engine/same.ts';
import { plainOf } from '../sim/jobs/plain.ts';

const shared = { line: 3 };
const data = () => ({
  list: [1n, 'a', undefined, null],
  map: new Map<string, unknown>([['x', { y: [shared, shared] }]]),
  set: new Set([1, 2]),
  find: () => 1,
});

test('data is the same however it was made', () => {
  expect(isSame(data(), data())).toBe(true);
  expect(isSame(data(), structuredClone(plainOf(data())))).toBe(false);
  expect(isSame(plainOf(data()), structuredClone(plainOf(data())))).toBe(true);
});

test.each<[unknown, unknown]>([
  [1, 1n],
  [[1, 2], [1]],
  [[1], new Set([1])],
  [{ a: 1 }, { a: 1, b: undefined }],
  [{ a: undefined }, { b: undefined }],
  [new Map([['a', 1]]), new Map([['a', 2]])],
  [new Map([['a', 1]]), { a: 1 }],
  [new Set([1]), new Set([2])],
  [null, {}],
  [() => 1, {}],
])('%o is not %o', (a, b) => {
  expect(isSame(a, b)).toBe(false);
  expect(isSame(b, a)).toBe(false);
});

test('fields that are not to be read say nothing, however deep, and others do', () => {
  const unread = new Set(['place']);
  const at = (place: unknown, name: string) => ({ rows: new Map([['a', [{ name, place }]]]) });
  expect(isSame(at(1, 'x'), at(2, 'x'), unread)).toBe(true);
  expect(isSame(at(1, 'x'), at(2, 'x'))).toBe(false);
  expect(isSame(at(1, 'x'), at(1, 'y'), unread)).toBe(false);
  expect(isSame({ a: 1, place: 1 }, { a: 1 }, unread)).toBe(true);
  expect(isSame({ a: 1 }, { a: 1, place: 1 }, unread)).toBe(true);
  expect(isSame({ a: 1, place: 1 }, { a: 1, b: 1 }, unread)).toBe(false);
});

test('plain data is without functions, and what was one object stays one', () => {
  const { map, ...rest } = plainOf(data());
  expect('find' in rest).toBe(false);
  const { y } = map.get('x') as { y: object[] };
  expect(y[0]).toBe(y[1]);
  expect(y[0]).toEqual(shared);
});

/** The table of answers: what was put is found by all who share it, the newest of a set stay. */
import { expect, test } from 'vitest';
import { Answers, answersMemory } from '../../engine/node/workers/answers.ts';

/** Fingerprints of one set differ by this. */
const sets = 1 << 14;
const ways = 8;

test('what one puts the other gets, and what is put again is overwritten', () => {
  const memory = answersMemory();
  const [one, other] = [new Answers(memory), new Answers(memory)];
  expect(other.seeds).toEqual(one.seeds);
  expect(other.get(5, -7)).toBe(undefined);
  one.put(5, -7, 0);
  one.put(5, 7, 2);
  expect([other.get(5, -7), other.get(5, 7), other.get(-7, 5)]).toEqual([0, 2, undefined]);
  other.put(5, -7, 1);
  expect([one.get(5, -7), one.size]).toEqual([1, 2]);
});

test('of a set that is full the oldest goes, and no other', () => {
  const answers = new Answers(answersMemory());
  for (let i = 0; i < 5 * ways; i++) {
    answers.put(3 + i * sets, i, i % 4);
    for (let k = 0; k <= i; k++) expect(answers.get(3 + k * sets, k)).toBe(k > i - ways ? k % 4 : undefined);
  }
  answers.put(4, 0, 3);
  expect(answers.get(4, 0)).toBe(3);
  expect(answers.size).toBe(ways + 1);
});

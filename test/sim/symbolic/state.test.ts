/** What is kept of packets that are parted: which they are, and what they were told. */
import { describe, expect, test } from 'vitest';
import { answeredBy, limited, packetsOf } from '../../../sim/symbolic/state.ts';
import { trialOf } from './runs.ts';

const { run, state, is } = trialOf({ ports: { a: {} }, flows: ['0 0 1 => drop;'] });
const { space } = run;
const [tcp, udp] = [is('ip.proto', 6), is('ip.proto', 17)];

test('guards part packets, and what is left is what was there', () => {
  const some = limited(run, state(space.not(udp)), tcp);
  expect(some && packetsOf(run, some)).toBe(tcp);
  expect(some && limited(run, some, udp)).toBeUndefined();
  expect(limited(run, state(udp), tcp)).toBeUndefined();
  const whole = state(tcp);
  expect(limited(run, whole, space.all)).toBe(whole);
});

describe('questions', () => {
  test('that were asked before are answered by the same field, others by the next one', () => {
    expect(answeredBy([], 'q')).toEqual({ n: 0, asked: ['q'] });
    expect(answeredBy(['p', 'q'], 'q')).toEqual({ n: 1, asked: ['p', 'q'] });
    expect(answeredBy(['p', 'q'], 'r')).toEqual({ n: 2, asked: ['p', 'q', 'r'] });
  });

  test('of which it is not known which was asked answer none', () => {
    expect(answeredBy([undefined], 'q')).toEqual({ n: 1, asked: [undefined, 'q'] });
  });
});

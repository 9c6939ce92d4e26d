/** Port security is what a chassis' own tables let pass: the very sets, of flows that are made of the same entries. */
import { describe, expect, test } from 'vitest';
import { portSecurityFlows } from '../../../engine/program/port-security.ts';
import { matchSet } from '../../../sim/policy/packets.ts';
import { at, type Certainty } from '../../../sim/symbolic/index.ts';
import { secured } from '../../../sim/symbolic/security.ts';
import { write } from '../../../sim/symbolic/store.ts';
import { choiceOf, constantOf, unknownOf } from '../../../sim/symbolic/value.ts';
import { trialOf } from './runs.ts';

const [a, b] = ['02:00:00:00:00:0a', '02:00:00:00:00:0b'];

const entries: readonly (readonly string[])[] = [
  [],
  [a],
  [`${a} 10.0.0.7`],
  [`${a} 10.0.0.0/24`],
  [`${a} 10.0.0.7/24`],
  [`${a} fd00::7`],
  [`${a} 10.0.0.7 fd00::/64`],
  [`${a} fd00::7/64 fd01::7`],
  [a, `${a} 10.0.0.7`],
  [a, b],
  [`${a} 10.0.0.7`, `${b} fd00::7`],
  [`${a} 10.0.0.7 fd00::7`, `${b} 10.0.0.8 fd00::8`],
  [b, `${a} fd00::/64`],
];

const ports = Object.fromEntries(entries.map((portSecurity, n) => [`p${n}`, { portSecurity: [...portSecurity] }]));
const { run, here } = trialOf({ ports, flows: ['0 0 1 => drop;'] });
const { space, stores } = run;
const numbers = entries.map((_, n) => run.network.ports.get(`p${n}`)?.number ?? 0);
const at20 = (number: number) => constantOf(stores.values, 20, BigInt(number));
const portAt = (place: number, n: number) => write(stores, stores.initial, place, at20(numbers[n] ?? 0));

/** What the chassis' tables let pass of one port: what meets no flow is allowed. */
function allowed(n: number, pipeline: 'ingress' | 'egress', table = 0): number {
  const port = run.network.ports.get(`p${n}`);
  const flows = port ? portSecurityFlows([port.binding]).filter((one) => one.pipeline === pipeline) : [];
  const [first = 0] = flows.map((one) => one.table).sort((x, y) => x - y);
  const here_ = flows.filter((one) => one.table === first + table);
  let rest = space.all;
  let passing = space.empty;
  for (const priority of [...new Set(here_.map((one) => one.priority))].sort((x, y) => y - x)) {
    const alike = here_.filter((one) => one.priority === priority);
    let met = space.empty;
    for (const { match, actions } of alike) {
      const matches = matchSet(space, match.replace(/^\w+ == "[^"]*"( && )?/, '') || '1');
      const own = space.and(rest, matches);
      met = space.or(met, own);
      const some = actions.startsWith('output')
        ? own
        : actions.startsWith('next')
          ? space.and(own, allowed(n, pipeline, table + 1))
          : space.empty;
      passing = space.or(passing, some);
    }
    rest = space.diff(rest, met);
  }
  return space.or(passing, rest);
}

describe.each([
  ['inport', at.inport, 'ingress'],
  ['outport', at.outport, 'egress'],
] as const)('%s', (end, place, pipeline) => {
  const set = (n: number, certainty: Certainty = 'may') => secured(run, here, portAt(place, n), end, certainty);

  test.each(entries.map((list, n) => [list.join(' and '), n] as const))('"%s"', (_, n) => {
    expect(set(n)).toBe(allowed(n, pipeline));
    expect(set(n, 'must')).toBe(set(n));
    expect(set(n) === space.all).toBe(n === 0);
  });

  test('of several ports, each packet passes that of its own', () => {
    const left = space.cube([{ field: at.ethType, value: 0x800n, mask: 0xffffn }]);
    const value = choiceOf(stores.values, space, [
      { packets: left, value: at20(numbers[2] ?? 0) },
      { packets: space.not(left), value: at20(numbers[5] ?? 0) },
    ]);
    const both = secured(run, here, write(stores, stores.initial, place, value), end, 'may');
    expect(both).toBe(space.or(space.and(left, set(2)), space.diff(set(5), left)));
  });

  test('of what is not known, nothing passes surely, and what may pass does', () => {
    const mac = end === 'inport' ? at.ethSrc : at.ethDst;
    const vague = write(stores, portAt(place, 2), mac, unknownOf(stores.values, 48));
    expect(secured(run, here, vague, end, 'must')).toBe(space.empty);
    const may = secured(run, here, vague, end, 'may');
    expect(may).toBe(space.forget(set(2), [mac]));
    expect(may).not.toBe(space.empty);
  });
});

test('of a port that is not known, nothing passes surely', () => {
  const vague = write(stores, stores.initial, at.outport, unknownOf(stores.values, 20));
  expect(secured(run, here, vague, 'outport', 'must')).toBe(space.empty);
  expect(secured(run, here, vague, 'outport', 'may')).toBe(space.all);
});

test('a port that is the one where packets came in: whichever that is', () => {
  for (const certainty of ['may', 'must'] as const) {
    const whole = secured(run, here, stores.initial, 'inport', certainty);
    for (const [n, number] of numbers.entries()) {
      const own = space.cube([{ field: at.inport, value: BigInt(number), mask: 0xfffffn }]);
      const alone = secured(run, here, portAt(at.inport, n), 'inport', certainty);
      expect(space.and(whole, own), `p${n}`).toBe(space.and(alone, own));
    }
  }
});

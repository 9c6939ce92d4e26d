/** Packets of a run of which something is so, not so, or may be so. */
import { expect, test } from 'vitest';
import { at, read } from '../../../sim/symbolic/index.ts';
import { parted } from '../../../sim/symbolic/run.ts';
import { packetsOf, type State } from '../../../sim/symbolic/state.ts';
import { trialOf } from './runs.ts';

const { run, state, is } = trialOf({ ports: { a: {} }, flows: ['0 0 1 => drop;'] });
const { space } = run;
const [tcp, udp] = [is('ip.proto', 6), is('ip.proto', 17)];
const isInexact = ({ store }: State): boolean => read(store, at.inexact).constant !== 0n;

test('what is so of packets, what is not, and what may be: nobody is lost, and only who is in doubt goes both ways', () => {
  const may = space.or(tcp, udp);
  for (const must of [may, tcp, space.empty]) {
    const parts = parted(run, state(), may, must);
    const of = (wanted: boolean) =>
      space.orAll(parts.filter((part) => part.is === wanted).map((part) => packetsOf(run, part.state)));
    expect(of(true)).toBe(may);
    expect(of(false)).toBe(space.not(must));
    for (const part of parts) {
      const isDoubtful = space.intersects(packetsOf(run, part.state), space.diff(may, must));
      expect(isInexact(part.state)).toBe(isDoubtful);
    }
  }
});

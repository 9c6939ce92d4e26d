/** Who is whose peer: the analysis and the tracer say what ovn-controller does, in whatever order the rows are. */
import { expect, test } from 'vitest';
import type { PortBinding } from '../../../engine/ovsdb/southbound.ts';
import { networkOf } from '../../../sim/symbolic/index.ts';
import { prepare } from '../../../sim/trace/index.ts';
import { southboundFrom } from '../../trace/southbound.ts';

const named = (peer?: string): Partial<PortBinding> => ({ type: 'patch', options: peer === undefined ? {} : { peer } });

/** The peers of ports that name these, in the order of rows and in the opposite one, as the analysis and as the tracer see them. */
function peersOf(...ports: readonly (readonly [name: string, peer?: string])[]): Record<string, string>[] {
  const southbound = southboundFrom(
    Object.fromEntries(
      ports.map(([name, peer]) => [`of ${name}`, { kind: 'router', ports: { [name]: named(peer) }, flows: [] }]),
    ),
  );
  const backwards = { ...southbound, ports: southbound.ports.toReversed() };
  return [southbound, backwards].flatMap((one) =>
    [networkOf(one), prepare(one)].map(({ ports: all }) =>
      Object.fromEntries(
        [...all.values()]
          .flatMap(({ binding, peer }) => (peer ? [[binding.logicalPort, peer.binding.logicalPort]] : []))
          .sort(),
      ),
    ),
  );
}

test('ports that name each other are peers', () => {
  for (const peers of peersOf(['a', 'b'], ['b', 'a'])) expect(peers).toEqual({ a: 'b', b: 'a' });
});

test('who names a port that names none, or another one, has no peer', () => {
  for (const peers of peersOf(['a', 'b'], ['b'])) expect(peers).toEqual({});
  for (const peers of peersOf(['c', 'a'], ['a', 'b'], ['b', 'a'])) expect(peers).toEqual({ a: 'b', b: 'a' });
});

/** Where packets are asked to go from and to, by the names that people have for it. */
import { edgesOf, groupsOf } from '../diff/groups.ts';
import { analyse, type Network, type NetworkPort } from '../symbolic/index.ts';

/** Edge ports under one name. */
export interface Place {
  readonly name: string;
  readonly ports: readonly NetworkPort[];
}

/** All wires outside together. */
const outside = 'outside';

/**
 * The places of a network by name: its edge ports, the hosts of each switch under the switch's name, each wire as
 * `outside (WIRE)`, and all of them as `outside`.  A port stands before a switch of its name.
 */
export function placesOf(network: Network): ReadonlyMap<string, Place> {
  const edges = edgesOf(network);
  const wires = edges.filter(({ edge }) => edge === 'outside');
  const places: [string, readonly NetworkPort[]][] = [
    ...(wires.length > 0 ? [[outside, wires] as [string, NetworkPort[]]] : []),
    // Groups are the same whatever packets do.
    ...groupsOf(analyse(network, { components: [] })),
    ...edges.map((port): [string, NetworkPort[]] => [port.name, [port]]),
  ];
  return new Map(places.map(([name, ports]) => [name, { name, ports }]));
}

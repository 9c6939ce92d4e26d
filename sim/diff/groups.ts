/** Who sends and who receives, as people speak of them: the hosts of a network, and the wires outside. */
import { openView } from '../properties/open-view.ts';
import type { Analysis, Network, NetworkPort } from '../symbolic/index.ts';

/** Edge ports by the name of their group: a switch's name, or `outside (WIRE)`; a group has one port at least. */
export type Groups = ReadonlyMap<string, readonly NetworkPort[]>;

export const edgesOf = ({ ports }: Network): NetworkPort[] =>
  [...ports.values()].filter(({ edge }) => edge !== undefined);

/** The groups of a network's edge ports: those of a switch, and those that lead to one wire outside. */
export function groupsOf(analysis: Analysis): Groups {
  const groups = new Map<string, NetworkPort[]>();
  for (const port of edgesOf(analysis.network)) {
    if (port.edge !== 'vif') continue;
    const { name } = port.datapath;
    groups.set(name, [...(groups.get(name) ?? []), port]);
  }
  for (const { name, ports } of openView(analysis).wires) groups.set(`outside (${name})`, [...ports]);
  return groups;
}

/** The group of each port, by the port's name. */
export const groupNames = (groups: Groups): Map<string, string> =>
  new Map([...groups].flatMap(([group, ports]) => ports.map(({ name }) => [name, group] as const)));

/** Multicast groups: where broadcast and multicast frames of a datapath go, ovn-sb(5), Multicast_Group. */
import type { NorthboundRow } from '../ovsdb/northbound.ts';
import type { MulticastGroup } from '../ovsdb/southbound.ts';
import { isRoutableGroup } from './addresses.ts';
import { booleanOption } from './options.ts';
import type { Datapath, RouterDatapath, SwitchDatapath, SwitchPort, Topology } from './topology.ts';
import { routersGroup } from './written.ts';

/** Names and tunnel keys of the groups that ovn-northd makes by itself. */
const groupKeys = {
  _MC_flood: 32768,
  _MC_unknown: 32769,
  _MC_mrouter_flood: 32770,
  _MC_static: 32771,
  _MC_flood_l2: 32772,
} as const;

/** How a switch treats IP multicast. */
export interface SwitchMulticast {
  /** other_config:mcast_snoop */
  readonly snoop: boolean;
  /** other_config:mcast_flood_unregistered */
  readonly floodUnregistered: boolean;
  /** A router on the switch relays multicast. */
  readonly floodRelay: boolean;
  /** A port has options:mcast_flood. */
  readonly floodStatic: boolean;
}

export function switchMulticast(dp: SwitchDatapath): SwitchMulticast {
  return {
    snoop: booleanOption(dp.row.other_config, 'mcast_snoop', false),
    floodUnregistered: booleanOption(dp.row.other_config, 'mcast_flood_unregistered', false),
    floodRelay: dp.routerPorts.some(({ peer }) => peer && relays(peer.datapath)),
    floodStatic: dp.ports.some(({ row }) => row.enabled !== false && floods(row)),
  };
}

/** Whether the router forwards IP multicast (options:mcast_relay). */
export function relays(dp: RouterDatapath): boolean {
  return booleanOption(dp.row.options, 'mcast_relay', false);
}

function floods({ options }: NorthboundRow<'Logical_Switch_Port' | 'Logical_Router_Port'>): boolean {
  return booleanOption(options, 'mcast_flood', false);
}

/** The groups of `dp` that have members: ovn-northd's own, then those that somebody asked for. */
export function multicastGroups(dp: Datapath, topology: Topology): MulticastGroup[] {
  const members = dp.kind === 'switch' ? switchMembers(dp, topology) : routerMembers(dp);
  const group = (name: string, tunnelKey: number, ports: string[]): MulticastGroup => {
    const uuid = dp.uuid.slice(0, -4) + tunnelKey.toString(16);
    return { uuid, datapath: dp.uuid, name, tunnelKey, ports };
  };
  const own = Object.entries(groupKeys).flatMap(([name, tunnelKey]) => {
    const ports = members[name as keyof typeof groupKeys] ?? [];
    return ports.length === 0 ? [] : [group(name, tunnelKey, ports)];
  });
  const learned = dp.kind === 'switch' ? switchGroups(dp, topology) : routerGroups(dp, topology);
  return [...own, ...learned.map(({ address, ports }, at) => group(address, firstLearnedKey + at, ports))];
}

/** The lowest tunnel key of groups with an address. */
const firstLearnedKey = 32774;

/** An IP multicast group that somebody asked for, with the UUIDs of Port_Bindings behind which they are. */
export interface LearnedGroup {
  readonly address: string;
  readonly ports: string[];
}

/** The groups of a switch, by address; those whose members get everything anyway are left out. */
export function switchGroups(dp: SwitchDatapath, topology: Topology): LearnedGroup[] {
  const groups = [...(topology.written.groups.get(dp.row._uuid) ?? [])].filter(([address]) => address !== routersGroup);
  return groups.sort(byAddress).flatMap(([address, names]) => {
    const ports = askingPorts(dp, topology, names).map(({ uuid }) => uuid);
    return ports.length === 0 ? [] : [{ address, ports }];
  });
}

/** The groups of the switches around a router that relays, by address: they may be left by its ports to those. */
export function routerGroups(dp: RouterDatapath, topology: Topology): LearnedGroup[] {
  if (!relays(dp)) return [];
  const exits = new Map<string, string[]>();
  for (const port of dp.ports) {
    if (port.peer?.kind !== 'switch-port' || floods(port.row)) continue;
    for (const { address } of switchGroups(port.peer.datapath, topology)) {
      if (!isRoutableGroup(address)) continue;
      exits.set(address, [...(exits.get(address) ?? []), port.redirect?.uuid ?? port.uuid]);
    }
  }
  return [...exits].sort(byAddress).map(([address, ports]) => ({ address, ports }));
}

function byAddress([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

/** The ports that are not sent all multicast, whoever asks. */
function askingPorts(dp: SwitchDatapath, { ports }: Topology, names: Iterable<string>): SwitchPort[] {
  return [...names].sort().flatMap((name) => {
    const port = ports.get(name);
    if (port?.kind !== 'switch-port' || port.datapath !== dp || floods(port.row)) return [];
    return port.peer && relays(port.peer.datapath) ? [] : [port];
  });
}

/** UUIDs of Port_Bindings by group. */
type Members = Partial<Record<keyof typeof groupKeys, string[]>>;

function switchMembers(dp: SwitchDatapath, topology: Topology): Members {
  const { floodRelay } = switchMulticast(dp);
  const heard = new Set(askingPorts(dp, topology, topology.written.groups.get(dp.row._uuid)?.get(routersGroup) ?? []));
  const enabled = dp.ports.filter(({ row }) => row.enabled !== false);
  const uuids = (ports: typeof enabled) => ports.map(({ uuid }) => uuid);
  return {
    _MC_flood: uuids(enabled),
    _MC_flood_l2: uuids(enabled.filter(({ row }) => row.type !== 'router')),
    _MC_unknown: uuids(enabled.filter(({ row, hasUnknown }) => hasUnknown && row.type !== 'external')),
    _MC_mrouter_flood: uuids(
      dp.ports.filter((port) => {
        const { row, peer } = port;
        const isRelay = floodRelay && peer !== undefined && relays(peer.datapath);
        const wantsReports = isRelay || booleanOption(row.options, 'mcast_flood_reports', false);
        return heard.has(port) || (row.enabled !== false && wantsReports);
      }),
    ),
    _MC_static: uuids(enabled.filter(({ row }) => floods(row))),
  };
}

function routerMembers(dp: RouterDatapath): Members {
  const flooded = dp.ports.filter(({ row }) => row.enabled !== false && floods(row));
  return { _MC_static: flooded.map(({ uuid, redirect }) => redirect?.uuid ?? uuid) };
}

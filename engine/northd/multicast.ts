/** Multicast groups: where broadcast and multicast frames of a datapath go, ovn-sb(5), Multicast_Group. */
import type { NorthboundRow } from '../ovsdb/northbound.ts';
import type { MulticastGroup } from '../ovsdb/southbound.ts';
import { booleanOption } from './options.ts';
import type { Datapath, RouterDatapath, SwitchDatapath } from './topology.ts';

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

/** The groups of `dp` that have members. */
export function multicastGroups(dp: Datapath): MulticastGroup[] {
  const members = dp.kind === 'switch' ? switchMembers(dp) : routerMembers(dp);
  return Object.entries(groupKeys).flatMap(([name, tunnelKey]) => {
    const ports = members[name as keyof typeof groupKeys] ?? [];
    if (ports.length === 0) return [];
    const uuid = dp.uuid.slice(0, -4) + tunnelKey.toString(16);
    return [{ uuid, datapath: dp.uuid, name, tunnelKey, ports }];
  });
}

/** UUIDs of Port_Bindings by group. */
type Members = Partial<Record<keyof typeof groupKeys, string[]>>;

function switchMembers(dp: SwitchDatapath): Members {
  const { floodRelay } = switchMulticast(dp);
  const enabled = dp.ports.filter(({ row }) => row.enabled !== false);
  const uuids = (ports: typeof enabled) => ports.map(({ uuid }) => uuid);
  return {
    _MC_flood: uuids(enabled),
    _MC_flood_l2: uuids(enabled.filter(({ row }) => row.type !== 'router')),
    _MC_unknown: uuids(enabled.filter(({ row, hasUnknown }) => hasUnknown && row.type !== 'external')),
    _MC_mrouter_flood: uuids(
      enabled.filter(
        ({ row, peer }) =>
          (floodRelay && peer !== undefined && relays(peer.datapath)) ||
          booleanOption(row.options, 'mcast_flood_reports', false),
      ),
    ),
    _MC_static: uuids(enabled.filter(({ row }) => floods(row))),
  };
}

function routerMembers(dp: RouterDatapath): Members {
  const flooded = dp.ports.filter(({ row }) => row.enabled !== false && floods(row));
  return { _MC_static: flooded.map(({ uuid, redirect }) => redirect?.uuid ?? uuid) };
}

/**
 * What a southbound database becomes when chassis have written into it what they
 * learned, and ovn-northd has answered: multicast groups that hosts joined
 * (IGMP_Group), and virtual ports that have a parent.  What ovn-northd makes of
 * them is written down in northd/northd.c: `build_lswitch_ip_mcast_igmp_mld`,
 * `build_mcast_lookup_flows_for_lrouter`, `build_arp_resolve_flows_for_lsp`.
 */
import { parseIpv4, parseIpv6 } from '../lang/index.ts';
import type { LogicalFlow, MulticastGroup, PortBinding, Southbound } from '../ovsdb/southbound.ts';
import { withMachine } from '../program/index.ts';
import type { JoinedGroup, RouterPorts, SnoopedPorts } from './snooping.ts';

/** A virtual port and the port that answers for its address. */
export interface VirtualClaim {
  readonly logicalPort: string;
  readonly parent: string;
  /** The chassis that has the parent. */
  readonly chassis: string;
}

/** A port whose machine was seen on a further chassis: `activation-strategy` of ovn-nb(5). */
export interface Activation {
  readonly logicalPort: string;
  readonly chassis: string;
}

/** Tunnel keys of groups that hosts join: lib/ovn-util.h, `OVN_MIN_IP_MULTICAST`. */
const FIRST_KEY = 33_024;
const LAST_KEY = 65_535;

/** Reports go to these ports: the group's tunnel key is fixed (lib/mcast-group-index.h). */
const ROUTERS = { name: '_MC_mrouter_flood', tunnelKey: 32_770 } as const;
/** All that is sent to any group goes to these. */
const STATIC = '_MC_static';

/** The database with groups and claims in it; the same one if there are none. */
export function withClaims(
  southbound: Southbound,
  { joined, routers }: SnoopedPorts,
  claims: readonly VirtualClaim[],
  activated: readonly Activation[] = [],
): Southbound {
  const active = activated.length === 0 ? southbound : withMachines(southbound, activated);
  const claimed = routers.reduce(withRouters, claims.reduce(withVirtualPort, active));
  return joined.length === 0 ? claimed : withGroups(claimed, joined);
}

function withMachines(southbound: Southbound, activated: readonly Activation[]): Southbound {
  const chassisOf = new Map(activated.map(({ logicalPort, chassis }) => [logicalPort, chassis]));
  return {
    ...southbound,
    ports: southbound.ports.map((port) => {
      const chassis = chassisOf.get(port.logicalPort);
      return chassis === undefined ? port : withMachine(port, chassis);
    }),
  };
}

function withRouters(southbound: Southbound, { datapath, ports }: RouterPorts): Southbound {
  const groups = southbound.multicastGroups;
  const known = groups.find((group) => group.datapath === datapath && group.name === ROUTERS.name);
  const group = known ?? { uuid: `${datapath} ${ROUTERS.name}`, datapath, ...ROUTERS, ports: [] };
  const larger = { ...group, ports: [...new Set([...group.ports, ...ports])] };
  return { ...southbound, multicastGroups: [...groups.filter((each) => each !== known), larger] };
}

function withGroups(southbound: Southbound, joined: readonly JoinedGroup[]): Southbound {
  const relayed = relays(southbound);
  const flooded = new Set(
    southbound.multicastGroups.filter(({ name }) => name === STATIC).flatMap(({ ports }) => ports),
  );
  const groups: MulticastGroup[] = [];
  const flows: LogicalFlow[] = [];
  const keys = new Map<string, number>();
  const add = (datapath: string, address: string, all: readonly string[]): void => {
    // Who is sent everything is sent it once.
    const ports = all.filter((port) => !flooded.has(port));
    if (ports.length === 0) return;
    const known = groups.find((group) => group.datapath === datapath && group.name === address);
    if (known) {
      known.ports = [...new Set([...known.ports, ...ports])];
      return;
    }
    const tunnelKey = keys.get(address) ?? FIRST_KEY + keys.size;
    if (tunnelKey > LAST_KEY) return;
    keys.set(address, tunnelKey);
    groups.push({ uuid: `${datapath} ${address}`, datapath, name: address, tunnelKey, ports: [...ports] });
    flows.push(...groupFlow(southbound, datapath, address, relayed.has(datapath)));
  };
  for (const { datapath, address, ports } of joined) add(datapath, address, ports);
  for (const { datapath, name: address } of [...groups]) {
    for (const { router, port } of relayed.get(datapath) ?? []) add(router, address, [port]);
  }
  return {
    ...southbound,
    multicastGroups: [...southbound.multicastGroups, ...groups],
    flows: [...southbound.flows, ...flows],
  };
}

/** By switch: the routers with multicast relay that it is connected to, and their ports there. */
function relays(southbound: Southbound): Map<string, { router: string; port: string }[]> {
  const relaying = new Set(
    southbound.flows
      .filter(({ stage, priority, match }) => stage === 'lr_in_ip_routing' && priority === 10450 && isMulticast(match))
      .map(({ datapath }) => datapath),
  );
  const byName = new Map(southbound.ports.map((port) => [port.logicalPort, port]));
  const found = new Map<string, { router: string; port: string }[]>();
  for (const port of southbound.ports) {
    const peer = byName.get(port.options.peer ?? '');
    if (!peer || !relaying.has(peer.datapath) || relaying.has(port.datapath)) continue;
    const redirect = byName.get(peer.options['chassis-redirect-port'] ?? '');
    const list = found.get(port.datapath) ?? [];
    list.push({ router: peer.datapath, port: (redirect ?? peer).uuid });
    found.set(port.datapath, list);
  }
  return found;
}

const isMulticast = (match: string): boolean => match.startsWith('ip4.mcast');

/** The flow that leads packets for a group there; none for groups that everybody is in. */
function groupFlow(southbound: Southbound, datapath: string, address: string, isRelayed: boolean): LogicalFlow[] {
  const v4 = parseIpv4(address);
  const v6 = parseIpv6(address);
  const family = v4 === undefined ? '6' : '4';
  // 224.0.0.x and ff02::1 (RFC 4541, section 2.1.2; RFC 4291, section 2.7.1).
  if (v4 !== undefined ? v4 >> 8n === 0xe00000n : v6 === (0xff02n << 112n) + 1n) return [];
  const own = southbound.flows.filter((flow) => flow.datapath === datapath);
  const groups = southbound.multicastGroups.filter((group) => group.datapath === datapath).map(({ name }) => name);
  const lookup = own.find(({ stage }) => stage === 'ls_in_l2_lkup');
  const routing = own.find(({ stage }) => stage === 'lr_in_ip_routing');
  const isStatic = groups.includes(STATIC);
  if (lookup) {
    const relayed = isRelayed ? 'clone { outport = "_MC_mrouter_flood"; output; };' : '';
    const fixed = isStatic ? 'clone { outport ="_MC_static"; output; };' : '';
    return [
      {
        ...bare(lookup, datapath, address),
        priority: 90,
        match: `eth.mcast && ip${family} && ip${family}.dst == ${address} `,
        actions: `${relayed}${fixed}outport = "${address}"; output; `,
      },
    ];
  }
  if (!routing) return [];
  const fixed = isStatic ? 'clone { outport = "_MC_static"; ip.ttl--; next; };' : '';
  return [
    {
      ...bare(routing, datapath, address),
      priority: 10500,
      match: `ip${family} && ip${family}.dst == ${address} `,
      actions: `${fixed}outport = "${address}"; ip.ttl--; next;`,
    },
  ];
}

const bare = ({ pipeline, table, stage }: LogicalFlow, datapath: string, address: string) => ({
  uuid: `${datapath} ${address}`,
  datapath,
  pipeline,
  table,
  stage,
  source: '',
});

/** The port is on the chassis, and routers know its address by the parent's MAC address. */
function withVirtualPort(southbound: Southbound, claim: VirtualClaim): Southbound {
  const binding = southbound.ports.find(({ logicalPort }) => logicalPort === claim.logicalPort);
  const parent = southbound.ports.find(({ logicalPort }) => logicalPort === claim.parent);
  const address = binding?.options['virtual-ip'];
  const mac = parent && macOf(parent);
  if (!binding || !address || !mac) return southbound;
  const unknown = 'eth.dst = 00:00:00:00:00:00; next;';
  const isAbout = ({ stage, match, actions }: LogicalFlow): boolean =>
    stage === 'lr_in_arp_resolve' && actions.endsWith('next;') && match.endsWith(` == ${address}`);
  return {
    ...southbound,
    ports: southbound.ports.map((port) => (port === binding ? { ...port, chassis: claim.chassis } : port)),
    flows: southbound.flows.map((flow) =>
      isAbout(flow) && flow.actions.includes(unknown)
        ? { ...flow, actions: flow.actions.replace(unknown, `eth.dst = ${mac}; next;`) }
        : flow,
    ),
  };
}

const macOf = ({ mac }: PortBinding): string | undefined =>
  mac.map((text) => /^[0-9a-f:]{17}/i.exec(text)?.[0]).find((text) => text !== undefined);

/**
 * A network as properties speak of it: tenants with their networks and hosts,
 * gateways, the wires outside; with the fate of all packets.
 *
 * With manifests, all of it is as they say.  Of a database alone, a tenant is a
 * component (datapaths that patch ports join), unless a policy says otherwise;
 * a network is a switch with ports of virtual machines or containers, and a host's
 * addresses are its port's.
 */
import type { Position } from '../../engine/origin.ts';
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import type { Southbound } from '../../engine/ovsdb/southbound.ts';
import type { Literal, PacketSet, Space } from '../../engine/sets/index.ts';
import type { NetworkPlan, VpcPlan } from '../../engine/vpc/plan.ts';
import type { Policy } from '../policy/policy.ts';
import { everybodyKnown } from '../symbolic/fields.ts';
import {
  type Analysis,
  type Bundle,
  gapsOf,
  inportIn,
  type Looks,
  type NetworkDatapath,
  type NetworkPort,
  type TrafficClass,
} from '../symbolic/index.ts';
import type { Address } from '../trace/addresses.ts';

/** An edge port and what is known of who is behind it. */
export interface Host {
  readonly port: NetworkPort;
  readonly network: TenantNetwork;
  /** Undefined where nothing but `unknown` is written. */
  readonly mac?: bigint;
  readonly ip4: readonly bigint[];
  readonly ip6: readonly bigint[];
  /** Where the port is asked for. */
  readonly source: readonly Position[];
  /** Of a manifest's port: the node it is on. */
  readonly node?: string;
}

/** A router's port on a switch: what hosts there use as their gateway. */
export interface Gateway {
  /** The switch's port that leads to it, and the router's own. */
  readonly switchPort: NetworkPort;
  readonly routerPort: NetworkPort;
  readonly mac: bigint;
  /** Its addresses with the networks they are of. */
  readonly addresses: readonly { readonly address: Address; readonly prefixLength: number }[];
}

/** A switch with hosts. */
export interface TenantNetwork {
  /** `default/rednet`, or the switch's name. */
  readonly name: string;
  readonly tenant: Tenant;
  readonly datapath: NetworkDatapath;
  readonly hosts: readonly Host[];
  readonly gateways: readonly Gateway[];
  readonly source: readonly Position[];
  /** Set where manifests ask for the network. */
  readonly plan?: NetworkPlan;
}

export interface Tenant {
  /** `default/redvpc`, or the names of a component's routers. */
  readonly name: string;
  readonly networks: readonly TenantNetwork[];
  /** All of its datapaths, switches to the outside among them. */
  readonly datapaths: readonly NetworkDatapath[];
  readonly source: readonly Position[];
  /** Set where manifests ask for it. */
  readonly plan?: VpcPlan;
}

/** What the localnet ports (and their kin) of one physical network and VLAN share. */
export interface Wire {
  /** `network_name`, with `VLAN N` behind it if there is one; or the port's own name. */
  readonly name: string;
  /** The wires that carry VLANs of one physical network have this in common. */
  readonly physical: string;
  /** 0 for frames without a tag. */
  readonly vlan: number;
  readonly ports: readonly NetworkPort[];
}

export interface View {
  readonly analysis: Analysis;
  readonly southbound: Southbound;
  /** Known of manifests and of a northbound database. */
  readonly northbound?: Northbound;
  /** What the user told of the network, and of what properties are to know. */
  readonly policy?: Policy;
  readonly tenants: readonly Tenant[];
  readonly wires: readonly Wire[];
  readonly hostOf: ReadonlyMap<NetworkPort, Host>;
  readonly tenantOf: ReadonlyMap<NetworkDatapath, Tenant>;
  /** Classes by the edge port that their packets end at (`arrivals`), and those that end at the port they came in by. */
  readonly arrivals: ReadonlyMap<NetworkPort, readonly TrafficClass[]>;
  readonly returning: readonly TrafficClass[];
  /** Of the classes of `arrivals`, in which bundle of the analysis they are. */
  readonly bundleOf: ReadonlyMap<TrafficClass, Bundle>;
}

/** The northbound row that a datapath was made of, by its UUID: names may be another's, too. */
export const rowUuidOf = ({ southbound }: Pick<View, 'southbound'>, { uuid }: NetworkDatapath): string | undefined =>
  southbound.datapaths.find((one) => one.uuid === uuid)?.northboundUuid;

/** The packets that enter by one of the ports. */
export function from({ analysis }: View, ports: readonly NetworkPort[]): PacketSet {
  return inportIn(analysis.space, ports);
}

export const portsOf = (networks: readonly TenantNetwork[]): NetworkPort[] =>
  networks.flatMap(({ hosts }) => hosts.map(({ port }) => port));

/** A question for a neighbour that a router asks of its own: no traffic of who sent what it was made of. */
export const isQuestion = ({ made }: Pick<TrafficClass, 'made'>): boolean => made === 'arp' || made === 'nd_ns';

/**
 * The ports of those who might forge something. Ports of type `localport` are the chassis' own, for services that run on every
 * one: ovn-nb(5), "Logical_Switch_Port TABLE".
 */
export const tenantPortsOf = (networks: readonly TenantNetwork[]): NetworkPort[] =>
  portsOf(networks).filter((port) => !isOfChassis(port));

export const isOfChassis = ({ binding }: NetworkPort): boolean => binding.type === 'localport';

/** Why nothing can be said of packets, new ones or all, if some of them met what was not understood: a sentence. */
export function doubt({ analysis }: View, packets: PacketSet, of: 'all' | 'new' = 'all'): string | undefined {
  const gap = gapsOf(analysis, of).find((one) => analysis.space.intersects(one.packets, packets));
  return (
    gap && `${gap.reason} (${gap.datapath.name}, ${gap.flow.stage}, priority ${gap.flow.priority}: ${gap.flow.match})`
  );
}

/**
 * The classes that end at the ports, port after port: those of bundles that may matter.  A bundle is asked about once,
 * so that little is asked of the classes of large networks that all is well with.
 */
export function* endingAt(
  { arrivals, bundleOf }: View,
  ports: readonly NetworkPort[],
  mayMatter: (bundle: Bundle) => boolean,
): Generator<TrafficClass, void> {
  const known = new Map<Bundle, boolean>();
  for (const port of ports) {
    for (const one of arrivals.get(port) ?? []) {
      const bundle = bundleOf.get(one);
      const matters = !bundle || (known.get(bundle) ?? mayMatter(bundle));
      if (bundle) known.set(bundle, matters);
      if (matters) yield one;
    }
  }
}

/** Whether packets of a bundle end at one of the ports that are among those of the set. */
export function endsAt(
  { analysis: { space } }: View,
  bundle: Bundle,
  ports: ReadonlySet<NetworkPort>,
  packets: PacketSet,
): boolean {
  if (!bundle.parts.some(({ port }) => ports.has(port)) || !bundle.meets(packets)) return false;
  return bundle.reaches((port) => (ports.has(port) ? space.all : space.empty), packets);
}

/** The packets of a bundle that end at one of the ports, each with which of its copies it is. */
export const among = (space: Space, bundle: Bundle, ports: ReadonlySet<NetworkPort>): PacketSet =>
  bundle.parts.every(({ port }) => ports.has(port))
    ? bundle.copies
    : bundle.within((port) => (ports.has(port) ? space.all : space.empty));

/** Whether packets of a bundle that are among those of the set end at one of the ports, having come in by another one. */
export function endsElsewhere(
  { analysis: { space } }: View,
  bundle: Bundle,
  ports: readonly NetworkPort[],
  packets: PacketSet,
): boolean {
  const own = new Set(ports);
  if (!bundle.parts.some(({ port }) => own.has(port)) || !bundle.meets(packets)) return false;
  const foreign = (port: NetworkPort): PacketSet => (own.has(port) ? space.not(inportIn(space, [port])) : space.empty);
  return bundle.reaches(foreign, packets);
}

/** The first class that brings some of the packets to one of the ports. */
export function arriving(
  view: View,
  packets: PacketSet,
  ports: readonly NetworkPort[],
  matters: (one: Looks) => boolean = () => true,
): { class: TrafficClass; packets: PacketSet } | undefined {
  const { space } = view.analysis;
  const all = new Set(ports);
  for (const one of endingAt(view, ports, (bundle) => matters(bundle) && endsAt(view, bundle, all, packets))) {
    if (space.intersects(one.packets, packets)) return { class: one, packets: space.and(one.packets, packets) };
  }
  return undefined;
}

/** Of the packets, those that surely arrive at the ports (all copies aside), as themselves and not as something made of them. */
export function surelyArriving({ analysis: { space }, arrivals }: View, ports: readonly NetworkPort[]): PacketSet {
  return space.orAll(
    ports.flatMap((port) =>
      (arrivals.get(port) ?? [])
        .filter(({ exact, connection, made }) => exact && connection === 'new' && made === undefined)
        .map(({ packets }) => packets),
    ),
  );
}

/**
 * Packets of which a violation is shown, rather than others: nobody whose address is asked for claims the MAC address of
 * a group. It may be claimed, but what comes of it is hard to believe.
 */
export const believable = (space: Space): PacketSet => space.cube(singleNeighbors(space));

/** Packets that meet no surprise: the neighbours that they ask for are known, each as one host. */
export const neighborsKnown = (space: Space): PacketSet => space.cube([...everybodyKnown, ...singleNeighbors(space)]);

const singleNeighbors = ({ fields }: Space): Literal[] =>
  fields.flatMap(({ name }, field) =>
    /^neighbor\.\d+\.mac$/.test(name) ? [{ field, value: 0n, mask: 1n << 40n }] : [],
  );

/**
 * What the analysis of all packets tells: the network as the verifier sees it,
 * and classes of traffic, each a set of packets that have one fate.
 *
 *     const analysis = analyse(networkOf(southbound));
 *     for (const { packets, end } of analysis.classes) ...
 *
 * Sets (`PacketSet`) are of packets *as they enter* the network by an edge port,
 * together with what is not theirs to choose: which answers tables that learn
 * would give, which of several backends is taken (`packetFields`, the last ones).
 */
import type { LogicalFlow, Pipeline, PortBinding, Southbound } from '../../engine/ovsdb/southbound.ts';
import type { PacketSet, Space } from '../../engine/sets/index.ts';
import type { Store } from './store.ts';

/** A logical port of a network. */
export interface NetworkPort {
  /** From 1, dense over the whole network (or all those that are compared): what `inport` is in sets of packets. */
  readonly number: number;
  readonly name: string;
  readonly binding: PortBinding;
  readonly datapath: NetworkDatapath;
  /** The other end of a patch or l3gateway port. */
  readonly peer?: NetworkPort;
  /**
   * Packets enter and leave the network here: by a `vif` (a container or virtual
   * machine's, or a nested, virtual or external one's), or to and from the `outside` that a localnet,
   * l2gateway, vtep, or remote port leads to, which may send anything.  Undefined inside the network.
   */
  readonly edge?: 'vif' | 'outside';
}

export interface NetworkDatapath {
  readonly uuid: string;
  readonly name: string;
  readonly kind: 'switch' | 'router';
  readonly ports: readonly NetworkPort[];
  /** Of `Network.components`: the one it is part of. */
  readonly component: number;
}

/** A southbound database made ready to be analysed. */
export interface Network {
  readonly southbound: Southbound;
  readonly datapaths: ReadonlyMap<string, NetworkDatapath>;
  /** By name. */
  readonly ports: ReadonlyMap<string, NetworkPort>;
  /** By `number`; [0] is undefined, and so are ports that only another network has that this one is compared with. */
  readonly portsByNumber: readonly (NetworkPort | undefined)[];
  /** Datapaths that are joined by patch ports, directly or not; packets pass from one to another only outside. */
  readonly components: readonly (readonly NetworkDatapath[])[];
  /** What of the database was not understood and left out: sentences. */
  readonly warnings: readonly string[];
  /** What `is_chassis_resident` says of a port; true of all that there are unless given. */
  readonly isResident?: (port: string) => boolean;
}

/** Where packets of a class end. */
export type End =
  /** They leave by this edge port. */
  | { readonly kind: 'port'; readonly port: NetworkPort }
  /** They leave by the very port that they came in by. */
  | { readonly kind: 'sender' }
  /** The flow drops them; undefined where none matches. */
  | {
      readonly kind: 'drop';
      readonly datapath: NetworkDatapath;
      readonly pipeline: Pipeline;
      readonly table: number;
      readonly flow?: LogicalFlow;
      readonly why: DropReason;
    }
  /** They go on and on: `datapaths` is what they pass each time. */
  | { readonly kind: 'loop'; readonly datapaths: readonly NetworkDatapath[] };

/**
 * `flow`: a flow says so. `no match`: no flow of the table matches. `no port`: output to no port.
 * `inport`: output to the port it came from. `not answered`: what it asks for is handled by the
 * chassis itself, which sends nothing on. `ttl`: no life left.
 */
export type DropReason = 'flow' | 'no match' | 'no port' | 'inport' | 'consumed' | 'ttl';

/**
 * What conntrack knew of the packets on their way: `new`, nothing, they belong to no
 * connection; `reply`, some zone knew them as replies or as related to a connection that others opened;
 * `established`, some zone knew them as going the way of its opener, and none as replies.
 */
export type ConnectionState = 'new' | 'established' | 'reply';

/** Packets with one fate. */
export interface TrafficClass {
  /** Worked out when it is asked for the first time, as is `copies`. */
  readonly packets: PacketSet;
  /** The same, and which of its copies each is, where they were copied: what `store` depends on. */
  readonly copies: PacketSet;
  /** What these are the union of. */
  readonly parts: readonly ClassPart[];
  readonly end: End;
  /**
   * What the packets look like at the end, in terms of what they looked like when they entered.  Values may have options:
   * `Analysis.looks` sorts the packets by them.
   */
  readonly store: Store;
  readonly connection: ConnectionState;
  /** What the packet is, if it is not (a copy of) the one that entered but was made of it: `icmp4`, `arp`, `tcp_reset`, `dhcp`, ... */
  readonly made?: string;
  /**
   * Whether all of these packets surely end so; otherwise some may, because something on the way was modelled
   * more widely than it is.  Never false of a class just for choices that are fields of the packets.
   */
  readonly exact: boolean;
  /** The connections that these packets opened on their way, the last one last. */
  readonly commits: readonly Commit[];
  /** Which of the watched ports and datapaths (`AnalyseOptions.watch`) the packets passed. */
  readonly passed: readonly string[];
}

/** What is so of all packets of a class, wherever they end. */
export type Looks = Pick<TrafficClass, 'store' | 'connection' | 'made' | 'exact' | 'commits' | 'passed'>;

/** Classes that end at ports and are alike but for which port that is. */
export interface Bundle extends Looks {
  readonly members: readonly TrafficClass[];
  /** Of all members, each with the port where it ends. */
  readonly parts: readonly (ClassPart & { readonly port: NetworkPort })[];
  /** The packets of all members; worked out when they are asked for the first time, as are `copies`. */
  readonly packets: PacketSet;
  /** The same, with which of its copies each is. */
  readonly copies: PacketSet;
  /** Whether any of the packets is in the set: asked of where they come from first, which is done once for many bundles. */
  meets(set: PacketSet): boolean;
  /**
   * Of `copies`, those that end at a port and are in the set that `setAt` gives for it: small sets cost little. Of these
   * `packets` alone, if they are given.
   */
  within(setAt: (port: NetworkPort) => PacketSet, packets?: PacketSet): PacketSet;
  /** Whether there are any of those that `within` gives; that costs less. */
  reaches(setAt: (port: NetworkPort) => PacketSet, packets?: PacketSet): boolean;
}

/** Packets of a class, or of all classes of a bundle, that are answered where they ended. */
export interface Question {
  readonly one: TrafficClass | Bundle;
  readonly packets: PacketSet;
}

/** Packets of a class that came the same way: those of `lineage` that are in `guard`, a small set as a rule. */
export interface ClassPart {
  /** The same object for packets that were looked up together: guards of one class or another then part them. */
  readonly lineage: Lineage;
  readonly guard: PacketSet;
}

/** Packets that were looked up together. */
export interface Lineage {
  readonly packets: PacketSet;
  /** Packets that these are some of, and many others: as they were soon after they entered. */
  readonly root?: Lineage;
  /** Of a root: whether any of its packets are in a set, as far as that was asked. */
  readonly asked?: Map<PacketSet, boolean>;
  /** Whether any of its own packets are in a set that only tells protocols, as far as that was asked. */
  readonly kinds?: Map<PacketSet, boolean>;
}

/** A connection that packets open in a conntrack zone. */
export interface Commit {
  /** `DATAPATH-UUID dnat`, `DATAPATH-UUID snat`, or a switch's `DATAPATH-UUID PORT-NUMBER`. */
  readonly zone: string;
  /** The header as it came into the zone, and as it left it (translated): values of the store. */
  readonly before: Store;
  readonly after: Store;
}

/** Something that makes the answer less than a proof, for these packets. */
export interface Gap {
  readonly datapath: NetworkDatapath;
  readonly flow: LogicalFlow;
  /** A sentence without a full stop. */
  readonly reason: string;
  readonly packets: PacketSet;
  /** Set where this is about the packets only as far as they belong to connections that somebody opened before. */
  readonly connections?: true;
}

export interface AnalyseOptions {
  /** Names of ports and datapaths: classes tell which of them their packets passed. */
  watch?: readonly string[];
  /** Only these components; all unless given. */
  components?: readonly number[];
  /** Only these of the packets that there are, in the space of the workshop; all unless given. What they are answered with is followed, too. */
  readonly packets?: PacketSet;
  /** In how many tables packets are looked up that go many ways, before the rest is a gap: 20 000 unless given. */
  mostLookups?: number;
  /** Told now and then. */
  onProgress?: (done: number, total: number) => void;
}

/** The fate of all packets that may enter a network. */
export interface Analysis {
  readonly network: Network;
  readonly space: Space;
  /** The packets that exist at all: `inport` is an edge port, no field contradicts another. */
  readonly possible: PacketSet;
  /**
   * Every packet of `possible` is in some class of connection state `new`, or in a gap; where it is copied (a flood), in a class
   * for each copy.
   * Classes of the same end, store, connection state and passage are one.
   */
  readonly classes: readonly TrafficClass[];
  /** The classes that end at ports, those together that are alike but for the port; in the order of their first members. */
  readonly bundles: readonly Bundle[];
  readonly gaps: readonly Gap[];
  /** Flows that some packet meets, in whatever connection state. */
  readonly met: ReadonlySet<LogicalFlow>;
  /** Pairs of flows of one table and priority that some packet meets both of, and that do different things. */
  readonly ambiguous: readonly { readonly flows: readonly [LogicalFlow, LogicalFlow]; readonly packets: PacketSet }[];
  /** The packets of a class, or those of them that are given, by what they look like: the fields of the stores have no options. */
  looks(
    one: Pick<TrafficClass, 'store' | 'copies'>,
    packets?: PacketSet,
  ): readonly { readonly store: Store; readonly packets: PacketSet }[];
  /**
   * What becomes of the answers to packets that ended at an edge port: each is answered as a host does (addresses,
   * ports and MAC addresses exchanged; SYN by SYN-ACK, echo request by echo reply), entering by that port, with the connections known that
   * the packet opened.  The sets are of the packets that were answered.  To ask of many classes at once is cheaper.
   */
  answers(questions: readonly Question[]): readonly TrafficClass[];
  /**
   * What becomes of packets that look like the packets of `set`, rewritten as `store` says, when they enter by `port`
   * (from outside: over a wire that another port of the network leads to). The sets are of the original packets.
   */
  reenter(set: PacketSet, store: Store, port: NetworkPort): readonly TrafficClass[];
}

/**
 * The traffic of one node as a planner takes it: which packets have one fate, as
 * sets in one space.  `sim/offload/classes.ts` makes it of logical flows.
 *
 * The fields of the space are those of packets as they enter (`eth.dst`,
 * `ip4.src`, ...); `inport` is the number of the port that they enter by.
 */
import type { PacketSet, Space } from '../sets/index.ts';
import type { Reason } from './plan.ts';

/** What becomes of one field of a header. */
export type Change =
  | { readonly field: string; readonly kind: 'set'; readonly value: bigint }
  /** It has so much less, as `ip.ttl` behind a router. */
  | { readonly field: string; readonly kind: 'less'; readonly amount: number }
  /** Something that is neither, told in words. */
  | { readonly field: string; readonly kind: 'other'; readonly what: string };

/** Where packets leave the node. */
export type Exit =
  /** By a logical port that is plugged in here. */
  | { readonly kind: 'port'; readonly port: string }
  /** Through the tunnel to another chassis, with these keys in Geneve's header. */
  | {
      readonly kind: 'tunnel';
      readonly chassis: string;
      /** The logical port that they are for. */
      readonly port: string;
      readonly datapathKey: number;
      /** `sender`: that of the port that they came in by. */
      readonly inKey: number | 'sender';
      readonly outKey: number;
    };

/** Packets with one fate. */
export interface NodeClass {
  readonly packets: PacketSet;
  readonly exit: Exit;
  /** Those of fields that do not stay as they are. */
  readonly changes: readonly Change[];
  /** Classes that are like this one but for where they go. */
  readonly others?: OtherClasses;
}

/** Classes whose packets differ from those of another one by the value of a single field that says where to. */
export interface OtherClasses {
  /** All of it has one value in packets of the class that these are like. */
  readonly field: number;
  readonly members: readonly { readonly value: bigint; readonly exit: Exit; readonly changes: readonly Change[] }[];
}

/** Packets that software has to handle, or something of them. */
export interface SoftwarePart {
  readonly packets: PacketSet;
  readonly reason: Reason;
}

/** A logical port that packets enter the node by. */
export interface NodePort {
  readonly name: string;
  /** What `inport` is in sets. */
  readonly number: number;
  readonly tunnelKey: number;
  /** The name of its datapath. */
  readonly datapath: string;
}

/** What comes through a tunnel for one port of the node. */
export interface TunnelEntry {
  readonly port: NodePort;
  readonly datapathKey: number;
  /** The packets that come in by any other port of the datapath; those from the port itself are dropped. */
  readonly senders: PacketSet;
  /** Packets as they are inside of the tunnel, all for the port; what is dropped is in none. */
  readonly classes: readonly NodeClass[];
}

/** Packets that may leave a trace: those that are in both sets, which are smaller than what they have in common. */
export interface Alive {
  readonly packets: PacketSet;
  readonly among: PacketSet;
}

/** The traffic of a node. */
export interface NodeTraffic {
  readonly node: string;
  readonly space: Space;
  /** Packets that there can be: no field contradicts another. */
  readonly possible: PacketSet;
  /** The ports that hosts are behind. */
  readonly ports: readonly NodePort[];
  /**
   * Classes of packets that hosts send; they do not overlap, and have one fate whatever software
   * has learned.  What is in none is dropped or software's.
   */
  readonly classes: readonly NodeClass[];
  /** Packets that would leave by the port that they came in by: they are in a class and are dropped all the same. */
  readonly returning: PacketSet;
  /** What is in none of these surely ends without a trace. */
  readonly alive: readonly Alive[];
  /** Packets that are in no class because software has something to do with them, and why; parts may overlap. */
  readonly software: readonly SoftwarePart[];
  readonly arriving: readonly TunnelEntry[];
  /** Ports by which nothing is planned for, and why: sentences. */
  readonly unplanned: readonly { readonly port: string; readonly reason: Reason }[];
}

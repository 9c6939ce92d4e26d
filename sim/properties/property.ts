/**
 * What a property is, and what comes of proving it.
 *
 * A property has a stable, spelled-out id and holds for every network without
 * being asked for.  It yields one check for each thing it speaks of (a network,
 * a pair of tenants); a check is decided for all packets, by the classes of an
 * analysis.
 */
import type { Position } from '../../engine/origin.ts';
import type { LogicalFlow } from '../../engine/ovsdb/southbound.ts';
import type { PacketSet } from '../../engine/sets/index.ts';
import type { NetworkPort, TrafficClass } from '../symbolic/index.ts';
import type { Severity } from '../verdict.ts';
import type { View } from './view.ts';

/** Something sent before the packet that shows the violation, to open the connection that it belongs to. */
export interface Opener {
  readonly class: TrafficClass;
  readonly packets: PacketSet;
}

/** A promise is broken. `sentence` says how, without a full stop. */
export type Violation = { readonly sentence: string; readonly source?: readonly Position[] } & (
  | {
      /** Packets go where they should not: these, of this class. */
      readonly kind: 'goes';
      readonly class: TrafficClass;
      readonly packets: PacketSet;
      readonly opener?: Opener;
    }
  | {
      /** Over a wire outside: packets of `class` leave, and what they then look like goes on from `port` as `then` says. */
      readonly kind: 'crosses';
      readonly class: TrafficClass;
      readonly packets: PacketSet;
      readonly port: NetworkPort;
      readonly then: TrafficClass;
      /** What they look like as they come in by the port; `then` is said of these, if they are given. */
      readonly entering?: PacketSet;
      /** A router outside forwards them: other MAC addresses, less time to live. */
      readonly forwarded?: boolean;
    }
  | {
      /** Promised packets that do not arrive: at `to`, or outside. */
      readonly kind: 'missing';
      readonly packets: PacketSet;
      readonly to: readonly NetworkPort[];
    }
  | {
      /** The answers to promised packets of a class do not come back. */
      readonly kind: 'unanswered';
      readonly class: TrafficClass;
      readonly packets: PacketSet;
    }
  | {
      /** It can be read off the configuration, no packet is needed; the flows or rows that show it. */
      readonly kind: 'written';
      readonly flows?: readonly LogicalFlow[];
      /** Northbound rows as `TABLE NAME`. */
      readonly rows?: readonly string[];
    }
);

/** `unknown` where something that the answer depends on was not understood: a sentence. */
export type Judgement =
  | { readonly verdict: 'holds' }
  | { readonly verdict: 'violated'; readonly violation: Violation }
  | { readonly verdict: 'unknown'; readonly reason: string };

export interface Check {
  readonly subject: string;
  /** What it is told apart by from others with its subject, in the whole network: the UUID of a row. */
  readonly key?: string;
  /** Where the promise is written down; empty for a database. */
  readonly source: readonly Position[];
  /** Set where the promise speaks of nothing: why. */
  readonly vacuous?: string;
  /** Set where it is not the property's. */
  readonly severity?: Severity;
  judge(): Judgement;
}

export interface Property {
  readonly id: string;
  readonly severity: Severity;
  /** What is promised, in a sentence without a full stop. */
  readonly promise: string;
  checks(view: View): Iterable<Check>;
  /**
   * The edge ports that its checks speak of: packets of components without any of them need not be followed for it.
   * All matter unless given; none where rows decide.
   */
  ports?(view: View): readonly NetworkPort[];
}

export const holds: Judgement = { verdict: 'holds' };
export const unknown = (reason: string): Judgement => ({ verdict: 'unknown', reason });
export const violated = (violation: Violation): Judgement => ({ verdict: 'violated', violation });

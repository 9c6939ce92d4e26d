/** What differs between two networks. */
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import type { Southbound } from '../../engine/ovsdb/southbound.ts';
import type { Counterexample, Sent } from '../verdict.ts';

/** A network as it was, or as it is to be. */
export interface DiffSide {
  readonly southbound: Southbound;
  /** Where the southbound database was computed from it: what the names of rows are taken from. */
  readonly northbound?: Northbound;
}

/** A port where packets enter and leave, and the group that it is of. */
export interface PortNote {
  readonly name: string;
  /** A switch's name, or `outside (WIRE)`. */
  readonly group: string;
}

/** Traffic between two groups of ports that only one of the networks delivers. */
export interface Change {
  /** `allowed`: only the new network delivers it.  `denied`: only the old one did. */
  readonly kind: 'allowed' | 'denied';
  /** Groups of ports: a switch's name, or `outside (WIRE)`. */
  readonly from: string;
  readonly to: string;
  /** The ports that it enters by and comes out of. */
  readonly senders: readonly string[];
  readonly receivers: readonly string[];
  /** Lines such as `tcp/443 from 10.0.0.11 to 10.1.0.0/24`: of the most usual packets among it. */
  readonly traffic: readonly string[];
  /** Whether hosts may send it with addresses that are not their own, too (or not send it any more). */
  readonly forged: boolean;
  /**
   * What arrives, if it is not what was sent on its way but what was made of it (`arp`, `icmp4`, `dhcp`, ...), or what comes
   * back to its sender (`returned`).  Told only where nothing else differs.
   */
  readonly made?: string;
  /** A packet of it: with its way through the network that delivers it, unless `made` is set. */
  readonly sample: Sent | Counterexample;
  /** What keeps the sample out of the other network: a sentence without a full stop. */
  readonly obstacle?: string;
}

/** Packets of which is not known whether anything differs. */
export interface Doubt {
  /** A sentence without a full stop. */
  readonly reason: string;
  readonly traffic: readonly string[];
}

export interface NetworkDiff {
  /** `changed` where traffic is newly allowed or denied, or ports are new or gone; `unknown` where only doubts are left. */
  readonly verdict: 'same' | 'changed' | 'unknown';
  /** Ports that only one of the networks has; of hosts among them no traffic is told, nor what names them by an address. */
  readonly ports: { readonly new: readonly PortNote[]; readonly gone: readonly PortNote[] };
  readonly changes: readonly Change[];
  readonly doubts: readonly Doubt[];
}

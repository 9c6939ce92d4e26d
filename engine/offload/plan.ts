/**
 * What becomes of the traffic of one node: which of it hardware handles, by
 * which rules, and what stays in software, and why.
 */
import type { RuleSet } from './rules.ts';

/** Where traffic is handled. */
export type Place =
  /** From the first packet on. */
  | 'hardware'
  /** Once a packet of a connection, or to a neighbour, has been through software. */
  | 'hardware-after-first'
  | 'software';

/** Why traffic is not in hardware, or not from its first packet on; each has a page docs/offload/reasons/CODE.md. */
export const REASON_CODES = [
  // What OVN does with the packet, that no rule can do or know beforehand.
  'arp-nd',
  'check-pkt-larger',
  'clone',
  'controller-action',
  'ct-icmp',
  'ct-new',
  'ct-related',
  'ct-snat-dnat-match',
  'log',
  'load-balancer',
  'ecmp',
  'meter',
  'multicast',
  'neighbour-unknown',
  'not-modelled',
  'stateless-nat-before-ct',
  // What the packet is.
  'fragment',
  'ipv6-fragment',
  'sctp',
  // What the device cannot.
  'geneve-option-profile',
  'match-too-wide',
  'table-full',
  'too-many-rewrites',
  'unsupported-action',
  'unsupported-match',
  // How the machine is set up; only the flows of a running switch tell.
  'device-setup',
  'recirculation',
  'software-port',
] as const;

export type ReasonCode = (typeof REASON_CODES)[number];

/** One reason; `detail` is a sentence about this traffic. */
export interface Reason {
  readonly code: ReasonCode;
  readonly detail: string;
  /** The stage of the logical pipeline that decides, such as `ls_in_acl`. */
  readonly stage?: string;
  /** The UUID of the logical flow. */
  readonly flow?: string;
}

/** One class of traffic of the node and what becomes of it. */
export interface Traffic {
  /** Stable for the same input. */
  readonly id: string;
  /** The logical port that it comes in by; `tunnel` for what other nodes send. */
  readonly from: string;
  /** Other ports that the same is true of. */
  readonly also?: readonly string[];
  /** The logical ports that it goes out by; none where it is dropped. */
  readonly to: readonly string[];
  /** The traffic in words, for a person. */
  readonly words: string;
  /** One packet of it, as a microflow that ovn-trace takes. */
  readonly sample?: string;
  readonly place: Place;
  /** None where the place is `hardware`. */
  readonly reasons: readonly Reason[];
  /** The cookies of the rules that take it. */
  readonly rules: readonly string[];
}

/** How a group of rules is used. */
export interface GroupUse {
  readonly group: number;
  readonly purpose: string;
  readonly rules: number;
  /** The most that the device takes; null where nobody tells. */
  readonly limit: number | null;
}

/** Rules for a node, and what becomes of all of its traffic under them. */
export interface OffloadPlan {
  readonly node: string;
  /** The name of the capability file. */
  readonly device: string;
  /** `proactive`: rules before any packet; `reactive`: rules for connections that software has seen. */
  readonly placement: 'proactive' | 'reactive';
  readonly ruleSet: RuleSet;
  readonly traffic: readonly Traffic[];
  readonly groups: readonly GroupUse[];
}

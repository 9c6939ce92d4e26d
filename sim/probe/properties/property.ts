/**
 * What a property is, and what comes of checking it.
 *
 * A property has a stable, spelled-out id and holds for every topology without
 * being asked for.  It yields one check for each thing it speaks of (a network,
 * a VPC, a pair of tenants); a check is a row of probes, each of which either
 * behaves as promised or fails with the packet that shows it.
 */
import type { Origin, Position } from '../../../engine/origin.ts';
import { routerName, switchName } from '../../../engine/vpc/names.ts';
import type { NetworkPlan, VpcPlan } from '../../../engine/vpc/plan.ts';
import type { Host, Outcome, World } from '../world.ts';

/**
 * `probed`: every probe behaved as promised, which proves nothing about other
 * packets.  `violated`: a packet breaks the promise.  `vacuous`: the promise
 * speaks of nothing here.  `unknown`: a flow or an action was not understood.
 */
export type Verdict = 'probed' | 'violated' | 'vacuous' | 'unknown';

/** A packet that breaks a promise. */
export interface Counterexample {
  /** The logical port that it enters by. */
  inport: string;
  /** The Ethernet frame, in hexadecimal digits. */
  frame: string;
  /** The packet as ovn-trace takes it. */
  microflow: string;
  /** The logical port that it comes out of, if it does. */
  outport?: string;
}

/** A logical flow that a packet met, and the manifest that caused it. */
export interface FlowMet {
  datapath: string;
  pipeline: string;
  table: number;
  stage: string;
  priority: number;
  match: string;
  actions: string;
  source?: Origin;
}

/** The verdict on one property about one subject. */
export interface Finding {
  id: string;
  subject: string;
  verdict: Verdict;
  /** Why: a sentence without a full stop at its end; always there unless `probed`. */
  reason?: string;
  method: 'probe';
  /** How many packets were sent. */
  probes: number;
  counterexample?: Counterexample;
  flows?: FlowMet[];
  /** The manifest lines to blame, the promise's own first. */
  source: Position[];
}

/** A probe that did not behave as promised. */
export interface Failure {
  /** What happened, and what was promised. */
  reason: string;
  /** The packet that shows it, and what became of it. */
  outcome: Outcome;
  outport?: string;
}

/** Sends packets; gives what went wrong, if anything did. */
export type Probe = () => Failure | undefined;

export interface Check {
  subject: string;
  /** Where the promise is written down. */
  source: Position;
  /** What there is to try; made one by one, so that checking stops at the first failure. */
  probes: Iterable<Probe>;
  /** Set where the promise speaks of nothing: why. */
  vacuous?: string;
}

export interface Property {
  id: string;
  /** What is promised, in a sentence without a full stop. */
  promise: string;
  checks(world: World): Iterable<Check>;
}

/** At most `limit` of the items, evenly spread, the first and the last among them. */
export function sample<T>(items: readonly T[], limit: number): readonly T[] {
  if (items.length <= limit) return items;
  const step = (items.length - 1) / Math.max(1, limit - 1);
  return Array.from({ length: limit }, (_, index) => items[Math.round(index * step)]);
}

/** Every network of every VPC. */
export function allNetworks({ plans }: World): { vpc: VpcPlan; plan: NetworkPlan }[] {
  return plans.flatMap((vpc) => vpc.networks.map((plan) => ({ vpc, plan })));
}

/** `default/testnet1`. */
export const networkSubject = ({ network }: NetworkPlan): string => switchName(network);

/** `default/testvpc`. */
export const vpcSubject = ({ vpc }: VpcPlan): string => routerName(vpc);

/**
 * How many of a kind each network may look at, so that all networks together
 * look at about `total`: everything in a small topology, samples in a large one.
 */
export function share({ plans }: World, total: number): number {
  const networks = plans.reduce((sum, vpc) => sum + vpc.networks.length, 0);
  return Math.max(2, Math.floor(total / Math.max(1, networks)));
}

/** Ordered pairs of different hosts: all of them, or where they are too many, of evenly chosen hosts. */
export function* hostPairs(from: readonly Host[], to: readonly Host[], limit: number): Generator<[Host, Host]> {
  const side = Math.ceil(Math.sqrt(limit));
  const isSmall = from.length * to.length <= limit;
  for (const a of isSmall ? from : sample(from, side)) {
    for (const b of isSmall ? to : sample(to, side)) if (a !== b) yield [a, b];
  }
}

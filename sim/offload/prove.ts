/**
 * Proves that a set of rules does with the packets of a node what its logical
 * flows do, or shows a packet with which it does not.
 *
 *     const proof = proveRules({ southbound }, { name: 'worker1', ports, uplink: 'p0', tunnels }, ruleSet);
 *
 * Every packet that hardware finishes goes where the flows send it and looks as they make it look, whatever
 * neighbours, connections and choices there may be; what hardware does not finish gets to software as it came; and
 * hardware finishes nothing that is not the node's.  docs/offload/verify.md says what is taken for granted.
 */
import type { RuleSet } from '../../engine/offload/rules.ts';
import type { LogicalFlow, Southbound } from '../../engine/ovsdb/southbound.ts';
import type { Placement } from '../../engine/program/placement.ts';
import { SpaceFull } from '../../engine/sets/index.ts';
import type { Sent } from '../verdict.ts';
import { judged, surveyed } from './judge.ts';
import type { OffloadNode } from './node.ts';

export { chassisIn, type OffloadNode } from './node.ts';

/** The database whose flows are right, and what chassis know besides (of a northbound one: `placementOf`). */
export interface ProofSubject {
  readonly southbound: Southbound;
  readonly placement?: Placement;
}

/** A rule that a sentence is about. */
export interface RuleNamed {
  /** Its index in the rule set. */
  readonly index: number;
  readonly group: number;
  readonly priority: number;
  readonly cookie?: string;
}

/** A packet as it comes to a device; `bySoftware` where software sends it by the port's representor. */
export interface SentToDevice extends Sent {
  readonly devicePort: string;
  readonly bySoftware?: true;
}

/** A packet that hardware treats otherwise than the logical flows do. */
export interface RuleViolation {
  /** What hardware does and what the logical flows do; without a full stop. */
  readonly sentence: string;
  /** The packet, as it comes to the device's port (with the headers of a tunnel, where it comes by one). */
  readonly packet?: SentToDevice;
  /** The rule that decides; absent where none does. */
  readonly rule?: RuleNamed;
  /** The flow that decides, where one does. */
  readonly flow?: LogicalFlow;
}

/** What a proof says. */
export type RuleProof = { readonly unmet: readonly RuleNamed[] } & (
  | { readonly verdict: 'holds' }
  /** The first violation stands in front; there may be more than those that are told. */
  | { readonly verdict: 'violated'; readonly violations: readonly [RuleViolation, ...RuleViolation[]] }
  | { readonly verdict: 'unknown'; readonly reasons: readonly string[] }
);

export interface ProveOptions {
  /** So many violations are told at most, one a rule; 8 unless given. */
  readonly most?: number;
  readonly onProgress?: (what: string) => void;
}

/** Proves one set of rules after the other. */
export type Prover = (ruleSet: RuleSet, options?: ProveOptions) => RuleProof;

/** Follows the packets of a node once, so that several sets of rules can be held against what its flows do with them. */
export function openProver(subject: ProofSubject, node: OffloadNode, { onProgress }: ProveOptions = {}): Prover {
  onProgress?.('following all packets of the node');
  const survey = withinMemory(() => surveyed(subject, node));
  return (ruleSet, options = {}) => {
    options.onProgress?.('following all packets through the rules');
    const judgement = survey && withinMemory(() => judged(survey, ruleSet, options.most ?? 8));
    if (!judgement) {
      const reasons = ['to follow all packets of the node takes more memory than there is'];
      return { verdict: 'unknown', reasons, unmet: [] };
    }
    const { violations, reasons, unmet } = judgement;
    const [one, ...others] = violations;
    if (one) return { verdict: 'violated', violations: [one, ...others], unmet };
    return reasons.length > 0 ? { verdict: 'unknown', reasons, unmet } : { verdict: 'holds', unmet };
  };
}

function withinMemory<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof SpaceFull) return undefined;
    throw error;
  }
}

/** Proves a set of rules of a node.  It never throws for what stands in the rules. */
export function proveRules(
  subject: ProofSubject,
  node: OffloadNode,
  ruleSet: RuleSet,
  options: ProveOptions = {},
): RuleProof {
  return openProver(subject, node, options)(ruleSet, options);
}

/**
 * What has to hold before rules get into a device: the network is as promised, and the rules do what its logical flows do,
 * both proven for all packets.  What does not hold can be overridden with words that stay in the journal.
 */
import type { RuleSet } from '../../engine/offload/rules.ts';
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import type { Southbound } from '../../engine/ovsdb/southbound.ts';
import type { VpcPlan } from '../../engine/vpc/plan.ts';
import type { Policy } from '../../sim/policy/index.ts';
import type { Finding } from '../../sim/verdict.ts';
import { verifyNetwork } from '../../sim/verifier.ts';
import { type Status, status, UsageError } from '../command.ts';
import { openProgress } from '../progress.ts';

/** What a proof that rules do what the logical flows do says. */
export interface RuleProof {
  readonly verdict: 'holds' | 'violated' | 'unknown';
  /** Sentences: what hardware would do and what the flows do, or what was not understood; none where it holds. */
  readonly sentences: readonly string[];
}

/** Proves a set of rules of a node. */
export type ProveRules = (network: NetworkInput, node: string, rules: RuleSet) => RuleProof;

export interface NetworkInput {
  readonly southbound: Southbound;
  readonly northbound?: Northbound;
  readonly plans: readonly VpcPlan[];
}

/** Whether rules may get into a device. */
export interface Gate {
  /** `fine` where both proofs hold. */
  readonly status: Status;
  /** Why not, a sentence each. */
  readonly against: readonly string[];
}

/** Asks both proofs, even where the first one fails: whoever has to act wants to know all. */
export function askGate(input: NetworkInput, node: string, rules: RuleSet, prove: ProveRules, policy?: Policy): Gate {
  const progress = openProgress();
  const { verdict, properties } = verifyNetwork(input, {
    ...(policy && { policy }),
    onProgress: (what) => progress.show(what),
  });
  progress.show(`proving ${rules.rules.length} rules of ${node}`);
  const proof = prove(input, node, rules);
  progress.close();
  const verdicts = [verdict, proof.verdict];
  return {
    status: verdicts.includes('violated')
      ? status.violated
      : verdicts.includes('unknown')
        ? status.unknown
        : status.fine,
    against: [
      ...(verdict === 'violated' || verdict === 'unknown' ? properties.flatMap(sentenceOf) : []),
      ...(proof.verdict === 'holds' ? [] : proof.sentences),
    ],
  };
}

function sentenceOf({ id, subject, verdict, reason, severity, excused }: Finding): string[] {
  if ((verdict !== 'violated' && verdict !== 'unknown') || excused || severity !== 'error') return [];
  return [`${id} of ${subject} is ${verdict}${reason === undefined ? '' : `: ${reason}`}`];
}

/** `--force WHY`: words, not only the wish. */
export function forcedWords(why: string): string {
  if (why.trim() === '') throw new UsageError('--force "": say why; it is written into the journal');
  return why.trim();
}

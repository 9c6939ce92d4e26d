/** The proof that rules do what the logical flows do. */
import type { RuleProof } from './gate.ts';

/** Proves a set of rules of a node. */
export function proveRuleSet(): RuleProof {
  return { verdict: 'unknown', sentences: ['there is no proof of rules yet; say with --force why they are right'] };
}

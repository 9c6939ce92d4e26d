/**
 * What has to hold before rules get into a device: the network is as promised, and the rules do what its logical flows do,
 * both proven for all packets.  What does not hold can be overridden with words that stay in the journal.
 */
import { checkRules, problemText } from '../../engine/offload/check.ts';
import type { RuleSet } from '../../engine/offload/rules.ts';
import { proveRules, type RuleProof, type RuleViolation } from '../../sim/offload/prove.ts';
import type { Policy } from '../../sim/policy/index.ts';
import type { Finding } from '../../sim/verdict.ts';
import { verifyNetwork } from '../../sim/verifier.ts';
import { type Status, status, UsageError } from '../command.ts';
import { openProgress } from '../progress.ts';
import type { Subject } from './subject.ts';

/** Whether rules may get into a device. */
export interface Gate {
  /** `fine` where both proofs hold. */
  readonly status: Status;
  /** Why not, a sentence each. */
  readonly against: readonly string[];
}

/** Asks both proofs, even where the first one fails: whoever has to act wants to know all. */
export function askGate(subject: Subject, rules: RuleSet, policy?: Policy): Gate {
  const progress = openProgress();
  const onProgress = (what: string) => progress.show(what);
  const { verdict, properties } = verifyNetwork(subject, { ...(policy && { policy }), onProgress });
  const node = { name: subject.node, ...subject.device };
  const proof = proveRules(subject, node, rules, { onProgress });
  progress.close();
  const ports = [subject.device.uplink, ...subject.device.ports.values()];
  const refused = checkRules(rules, subject.capabilities, { ports }).map(problemText);
  const verdicts = [verdict, proof.verdict, ...(refused.length > 0 ? ['violated'] : [])];
  return {
    status: verdicts.includes('violated')
      ? status.violated
      : verdicts.includes('unknown')
        ? status.unknown
        : status.fine,
    against: [
      ...(verdict === 'violated' || verdict === 'unknown' ? properties.flatMap(sentenceOf) : []),
      ...refused.map((sentence) => `${subject.capabilities.device} refuses ${sentence}`),
      ...proofSentences(proof),
    ],
  };
}

function proofSentences(proof: RuleProof): string[] {
  if (proof.verdict === 'unknown') return proof.reasons.map((reason) => `the rules are not proven: ${reason}`);
  return proof.verdict === 'violated' ? proof.violations.map(violationSentence) : [];
}

function violationSentence({ sentence, packet, rule }: RuleViolation): string {
  const which = rule ? `rule ${rule.index}${rule.cookie === undefined ? '' : ` (${rule.cookie})`}: ` : '';
  const how = packet ? `\n  ${packet.summary}\n  frame ${packet.frame} into ${packet.devicePort}` : '';
  return `${which}${sentence}${how}`;
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

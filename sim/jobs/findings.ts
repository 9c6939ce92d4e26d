/** Findings that need no proof: of what there is nothing to say, or nothing can be said. */

import { SpaceFull } from '../../engine/sets/index.ts';
import { findingOf } from '../answers/findings.ts';
import type { Answers } from '../answers/index.ts';
import type { Check, Property } from '../properties/property.ts';
import type { Finding } from '../verdict.ts';

/** Judges a check; unknown where the sets of packets take more memory than they are allowed. */
export const judged = (property: Property, check: Check, answers: Answers): Finding =>
  withinMemory(() => findingOf(property, check, answers)) ?? tooLarge(property, check.subject);

/** Undefined where the sets of packets would need more memory than they are allowed. */
export function withinMemory<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof SpaceFull) return undefined;
    throw error;
  }
}

export const tooLargeReason = 'the sets of packets of this network need more memory than the 1 GiB allowed';

export const tooLarge = (property: Property, subject: string): Finding =>
  unknownFinding(property, subject, tooLargeReason);

export const unknownFinding = ({ id, severity }: Property, subject: string, reason: string): Finding => ({
  id,
  subject,
  severity,
  verdict: 'unknown',
  reason,
  method: 'proof',
  source: [],
});

/** A property that has nothing to say of a network. */
export function speechless({ id, severity }: Property): Finding {
  const reason = 'there is nothing here that it speaks of';
  return { id, subject: 'the network', severity, verdict: 'vacuous', reason, method: 'proof', source: [] };
}

/**
 * The verdict on a network, proven for all packets: the built-in properties and
 * the rules of a policy, each with what shows it where it is broken.
 *
 *     const verification = verifyNetwork({ southbound, plans });
 *     report('text', verification, { properties: propertiesOf(policy) });
 *
 * A network is verified part by part (sim/jobs), so that memory is that of the largest part. Who verifies it
 * again and again keeps a verifier, which does what has changed:
 *
 *     const verifier = openVerifier({ policy });
 *     verifier.verify(before);
 *     verifier.verify(after);
 */

import { type Common, type PartResult, verifyPart } from './jobs/part-job.ts';
import type { Part, Subject } from './jobs/parts.ts';
import { conclude, type Plan, planOf, type Together, togetherOf, type WireMemory } from './jobs/plan.ts';
import { isSame } from './jobs/same.ts';
import type { TogetherResult } from './jobs/together.ts';
import { isEnabled, type Policy } from './policy/index.ts';
import { builtInProperties } from './properties/index.ts';
import type { Property } from './properties/property.ts';
import { comparison, type OtherNetwork, policyProperties } from './rules/index.ts';
import type { Verification } from './verdict.ts';

export { type Common, givenUp, type PartResult, verifyPart } from './jobs/part-job.ts';
export type { Part, Subject } from './jobs/parts.ts';

export interface VerifyOptions {
  readonly policy?: Policy;
  /** `YYYY-MM-DD`; exceptions may end. Today unless given. */
  readonly today?: string;
  /** What rules `unchanged` of the policy compare with, by the names that they have for it; '' is for those that have none. */
  readonly against?: ReadonlyMap<string, OtherNetwork>;
  /** The properties to prove; all that the policy enables, and its rules, unless given. */
  readonly properties?: readonly Property[];
  /** Told now and then what is being done. */
  readonly onProgress?: (what: string) => void;
  /** Milliseconds; a clock that only goes forward. */
  readonly now?: () => number;
}

const dayOf = (today: string | undefined): string => today ?? new Date().toISOString().slice(0, 10);

/** The properties that are proven of a network: the built-in ones that a policy does not disable, and its rules. */
export function propertiesOf(
  policy: Policy | undefined,
  { today, against }: Pick<VerifyOptions, 'today' | 'against'> = {},
): readonly Property[] {
  const builtIn = builtInProperties.filter(({ id }) => isEnabled(id, policy));
  if (!policy) return builtIn;
  const compare = against && comparison(policy, against);
  return [...builtIn, ...policyProperties(policy, { today: dayOf(today), ...(compare && { compare }) })];
}

/** Proves the properties of a network. */
export const verifyNetwork = (subject: Subject, options: VerifyOptions = {}): Verification =>
  openVerifier(options).verify(subject);

/** Verifies parts elsewhere: in threads, on other machines. Gives their results in the order of the parts. */
export type Runner = (parts: readonly Part[], common: Common) => Promise<readonly PartResult[]>;

/** Verifies networks that follow each other; what was found of a part is kept until the part changes. */
export interface Verifier {
  verify(subject: Subject): Verification;
  /** The same, with the parts verified by a runner. */
  verifyBy(runner: Runner, subject: Subject): Promise<Verification>;
  /** How many parts the last network had, and how many of them had to be verified. */
  readonly last: { readonly parts: number; readonly verified: number };
}

/** What is known of the last network. */
interface Kept {
  readonly common: Common;
  readonly parts: ReadonlyMap<string, { readonly part: Part; readonly result?: PartResult }>;
  readonly together?: TogetherResult;
}

/** A verification that has begun. */
interface Begun {
  readonly plan: Plan;
  readonly started: number;
  /** Whether nothing has changed at all. */
  readonly isSame: boolean;
  /** What is known of each part. */
  readonly known: readonly (PartResult | undefined)[];
  /** Those that are to be verified. */
  readonly open: readonly Part[];
}

/** Opens a verifier, which knows of no network yet. */
export function openVerifier(options: VerifyOptions = {}): Verifier {
  const { onProgress, now = () => performance.now() } = options;
  let kept: Kept | undefined;
  let last = { parts: 0, verified: 0 };
  const wires: WireMemory = {};

  const begin = (subject: Subject): Begun => {
    const started = now();
    const plan = planned(subject, options);
    const { parts } = plan.partition;
    const before = kept && isSame(kept.common, plan.common) ? kept.parts : undefined;
    const known = parts.map((part) => {
      const one = before?.get(part.name);
      return one && isSame(one.part, part) ? one : undefined;
    });
    const open = plan.isWhole ? [] : parts.filter((_, index) => known[index]?.result === undefined);
    return {
      plan,
      started,
      isSame: before?.size === parts.length && known.every((one) => one !== undefined),
      known: known.map((one) => one?.result),
      open,
    };
  };

  const end = ({ plan, started, isSame: isKnown, known, open }: Begun, fresh: readonly PartResult[]): Verification => {
    const made = new Map(open.map((part, index) => [part, fresh[index]]));
    const { parts } = plan.partition;
    const results = parts.map((part, index) => made.get(part) ?? known[index]);
    let together = isKnown ? kept?.together : undefined;
    const ask: Together = (...question) => {
      together ??= togetherOf(plan, onProgress)(...question);
      return together;
    };
    const found = conclude(
      plan,
      results.flatMap((result) => result ?? []),
      ask,
      wires,
    );
    kept = {
      common: plan.common,
      parts: new Map(
        parts.map((part, index) => [part.name, { part, ...(results[index] && { result: results[index] }) }]),
      ),
      ...(together && { together }),
    };
    last = { parts: parts.length, verified: plan.isWhole && isKnown ? 0 : plan.isWhole ? parts.length : open.length };
    return { ...found, elapsedMs: Math.round(now() - started) };
  };

  return {
    verify(subject) {
      const begun = begin(subject);
      const fresh = begun.open.map((part, index) => {
        onProgress?.(`following all packets: ${index} of ${begun.open.length} parts of the network`);
        return verifyPart(part, begun.plan.common);
      });
      return end(begun, fresh);
    },
    async verifyBy(runner, subject) {
      const begun = begin(subject);
      return end(begun, begun.open.length > 0 ? await runner(begun.open, begun.plan.common) : []);
    },
    get last() {
      return last;
    },
  };
}

function planned(subject: Subject, options: VerifyOptions): Plan {
  const { policy, properties = propertiesOf(policy, options) } = options;
  return planOf(subject, { properties, ...(policy && { policy }), today: dayOf(options.today) });
}

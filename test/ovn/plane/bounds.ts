/**
 * How much two worlds agree, and how much they have to: what lflow does not do as real OVN does is
 * bounded, so that a change for the worse fails.  The bounds are to be tightened with every
 * difference that is mended.
 */
import { type CompareOptions, compareSteps, countDifferentSteps, type Step } from '../../oracle/exchange.ts';

export interface Share {
  count: number;
  different: number;
}

export interface Agreement {
  /** A conversation is different if any step of it is. */
  conversations: Share;
  /** Batches of random frames: one frame makes a batch different. */
  random: Share;
  /** What differs, a text for each conversation, the first ones. */
  told: string[];
}

/** The least share that has to be equal. */
export interface Least {
  conversations: number;
  random: number;
}

/** Some topologies are small, so that a few differences are a large share of them. */
export const leastForOne: Least = { conversations: 0.95, random: 0.95 };
export const leastForAll: Least = { conversations: 0.9995, random: 0.996 };
/** So many topologies of a suite may be different at all. */
export const mostUnequal = 4;

const isRandom = ({ conversation }: Step): boolean => conversation.startsWith('random frames');

export function agreementOf(theirs: readonly Step[], ours: readonly Step[], options: CompareOptions = {}): Agreement {
  const talk = [theirs, ours].map((steps) => steps.filter((step) => !isRandom(step))) as [Step[], Step[]];
  const random = [theirs, ours].map((steps) => steps.filter(isRandom)) as [Step[], Step[]];
  const told = compareSteps(...talk, { ...options, limit: Number.POSITIVE_INFINITY });
  return {
    conversations: { count: new Set(talk[0].map(({ conversation }) => conversation)).size, different: told.length },
    random: { count: random[0].length, different: countDifferentSteps(...random, options) },
    told: [...told.slice(0, 8), ...compareSteps(...random, options)],
  };
}

export function total(agreements: readonly Agreement[]): Agreement {
  const sum = (part: 'conversations' | 'random'): Share => ({
    count: agreements.reduce((all, agreement) => all + agreement[part].count, 0),
    different: agreements.reduce((all, agreement) => all + agreement[part].different, 0),
  });
  return { conversations: sum('conversations'), random: sum('random'), told: [] };
}

/**
 * Sentences about shares that are below what they have to be.  Of one topology all of a kind may be left out
 * (differences.ts); of all together nothing compared is below all.
 */
export function exceeded(agreement: Agreement, least: Least): string[] {
  return (['conversations', 'random'] as const).flatMap((part) => {
    const { count, different } = agreement[part];
    const equal = count === 0 ? (least === leastForAll ? 0 : 1) : (count - different) / count;
    return equal >= least[part] ? [] : [`${different} of ${count} ${part} differ, at most ${1 - least[part]} may`];
  });
}

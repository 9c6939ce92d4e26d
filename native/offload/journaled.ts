/** The exchange of rules, written down: what was intended before it begins, how it ended, and how those before ended who were killed. */
import type { RuleSet } from '../../engine/offload/rules.ts';
import { type Applied, applyRules, type Intent } from './apply.ts';
import type { OffloadDevice } from './device.ts';
import { type Forced, hashOf, type InForce, type Intended, inForce, openJournal } from './journal.ts';

/** Somebody who was killed while he applied rules. */
export interface Interrupted {
  readonly intended: Intended;
  /** Which rules were in force until now. */
  readonly inForce: InForce;
}

export interface Journaled extends Applied {
  readonly interrupted: readonly Interrupted[];
  /** Lines of the journal that are not whole, a sentence each. */
  readonly problems: readonly string[];
}

/**
 * Applies a set of rules as `applyRules` does, with a journal.  Rejects as it does, and where the journal cannot be
 * written: before the exchange, then nothing was done, or behind it, then the sentence says that the rules are in force.
 */
export async function applyJournaled(
  device: OffloadDevice,
  rules: RuleSet,
  file: string,
  forced?: Forced,
): Promise<Journaled> {
  const journal = await openJournal(file);
  const subject = {
    node: rules.node,
    device: rules.device,
    rules: rules.rules.length,
    hash: hashOf(rules),
    ...(forced && { forced }),
  };
  let id: string | undefined;
  let interrupted: Interrupted[] = [];
  const intend = async (intent: Intent): Promise<void> => {
    // Nobody else changes rules now, so who has not ended will not.
    interrupted = journal.unended.map((intended) => ({ intended, inForce: inForce(intended, intent.before) }));
    for (const { intended, inForce: which } of interrupted) {
      await journal.end(intended.id, { outcome: 'interrupted', inForce: which });
    }
    id = await journal.intend(subject, intent);
  };
  try {
    const applied = await applyRules(device, rules, undefined, intend);
    const { created, removed, leftovers } = applied;
    if (id !== undefined) await ended(journal.end(id, { outcome: 'applied', created, removed, leftovers }));
    return { ...applied, interrupted, problems: journal.problems };
  } catch (error) {
    if (id !== undefined && !(error instanceof UnwrittenEnd)) {
      const why = error instanceof Error ? error.message : String(error);
      await journal.end(id, { outcome: 'refused', why }).catch(() => undefined);
    }
    throw error;
  } finally {
    await journal.close();
  }
}

class UnwrittenEnd extends Error {}

async function ended(written: Promise<void>): Promise<void> {
  try {
    await written;
  } catch (error) {
    throw new UnwrittenEnd(`the rules are in force, but ${error instanceof Error ? error.message : error}`);
  }
}

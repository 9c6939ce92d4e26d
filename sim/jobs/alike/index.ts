/**
 * Parts that are alike: of those that differ only by the names of constants one is verified, and what holds of it is told
 * of the others. Why that is a proof is in docs/verifier.md, "Alike parts".
 */
import type { Common, PartResult } from '../part-job.ts';
import type { Part } from '../parts.ts';
import { carriedOver, isCarriable, type Told, type Verified } from './carried.ts';
import { indexElsewhere } from './elsewhere.ts';
import { createFormMaker, type Form } from './form.ts';
import { type Renameable, renamingOf } from './renaming.ts';
import { rangesSpokenOf } from './spoken.ts';
import { usesOf } from './uses.ts';

export type { Told, Verified } from './carried.ts';
export type { Kin } from './crowds.ts';
export type { Form } from './form.ts';

/** Sorts parts by what they look like; it keeps what it knows of those that were verified, as long as they are named. */
export interface Alike {
  /** What a part looks like; undefined if it cannot be told of others, nor others of it. */
  formOf(part: Part): Form | undefined;
  /** What holds of a part by what was found of one that looks the same; undefined where that does not say it. */
  tell(from: Verified, part: Part, form: Form): Told | undefined;
}

/** Opens a sorter for the parts of one network; undefined where a policy speaks of more than addresses. */
export function openAlike(common: Common): Alike | undefined {
  const { policy } = common;
  const spoken = policy ? rangesSpokenOf(policy) : [];
  if (!spoken) return undefined;
  const maker = createFormMaker();
  let elsewhere: ReturnType<typeof indexElsewhere> | undefined;
  const known = new WeakMap<PartResult, Renameable | 'not'>();
  const renameable = (from: Verified): Renameable | 'not' => {
    const uses = isCarriable(from, common) ? usesOf(from.part.southbound) : undefined;
    return uses ? { part: from.part, form: from.form, uses, spoken } : 'not';
  };
  return {
    formOf: (part) => maker.formOf(part),
    tell(from, part, form) {
      let source = known.get(from.result);
      if (source === undefined) {
        source = renameable(from);
        known.set(from.result, source);
      }
      if (source === 'not') return undefined;
      elsewhere ??= indexElsewhere(common.elsewhere);
      const renaming = renamingOf(source, part, form, elsewhere);
      return renaming && carriedOver(from, part, form, renaming, common);
    },
  };
}

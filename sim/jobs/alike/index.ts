/**
 * Parts that are alike: of those that differ only by the names of constants one is verified, and what holds of it is told
 * of the others; what is broken in it is shown in them. Why that is a proof is in docs/verifier.md, "Alike parts".
 */
import { openBackstage } from '../../answers/index.ts';
import type { Common, PartResult } from '../part-job.ts';
import type { Part } from '../parts.ts';
import { carriedOver, isCarriable, type Told, type Verified } from './carried.ts';
import { indexElsewhere } from './elsewhere.ts';
import { createFormMaker, type Form, looksTheSame } from './form.ts';
import { type Renameable, type Renaming, renamingOf } from './renaming.ts';
import { rangesSpokenOf } from './spoken.ts';
import { usesOf } from './uses.ts';

export type { Told, Verified } from './carried.ts';
export type { Kin } from './crowds.ts';
export type { Form } from './form.ts';

/** Sorts parts by what they look like; it keeps what it knows of those that were verified, as long as they are named. */
export interface Alike {
  /** What a part looks like; undefined if it cannot be told of others, nor others of it. Who knows what it looked like before, says it. */
  formOf(part: Part, before?: { readonly part: Part; readonly form?: Form }): Form | undefined;
  /** Compares a part with one that looks the same and is not verified yet: then it is soon told. */
  compare(from: Formed, part: Part, form: Form): void;
  /** What is found of a part by what was found of one that looks the same; undefined where that does not say it. */
  tell(from: Verified, part: Part, form: Form): Told | undefined;
}

/** A part and what it looks like. */
export type Formed = Pick<Verified, 'part' | 'form'>;

/** Opens a sorter for the parts of one network; undefined where a policy speaks of more than addresses. */
export function openAlike(common: Common): Alike | undefined {
  const { policy } = common;
  const spoken = policy ? rangesSpokenOf(policy) : [];
  if (!spoken) return undefined;
  const maker = createFormMaker();
  let elsewhere: ReturnType<typeof indexElsewhere> | undefined;
  const backstage = openBackstage();
  const carriable = new WeakMap<PartResult, boolean>();
  const isToldOf = (from: Verified): boolean => {
    const known = carriable.get(from.result) ?? isCarriable(from, common);
    carriable.set(from.result, known);
    return known;
  };
  const sources = new WeakMap<Form, Renameable | 'not'>();
  const sourceOf = ({ part, form }: Formed): Renameable | 'not' => {
    const known = sources.get(form);
    if (known !== undefined) return known;
    const uses = usesOf(part.southbound);
    const source = uses ? { part, form, uses, spoken } : 'not';
    sources.set(form, source);
    return source;
  };
  const compared = new WeakMap<Form, { readonly to: Form; readonly renaming: Renaming | undefined }>();
  /** How a part is renamed to another one; what was found the last time is known. */
  const compare = (from: Formed, part: Part, form: Form): Renaming | undefined => {
    const known = compared.get(form);
    if (known?.to === from.form) return known.renaming;
    const source = sourceOf(from);
    if (source === 'not') return undefined;
    elsewhere ??= indexElsewhere(common.elsewhere);
    const renaming = renamingOf(source, part, form, elsewhere);
    compared.set(form, { to: from.form, renaming });
    return renaming;
  };
  return {
    formOf: (part, before) => (before?.form && looksTheSame(before.part, part) ? before.form : maker.formOf(part)),
    compare,
    tell(from, part, form) {
      const renaming = isToldOf(from) ? compare(from, part, form) : undefined;
      // Each part is told once; what it is renamed by need not be known for longer.
      compared.delete(form);
      return renaming && carriedOver(from, part, form, renaming, common, backstage);
    },
  };
}

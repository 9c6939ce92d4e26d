/** What is missing, but may be there all the same: where packets were not followed exactly, nothing is surely lost. */
import type { PacketSet } from '../../engine/sets/index.ts';
import { copyFields, neighborMacs } from './honest.ts';
import { type Judgement, unknown, violated } from './property.ts';
import type { View } from './view.ts';

/** Of new packets those that come out of some port only as far as they were modelled, which is not exact. */
export function unsurely({ analysis: { space, bundles }, returning }: View, packets: PacketSet): PacketSet {
  const some = bundles
    .filter((one) => !one.exact && one.connection === 'new' && one.meets(packets))
    .map((one) => one.within(() => space.all, packets));
  const back = returning.filter(({ exact, connection }) => !exact && connection === 'new');
  const all = space.orAll([...some, ...back.map((one) => space.and(one.copies, packets))]);
  return space.forget(all, [...copyFields, ...neighborMacs]);
}

/** What does not come where it should, which is wrong: violated if it surely does not. */
export function missing(
  view: View,
  lost: PacketSet,
  violation: Omit<Extract<Parameters<typeof violated>[0], { kind: 'missing' }>, 'kind' | 'packets'>,
): Judgement {
  const surely = view.analysis.space.diff(lost, unsurely(view, lost));
  if (surely === view.analysis.space.empty) return unknown(inexact(`it is so that ${violation.sentence}`));
  return violated({ kind: 'missing', packets: surely, ...violation });
}

/** Why it is not known. */
export const inexact = (what: string): string => `whether ${what} depends on something that is not modelled exactly`;

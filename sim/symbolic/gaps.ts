/** Where the answer is less than a proof. */
import type { Analysis, Gap } from './types.ts';

/** What nothing is known of: of all packets, or of those that belong to no connection which others opened. */
export const gapsOf = ({ gaps }: Pick<Analysis, 'gaps'>, of: 'all' | 'new'): readonly Gap[] =>
  of === 'all' ? gaps : gaps.filter(({ connections }) => connections === undefined);

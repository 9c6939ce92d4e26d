/** What the outcomes of mutants come to. */
import type { Outcome } from './judge.ts';

/** Of 100 mutants that count, so many are caught at least, whichever sample is taken: what is wanted, and has been reached. */
export const bound = 98;

/** Whether a mutant counts: it changes what becomes of a packet, and that matters to somebody. */
const counts = ({ verdict }: Outcome): boolean => verdict !== 'equivalent' && verdict !== 'harmless';

/**
 * Of 100 mutants that count, those that the properties caught that should; of which nothing is known, or what others
 * caught, are not. 100 of none.
 */
export function scoreOf(outcomes: readonly Outcome[]): number {
  const counted = outcomes.filter(counts).length;
  const caught = outcomes.filter(({ verdict }) => verdict === 'caught').length;
  return counted === 0 ? 100 : (100 * caught) / counted;
}

/** Lines: how many of each verdict, and of those caught, by which property first. */
export function tally(outcomes: readonly Outcome[]): string[] {
  const verdicts = countsOf(outcomes.map(({ verdict }) => verdict));
  const properties = countsOf(outcomes.flatMap((one) => (one.verdict === 'caught' ? [one.by] : [])));
  return [
    `\n${outcomes.length} mutants: ${verdicts.map(([verdict, count]) => `${count} ${verdict}`).join(', ')}`,
    ...properties.map(([id, count]) => `  ${String(count).padStart(5)}  caught by ${id}`),
  ];
}

function countsOf(words: readonly string[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a);
}

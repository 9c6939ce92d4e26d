/** A sample that a seed chooses. */
import fc from 'fast-check';

/** `count` of the things, in their order; all of them if there are no more. */
export function sampleOf<T>(things: readonly T[], count: number, seed: number): T[] {
  const wanted = Math.min(count, things.length);
  if (wanted === 0) return [];
  const indices = fc.uniqueArray(fc.nat(things.length - 1), { minLength: wanted, maxLength: wanted, size: 'max' });
  const [chosen = []] = fc.sample(indices, { seed, numRuns: 1 });
  return [...chosen].sort((a, b) => a - b).map((index) => things[index] as T);
}

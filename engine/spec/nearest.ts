/** How much is compared, so that thousands of mistakes among thousands of names do not take minutes. */
const maxCandidates = 200;
const maxWord = 100;

/**
 * The candidate that somebody who wrote `word` most likely meant; absent where
 * none is near, or where the nearest is more than `furthest` letters away.
 */
export function nearest(word: string, candidates: Iterable<string>, furthest = maxWord): string | undefined {
  if (word.length > maxWord) return undefined;
  let best: { candidate: string; distance: number } | undefined;
  let compared = 0;
  for (const candidate of candidates) {
    if (++compared > maxCandidates) break;
    const limit = Math.min(furthest, Math.max(1, Math.floor(Math.max(word.length, candidate.length) / 3)));
    if (Math.abs(word.length - candidate.length) > limit) continue;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance <= limit && (!best || distance < best.distance)) best = { candidate, distance };
  }
  return best?.candidate;
}

/** Letters to insert, remove, replace or swap with their neighbour to make `b` of `a`. */
function editDistance(a: string, b: string): number {
  let previous: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = isSwap ? previous[j - 2] + 1 : Number.POSITIVE_INFINITY;
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (isSame ? 0 : 1), swapped);
    }
    previous = row;
    row = next;
  }
  return row[b.length];
}

/** How many nodes there are, the terminal among them, and how many there were at most. */

let count: u32 = 0;
let peak: u32 = 0;

export function nodeCount(): u32 {
  return count;
}

export function peakCount(): u32 {
  return peak;
}

export function setNodeCount(now: u32): void {
  count = now;
  if (now > peak) peak = now;
}

/** Begins to count anew. */
export function resetCensus(): void {
  count = 0;
  peak = 0;
}

/**
 * The seed and the number of runs of a randomised test: `LFLOW_SEED=N` repeats
 * a run that failed, `LFLOW_RUNS=N` makes it longer or shorter.
 */
export function seedAndRuns(usualRuns: number): { seed: number; runs: number } {
  const seed = wholeNumber('LFLOW_SEED') ?? Math.floor(Math.random() * 2 ** 31);
  const runs = wholeNumber('LFLOW_RUNS') ?? usualRuns;
  process.stdout.write(`LFLOW_SEED=${seed} LFLOW_RUNS=${runs}\n`);
  return { seed, runs };
}

/** A setting from the environment. */
export function wholeNumber(variable: string): number | undefined {
  const text = process.env[variable];
  if (text === undefined || text === '') return undefined;
  if (!/^\d+$/.test(text)) throw new Error(`${variable} is "${text}"; it must be a whole number`);
  return Number(text);
}

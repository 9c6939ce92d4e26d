/**
 * How many mutants of the examples' networks the built-in properties catch: docs/testing.md.
 *
 *     npm run test:mutation -- --examples single-vpc,two-vpcs --sample 40
 *     npm run test:mutation -- --examples databases --sample 24
 *     npm run test:mutation -- --all
 *     npm run test:mutation -- --all --only 'policy removed'
 *
 * The bound is for networks of manifests, which say what is wanted of them. Of a database nobody knows what else was meant.
 *
 * Exit status: 0 where the bound is reached, 1 where it is not, 2 where the arguments are wrong.
 */
import { parseArgs } from 'node:util';
import { seedAndRuns } from '../oracle/seed.ts';
import type { Outcome } from './judge.ts';
import { type MutantName, openLimited } from './limited.ts';
import { goodDatabases } from './network.ts';
import { sampleOf } from './sample.ts';
import { bound, scoreOf, tally } from './score.ts';

/** Everything that engine/vpc makes a network of. */
const usual = {
  examples: 'single-vpc,two-networks,isolated-networks,two-vpcs,two-tenants,service-interface',
  sample: '150',
};

const isDatabase = (example: string): boolean => example.includes('/');

interface Settings {
  readonly examples: readonly string[];
  /** Of each example; all of them if undefined. */
  readonly sample?: number;
  readonly seed: number;
  /** Mutants of which kind and row or flow match it; all unless given. */
  readonly only?: RegExp;
}

function settings(): Settings {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ options: { examples: text, sample: text, only: text, all: { type: 'boolean' } } });
  const sample = values.sample ?? usual.sample;
  if (!/^[1-9]\d*$/.test(sample)) throw new Error(`--sample ${sample}: give a number of 1 or more`);
  const { seed, runs } = seedAndRuns(Number(sample));
  const wanted = (values.examples ?? usual.examples).split(',');
  const examples = wanted.flatMap((name) => (name === 'databases' ? goodDatabases() : [name]));
  const only = values.only === undefined ? undefined : new RegExp(values.only);
  return { examples, seed, ...(!values.all && { sample: runs }), ...(only && { only }) };
}

async function tried(example: string, { sample, seed, only }: Settings): Promise<Outcome[]> {
  const file = isDatabase(example) ? `examples/${example}.db` : `examples/${example}.yaml`;
  const { names, complaints, judge, close } = await openLimited(file);
  const all = names.flatMap(({ kind, what }, index) => (only && !only.test(`${kind}: ${what}`) ? [] : [index]));
  const chosen = sample === undefined ? all : halves(names, all, sample, seed);
  const how = sample === undefined || chosen.length === all.length ? '' : `, which seed ${seed} chose`;
  print(`\n${file}: ${chosen.length} of ${names.length} mutants${how}`);
  for (const complaint of complaints) print(`  as it is, ${complaint}`);
  const outcomes: Outcome[] = [];
  for (const index of chosen) {
    const outcome = await judge(index);
    told(names[index] as MutantName, outcome);
    outcomes.push(outcome);
  }
  await close();
  return outcomes;
}

/** Half of the sample are mutants of rows: there are far more flows, but rows are what people change. */
function halves(names: readonly MutantName[], all: readonly number[], sample: number, seed: number): number[] {
  const indicesOf = (of: MutantName['of']): number[] => all.filter((index) => names[index]?.of === of);
  const rows = sampleOf(indicesOf('rows'), Math.ceil(sample / 2), seed);
  return [...rows, ...sampleOf(indicesOf('flows'), sample - rows.length, seed)];
}

function told({ kind, what }: MutantName, outcome: Outcome): void {
  if (process.stderr.isTTY) process.stderr.write('.');
  if (outcome.verdict === 'survived') {
    print(`  survived: ${kind}: ${what}`);
    for (const line of outcome.changes) print(`    ${line}`);
  } else if (outcome.verdict === 'unknown') {
    print(`  unknown: ${kind}: ${what}\n    ${outcome.reason}`);
  } else if (outcome.verdict === 'elsewhere') {
    print(`  only ${outcome.by} noticed, which is there for something else: ${kind}: ${what}`);
  } else if (outcome.verdict === 'harmless') {
    print(
      `  harmless (nobody but senders gets anything newly, nothing is lost that honest hosts send): ${kind}: ${what}`,
    );
    if (process.env.LFLOW_VERBOSE) for (const line of outcome.changes) print(`    ${line}`);
  } else if (process.env.LFLOW_VERBOSE) {
    print(`  ${outcome.verdict}${outcome.verdict === 'caught' ? ` by ${outcome.by}` : ''}: ${kind}: ${what}`);
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function main(): Promise<number> {
  let wanted: Settings;
  try {
    wanted = settings();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
    return 2;
  }
  const started = performance.now();
  const outcomes: Outcome[] = [];
  const bounded: Outcome[] = [];
  for (const example of wanted.examples) {
    const own = await tried(example, wanted);
    outcomes.push(...own);
    if (!isDatabase(example)) bounded.push(...own);
  }
  for (const line of tally(outcomes)) print(line);
  const score = scoreOf(bounded);
  if (bounded.length > 0) print(`caught ${score.toFixed(1)} of 100; the bound is ${bound}`);
  if (bounded.length < outcomes.length) print(`with databases, caught ${scoreOf(outcomes).toFixed(1)} of 100`);
  print(`${Math.round((performance.now() - started) / 1000)} s`);
  return score >= bound ? 0 : 1;
}

process.exitCode = await main();

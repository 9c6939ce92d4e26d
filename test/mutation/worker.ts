/** Judges mutants of one example in a thread of its own: limited.ts starts it, and ends it where one takes too much. */
import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { readManifests } from '../../engine/spec/read.ts';
import { northboundOfPlan, planTopology } from '../../engine/vpc/index.ts';
import { openTrial } from './judge.ts';

const file = String(workerData);
const plans = planTopology(readManifests([{ file, text: readFileSync(file, 'utf8') }]).resources);
const { mutants, complaints, judge } = openTrial(plans, northboundOfPlan(plans));

parentPort?.on('message', (index: number) => {
  const mutant = mutants[index];
  if (mutant) parentPort?.postMessage(judge(mutant));
});
parentPort?.postMessage({ names: mutants.map(({ of, kind, what }) => ({ of, kind, what })), complaints });

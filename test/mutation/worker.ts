/** Judges mutants of one example in a thread of its own: limited.ts starts it, and ends it where one takes too much. */
import { parentPort, workerData } from 'node:worker_threads';
import { openTrial } from './judge.ts';
import { readNetwork } from './network.ts';

const { mutants, complaints, judge } = openTrial(readNetwork(String(workerData)));

parentPort?.on('message', (index: number) => {
  const mutant = mutants[index];
  if (mutant) parentPort?.postMessage(judge(mutant));
});
parentPort?.postMessage({ names: mutants.map(({ of, kind, what }) => ({ of, kind, what })), complaints });

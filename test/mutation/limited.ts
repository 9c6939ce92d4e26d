/** Mutants judged within limits: one that takes too long or too much memory is not known, and the others go on. */
import { Worker } from 'node:worker_threads';
import type { Outcome } from './judge.ts';

/** For one mutant. */
const limits = { seconds: 30, megabytes: 1500 };

export interface MutantName {
  readonly of: 'rows' | 'flows';
  readonly kind: string;
  readonly what: string;
}

interface Opening {
  readonly names: readonly MutantName[];
  readonly complaints: readonly string[];
}

export interface LimitedTrial extends Opening {
  judge(index: number): Promise<Outcome>;
  close(): Promise<void>;
}

/** Opens the trial of manifests; fails where they cannot be read. */
export async function openLimited(file: string): Promise<LimitedTrial> {
  let worker = start(file);
  const opening = (await answerOf(worker)) as Opening;
  return {
    ...opening,
    judge: async (index) => {
      const timer = AbortSignal.timeout(limits.seconds * 1000);
      const ended = new Promise<undefined>((resolve) => timer.addEventListener('abort', () => resolve(undefined)));
      worker.postMessage(index);
      const answer = answerOf(worker).catch((error: unknown) => {
        if ((error as { code?: string }).code === 'ERR_WORKER_OUT_OF_MEMORY') return undefined;
        throw error;
      });
      const outcome = (await Promise.race([answer, ended])) as Outcome | undefined;
      if (outcome) return outcome;
      await worker.terminate();
      worker = start(file);
      await answerOf(worker);
      return { verdict: 'unknown', reason: `not decided within ${limits.seconds} s and ${limits.megabytes} MB` };
    },
    close: async () => {
      await worker.terminate();
    },
  };
}

const start = (file: string): Worker =>
  new Worker(new URL('./worker.js', import.meta.url), {
    workerData: file,
    // Room for what is made of one mutant and dropped at once.
    resourceLimits: { maxOldGenerationSizeMb: limits.megabytes, maxYoungGenerationSizeMb: 64 },
  });

function answerOf(worker: Worker): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const tell = (message: unknown): void => {
      worker.off('error', fail);
      resolve(message);
    };
    const fail = (error: unknown): void => {
      worker.off('message', tell);
      reject(error);
    };
    worker.once('message', tell);
    worker.once('error', fail);
  });
}

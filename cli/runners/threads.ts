/** Parts of a network verified by threads of this machine. */
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Piscina } from 'piscina';
import type { KeptSpace } from '../../sim/jobs/kept-space.ts';
import { type Common, givenUp, type Part, type PartResult, type Runner, verifyPart } from '../../sim/verifier.ts';
import { nameOf, pack, unpack } from './packed.ts';
import type { Job } from './thread.ts';

export interface ThreadOptions {
  /** How many threads there are; `usualWorkers` unless given. */
  readonly workers?: number;
  readonly onProgress?: (what: string) => void;
  /** The program of a thread, if this module is not where it was built. */
  readonly thread?: URL;
  /** Megabytes of JavaScript's memory that a thread may have; sets of packets are not in it. */
  readonly memory?: number;
}

/** With fewer parts than this, threads take longer to start than they save. */
const fewParts = 4;

/** How many threads parts are given to unless it is said: all cores but one, where there is much to do. */
export const usualWorkers = (parts: number): number => (parts < fewParts ? 1 : Math.max(1, availableParallelism() - 1));

/** A pool of threads that work on packed jobs. Throws an Error if there is no program for them. */
export function threadPool(workers: number, { memory = 2048, thread }: ThreadOptions = {}): Piscina<Job, Uint8Array> {
  const program = thread ?? new URL('./thread.js', import.meta.url);
  if (!existsSync(program)) throw new Error(`there is no program for threads at ${program}; build lflow first`);
  return new Piscina({
    filename: program.href,
    minThreads: workers,
    maxThreads: workers,
    resourceLimits: { maxOldGenerationSizeMb: memory },
  });
}

/** So often a part is begun: a thread that dies may have died of something else. */
const attempts = 2;

/** Works on a job in a pool, once more if the thread dies; rejects if that one dies, too. */
export async function attempted(pool: Piscina<Job, Uint8Array>, job: Job): Promise<Uint8Array> {
  for (let left = attempts - 1; ; left--) {
    try {
      return await pool.run(job);
    } catch (error) {
      if (left === 0) throw error;
    }
  }
}

/** Verifies parts in threads, or here if one is enough; the results are the same, whatever their number. */
export function threadRunner(options: ThreadOptions = {}): Runner {
  return async (parts, common, space) => {
    const workers = Math.min(options.workers ?? usualWorkers(parts.length), parts.length);
    if (workers <= 1) return verifiedHere(parts, common, space, options);
    const pool = threadPool(workers, options);
    const shared = sharedBytes(pack(common));
    const packed = { name: nameOf(shared), bytes: shared };
    let done = 0;
    try {
      return await Promise.all(
        parts.map(async (part): Promise<PartResult> => {
          const result = await attempted(pool, { part: pack(part), common: packed }).then(
            (bytes) => unpack<PartResult>(bytes),
            (error: unknown) =>
              givenUp(part, common, `its part of the network could not be verified: ${reasonOf(error)}`),
          );
          done += 1;
          options.onProgress?.(`${done} of ${parts.length} parts of the network are verified`);
          return result;
        }),
      );
    } finally {
      await pool.destroy();
    }
  };
}

function verifiedHere(
  parts: readonly Part[],
  common: Common,
  space: KeptSpace,
  { onProgress }: ThreadOptions,
): PartResult[] {
  return parts.map((part, index) => {
    onProgress?.(`following all packets: ${index} of ${parts.length} parts of the network`);
    return verifyPart(part, common, space);
  });
}

/** Bytes that all threads see without a copy. */
function sharedBytes(bytes: Uint8Array): Uint8Array {
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  return shared;
}

/** Why a thread gave up, in a sentence without a full stop. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const isOutOfMemory = 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
  return isOutOfMemory ? 'the thread ran out of memory, twice' : error.message.replace(/\.$/, '');
}

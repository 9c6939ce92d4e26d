/** Parts of a network verified by threads of this machine. */
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Piscina } from 'piscina';
import type { Kept } from '../../sim/jobs/kept.ts';
import type { Verification } from '../../sim/verdict.ts';
import {
  type Common,
  givenUp,
  type Part,
  type PartResult,
  type Runner,
  verifyNetwork,
  verifyPart,
} from '../../sim/verifier.ts';
import { nameOf, pack, unpack } from './packed.ts';
import type { Job, PartJob, Whole } from './thread.ts';

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

/** How many threads there are unless it is said: all cores but one. */
const mostWorkers = (): number => Math.max(1, availableParallelism() - 1);

/** How many threads parts are given to unless it is said: all cores but one, where there is much to do. */
export const usualWorkers = (parts: number): number => (parts < fewParts ? 1 : mostWorkers());

/** A pool of so many threads at most that work on packed jobs; they begin when they are needed, and stay. Throws an Error if there is no program for them. */
export function threadPool(workers: number, { memory = 2048, thread }: ThreadOptions = {}): Piscina<Job, Uint8Array> {
  const program = thread ?? new URL('./thread.js', import.meta.url);
  if (!existsSync(program)) throw new Error(`there is no program for threads at ${program}; build lflow first`);
  return new Piscina({
    filename: program.href,
    minThreads: 1,
    maxThreads: workers,
    idleTimeout: 2 ** 31 - 1,
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

/** Threads that wait for parts. */
export interface Threads {
  /** Verifies parts in threads, or here if one is enough and none has begun; the results are the same, whatever their number. */
  readonly runner: Runner;
  /** How many networks are verified at once. */
  readonly networksAtOnce: number;
  /** Verifies a network, whole: in a thread where there are several, and else here. If two threads die of it, it is told why. */
  verifyWhole(whole: Whole): Promise<Verification | Unverified>;
  /** Ends the threads; who goes on all the same begins others. */
  close(): Promise<void>;
}

/** A network that could not be verified: why, in a sentence without a full stop. */
export interface Unverified {
  readonly problem: string;
}

/** Opens threads: the first one begins when there is something for it. They know what they found of parts of before. */
export function openThreads(options: ThreadOptions = {}): Threads {
  const { workers, onProgress } = options;
  let pool: Piscina<Job, Uint8Array> | undefined;
  let shared: { readonly common: Common; readonly name: string; readonly bytes: Uint8Array } | undefined;
  const sharedOf = (common: Common): PartJob['common'] => {
    if (shared?.common !== common) {
      const bytes = sharedBytes(pack(common));
      shared = { common, name: nameOf(bytes), bytes };
    }
    return { name: shared.name, bytes: shared.bytes };
  };
  const poolOf = (threads: number): Piscina<Job, Uint8Array> => {
    pool ??= threadPool(threads, options);
    return pool;
  };
  const there = (part: Part, common: Common): Promise<PartResult> => {
    return attempted(poolOf(workers ?? mostWorkers()), { part: pack(part), common: sharedOf(common) }).then(
      (bytes) => unpack<PartResult>(bytes),
      (error: unknown) => givenUp(part, common, `its part of the network could not be verified: ${reasonOf(error)}`),
    );
  };
  const run = async (parts: readonly Part[], common: Common, kept: Kept): Promise<readonly PartResult[]> => {
    const wanted = Math.min(workers ?? usualWorkers(parts.length), parts.length);
    if (wanted <= 1 && !pool) return verifiedHere(parts, common, kept, options);
    let done = 0;
    return Promise.all(
      parts.map(async (part): Promise<PartResult> => {
        const result = await there(part, common);
        done += 1;
        onProgress?.(`${done} of ${parts.length} parts of the network are verified`);
        return result;
      }),
    );
  };
  const networksAtOnce = workers ?? availableParallelism();
  const verifyWhole = async (whole: Whole): Promise<Verification | Unverified> => {
    if (networksAtOnce === 1)
      return verifyNetwork(whole.subject, { ...whole.rules, ...(onProgress && { onProgress }) });
    return attempted(poolOf(networksAtOnce), { network: pack(whole) }).then(
      (bytes) => unpack<Verification>(bytes),
      (error: unknown) => ({ problem: reasonOf(error) }),
    );
  };
  // A thread that works while this one does something else needs a core of its own.
  const hasRoom = (workers ?? availableParallelism()) > 1;
  return {
    runner: Object.assign(run, hasRoom ? { ahead: there, prepare: () => void poolOf(workers ?? mostWorkers()) } : {}),
    networksAtOnce,
    verifyWhole,
    async close() {
      const open = pool;
      pool = undefined;
      await open?.destroy();
    },
  };
}

function verifiedHere(parts: readonly Part[], common: Common, kept: Kept, { onProgress }: ThreadOptions): PartResult[] {
  return parts.map((part, index) => {
    onProgress?.(`following all packets: ${index} of ${parts.length} parts of the network`);
    return verifyPart(part, common, kept);
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

/**
 * Parts of a network verified by workers on other machines, which a Redis server brings together.
 *
 * Jobs are in a queue (BullMQ); what they work on is beside it, under the hash of its bytes: once, however many jobs
 * speak of it, and results likewise.  A job of a worker that does not give a sign of life is given to another one.
 */
import { Queue, QueueEvents, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { givenUp, type PartResult, type Runner } from '../../sim/verifier.ts';
import { packageVersion, UsageError } from '../command.ts';
import { nameOf, pack, unpack } from './packed.ts';
import { attempted, reasonOf, threadPool } from './threads.ts';

/** What is in the queue: names of bytes. */
interface RedisJob {
  readonly part: string;
  readonly common: string;
}

interface RedisResult {
  readonly result: string;
}

/** Workers of another version might find other things. */
const queueName = (): string => `lflow-verify-${packageVersion()}`;

const keyOf = (name: string): string => `lflow:bytes:${name}`;

/** Seconds that bytes stay after they were last given. */
const keptSeconds = 3600;

/** Milliseconds after which a worker that gives no sign of life is one no more, and how often that is looked at. */
const lockMs = 10_000;
const stalledMs = 5_000;

/** A part may meet so many workers that are lost. */
const maxLost = 5;

/** Connects; rejects with a sentence if nobody answers at the URL. */
async function connect(url: string): Promise<Redis> {
  if (!/^rediss?:\/\//.test(url)) {
    throw new UsageError(`${withoutPassword(url)} is no address of a Redis server; one is redis://HOST:PORT`);
  }
  const redis = new Redis(url, { maxRetriesPerRequest: null, lazyConnect: true, retryStrategy: () => null });
  redis.on('error', () => {});
  try {
    await redis.connect();
  } catch (error) {
    throw new UsageError(`the Redis server at ${withoutPassword(url)} cannot be used: ${reasonOf(error)}`);
  }
  redis.options.retryStrategy = (times) => Math.min(times * 200, 2000);
  return redis;
}

/** Another connection to the same server; BullMQ leaves it to us to end what we give it. */
function another(redis: Redis): Redis {
  const made = redis.duplicate();
  made.on('error', () => {});
  return made;
}

/** A URL that may be shown. */
export const withoutPassword = (url: string): string => url.replace(/\/\/[^@/]*@/, '//');

export interface RedisOptions {
  readonly url: string;
  /** Seconds without a worker after which it is given up; 15 unless given. */
  readonly patience?: number;
  readonly onProgress?: (what: string) => void;
}

/** Nobody works at the other end. */
export class NoWorkers extends UsageError {}

/** Gives parts to workers. Rejects with `UsageError` where there is no server, and `NoWorkers` where there is no worker for a while. */
export function redisRunner({ url, patience = 15, onProgress }: RedisOptions): Runner {
  return async (parts, common) => {
    const connection = await connect(url);
    const queue = new Queue<RedisJob, RedisResult>(queueName(), { connection });
    const listening = another(connection);
    const events = new QueueEvents(queueName(), { connection: listening });
    queue.on('error', () => {});
    events.on('error', () => {});
    try {
      await events.waitUntilReady();
      const put = async (bytes: Uint8Array): Promise<string> => {
        const name = nameOf(bytes);
        await connection.set(keyOf(name), Buffer.from(bytes), 'EX', keptSeconds);
        return name;
      };
      const shared = await put(pack(common));
      const names: string[] = [];
      for (const part of parts) names.push(await put(pack(part)));
      const jobs = await queue.addBulk(
        names.map((part) => ({
          name: 'part',
          data: { part, common: shared },
          opts: { removeOnComplete: { age: keptSeconds }, removeOnFail: { age: keptSeconds } },
        })),
      );
      let done = 0;
      const results = Promise.all(
        jobs.map(async (job, index): Promise<PartResult> => {
          const part = parts[index] as (typeof parts)[number];
          const failed = (why: string): PartResult =>
            givenUp(part, common, `its part of the network could not be verified: ${why}`);
          const result = await job.waitUntilFinished(events).then(
            async ({ result: name }) => {
              const bytes = await connection.getBuffer(keyOf(name));
              return bytes ? unpack<PartResult>(bytes) : failed('its result is not on the Redis server any more');
            },
            (error: unknown) => failed(reasonOf(error)),
          );
          done += 1;
          onProgress?.(`${done} of ${parts.length} parts of the network are verified`);
          return result;
        }),
      );
      const watch = watchWorkers(queue, withoutPassword(url), patience);
      try {
        return await Promise.race([results, watch.gone]);
      } catch (error) {
        results.catch(() => {});
        await Promise.all(jobs.map((job) => job.remove().catch(() => {})));
        throw error;
      } finally {
        watch.stop();
      }
    } finally {
      await events.close();
      await queue.close();
      listening.disconnect();
      connection.disconnect();
    }
  };
}

/** `gone` rejects once there was no worker for so many seconds. */
function watchWorkers(queue: Queue, url: string, patience: number): { gone: Promise<never>; stop(): void } {
  let stop = (): void => {};
  const gone = new Promise<never>((_, reject) => {
    let seen = Date.now();
    const timer = setInterval(() => {
      // Of a server that is gone no answer comes.
      queue.getWorkersCount().then(
        (count) => {
          if (count > 0) seen = Date.now();
        },
        () => {},
      );
      if (Date.now() - seen < patience * 1000) return;
      const advice = `start one with "lflow worker --redis ${url}", or give --workers to do the work here`;
      reject(new NoWorkers(`no worker was at the Redis server ${url} for ${patience} seconds; ${advice}`));
    }, 1000);
    stop = () => clearInterval(timer);
  });
  gone.catch(() => {});
  return { gone, stop };
}

export interface RedisWorkerOptions {
  readonly url: string;
  /** Threads; each works on a part at a time. */
  readonly concurrency: number;
  readonly onProgress?: (what: string) => void;
  /** The program of a thread, if this module is not where it was built. */
  readonly thread?: URL;
}

/** A worker that takes jobs until it is closed. */
export interface RedisWorker {
  /** Ends when what it works on is done. */
  close(): Promise<void>;
}

/** Starts a worker. Rejects with `UsageError` where there is no server. */
export async function startWorker({ url, concurrency, onProgress, thread }: RedisWorkerOptions): Promise<RedisWorker> {
  const connection = await connect(url);
  const working = another(connection);
  const pool = threadPool(concurrency, { ...(thread && { thread }) });
  const get = async (name: string): Promise<Uint8Array> => {
    const bytes = await connection.getBuffer(keyOf(name));
    if (!bytes) throw new Error('what is to be verified is not on the Redis server any more');
    return bytes;
  };
  let done = 0;
  const worker = new Worker<RedisJob, RedisResult>(
    queueName(),
    async ({ data: { part, common } }) => {
      const job = { part: await get(part), common: { name: common, bytes: await get(common) } };
      const bytes = await attempted(pool, job);
      const result = nameOf(bytes);
      await connection.set(keyOf(result), Buffer.from(bytes), 'EX', keptSeconds);
      done += 1;
      onProgress?.(`${done} parts are verified`);
      return { result };
    },
    {
      connection: working,
      concurrency,
      lockDuration: lockMs,
      stalledInterval: stalledMs,
      maxStalledCount: maxLost,
    },
  );
  worker.on('error', () => {});
  await worker.waitUntilReady();
  return {
    async close() {
      await worker.close();
      await pool.destroy();
      working.disconnect();
      connection.disconnect();
    },
  };
}

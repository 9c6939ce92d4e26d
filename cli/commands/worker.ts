/** `lflow worker`: verifies parts of networks for `lflow verify --redis`, on as many machines as there are. */
import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import { countOption } from '../counts.ts';
import { startWorker, withoutPassword } from '../runners/redis.ts';

interface WorkerOptions {
  redis: string;
  concurrency?: number;
}

export default function define(): Command {
  return new Command('worker')
    .description(
      'Verifies parts of networks for "lflow verify --redis URL", which is told the results, until it is interrupted; it ends when what it works on is done. Any number of workers may be at one Redis server, which whoever can write to is trusted with the verdict (docs/redis.md).',
    )
    .requiredOption('--redis <URL>', 'the Redis server: redis://[:PASSWORD@]HOST:PORT')
    .addOption(countOption('--concurrency <N>', 'parts that are verified at once; the number of cores unless given'))
    .action(async ({ redis: url, concurrency = availableParallelism() }: WorkerOptions): Promise<void> => {
      const worker = await startWorker({
        url,
        concurrency,
        onProgress: (what) => process.stderr.write(`${what}\n`),
      });
      process.stderr.write(`at ${withoutPassword(url)}, ${concurrency} at once\n`);
      await interrupted();
      await worker.close();
    });
}

const interrupted = (): Promise<void> =>
  new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });

/** lflow-device on a test double of a library, which records its calls and fails where it is told to. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { connectDevice, type DeviceOptions, deviceProgram, type OffloadDevice } from '../../native/offload/index.ts';

/** Options of DPDK: two ports that do nothing, and files that no other process of DPDK has. */
export function ealOptions(): string[] {
  const prefix = `lflow-${randomUUID()}`;
  // Where DPDK keeps its files: below /var/run for root, otherwise where the user's are.
  for (const place of ['/var/run', process.env.XDG_RUNTIME_DIR ?? '/tmp']) {
    onTestFinished(() => rmSync(join(place, 'dpdk', prefix), { recursive: true, force: true }));
  }
  return [
    ...['--no-huge', '--no-pci', '-m', '64', '--lcores=0', '--no-telemetry', `--file-prefix=${prefix}`],
    ...['--vdev=net_null0', '--vdev=net_null1'],
  ];
}

/** The path of a double. */
export const doubleOf = (name: string): string => join(dirname(deviceProgram()), `lflow-device-${name}`);

export interface Double {
  readonly device: OffloadDevice;
  /** The calls since it was last asked. */
  calls(): string[];
  /** Ends the process and gives its last calls. */
  end(): Promise<string[]>;
}

let started = 0;

/** Starts a double in a folder; `environment` is what it is told by. */
export async function startDouble(
  program: string,
  options: DeviceOptions & { counters?: number },
  folder: string,
  environment: (record: string) => Record<string, string>,
): Promise<Double> {
  const socket = join(folder, `double${started}`);
  const record = join(folder, `calls${started++}`);
  const child = spawn(program, [socket, JSON.stringify(options)], {
    env: { ...process.env, XDG_RUNTIME_DIR: folder, ...environment(record) },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const exited = once(child, 'exit');
  onTestFinished(() => void child.kill('SIGKILL'));
  const ended = exited.then(([code]) => Promise.reject(new Error(`the double ended with ${code}`)));
  await Promise.race([once(child.stdout, 'data'), ended]);
  ended.catch(() => undefined);
  const device = await connectDevice(socket);
  let seen = 0;
  const calls = () => {
    const lines = existsSync(record) ? readFileSync(record, 'utf8').trimEnd().split('\n') : [];
    const fresh = lines.slice(seen);
    seen = lines.length;
    return fresh;
  };
  const end = async () => {
    child.kill('SIGTERM');
    await exited;
    return calls();
  };
  return { device, calls, end };
}

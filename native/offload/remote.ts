/** A device of another process, lflow-device, by its socket.  Its rules stay when we go. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { connect, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import type { Answer, Channel, DeviceOptions } from './protocol.ts';

const require = createRequire(import.meta.url);

/** The program lflow-device, which is built with the addon. */
export function deviceProgram(): string {
  return join(dirname(require.resolve('#offload')), 'lflow-device');
}

/** A running lflow-device. */
export interface DeviceProcess {
  readonly pid: number;
  /** Ends it, and with it its rules. */
  stop(): Promise<void>;
}

/**
 * Starts lflow-device; it listens when the promise is fulfilled.  It goes on when this process ends.  Rejects with what
 * it complains about.
 */
export async function startDevice(socket: string, options: DeviceOptions): Promise<DeviceProcess> {
  const child = spawn(deviceProgram(), [socket, JSON.stringify(options)], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  let complaint = '';
  child.stderr.on('data', (text: Buffer) => {
    complaint = `${complaint}${text}`.slice(-4096);
  });
  const failed = Promise.race([exited, once(child, 'error').then(([error]: unknown[]) => [String(error)])]);
  const ready = once(child.stdout, 'data').then(() => undefined);
  const end = await Promise.race([ready, failed]);
  const { pid } = child;
  if (end !== undefined || pid === undefined) {
    throw new Error(`lflow-device does not start: ${complaint.trim() || end}`);
  }
  // Its output goes nowhere from now on, and does not keep this process alive.
  child.stdout.destroy();
  child.stderr.destroy();
  child.unref();
  return {
    pid,
    stop: async () => {
      child.ref();
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** Connects to an lflow-device; rejects where none listens. */
export async function connectChannel(path: string): Promise<Channel> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
  } catch (error) {
    throw new Error(`no device answers at ${path}: ${error instanceof Error ? error.message : error}`);
  }
  return channelOf(socket, path);
}

function channelOf(socket: Socket, path: string): Channel {
  const waiting: { resolve(answer: Answer): void; reject(error: Error): void }[] = [];
  let parts: string[] = [];
  let gone: Error | undefined;
  socket.setEncoding('utf8');
  socket.on('data', (text: string) => {
    const lines = text.split('\n');
    const rest = lines.pop() ?? '';
    for (const line of lines) {
      const answer: Answer = JSON.parse(parts.join('') + line);
      parts = [];
      waiting.shift()?.resolve(answer);
    }
    parts.push(rest);
  });
  const end = (error?: Error) => {
    gone ??= new Error(`the device at ${path} has gone${error ? `: ${error.message}` : ''}`);
    for (const { reject } of waiting.splice(0)) reject(gone);
  };
  socket.on('error', end);
  socket.on('close', () => end());
  return {
    ask: (request) =>
      new Promise((resolve, reject) => {
        if (gone) {
          reject(gone);
          return;
        }
        waiting.push({ resolve, reject });
        socket.write(`${JSON.stringify(request)}\n`);
      }),
    close: async () => {
      if (gone) return;
      socket.end();
      await once(socket, 'close');
    },
  };
}

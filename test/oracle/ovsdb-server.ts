/**
 * A real ovsdb-server on one database file in a folder of the test's, on unix
 * sockets.  It ends when the test process does, whatever becomes of that: the
 * shell that started it waits on a pipe.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const call = promisify(execFile);

export interface DatabaseServer {
  /** `unix:PATH`, for clients. */
  endpoint: string;
  /** Runs operations (RFC 7047, section 5.2) on a database; rejects if one of them fails. */
  transact(database: string, operations: readonly object[]): Promise<void>;
  /** What `ovsdb-client dump --format=json` prints. */
  dump(database: string): Promise<string>;
  /** Runs a command of ovs-appctl. */
  control(...args: string[]): Promise<string>;
  /** Ends it as `kill -9` does, or gently. */
  stop(signal?: 'KILL' | 'TERM'): Promise<void>;
}

const script = `
cd "$1"; shift
exec 3<&0
ovsdb-server "$@" </dev/null 3<&- >/dev/null 2>&1 &
server=$!
trap 'kill $server 2>/dev/null; wait' EXIT
while read -r signal; do kill -"$signal" $server; wait $server; exit; done
`;

/** Starts a server on `NAME.db` in a folder. */
export async function startDatabaseServer(
  directory: string,
  name: string,
  options: readonly string[] = [],
): Promise<DatabaseServer> {
  const socket = join(directory, `${name}.sock`);
  const control = join(directory, `${name}.ctl`);
  const args = ['--no-chdir', `--unixctl=${control}`, `--remote=punix:${socket}`, ...options, `${name}.db`];
  const shell = spawn('sh', ['-c', script, 'sh', directory, ...args], {
    stdio: ['pipe', 'ignore', 'inherit'],
    // Where sockets whose paths are relative are made.
    env: { ...process.env, OVS_RUNDIR: directory },
  });
  const ended = new Promise<void>((resolve) => shell.once('close', () => resolve()));
  const endpoint = `unix:${socket}`;
  const server: DatabaseServer = {
    endpoint,
    async transact(database, operations) {
      const { stdout } = await client('transact', endpoint, JSON.stringify([database, ...operations]));
      const failed = (JSON.parse(stdout) as ({ error?: string; details?: string } | null)[]).find(
        (each) => each?.error,
      );
      if (failed) throw new Error(`${failed.error}: ${failed.details}`);
    },
    async dump(database) {
      return (await client('dump', '--format=json', endpoint, database)).stdout;
    },
    async control(...words) {
      return (await call('ovs-appctl', ['-t', control, ...words])).stdout;
    },
    async stop(signal = 'TERM') {
      end(shell, signal);
      await ended;
    },
  };
  const deadline = Date.now() + 20_000;
  while (!existsSync(socket) || !existsSync(control)) {
    if (Date.now() > deadline) throw new Error(`ovsdb-server does not start on ${name}.db`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return server;
}

const client = (command: string, ...args: string[]) =>
  call('ovsdb-client', ['--no-leader-only', '--timeout=20', command, ...args], { maxBuffer: 1 << 28 });

function end(shell: ChildProcess, signal: string): void {
  shell.stdin?.end(`${signal}\n`);
}

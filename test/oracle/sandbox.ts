/**
 * A private OVN central for tests: one ovsdb-server with a northbound and a
 * southbound database, and an ovn-northd, on unix sockets in a temporary
 * folder.  Needs Debian's ovn-central (23.03.1); no root.
 *
 *     const central = await startCentral();
 *     await central.load(nbctlScript(nb));     // instead of what was there before
 *     const flows = await central.flows();
 *     await central.stop();
 *
 * One central serves any number of topologies, one after the other; any number
 * of centrals run side by side.  A supervising shell ends the processes and
 * removes the folder when the pipe to it closes, so nothing stays behind if the
 * test process fails, is interrupted or is killed.  It ends daemons, too, that
 * write their pid to `daemon.NAME.pid` in the folder.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { northboundSchema } from '../../engine/ovsdb/northbound.ts';
import type { Flow } from './compare.ts';
import { type Control, connectControl } from './control.ts';

/** What a program printed, and how it ended: its exit status, or 128 plus the signal's number. */
export interface Outcome {
  stdout: string;
  stderr: string;
  status: number;
}

/** What chassis have learned from packets: rows of MAC_Binding and FDB, by the ports' names. */
export interface Learned {
  macBindings: { logicalPort: string; ip: string; mac: string }[];
  fdb: { logicalPort: string; mac: string }[];
}

/** A row of OVSDB as JSON. */
type Json = Record<string, unknown>;

export interface Central {
  /** The temporary folder. */
  directory: string;
  /** OVSDB endpoint of both databases: `unix:PATH`. */
  endpoint: string;
  /** Deletes the northbound rows and what chassis have learned. */
  empty(): Promise<void>;
  /**
   * Empties the databases, runs `script` (see engine/ovsdb/nbctl.ts; or any
   * shell script that uses ovn-nbctl) and waits for ovn-northd's answer to it.
   * Rejects with the script's error output if it fails.
   */
  load(script: string): Promise<void>;
  /** Waits until the southbound database is a full recomputation of the northbound one. */
  settle(): Promise<void>;
  /** Runs a shell script against the northbound database, which keeps its rows. */
  run(script: string): Promise<void>;
  /** Adds to the southbound database what chassis would; `load` and `empty` take it away again. */
  learn(learned: Learned): Promise<void>;
  /** The logical flows of the southbound database. */
  flows(): Promise<Flow[]>;
  /** The rows of each of `tables` at one moment, as OVSDB's JSON notation has them (RFC 7047, section 5.1). */
  rows<T extends string>(
    database: 'OVN_Northbound' | 'OVN_Southbound',
    tables: readonly T[],
  ): Promise<Record<T, Json[]>>;
  /** What `ovn-trace ARGUMENTS` prints, within bounded time and memory. */
  trace(args: readonly string[], limits?: { seconds?: number; kibibytes?: number }): Promise<Outcome>;
  /** What `ovn-nbctl ARGUMENTS` prints; rejects if it fails. */
  nbctl(...args: string[]): Promise<string>;
  /** What `ovn-sbctl ARGUMENTS` prints; rejects if it fails. */
  sbctl(...args: string[]): Promise<string>;
  /** What `ovs-appctl -t ovn-northd ARGUMENTS` prints; rejects if it fails. */
  northd(...args: string[]): Promise<string>;
  /** Ends the processes and removes the folder. */
  stop(): Promise<void>;
}

/** NB_Global's columns without a value. */
const settings = {
  name: '',
  options: ['map', []],
  external_ids: ['map', []],
  connections: ['set', []],
  ssl: ['set', []],
  ipsec: false,
};

/** Those that ovn-nbctl and ovn-northd count on. */
const counters = {
  nb_cfg: 0,
  nb_cfg_timestamp: 0,
  sb_cfg: 0,
  sb_cfg_timestamp: 0,
  hv_cfg: 0,
  hv_cfg_timestamp: 0,
};

// The shell's standard input is the test's end of the pipe: `cat` returns when it closes.
const supervisor = `
set -eu
cd "$1"
children=
trap 'kill $children $(cat daemon.*.pid 2>/dev/null) 2>/dev/null || true; wait; cd /; rm -rf "$1"' EXIT
trap 'exit 1' HUP INT TERM
for db in nb sb; do ovsdb-tool create $db.db /usr/share/ovn/ovn-$db.ovsschema; done
ovsdb-server --no-chdir --unixctl="$1/ovsdb.ctl" --log-file="$1/ovsdb.log" \\
  --remote="punix:$1/db.sock" nb.db sb.db </dev/null >/dev/null 2>&1 &
children=$!
if [ "$2" = northd ]; then
  ovn-northd --no-chdir --unixctl="$1/northd.ctl" --log-file="$1/northd.log" --pidfile="$1/northd.pid" \\
    --ovnnb-db="unix:$1/db.sock" --ovnsb-db="unix:$1/db.sock" </dev/null >/dev/null 2>&1 &
  children="$children $!"
fi
cat >/dev/null
`;

/**
 * Starts a central; rejects if OVN is not installed or does not answer within
 * 20 seconds.  Without `northd` there are only the databases, and nothing but
 * the test writes to them: `empty`, `run` and `rows` then.
 */
export async function startCentral({ northd = true } = {}): Promise<Central> {
  const directory = await mkdtemp(join(tmpdir(), 'lflow-central-'));
  const endpoint = `unix:${directory}/db.sock`;
  const environment = {
    ...process.env,
    OVN_RUNDIR: directory,
    OVS_RUNDIR: directory,
    OVN_NB_DB: endpoint,
    OVN_SB_DB: endpoint,
  };
  const shell = spawn('sh', ['-c', supervisor, 'sh', directory, northd ? 'northd' : ''], {
    stdio: ['pipe', 'ignore', 'pipe'],
    env: environment,
    detached: true,
  });
  const ended = endOf(shell);
  const call = (program: string, ...args: string[]) => succeed(program, args, environment);
  const transact = async (database: string, operations: unknown[]) => {
    const answer = await call('ovsdb-client', 'transact', endpoint, JSON.stringify([database, ...operations]));
    const results = JSON.parse(answer) as { error?: string; details?: string; rows?: Json[] }[];
    const failed = results.find((result) => result.error !== undefined);
    if (failed) throw new Error(`${database}: ${failed.error}: ${failed.details}`);
    return results.map((result) => result.rows ?? []);
  };

  let nbctlDaemon: Control | undefined;
  const central: Central = {
    directory,
    endpoint,
    async empty() {
      const emptied = Object.keys(northboundSchema).map((table) =>
        table === 'NB_Global'
          ? { op: 'update', table, where: [], row: northd ? settings : { ...settings, ...counters } }
          : { op: 'delete', table, where: [] },
      );
      await transact('OVN_Northbound', emptied);
      const learned = ['MAC_Binding', 'FDB'].map((table) => ({ op: 'delete', table, where: [] }));
      await transact('OVN_Southbound', learned);
    },
    async load(script) {
      await central.empty();
      // A row that comes back under its old UUID must be seen going first.
      await central.nbctl('--wait=sb', 'sync');
      await central.run(script);
      await central.settle();
    },
    async settle() {
      await central.nbctl('--wait=sb', 'sync');
      await central.northd('inc-engine/recompute');
      await central.nbctl('--wait=sb', 'sync');
    },
    async run(script) {
      const file = join(directory, 'script.sh');
      await writeFile(file, script);
      await call('sh', file);
    },
    async rows<T extends string>(database: string, tables: readonly T[]) {
      const results = await transact(
        database,
        tables.map((table) => ({ op: 'select', table, where: [] })),
      );
      return Object.fromEntries(tables.map((table, at) => [table, results[at] ?? []])) as Record<T, Json[]>;
    },
    async learn({ macBindings, fdb }) {
      const tables = await central.rows('OVN_Southbound', ['Port_Binding', 'Datapath_Binding']);
      const datapaths = new Map(tables.Datapath_Binding.map((row) => [uuidOf(row._uuid), row.tunnel_key]));
      const ports = new Map(tables.Port_Binding.map((row) => [row.logical_port, row]));
      const insert = (table: string, logicalPort: string, columns: (port: Json) => Json) => {
        const port = ports.get(logicalPort);
        if (!port) throw new Error(`the southbound database has no port "${logicalPort}"`);
        return { op: 'insert', table, row: columns(port) };
      };
      await transact('OVN_Southbound', [
        ...macBindings.map(({ logicalPort, ip, mac }) =>
          insert('MAC_Binding', logicalPort, ({ datapath }) => ({ logical_port: logicalPort, ip, mac, datapath })),
        ),
        ...fdb.map(({ logicalPort, mac }) =>
          insert('FDB', logicalPort, ({ datapath, tunnel_key }) => ({
            mac,
            dp_key: datapaths.get(uuidOf(datapath)),
            port_key: tunnel_key,
          })),
        ),
      ]);
    },
    async flows() {
      const tables = await central.rows('OVN_Southbound', ['Logical_Flow', 'Logical_DP_Group', 'Datapath_Binding']);
      return expandFlows(tables.Logical_Flow, tables.Logical_DP_Group, tables.Datapath_Binding);
    },
    async trace(args, limits = {}) {
      const { seconds = 20, kibibytes = 1024 * 1024 } = limits;
      const capped = `ulimit -v ${kibibytes}; exec timeout -s KILL ${seconds} ovn-trace "$@"`;
      return outcome('sh', ['-c', capped, 'sh', ...args], environment);
    },
    nbctl: (...args) => nbctlDaemon?.ask('run', ...args) ?? call('ovn-nbctl', '--timeout=120', ...args),
    sbctl: (...args) => call('ovn-sbctl', '--timeout=120', ...args),
    northd: (...args) => call('ovs-appctl', '-t', `${directory}/northd.ctl`, ...args),
    async stop() {
      nbctlDaemon?.close();
      shell.stdin?.end();
      await ended;
    },
  };
  const failed = ended.then((message): never => {
    throw new Error(`OVN central does not start: ${message}`);
  });
  failed.catch(() => {});
  try {
    const sockets = [`${directory}/db.sock`, ...(northd ? [`${directory}/northd.ctl`] : [])];
    await Promise.race([failed, listens(sockets, 20_000)]);
    await central.nbctl(northd ? '--wait=sb' : '--no-wait', 'init');
    if (northd) {
      // A daemon that knows the database serves all other calls of ovn-nbctl, those of scripts, too.
      const places = [`--pidfile=${directory}/daemon.nbctl.pid`, `--unixctl=${directory}/nbctl.ctl`];
      await call('ovn-nbctl', '--detach', '--no-chdir', ...places, '-vsyslog:off', '-vconsole:off');
      Object.assign(environment, { OVN_NB_DAEMON: `${directory}/nbctl.ctl` });
      nbctlDaemon = await connectControl(`${directory}/nbctl.ctl`);
    }
  } catch (error) {
    await central.stop();
    throw error;
  }
  return central;
}

/** Runs `test` with a central of its own. */
export async function withCentral<T>(test: (central: Central) => Promise<T>): Promise<T> {
  const central = await startCentral();
  try {
    return await test(central);
  } finally {
    await central.stop();
  }
}

/** What `process` wrote to standard error, once it has ended. */
function endOf(process: ChildProcess): Promise<string> {
  let text = '';
  process.stderr?.on('data', (data) => {
    text += data;
  });
  return new Promise((resolve) => {
    process.on('error', (error) => resolve(error.message));
    process.on('close', () => resolve(text.trim()));
  });
}

/** Waits until each socket takes connections: it is there before its server listens. */
async function listens(paths: string[], milliseconds: number): Promise<void> {
  const deadline = Date.now() + milliseconds;
  for (const path of paths) {
    while (!(await connects(path))) {
      if (Date.now() > deadline) throw new Error(`OVN central does not start: nobody listens on ${path}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

function connects(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.on('error', () => resolve(false));
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

function outcome(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(program, args, { env, maxBuffer: 1 << 30 }, (error, stdout, stderr) => {
      const signal = error?.signal ? constants.signals[error.signal] : 0;
      const status = error === null ? 0 : typeof error.code === 'number' ? error.code : 128 + signal;
      resolve({ stdout, stderr: error !== null && stderr === '' ? error.message : stderr, status });
    });
  });
}

async function succeed(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const { stdout, stderr, status } = await outcome(program, args, env);
  if (status !== 0) throw new Error(`${program} failed with status ${status}: ${stderr.trim()}`);
  return stdout;
}

/** A set in OVSDB's notation, of which a single member stands for itself. */
function setOf(value: unknown): unknown[] {
  const [tag, members] = value as [string, unknown[]];
  return tag === 'set' ? members : [value];
}

function mapOf(value: unknown): Record<string, string> {
  const [, pairs] = value as ['map', [string, string][]];
  return Object.fromEntries(pairs);
}

function uuidOf(value: unknown): string {
  return (value as ['uuid', string])[1];
}

/** One flow for each datapath that it applies to. */
function expandFlows(flows: Json[], groups: Json[], datapaths: Json[]): Flow[] {
  const names = new Map(datapaths.map((row) => [uuidOf(row._uuid), mapOf(row.external_ids)]));
  const members = new Map(groups.map((row) => [uuidOf(row._uuid), setOf(row.datapaths).map(uuidOf)]));
  return flows.flatMap((row) => {
    const ids = mapOf(row.external_ids);
    const single = setOf(row.logical_datapath).map(uuidOf);
    const group = setOf(row.logical_dp_group).flatMap((uuid) => members.get(uuidOf(uuid)) ?? []);
    const [meter] = setOf(row.controller_meter);
    return [...single, ...group].map((datapath) => ({
      datapath: names.get(datapath)?.name ?? datapath,
      pipeline: row.pipeline as Flow['pipeline'],
      table: row.table_id as number,
      stage: ids['stage-name'] ?? '',
      priority: row.priority as number,
      match: row.match as string,
      actions: row.actions as string,
      source: ids.source ?? '',
      ...(ids['stage-hint'] !== undefined && { hint: ids['stage-hint'] }),
      ...(meter !== undefined && { controllerMeter: meter as string }),
    }));
  });
}

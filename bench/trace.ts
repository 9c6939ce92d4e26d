/**
 * One trace: ours beside ovn-trace, cold and from its daemon, in one run on one
 * machine.
 *
 *     npm run bench:trace -- [--vpcs N] [--networks N] [--nodes N] [--interfaces N] [--runs N]
 *
 * Unless told how many VPCs, it measures 30 (67 000 flows) and 100 (223 000 flows).
 *
 * Cold is a new process: ovn-trace reads the southbound database from
 * ovsdb-server; the command `lflow trace` reads manifests and computes all that
 * follows from them, or reads the southbound database's file; the library indexes a
 * southbound database that is in memory already.  Warm is a process that has traced before: ovn-trace's daemon asked
 * over its control socket, and the library.  Both sides trace the same packets.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { computeSouthbound } from '../engine/northd/index.ts';
import { nbctlScript } from '../engine/ovsdb/nbctl.ts';
import type { Northbound } from '../engine/ovsdb/northbound.ts';
import { northboundOf } from '../engine/vpc/index.ts';
import { parsePacket, prepare, type TraceTopology, traceFlow, traceText } from '../sim/trace/index.ts';
import { type Central, withCentral } from '../test/oracle/sandbox.ts';
import {
  argumentsOf,
  duration,
  median,
  type Options,
  readOptions,
  sizeText,
  tableText,
  timed,
  timedAsync,
} from './measure.ts';
import { manifests, resourcesOf } from './topology.ts';

const command = fileURLToPath(new URL('../cli/main.js', import.meta.url));
const program = fileURLToPath(import.meta.url);

const options = readOptions(5);
if (options.part === 'library') process.stdout.write(JSON.stringify(library(options)));
else if (process.argv.includes('--vpcs')) await compare(options);
else for (const vpcs of [30, 100]) await compare({ ...options, vpcs });

async function compare(options: Options): Promise<void> {
  const nb = northboundOf(resourcesOf(options));
  const flows = computeSouthbound(nb).southbound.flows.length;
  const [first = ''] = microflows(nb);
  const rows = await withCentral(async (central) => {
    await central.load(nbctlScript(nb));
    const coldTheirs = await coldOvnTrace(central, first, options.runs);
    const warmTheirs = await warmOvnTrace(central, microflows(nb));
    const file = join(central.directory, 'manifests.yaml');
    writeFileSync(file, manifests(options));
    const coldCommand = repeated(options.runs, () => spawnSilently(command, ['trace', file, first]));
    const database = join(central.directory, 'sb.db');
    const coldFile = repeated(options.runs, () => spawnSilently(command, ['trace', database, first]));
    const ours = repeatedLibrary(options);
    const ratio = (mine: number, real: number) => (mine / real).toPrecision(2);
    return [
      ['', 'cold', 'of ovn-trace', 'warm', 'of the daemon'],
      ['ovn-trace', duration(coldTheirs), '1.0', duration(warmTheirs), '1.0'],
      ['lflow trace, from manifests', duration(coldCommand), ratio(coldCommand, coldTheirs), '', ''],
      ['lflow trace, from the southbound file', duration(coldFile), ratio(coldFile, coldTheirs), '', ''],
      [
        'library, from a southbound database',
        duration(ours.cold),
        ratio(ours.cold, coldTheirs),
        `${(1000 * ours.warm).toFixed(0)} us`,
        ratio(ours.warm, warmTheirs),
      ],
    ];
  });
  process.stdout.write(`${sizeText(options)}, ${flows} flows\n${tableText(rows)}`);
}

/** Believable packets: echo requests between networks, within one and to the outside; ARP for the gateway. */
function microflows(nb: Northbound): string[] {
  const ports = [...nb.Logical_Switch_Port.values()].filter(({ type }) => type === '');
  const gateways = new Map([...nb.DHCP_Options.values()].map((row) => [row._uuid, row.options]));
  const step = Math.max(Math.floor(ports.length / 100), 1);
  return ports
    .filter((_, at) => at % step === 0)
    .flatMap((port, at, sample) => {
      const [mac, ip] = port.addresses[0]?.split(' ') ?? [];
      const gateway = gateways.get(port.dhcpv4_options ?? '');
      const [, peer] = sample[(at + 1) % sample.length]?.addresses[0]?.split(' ') ?? [];
      const start = `inport == "${port.name}" && eth.src == ${mac}`;
      const routed = (target: string) =>
        `${start} && eth.dst == ${gateway?.server_mac} && ip4.src == ${ip} && ip4.dst == ${target} && ip.ttl == 64 && icmp4.type == 8`;
      const arp = `${start} && eth.dst == ff:ff:ff:ff:ff:ff && arp.op == 1 && arp.spa == ${ip} && arp.tpa == ${gateway?.router}`;
      return [routed(peer ?? '8.8.8.8'), routed('8.8.8.8'), arp];
    });
}

async function coldOvnTrace(central: Central, microflow: string, runs: number): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < runs; run++) {
    times.push(
      await timedAsync(async () => {
        const { status, stderr } = await central.trace([microflow], { seconds: 300, kibibytes: 16 * 1024 * 1024 });
        if (status !== 0) throw new Error(`ovn-trace failed: ${stderr}`);
      }),
    );
  }
  return median(times);
}

/** Starts ovn-trace's daemon, which the central ends, and asks it for one trace after the other. */
async function warmOvnTrace(central: Central, flows: string[]): Promise<number> {
  const { directory, endpoint } = central;
  const socket = join(directory, 'trace.ctl');
  const files = [`--unixctl=${socket}`, `--pidfile=${join(directory, 'daemon.trace.pid')}`];
  execFileSync('ovn-trace', [`--db=${endpoint}`, '--detach', '--no-chdir', ...files], { stdio: 'ignore' });
  while (!existsSync(socket)) await new Promise((resolve) => setTimeout(resolve, 5));
  const connection = connect(socket);
  // It answers once it has read the database.
  while (!(await ask(connection, flows[0] ?? '')).includes('ingress('))
    await new Promise((next) => setTimeout(next, 50));
  const times: number[] = [];
  for (const flow of flows) times.push(await timedAsync(() => ask(connection, flow)));
  connection.destroy();
  return median(times);
}

/** One request in the JSON-RPC of ovs-appctl(8): the answer is one JSON value. */
function ask(connection: Socket, microflow: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const receive = (data: Buffer) => {
      text += data;
      const answer = parsed(text);
      if (!answer) return;
      connection.off('data', receive).off('error', reject);
      resolve(answer.result ?? answer.error ?? '');
    };
    connection.on('data', receive).on('error', reject);
    connection.write(JSON.stringify({ id: 0, method: 'trace', params: [microflow] }));
  });
}

function parsed(text: string): { result?: string; error?: string } | undefined {
  if (!text.endsWith('}')) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function repeated(runs: number, work: () => void): number {
  return median(Array.from({ length: runs }, () => timed(work)));
}

function spawnSilently(file: string, args: string[]): string {
  return execFileSync(process.execPath, [file, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}

interface LibraryTimes {
  cold: number;
  warm: number;
}

function repeatedLibrary(options: Options): LibraryTimes {
  const results = Array.from({ length: options.runs }, (): LibraryTimes => {
    return JSON.parse(spawnSilently(program, argumentsOf(options, 'library')));
  });
  return { cold: median(results.map(({ cold }) => cold)), warm: median(results.map(({ warm }) => warm)) };
}

function library(options: Options): LibraryTimes {
  const nb = northboundOf(resourcesOf(options));
  const { southbound } = computeSouthbound(nb);
  const flows = microflows(nb);
  let topology: TraceTopology | undefined;
  const cold = timed(() => {
    topology = prepare(southbound);
    return text(topology, flows[0] ?? '');
  });
  const prepared = topology ?? prepare(southbound);
  // Often enough for tables to be indexed, and for the JavaScript engine to compile what runs.
  for (let round = 0; round < 5; round++) for (const flow of flows) text(prepared, flow);
  return { cold, warm: median(flows.map((flow) => timed(() => text(prepared, flow)))) };
}

function text(topology: TraceTopology, microflow: string): string {
  const { datapath, packet } = parsePacket(topology, microflow);
  return traceText(packet, traceFlow(topology, datapath, packet), ['detailed']);
}

/**
 * All built-in properties of a topology, proven: from nothing, after one port changed, and the memory for it.
 *
 *     npm run bench:verify -- [--vpcs N] [--networks N] [--nodes N] [--interfaces N]
 *     npm run bench:verify -- --part growth      from 10 ports to 100 000, in more VPCs and in one, and a picture of it: build/verify-speed.svg
 *     npm run bench:verify -- --part broken      all VPCs broken alike: of each, one port may send from any address
 *
 * Nothing else proves them, so there is no peer.  The goal for the usual size (10 000 ports) is 10 s, 0.1 s after one
 * port changed, and 1 GB.  It is verified as `lflow verify` does it, with a thread beside the first one where there are two
 * cores.  From nothing is from the manifests' text to the verdict.  Changes are those of a network that has changed
 * before: one port may send from any address, and then from its own alone again, which leaves the part like the others, so
 * that none is followed.  An interface is written behind all others of a file, and taken out again, as `lflow verify
 * --watch` sees it: from the text of all manifests to the verdict.  Each size is measured in a process of its own; one that takes more than five minutes of the
 * processor says so, and larger ones are not tried.  Times are by the clock, of a machine that nobody else uses; beside
 * them those of the processor, of all threads with those that collect garbage and compile.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { openFollower } from '../cli/follow.ts';
import { openThreads } from '../cli/runners/threads.ts';
import { createNorthd, type NorthboundChange } from '../engine/northd/incremental.ts';
import type { Northbound, NorthboundRow } from '../engine/ovsdb/northbound.ts';
import { northboundOfPlan, planTopology } from '../engine/vpc/index.ts';
import { openVerifier, type Subject } from '../sim/verifier.ts';
import { argumentsOf, duration, processMegabytes, readOptions, sizeText, tableText } from './measure.ts';
import { manifestFiles, resourcesOf, type Size } from './topology.ts';
import { type Point, plotText } from './verify-plot.ts';

/** Milliseconds by the clock, and of the processor. */
interface Time {
  readonly clock: number;
  readonly processor: number;
}

/** What is measured of one size; memory is in megabytes. */
interface Measured {
  readonly flows: number;
  readonly parts: number;
  readonly findings: number;
  readonly verdict: string;
  /** To read the manifests and plan, to compute the flows, to verify; and how many parts were followed for that. */
  readonly read: Time;
  readonly computed: Time;
  readonly verified: Time;
  readonly followed: number;
  readonly again: Time;
  /** One port is another one, and then all are as they were. */
  readonly changed: Time;
  readonly followedAgain: number;
  readonly restored: Time;
  readonly followedLast: number;
  readonly memory: number;
}

const coldOf = ({ read, computed, verified }: Measured): Time => ({
  clock: read.clock + computed.clock + verified.clock,
  processor: read.processor + computed.processor + verified.processor,
});

const options = readOptions(1);
const limitSeconds = 300;
const tooLong = `more than ${limitSeconds} s`;

/** Does something, and says how long it took. */
async function timed<T>(work: () => T | Promise<T>): Promise<[T, Time]> {
  const clock = performance.now();
  const before = process.cpuUsage();
  const done = await work();
  const { user, system } = process.cpuUsage(before);
  return [done, { clock: performance.now() - clock, processor: (user + system) / 1000 }];
}

/** Sizes by ports: as many VPCs as there are hundreds of ports, with two networks on five nodes from 100 ports on. */
const growth: readonly Size[] = [
  { vpcs: 1, networks: 1, nodes: 2, interfaces: 5 },
  { vpcs: 1, networks: 2, nodes: 5, interfaces: 10 },
  { vpcs: 10, networks: 2, nodes: 5, interfaces: 10 },
  { vpcs: 100, networks: 2, nodes: 5, interfaces: 10 },
  { vpcs: 1000, networks: 2, nodes: 5, interfaces: 10 },
];

/** One VPC whose two networks have more ports on each node. */
const ofOneVpc: readonly Size[] = [20, 50, 100].map((interfaces) => ({ vpcs: 1, networks: 2, nodes: 5, interfaces }));

if (options.part === 'point') process.stdout.write(`${JSON.stringify(await measured(options))}\n`);
else if (options.part === 'growth') grow();
else if (options.part === 'broken')
  process.stdout.write(`${sizeText(options)}\n\n${tableText(await measuredBroken(options))}`);
else {
  const found = await measured(options);
  const watched = await measuredWatched(options);
  process.stdout.write(`${sizeText(options)}\n\n${tableText([...rowsOf(found), ...watchedRows(found, watched)])}`);
}

async function measured(size: Size): Promise<Measured> {
  const [{ plans, northbound }, read] = await timed(() => {
    const planned = planTopology(resourcesOf(size));
    return { plans: planned, northbound: northboundOfPlan(planned) };
  });
  const [{ northd, southbound }, computed] = await timed(() => {
    const opened = createNorthd(northbound);
    return { northd: opened, southbound: opened.computation().southbound };
  });
  const threads = openThreads();
  const verifier = openVerifier({ isRepeated: true });
  const verify = (subject: Subject) => verifier.verifyBy(threads.runner, subject);
  const [before, verified] = await timed(() => verify({ southbound, plans, northbound }));
  const { parts, verified: followed } = verifier.last;
  const [, again] = await timed(() => verify({ southbound, plans, northbound }));
  let current = northbound;
  const change = async (changes: readonly NorthboundChange[]): Promise<[number, Time]> => {
    current = changedBy(current, changes);
    const [, time] = await timed(() => {
      northd.apply(changes);
      return verify({ southbound: northd.computation().southbound, plans, northbound: current });
    });
    return [verifier.last.verified, time];
  };
  const [first, second] = securedPorts(northbound);
  await change([{ table: 'Logical_Switch_Port', row: { ...first, port_security: [] } }]);
  const [followedAgain, changed] = await change([
    { table: 'Logical_Switch_Port', row: { ...second, port_security: [] } },
  ]);
  const [followedLast, restored] = await change([first, second].map((row) => ({ table: 'Logical_Switch_Port', row })));
  await threads.close();
  return {
    ...{ read, computed, verified, again, changed, restored, parts, followed, followedAgain, followedLast },
    flows: southbound.flows.length,
    findings: before.properties.length,
    verdict: before.verdict,
    memory: processMegabytes('self', 'VmHWM'),
  };
}

/** What is measured of files that are watched: an interface is written into one, and taken out again. */
interface Watched {
  readonly added: Time;
  readonly followed: number;
  readonly removed: Time;
  readonly followedLast: number;
}

async function measuredWatched(size: Size): Promise<Watched> {
  const follower = openFollower();
  const threads = openThreads();
  const verifier = openVerifier({ isRepeated: true });
  const see = async (more: number): Promise<[number, Time]> => {
    const sources = { manifests: manifestFiles(size, more), databases: [], unread: [] };
    const [, time] = await timed(() => verifier.verifyBy(threads.runner, follower.loadFrom(sources)));
    return [verifier.last.verified, time];
  };
  await see(0);
  await see(1);
  const [followed, added] = await see(2);
  const [followedLast, removed] = await see(0);
  await threads.close();
  return { added, followed, removed, followedLast };
}

/** Of each VPC, the first port of a host may send from any address: one part is followed, and the others show it. */
async function measuredBroken(size: Size): Promise<string[][]> {
  const plans = planTopology(resourcesOf(size));
  const planned = northboundOfPlan(plans);
  const networks = new Set(
    plans
      .flatMap(({ networks: [first] }) => (first ? [first.network] : []))
      .map(({ namespace, name }) => `${namespace}/${name}`),
  );
  const broken = hostPorts(planned).flatMap((row): NorthboundChange[] =>
    networks.delete(row.external_ids.network ?? '')
      ? [{ table: 'Logical_Switch_Port', row: { ...row, port_security: [] } }]
      : [],
  );
  const northbound = changedBy(planned, broken);
  const subject = { southbound: createNorthd(northbound).computation().southbound, plans, northbound };
  const threads = openThreads();
  const verifier = openVerifier();
  const [{ verdict }, time] = await timed(() => verifier.verifyBy(threads.runner, subject));
  await threads.close();
  const { parts, verified } = verifier.last;
  return [
    ['', 'by the clock', 'processor', 'goal', ''],
    line('verified', time, '', `${broken.length} ports open, ${verified} of ${parts} parts followed, ${verdict}`),
  ];
}

type HostPort = NorthboundRow<'Logical_Switch_Port'>;

/** The ports of hosts who may send from their own addresses alone. */
function hostPorts({ Logical_Switch_Port: rows }: Northbound): HostPort[] {
  return [...rows.values()].filter(({ type, port_security: secured }) => type === '' && secured.length > 0);
}

/** The last two ports of hosts who may send from their own addresses alone. */
function securedPorts(northbound: Northbound): readonly [HostPort, HostPort] {
  const [one, other] = hostPorts(northbound).slice(-2);
  if (!one || !other) throw new Error('there are no two ports to change');
  return [one, other];
}

function changedBy(northbound: Northbound, changes: readonly NorthboundChange[]): Northbound {
  const table = new Map(northbound.Logical_Switch_Port);
  for (const one of changes) if (one.table === 'Logical_Switch_Port' && 'row' in one) table.set(one.row._uuid, one.row);
  return { ...northbound, Logical_Switch_Port: table };
}

function line(what: string, { clock, processor }: Time, goal = '', more = ''): string[] {
  return [what, duration(clock), duration(processor), goal, more];
}

function watchedRows({ parts }: Measured, { added, followed, removed, followedLast }: Watched): string[][] {
  return [
    line('interface added', added, '', `from the manifests' text; ${followed} of ${parts} parts followed again`),
    line('taken away', removed, '', `from the manifests' text; ${followedLast} of ${parts} parts followed again`),
  ];
}

function rowsOf(found: Measured): string[][] {
  const { flows, parts, findings, verdict, read, computed, verified, followed, again, changed, restored } = found;
  return [
    ['', 'by the clock', 'processor', 'goal', ''],
    line('manifests read', read),
    line('flows computed', computed, '', `${flows} flows`),
    line('verified', verified, '', `${followed} of ${parts} parts followed, ${findings} findings, ${verdict}`),
    line('from nothing', coldOf(found), '10 s'),
    line('nothing changed', again),
    line('one port changed', changed, '0.1 s', `${found.followedAgain} of ${parts} parts followed again`),
    line('changed back', restored, '0.1 s', `${found.followedLast} of ${parts} parts followed again`),
    ['memory at most', `${found.memory.toFixed(0)} MB`, '', '1024 MB', ''],
  ];
}

function grow(): void {
  const rows = [
    ['ports', 'parts', 'flows', 'from nothing', 'of the processor', 'one port changed', 'changed back', 'memory'],
  ];
  const tell = (size: Size, found: Measured | undefined): void => {
    rows.push(found ? rowOf(portsOf(size), found) : [`${portsOf(size)}`, `${size.vpcs}`, '', '', tooLong, '', '', '']);
    process.stdout.write(`${rows.at(-1)?.join('  ')}\n`);
  };
  const points = measuredEach(growth, tell);
  const single = measuredEach(ofOneVpc, tell);
  rows.push(['goal for 10000', '', '', '10 s', '', '0.1 s', '0.1 s', '1024 MB']);
  process.stdout.write(`\n${tableText(rows)}`);
  const [hundred] = points.filter(({ ports }) => ports === 100);
  writeFileSync('build/verify-speed.svg', plotText(points, hundred ? [hundred, ...single] : single));
}

function portsOf({ vpcs, networks, nodes, interfaces }: Size): number {
  return vpcs * networks * nodes * interfaces;
}

/** Measures sizes, from the smallest on, until one takes too long. */
function measuredEach(sizes: readonly Size[], tell: (size: Size, found: Measured | undefined) => void): Point[] {
  const points: Point[] = [];
  for (const [index, size] of sizes.entries()) {
    const found = points.length === index ? inProcess(size) : undefined;
    if (found) {
      const [cold, changed, restored] = [coldOf(found).clock, found.changed.clock, found.restored.clock];
      points.push({ ports: portsOf(size), cold, changed, restored });
    }
    tell(size, found);
  }
  return points;
}

function rowOf(ports: number, found: Measured): string[] {
  return [
    `${ports}`,
    `${found.parts}`,
    `${found.flows}`,
    duration(coldOf(found).clock),
    duration(coldOf(found).processor),
    duration(found.changed.clock),
    duration(found.restored.clock),
    `${found.memory.toFixed(0)} MB`,
  ];
}

/** Undefined where it takes longer than the limit, or more memory than there is. */
function inProcess(size: Size): Measured | undefined {
  const args = [process.argv[1] ?? '', ...argumentsOf({ ...size, runs: 1 }, 'point')];
  const limited = ['-c', `ulimit -t ${limitSeconds}; exec "$0" "$@"`, process.execPath, ...args];
  const { stdout, status } = spawnSync('sh', limited, { encoding: 'utf8' });
  return status === 0 ? (JSON.parse(stdout) as Measured) : undefined;
}

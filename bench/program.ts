/**
 * Programs of a chassis: how long the first one takes, how long the next one when
 * little or nothing has changed, how large the image is, and how many translations a
 * second there are.
 *
 *     npm run bench:program -- [--vpcs N] [--networks N] [--nodes N] [--interfaces N] [--runs N]
 *
 * Twice: for the first chassis, and for one chassis that has all ports and gateways there
 * are.  Times are of the clock, and in brackets of the processor with the threads of the garbage
 * collector.  `one port less` compiles a southbound database that lacks a port and the flows
 * that name it, `back again` the first one.  Translations are of packets that no
 * cache knows, from each of the ports to one of another.
 */
import { cpuUsage, memoryUsage } from 'node:process';
import { FLOW_WORDS, W_ETH_DST, W_ETH_SRC, W_IN, W_IP4, W_L4 } from '../asm/plane/layout.ts';
import { Plane } from '../engine/node/plane.ts';
import { computeSouthbound } from '../engine/northd/index.ts';
import type { PortBinding, Southbound } from '../engine/ovsdb/southbound.ts';
import { type ChassisInput, type Program, ProgramBuilder, placementOf, portsHere } from '../engine/program/index.ts';
import { northboundOf } from '../engine/vpc/index.ts';
import { duration, median, readOptions, sizeText, tableText } from './measure.ts';
import { resourcesOf } from './topology.ts';

class Translator extends Plane {
  private readonly flows = this.reserve(COUNT * FLOW_WORDS * 8);

  /** Translations a second of these flows, FLOW_WORDS words each. */
  measure(flows: readonly BigUint64Array[]): number {
    const view = this.data();
    for (const [i, flow] of flows.entries()) {
      for (const [word, value] of flow.entries())
        view.setBigUint64(this.flows + (i * FLOW_WORDS + word) * 8, value, true);
    }
    const start = cpuUsage();
    let done = 0;
    let used = 0;
    while (used < 1e6) {
      for (let i = 0; i < flows.length; i++) this.exports.translate(0, this.flows + i * FLOW_WORDS * 8);
      done += flows.length;
      const { user, system } = cpuUsage(start);
      used = user + system;
    }
    return (done / used) * 1e6;
  }
}

/** Different packets to translate. */
const COUNT = 4096;
const CHASSIS_OPTIONS = ['requested-chassis', 'l3gateway-chassis', 'l2gateway-chassis'];

const options = readOptions(3);
const nb = northboundOf(resourcesOf(options));
const { southbound } = computeSouthbound(nb);
const placement = placementOf(nb);
process.stdout.write(`${sizeText(options)}: ${southbound.flows.length} flows\n`);
const rows = [
  ['', 'ports', 'flows', 'first', 'unchanged', 'one port less', 'back again', 'image', 'memory', 'translations'],
];
const [first] = southbound.ports.map(chassisOf).filter((chassis) => chassis !== undefined);
if (first !== undefined) rows.push(['one chassis', ...measure(southbound, first)]);
rows.push(['all on one', ...measure({ ...southbound, ports: southbound.ports.map(moved) }, 'all')]);
process.stdout.write(tableText(rows));

function measure(southbound: Southbound, chassis: string): string[] {
  const names = portsHere(southbound, chassis, placement);
  const ports = new Map(names.map((name, index) => [name, index]));
  const builder = new ProgramBuilder();
  const input = { southbound, placement, chassis, ports };
  const build = (what: ChassisInput) => {
    const start = cpuUsage();
    const before = performance.now();
    const program = builder.build(what);
    const { user, system } = cpuUsage(start);
    return { program, time: performance.now() - before, cpu: (user + system) / 1000 };
  };
  const once = build(input);
  const repeat = (what: () => { time: number; cpu: number }) => {
    const all = Array.from({ length: options.runs }, what);
    return spent({ time: median(all.map(({ time }) => time)), cpu: median(all.map(({ cpu }) => cpu)) });
  };
  const unchanged = repeat(() => build(input));
  const less = { ...input, southbound: withoutOne(southbound, ports) };
  const times: { less: string[]; back: string[] } = { less: [], back: [] };
  times.less.push(spent(build(less)));
  times.back.push(spent(build(input)));
  const { image, flows } = once.program;
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  return [
    ...[String(names.length), String(flows.length), spent(once), unchanged, ...times.less, ...times.back],
    ...[megabytes(image.length), megabytes(memoryUsage().rss), translations(once.program, southbound.ports, ports)],
  ];
}

function spent({ time, cpu }: { time: number; cpu: number }): string {
  return `${duration(time)} (${duration(cpu)})`;
}

/** The database without one of the ports here, and without the flows that name it. */
function withoutOne(southbound: Southbound, ports: ReadonlyMap<string, number>): Southbound {
  const victim = southbound.ports.findLast(({ type, logicalPort }) => type === '' && ports.has(logicalPort));
  if (!victim) return southbound;
  const name = JSON.stringify(victim.logicalPort);
  return {
    ...southbound,
    ports: southbound.ports.filter((port) => port !== victim),
    flows: southbound.flows.filter(({ match, actions }) => !match.includes(name) && !actions.includes(name)),
  };
}

function translations(program: Program, bindings: readonly PortBinding[], ports: ReadonlyMap<string, number>): string {
  const hosts = bindings.flatMap(({ type, mac, logicalPort }) => {
    const [ethernet = '', ip = ''] = (mac[0] ?? '').split(' ');
    const physical = ports.get(logicalPort);
    if (type !== '' || physical === undefined || !/^\d+\.\d+\.\d+\.\d+$/.test(ip)) return [];
    return [{ physical: BigInt(physical), ethernet: BigInt(`0x${ethernet.replaceAll(':', '')}`), ip: addressOf(ip) }];
  });
  if (hosts.length === 0) return '-';
  const flows = Array.from({ length: COUNT }, (_, i) => {
    const from = hosts[i % hosts.length] as (typeof hosts)[0];
    const to = hosts[(i * 7 + 1) % hosts.length] as (typeof hosts)[0];
    const flow = new BigUint64Array(FLOW_WORDS);
    flow[W_ETH_DST] = (0x800n << 48n) | to.ethernet;
    flow[W_ETH_SRC] = from.ethernet;
    flow[W_IP4] = (from.ip << 32n) | to.ip;
    flow[W_L4] = (BigInt(1000 + i) << 48n) | (80n << 32n) | (64n << 8n) | 17n;
    flow[W_IN] = from.physical;
    return flow;
  });
  const plane = new Translator({ ports: ports.size });
  plane.load(program.image, 0n, program.thresholds);
  const rate = plane.measure(flows);
  return `${(rate / 1000).toFixed(0)}k/s`;
}

function chassisOf({ chassis, options }: PortBinding): string | undefined {
  return chassis ?? CHASSIS_OPTIONS.map((name) => options[name]).find((name) => name !== undefined);
}

/** The port, on the chassis that has all. */
function moved({ chassis: _, ...port }: PortBinding): PortBinding {
  const options = { ...port.options };
  for (const name of CHASSIS_OPTIONS) if (options[name] !== undefined) options[name] = 'all';
  return { ...port, options };
}

function addressOf(text: string): bigint {
  return text.split('.').reduce((value, part) => (value << 8n) | BigInt(part), 0n);
}

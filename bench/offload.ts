/**
 * Planning the rules of one node: time and memory, how many rules there are, and what they leave to software and why.
 *
 *     npm run bench:offload -- [--networks N] [--nodes N] [--interfaces N]
 *
 * One VPC; the interfaces are of each network, on each node.  Unless told otherwise it is a node with 250 ports in a
 * VPC of 10 000.  Times are of the processor, which tells more on a machine that does other things as well.
 */

import { cpuUsage } from 'node:process';
import { computeSouthbound } from '../engine/northd/index.ts';
import { capabilitiesOf } from '../engine/offload/capabilities/index.ts';
import type { OffloadPlan } from '../engine/offload/plan.ts';
import { planRules } from '../engine/offload/planner.ts';
import { portsHere } from '../engine/program/chassis.ts';
import { placementOf } from '../engine/program/placement.ts';
import { northboundOfPlan, planTopology } from '../engine/vpc/index.ts';
import { nodeTraffic } from '../sim/offload/classes.ts';
import { duration, processMegabytes, readOptions, sizeText, tableText } from './measure.ts';
import { resourcesOf } from './topology.ts';

/** What `work` gives, and how many milliseconds of the processor it takes. */
function timed<T>(work: () => T): readonly [T, number] {
  const before = cpuUsage();
  const made = work();
  const { user, system } = cpuUsage(before);
  return [made, (user + system) / 1000];
}

/** What becomes of traffic, a line for each place and reason. */
function fates({ traffic }: OffloadPlan): string[] {
  const lines = traffic.map(({ place, also = [], reasons, from, to }) => {
    const why = reasons.map(({ code, detail }) => ` [${code}] ${detail}`).join('');
    const senders = from === 'tunnel' ? `from tunnels for ${to.length} ports` : `from ${1 + also.length} ports`;
    return `${place}, ${senders}${to.length > 0 && from !== 'tunnel' ? ` to ${to.length}` : ''}:${why || ' all of it'}`;
  });
  return [...new Set(lines)].sort();
}

const options = readOptions(1, { vpcs: 1, networks: 2, nodes: 40, interfaces: 125 });
process.stdout.write(`${sizeText(options)}\n\n`);
const northbound = northboundOfPlan(planTopology(resourcesOf(options)));
const { southbound } = computeSouthbound(northbound);
const placement = placementOf(northbound);
const capabilities = capabilitiesOf('bluefield-3-doca-hws');
if (!capabilities) throw new Error('there is no file about the device');
const names = Array.from({ length: options.nodes }, (_, index) => `node-0-${index}`);
const [node = ''] = names;
const local = portsHere(southbound, node, placement);
const ports = new Map(local.map((name, index) => [name, `pf0vf${index}`]));
const tunnels = new Map(
  names.map((name, index) => [name, { ip: `20.20.${index >> 8}.${index & 255}`, mac: '02:00:00:00:00:01' }]),
);
const [traffic, following] = timed(() => nodeTraffic({ southbound, placement, chassis: node, peers: names.slice(1) }));
const [plan, planning] = timed(() => planRules(traffic, { capabilities, device: { ports, uplink: 'p0', tunnels } }));
const { ruleSet, groups } = plan;
const rows: string[][] = [
  ['', 'time', ''],
  ['all packets of the node followed', duration(following), `${traffic.classes.length} classes`],
  ['planned', duration(planning), `${ruleSet.rules.length} rules in ${groups.length} groups`],
  ['both', duration(following + planning), ''],
  ['memory at most', `${processMegabytes('self', 'VmHWM').toFixed(0)} MB`, `${ports.size} ports`],
];
process.stdout.write(`${tableText(rows)}\n`);
for (const line of fates(plan)) process.stdout.write(`${line}\n`);

/**
 * Planning the rules of one node: time and memory, and how many rules there are.
 *
 *     npm run bench:offload -- [--networks N] [--nodes N] [--interfaces N]
 *
 * One VPC; the interfaces are of each network, on each node.  `--networks 2 --nodes 40 --interfaces 125` is a node with
 * 250 ports in a VPC of 10 000.  Times are of the processor, which tells more on a machine that does other things as well.
 */

import { cpuUsage } from 'node:process';
import { computeSouthbound } from '../engine/northd/index.ts';
import { capabilitiesOf } from '../engine/offload/capabilities/index.ts';
import { planRules } from '../engine/offload/planner.ts';
import { portsHere } from '../engine/program/chassis.ts';
import { placementOf } from '../engine/program/placement.ts';
import { northboundOfPlan, planTopology } from '../engine/vpc/index.ts';
import { nodeTraffic } from '../sim/offload/classes.ts';
import { duration, processMegabytes, readOptions, sizeText, tableText } from './measure.ts';
import { resourcesOf } from './topology.ts';

/** Milliseconds of the processor. */
function timed(work: () => void): number {
  const before = cpuUsage();
  work();
  const { user, system } = cpuUsage(before);
  return (user + system) / 1000;
}

const options = readOptions(1);
process.stdout.write(`${sizeText(options)}\n\n`);
const northbound = northboundOfPlan(planTopology(resourcesOf(options)));
const { southbound } = computeSouthbound(northbound);
const placement = placementOf(northbound);
const capabilities = capabilitiesOf('bluefield-3-doca-hws');
const names = Array.from({ length: options.nodes }, (_, index) => `node-0-${index}`);
const [node = ''] = names;
const local = portsHere(southbound, node, placement);
const ports = new Map(local.map((name, index) => [name, `pf0vf${index}`]));
const tunnels = new Map(
  names.map((name, index) => [name, { ip: `20.20.${index >> 8}.${index & 255}`, mac: '02:00:00:00:00:01' }]),
);
const rows: string[][] = [['', 'time', '']];
if (capabilities) {
  let traffic: ReturnType<typeof nodeTraffic> | undefined;
  const following = timed(() => {
    traffic = nodeTraffic({ southbound, placement, chassis: node, peers: names.slice(1) });
  });
  rows.push(['all packets of the node followed', duration(following), `${traffic?.classes.length} classes`]);
  if (traffic) {
    const known = traffic;
    let told = '';
    const planning = timed(() => {
      const { ruleSet, groups } = planRules(known, { capabilities, device: { ports, uplink: 'p0', tunnels } });
      told = `${ruleSet.rules.length} rules in ${groups.length} groups`;
    });
    rows.push(['planned', duration(planning), told]);
  }
}
rows.push(['memory at most', `${processMegabytes('self', 'VmHWM').toFixed(0)} MB`, `${ports.size} ports`]);
process.stdout.write(tableText(rows));

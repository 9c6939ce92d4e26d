/**
 * All built-in properties of a topology, proven: time and memory.
 *
 *     npm run bench:verify -- [--vpcs N] [--networks N] [--nodes N] [--interfaces N]
 *
 * Nothing else proves them, so there is no peer; the flows alone come from the
 * same call that bench:northd measures.  The goal for the usual size is 10 s and 1 GB.
 */
import { computeSouthbound } from '../engine/northd/index.ts';
import { northboundOfPlan, planTopology } from '../engine/vpc/index.ts';
import { analyse, networkOf } from '../sim/symbolic/index.ts';
import { verifyNetwork } from '../sim/verifier.ts';
import { duration, processMegabytes, readOptions, sizeText, tableText, timed } from './measure.ts';
import { resourcesOf } from './topology.ts';

const options = readOptions(1);
process.stdout.write(`${sizeText(options)}\n\n`);
const plans = planTopology(resourcesOf(options));
const northbound = northboundOfPlan(plans);
const rows: string[][] = [['', 'time', '']];
let southbound = computeSouthbound(northbound).southbound;
const flows = timed(() => {
  southbound = computeSouthbound(northbound).southbound;
});
rows.push(['northbound to flows', duration(flows), `${southbound.flows.length} flows`]);
const analysis = timed(() => analyse(networkOf(southbound)));
rows.push(['all packets followed', duration(analysis), 'in a space of its own']);
let verdicts = '';
const whole = timed(() => {
  const { verdict, properties } = verifyNetwork({ southbound, plans, northbound });
  verdicts = `${properties.length} findings, ${verdict}`;
});
rows.push(['verified, from flows to findings', duration(whole), verdicts]);
rows.push(['memory at most', `${processMegabytes('self', 'VmHWM').toFixed(0)} MB`, '']);
process.stdout.write(tableText(rows));

/** Networks to judge policies by: from manifests, and a small database of its own. */
import { readFileSync } from 'node:fs';
import { computeSouthbound } from '../../../engine/northd/index.ts';
import { formatProblem } from '../../../engine/origin.ts';
import { insertRow, type Northbound } from '../../../engine/ovsdb/northbound.ts';
import { readManifests } from '../../../engine/spec/read.ts';
import { northboundOfPlan, planTopology, type VpcPlan } from '../../../engine/vpc/index.ts';
import type { Policy } from '../../../sim/policy/policy.ts';
import { readPolicy } from '../../../sim/policy/read.ts';
import { openView } from '../../../sim/properties/open-view.ts';
import type { Judgement } from '../../../sim/properties/property.ts';
import type { View } from '../../../sim/properties/view.ts';
import { type PolicyOptions, policyProperties, policyWatch } from '../../../sim/rules/index.ts';
import { type Analysis, analyse, type Network, networkOf } from '../../../sim/symbolic/index.ts';
import {
  addLocalnet,
  addPort,
  addRoute,
  addRouter,
  addRouterPort,
  addSwitch,
  attach,
  northbound,
} from '../../northd/router/build.ts';
import { addAcl, logicalSwitch } from '../../northd/topologies.ts';

export interface Made {
  network: Network;
  plans: VpcPlan[];
}

export const made = (nb: Northbound): Made => ({ network: networkOf(computeSouthbound(nb).southbound), plans: [] });

/** The network that a file of examples asks for. */
export function example(name: string): Made {
  const file = new URL(`../../../examples/${name}.yaml`, import.meta.url);
  const { resources } = readManifests([{ file: `${name}.yaml`, text: readFileSync(file, 'utf8') }]);
  const plans = planTopology(resources);
  return { plans, network: networkOf(computeSouthbound(northboundOfPlan(plans)).southbound) };
}

/**
 * Two switches, `front` (10.1.0.0/24: `web1`, `web2`) and `data` (10.2.0.0/24: `db1`), on a router `r`. Hosts of `data`
 * are reached from `front` by TCP to port 5432 alone, and by ARP; nothing that they send is let into `front`.
 */
export function shop(change: (nb: Northbound) => void = () => {}): Made {
  const nb = northbound();
  for (const name of ['front', 'data']) addSwitch(nb, name);
  addPort(nb, 'front', 'web1', ['02:00:00:00:01:11 10.1.0.11'], { external_ids: { app: 'web' } });
  addPort(nb, 'front', 'web2', ['02:00:00:00:01:12 10.1.0.12']);
  addPort(nb, 'data', 'db1', ['02:00:00:00:02:11 10.2.0.11']);
  addRouter(nb, 'r');
  addRouterPort(nb, 'r', 'r-front', '02:00:00:00:01:01', ['10.1.0.1/24']);
  addRouterPort(nb, 'r', 'r-data', '02:00:00:00:02:01', ['10.2.0.1/24']);
  attach(nb, 'front', 'r-front');
  attach(nb, 'data', 'r-data');
  const data = logicalSwitch(nb, 'data');
  addAcl(nb, data, 'to-lport', 1000, 'ip4.src == 10.1.0.0/24 && tcp.dst == 5432', 'allow-stateless');
  addAcl(nb, data, 'to-lport', 500, 'ip', 'drop');
  addAcl(nb, logicalSwitch(nb, 'front'), 'to-lport', 500, 'ip4.src == 10.2.0.0/24', 'drop');
  change(nb);
  return made(nb);
}

/** A switch `lan` with hosts `a` and `b`, of which `a` may open connections to ports 443 (TCP) and 53 (UDP) of `b`, and nothing else. */
export function firewall(): Made {
  const nb = northbound();
  addSwitch(nb, 'lan');
  addPort(nb, 'lan', 'a', ['02:00:00:00:00:0a 10.0.0.10'], { port_security: ['02:00:00:00:00:0a 10.0.0.10'] });
  addPort(nb, 'lan', 'b', ['02:00:00:00:00:0b 10.0.0.11'], { port_security: ['02:00:00:00:00:0b 10.0.0.11'] });
  const lan = logicalSwitch(nb, 'lan');
  addAcl(nb, lan, 'to-lport', 1000, 'outport == "b" && ip4 && tcp.dst == 443', 'allow-related');
  addAcl(nb, lan, 'to-lport', 1000, 'outport == "b" && ip4 && udp.dst == 53', 'allow-related');
  addAcl(nb, lan, 'to-lport', 500, 'ip', 'drop');
  return made(nb);
}

/** Hosts `a` and `b` on switches `left` and `right` that nothing joins but the wire outside, of `physnet`. */
export function wire(change: (nb: Northbound) => void = () => {}): Made {
  const nb = northbound();
  for (const [name, host, address] of [
    ['left', 'a', '02:00:00:00:00:0a 10.0.0.10 fd00::a'],
    ['right', 'b', '02:00:00:00:00:0b 10.0.0.11 fd00::b'],
  ] as const) {
    addSwitch(nb, name);
    addPort(nb, name, host, [address], { port_security: [address] });
    addLocalnet(nb, name, `${name}-out`);
  }
  change(nb);
  return made(nb);
}

/** A router `r` on a switch to the outside, that routes everything back there. */
export function hairpin(): Made {
  const nb = northbound();
  addSwitch(nb, 'ext');
  addLocalnet(nb, 'ext', 'out');
  addRouter(nb, 'r');
  addRouterPort(nb, 'r', 'r-ext', '02:00:00:00:00:01', ['172.16.0.2/24']);
  attach(nb, 'ext', 'r-ext');
  addRoute(nb, 'r', '0.0.0.0/0', '172.16.0.1');
  return made(nb);
}

/** A switch `lan` with hosts `a` and `b`; port 80 of 10.0.0.100 is port 8080 of `b`, or of other backends, too. */
export function balanced(...others: string[]): Made {
  const nb = northbound();
  addSwitch(nb, 'lan');
  addPort(nb, 'lan', 'a', ['02:00:00:00:00:0a 10.0.0.10']);
  addPort(nb, 'lan', 'b', ['02:00:00:00:00:0b 10.0.0.11']);
  const balancer = insertRow(nb, 'Load_Balancer', 'lb', {
    name: 'lb',
    vips: { '10.0.0.100:80': ['10.0.0.11:8080', ...others].join(',') },
    protocol: 'tcp',
  });
  logicalSwitch(nb, 'lan').load_balancer.push(balancer._uuid);
  return made(nb);
}

/** The policy that a text is; throws with the complaints about it. */
export function policyOf(text: string): Policy {
  const { policy, problems } = readPolicy('policy.yaml', text);
  if (!policy) throw new Error(problems.map(formatProblem).join('\n'));
  return policy;
}

const analyses = new Map<string, Analysis>();

/** A view for a policy; networks that are watched alike are analysed once. */
export function viewFor({ network, plans }: Made, policy: Policy, name: string): View {
  const watch = policyWatch(policy, network, plans);
  const key = `${name} ${watch.join(' ')}`;
  const analysis = analyses.get(key) ?? analyse(network, { watch });
  analyses.set(key, analysis);
  return openView(analysis, plans);
}

/** What becomes of each rule, by its id. */
export function judgements(
  network: Made,
  policy: Policy,
  name: string,
  options: Partial<PolicyOptions> = {},
): Map<string, Judgement | { verdict: 'vacuous'; reason: string }> {
  const view = viewFor(network, policy, name);
  const found = new Map<string, Judgement | { verdict: 'vacuous'; reason: string }>();
  for (const property of policyProperties(policy, { today: '2026-11-21', ...options })) {
    for (const check of property.checks(view)) {
      const { vacuous } = check;
      const judgement = vacuous === undefined ? check.judge() : ({ verdict: 'vacuous', reason: vacuous } as const);
      found.set(found.has(property.id) ? `${property.id} ${check.subject}` : property.id, judgement);
    }
  }
  return found;
}

/** A judgement as a line: `holds`, `violated goes: SENTENCE`, `unknown: REASON`. */
export function lineOf(judgement: Judgement | { verdict: 'vacuous'; reason: string } | undefined): string {
  switch (judgement?.verdict) {
    case 'violated':
      return `violated ${judgement.violation.kind}: ${judgement.violation.sentence}`;
    case 'unknown':
    case 'vacuous':
      return `${judgement.verdict}: ${judgement.reason}`;
    default:
      return judgement?.verdict ?? 'no such rule';
  }
}

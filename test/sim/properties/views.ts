/** Views of networks for tests of properties: of the examples that come in pairs, and of manifests, broken on purpose if need be. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { computeSouthbound } from '../../../engine/northd/index.ts';
import { readDatabase } from '../../../engine/ovsdb/file.ts';
import type { Northbound, NorthboundRow, NorthboundTable } from '../../../engine/ovsdb/northbound.ts';
import { readNorthbound } from '../../../engine/ovsdb/northbound-db.ts';
import type { LogicalFlow } from '../../../engine/ovsdb/southbound.ts';
import type { Resources } from '../../../engine/spec/resources.ts';
import { northboundOfPlan, planTopology } from '../../../engine/vpc/index.ts';
import { readPolicy } from '../../../sim/policy/index.ts';
import { openView } from '../../../sim/properties/open-view.ts';
import type { Check, Judgement, Property } from '../../../sim/properties/property.ts';
import type { View } from '../../../sim/properties/view.ts';
import { analyse, networkOf } from '../../../sim/symbolic/index.ts';
import { pairs } from '../../examples/pairs.ts';

/** Of `examples/NAME` (`field/shared-uplink`): the database that is as it should be, or not; with its policy, or another one. */
export function exampleView(name: string, side: 'bad' | 'good', policyText?: string): View {
  const pair = pairs.find((one) => one.name === name);
  if (!pair) throw new Error(`there is no example ${name}`);
  const { northbound } = readNorthbound(readDatabase(readFileSync(join(pair.folder, `${pair[side]}.db`))));
  const file = join(pair.folder, 'policy.yaml');
  const text = policyText ?? (existsSync(file) ? readFileSync(file, 'utf8') : undefined);
  return viewOf(northbound, text);
}

/** Of `examples/NAME` as it should be, with its rows changed, and then its flows. Fails where no flow was. */
export function changedView(
  name: string,
  rowsChanged: (nb: Northbound) => void,
  damage?: (flow: LogicalFlow) => LogicalFlow | undefined,
  knows: 'northbound' | 'southbound' = 'northbound',
): View {
  const pair = pairs.find((one) => one.name === name);
  if (!pair) throw new Error(`there is no example ${name}`);
  const { northbound } = readNorthbound(readDatabase(readFileSync(join(pair.folder, `${pair.good}.db`))));
  rowsChanged(northbound);
  const { southbound } = computeSouthbound(northbound);
  const flows = damage ? southbound.flows.flatMap((flow) => damage(flow) ?? []) : southbound.flows;
  if (damage && southbound.flows.every((flow, index) => flow === flows[index])) throw new Error('no flow was broken');
  return openView(analyse(networkOf({ ...southbound, flows })), [], knows === 'northbound' ? northbound : undefined);
}

/** Of a northbound database, with the text of a policy. */
export function viewOf(northbound: Northbound, policyText?: string): View {
  const { southbound } = computeSouthbound(northbound);
  return openView(
    analyse(networkOf(southbound)),
    [],
    northbound,
    policyText === undefined ? undefined : policyOf(policyText),
  );
}

/** Of manifests; `damage` changes the northbound database that they become. */
export function manifestView(resources: Resources, damage?: (nb: Northbound) => void, policyText?: string): View {
  const plans = planTopology(resources);
  const northbound = northboundOfPlan(plans);
  damage?.(northbound);
  const { southbound } = computeSouthbound(northbound);
  return openView(
    analyse(networkOf(southbound)),
    plans,
    northbound,
    policyText === undefined ? undefined : policyOf(policyText),
  );
}

/** Of manifests; `damage` changes the logical flows, as if ovn-northd had written them so. */
export function flowsView(resources: Resources, damage: (flow: LogicalFlow) => LogicalFlow | undefined): View {
  const plans = planTopology(resources);
  const northbound = northboundOfPlan(plans);
  const { southbound } = computeSouthbound(northbound);
  const flows = southbound.flows.flatMap((flow) => damage(flow) ?? []);
  if (southbound.flows.every((flow, index) => flow === flows[index])) throw new Error('no flow was broken');
  return openView(analyse(networkOf({ ...southbound, flows })), plans, northbound);
}

function policyOf(text: string) {
  const { policy, problems } = readPolicy('policy.yaml', text);
  if (!policy) throw new Error(problems.map(({ message }) => message).join('\n'));
  return policy;
}

/** What a property says of a view: `SUBJECT: VERDICT`, by check. */
export function verdicts(property: Property, view: View): string[] {
  return [...property.checks(view)].map((check) => `${check.subject}: ${verdictOf(check)}`);
}

const verdictOf = (check: Check): string => (check.vacuous === undefined ? check.judge().verdict : 'vacuous');

/** The judgement on a subject. */
export function judgementOn(property: Property, view: View, subject: string): Judgement {
  const checks = [...property.checks(view)];
  const check = checks.find((one) => one.subject === subject);
  if (!check) throw new Error(`there is no ${subject} among ${checks.map((one) => one.subject).join(', ')}`);
  if (check.vacuous !== undefined) throw new Error(`${subject} is vacuous: ${check.vacuous}`);
  return check.judge();
}

/** What a violated promise's sentence is; fails if the promise is not violated. */
export function violationOf(property: Property, view: View, subject: string) {
  const judgement = judgementOn(property, view, subject);
  if (judgement.verdict !== 'violated') {
    throw new Error(judgement.verdict === 'unknown' ? `unknown: ${judgement.reason}` : 'the promise holds');
  }
  return judgement.violation;
}

/** Rows of a table, to break; fails if there are none. */
export function rows<T extends NorthboundTable>(
  nb: Northbound,
  table: T,
  isMeant: (row: NorthboundRow<T>) => boolean,
): NorthboundRow<T>[] {
  const all: Map<string, NorthboundRow<T>> = nb[table];
  const found = [...all.values()].filter(isMeant);
  if (found.length === 0) throw new Error(`nothing to break in ${table}`);
  return found;
}

/** Routing policies by what their match says. */
export const policies = (nb: Northbound, match: RegExp, priority: number) =>
  rows(nb, 'Logical_Router_Policy', (row) => row.priority === priority && match.test(row.match));

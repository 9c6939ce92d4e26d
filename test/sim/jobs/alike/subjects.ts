/** Networks of VPCs that are alike, or almost. */
import { computeSouthbound } from '../../../../engine/northd/index.ts';
import type { Northbound, NorthboundRow } from '../../../../engine/ovsdb/northbound.ts';
import { northboundOfPlan, planTopology } from '../../../../engine/vpc/index.ts';
import type { Range } from '../../../../sim/jobs/alike/constants.ts';
import { indexElsewhere } from '../../../../sim/jobs/alike/elsewhere.ts';
import { createFormMaker } from '../../../../sim/jobs/alike/form.ts';
import { type Renaming, renamingOf } from '../../../../sim/jobs/alike/renaming.ts';
import { usesOf } from '../../../../sim/jobs/alike/uses.ts';
import type { Subject } from '../../../../sim/jobs/parts.ts';
import { planOf } from '../../../../sim/jobs/plan.ts';
import { builtInProperties } from '../../../../sim/properties/index.ts';
import { network, node, resourcesOf, vf, vpc } from '../../../topology.ts';

/** A VPC with two nodes and a network of its own name, and two interfaces. */
export const tenant = (name: string): object[] => [
  vpc(name),
  network(`${name}net`, name, '10.0.0.0/24'),
  vf(`${name}net`, 0),
  vf(`${name}net`, 1),
  node(`${name}-1`, name),
  node(`${name}-2`, name),
];

/** What manifests become, once `change` has changed their northbound database. */
export function subjectOf(manifests: readonly object[], change: (northbound: Northbound) => void = () => {}): Subject {
  const plans = planTopology(resourcesOf(...manifests));
  const northbound = northboundOfPlan(plans);
  change(northbound);
  return { southbound: computeSouthbound(northbound).southbound, northbound, plans };
}

/** How the first two parts of a network compare. */
export function compared(
  subject: Subject,
  spoken: readonly Range[] = [],
): { isSameForm: boolean; renaming: Renaming | undefined } {
  const plan = planOf(subject, { properties: builtInProperties, today: '2026-01-01' });
  const [first, second] = plan.partition.parts;
  if (!first || !second) throw new Error('there are no two parts');
  const maker = createFormMaker();
  const [one, other] = [maker.formOf(first), maker.formOf(second)];
  const uses = usesOf(first.southbound);
  if (!one || !other || one.text !== other.text) return { isSameForm: false, renaming: undefined };
  const elsewhere = indexElsewhere(plan.common.elsewhere);
  const renaming = uses && renamingOf({ part: first, form: one, uses, spoken }, second, other, elsewhere);
  return { isSameForm: true, renaming };
}

/** Adds an ACL like the first one of the switch, but with this match. */
export function addAcl(northbound: Northbound, name: string, match: string): void {
  const own = rowNamed(northbound.Logical_Switch, name);
  const [first = ''] = own.acls;
  const like = northbound.ACL.get(first) as NorthboundRow<'ACL'>;
  const _uuid = `${like._uuid.slice(0, -12)}${String(northbound.ACL.size).padStart(12, '0')}`;
  northbound.ACL.set(_uuid, { ...like, _uuid, match, priority: 999 });
  northbound.Logical_Switch.set(own._uuid, { ...own, acls: [...own.acls, _uuid] });
}

/** The row of this name. */
export function rowNamed<T extends { name: string }>(rows: ReadonlyMap<string, T>, name: string): T {
  const found = [...rows.values()].find((row) => row.name === name);
  if (!found) throw new Error(`there is no row called ${name}`);
  return found;
}

import { describe, expect, it } from 'vitest';
import { northboundOfPlan, planTopology } from '../../../engine/vpc/index.ts';
import { masqueradeApplied } from '../../../sim/properties/masquerade-applied.ts';
import { network, node, resourcesOf, vf, vpc } from '../../topology.ts';
import { manifestView, verdicts, viewOf, violationOf } from './views.ts';

const red = () => resourcesOf(vpc('red'), network('red-a', 'red', '10.1.0.0/24'), vf('red-a', 2), node('n0', 'red'));

describe('a VPC', () => {
  it('is masqueraded, by its manifests and by the database that they become', () => {
    expect(verdicts(masqueradeApplied, manifestView(red()))).toEqual(['default/red-a: holds']);
    const northbound = northboundOfPlan(planTopology(red()));
    expect(verdicts(masqueradeApplied, viewOf(northbound))).toEqual(['default/red@n0: holds']);
  }, 120_000);

  it('is not without the ACLs that drop what was not translated', () => {
    const northbound = northboundOfPlan(planTopology(red()));
    for (const [uuid, row] of northbound.ACL) if (row.action === 'drop') northbound.ACL.delete(uuid);
    for (const [uuid, row] of northbound.Logical_Switch) {
      northbound.Logical_Switch.set(uuid, { ...row, acls: row.acls.filter((acl) => northbound.ACL.has(acl)) });
    }
    expect(violationOf(masqueradeApplied, viewOf(northbound), 'default/red@n0').sentence).toMatch(
      /with a source address of the inside$/,
    );
  }, 120_000);
});

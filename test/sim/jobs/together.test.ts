/** Rules are decided by the components that they speak of, and say what they say of the whole network. */
import { describe, expect, test } from 'vitest';
import { conclude, planOf, togetherOf } from '../../../sim/jobs/plan.ts';
import { componentsFor } from '../../../sim/jobs/together.ts';
import { type Policy, readPolicy } from '../../../sim/policy/index.ts';
import { openVerifier, propertiesOf } from '../../../sim/verifier.ts';
import { subjectOf, tenant } from './alike/subjects.ts';
import { cheap, said } from './subjects.ts';

const policyOf = (...rules: readonly string[]): Policy => {
  const text = ['lflow: 1', 'rules:', ...rules.map((rule) => `  - ${rule}`)].join('\n');
  const { policy, problems } = readPolicy('policy.yaml', text);
  if (!policy) throw new Error(problems.map(({ message }) => message).join('\n'));
  return policy;
};

const subject = subjectOf(['blue', 'red', 'white'].flatMap(tenant));
const today = '2026-01-01';

const rules = policyOf(
  '{ id: apart, never: { from: { vpc: blue }, to: { vpc: red } } }',
  '{ id: spoken, always: { from: { vpc: blue }, to: { vpc: red }, traffic: tcp/443 } }',
  '{ id: routed, never: { from: { vpc: blue }, to: { vpc: red }, through: { router: default/blue } } }',
  '{ id: nobody, never: { from: { vpc: pink }, to: { vpc: red } } }',
);

describe('three VPCs and rules about two of them', { timeout: 240_000 }, () => {
  const properties = [
    ...cheap,
    ...propertiesOf(rules, { today }).filter(({ id }) => /^(apart|spoken|routed|nobody)$/.test(id)),
  ];

  test('follow the packets of these two, and of one part for the built-in properties', () => {
    const plan = planOf(subject, { properties, policy: rules, today });
    expect(plan.isWhole).toBe(false);
    const asked = plan.options.properties.slice(cheap.length).map((property) => ({ property }));
    const switches = [...plan.network.datapaths.values()].filter(({ name }) => /^default\/(blue|red)net$/.test(name));
    expect(switches).toHaveLength(2);
    expect(componentsFor(asked, plan.view)).toEqual(switches.map(({ component }) => component).sort((a, b) => a - b));
    const verifier = openVerifier({ properties, policy: rules, today });
    const found = verifier.verify(subject);
    expect(verifier.last).toEqual({ parts: 3, verified: 1 });
    const { found: whole } = conclude({ ...plan, isWhole: true }, [], togetherOf(plan));
    expect(said(found)).toEqual(whole);
    const verdicts = found.properties.slice(-4).map(({ id, verdict }) => `${id} ${verdict}`);
    expect(verdicts).toEqual(['apart holds', 'spoken violated', 'routed holds', 'nobody violated']);
  });

  test.each([
    ['about anybody', 'never: { to: { vpc: red } }'],
    ['that compare with another network', 'unchanged: { from: { vpc: blue }, to: { vpc: red } }'],
  ])('follow all packets for rules %s', (_, claim) => {
    const policy = policyOf(`{ id: one, ${claim} }`);
    expect(planOf(subject, { properties: propertiesOf(policy, { today }), policy, today }).isWhole).toBe(true);
  });
});

import { expect, test } from 'vitest';
import { explainSet, explanationText, inventoryOf } from '../../../sim/policy/index.ts';
import { example, policyOf, shop } from '../rules/networks.ts';

const explain = (made: ReturnType<typeof shop>, sets: string) => {
  const policy = policyOf(`lflow: 1\nsets:\n  s: ${sets}\n  web: {labels: {app: web}}\n  b: {vpc: bluevpc}\n`);
  const explained = explainSet('s', policy, inventoryOf(made.network, made.plans));
  if (!explained) throw new Error('no set s');
  return explained;
};
const ports = (made: ReturnType<typeof shop>, sets: string) => explain(made, sets).ports.map(({ name }) => name);

const database = shop();
const manifests = example('two-tenants');

test.each([
  ['{switch: front}', ['web1', 'web2']],
  ['{switch: [front, data]}', ['db1', 'web1', 'web2']],
  ['{switch: {not: front}}', ['db1']],
  ['[{switch: data}, {port: web2}]', ['db1', 'web2']],
  ['{not: {port: web2}}', ['db1', 'web1']],
  ['{switch: front, not: {port: web2}}', ['web1']],
  ['{router: r}', ['db1', 'web1', 'web2']],
  ['{set: web}', ['web1']],
  ['web', ['web1']],
  ['{cidr: 10.1.0.0/24}', ['web1', 'web2']],
  ['{cidr: {not: 10.1.0.0/24}}', ['db1']],
  ['{switch: front, cidr: 10.1.0.12}', ['web2']],
  ['{external: true}', []],
])('%s in a database', (set, names) => {
  expect(ports(database, set)).toEqual(names);
});

const hosts = ['bluenet-vf2@worker3', 'bluenet-vf2@worker4', 'rednet-vf2@worker1', 'rednet-vf2@worker2'];

test.each([
  ['{tenant: red}', ['rednet-vf2@worker1', 'rednet-vf2@worker2']],
  ['{vpc: redvpc}', ['rednet-vf2@worker1', 'rednet-vf2@worker2']],
  ['{vpc: default/redvpc}', ['rednet-vf2@worker1', 'rednet-vf2@worker2']],
  ['{network: rednet}', ['rednet-vf2@worker1', 'rednet-vf2@worker2']],
  ['{network: [bluenet, rednet]}', hosts],
  ['{interface: rednet-vf2, node: worker2}', ['rednet-vf2@worker2']],
  ['{node: [worker1, worker3]}', ['bluenet-vf2@worker3', 'rednet-vf2@worker1']],
  ['{not: b, external: false}', ['rednet-vf2@worker1', 'rednet-vf2@worker2']],
  ['{external: true, vpc: redvpc}', ['redvpc@worker1+external:localnet', 'redvpc@worker2+external:localnet']],
  ['{external: true, node: worker1}', ['redvpc@worker1+external:localnet']],
  ['{port: default/redvpc@worker1+external:localnet}', ['redvpc@worker1+external:localnet']],
  ['{switch: default/rednet}', ['rednet-vf2@worker1', 'rednet-vf2@worker2']],
])('%s of manifests', (set, names) => {
  expect(ports(manifests, set).map((name) => name.replace('default/', ''))).toEqual(names);
});

test('what a set names and is not there', () => {
  expect(explain(manifests, '[{vpc: bluevcp}, {node: worker9}, {vpc: other/redvpc}]')).toMatchObject({
    ports: [],
    unknown: [
      'there is no vpc "bluevcp"; did you mean "bluevpc"?',
      'there is no node "worker9"; did you mean "worker3"?',
      'there is no vpc "other/redvpc"',
    ],
  });
  expect(explain(database, '{tenant: red}').unknown).toEqual([
    'a database knows no tenant, and so not "red"; select by switch, router or port',
  ]);
});

test('an explanation in words', () => {
  expect(
    explanationText(explain(manifests, '[{network: rednet}, {external: true, vpc: redvpc, cidr: {not: 10.0.0.0/8}}]')),
  ).toBe(
    `s: 4 ports
  default/rednet-vf2@worker1  on default/rednet  02:1e:29:98:59:a8 192.178.0.2
  default/rednet-vf2@worker2  on default/rednet  02:f3:81:08:f9:3f 192.178.0.3
  default/redvpc@worker1+external:localnet  on default/redvpc@worker1+external  the outside  only not (10.0.0.0/8)
  default/redvpc@worker2+external:localnet  on default/redvpc@worker2+external  the outside  only not (10.0.0.0/8)
`,
  );
});

test('sets of sets of sets are explained in time', () => {
  const sets = Array.from(
    { length: 40 },
    (_, i) => `  s${i}: [{not: s${i + 1}}, {set: s${i + 1}, cidr: 10.${i}.0.0/16}]`,
  );
  const policy = policyOf(`lflow: 1\nsets:\n${sets.join('\n')}\n  s40: {external: true, cidr: 10.200.0.0/16}\n`);
  const explained = explainSet('s0', policy, inventoryOf(manifests.network, manifests.plans));
  expect(explained?.ports.length).toBeGreaterThan(0);
  expect(explanationText(explained ?? { name: '', ports: [], unknown: [] }).length).toBeLessThan(10_000);
});

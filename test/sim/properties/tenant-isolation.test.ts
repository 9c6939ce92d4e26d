import { describe, expect, it } from 'vitest';
import type { Northbound } from '../../../engine/ovsdb/northbound.ts';
import { tenantIsolation } from '../../../sim/properties/tenant-isolation.ts';
import { network, node, resourcesOf, vf, vpc } from '../../topology.ts';
import { exampleView, manifestView, policies, rows, verdicts, violationOf } from './views.ts';

const examples = [
  ['field/one-vlan-two-tenants', 'ns1', 'ns2'],
  ['field/advertised-networks', 'red', 'blue'],
] as const;

describe.each(examples)('%s', (name, one, other) => {
  it('is violated in both directions, broken', () => {
    const view = exampleView(name, 'bad');
    expect(verdicts(tenantIsolation, view)).toEqual([`${one} → ${other}: violated`, `${other} → ${one}: violated`]);
  });

  it('holds, put right', () => {
    const view = exampleView(name, 'good');
    expect(verdicts(tenantIsolation, view)).toEqual([`${one} → ${other}: holds`, `${other} → ${one}: holds`]);
  });
});

describe('tenants that meet on one wire', () => {
  it('are told with what leaves, and where it comes in', () => {
    const violation = violationOf(tenantIsolation, exampleView('field/one-vlan-two-tenants', 'bad'), 'ns1 → ns2');
    expect(violation.sentence).toMatch(/a packet of ns1 arrives at ns2-pod[12], of ns2, over the wire outside/);
    expect(violation).toMatchObject({ kind: 'crosses', forwarded: false, port: { name: 'ns2-localnet' } });
  });

  it('do not meet where their VLANs differ', () => {
    const view = exampleView('field/one-vlan-two-tenants', 'bad');
    const apart = {
      ...view,
      wires: view.wires.flatMap((wire) => wire.ports.map((port) => ({ ...wire, vlan: port.number, ports: [port] }))),
    };
    expect(verdicts(tenantIsolation, apart)).toEqual(['ns1 → ns2: holds', 'ns2 → ns1: holds']);
  });
});

describe('a database without a policy', () => {
  it('does not say who its tenants are', () => {
    const view = exampleView('field/advertised-networks', 'bad', 'lflow: 1');
    expect(verdicts(tenantIsolation, view)).toEqual([expect.stringMatching(/vacuous$/)]);
  });

  it('has no tenants in sets that nobody is in', () => {
    const policy = `
lflow: 1
sets: { red: { switch: red }, ghost: { cidr: 192.0.2.0/24 } }
builtin: { tenant-isolation: { tenants: [red, ghost] } }`;
    const view = exampleView('field/advertised-networks', 'bad', policy);
    expect(verdicts(tenantIsolation, view)).toEqual(['red → ghost: vacuous', 'ghost → red: vacuous']);
  });
});

/** Two VPCs with the same subnet, one node each. */
const redAndBlue = () =>
  resourcesOf(
    vpc('red'),
    vpc('blue'),
    network('red-a', 'red', '10.1.0.0/16'),
    network('blue-a', 'blue', '10.1.0.0/16'),
    vf('red-a', 2),
    vf('blue-a', 2),
    node('n0', 'red'),
    node('n1', 'blue'),
  );

const damages: [string, RegExp, (nb: Northbound) => void][] = [
  [
    'two tenants punch a hole through both gateways',
    /over the wire outside/,
    (nb) => {
      for (const row of policies(nb, /ip4.dst == \{\$vpc_external/, 400)) row.match = 'ip4.dst == 0.0.0.1';
      for (const row of policies(nb, /ip4.src == \$vpc_external/, 500)) row.match = 'ip4.dst == 0.0.0.1';
    },
  ],
  [
    "a tenant's port is plugged into another tenant's switch",
    /arrives at/,
    (nb) => {
      const [stray] = rows(nb, 'Logical_Switch_Port', ({ name }) => name === 'default/blue-a-vf2@n1');
      const [blue] = rows(nb, 'Logical_Switch', (row) => row.name === 'default/blue-a');
      const [red] = rows(nb, 'Logical_Switch', (row) => row.name === 'default/red-a');
      blue.ports = blue.ports.filter((uuid) => uuid !== stray._uuid);
      red.ports.push(stray._uuid);
    },
  ],
];

describe('two VPCs with the same subnet', () => {
  it('are isolated', () => {
    const view = manifestView(redAndBlue());
    expect(verdicts(tenantIsolation, view)).toEqual([
      'default/blue → default/red: holds',
      'default/red → default/blue: holds',
    ]);
  });

  it.each(damages)('are not, if %s', (_what, sentence, damage) => {
    const view = manifestView(redAndBlue(), damage);
    expect(violationOf(tenantIsolation, view, 'default/blue → default/red').sentence).toMatch(sentence);
  });
});

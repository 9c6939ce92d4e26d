import { describe, expect, it } from 'vitest';
import { dhcpServed } from '../../../sim/properties/dhcp-served.ts';
import { network, node, resourcesOf, vf, vpc } from '../../topology.ts';
import { changedView, exampleView, manifestView, rows, verdicts, violationOf } from './views.ts';

describe.each(['properties/dhcp-served', 'field/dhcp-denied'])('%s', (name) => {
  it('holds, put right', () => {
    expect(verdicts(dhcpServed, exampleView(name, 'good'))).toEqual(['net: holds']);
  });

  it('is violated, broken', () => {
    expect(verdicts(dhcpServed, exampleView(name, 'bad'))).toEqual(['net: violated']);
  });
});

describe('what is wrong', () => {
  it('is a gateway that is none', () => {
    const violation = violationOf(dhcpServed, exampleView('properties/dhcp-served', 'bad'), 'net');
    expect(violation.sentence).toBe('vm1 is told that 10.0.0.254 is its gateway, where 10.0.0.1 is');
  });

  it('is a request that gets no answer', () => {
    const violation = violationOf(dhcpServed, exampleView('field/dhcp-denied', 'bad'), 'net');
    expect(violation.sentence).toBe('a DHCP request of a host in net gets no answer');
  });
});

describe('a VPC with two networks, one without DHCP', () => {
  const inside = () =>
    resourcesOf(
      vpc('red'),
      network('red-a', 'red', '10.1.0.0/24', { externallyRouted: false }),
      network('red-b', 'red', '10.2.0.0/24', { externallyRouted: false }, { dhcp: false }),
      vf('red-a', 2),
      vf('red-b', 3),
      node('n0', 'red'),
    );

  it('holds for both', () => {
    expect(verdicts(dhcpServed, manifestView(inside()))).toEqual(['default/red-a: holds', 'default/red-b: holds']);
  });

  it('is violated, if the other one is answered, and if the first is not told its MTU', () => {
    const view = manifestView(inside(), (nb) => {
      const [options] = rows(nb, 'DHCP_Options', () => true);
      for (const port of rows(nb, 'Logical_Switch_Port', ({ name }) => /red-b-vf/.test(name))) {
        port.dhcpv4_options = options?._uuid;
      }
      const { mtu: _, ...rest } = options?.options ?? {};
      if (options) options.options = rest;
      for (const port of rows(nb, 'Logical_Switch_Port', ({ name }) => /red-b-vf/.test(name))) {
        port.addresses = port.addresses.map((entry) => entry.replace('10.2.0.', '10.1.0.'));
      }
    });
    expect(verdicts(dhcpServed, view)).toEqual(['default/red-a: violated', 'default/red-b: violated']);
  });
});

describe('what may have been forgotten', () => {
  const example = 'field/dhcp-denied';

  it('is a port without options, beside one that has some', () => {
    const view = changedView(example, (nb) => {
      for (const port of rows(nb, 'Logical_Switch_Port', ({ name }) => name === 'vm2')) delete port.dhcpv4_options;
    });
    expect(violationOf(dhcpServed, view, 'net: vm2').sentence).toBe(
      'vm2 has no dhcpv4_options, which vm1, on the same switch, has',
    );
    expect(verdicts(dhcpServed, view)).toEqual(['net: holds', 'net: vm2: violated']);
  });

  it('is the MTU', () => {
    const view = changedView(example, (nb) => {
      for (const row of rows(nb, 'DHCP_Options', () => true)) {
        const { mtu: _, ...rest } = row.options;
        row.options = rest;
      }
    });
    expect(violationOf(dhcpServed, view, 'net: 10.0.0.0/24').sentence).toMatch(/without an MTU: they take 1500 bytes/);
  });

  it('is none of a network where no port has options', () => {
    const view = changedView(example, (nb) => {
      for (const port of rows(nb, 'Logical_Switch_Port', () => true)) delete port.dhcpv4_options;
    });
    expect(verdicts(dhcpServed, view)).toEqual(['net: vacuous']);
  });
});

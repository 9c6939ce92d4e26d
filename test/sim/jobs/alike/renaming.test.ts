import { describe, expect, test } from 'vitest';
import type { Northbound } from '../../../../engine/ovsdb/northbound.ts';
import { seedAndRuns } from '../../../oracle/seed.ts';
import { network, node, vf, vpc } from '../../../topology.ts';
import { addAcl, compared, rowNamed, subjectOf, tenant } from './subjects.ts';

const both = [...tenant('blue'), ...tenant('red')];

/** The same ACL for both. */
const aclForBoth = (match: string) => (northbound: Northbound) => {
  addAcl(northbound, 'default/bluenet', match);
  addAcl(northbound, 'default/rednet', match);
};

describe('two VPCs of one template', () => {
  test('are exchanged by a renaming', () => {
    const { isSameForm, renaming } = compared(subjectOf(both));
    expect(isSameForm).toBe(true);
    expect(renaming?.names.get('red')).toBe('blue');
    expect(renaming?.names.get('blue-2')).toBe('red-2');
    // 30.30.0.2 and .3 are the one's nodes, .4 and .5 the other's.
    expect(renaming?.ip4.get(0x1e1e0002n)).toBe(0x1e1e0004n);
    expect(renaming?.ip4.get(0x1e1e0005n)).toBe(0x1e1e0003n);
    expect(renaming?.ip4.get(0x0a000002n)).toBe(0x0a000002n);
    for (const map of [renaming?.names, renaming?.macs, renaming?.ip4, renaming?.ip6, renaming?.tails]) {
      for (const [one, other] of (map ?? new Map()) as Map<unknown, unknown>)
        expect(map?.get(other as never)).toBe(one);
    }
  });

  test('are so beside a third one of another kind', () => {
    const third = [vpc('white'), network('whitenet', 'white', '10.9.0.0/24'), vf('whitenet', 0), node('w', 'white')];
    expect(compared(subjectOf([...both, ...third])).renaming).toBeDefined();
  });

  test('are so with an ACL about ports and prefixes', () => {
    const match = 'inport == "default/bluenet:router" && ip4.src == 10.0.0.0/25 && 80 <= tcp.dst <= 90';
    const { renaming } = compared(
      subjectOf(both, (northbound) => {
        addAcl(northbound, 'default/bluenet', match);
        addAcl(northbound, 'default/rednet', match.replace('blue', 'red'));
      }),
    );
    expect(renaming).toBeDefined();
  });

  test('are so with an ACL about an address of each', () => {
    const { renaming } = compared(
      subjectOf(both, (northbound) => {
        addAcl(northbound, 'default/bluenet', 'ip4.src == 10.0.0.2 && ip4.dst == 30.30.0.2');
        addAcl(northbound, 'default/rednet', 'ip4.src == 10.0.0.2 && ip4.dst == 30.30.0.4');
      }),
    );
    expect(renaming).toBeDefined();
  });
});

describe('random VPCs of a shape', () => {
  const { seed, runs } = seedAndRuns(6);
  test.each(Array.from({ length: runs }, (_, n) => n))('are exchanged, whatever they are called: %i', (n) => {
    let state = seed + 104729 * n;
    const random = (below: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return (state >>> 8) % below;
    };
    const networks = 1 + random(2);
    const interfaces = 1 + random(3);
    const nodes = 1 + random(3);
    const spec = { interNetworkAccess: random(2) === 0 };
    const flags = Array.from({ length: networks }, () => ({
      externallyRouted: random(3) > 0,
      masquerade: random(2) === 0,
    }));
    // What is called later stands later, in both.
    const names = (prefix: string, count: number): string[] =>
      Array.from({ length: count }, (_, index) => `${prefix}${index}-${random(2 ** 30).toString(36)}`);
    const one = (): object[] => {
      const name = `v${random(2 ** 30).toString(36)}`;
      const own = names(`${name}-net`, networks);
      return [
        vpc(name, spec),
        ...own.flatMap((each, index) => [
          network(each, name, `10.${index}.0.0/24`, flags[index]),
          ...Array.from({ length: interfaces }, (_, id) => vf(each, index * interfaces + id)),
        ]),
        ...names(`${name}-node`, nodes).map((each) => node(each, name)),
      ];
    };
    const { isSameForm, renaming } = compared(subjectOf([...one(), ...one()]));
    expect({ n, isSameForm, isExchanged: renaming !== undefined }).toEqual({ n, isSameForm: true, isExchanged: true });
  });
});

describe('look different', () => {
  const cases: Record<string, (northbound: Northbound) => void> = {
    'with an ACL more': (northbound) => addAcl(northbound, 'default/rednet', 'udp'),
    'where only one speaks of its own address': (northbound) => {
      addAcl(northbound, 'default/bluenet', 'ip4.dst == 30.30.0.2');
      addAcl(northbound, 'default/rednet', 'ip4.dst == 30.30.0.2');
    },
    'where a host has the MAC address of another one': (northbound) => {
      const ports = [...northbound.Logical_Switch_Port.values()].filter(({ name }) =>
        name.startsWith('default/rednet-'),
      );
      const [one, other] = ports;
      if (!one || !other) throw new Error('there are no two ports');
      northbound.Logical_Switch_Port.set(other._uuid, { ...other, addresses: one.addresses });
    },
    'where a port is secured otherwise': (northbound) => {
      const port = rowNamed(northbound.Logical_Switch_Port, 'default/rednet-vf1@red-2');
      northbound.Logical_Switch_Port.set(port._uuid, { ...port, port_security: [] });
    },
    'where addresses are bounds': (northbound) => {
      addAcl(northbound, 'default/bluenet', 'ip4.dst < 30.30.0.2');
      addAcl(northbound, 'default/rednet', 'ip4.dst < 30.30.0.4');
    },
    'where an address is written as a number': aclForBoth('ip4.dst == 0x1e1e0002'),
  };
  test.each(Object.entries(cases))('%s', (_, change) => {
    expect(compared(subjectOf(both, change)).isSameForm).toBe(false);
  });

  test('with a port in another network', () => {
    const rest = (name: string, second: string): object[] => [
      ...tenant(name),
      network(`${name}two`, name, '10.1.0.0/24'),
      vf(second, 2),
    ];
    expect(compared(subjectOf([...rest('blue', 'bluenet'), ...rest('red', 'redtwo')])).isSameForm).toBe(false);
    expect(compared(subjectOf([...rest('blue', 'bluetwo'), ...rest('red', 'redtwo')])).renaming).toBeDefined();
  });
});

describe('look alike and cannot be exchanged', () => {
  const cases: Record<string, (northbound: Northbound) => void> = {
    'where a prefix has the addresses of one': aclForBoth('ip4.dst == 30.30.0.0/30'),
    'where a mask tells MAC addresses apart': aclForBoth(
      'eth.src == 00:00:00:00:00:00/01:ff:ff:ff:00:00 || eth.src[0]',
    ),
    'where the last bits of IPv6 addresses are asked for': aclForBoth('ip6.dst == ::1/::ff'),
    'where a prefix of IPv6 begins like the address of a node': aclForBoth('ip6.dst == 1e1e:2::/32'),
    'where the first bits of IPv6 addresses are those of a node': aclForBoth('ip6.dst == 1e1e:2::1'),
  };
  test.each(Object.entries(cases))('%s', (_, change) => {
    const { isSameForm, renaming } = compared(subjectOf(both, change));
    expect({ isSameForm, renaming }).toEqual({ isSameForm: true, renaming: undefined });
  });

  test('where a third one speaks of what one of them is called', () => {
    const third = [vpc('white'), network('whitenet', 'white', '10.9.0.0/24'), vf('whitenet', 0), node('red', 'white')];
    expect(compared(subjectOf([...both, ...third]))).toEqual({ isSameForm: true, renaming: undefined });
  });
});

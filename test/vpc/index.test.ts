import { describe, expect, it } from 'vitest';
import type { Northbound, NorthboundRow, NorthboundTable } from '../../engine/ovsdb/northbound.ts';
import { northboundOf } from '../../engine/vpc/index.ts';
import { isolationClass, network, node, redAndBlue, resourcesOf, unknownMac, vf, vpc } from '../topology.ts';

const nb = northboundOf(redAndBlue());

function named<T extends 'Logical_Switch' | 'Logical_Router' | 'Logical_Switch_Port' | 'Logical_Router_Port'>(
  table: T,
  name: string,
  from: Northbound = nb,
): NorthboundRow<T> {
  const rows: Map<string, NorthboundRow<T>> = from[table];
  const row = [...rows.values()].find((each) => each.name === name);
  if (!row) throw new Error(`no ${table} is named ${name}`);
  return row;
}

const names = (table: 'Logical_Switch' | 'Logical_Router' | 'Logical_Switch_Port', from: Northbound = nb): string[] =>
  [...from[table].values()].map(({ name }) => name).sort();

describe('a VPC in the northbound database', () => {
  it('has a switch a network, a router, and a gateway router on each node', () => {
    const red = (name: string): boolean => name.startsWith('default/red');
    expect(names('Logical_Switch').filter(red)).toEqual([
      'default/red+join',
      'default/red-a',
      'default/red-b',
      'default/red@n0+external',
      'default/red@n1+external',
    ]);
    expect(names('Logical_Router').filter(red)).toEqual(['default/red', 'default/red@n0', 'default/red@n1']);
    expect(named('Logical_Router', 'default/red@n1').options.chassis).toBe('n1');
  });

  it('has a port for each interface on each of its nodes, with the addresses that IPAM chose', () => {
    const port = named('Logical_Switch_Port', 'default/red-a-vf2@n1');
    expect(port.addresses).toEqual([expect.stringMatching(/^02(:[0-9a-f]{2}){5} 10\.1\.0\.3$/)]);
    expect(port.port_security).toEqual([port.addresses[0].split(' ')[0]]);
    expect(port.options).toEqual({ 'requested-chassis': 'n1' });
  });

  it('lifts port security where any MAC address may come', () => {
    const port = named('Logical_Switch_Port', 'default/blue-b-vf3@n2');
    expect(port.addresses).toEqual([expect.stringMatching(/ 10\.3\.0\.2$/), 'unknown']);
    expect(port.port_security).toEqual([]);
  });

  it('answers DHCP where the network asks for it', () => {
    const [options] = [...nb.DHCP_Options.values()].filter(
      ({ external_ids }) => external_ids.network === 'default/red-a',
    );
    expect(options).toMatchObject({
      cidr: '10.1.0.0/16',
      options: { lease_time: '3600', mtu: '9000', router: '10.1.0.1', server_id: '10.1.0.1' },
    });
    expect(named('Logical_Switch_Port', 'default/red-a-vf2@n0').dhcpv4_options).toBe(options._uuid);
    expect(named('Logical_Switch_Port', 'default/blue-b-vf3@n2').dhcpv4_options).toBeUndefined();
  });

  it("masquerades by the node's own external address", () => {
    const external = (name: string): string => named('Logical_Router_Port', `${name}+external`).networks[0];
    const nat = (name: string) => named('Logical_Router', name).nat.map((uuid) => nb.NAT.get(uuid));
    expect(external('default/blue@n2')).toBe('30.30.0.2/16');
    expect(external('default/red@n1')).toBe('30.30.0.5/16');
    expect(nat('default/red@n1')).toMatchObject([
      { type: 'snat', logical_ip: '10.1.0.0/16', external_ip: '30.30.0.5' },
    ]);
  });

  it('has no gateway where no network is externally routed', () => {
    const inside = northboundOf(
      resourcesOf(
        vpc('red'),
        network('a', 'red', '10.1.0.0/16', { externallyRouted: false }),
        vf('a', 1),
        node('n', 'red'),
      ),
    );
    expect(names('Logical_Router', inside)).toEqual(['default/red']);
    expect(names('Logical_Switch', inside)).toEqual(['default/a']);
    expect(inside.Address_Set.size).toBe(0);
  });

  it('takes its addresses from the parameters of the isolation class', () => {
    const custom = northboundOf(
      resourcesOf(
        isolationClass({
          'external-cidr': '10.0.120.0/22',
          'external-gateway': '10.0.123.254',
          'join-cidr': '100.80.0.0/24',
          'physical-network': 'blue-sky',
          mtu: '1500',
          'dhcp-lease-time': '60',
        }),
        vpc('red'),
        network('a', 'red', '10.1.0.0/16'),
        vf('a', 1),
        node('n', 'red'),
      ),
    );
    expect(named('Logical_Router_Port', 'default/red+join', custom).networks).toEqual(['100.80.0.1/24']);
    expect(named('Logical_Router_Port', 'default/red@n+external', custom).networks).toEqual(['10.0.120.1/22']);
    const localnet = named('Logical_Switch_Port', 'default/red@n+external:localnet', custom);
    expect(localnet.options).toEqual({ network_name: 'blue-sky' });
    const routes = [...custom.Logical_Router_Static_Route.values()].map(({ nexthop }) => nexthop);
    expect(routes).toContain('10.0.123.254');
    expect([...custom.DHCP_Options.values()][0].options).toMatchObject({ mtu: '1500', lease_time: '60' });
  });

  it('gives no external address twice, also where isolation classes share a subnet', () => {
    const other = { ...isolationClass({}), metadata: { name: 'other' } };
    const shared = northboundOf(
      resourcesOf(
        isolationClass({}),
        other,
        vpc('red'),
        vpc('blue', { isolationClassName: 'other' }),
        network('a', 'red', '10.1.0.0/16', { masquerade: false }),
        network('b', 'blue', '10.1.0.0/16', { masquerade: false }),
        vf('a', 1),
        vf('b', 1),
        node('n', 'red'),
        node('o', 'blue'),
      ),
    );
    expect(named('Logical_Router_Port', 'default/blue@o+external', shared).networks).toEqual(['30.30.0.2/16']);
    expect(named('Logical_Router_Port', 'default/red@n+external', shared).networks).toEqual(['30.30.0.3/16']);
    const [set] = shared.Address_Set.values();
    expect(set.addresses).toEqual(['30.30.0.2', '10.1.0.0/16', '30.30.0.3']);
  });

  it('takes the MAC address that a ServiceInterface reports', () => {
    const reported = northboundOf(
      resourcesOf(vpc('red'), network('a', 'red', '10.1.0.0/16'), vf('a', 1), node('n', 'red'), {
        apiVersion: 'svc.dpu.nvidia.com/v1alpha1',
        kind: 'ServiceInterface',
        metadata: {
          name: 'a-vf1-xyz',
          namespace: 'default',
          annotations: { 'ovn.vpc.dpu.nvidia.com/lsp-mac-address': '5A:19:AD:CF:61:85' },
        },
        spec: { interfaceType: 'vf', node: 'n', vf: { pfID: 0, vfID: 1, virtualNetwork: 'a' } },
      }),
    );
    const port = named('Logical_Switch_Port', 'default/a-vf1@n', reported);
    expect(port.addresses).toEqual(['5a:19:ad:cf:61:85 10.1.0.2']);
    expect(port.origin?.resource).toBe('ServiceInterface/default/a-vf1-xyz');
  });

  it('gives no address that is excluded', () => {
    const excludeIPs = [{ ip: '10.1.0.2' }, { range: { start: '10.1.0.4', end: '10.1.0.9' } }];
    const excluded = northboundOf(
      resourcesOf(
        vpc('red'),
        network('a', 'red', '10.1.0.0/16', {}, { excludeIPs }),
        vf('a', 1, unknownMac),
        node('n', 'red'),
        node('o', 'red'),
      ),
    );
    const addresses = ['n', 'o'].map(
      (name) => named('Logical_Switch_Port', `default/a-vf1@${name}`, excluded).addresses[0],
    );
    expect(addresses.map((text) => text.split(' ')[1])).toEqual(['10.1.0.3', '10.1.0.10']);
    expect(named('Logical_Switch', 'default/a', excluded).other_config).toEqual({
      subnet: '10.1.0.0/16',
      exclude_ips: '10.1.0.1 10.1.0.2 10.1.0.4..10.1.0.9',
    });
  });
});

describe('every row', () => {
  const tables = Object.keys(nb) as NorthboundTable[];

  it('says what in the manifests caused it', () => {
    const strangers = tables
      .filter((table) => table !== 'NB_Global' && table !== 'Address_Set')
      .flatMap((table) => [...nb[table].values()].filter(({ origin }) => origin === undefined));
    expect(strangers).toEqual([]);
  });

  it('is the same for the same manifests in another order', () => {
    const resources = redAndBlue();
    const turned = {
      ...resources,
      vpcs: resources.vpcs.toReversed(),
      networks: resources.networks.toReversed(),
      interfaces: resources.interfaces.toReversed(),
      nodes: resources.nodes.toReversed(),
    };
    expect(northboundOf(turned)).toEqual(northboundOf(resources));
  });
});

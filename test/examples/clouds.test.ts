/** The clouds of examples/clouds: they hold as they are, and what is taken away from them is missed. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { computeSouthbound } from '../../engine/northd/index.ts';
import { readDatabase } from '../../engine/ovsdb/file.ts';
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import { readNorthbound } from '../../engine/ovsdb/northbound-db.ts';
import { readPolicy } from '../../sim/policy/index.ts';
import { propertiesOf, verifyNetwork } from '../../sim/verifier.ts';
import { complaints } from './verified.ts';

/** What is to complain about in a cloud that was damaged, as `PROPERTY SUBJECT`, of some properties or all. */
type Complaints = (damage: (nb: Northbound) => void, ...ids: string[]) => string[];

function cloud(name: string): Complaints {
  const folder = fileURLToPath(new URL(`../../examples/clouds/${name}/`, import.meta.url));
  const { policy } = readPolicy('policy.yaml', readFileSync(`${folder}policy.yaml`, 'utf8'));
  if (!policy) throw new Error(`the policy of ${name} cannot be read`);
  const options = { today: '2026-01-01', policy };
  return (damage, ...ids) => {
    const { northbound } = readNorthbound(readDatabase(readFileSync(`${folder}network.db`)));
    damage(northbound);
    const { southbound } = computeSouthbound(northbound);
    const all = propertiesOf(policy, options);
    const properties = ids.length === 0 ? all : all.filter(({ id }) => ids.includes(id));
    const found = verifyNetwork({ southbound, northbound }, { ...options, properties }).properties;
    return complaints(found).map(({ id, subject }) => `${id} ${subject}`);
  };
}

function rowOf<Row extends { name: string }>(rows: ReadonlyMap<string, Row>, name: string): Row {
  const row = [...rows.values()].find((one) => one.name === name);
  if (!row) throw new Error(`there is no ${name}`);
  return row;
}

describe("OpenStack's", () => {
  const complained = cloud('openstack');

  test('holds', () => {
    expect(complained(() => {})).toEqual([]);
  }, 120_000);

  test('does not with a server that the group which drops the rest has not', () => {
    const damage = (nb: Northbound) => {
      const { ports } = rowOf(nb.Port_Group, 'neutron_pg_drop');
      ports.splice(ports.indexOf(rowOf(nb.Logical_Switch_Port, 'server01')._uuid), 1);
    };
    expect(complained(damage, 'external-ingress-blocked', 'nobody-asks-inside')).toEqual(
      expect.arrayContaining(['nobody-asks-inside provider → servers']),
    );
  }, 120_000);

  test("does not without the provider's ACLs", () => {
    const damage = (nb: Northbound) => {
      rowOf(nb.Logical_Switch, 'provider').acls = [];
    };
    expect(complained(damage, 'external-ingress-blocked', 'masquerade-applied', 'nobody-asks-metadata')).toEqual([
      'external-ingress-blocked net0',
      'external-ingress-blocked net1',
      'masquerade-applied router1',
      'nobody-asks-metadata provider → port metadata0 or metadata1',
    ]);
  }, 120_000);

  test('does not without source NAT of one network', () => {
    const damage = (nb: Northbound) => {
      const router = rowOf(nb.Logical_Router, 'router1');
      router.nat = router.nat.filter((uuid) => nb.NAT.get(uuid)?.logical_ip !== '192.168.1.0/24');
    };
    expect(complained(damage, 'out')).toEqual(['out servers → world']);
  }, 120_000);

  test('does not with a server whose DHCP options are for another network', () => {
    const damage = (nb: Northbound) => {
      const server = rowOf(nb.Logical_Switch_Port, 'server01');
      server.dhcpv4_options = rowOf(nb.Logical_Switch_Port, 'server11').dhcpv4_options;
    };
    expect(complained(damage, 'dhcp-served')).toEqual(['dhcp-served net0']);
  }, 120_000);
});

describe("OVN-Kubernetes'", () => {
  const complained = cloud('ovn-kubernetes');
  const withoutAcls = (nb: Northbound, name: string): void => {
    rowOf(nb.Logical_Switch, name).acls = [];
  };

  test('holds, but for what is excused', () => {
    expect(complained(() => {})).toEqual([]);
  }, 120_000);

  test('does not without its network policy', () => {
    const damage = (nb: Northbound) => {
      rowOf(nb.Port_Group, 'a1_ingressDefaultDeny').ports = [];
    };
    expect(complained(damage, 'strangers-do-not', 'clients-ask')).toEqual(['strangers-do-not strangers → database']);
  }, 120_000);

  test('does not without what its policy lets through', () => {
    const damage = (nb: Northbound) => {
      rowOf(nb.Address_Set, 'clients').addresses = ['10.244.1.5'];
    };
    expect(complained(damage, 'strangers-do-not', 'clients-ask')).toEqual([
      'clients-ask clients → database',
      'strangers-do-not strangers → database',
    ]);
  }, 120_000);

  test('does not without ACLs towards the wire', () => {
    const damage = (nb: Northbound) => withoutAcls(nb, 'ext_worker');
    expect(complained(damage, 'nobody-asks-inside', 'masquerade-applied')).toEqual([
      'masquerade-applied GR_worker',
      'nobody-asks-inside wire → pods',
    ]);
  }, 120_000);

  test('goes round without what keeps packets from coming back', () => {
    expect(complained((nb) => withoutAcls(nb, 'join'), 'no-loop')).toEqual(['no-loop ovn_cluster_router, GR_worker']);
  }, 120_000);

  test('does not without source NAT', () => {
    const damage = (nb: Northbound) => {
      rowOf(nb.Logical_Router, 'GR_worker').nat = [];
    };
    expect(complained(damage, 'out')).toEqual(['out pods → world']);
  }, 120_000);
});

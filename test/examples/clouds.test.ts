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

const folder = fileURLToPath(new URL('../../examples/clouds/openstack/', import.meta.url));
const { policy } = readPolicy('policy.yaml', readFileSync(`${folder}policy.yaml`, 'utf8'));
const options = { today: '2026-01-01', ...(policy && { policy }) };

/** What is to complain about, as `PROPERTY SUBJECT`, of some properties or all. */
function complained(damage: (nb: Northbound) => void, ...ids: string[]): string[] {
  const { northbound } = readNorthbound(readDatabase(readFileSync(`${folder}network.db`)));
  damage(northbound);
  const { southbound } = computeSouthbound(northbound);
  const all = propertiesOf(policy, options);
  const properties = ids.length === 0 ? all : all.filter(({ id }) => ids.includes(id));
  const found = verifyNetwork({ southbound, northbound }, { ...options, properties }).properties;
  return complaints(found).map(({ id, subject }) => `${id} ${subject}`);
}

function rowOf<Row extends { name: string }>(rows: ReadonlyMap<string, Row>, name: string): Row {
  const row = [...rows.values()].find((one) => one.name === name);
  if (!row) throw new Error(`there is no ${name}`);
  return row;
}

describe("OpenStack's", () => {
  test('holds', () => {
    expect(policy).toBeDefined();
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

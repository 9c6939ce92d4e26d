/** What a chassis is told straight from the computation is what it would read from the file. */
import { describe, expect, test } from 'vitest';
import { computeTables } from '../../../engine/northd/index.ts';
import { readDatabase } from '../../../engine/ovsdb/file.ts';
import type { ControllerServices, LoadBalancer, Southbound } from '../../../engine/ovsdb/southbound.ts';
import { readSouthbound } from '../../../engine/ovsdb/southbound-db.ts';
import { writeSouthbound } from '../../../engine/ovsdb/write-databases.ts';
import { tableTopologies } from './topologies.ts';

/** Lists whose order means nothing, in one; chassis, which no file knows before they register, left out. */
function settled({ services, loadBalancers, templates }: Southbound): unknown {
  const { natAddresses, ports, ...lists } = services as ControllerServices;
  const sorted = (list: readonly unknown[]) => list.map((each) => JSON.stringify(inOrder(each))).sort();
  return {
    ...Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, sorted(list)])),
    natAddresses: [...natAddresses].map(([name, addresses]) => [name, addresses.toSorted()]).sort(),
    ports: [...ports]
      .flatMap(([name, { chassis: _, ...rest }]) => (Object.keys(rest).length > 0 ? [[name, rest]] : []))
      .sort(),
    loadBalancers: sorted(
      (loadBalancers as LoadBalancer[]).map((each) => ({ ...each, datapaths: each.datapaths.toSorted() })),
    ),
    templates: [...(templates ?? [])].sort(),
  };
}

function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder).sort();
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, each]) => [key, inOrder(each)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

describe('services are those in the file', () => {
  for (const [name, make] of Object.entries(tableTopologies)) {
    test(name, () => {
      const { southbound, tables } = computeTables(make());
      const { southbound: read, warnings } = readSouthbound(readDatabase(writeSouthbound(tables)));
      expect(warnings).toEqual([]);
      expect(settled(southbound)).toEqual(settled(read));
    });
  }
});

test('a port with candidates names them, the most wanted first', () => {
  const { southbound } = computeTables(tableTopologies.gateways());
  const { ports } = southbound.services as ControllerServices;
  expect(ports.get('external')).toEqual({ chassis: ['n2', 'n3', 'n1'] });
  expect(ports.get('cr-r-out')).toEqual({ chassis: ['n2', 'n1'] });
  expect(ports.get('plain')).toBeUndefined();
});

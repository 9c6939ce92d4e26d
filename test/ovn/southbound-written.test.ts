/**
 * What ovn-northd makes of what chassis write: its flows and rows beside ours, which are computed from the same
 * southbound rows.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { computeSouthbound } from '../../engine/northd/index.ts';
import { databaseOf } from '../../engine/ovsdb/database.ts';
import { parseSchema } from '../../engine/ovsdb/file-schema.ts';
import { nbctlScript } from '../../engine/ovsdb/nbctl.ts';
import type { Southbound } from '../../engine/ovsdb/southbound.ts';
import { readSouthbound } from '../../engine/ovsdb/southbound-db.ts';
import { readSouthboundRows } from '../../engine/ovsdb/southbound-rows.ts';
import { type SouthboundRows, type SouthboundTable, southboundSchema } from '../../engine/ovsdb/southbound-schema.ts';
import { rowLines } from '../northd/compare.ts';
import { crowded, type Writing, writtenTopologies } from '../northd/written.ts';
import { comparedFields, compareFlows, flowsOf } from '../oracle/compare.ts';
import { type Central, startCentral } from '../oracle/sandbox.ts';

const schema = parseSchema(JSON.parse(readFileSync('/usr/share/ovn/ovn-sb.ovsschema', 'utf8')));
const tables = Object.keys(southboundSchema) as SouthboundTable[];

let central: Central;
beforeAll(async () => {
  central = await startCentral();
});
afterAll(() => central.stop());

const real = async () => databaseOf(schema, await central.rows('OVN_Southbound', tables));

/** What an ovn-controller of 23.03 says that it can do: without, ovn-northd writes what older ones understand. */
const features = ['port-up-notif', 'ct-no-masked-label', 'mac-binding-timestamp', 'ovn-ct-lb-related'];

/** Writes as chassis do, and waits for what ovn-northd makes of it. */
async function write({ tunnels = ['geneve'], groups = [], status = {}, parents = {} }: Writing): Promise<void> {
  for (const [at, type] of tunnels.entries()) {
    await central.sbctl('chassis-add', `n${at}`, type, `192.0.2.${at + 1}`);
    await central.sbctl('set', 'Chassis', `n${at}`, ...features.map((feature) => `other_config:${feature}=true`));
  }
  const rows = readSouthboundRows(await real());
  const ports = new Map([...rows.Port_Binding.values()].map((row) => [row.logical_port, row]));
  const datapaths = new Map([...rows.Datapath_Binding.values()].map((row) => [row.external_ids.name, row._uuid]));
  const [chassis] = rows.Chassis.keys();
  for (const { on, address, ports: members } of groups) {
    const uuids = members.map((name) => ports.get(name)?._uuid).join(',');
    const columns = [`address="${address}"`, `datapath=${datapaths.get(on)}`, `chassis=${chassis}`, `ports=[${uuids}]`];
    await central.sbctl('create', 'IGMP_Group', ...columns);
  }
  for (const { _uuid, logical_port } of rows.Service_Monitor.values()) {
    const told = status[logical_port];
    if (told !== undefined) await central.sbctl('set', 'Service_Monitor', _uuid, `status=${told}`);
  }
  for (const [port, parent] of Object.entries(parents)) {
    await central.sbctl('set', 'Port_Binding', port, `chassis=${chassis}`, `virtual_parent=${parent}`);
  }
  await central.settle();
}

async function forget(rows: SouthboundRows): Promise<void> {
  for (const uuid of rows.IGMP_Group.keys()) await central.sbctl('destroy', 'IGMP_Group', uuid);
  for (const { name } of rows.Chassis.values()) await central.sbctl('chassis-del', name);
}

/** Rows but for the keys of groups with an address, which are counted as ovn-northd comes to them. */
function comparable(southbound: Southbound, dynamicAddresses: ReadonlyMap<string, string>): string[] {
  const multicastGroups = southbound.multicastGroups.map((group) => ({
    ...group,
    tunnelKey: group.name.startsWith('_MC_') ? group.tunnelKey : 0,
  }));
  return rowLines({ ...southbound, multicastGroups }, dynamicAddresses);
}

/** Keys of what asks for one, and of nothing else: the others are counted in no order. */
function requested({ datapaths, ports }: Southbound): Record<string, number> {
  const asking = ['b', 'transit'];
  return Object.fromEntries([
    ...datapaths.filter(({ name }) => asking.includes(name)).map(({ name, tunnelKey }) => [name, tunnelKey]),
    ...ports
      .filter(({ logicalPort }) => logicalPort.endsWith('2047'))
      .map((port) => [port.logicalPort, port.tunnelKey]),
  ]);
}

for (const [name, make] of Object.entries(writtenTopologies)) {
  test(name, async () => {
    const { nb, writing } = make();
    await central.load(nbctlScript(nb));
    await write(writing);
    const database = await real();
    const rows = readSouthboundRows(database);
    try {
      const found = readSouthbound(database).southbound;
      const ours = computeSouthbound(nb, rows);
      expect(compareFlows(await central.flows(), flowsOf(ours.southbound), compared)).toBe('');
      expect(comparable(ours.southbound, new Map())).toEqual(comparable(found, new Map()));
      if (!changesFlows.includes(name)) expect(requested(ours.southbound)).toEqual(requested(found));
      const before = flowsOf(computeSouthbound(nb).southbound);
      expect(compareFlows(before, flowsOf(ours.southbound)) === '').toBe(!changesFlows.includes(name));
    } finally {
      await forget(rows);
    }
  });
}

/** Which of several load balancers is the reason of a flow that they share is a matter of chance. */
const compared = comparedFields.filter((field) => field !== 'hint');

/** Topologies whose flows are others than if nobody had written anything. */
const changesFlows = ['groups', 'virtual', 'health', 'healthy'];

test('a switch with more ports than VXLAN has keys for', async () => {
  const { nb, writing } = crowded();
  await central.load('');
  await write(writing);
  await central.load(nbctlScript(nb));
  const database = await real();
  const rows = readSouthboundRows(database);
  try {
    const found = readSouthbound(database).southbound;
    const { southbound, warnings } = computeSouthbound(nb, rows);
    const keys = (ports: Southbound['ports']) => ports.map(({ tunnelKey }) => tunnelKey).sort((a, b) => a - b);
    expect(keys(southbound.ports)).toEqual(keys(found.ports));
    expect(keys(southbound.ports)).toEqual(Array.from({ length: 2047 }, (_, at) => at + 1));
    expect(warnings.map(({ id }) => id)).toEqual(Array(13).fill('tunnel-keys-exhausted'));
  } finally {
    await forget(rows);
  }
});

/**
 * The switch pipeline, load balancers, IPAM and the rows around the flows beside
 * the real ovn-northd.  With LFLOW_RECORD=1 its answers become the recordings that
 * `npm test` compares with.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { computeSouthbound } from '../../engine/northd/index.ts';
import { lflowList } from '../../engine/northd/lflow-list.ts';
import { readDatabase } from '../../engine/ovsdb/file.ts';
import { nbctlScript } from '../../engine/ovsdb/nbctl.ts';
import { insertRow, type Northbound } from '../../engine/ovsdb/northbound.ts';
import { readNorthbound } from '../../engine/ovsdb/northbound-db.ts';
import { type Answer, differences, rowLines, switchFlowsOnly } from '../northd/compare.ts';
import { mutate, mutation } from '../northd/mutations.ts';
import { northboundOf, randomSwitches } from '../northd/random.ts';
import { northboundOf as balancedNorthbound, randomBalancers } from '../northd/random-balancers.ts';
import { record } from '../northd/recordings.ts';
import { routerDifferences } from '../northd/router/flows.ts';
import { randomRouters, northboundOf as routedNorthbound } from '../northd/router/random.ts';
import { switchTopologies } from '../northd/topologies.ts';
import { type Central, startCentral } from '../oracle/sandbox.ts';
import { seedAndRuns } from '../oracle/seed.ts';
import { southboundOf, southboundTables } from '../oracle/southbound.ts';

let central: Central;
beforeAll(async () => {
  central = await startCentral();
});
afterAll(() => central.stop());

async function ask(nb: Northbound): Promise<Answer> {
  await central.load(nbctlScript(nb));
  const southbound = southboundOf(await central.rows('OVN_Southbound', southboundTables));
  return { flows: switchFlowsOnly(await central.flows()), rows: rowLines(southbound, await dynamicAddresses()) };
}

async function dynamicAddresses(): Promise<Map<string, string>> {
  const { Logical_Switch_Port: ports } = await central.rows('OVN_Northbound', ['Logical_Switch_Port']);
  return new Map(
    ports.flatMap(({ name, dynamic_addresses }) =>
      typeof dynamic_addresses === 'string' ? [[String(name), dynamic_addresses]] : [],
    ),
  );
}

/** Each of the kinds of random databases. */
const randomNorthbound: fc.Arbitrary<() => Northbound> = fc.oneof(
  randomBalancers.map((made) => () => balancedNorthbound(made)),
  randomRouters.map((made) => () => routedNorthbound(made)),
  randomSwitches.map((made) => () => northboundOf(made)),
);

/** What differs in the flows of all datapaths and in the rows around them. */
async function allDifferences(nb: Northbound): Promise<string> {
  const answer = await ask(nb);
  return [routerDifferences(nb, await central.flows()), differences(nb, answer)]
    .filter((text) => text !== '')
    .join('\n');
}

/** The listing without the UUIDs of its datapaths. */
function withoutUuids(list: string): string {
  return list.replace(/^(Datapath: .*) \([0-9a-f-]{36}\)/gm, '$1');
}

describe('written topologies', () => {
  for (const [name, make] of Object.entries(switchTopologies)) {
    test(name, async () => {
      const answer = await ask(make());
      if (process.env.LFLOW_RECORD === '1') await record(name, answer);
      expect(differences(make(), answer)).toBe('');
      const listed = withoutUuids(await central.sbctl('lflow-list'));
      expect(withoutUuids(lflowList(computeSouthbound(make()).southbound))).toBe(listed);
    });
  }
});

describe('clouds', () => {
  const folder = fileURLToPath(new URL('../../examples/clouds/', import.meta.url));
  test.each(readdirSync(folder))('%s', async (name) => {
    const { northbound } = readNorthbound(readDatabase(readFileSync(join(folder, name, 'network.db'))));
    // What ovn-northd makes up otherwise.
    const options = { mac_prefix: '0a:00:00', svc_monitor_mac: '0a:00:00:ff:ff:fe' };
    if (northbound.NB_Global.size === 0) insertRow(northbound, 'NB_Global', 'global', { options });
    for (const row of northbound.NB_Global.values()) row.options = { ...row.options, ...options };
    expect(await allDifferences(northbound)).toBe('');
  });
});

test('random load balancers', async () => {
  const { seed, runs } = seedAndRuns(50);
  await fc.assert(
    fc.asyncProperty(randomBalancers, async (made) => {
      expect(await allDifferences(balancedNorthbound(made))).toBe('');
    }),
    { seed, numRuns: runs },
  );
});

test('random mistakes', async () => {
  const { seed, runs } = seedAndRuns(50);
  await fc.assert(
    fc.asyncProperty(randomNorthbound, fc.array(mutation, { minLength: 1, maxLength: 3 }), async (make, mutations) => {
      expect(await allDifferences(mutate(make(), mutations))).toBe('');
    }),
    { seed, numRuns: runs },
  );
});

test('random topologies', async () => {
  const { seed, runs } = seedAndRuns(50);
  await fc.assert(
    fc.asyncProperty(randomSwitches, async (made) => {
      const nb = northboundOf(made);
      expect(differences(nb, await ask(nb))).toBe('');
    }),
    { seed, numRuns: runs },
  );
});

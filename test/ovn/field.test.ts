/**
 * The examples that come in pairs beside real OVN: ovn-northd computes the flows
 * of both databases, and ovn-trace's packets have the fates that `expect.json`
 * tells.  The database files are what the scripts of ovn-nbctl commands make;
 * `LFLOW_RECORD=1 npm run test:ovn -- field` writes them anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { databaseOf } from '../../engine/ovsdb/database.ts';
import { parseSchema } from '../../engine/ovsdb/file-schema.ts';
import { type NorthboundTable, northboundSchema } from '../../engine/ovsdb/northbound.ts';
import { readNorthbound } from '../../engine/ovsdb/northbound-db.ts';
import { exampleFile } from '../examples/file.ts';
import {
  choicesOf,
  type Fate,
  type FlowsOf,
  learnedOf,
  outputsOf,
  type Pair,
  pairs,
  type Sent,
} from '../examples/pairs.ts';
import { type Central, startCentral } from '../oracle/sandbox.ts';

let central: Central;
/** Databases alone: what a script puts there stays as it is. */
let databases: Central;
beforeAll(async () => {
  [central, databases] = await Promise.all([startCentral(), startCentral({ northd: false })]);
});
afterAll(async () => {
  await Promise.all([central?.stop(), databases?.stop()]);
});

const schema = parseSchema(JSON.parse(readFileSync('/usr/share/ovn/ovn-nb.ovsschema', 'utf8')));
const tables = Object.keys(northboundSchema) as NorthboundTable[];

/** The file of the database that the script makes. */
async function fileOf(script: string): Promise<Uint8Array> {
  await databases.empty();
  await databases.run(script);
  return exampleFile(readNorthbound(databaseOf(schema, await databases.rows('OVN_Northbound', tables))).northbound);
}

async function check(sent: Sent, { outputs, text = [], without = [] }: Fate): Promise<void> {
  const fates: string[] = [];
  for (const id of choicesOf(sent)) {
    const select = id === undefined ? [] : [`--select-id=${id}`];
    const { stdout, stderr, status } = await central.trace(['--minimal', ...sent.options, ...select, sent.microflow]);
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
    expect(stdout).toMatch(/^# /);
    fates.push(outputsOf(stdout).join());
    for (const line of text) expect(stdout).toContain(line);
    for (const line of without) expect(stdout).not.toContain(line);
  }
  const possible = outputs.map((ports) => [...ports].sort().join());
  for (const fate of fates) expect(possible, sent.what).toContain(fate);
  if (sent.select) expect([...new Set(fates)].sort(), sent.what).toEqual(possible.sort());
}

async function flowLines({ datapath, stage, match }: FlowsOf): Promise<string[]> {
  const flows = await central.flows();
  return flows
    .filter((flow) => flow.datapath === datapath && flow.stage === stage && flow.match.includes(match))
    .map((flow) => `priority=${flow.priority}, match=(${flow.match}), action=(${flow.actions})`)
    .sort();
}

describe.each(pairs)('$name', ({ folder, expected, ...pair }: Pair) => {
  for (const side of ['bad', 'good'] as const) {
    const file = join(folder, pair[side]);

    test(`${pair[side]}.db is what ${pair[side]}.nbctl makes`, async () => {
      const made = await fileOf(readFileSync(`${file}.nbctl`, 'utf8'));
      if (process.env.LFLOW_RECORD === '1') writeFileSync(`${file}.db`, made);
      expect(readFileSync(`${file}.db`, 'utf8')).toBe(new TextDecoder().decode(made));
    });

    test(`what ${pair[side]}.nbctl does to packets`, async () => {
      await central.load(readFileSync(`${file}.nbctl`, 'utf8'));
      await central.learn(learnedOf(expected));
      for (const sent of expected.trace) await check(sent, sent[side]);
      for (const flows of expected.flows ?? []) expect(flows[side], flows.what).toContainEqual(await flowLines(flows));
    });
  }
});

/**
 * From the files of a real OVN central: its flows as `ovn-sbctl lflow-list`
 * prints them, its traces as ovn-trace does.  With LFLOW_RECORD=1 the smallest
 * of the topologies becomes a recording.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { computeSouthbound } from '../../engine/northd/index.ts';
import { lflowList } from '../../engine/northd/lflow-list.ts';
import { databaseOf } from '../../engine/ovsdb/database.ts';
import { readDatabase } from '../../engine/ovsdb/file.ts';
import { parseSchema } from '../../engine/ovsdb/file-schema.ts';
import type { NorthboundTable } from '../../engine/ovsdb/northbound.ts';
import { readNorthbound } from '../../engine/ovsdb/northbound-db.ts';
import type { Southbound } from '../../engine/ovsdb/southbound.ts';
import { readSouthbound } from '../../engine/ovsdb/southbound-db.ts';
import {
  assumedConntrack,
  MicroflowError,
  parsePacket,
  prepare,
  type TraceTopology,
  traceFlow,
  traceText,
} from '../../sim/trace/index.ts';
import { type Central, startCentral, withCentral } from '../oracle/sandbox.ts';
import { seedAndRuns } from '../oracle/seed.ts';
import { southboundOf as liveSouthbound, southboundTables } from '../oracle/southbound.ts';
import { microflows } from '../trace/microflows.ts';
import { traceTopologies } from './trace-topologies.ts';

let central: Central;
beforeAll(async () => {
  central = await startCentral();
});
afterAll(() => central.stop());

const { seed, runs } = seedAndRuns(25);

const read = (name: 'nb' | 'sb', of: Central = central) => readDatabase(readFileSync(join(of.directory, `${name}.db`)));

function southbound(): Southbound {
  const { southbound, warnings } = readSouthbound(read('sb'));
  expect(warnings).toEqual([]);
  return southbound;
}

describe.each(traceTopologies)('$name', (topology) => {
  beforeAll(async () => {
    await central.load(topology.northbound);
    await central.learn(topology.learned);
  });

  test('its files have the rows that its server has', async () => {
    expect(southbound()).toEqual(liveSouthbound(await central.rows('OVN_Southbound', southboundTables)));
    const { northbound, warnings } = readNorthbound(read('nb'));
    expect(warnings).toEqual([]);
    const tables = Object.keys(northbound) as NorthboundTable[];
    const schema = parseSchema(JSON.parse(readFileSync('/usr/share/ovn/ovn-nb.ovsschema', 'utf8')));
    const live = databaseOf(schema, await central.rows('OVN_Northbound', tables));
    expect(northbound).toEqual(readNorthbound(live).northbound);
  });

  test('lflow-list', async () => {
    expect(lines(lflowList(southbound()))).toEqual(lines(await central.sbctl('lflow-list')));
  });

  test('ovn-trace', async () => {
    const topologyOfFile = prepare(southbound());
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(microflows(topologyOfFile.southbound), async (microflow) => {
        const ours = traced(topologyOfFile, microflow);
        const real = ours === undefined ? undefined : await central.trace(['--select-id=1', microflow]);
        if (real?.status !== 0) return;
        compared++;
        expect(ours, microflow).toBe(real.stdout);
      }),
      { seed, numRuns: runs },
    );
    expect(compared).toBeGreaterThan(runs / 3);
  });
});

/** The trace's text, unless ovn-trace may rightly say something else. */
function traced(topology: TraceTopology, microflow: string): string | undefined {
  try {
    const { datapath, packet } = parsePacket(topology, microflow);
    const conntrack = assumedConntrack({ ct: [] });
    const result = traceFlow(topology, datapath, packet, { conntrack, selectId: 1, findOverlaps: true });
    if (result.overlaps.length > 0 || result.gaps.length > 0) return undefined;
    return traceText(packet, result, ['detailed']);
  } catch (error) {
    if (error instanceof MicroflowError) return undefined;
    throw error;
  }
}

test('from a northbound file to flows; recordings', async () => {
  // Flows depend on the chassis that were ever registered: a new central has none.
  await withCentral(async (fresh) => {
    await fresh.load(small);
    execFileSync('ovs-appctl', ['-t', `${fresh.directory}/ovsdb.ctl`, 'ovsdb-server/compact']);
    const flows = await fresh.sbctl('lflow-list');
    const { northbound } = readNorthbound(read('nb', fresh));
    const computed = lflowList(computeSouthbound(northbound).southbound);
    expect(nameless(lines(computed))).toEqual(nameless(lines(flows)));
    const real = await fresh.trace(['--detailed', microflow]);
    expect(real.stdout).toContain('output to "b"');
    if (process.env.LFLOW_RECORD !== '1') return;
    for (const name of ['nb', 'sb']) {
      writeFileSync(recording(`ovn-${name}.db`), readFileSync(join(fresh.directory, `${name}.db`)));
    }
    writeFileSync(recording('ovn-sb.lflow-list'), flows);
    writeFileSync(recording('ovn-sb.trace'), `${microflow}\n${real.stdout}`);
  });
});

const recording = (name: string): URL => new URL(`../ovsdb/files/${name}`, import.meta.url);

/** A switch with three ports, one of which drops what the others may send. */
const small = `
ovn-nbctl set NB_Global . options:mac_prefix=0a:00:00 options:svc_monitor_mac=0a:00:00:00:00:01
ovn-nbctl ls-add net -- lsp-add net a -- lsp-set-addresses a "02:00:00:00:00:0a 10.0.0.10" \\
  -- lsp-add net b -- lsp-set-addresses b "02:00:00:00:00:0b 10.0.0.11" -- lsp-add net c -- lsp-del c \\
  -- acl-add net to-lport 100 'outport == "b" && ip4.src == 10.0.0.12' drop
`;

const microflow =
  'inport == "a" && eth.src == 02:00:00:00:00:0a && eth.dst == 02:00:00:00:00:0b && ip4.src == 10.0.0.10 && ip4.dst == 10.0.0.11 && ip.ttl == 64 && icmp4.type == 8';

/** Within a table and a priority no order is promised, and columns may be padded. */
function lines(text: string): string[] {
  let section = '';
  const found: string[] = [];
  for (const line of text.trimEnd().split('\n')) {
    if (line.startsWith('Datapath:')) section = line;
    else found.push(`${section} ${line.replace(/ +(?=[,)])/g, '').replace(/ +/g, ' ')}`);
  }
  return found.sort();
}

/** A datapath computed from northbound rows has a UUID of its own. */
const nameless = (list: readonly string[]): string[] =>
  list.map((line) => line.replace(/\([0-9a-f-]{36}\)/, '')).sort();

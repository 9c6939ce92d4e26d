/**
 * Southbound files of ours in the hands of the real OVN: ovsdb-server opens them,
 * ovn-trace says of them what it says of ovn-northd's, ovn-northd finds every row
 * as it wants it, and ovn-controller makes the switch forward as from ovn-northd's.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { computeTables } from '../../engine/northd/index.ts';
import { databaseOf } from '../../engine/ovsdb/database.ts';
import { readDatabase } from '../../engine/ovsdb/file.ts';
import { parseSchema } from '../../engine/ovsdb/file-schema.ts';
import { nbctlScript } from '../../engine/ovsdb/nbctl.ts';
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import { readSouthbound } from '../../engine/ovsdb/southbound-db.ts';
import { type SouthboundTable, southboundSchema } from '../../engine/ovsdb/southbound-schema.ts';
import {
  assumedConntrack,
  MicroflowError,
  parsePacket,
  prepare,
  type TraceTopology,
  traceFlow,
} from '../../sim/trace/index.ts';
import { addPort, addRouter, addRouterPort, addSwitch, attach, northbound } from '../northd/router/build.ts';
import { topologies } from '../northd/router/topologies.ts';
import { tableTopologies } from '../northd/tables/topologies.ts';
import { switchTopologies } from '../northd/topologies.ts';
import { echo } from '../oracle/frames.ts';
import { type DatabaseServer, startDatabaseServer } from '../oracle/ovsdb-server.ts';
import { peerChassis, startPeer } from '../oracle/packet-peer.ts';
import { type Central, startCentral } from '../oracle/sandbox.ts';
import { seedAndRuns } from '../oracle/seed.ts';
import { rowsIn, rowsOfDump } from '../ovsdb/rows.ts';
import { microflows } from '../trace/microflows.ts';
import { centralOn, southboundFile } from './own-files.ts';

const call = promisify(execFile);
const schema = parseSchema(JSON.parse(readFileSync('/usr/share/ovn/ovn-sb.ovsschema', 'utf8')));
const names = Object.keys(southboundSchema) as SouthboundTable[];
const { seed, runs } = seedAndRuns(25);

let central: Central;
let folder = '';
beforeAll(async () => {
  central = await startCentral();
  folder = mkdtempSync(join(tmpdir(), 'lflow-sb-files-'));
});
afterAll(async () => {
  await central.stop();
  rmSync(folder, { recursive: true });
});

async function serving(nb: Northbound, use: (server: DatabaseServer, bytes: Uint8Array) => Promise<void>) {
  const bytes = southboundFile(nb);
  writeFileSync(join(folder, 'sb.db'), bytes);
  const server = await startDatabaseServer(folder, 'sb');
  try {
    await use(server, bytes);
  } finally {
    await server.stop();
  }
}

describe('ovsdb-server has the rows that were written', () => {
  for (const [name, make] of Object.entries(tableTopologies)) {
    test(name, async () => {
      await serving(make(), async (server, bytes) => {
        const file = readDatabase(bytes);
        expect(rowsOfDump(file, await server.dump('OVN_Southbound'))).toEqual(rowsIn(file));
      });
    });
  }
});

/** Two flows of one priority match the packet, or it is none: then ovn-trace may take either. */
function isAmbiguous(topology: TraceTopology, microflow: string): boolean {
  try {
    const { datapath, packet } = parsePacket(topology, microflow);
    const conntrack = assumedConntrack({ ct: [] });
    const { overlaps } = traceFlow(topology, datapath, packet, { conntrack, selectId: 1, findOverlaps: true });
    return overlaps.length > 0;
  } catch (error) {
    if (error instanceof MicroflowError) return true;
    throw error;
  }
}

/** A trace without what is a number or a place of one database's own. */
function comparable(text: string): string {
  return text
    .replace(/(reg1[45])=0x[0-9a-f]+/g, '$1=KEY')
    .replace(/uuid [0-9a-f]{8}/g, 'uuid UUID')
    .replace(/northd\.c:\d+/g, 'northd.c')
    .replace(/_rtr_lb_\d+_/g, '_rtr_lb_KEY_');
}

describe('ovn-trace says of the file what it says of the database of ovn-northd', () => {
  for (const [name, make] of Object.entries({ vpc: topologies.vpc, statefulAcls: switchTopologies.statefulAcls })) {
    test(name, async () => {
      if (!make) throw new Error(`there is no topology ${name}`);
      const nb = make();
      await central.load(nbctlScript(nb));
      await serving(nb, async (server, bytes) => {
        const { southbound } = readSouthbound(readDatabase(bytes));
        const topology = prepare(southbound);
        let traced = 0;
        await fc.assert(
          fc.asyncProperty(microflows(southbound), async (microflow) => {
            if (isAmbiguous(topology, microflow)) return;
            const args = ['--select-id=1', microflow];
            const real = await central.trace(args);
            if (real.status !== 0) return;
            traced++;
            const { stdout } = await call('ovn-trace', [`--db=${server.endpoint}`, ...args], { maxBuffer: 1 << 28 });
            expect(comparable(stdout), microflow).toBe(comparable(real.stdout));
          }),
          { seed, numRuns: runs },
        );
        expect(traced).toBeGreaterThan(runs / 3);
      });
    });
  }
});

describe('ovn-northd, started beside files of ours, changes nothing', () => {
  for (const [name, make] of Object.entries({ ...tableTopologies, ...switchTopologies, ...topologies })) {
    test(name, async () => {
      const nb = make();
      // What ovn-northd would write there first.
      const { dynamicAddresses } = computeTables(nb);
      for (const row of nb.Logical_Switch_Port.values()) row.dynamic_addresses = dynamicAddresses.get(row.name);
      const own = await centralOn(nb);
      try {
        const [pid, control] = ['daemon.northd.pid', 'northd.ctl'].map((file) => join(own.directory, file));
        const files = [`--unixctl=${control}`, `--pidfile=${pid}`, `--log-file=${own.directory}/northd.log`];
        const databases = [`--ovnnb-db=${own.endpoint}`, `--ovnsb-db=${own.endpoint}`];
        await call('ovn-northd', ['--no-chdir', '--detach', ...files, ...databases]);
        await own.settle();
        const found = rowsIn(databaseOf(schema, await own.rows('OVN_Southbound', names)));
        const ours = rowsIn(readDatabase(southboundFile(nb)));
        for (const rows of [found, ours]) {
          // Counted at every time that somebody waits.
          for (const global of Object.values(rows.SB_Global ?? {})) global.nb_cfg = 0;
        }
        expect(found).toEqual(ours);
      } finally {
        await own.stop();
      }
    });
  }
});

/** Two networks, a router between them, and everything on one chassis. */
function routed(): Northbound {
  const nb = northbound();
  addRouter(nb, 'r');
  for (const at of [1, 2]) {
    addSwitch(nb, `s${at}`);
    addRouterPort(nb, 'r', `r${at}`, `02:00:00:00:0${at}:01`, [`10.0.${at}.1/24`]);
    attach(nb, `s${at}`, `r${at}`);
    addPort(nb, `s${at}`, `p${at}`, [`02:00:00:00:0${at}:02 10.0.${at}.2`], {
      options: { 'requested-chassis': peerChassis },
      port_security: [`02:00:00:00:0${at}:02 10.0.${at}.2`],
    });
  }
  return nb;
}

test('ovn-controller makes the switch forward what it forwards with the database of ovn-northd', async () => {
  const ping = (spoofed: boolean) =>
    echo(
      { src: '02:00:00:00:01:02', dst: '02:00:00:00:01:01' },
      { src: spoofed ? '10.0.1.77' : '10.0.1.2', dst: '10.0.2.2' },
    );
  const played = async (own: Central): Promise<string[]> => {
    const peer = await startPeer(own);
    await peer.bind(['p1', 'p2']);
    await bound(own, ['p1', 'p2']);
    const seen: string[] = [];
    for (const frame of [ping(false), ping(true)]) {
      await peer.send('p1', frame);
      const frames = await peer.receive((all) => all.length > 0, 1000);
      seen.push(frames.map(({ port, frame: out }) => `${port} ${Buffer.from(out).toString('hex')}`).join());
    }
    await peer.stop();
    return seen;
  };
  const own = await centralOn(routed());
  try {
    const ours = await played(own);
    await central.load(nbctlScript(routed()));
    const real = await played(central);
    expect(real[0]).toMatch(/^p2 02000000020202000000/);
    expect(real[1]).toBe('');
    expect(ours).toEqual(real);
  } finally {
    await own.stop();
  }
});

/** Waits until a chassis has taken the ports and its switch has their flows. */
async function bound(own: Central, ports: readonly string[]): Promise<void> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const { Port_Binding: rows } = await own.rows('OVN_Southbound', ['Port_Binding']);
    // ovn-controller says that a port is up once the switch has its flows.
    if (ports.every((port) => rows.some((row) => row.logical_port === port && row.up === true))) return;
    if (Date.now() > deadline) throw new Error(`waited 30 seconds in vain until ${ports.join(' and ')} are up`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

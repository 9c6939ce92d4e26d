/**
 * Traces beside the real ovn-trace: the same southbound database, the same
 * microflow, the same text.  With LFLOW_RECORD=1 some of its answers become the
 * recordings that `npm test` compares with.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  assumedConntrack,
  MicroflowError,
  parseCtState,
  parsePacket,
  prepare,
  type TraceTopology,
  traceFlow,
  traceText,
} from '../../sim/trace/index.ts';
import { type Central, startCentral } from '../oracle/sandbox.ts';
import { seedAndRuns } from '../oracle/seed.ts';
import { southboundOf, southboundTables } from '../oracle/southbound.ts';
import { ctOptions, microflows } from './microflows.ts';
import { type TraceTopologyScript, traceTopologies } from './trace-topologies.ts';

let central: Central;
beforeAll(async () => {
  central = await startCentral();
});
afterAll(() => central.stop());

const { seed, runs } = seedAndRuns(150);

describe('random microflows', () => {
  for (const topology of traceTopologies) {
    test(topology.name, async () => {
      const prepared = await load(topology);
      const skipped = new Map<string, number>();
      await fc.assert(
        fc.asyncProperty(microflows(prepared.southbound), ctOptions, async (microflow, ct) => {
          const { text, overlaps } = ours(prepared, microflow, ct);
          const reason = overlaps ? 'it meets overlapping flows' : undefined;
          const real = reason
            ? undefined
            : await central.trace(['--all', '--select-id=1', ...ct.map((state) => `--ct=${state}`), microflow]);
          const unusable = reason ?? (real?.status !== 0 ? `ovn-trace ends with status ${real?.status}` : undefined);
          if (unusable) skipped.set(unusable, (skipped.get(unusable) ?? 0) + 1);
          else expect(text, microflow).toBe(real?.stdout);
        }),
        { seed, numRuns: runs },
      );
      for (const [reason, count] of skipped) process.stdout.write(`${topology.name}: ${count} left out: ${reason}\n`);
      expect(prepared.warnings).toEqual([]);
      expect(skipped.size === 0 || Math.max(...skipped.values()) < runs / 3).toBe(true);
    });
  }
});

async function load({ northbound, neighbours, stations }: TraceTopologyScript): Promise<TraceTopology> {
  await central.load(northbound);
  for (const { port, ip, mac } of neighbours) {
    const datapath = await columnOf(port, 'datapath');
    await central.sbctl('create', 'MAC_Binding', `logical_port=${port}`, `ip="${ip}"`, `mac="${mac}"`, datapath);
  }
  for (const { port, mac } of stations) {
    const [, uuid = ''] = (await columnOf(port, 'datapath')).split('=');
    const key = await central.sbctl('get', 'Datapath_Binding', uuid, 'tunnel_key');
    const portKey = (await columnOf(port, 'tunnel_key')).replace('tunnel_key', 'port_key');
    await central.sbctl('create', 'FDB', `mac="${mac}"`, `dp_key=${key.trim()}`, portKey);
  }
  return prepare(southboundOf(await central.rows('OVN_Southbound', southboundTables)));
}

/** `COLUMN=VALUE` of a port's binding. */
async function columnOf(port: string, column: string): Promise<string> {
  const value = await central.sbctl('--bare', `--columns=${column}`, 'find', 'Port_Binding', `logical_port=${port}`);
  return `${column}=${value.trim()}`;
}

function ours(topology: TraceTopology, microflow: string, ct: readonly string[]): { text: string; overlaps: boolean } {
  try {
    const { datapath, packet } = parsePacket(topology, microflow);
    const conntrack = assumedConntrack({ ct: ct.map(parseCtState) });
    const result = traceFlow(topology, datapath, packet, { conntrack, selectId: 1, findOverlaps: true });
    return {
      text: traceText(packet, result, ['detailed', 'summary', 'minimal']),
      overlaps: result.overlaps.length > 0,
    };
  } catch (error) {
    if (error instanceof MicroflowError) return { text: `${error.message}\n`, overlaps: false };
    throw error;
  }
}

/**
 * Traces beside the real ovn-trace: the same southbound database, the same
 * microflow, the same text.  With LFLOW_RECORD=1 some of its answers become the
 * recordings that `npm test` compares with.
 */
import { writeFile } from 'node:fs/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LogicalFlow } from '../../engine/ovsdb/southbound.ts';
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
import { type Central, type Outcome, startCentral } from '../oracle/sandbox.ts';
import { seedAndRuns } from '../oracle/seed.ts';
import { southboundOf, southboundTables } from '../oracle/southbound.ts';
import { ctOptions, microflows } from '../trace/microflows.ts';
import { formatRecording, type RecordedTrace, recordingUrl } from '../trace/recording.ts';
import { traceTopologies } from './trace-topologies.ts';

let central: Central;
beforeAll(async () => {
  central = await startCentral();
});
afterAll(() => central.stop());

const { seed, runs } = seedAndRuns(150);

describe.each(traceTopologies)('$name', (topology) => {
  let prepared: TraceTopology;
  beforeAll(async () => {
    await central.load(topology.northbound);
    await central.learn(topology.learned);
    prepared = prepare(southboundOf(await central.rows('OVN_Southbound', southboundTables)));
  });

  test('random microflows', async () => {
    const skipped = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(microflows(prepared.southbound), ctOptions, async (microflow, ct) => {
        const { text, doubt } = ours(prepared, microflow, ct);
        const real = doubt === undefined ? await theirs(microflow, ct) : undefined;
        if (real?.status === 0) expect(text, microflow).toBe(real.stdout);
        else count(skipped, doubt ?? `ovn-trace ends with status ${real?.status}`);
      }),
      { seed, numRuns: runs },
    );
    for (const [reason, times] of skipped) process.stdout.write(`${topology.name}: ${times} left out: ${reason}\n`);
    expect(prepared.warnings).toEqual([]);
    expect([...skipped.values()].reduce((a, b) => a + b, 0)).toBeLessThan(runs / 2);
  });

  const record = process.env.LFLOW_RECORD === '1' ? test : undefined;
  record?.('recording', async () => {
    const { southbound } = prepared;
    const traces: RecordedTrace[] = [];
    for (const { microflow, ct } of telling(prepared)) {
      const real = await theirs(microflow, ct);
      if (real.status === 0) traces.push({ microflow, ct, text: real.stdout });
    }
    await writeFile(recordingUrl(topology.name), formatRecording({ southbound, traces }));
  });
});

function count(counts: Map<string, number>, what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1);
}

function theirs(microflow: string, ct: readonly string[]): Promise<Outcome> {
  return central.trace(['--all', '--select-id=1', ...ct.map((state) => `--ct=${state}`), microflow]);
}

interface Ours {
  text: string;
  /** Why ovn-trace may say something else. */
  doubt?: string;
  flows: LogicalFlow[];
}

function ours(topology: TraceTopology, microflow: string, ct: readonly string[]): Ours {
  try {
    const { datapath, packet } = parsePacket(topology, microflow);
    const conntrack = assumedConntrack({ ct: ct.map(parseCtState) });
    const result = traceFlow(topology, datapath, packet, { conntrack, selectId: 1, findOverlaps: true });
    const text = traceText(packet, result, ['detailed', 'summary', 'minimal']);
    const doubt = result.overlaps.length > 0 ? 'overlapping flows are met' : undefined;
    return { text, ...(doubt !== undefined && { doubt }), flows: result.flows };
  } catch (error) {
    if (error instanceof MicroflowError) return { text: `${error.message}\n`, flows: [] };
    throw error;
  }
}

/** Microflows that between them meet what many more meet, each with something that those before it do not. */
function telling(topology: TraceTopology): { microflow: string; ct: string[] }[] {
  const candidates = fc.sample(fc.tuple(microflows(topology.southbound), ctOptions), { seed: 1, numRuns: 3000 });
  const met = new Set<string>();
  return candidates.flatMap(([microflow, ct]) => {
    const { text, doubt, flows } = ours(topology, microflow, ct);
    const kinds = flows.map(({ stage, actions }) => `${stage} ${actions.replace(/[0-9a-f:.]{4,}|"[^"]*"/g, 'X')}`);
    // A packet that goes round for all of its life tells no more than one that goes round once.
    if (doubt !== undefined || text.length > 20_000 || kinds.every((kind) => met.has(kind))) return [];
    for (const kind of kinds) met.add(kind);
    return [{ microflow, ct }];
  });
}

/** The examples that come in pairs, through lflow alone: each packet has the fate that real OVN gives it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { formatIpv4, parseIpv4 } from '../../engine/address.ts';
import { computeSouthbound } from '../../engine/northd/index.ts';
import { readDatabase } from '../../engine/ovsdb/file.ts';
import { readNorthbound } from '../../engine/ovsdb/northbound-db.ts';
import type { Southbound } from '../../engine/ovsdb/southbound.ts';
import {
  assumedConntrack,
  type Backend,
  parseCtState,
  parsePacket,
  type TraceTopology,
  traceFlow,
  traceText,
} from '../../sim/trace/index.ts';
import { tracer, withLearned } from '../oracle/traces.ts';
import { choicesOf, type Fate, type FlowsOf, learnedOf, outputsOf, type Pair, pairs, type Sent } from './pairs.ts';

function southboundIn({ folder, expected }: Pair, file: string): Southbound {
  const { northbound, warnings } = readNorthbound(readDatabase(readFileSync(join(folder, `${file}.db`))));
  expect(warnings).toEqual([]);
  return withLearned(computeSouthbound(northbound).southbound, learnedOf(expected));
}

/** `10.0.0.1:80`. */
function backend(text: string): Backend {
  const [ip = '', port = ''] = text.split(':');
  const address = parseIpv4(ip);
  if (address === undefined) throw new Error(`${text} is no backend`);
  expect(formatIpv4(address)).toBe(ip);
  return { family: 4, value: BigInt(address), port: Number(port) };
}

function minimal(topology: TraceTopology, { microflow, options }: Sent, selectId: number | undefined): string {
  const values = (name: string) => options.flatMap((option) => option.split(`--${name}=`)[1] ?? []);
  const [lbDst] = values('lb-dst').map(backend);
  const conntrack = assumedConntrack({ ct: values('ct').map(parseCtState), ...(lbDst && { lbDst }) });
  const { datapath, packet } = parsePacket(topology, microflow);
  const result = traceFlow(topology, datapath, packet, { conntrack, ...(selectId !== undefined && { selectId }) });
  expect(result.gaps).toEqual([]);
  return traceText(packet, result, ['minimal']);
}

/** With the flows of one priority in either order: whichever is taken, the fate is one of those that may happen. */
function check(southbound: Southbound, sent: Sent, { outputs, text = [], without = [] }: Fate): void {
  const { forward, backward } = tracer(southbound);
  const traces = [forward, backward].flatMap((topology) => choicesOf(sent).map((id) => minimal(topology, sent, id)));
  const fates = new Set(traces.map((trace) => outputsOf(trace).join()));
  const possible = outputs.map((ports) => [...ports].sort().join());
  for (const fate of fates) expect(possible, sent.what).toContain(fate);
  if (sent.select) expect([...fates].sort(), sent.what).toEqual(possible.sort());
  for (const trace of traces) {
    for (const line of text) expect(trace).toContain(line);
    for (const line of without) expect(trace).not.toContain(line);
  }
}

function flowLines({ flows, datapaths }: Southbound, { datapath, stage, match }: FlowsOf): string[] {
  const uuids = datapaths.filter(({ name }) => name === datapath).map(({ uuid }) => uuid);
  return flows
    .filter((flow) => uuids.includes(flow.datapath) && flow.stage === stage && flow.match.includes(match))
    .map((flow) => `priority=${flow.priority}, match=(${flow.match}), action=(${flow.actions})`)
    .sort();
}

test('there are examples', () => {
  expect(pairs.filter(({ name }) => name.startsWith('field/')).length).toBeGreaterThanOrEqual(14);
});

describe.each(pairs)('$name', (pair) => {
  for (const side of ['bad', 'good'] as const) {
    test(pair[side], () => {
      const southbound = southboundIn(pair, pair[side]);
      for (const sent of pair.expected.trace) check(southbound, sent, sent[side]);
      for (const flows of pair.expected.flows ?? []) {
        expect(flows[side]).toContainEqual(flowLines(southbound, flows));
      }
    });
  }

  test('the two differ', () => {
    const { trace, flows = [] } = pair.expected;
    const different = [...trace, ...flows].filter(({ bad, good }) => JSON.stringify(bad) !== JSON.stringify(good));
    expect(different).not.toEqual([]);
  });
});

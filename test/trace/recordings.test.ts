/** Traces beside what the real ovn-trace said of the same southbound databases. */
import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { assumedConntrack, parseCtState, parsePacket, prepare, traceFlow, traceText } from '../../sim/trace/index.ts';
import { readRecording, recordingUrl } from './recording.ts';

const names = readdirSync(new URL('.', recordingUrl('any'))).map((file) => file.replace(/\.json$/, ''));

test('there are recordings', () => {
  expect(names.length).toBeGreaterThanOrEqual(4);
});

describe.each(names)('%s', (name) => {
  const { southbound, traces } = readRecording(name);
  const topology = prepare(southbound);

  test.each(traces)('$microflow', ({ microflow, ct, text }) => {
    const { datapath, packet } = parsePacket(topology, microflow);
    const conntrack = assumedConntrack({ ct: ct.map(parseCtState) });
    const result = traceFlow(topology, datapath, packet, { conntrack, selectId: 1 });
    expect(traceText(packet, result, ['detailed', 'summary', 'minimal'])).toBe(text);
    expect(topology.warnings).toEqual([]);
  });
});

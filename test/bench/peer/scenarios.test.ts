/** The scenarios are what they are called: told by following their frames through the logical flows. */
import { describe, expect, test } from 'vitest';
import { type Input, type Scenario, scenarioOf, sizes } from '../../../bench/peer/scenarios.ts';
import { parseFrame } from '../../../engine/frame.ts';
import { computeSouthbound } from '../../../engine/northd/index.ts';
import {
  type Conntrack,
  fields,
  parsePacket,
  prepare,
  readBits,
  traceFlow,
  trackingConntrack,
} from '../../../sim/trace/index.ts';

const chassis = 'node-of-test';

/** Frames enough to see what the others are like. */
const sample = 100;

/** Follows frames through a scenario: gives the port that each came out of, and what it was then. */
function follower({ northbound, neighbours }: Scenario) {
  const { southbound } = computeSouthbound(northbound);
  const macBindings = neighbours.map((neighbour) => ({ ...neighbour, datapath: '' }));
  const topology = prepare({ ...southbound, macBindings: [...southbound.macBindings, ...macBindings] });
  return (port: string, bytes: Uint8Array, conntrack: Conntrack) => {
    const frame = parseFrame(bytes).fields;
    const { datapath, packet } = parsePacket(topology, `inport == "${port}"`, { frame });
    const { deliveries } = traceFlow(topology, datapath, packet, { conntrack });
    return deliveries.map(({ port, packet }) => ({
      port: port.binding.logicalPort,
      field: (name: string) => {
        const where = fields[name];
        return where && readBits(packet, where);
      },
    }));
  };
}

const tupleOf = (bytes: Uint8Array): string => {
  const { fields } = parseFrame(bytes);
  return ['ip4.src', 'ip4.dst', 'udp.src', 'udp.dst'].map((name) => fields[name]).join(' ');
};

const framesOf = ({ frames }: Input): Uint8Array[] => frames().map(({ bytes }) => bytes);

describe.each(sizes)('%s %i', (kind, count) => {
  const scenario = scenarioOf(kind, count, chassis);
  const frames = framesOf(scenario.input);

  test('has so many different flows, in frames of 60 bytes', () => {
    expect(frames).toHaveLength(count);
    expect(new Set(frames.map((bytes) => bytes.length))).toEqual(new Set([60]));
    // Of the very many, as many as do not take long.
    const some = frames.slice(0, 10_000);
    expect(new Set(some.map(tupleOf)).size).toBe(some.length);
  });

  test('is the same when it is made again', () => {
    const again = framesOf(scenarioOf(kind, count, chassis).input);
    expect(Buffer.concat(again).equals(Buffer.concat(frames))).toBe(true);
  });

  test('all ports and gateways are on the chassis', () => {
    const { Logical_Switch_Port: ports, Logical_Router: routers } = scenario.northbound;
    const bound = [
      ...[...ports.values()].map(({ options }) => options['requested-chassis']),
      ...[...routers.values()].map(({ options }) => options.chassis),
    ].filter((name) => name !== undefined);
    expect(bound.length).toBeGreaterThan(10);
    expect(new Set(bound)).toEqual(new Set([chassis]));
  });

  test('every frame comes out of one of its ports', () => {
    const follow = follower(scenario);
    const seen = new Set<string>();
    for (const bytes of frames.slice(0, sample)) {
      const out = follow(scenario.input.port, bytes, trackingConntrack());
      expect(out).toHaveLength(1);
      const [{ port = '', field } = {}] = out;
      seen.add(port);
      // By two routers outside, by one inside.
      const isTranslated = kind === 'source-nat' || kind === 'new-connections';
      expect(field?.('ip.ttl')).toBe(isTranslated ? 62n : 63n);
      expect(field?.('ip4.src') === parseFrame(bytes).fields['ip4.src']).toBe(!isTranslated);
    }
    expect([...seen].sort()).toEqual(scenario.outputs.slice(0, count).toSorted());
  });
});

describe.each([1, 1000])('the replies of %i connections', (count) => {
  const scenario = scenarioOf('source-nat', count, chassis);
  const replies = scenario.replies ?? scenario.input;

  test('are one for each, and come back to the sender, if there is a connection', () => {
    const follow = follower(scenario);
    const conntrack = trackingConntrack();
    const opening = framesOf(scenario.input);
    const answering = framesOf(replies);
    expect(answering).toHaveLength(opening.length);
    const some = answering.slice(0, sample);
    for (const bytes of some) expect(follow(replies.port, bytes, trackingConntrack())).toEqual([]);
    for (const bytes of opening) follow(scenario.input.port, bytes, conntrack);
    for (const bytes of some) {
      const [back] = follow(replies.port, bytes, conntrack);
      expect(back?.port).toBe(scenario.input.port);
    }
  });
});

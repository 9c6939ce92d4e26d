/** Flows as they are executed: tables that packets only pass, packets that go on in several places. */
import { describe, expect, test } from 'vitest';
import {
  fields,
  type Packet,
  parsePacket,
  prepare,
  readBits,
  type TraceResult,
  type TraceTopology,
  traceFlow,
  traceText,
} from '../../sim/trace/index.ts';
import type { Storage } from '../../sim/trace/packet.ts';
import { southboundFrom } from './southbound.ts';

const microflow = 'inport == "a" && ip4.src == 10.0.0.1 && ip4.dst == 10.0.0.2 && ip.ttl == 64';

function trace(topology: TraceTopology): { result: TraceResult; text: string } {
  const { datapath, packet } = parsePacket(topology, microflow);
  const result = traceFlow(topology, datapath, packet);
  return { result, text: traceText(packet, result, ['detailed']) };
}

const word = (packet: Packet | undefined, field: string): bigint =>
  packet ? readBits(packet, fields[field] as Storage) : -1n;

describe('tables that every packet passes', () => {
  const passes = [0, 1, 2, 4].map((table) => `${table} 0 1 => next;`);
  const topologyOf = (...flows: string[]) => prepare(southboundFrom({ sw: { ports: { a: {}, b: {} }, flows } }));

  test('are left out, but are among the flows that were met', () => {
    const topology = topologyOf(
      ...passes,
      '3 0 1 => reg0 = 1; next;',
      '5 0 1 => outport = "b"; output;',
      'egress 0 0 1 => output;',
    );
    for (let visit = 0; visit < 6; visit++) {
      const { result, text } = trace(topology);
      expect(result.flows.map(({ pipeline, table }) => `${pipeline} ${table}`)).toEqual([
        'ingress 0',
        'ingress 1',
        'ingress 2',
        'ingress 3',
        'ingress 4',
        'ingress 5',
        'egress 0',
      ]);
      expect(text.match(/^ ?\d+\. /gm)).toEqual([' 3. ', ' 5. ', ' 0. ']);
    }
  });

  test('lead to an implicit drop behind the last one', () => {
    const topology = topologyOf('0 0 1 => reg0 = 1; next;', '1 0 1 => next;', '2 0 1 => next;');
    for (let visit = 0; visit < 6; visit++) expect(trace(topology).text).toContain('\n 3. no match (implicit drop)\n');
  });

  test('are not passed by what a flow before them takes', () => {
    const more = [
      '0 9 ip6 => drop;',
      '0 8 arp => drop;',
      '0 7 tcp => drop;',
      '0 6 ip4.src == 10.0.0.1 => outport = "b"; output;',
    ];
    const topology = topologyOf(...more, ...passes, 'egress 0 0 1 => output;');
    for (let visit = 0; visit < 6; visit++) expect(trace(topology).result.deliveries.length).toBe(1);
  });
});

describe('a packet that goes on in several places', () => {
  const flood = (egress: string): TraceTopology => {
    const southbound = southboundFrom({
      sw: {
        ports: { a: {}, b: {}, c: {}, 'sw-r': { type: 'patch', options: { peer: 'r-sw' } }, z: {} },
        flows: ['0 0 1 => reg3 = 7; outport = "all"; output; reg3 = 8;', `egress 0 0 1 => ${egress} output;`],
      },
      r: {
        kind: 'router',
        ports: { 'r-sw': { type: 'patch', options: { peer: 'sw-r' } } },
        flows: ['0 0 1 => ip.ttl--; drop;'.replace(' drop;', '')],
      },
    });
    const [sw] = southbound.datapaths;
    const ports = southbound.ports.filter(({ datapath }) => datapath === sw?.uuid);
    southbound.multicastGroups.push({
      uuid: 'all',
      datapath: sw?.uuid ?? '',
      name: 'all',
      tunnelKey: 40_000,
      ports: ports.map(({ uuid }) => uuid),
    });
    return prepare(southbound);
  };

  test('comes to each port of a group as the pipelines before left it, and to no other place', () => {
    const { result } = trace(flood('ip.ttl--;'));
    const seen = result.deliveries.map(({ port, packet }) => [port.binding.logicalPort, word(packet, 'ip.ttl')]);
    // The router takes one from the packet that it gets, and it alone.
    expect(seen).toEqual([
      ['b', 63n],
      ['c', 62n],
      ['z', 60n],
    ]);
  });

  test('is as it was for the actions behind', () => {
    const topology = prepare(
      southboundFrom({
        sw: {
          ports: { a: {}, b: {} },
          flows: [
            '0 0 1 => reg0 = 5; outport = "b"; output; ip4.dst = 10.0.0.9; ct_next; output;',
            '1 0 1 => ip4.src = 10.9.9.9; output;',
            'egress 0 0 reg0 == 0 => ip.ttl--; output;',
          ],
        },
      }),
    );
    const { result } = trace(topology);
    const seen = result.deliveries.map(({ packet }) =>
      ['ip4.src', 'ip4.dst', 'ip.ttl'].map((field) => word(packet, field).toString(16)).join(' '),
    );
    expect(seen).toEqual(['a000001 a000002 3f', 'a090909 a000009 3f', 'a000001 a000009 3f']);
  });

  test('is not changed for who asks', () => {
    const topology = flood('');
    const { datapath, packet } = parsePacket(topology, microflow);
    const before = packet.words.slice();
    traceFlow(topology, datapath, packet);
    expect(packet.words).toEqual(before);
  });
});

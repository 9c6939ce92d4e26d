/** Stories of several packets, traced one after the other with a tracker that remembers. */
import { describe, expect, test } from 'vitest';
import {
  assumedConntrack,
  type Conntrack,
  type Delivery,
  fields,
  type Packet,
  parsePacket,
  prepare,
  readBits,
  traceFlow,
  trackingConntrack,
} from '../../sim/trace/index.ts';
import type { Storage } from '../../sim/trace/packet.ts';
import { readRecording } from './recording.ts';
import { southboundFrom } from './southbound.ts';

const read = (packet: Packet, field: string): bigint => readBits(packet, fields[field] as Storage);
const address = (text: string): bigint => text.split('.').reduce((value, part) => (value << 8n) | BigInt(part), 0n);
const ports = (deliveries: readonly Delivery[]): string[] => deliveries.map(({ port }) => port.binding.logicalPort);

describe('behind a gateway router with source NAT', () => {
  const topology = prepare(readRecording('gateways').southbound);
  const send = (conntrack: Conntrack, microflow: string, inner?: Packet): Delivery[] => {
    const { datapath, packet } = parsePacket(topology, microflow);
    if (inner) packet.inner = inner;
    const result = traceFlow(topology, datapath, packet, { conntrack, securedNetworks: 'as-network' });
    expect(result.gaps).toEqual([]);
    return result.deliveries;
  };
  const inside =
    'inport == "red-1" && eth.src == 02:00:00:00:01:11 && eth.dst == 02:00:00:00:01:01 && ip4.src == 192.168.1.11 && ip.ttl == 64';
  const outside = 'inport == "ln" && eth.src == 02:00:00:00:99:01 && eth.dst == 02:00:00:00:20:01 && ip.ttl == 64';
  const request = `${inside} && ip4.dst == 8.8.8.8 && udp.src == 5000 && udp.dst == 53`;

  test('a request leaves with the external address, and its reply finds back', () => {
    const conntrack = trackingConntrack();
    const [sent] = send(conntrack, request);
    expect(sent?.port.binding.logicalPort).toBe('ln');
    expect(read(sent?.packet as Packet, 'ip4.src')).toBe(address('30.30.0.2'));
    const reply = `${outside} && ip4.src == 8.8.8.8 && ip4.dst == 30.30.0.2 && udp.src == 53 && udp.dst == 5000`;
    const [back] = send(conntrack, reply);
    expect(back?.port.binding.logicalPort).toBe('red-1');
    expect(read(back?.packet as Packet, 'ip4.dst')).toBe(address('192.168.1.11'));
  });

  test('what nobody asked for does not get in', () => {
    const conntrack = trackingConntrack();
    const reply = `${outside} && ip4.src == 8.8.8.8 && ip4.dst == 30.30.0.2 && udp.src == 53 && udp.dst == 5000`;
    expect(send(conntrack, reply)).toEqual([]);
    send(conntrack, request);
    expect(send(conntrack, reply.replace('udp.dst == 5000', 'udp.dst == 5001'))).toEqual([]);
    expect(send(conntrack, reply.replace('8.8.8.8', '8.8.4.4'))).toEqual([]);
  });

  test('two hosts with the same source port get different ones', () => {
    const conntrack = trackingConntrack();
    const [first] = send(conntrack, request);
    const [second] = send(
      conntrack,
      request.replaceAll('192.168.1.11', '192.168.1.13').replace('red-1', 'red-3').replace('01:11', '01:13'),
    );
    expect(read(first?.packet as Packet, 'udp.src')).toBe(5000n);
    expect(read(second?.packet as Packet, 'ip4.src')).toBe(address('30.30.0.2'));
    const port = read(second?.packet as Packet, 'udp.src');
    expect(port).not.toBe(5000n);
    const reply = `${outside} && ip4.src == 8.8.8.8 && ip4.dst == 30.30.0.2 && udp.src == 53 && udp.dst == ${port}`;
    const [back] = send(conntrack, reply);
    expect(read(back?.packet as Packet, 'ip4.dst')).toBe(address('192.168.1.13'));
    expect(read(back?.packet as Packet, 'udp.dst')).toBe(5000n);
  });

  test('an error about the request is translated with it, whoever it comes from', () => {
    const conntrack = trackingConntrack();
    const [sent] = send(conntrack, request);
    const error = `${outside} && ip4.src == 30.30.0.1 && ip4.dst == 30.30.0.2 && icmp4.type == 3 && icmp4.code == 3`;
    const [back] = send(conntrack, error, sent?.packet);
    expect(read(back?.packet as Packet, 'ip4.dst')).toBe(address('192.168.1.11'));
    expect(read(back?.packet as Packet, 'ip4.src')).toBe(address('30.30.0.1'));
    expect(read(back?.packet.inner as Packet, 'ip4.src')).toBe(address('192.168.1.11'));
    expect(send(trackingConntrack(), error, sent?.packet)).toEqual([]);
  });

  test('an error comes from the other end that the opener knows, where that was translated', () => {
    const conntrack = trackingConntrack();
    const parsed = (text: string): Packet => parsePacket(topology, text).packet;
    const opening = parsed(request);
    conntrack.translate(opening, 'zone', {
      direction: 'dst',
      address: { family: 4, value: address('10.9.9.9') },
      commonZone: false,
      onGateway: false,
    });
    const error = parsed(`${outside} && ip4.src == 1.2.3.4 && ip4.dst == 192.168.1.11 && icmp4.type == 3`);
    error.inner = opening;
    conntrack.translate(error, 'zone', { commonZone: false, onGateway: false });
    expect(read(error, 'ip4.src')).toBe(address('8.8.8.8'));
    expect(read(error, 'ip4.dst')).toBe(address('192.168.1.11'));
  });

  test('an echo reply to no request does not get in, one to a request does', () => {
    const conntrack = trackingConntrack();
    const reply = `${outside} && ip4.src == 8.8.8.8 && ip4.dst == 30.30.0.2 && icmp4.type == 0`;
    expect(send(conntrack, reply)).toEqual([]);
    send(conntrack, `${inside} && ip4.dst == 8.8.8.8 && icmp4.type == 8`);
    expect(ports(send(conntrack, reply))).toEqual(['red-1']);
  });
});

describe('on a switch with stateful ACLs', () => {
  const stateful = [
    '0 100 ip => ct_next;',
    '0 0 1 => next;',
    '1 100 ct.new && inport == "a" => ct_commit { ct_mark.blocked = 0; ct_label.label = 7; }; next;',
    '1 100 ct.est && !ct.rpl && ct_mark.blocked == 0 => next;',
    '1 100 ct.est && ct.rpl => next;',
    '1 100 ct.rel => next;',
    '1 90 ct.trk => drop;',
    '2 50 inport == "a" => outport = "b"; output;',
    '2 50 inport == "b" => outport = "a"; output;',
    'egress 0 100 ip => ct_next;',
    'egress 1 100 ct.new => ct_commit { ct_mark.blocked = 0; }; output;',
    'egress 1 90 ct.trk => output;',
  ];
  const topology = prepare(southboundFrom({ sw: { ports: { a: {}, b: {} }, flows: stateful } }));
  const trace = (conntrack: Conntrack, microflow: string) => {
    const { datapath, packet } = parsePacket(topology, microflow);
    return traceFlow(topology, datapath, packet, { conntrack });
  };
  const there =
    'inport == "a" && ip4.src == 10.0.0.1 && ip4.dst == 10.0.0.2 && tcp.src == 1000 && tcp.dst == 80 && tcp.flags == 2';
  const back =
    'inport == "b" && ip4.src == 10.0.0.2 && ip4.dst == 10.0.0.1 && tcp.src == 80 && tcp.dst == 1000 && tcp.flags == 0x10';

  test('only one side may open a connection', () => {
    const conntrack = trackingConntrack();
    expect(ports(trace(conntrack, back).deliveries)).toEqual([]);
    expect(ports(trace(conntrack, there).deliveries)).toEqual(['b']);
  });

  test('a connection is new until its first reply', () => {
    const conntrack = trackingConntrack();
    const states = (microflow: string) =>
      JSON.stringify(trace(conntrack, microflow).nodes).match(/(?<=ct_next\(ct_state=)[^)]*/g);
    expect(states(there)).toEqual(['new|trk', 'new|trk']);
    expect(states(there)).toEqual(['new|trk', 'new|trk']);
  });

  test('zones of ports are apart: what one committed, the other does not know', () => {
    const conntrack = trackingConntrack();
    trace(conntrack, there);
    // b's zone has the connection as it came in there; its reply is one there, too.
    const [delivered] = trace(conntrack, back).deliveries;
    expect(delivered?.port.binding.logicalPort).toBe('a');
    const other = trackingConntrack();
    const { packet } = parsePacket(topology, back);
    other.lookup(packet, 'elsewhere');
    expect(read(packet, 'ct_state')).toBe(0x21n);
  });

  test.each([
    ['a SYN', 'tcp.flags == 0x02', 'new|trk'],
    ['an ACK from the middle of a connection', 'tcp.flags == 0x10', 'new|trk'],
    ['a RST', 'tcp.flags == 0x04', 'new|trk'],
    ['a SYN-ACK', 'tcp.flags == 0x12', 'inv|trk'],
    ['a FIN without ACK', 'tcp.flags == 0x01', 'inv|trk'],
    ['TCP without flags', 'tcp.flags == 0', 'inv|trk'],
    ['an echo request', 'icmp4.type == 8', 'new|trk'],
    ['an echo reply', 'icmp4.type == 0', 'inv|trk'],
    ['a time exceeded', 'icmp4.type == 11', 'inv|trk'],
    ['an address mask request', 'icmp4.type == 17', 'inv|trk'],
  ])('without a connection %s is (in)valid as Open vSwitch has it: %s, %s', (_what, transport, state) => {
    const text = `inport == "a" && ip4.src == 10.0.0.1 && ip4.dst == 10.0.0.2 && ${transport}`;
    const nodes = JSON.stringify(trace(trackingConntrack(), text).nodes);
    expect(nodes.match(/(?<=ct_next\(ct_state=)[^)]*/)?.[0]).toBe(state);
  });

  test('a SYN that crosses a SYN is no reply', () => {
    const conntrack = trackingConntrack();
    trace(conntrack, there);
    const [{ uuid }] = topology.southbound.datapaths;
    const stateOf = (microflow: string): bigint => {
      const { packet } = parsePacket(topology, microflow);
      conntrack.lookup(packet, `${uuid} 2`);
      return read(packet, 'ct_state');
    };
    expect(stateOf(back.replace('0x10', '2'))).toBe(0x21n);
    expect(stateOf(back)).toBe(0x2an);
  });

  test('mark and label are those of the connection', () => {
    const conntrack = trackingConntrack();
    trace(conntrack, there);
    const { packet, datapath } = parsePacket(topology, there);
    conntrack.lookup(packet, `${datapath.binding.uuid} 1`);
    expect(read(packet, 'ct_label')).toBe(7n << 96n);
    expect(read(packet, 'ct_mark')).toBe(0n);
  });
});

describe('a router that remembers in its egress pipeline, too, what it sent to a backend', () => {
  const flows = [
    '0 50 inport == "a" => flags.force_snat_for_lb = 1; ct_lb_mark(backends=10.0.0.2; force_snat);',
    '0 50 inport == "b" => ct_dnat;',
    '1 50 inport == "a" => outport = "b"; output;',
    '1 50 inport == "b" => outport = "a"; output;',
    'egress 0 50 ip => ct_dnat;',
    'egress 1 50 inport == "a" && flags.force_snat_for_lb == 1 => ct_commit { }; output;',
    'egress 1 50 inport == "b" => output;',
  ];
  const topology = prepare(southboundFrom({ router: { kind: 'router', ports: { a: {}, b: {} }, flows } }));
  const request = 'inport == "a" && ip4.src == 10.0.0.1 && ip4.dst == 10.0.0.100 && udp.src == 5000 && udp.dst == 53';
  const answer = 'inport == "b" && ip4.src == 10.0.0.2 && ip4.dst == 10.0.0.1 && udp.src == 53 && udp.dst == 5000';
  const deliveries = (conntrack: Conntrack, microflow: string): readonly Delivery[] => {
    const { datapath, packet } = parsePacket(topology, microflow);
    return traceFlow(topology, datapath, packet, { conntrack }).deliveries;
  };

  test.each([
    ['ct_lb_mark', '; force_snat', 'ct_mark', 10n],
    ['ct_lb_mark', '; skip_snat', 'ct_mark', 6n],
    ['ct_lb_mark', '', 'ct_mark', 2n],
    ['ct_lb', '; force_snat', 'ct_label', 10n],
  ])('%s(...%s) marks its connections in %s: %s', (action, flag, field, bits) => {
    const balancing = `0 50 inport == "a" => ${action}(backends=10.0.0.2${flag});`;
    const marking = prepare(southboundFrom({ r: { kind: 'router', ports: { a: {}, b: {} }, flows: [balancing] } }));
    const conntrack = trackingConntrack();
    const { datapath, packet } = parsePacket(marking, request);
    traceFlow(marking, datapath, packet, { conntrack });
    const next = parsePacket(marking, request).packet;
    conntrack.lookup(next, `${datapath.binding.uuid} dnat`);
    expect(read(next, field)).toBe(bits);
  });

  test('flags get there as on a chassis, but not as in ovn-trace', () => {
    expect(ports(deliveries(trackingConntrack(), request))).toEqual(['b']);
    expect(ports(deliveries(assumedConntrack(), request))).toEqual([]);
  });

  test('answers belong to the connection that was there first, which translates them', () => {
    const conntrack = trackingConntrack();
    const [sent] = deliveries(conntrack, request);
    expect(read(sent?.packet as Packet, 'ip4.dst')).toBe(address('10.0.0.2'));
    const [back] = deliveries(conntrack, answer);
    expect(back?.port.binding.logicalPort).toBe('a');
    expect(read(back?.packet as Packet, 'ip4.src')).toBe(address('10.0.0.100'));
  });
});

test('crossing to another datapath, a packet forgets what conntrack found', () => {
  const { packet } = parsePacket(
    prepare(readRecording('gateways').southbound),
    'inport == "ln" && ct.est && ct_mark == 1',
  );
  trackingConntrack().cross(packet);
  expect([read(packet, 'ct_state'), read(packet, 'ct_mark')]).toEqual([0n, 0n]);
});

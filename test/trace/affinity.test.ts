/** What a tracker that remembers knows of clients that keep their backend, and of packets from or to port 0. */
import { describe, expect, test } from 'vitest';
import {
  type Conntrack,
  parsePacket,
  prepare,
  refusingPortZero,
  type TraceResult,
  traceFlow,
  trackingConntrack,
} from '../../sim/trace/index.ts';
import { southboundFrom } from './southbound.ts';

function trace(flows: string[], microflow: string, conntrack?: Conntrack): TraceResult {
  const topology = prepare(
    southboundFrom({
      sw: { kind: 'router', ports: { a: {}, b: {}, c: {} }, flows: [...flows, 'egress 0 0 1 => output;'] },
    }),
  );
  const { datapath, packet } = parsePacket(topology, `inport == "a" && ${microflow}`);
  return traceFlow(topology, datapath, packet, conntrack ? { conntrack } : {});
}

const outputs = ({ deliveries }: TraceResult): string[] => deliveries.map(({ port }) => port.binding.logicalPort);

describe('affinity', () => {
  const flows = (service: string, backend: string, protocol: string) => [
    '0 0 1 => reg9[6] = chk_lb_aff(); next;',
    '1 20 reg9[6] == 1 && reg4 == 10.0.0.7 && reg8[0..15] == 8080 => outport = "b"; output;',
    '1 20 reg9[6] == 1 && xxreg1 == fd00::7 && reg8[0..15] == 0 => outport = "b"; output;',
    '1 10 reg9[6] == 1 => outport = "c"; output;',
    `1 0 1 => commit_lb_aff(vip = "${service}", backend = "${backend}"${protocol}, timeout = 60);`,
  ];
  const tcp = flows('30.0.0.1:80', '10.0.0.7:8080', ', proto = tcp');
  const client = (address: string, port: number, service = '30.0.0.1') =>
    `ip4.src == ${address} && ip4.dst == ${service} && ip.ttl == 9 && tcp.src == 999 && tcp.dst == ${port}`;

  test('a client is known by its address, the service and its port, and gets the same backend', () => {
    const tracker = trackingConntrack();
    expect(outputs(trace(tcp, client('10.0.0.1', 80), tracker))).toEqual([]);
    expect(outputs(trace(tcp, client('10.0.0.1', 80), tracker))).toEqual(['b']);
    expect(outputs(trace(tcp, client('10.0.0.1', 80, '30.0.0.2'), tracker))).toEqual([]);
    const elsewhere = trackingConntrack();
    trace(tcp, client('10.0.0.1', 80), elsewhere);
    expect(outputs(trace(tcp, client('10.0.0.2', 80), elsewhere))).toEqual([]);
    expect(outputs(trace(tcp, client('10.0.0.1', 81), elsewhere))).toEqual([]);
    expect(outputs(trace(tcp, client('10.0.0.1', 80).replaceAll('tcp', 'udp'), elsewhere))).toEqual([]);
  });

  test('of a service without a port all packets are known; IPv6 has a register of its own', () => {
    const tracker = trackingConntrack();
    const six = flows('fd30::1', 'fd00::7', '');
    const packet = (l4: string) => `ip6.src == fd00::1 && ip6.dst == fd30::1 && ip.ttl == 9 && ${l4}`;
    expect(outputs(trace(six, packet('tcp.src == 1 && tcp.dst == 2'), tracker))).toEqual([]);
    expect(outputs(trace(six, packet('udp.src == 3 && udp.dst == 4'), tracker))).toEqual(['b']);
  });

  test('who remembers nothing says so', () => {
    expect(trace(tcp, client('10.0.0.1', 80)).gaps).toEqual([expect.stringContaining('chk_lb_aff')]);
    expect(trace(tcp, client('10.0.0.1', 80), trackingConntrack()).gaps).toEqual([]);
  });
});

describe('port 0', () => {
  const packet = (from: number, to: number) =>
    `ip4.src == 10.0.0.1 && ip4.dst == 10.0.0.2 && ip.ttl == 9 && udp.src == ${from} && udp.dst == ${to}`;
  const look = ['0 0 1 => ct_next;', '1 5 ct.inv => outport = "c"; output;', '1 4 ct.trk => outport = "b"; output;'];

  test('is invalid to Open vSwitch, and a port like others without', () => {
    for (const [from, to] of [
      [0, 7],
      [7, 0],
      [0, 0],
    ] as const) {
      expect(outputs(trace(look, packet(from, to), refusingPortZero(trackingConntrack())))).toEqual(['c']);
      expect(outputs(trace(look, packet(from, to), trackingConntrack()))).toEqual(['b']);
    }
    expect(outputs(trace(look, packet(7, 8), refusingPortZero(trackingConntrack())))).toEqual(['b']);
  });

  test('nothing is translated, balanced or remembered of it', () => {
    const tracker = refusingPortZero(trackingConntrack());
    for (const action of ['ct_snat(30.0.0.1);', 'ct_lb_mark(backends=10.0.0.9);', 'ct_commit_to_zone(dnat);']) {
      const { deliveries } = trace(
        [`0 0 1 => ${action}`, '1 0 ct.inv => outport = "b"; output;'],
        packet(0, 7),
        tracker,
      );
      expect(deliveries.map(({ packet: { words } }) => words).length, action).toBe(1);
      const unchanged = trace(['0 0 1 => ct_next;', '1 0 ct.inv => outport = "b"; output;'], packet(0, 7), tracker);
      expect(headers(deliveries), action).toEqual(headers(unchanged.deliveries));
    }
    trace(['0 0 1 => ct_commit;'], packet(0, 7), tracker);
    expect(outputs(trace(look, packet(0, 7), tracker))).toEqual(['c']);
  });

  const headers = (deliveries: TraceResult['deliveries']) =>
    deliveries.map(({ packet: { words } }) => [...words.slice(15)]);
});

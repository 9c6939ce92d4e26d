/** Backends that call their own load balancer, with a tracker that remembers. */
import { describe, expect, test } from 'vitest';
import type { LoadBalancer } from '../../engine/ovsdb/southbound.ts';
import {
  type Conntrack,
  fields,
  type Packet,
  parsePacket,
  prepare,
  readBits,
  type TraceResult,
  type TraceTopology,
  traceFlow,
  trackingConntrack,
} from '../../sim/trace/index.ts';
import type { Storage } from '../../sim/trace/packet.ts';
import { southboundFrom } from './southbound.ts';

/** As ovn-northd 23.03 writes them for a switch with load balancers, without what does not matter here. */
function flowsOf(vips: [address: string, port: number, backend: string][], ip: 'ip4' | 'ip6'): string[] {
  return [
    `0 10 ${ip} => ct_lb_mark;`,
    '0 0 1 => next;',
    ...vips.map(
      ([address, port, backend]) =>
        `1 120 ct.new && ${ip}.dst == ${address} && tcp.dst == ${port} => ct_lb_mark(backends=${backend});`,
    ),
    '1 0 1 => next;',
    '2 100 ip && ct.trk => reg0[6] = chk_lb_hairpin(); reg0[12] = chk_lb_hairpin_reply(); next;',
    '2 0 1 => next;',
    '3 100 ip && ct.est && ct.trk && reg0[6] == 1 => ct_snat;',
    '3 100 ip && ct.new && ct.trk && reg0[6] == 1 => ct_snat_to_vip; next;',
    '3 90 ip && reg0[12] == 1 => ct_snat;',
    '3 0 1 => next;',
    '4 1 reg0[6] == 1 || reg0[12] == 1 => eth.dst <-> eth.src; outport = inport; flags.loopback = 1; output;',
    '4 0 1 => outport = "b"; output;',
    `egress 0 10 ${ip} => ct_lb_mark;`,
    'egress 0 0 1 => next;',
    `egress 1 10 ${ip} && ct.new => ct_commit { ct_mark.blocked = 0; }; output;`,
    'egress 1 0 1 => output;',
  ];
}

function balancer(vips: Record<string, string>, options: Record<string, string> = {}): LoadBalancer {
  return { uuid: 'lb', name: 'lb', protocol: 'tcp', vips, options, datapaths: [] };
}

function topologyOf(flows: string[], loadBalancers: LoadBalancer[]): TraceTopology {
  return prepare({ ...southboundFrom({ sw: { ports: { a: {}, b: {} }, flows } }), loadBalancers });
}

function send(topology: TraceTopology, conntrack: Conntrack, microflow: string): TraceResult {
  const { datapath, packet } = parsePacket(topology, microflow);
  const result = traceFlow(topology, datapath, packet, { conntrack });
  expect(result.gaps).toEqual([]);
  return result;
}

/** `PORT SOURCE:PORT > DESTINATION:PORT` of what came out. */
function arrived({ deliveries }: TraceResult, ip: 'ip4' | 'ip6'): string[] {
  const number = (packet: Packet, field: string) => readBits(packet, fields[field] as Storage);
  const end = (packet: Packet, side: 'src' | 'dst') =>
    `${(number(packet, `${ip}.${side}`) & 0xffffffffn).toString(16)}:${number(packet, `tcp.${side}`)}`;
  return deliveries.map(
    ({ port, packet }) => `${port.binding.logicalPort} ${end(packet, 'src')} > ${end(packet, 'dst')}`,
  );
}

const tcp4 = (source: string, sourcePort: number, target: string, port: number, flags = 2): string =>
  `inport == "a" && eth.src == 02:00:00:00:00:01 && eth.dst == 02:00:00:00:00:02 && ip4.src == ${source} && ip4.dst == ${target} && ip.ttl == 64 && tcp.src == ${sourcePort} && tcp.dst == ${port} && tcp.flags == ${flags}`;

describe('a host that is the backend of the address it calls', () => {
  const vips = { '10.0.0.100:80': '10.0.0.1:8080,10.0.0.2:8080', '10.0.0.100:443': '10.0.0.1:8443' };
  const flows = flowsOf(
    [
      ['10.0.0.100', 80, '10.0.0.1:8080'],
      ['10.0.0.100', 443, '10.0.0.1:8443'],
    ],
    'ip4',
  );

  test.each([
    [80, 8080],
    [443, 8443],
  ])('hears port %d from the balancer, and gets its own answer from there', (port, own) => {
    const topology = topologyOf(flows, [balancer(vips)]);
    const conntrack = trackingConntrack();
    const call = send(topology, conntrack, tcp4('10.0.0.1', 5000, '10.0.0.100', port));
    expect(arrived(call, 'ip4')).toEqual([`a a000064:5000 > a000001:${own}`]);
    const answer = send(topology, conntrack, tcp4('10.0.0.1', own, '10.0.0.100', 5000, 18));
    expect(arrived(answer, 'ip4')).toEqual([`a a000064:${port} > a000001:5000`]);
    const more = send(topology, conntrack, tcp4('10.0.0.1', 5000, '10.0.0.100', port, 16));
    expect(arrived(more, 'ip4')).toEqual([`a a000064:5000 > a000001:${own}`]);
  });

  test('is called by the address that the balancer has for that', () => {
    const topology = topologyOf(flows, [balancer(vips, { hairpin_snat_ip: '10.0.0.200 fd00::200' })]);
    const conntrack = trackingConntrack();
    const call = send(topology, conntrack, tcp4('10.0.0.1', 5000, '10.0.0.100', 80));
    expect(arrived(call, 'ip4')).toEqual(['a a0000c8:5000 > a000001:8080']);
    const answer = send(topology, conntrack, tcp4('10.0.0.1', 8080, '10.0.0.200', 5000, 18));
    expect(arrived(answer, 'ip4')).toEqual(['a a000064:80 > a000001:5000']);
  });

  test('is called by the balancer of the port, where two have one address', () => {
    const same = flowsOf(
      [
        ['10.0.0.100', 80, '10.0.0.1:8080'],
        ['10.0.0.100', 81, '10.0.0.1:8080'],
      ],
      'ip4',
    );
    const topology = topologyOf(same, [
      balancer({ '10.0.0.100:80': '10.0.0.1:8080' }, { hairpin_snat_ip: '10.0.0.200' }),
      balancer({ '10.0.0.100:81': '10.0.0.1:8080' }, { hairpin_snat_ip: '10.0.0.201' }),
    ]);
    const call = send(topology, trackingConntrack(), tcp4('10.0.0.1', 5000, '10.0.0.100', 81));
    expect(arrived(call, 'ip4')).toEqual(['a a0000c9:5000 > a000001:8080']);
  });

  test('is not turned back if it calls somebody else, or answers what nobody asked', () => {
    const topology = topologyOf(flows, [balancer(vips)]);
    const conntrack = trackingConntrack();
    expect(arrived(send(topology, conntrack, tcp4('10.0.0.9', 5000, '10.0.0.100', 80)), 'ip4')).toEqual([
      'b a000009:5000 > a000001:8080',
    ]);
    expect(arrived(send(topology, conntrack, tcp4('10.0.0.1', 8080, '10.0.0.100', 5000, 18)), 'ip4')).toEqual([
      'b a000001:8080 > a000064:5000',
    ]);
  });

  test('is not turned back by a balancer of another datapath', () => {
    const topology = topologyOf(flows, [{ ...balancer(vips), datapaths: ['elsewhere'] }]);
    const call = send(topology, trackingConntrack(), tcp4('10.0.0.1', 5000, '10.0.0.100', 80));
    expect(arrived(call, 'ip4')).toEqual(['b a000001:5000 > a000001:8080']);
  });
});

test('the same with IPv6', () => {
  const topology = topologyOf(flowsOf([['fd00::100', 80, '[fd00::1]:8080']], 'ip6'), [
    balancer({ '[fd00::100]:80': '[fd00::1]:8080' }),
  ]);
  const conntrack = trackingConntrack();
  const tcp6 = (text: string) => text.replaceAll('ip4.', 'ip6.');
  const call = send(topology, conntrack, tcp6(tcp4('fd00::1', 5000, 'fd00::100', 80)));
  expect(arrived(call, 'ip6')).toEqual(['a 100:5000 > 1:8080']);
  const answer = send(topology, conntrack, tcp6(tcp4('fd00::1', 8080, 'fd00::100', 5000, 18)));
  expect(arrived(answer, 'ip6')).toEqual(['a 100:80 > 1:5000']);
});

test('where a packet was sent before it was translated can be had', () => {
  const flows = [
    '0 10 ip4 => ct_lb_mark(backends=10.0.0.1:8080);',
    '1 0 1 => reg1 = ct_nw_dst(); reg2[0..15] = ct_tp_dst(); next;',
    '2 0 reg1 == 10.0.0.100 && reg2[0..15] == 80 => outport = "b"; output;',
    'egress 0 0 1 => output;',
  ];
  const call = send(topologyOf(flows, []), trackingConntrack(), tcp4('10.0.0.9', 5000, '10.0.0.100', 80));
  expect(arrived(call, 'ip4')).toEqual(['b a000009:5000 > a000001:8080']);
});

test('a database that does not tell its load balancers leaves a gap', () => {
  const flows = flowsOf([['10.0.0.100', 80, '10.0.0.1:8080']], 'ip4');
  const topology = prepare(southboundFrom({ sw: { ports: { a: {}, b: {} }, flows } }));
  const { datapath, packet } = parsePacket(topology, tcp4('10.0.0.1', 5000, '10.0.0.100', 80));
  const { gaps } = traceFlow(topology, datapath, packet, { conntrack: trackingConntrack() });
  expect(gaps).toContain('the action chk_lb_hairpin is not modelled where a backend calls itself');
});

/**
 * What the real ovn-controller answers, beside what `engine/node/answer` makes of
 * the same frame.  Where a flow's own actions change a frame before or after, the
 * test changes it in the same way, written down by hand from the flow.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseFlowActions } from '../../engine/lang/index.ts';
import type { OptionValue } from '../../engine/lang/ir.ts';
import {
  dhcpv4Answer,
  dhcpv6Answer,
  dnsAnswer,
  flowText,
  nestedAnswer,
  putFragmentMtu,
  type Resumed,
  routerAdvertisementAnswer,
} from '../../engine/node/answer/index.ts';
import {
  be16,
  bytes,
  concat,
  type Ends,
  hex,
  icmp,
  ip,
  mac,
  packet,
  proto,
  rewritten,
  sctp,
  tcp,
  text,
  udp,
  zeros,
} from '../messages.ts';
import { type PacketPeer, type Received, startPeer } from '../oracle/packet-peer.ts';
import { type Central, startCentral } from '../oracle/sandbox.ts';

const hosts = {
  a: { mac: '00:00:00:00:00:0a', v4: '10.0.0.10', v6: 'fd00::10', routerMac: '00:00:00:00:01:00' },
  b: { mac: '00:00:00:00:00:0b', v4: '10.0.1.10', v6: 'fd01::10', routerMac: '00:00:00:00:01:01' },
  c: { mac: '00:00:00:00:00:0c', v4: '10.0.1.12', v6: 'fd01::12', routerMac: '00:00:00:00:01:01' },
} as const;

type HostName = keyof typeof hosts;

const dhcpv4 = [
  ['server_id', '10.0.0.1'],
  ['server_mac', '00:00:00:00:01:00'],
  ['lease_time', '3600'],
  ['router', '10.0.0.1'],
  ['mtu', '1400'],
  ['dns_server', '{8.8.8.8, 7.7.7.7}'],
  ['classless_static_route', '{30.0.0.0/24,10.0.0.4,40.0.0.0/17,10.0.0.6,50.1.2.3,10.0.0.7,0.0.0.0/0,10.0.0.1}'],
  ['ms_classless_static_route', '{30.0.0.0/24,10.0.0.4}'],
  ['domain_name', '\\"ovn.org\\"'],
  ['domain_search_list', '\\"ovn.org,abc.ovn.org,foo.example.com,example.com,example.con\\"'],
  ['bootfile_name', '\\"https://127.0.0.1/boot.ipxe\\"'],
  ['bootfile_name_alt', '\\"boot.efi\\"'],
  ['tftp_server', '10.0.0.9'],
  ['tftp_server_address', '{10.0.0.8, 10.0.0.9}'],
  ['next_server', '10.0.0.77'],
  ['ip_forward_enable', '1'],
  ['default_ttl', '44'],
  ['T1', '1000'],
  ['hostname', '\\"host-a\\"'],
  ['netbios_node_type', '2'],
  ['wpad', '\\"http://wpad/\\"'],
];

const column = (pairs: string[][]): string => `'${pairs.map(([key, value]) => `"${key}"="${value}"`).join(' ')}'`;

const topology = `
set -eu
ovn-nbctl ls-add sw0 -- ls-add sw1 -- lr-add lr0 -- set logical_router lr0 options:chassis=peer
for i in 0 1; do
  ovn-nbctl lrp-add lr0 lrp-sw$i 00:00:00:00:01:0$i 10.0.$i.1/24 fd0$i::1/64 -- \\
    lsp-add sw$i sw$i-lr -- lsp-set-type sw$i-lr router -- lsp-set-addresses sw$i-lr router -- \\
    lsp-set-options sw$i-lr router-port=lrp-sw$i
done
ovn-nbctl lsp-add sw0 a -- lsp-set-addresses a "${hosts.a.mac} ${hosts.a.v4} ${hosts.a.v6}"
ovn-nbctl lsp-add sw1 b -- lsp-set-addresses b "${hosts.b.mac} ${hosts.b.v4} ${hosts.b.v6}"
ovn-nbctl lsp-add sw1 c -- lsp-set-addresses c "${hosts.c.mac} ${hosts.c.v4} ${hosts.c.v6}"
ovn-nbctl lr-add lr1 -- lrp-add lr1 lrp-own 00:00:00:00:02:00 10.0.0.2/24 fd00::2/64 -- \\
  lsp-add sw0 own-lr -- lsp-set-type own-lr router -- lsp-set-addresses own-lr router -- \\
  lsp-set-options own-lr router-port=lrp-own
ovn-nbctl lr-route-add lr0 0.0.0.0/0 10.0.1.254
ovn-nbctl set logical_router_port lrp-sw1 options:gateway_mtu=600
ovn-nbctl set logical_router_port lrp-sw0 ipv6_ra_configs:address_mode=slaac ipv6_ra_configs:mtu=1400 \\
  ipv6_ra_configs:rdnss='"fd00::53"' ipv6_ra_configs:dnssl='"ovn.org, a.example.com"' \\
  ipv6_ra_configs:route_info='"HIGH-fd77::11/48,LOW-fd78::1:2/96,MEDIUM-::/0"' ipv6_ra_configs:router_preference=LOW
ovn-nbctl set logical_router_port lrp-sw1 ipv6_ra_configs:address_mode=dhcpv6_stateful
ovn-nbctl acl-add sw1 to-lport 1002 'outport == "b" && ip && (tcp.dst == 81 || udp.dst == 81 || sctp.dst == 81 ||
  icmp4.type == {13, 3} || icmp6.type == {128, 1} || ip.proto == 47)' reject
ovn-nbctl acl-add sw1 from-lport 1002 'inport == "b" && ip && (tcp.dst == 82 || udp.dst == 82 || sctp.dst == 82)' reject
D4=$(ovn-nbctl create dhcp_options cidr=10.0.0.0/24 options=${column(dhcpv4)})
ovn-nbctl lsp-set-dhcpv4-options a $D4
D6=$(ovn-nbctl create dhcp_options cidr='"fd00::/64"' \\
  options='"server_id"="00:00:00:00:01:00" "dns_server"="{fd00::53, fd00::54}" "domain_search"="\\"ovn.org\\""')
ovn-nbctl lsp-set-dhcpv6-options a $D6
ovn-nbctl ls-add sw2 -- set logical_switch sw2 other_config:vlan-passthru=true -- \\
  lsp-add sw2 t -- lsp-set-addresses t "00:00:00:00:00:22 10.2.0.2" -- \\
  lsp-add sw2 u -- lsp-set-addresses u "00:00:00:00:00:23 10.2.0.3"
ovn-nbctl acl-add sw2 from-lport 1002 'inport == "t" && ip' reject
DNS=$(ovn-nbctl create dns \\
  records='"www.ovn.org"="10.0.0.80 10.0.0.81 fd00::80" "4.0.0.10.in-addr.arpa"="vm1.ovn.org" "six"="fd00::6"')
ovn-nbctl set logical_switch sw0 dns_records=$DNS
ovn-nbctl lb-add lb0 10.0.0.100:80 "" -- set load_balancer lb0 options:reject=true -- ls-lb-add sw0 lb0
`;

const records = new Map([
  ['www.ovn.org', '10.0.0.80 10.0.0.81 fd00::80'],
  ['4.0.0.10.in-addr.arpa', 'vm1.ovn.org'],
  ['six', 'fd00::6'],
]);

let central: Central;
let peer: PacketPeer;
const options = new Map<string, readonly OptionValue[]>();

beforeAll(async () => {
  central = await startCentral();
  peer = await startPeer(central);
  await central.load(topology);
  await peer.bind(['a', 'b', 'c', 't']);
  await peer.ready();
  for (const flow of await central.flows()) {
    const actions = parseFlowActions(flow.actions, { pipeline: flow.pipeline, table: flow.table });
    for (const action of actions.actions) {
      if ('options' in action)
        options.set(`${action.type} ${flow.match.match(/inport == "(\S+)"/)?.[1]}`, action.options);
    }
  }
});

afterAll(async () => {
  await peer?.stop();
  await central?.stop();
});

const optionsOf = (name: string): readonly OptionValue[] => {
  const found = options.get(name);
  if (!found) throw new Error(`no flow has ${name}; there are ${[...options.keys()].join(', ')}`);
  return found;
};

/** Sends a frame; exactly those frames must come out, in any order. */
async function expectAnswers(port: string, frame: Uint8Array, expected: Received[]): Promise<void> {
  const lines = (frames: readonly Received[]) => frames.map((each) => `${each.port} ${hex(each.frame)}`).sort();
  peer.received();
  await peer.send(port, frame);
  const first = await peer.receive((frames) => frames.length >= expected.length, 3000);
  const fence = await passFence();
  expect(lines([...first, ...fence])).toEqual(lines(expected));
}

let fences = 0;

/** Waits until the controller has answered a packet that was sent after the others; gives what came before. */
async function passFence(): Promise<Received[]> {
  const question = packet(from('a', '10.0.1.10'), proto.udp, udp(60000, 60000), { ttl: 1, id: ++fences });
  await peer.send('a', question);
  const isFence = ({ frame }: Received) =>
    frame[34] === 11 && hex(frame.subarray(42 + 4, 42 + 6)) === hex(be16(fences));
  const frames = await peer.receive((seen) => seen.some(isFence), 3000);
  expect(frames.filter(isFence)).toHaveLength(1);
  return frames.filter((each) => !isFence(each));
}

/** From a host by its router to an address. */
function from(host: HostName, dst: string): Ends {
  const { mac: ethSrc, routerMac: ethDst, v4, v6 } = hosts[host];
  return { ethSrc, ethDst, src: dst.includes(':') ? v6 : v4, dst };
}

/** What a router makes of a packet that it passes on. */
const routed = (frame: Uint8Array, ethSrc: string, ethDst: string, ttl = 63): Uint8Array =>
  rewritten(frame, { ethSrc, ethDst, ttl });

function made(name: Parameters<typeof nestedAnswer>[0], frame: Uint8Array): Uint8Array {
  const answer = nestedAnswer(name, frame);
  if (!answer) throw new Error(`${name} makes nothing of ${hex(frame)}`);
  return answer;
}

describe('neighbours', () => {
  test('ARP for a next hop that nobody knows', async () => {
    for (const dst of ['10.0.1.99', '192.0.2.1']) {
      const sent = packet(from('a', dst), proto.udp, udp(1, 2));
      const request = made('arp', routed(sent, hosts.b.routerMac, '00:00:00:00:00:00'));
      request.set(mac('ff:ff:ff:ff:ff:ff'), 0);
      request.set(ip('10.0.1.1'), 28);
      request.set(ip(dst === '10.0.1.99' ? dst : '10.0.1.254'), 38);
      await expectAnswers('a', sent, [
        { port: 'b', frame: request },
        { port: 'c', frame: request },
      ]);
    }
  });

  test('a solicitation for a next hop that nobody knows', async () => {
    const sent = packet(from('a', 'fd01::99'), proto.udp, udp(1, 2));
    const solicitation = made('nd_ns', routed(sent, hosts.b.routerMac, '00:00:00:00:00:00'));
    await expectAnswers('a', sent, [
      { port: 'b', frame: solicitation },
      { port: 'c', frame: solicitation },
    ]);
  });

  test.each([
    ['nd_na_router', 'fd01::1', hosts.b.routerMac],
    ['nd_na', 'fd01::10', hosts.b.mac],
  ] as const)('%s answers a solicitation', async (name, target, answerer) => {
    const [, last] = target.split('::');
    const ends = { ethSrc: hosts.c.mac, ethDst: '33:33:ff:00:00:01', src: hosts.c.v6, dst: `ff02::1:ff00:${last}` };
    const option = concat(bytes('01 01'), mac(hosts.c.mac));
    const solicitation = packet(ends, proto.icmp6, icmp(135, 0, concat(zeros(4), ip(target), option)), { ttl: 255 });
    const answer = made(name, solicitation);
    answer.set(mac(answerer), 80);
    await expectAnswers('c', solicitation, [{ port: 'c', frame: rewritten(answer, { ethSrc: answerer }) }]);
  });
});

/** Payloads of many lengths, odd ones and those around what an error has room for. */
const lengths = [0, 1, 7, 505, 506, 507, 528, 560];

describe('errors of a router', () => {
  test('time exceeded', async () => {
    for (const length of lengths) {
      const sent = packet(from('a', hosts.b.v4), proto.udp, udp(5, 6, zeros(length).fill(length)), {
        ttl: 1,
        tos: 0x28,
      });
      const changes = { ethSrc: hosts.a.routerMac, ethDst: hosts.a.mac, type: 11, code: 0, ttl: 254 };
      const answer = rewritten(made('icmp4', sent), { ...changes, src: '10.0.0.1', dst: hosts.a.v4 });
      await expectAnswers('a', sent, [{ port: 'a', frame: answer }]);
    }
  });

  test('time exceeded, IPv6', async () => {
    for (const length of [...lengths, 1160, 1170, 1171, 1300]) {
      const sent = packet(from('a', hosts.b.v6), proto.udp, udp(5, 6, zeros(length).fill(length)), {
        ttl: 1,
        tos: 0x28,
      });
      const changes = { ethSrc: hosts.a.routerMac, ethDst: hosts.a.mac, type: 3, code: 0, ttl: 254 };
      const answer = rewritten(made('icmp6', sent), { ...changes, src: 'fd00::1', dst: hosts.a.v6 });
      await expectAnswers('a', sent, [{ port: 'a', frame: answer }]);
    }
  });

  test('padding behind the packet does not come back', async () => {
    const sent = packet(from('a', hosts.b.v4), proto.udp, udp(5, 6), { ttl: 1, padding: zeros(18).fill(0xee) });
    const changes = { ethSrc: hosts.a.routerMac, ethDst: hosts.a.mac, type: 11, code: 0, ttl: 254 };
    const answer = rewritten(made('icmp4', sent), { ...changes, src: '10.0.0.1', dst: hosts.a.v4 });
    await expectAnswers('a', sent, [{ port: 'a', frame: answer }]);
  });

  test('too big', async () => {
    const back = { ethSrc: hosts.a.routerMac, ethDst: hosts.a.mac };
    const sent4 = packet(from('a', hosts.b.v4), proto.udp, udp(5, 6, zeros(700).fill(7)), { fragment: 0x4000 });
    const error4 = made('icmp4_error', routed(sent4, hosts.b.routerMac, hosts.b.mac));
    const told4 = rewritten(error4, { src: '10.0.0.1', dst: hosts.a.v4, type: 3, code: 4 });
    const answer4 = rewritten(putFragmentMtu(told4, 600), { ...back, ttl: 254 });
    await expectAnswers('a', sent4, [{ port: 'a', frame: answer4 }]);

    const sent6 = packet(from('a', hosts.b.v6), proto.udp, udp(5, 6, zeros(1300).fill(7)));
    const error6 = made('icmp6_error', routed(sent6, hosts.b.routerMac, hosts.b.mac));
    const told6 = rewritten(error6, { src: 'fd00::1', dst: hosts.a.v6, type: 2, code: 0 });
    const answer6 = rewritten(putFragmentMtu(told6, 600), { ...back, ttl: 254 });
    await expectAnswers('a', sent6, [{ port: 'a', frame: answer6 }]);
  });

  test('nobody listens at the router', async () => {
    const own = { mac: '00:00:00:00:02:00', v4: '10.0.0.2', v6: 'fd00::2' };
    for (const dst of [own.v4, own.v6]) {
      const ends = { ...from('a', dst), ethDst: own.mac };
      const back = { src: dst, dst: ends.src, ethSrc: own.mac, ethDst: hosts.a.mac };
      const isV4 = dst === own.v4;
      const rst = packet(ends, proto.tcp, tcp(9, 22, { seq: 0xffffffff }));
      await expectAnswers('a', rst, [{ port: 'a', frame: rewritten(made('tcp_reset', rst), { ...back, ttl: 62 }) }]);
      const datagram = packet(ends, proto.udp, udp(9, 22, text('hello')));
      const told = { type: isV4 ? 3 : 1, code: isV4 ? 3 : 4 };
      const error = rewritten(made(isV4 ? 'icmp4' : 'icmp6', datagram), { ...back, ...told, ttl: 254 });
      await expectAnswers('a', datagram, [{ port: 'a', frame: error }]);
    }
  });
});

/** Chunks of SCTP: INIT, DATA and ABORT. */
const chunks = {
  init: bytes('01 00 0014 deadbeef 00010000 000a 000a 00000001'),
  data: bytes('00 03 0014 00000001 0000 0000 00000000 61626364'),
  abort: bytes('06 00 0004'),
};

type Refused = [name: string, proto: number, payload: (port: number) => Uint8Array];

const refused: Refused[] = [
  ['SYN', proto.tcp, (port) => tcp(40000, port, { flags: 0x02, seq: 0x01020304 })],
  [
    'ACK with data',
    proto.tcp,
    (port) => tcp(40000, port, { flags: 0x18, seq: 0x01020304, ack: 0x0a0b0c0d }, text('data')),
  ],
  ['a datagram', proto.udp, (port) => udp(40000, port, text('to nobody'))],
  ['a long datagram', proto.udp, (port) => udp(40000, port, zeros(450).fill(0x61))],
  ['INIT', proto.sctp, (port) => sctp(40000, port, 0, chunks.init)],
  ['INIT with a tag', proto.sctp, (port) => sctp(40000, port, 77, chunks.init)],
  ['DATA', proto.sctp, (port) => sctp(40000, port, 0x12345678, chunks.data)],
];

const ignored: Refused[] = [
  ['RST', proto.tcp, (port) => tcp(40000, port, { flags: 0x04 })],
  ['ABORT', proto.sctp, (port) => sctp(40000, port, 5, chunks.abort)],
  ['a cut INIT', proto.sctp, (port) => sctp(40000, port, 0, chunks.init.subarray(0, 12))],
];

describe.each([4, 6])('reject, IPv%i', (version) => {
  const destination = (host: HostName) => (version === 4 ? hosts[host].v4 : hosts[host].v6);

  test.each(refused)('%s on its way to a port', async (_, protocol, payload) => {
    const sent = packet(from('a', destination('b')), protocol, payload(81));
    const answer = made('reject', routed(sent, hosts.b.routerMac, hosts.b.mac));
    const ttl = answer[version === 4 ? 22 : 21] - 1;
    const frame = rewritten(answer, { ethSrc: hosts.a.routerMac, ethDst: hosts.a.mac, ttl });
    await expectAnswers('a', sent, [{ port: 'a', frame }]);
  });

  test.each(refused)('%s from a port', async (_, protocol, payload) => {
    const sent = packet(from('b', destination('a')), protocol, payload(82));
    await expectAnswers('b', sent, [{ port: 'b', frame: made('reject', sent) }]);
  });

  test.each(ignored)('%s is not answered', async (_, protocol, payload) => {
    const sent = packet(from('b', destination('a')), protocol, payload(82));
    expect(nestedAnswer('reject', sent)).toBeUndefined();
    await expectAnswers('b', sent, []);
  });

  test('other protocols', async () => {
    const icmps =
      version === 4
        ? [icmp(13, 0, zeros(16)), icmp(3, 1, zeros(32))]
        : [icmp(128, 0, zeros(16)), icmp(1, 1, zeros(52))];
    const protocol = version === 4 ? proto.icmp : proto.icmp6;
    const [question, unreachable] = icmps.map((payload) => packet(from('a', destination('b')), protocol, payload));
    for (const sent of [question, packet(from('a', destination('b')), 47, zeros(8))]) {
      const answer = made('reject', routed(sent, hosts.b.routerMac, hosts.b.mac));
      const frame = rewritten(answer, { ethSrc: hosts.a.routerMac, ethDst: hosts.a.mac, ttl: 254 });
      await expectAnswers('a', sent, [{ port: 'a', frame }]);
    }
    expect(nestedAnswer('reject', unreachable)).toBeUndefined();
    await expectAnswers('a', unreachable, []);
  });
});

test('reject of a load balancer without backends', async () => {
  const sent = packet(from('a', '10.0.0.100'), proto.tcp, tcp(1234, 80));
  await expectAnswers('a', sent, [{ port: 'a', frame: made('reject', sent) }]);
});

describe('VLAN tags', () => {
  const lyingTcp = tcp(1, 2);
  lyingTcp[12] = 0x60;
  const ends = (version: number): Ends => ({
    ethSrc: '00:00:00:00:00:22',
    ethDst: '00:00:00:00:00:23',
    src: version === 4 ? '10.2.0.2' : 'fd02::2',
    dst: version === 4 ? '10.2.0.3' : 'fd02::3',
  });

  test.each([
    ['an ICMP error keeps the tag', 4, proto.udp, udp(1, 2), [0x6123], 4],
    ['an ICMPv6 error keeps the tag', 6, proto.udp, udp(1, 2), [0x6123], 4],
    ['of two tags the outer one is kept', 4, proto.udp, udp(1, 2), [0x0123, 0x0456], 4],
    ['a reset of a segment whose data begin nowhere has no ports', 4, proto.tcp, lyingTcp, [], 0],
    ['a reset loses it', 4, proto.tcp, tcp(1, 2), [0x0123], 0],
    ['an abort loses it', 6, proto.sctp, sctp(1, 2, 3, chunks.data), [0x0123], 0],
  ] as const)('%s', async (_, version, protocol, payload, tags, more) => {
    const sent = packet(ends(version), protocol, payload, { tags: [...tags] });
    const answer = made('reject', sent);
    expect(answer[12] === 0x81 ? 4 : 0).toBe(more);
    await expectAnswers('t', sent, [{ port: 't', frame: answer }]);
  });
});

/** What goes on, which must have been answered. */
function answered({ frame, success }: Resumed): Uint8Array {
  expect(success).toBe(true);
  return frame;
}

describe('DHCPv4', () => {
  const server = { ethSrc: hosts.a.routerMac, ethDst: hosts.a.mac, src: '10.0.0.1', srcPort: 67, dstPort: 68 };

  interface Message {
    op?: number;
    flags?: number;
    ciaddr?: string;
    cookie?: string;
    options: string;
    src?: string;
    dst?: string;
    padding?: Uint8Array;
  }

  function dhcp({ op = 1, flags = 0, ciaddr = '0.0.0.0', cookie = '63825363', options, ...rest }: Message): Uint8Array {
    const header = concat(
      Uint8Array.of(op),
      bytes('01 06 00 3903f326 0000'),
      be16(flags),
      ip(ciaddr),
      bytes('00000000 0a0b0c0d 00000000'),
      mac(hosts.a.mac),
      zeros(10 + 64 + 128),
    );
    const data = concat(header, bytes(cookie), bytes(options));
    const { src = '0.0.0.0', dst = '255.255.255.255', padding } = rest;
    const ends = { ethSrc: hosts.a.mac, ethDst: 'ff:ff:ff:ff:ff:ff', src, dst };
    return packet(ends, proto.udp, udp(68, 67, data), { ttl: 128, padding });
  }

  const offered = '0a00000a';
  const answers: [string, Message][] = [
    ['DISCOVER', { options: '350101 ff' }],
    ['DISCOVER of a client that wants broadcasts', { flags: 0x8000, options: '350101 ff' }],
    ['DISCOVER with padding', { options: '00 350101 0000 ff', padding: zeros(5).fill(9) }],
    ['DISCOVER without an end', { options: '350101 37 03 01 03 06' }],
    ['DISCOVER of iPXE', { options: '350101 af 03 b10101 ff' }],
    ['REQUEST', { options: `350103 32 04 ${offered} 36 04 0a000001 ff` }],
    ['REQUEST for what it has', { ciaddr: '10.0.0.10', options: '350103 ff' }],
    ['REQUEST in unicast', { src: '10.0.0.10', dst: '10.0.0.1', ciaddr: '10.0.0.10', options: '350103 ff' }],
    ['REQUEST for another address', { options: '350103 32 04 0a00000b ff' }],
    ['REQUEST for nothing, with broadcasts', { flags: 0x8000, options: '350103 ff' }],
    ['REQUEST whose option is cut', { ciaddr: '10.0.0.10', options: '350103 32 04 0a00' }],
    ['INFORM', { src: '10.0.0.10', ciaddr: '10.0.0.10', options: '350108 ff' }],
    ['INFORM of iPXE', { src: '10.0.0.10', ciaddr: '10.0.0.10', options: '350108 af 00 ff' }],
  ];

  test.each(answers)('%s', async (_, message) => {
    const sent = dhcp(message);
    const { frame, success } = dhcpv4Answer(sent, optionsOf('put_dhcp_opts a'));
    expect(success).toBe(true);
    await expectAnswers('a', sent, [{ port: 'a', frame: rewritten(frame, { ...server, keepsNoChecksum: true }) }]);
  });

  const silence: [string, Message][] = [
    ['RELEASE', { options: '350107 ff' }],
    ['DECLINE', { options: `350104 32 04 ${offered} ff` }],
    ['a reply', { op: 2, options: '350101 ff' }],
    ['no cookie', { cookie: '63825364', options: '350101 ff' }],
    ['no type', { options: '0c0161 ff' }],
    ['a type of two bytes', { options: '35020101 ff' }],
    ['a type that is cut off', { options: '35' }],
  ];

  test.each(silence)('%s is not answered', async (_, message) => {
    const sent = dhcp(message);
    expect(dhcpv4Answer(sent, optionsOf('put_dhcp_opts a'))).toEqual({ frame: sent, success: false });
    await expectAnswers('a', sent, []);
  });
});

describe('DHCPv6', () => {
  const ends = { ethSrc: hosts.a.mac, ethDst: '33:33:00:01:00:02', src: 'fe80::200:ff:fe00:a', dst: 'ff02::1:2' };
  const clientId = '0001 000e 00010001 2a2b2c2d 00000000000a';
  const association = '0003 000c 0000abcd 00000e10 00001518';
  const dhcp = (options: string) => packet(ends, proto.udp, udp(546, 547, bytes(options)), { ttl: 1 });
  const server = {
    ethSrc: hosts.a.routerMac,
    ethDst: hosts.a.mac,
    src: 'fe80::200:ff:fe00:100',
    srcPort: 547,
    dstPort: 546,
  };

  test.each([
    ['SOLICIT', `01 112233 ${clientId} 0006 0004 00170018 0008 0002 0000 ${association}`],
    ['REQUEST', `03 112233 ${clientId} 0002 000a 00030001 000000000100 ${association}`],
    ['CONFIRM', `04 112233 ${association} ${clientId}`],
    ['DECLINE', `09 112233 ${clientId} ${association}`],
    ['SOLICIT with a lie about a length', `01 112233 ${clientId} 0003 00ff 0000abcd 00000e10 00001518`],
    ['INFORMATION-REQUEST', `0b 112233 ${clientId}`],
    ['INFORMATION-REQUEST with an association', `0b 112233 ${clientId} ${association}`],
  ])('%s', async (_, options) => {
    const sent = dhcp(options);
    const answer = answered(dhcpv6Answer(sent, optionsOf('put_dhcpv6_opts a')));
    await expectAnswers('a', sent, [{ port: 'a', frame: rewritten(answer, { ...server, dst: ends.src }) }]);
  });

  test.each([
    ['RENEW', `05 112233 ${clientId} ${association}`],
    ['REBIND', `06 112233 ${clientId} ${association}`],
    ['RELEASE', `08 112233 ${clientId} ${association}`],
    ['a reply', `07 112233 ${clientId} ${association}`],
    ['SOLICIT of nobody', `01 112233 ${association}`],
    ['SOLICIT of nothing', `01 112233 ${clientId}`],
  ])('%s is not answered', async (_, options) => {
    const sent = dhcp(options);
    expect(dhcpv6Answer(sent, optionsOf('put_dhcpv6_opts a'))).toEqual({ frame: sent, success: false });
    await expectAnswers('a', sent, []);
  });
});

test.each(['a', 'b'] as const)('a router advertises itself to %s', async (host) => {
  const { mac: ethSrc, routerMac } = hosts[host];
  const ends = { ethSrc, ethDst: '33:33:00:00:00:02', src: `fe80::200:ff:fe00:${host}`, dst: 'ff02::2' };
  const link = concat(zeros(4), bytes('01 01'), mac(ethSrc));
  for (const payload of [icmp(133, 0, link), icmp(133, 0, zeros(4))]) {
    const sent = packet(ends, proto.icmp6, payload, { ttl: 255 });
    const answer = answered(routerAdvertisementAnswer(sent, optionsOf(`put_nd_ra_opts lrp-sw${host === 'a' ? 0 : 1}`)));
    const src = `fe80::200:ff:fe00:10${host === 'a' ? 0 : 1}`;
    const frame = rewritten(answer, { ethSrc: routerMac, ethDst: ethSrc, src, dst: ends.src });
    // The switch floods the solicitation; b has a neighbour.
    const flooded = host === 'b' ? [{ port: 'c', frame: sent }] : [];
    await expectAnswers(host, sent, [{ port: host, frame }, ...flooded]);
  }
});

describe('DNS', () => {
  const encode = (name: string): Uint8Array =>
    concat(...name.split('.').map((label) => concat(Uint8Array.of(label.length), text(label))), zeros(1));
  const query = (name: string, type: number, { header = '5555 0100 0001 0000 0000 0000', rest = zeros(0) } = {}) =>
    concat(bytes(header), encode(name), be16(type), be16(1), rest);
  const edns = { header: '5555 0120 0001 0000 0000 0001', rest: bytes('00 0029 1000 00000000 0000') };

  const asked: [string, Uint8Array][] = [
    ['A', query('www.ovn.org', 1)],
    ['A in capitals', query('WWW.ovn.ORG', 1)],
    ['AAAA', query('www.ovn.org', 28)],
    ['any', query('www.ovn.org', 255)],
    ['PTR', query('4.0.0.10.in-addr.arpa', 12)],
    ['PTR of a name with addresses', query('six', 12)],
    [
      'two questions',
      concat(query('six', 28, { header: '5555 0100 0002 0000 0000 0000' }), encode('six'), be16(1), be16(1)),
    ],
  ];

  test.each(asked)('%s', async (_, data) => {
    for (const server of ['10.0.0.53', 'fd00::53']) {
      const ends = from('a', server);
      const sent = packet(ends, proto.udp, udp(5353, 53, data));
      const answer = answered(dnsAnswer(sent, (name) => records.get(name)));
      const turned = {
        ethSrc: ends.ethDst,
        ethDst: ends.ethSrc,
        src: ends.dst,
        dst: ends.src,
        srcPort: 53,
        dstPort: 5353,
      };
      const keepsNoChecksum = !server.includes(':');
      await expectAnswers('a', sent, [{ port: 'a', frame: rewritten(answer, { ...turned, keepsNoChecksum }) }]);
    }
  });

  test.each([
    ['nobody knows', query('nobody.ovn.org', 1)],
    ['has no such address', query('six', 1)],
    ['has other records', query('www.ovn.org', 16)],
    ['is a name only', query('4.0.0.10.in-addr.arpa', 1)],
    ['is answered already', query('www.ovn.org', 1, { header: '5555 8100 0001 0000 0000 0000' })],
    ['is asked for with EDNS', query('www.ovn.org', 1, edns)],
    ['is not asked for', query('www.ovn.org', 1, { header: '5555 0100 0000 0000 0000 0000' })],
    ['is cut off', query('www.ovn.org', 1).subarray(0, 20)],
  ])('a name that %s goes on to the server', async (_, data) => {
    const sent = packet(from('a', hosts.b.v4), proto.udp, udp(5353, 53, data));
    expect(dnsAnswer(sent, (name) => records.get(name))).toEqual({ frame: sent, success: false });
    const passed = routed(sent, hosts.b.routerMac, hosts.b.mac);
    await expectAnswers('a', sent, [{ port: 'b', frame: passed }]);
  });
});

/** Every protocol that has something of its own. */
const four: Ends = from('a', hosts.b.v4);
const six: Ends = from('a', hosts.b.v6);
const target = (type: number, option: string) =>
  packet(six, proto.icmp6, icmp(type, 0, concat(zeros(4), ip('fd00::1'), bytes(option))));
const arp = bytes('ffffffffffff 00000000000a 0806 0001 0800 0604 0001 00000000000a 0a00000a 000000000000 0a000001');
const frames: [string, Uint8Array][] = [
  ['TCP', packet(four, proto.tcp, tcp(1, 2, { flags: 0x12 }), { tos: 0xb9 })],
  ['TCP over IPv6', packet(six, proto.tcp, tcp(1, 2, { flags: 0xff }), { tos: 0xb9 })],
  ['TCP without flags, with a tag', packet(four, proto.tcp, tcp(1, 2, { flags: 0 }), { tags: [0x2005] })],
  ['UDP with two tags', packet(four, proto.udp, udp(1, 2), { tags: [0x2005, 7] })],
  ['UDP with three', packet(four, proto.udp, udp(1, 2), { tags: [0x2005, 7, 8] })],
  ['a first fragment', packet(four, proto.udp, udp(1, 2, zeros(8)), { fragment: 0x2000 })],
  ['a later fragment', packet(four, proto.udp, udp(1, 2, zeros(8)), { fragment: 3 })],
  ['SCTP', packet(four, proto.sctp, sctp(1, 2, 3, chunks.data))],
  ['ICMP', packet(four, proto.icmp, icmp(8, 1))],
  ['IGMP', packet(four, proto.igmp, bytes('16000000 ef010101'))],
  ['GRE', packet(six, 47, zeros(8))],
  ['ICMPv6 over IPv4', packet(four, proto.icmp6, icmp(8, 1))],
  ['a solicitation', target(135, '0101 000000000001')],
  ['an advertisement', target(136, '0201 000000000001')],
  ['an IPv6 fragment', packet(six, proto.udp, udp(1, 2), { extensions: bytes('1100 0008 00000007'), nextHeader: 44 })],
  ['ARP', arp],
  ['reverse ARP', Uint8Array.from(arp, (byte, at) => (at === 12 ? 0x80 : at === 13 ? 0x35 : at === 21 ? 3 : byte))],
  ['LLDP', concat(bytes('0180c200000e 00000000000a 88cc'), zeros(46))],
  ['802.3', concat(bytes('0180c2000000 00000000000a 0026 424203'), zeros(43))],
];

const change = fc.tuple(fc.nat(80), fc.integer({ min: 0, max: 255 }));

/** Frames of which some bytes from offset `start` on are others. */
const changedFrames = (start: number) =>
  fc.tuple(fc.constantFrom(...frames), fc.array(change, { minLength: 1, maxLength: 4 })).map(([[, frame], changes]) => {
    const changed = frame.slice();
    for (const [at, value] of changes) changed[start + (at % (frame.length - start))] = value;
    return changed;
  });

test('reject of frames with bytes changed', async () => {
  await fc.assert(
    fc.asyncProperty(changedFrames(14), async (frame) => {
      frame.set(mac('00:00:00:00:00:22'), 6);
      const answer = nestedAnswer('reject', frame);
      peer.received();
      await peer.send('t', frame);
      const came = await passFence();
      // Of a packet that its own lengths contradict ovn-controller quotes memory that is not the packet's.
      const isBroken = flowText(frame).includes('nw_proto=0,') && !answer;
      if (!isBroken) expect(came.map((each) => hex(each.frame))).toEqual(answer ? [hex(answer)] : []);
    }),
    { numRuns: 400, seed: 20231 },
  );
});

describe('what the log says of a packet', () => {
  /** The first line of a trace is the packet as a flow. */
  async function expectText(frame: Uint8Array): Promise<void> {
    const trace = await peer.appctl('ofproto/trace', 'br-int', 'in_port=1', hex(frame));
    const [line] = trace.split('\n');
    expect(`Flow: ${flowText(frame)}`).toBe(line.replace(/in_port=1,/, ''));
  }

  test.each(frames)('%s', async (_, frame) => {
    await expectText(frame);
  });

  test('frames with bytes changed', async () => {
    await fc.assert(
      fc.asyncProperty(changedFrames(0), async (frame) => {
        await expectText(frame);
      }),
      { numRuns: 400, seed: 20230 },
    );
  });
});

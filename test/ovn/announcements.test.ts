/**
 * What the real ovn-controller sends without being asked, and what it says next,
 * beside what `engine/node/answer` makes: announcements of addresses, router
 * advertisements, queries, probes of services, BFD, requests for prefixes.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  answersProbe,
  bfdControl,
  gratuitousArp,
  igmpQuery,
  linkLocal,
  type MonitoredService,
  mldQuery,
  periodicAdvertisement,
  prefixRequest,
  readBfd,
  readMembership,
  readNatAddresses,
  readPrefixAnswer,
  readServiceAnswer,
  reverseArp,
  tcpProbe,
  tcpProbeEnd,
  udpProbe,
} from '../../engine/node/answer/index.ts';
import {
  be16,
  be32,
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
  tcp,
  udp,
  zeros,
} from '../messages.ts';
import { type PacketPeer, type Received, startPeer } from '../oracle/packet-peer.ts';
import { type Central, startCentral } from '../oracle/sandbox.ts';

const f = { mac: '00:00:00:00:00:0f', v4: '10.5.0.10', v6: 'fd05::10' } as const;
const inner = { mac: '00:00:00:00:05:01', v4: '10.5.0.1', v6: 'fd05::1' } as const;
const outer = { mac: '00:00:00:00:06:01', v4: '172.16.0.1' } as const;
const monitor = { mac: '00:00:00:00:99:99', v4: '10.5.0.200' } as const;
const querier = { mac: '00:00:00:00:77:77', v4: '10.5.0.77', v6: 'fe80::77' } as const;

const topology = `
set -eu
ovn-nbctl set NB_Global . options:svc_monitor_mac=${monitor.mac}
ovn-nbctl ls-add pub -- lsp-add pub net -- lsp-set-type net localnet -- lsp-set-addresses net unknown -- \\
  lsp-set-options net network_name=physnet
ovn-nbctl lsp-add pub d -- lsp-set-addresses d "00:00:00:00:00:0d 172.16.0.13 fd06::13"
ovn-nbctl lsp-add pub e -- lsp-set-addresses e "00:00:00:00:00:0e"
ovn-nbctl lr-add gw -- set logical_router gw options:chassis=peer
ovn-nbctl lrp-add gw lrp-pub ${outer.mac} ${outer.v4}/24 -- lsp-add pub pub-gw -- lsp-set-type pub-gw router -- \\
  lsp-set-addresses pub-gw router -- lsp-set-options pub-gw router-port=lrp-pub nat-addresses=router
ovn-nbctl lr-nat-add gw snat 172.16.0.50 10.9.0.0/24
ovn-nbctl ls-add int -- lsp-add int f -- lsp-set-addresses f "${f.mac} ${f.v4} ${f.v6}"
ovn-nbctl lrp-add gw lrp-int ${inner.mac} ${inner.v4}/24 ${inner.v6}/64 -- lsp-add int int-gw -- \\
  lsp-set-type int-gw router -- lsp-set-addresses int-gw router -- lsp-set-options int-gw router-port=lrp-int
ovn-nbctl set logical_router_port lrp-int ipv6_ra_configs:address_mode=dhcpv6_stateless \\
  ipv6_ra_configs:send_periodic=true ipv6_ra_configs:max_interval=4 ipv6_ra_configs:min_interval=3 \\
  ipv6_ra_configs:mtu=1450 ipv6_ra_configs:router_preference=HIGH ipv6_ra_configs:rdnss='"fd05::53"' \\
  ipv6_ra_configs:dnssl='"ovn.org,example.com"' ipv6_ra_configs:route_info='"LOW-fd77::/48,HIGH-fd78::1/64"'
ovn-nbctl set logical_router_port lrp-pub options:prefix_delegation=true
ovn-nbctl set logical_router_port lrp-int options:prefix=true
ovn-nbctl set logical_switch int other_config:mcast_snoop=true other_config:mcast_querier=true \\
  other_config:mcast_eth_src=${querier.mac} other_config:mcast_ip4_src=${querier.v4} \\
  other_config:mcast_ip6_src='"${querier.v6}"' other_config:mcast_query_interval=1 \\
  other_config:mcast_query_max_response=3
for protocol in tcp udp; do
  ovn-nbctl lb-add lb-$protocol 10.5.0.100:80 ${f.v4}:8080 $protocol -- ls-lb-add int lb-$protocol
  ovn-nbctl set load_balancer lb-$protocol ip_port_mappings:${f.v4}=f:${monitor.v4}
  ovn-nbctl -- --id=@hc create load_balancer_health_check vip='"10.5.0.100:80"' options:interval=2 options:timeout=1 \\
    -- add load_balancer lb-$protocol health_check @hc
done
for dst in ${f.v4} ${f.v6}; do
  UUID=$(ovn-nbctl create bfd logical_port=lrp-int dst_ip="\\"$dst\\"" min_tx=300 min_rx=400 detect_mult=7)
  case $dst in *:*) PREFIX=fd99::/64;; *) PREFIX=192.168.0.0/24;; esac
  ovn-nbctl --bfd=$UUID lr-route-add gw $PREFIX $dst lrp-int
done
`;

let central: Central;
let peer: PacketPeer;

beforeAll(async () => {
  central = await startCentral();
  peer = await startPeer(central);
  await central.load(topology);
  await peer.localnet('physnet');
  await peer.bind(['d', 'e', 'f']);
  await peer.ready();
});

afterAll(async () => {
  await peer?.stop();
  await central?.stop();
});

/** Everything that came out so far. */
const seen: Received[] = [];

/** Waits for a frame at a port after the first `from` ones, at most eight seconds. */
async function frameAt(port: string, isIt: (frame: Uint8Array) => boolean, from = 0): Promise<Uint8Array> {
  const find = () => seen.slice(from).find((each) => each.port === port && isIt(each.frame));
  for (const deadline = Date.now() + 8000; Date.now() < deadline && !find(); ) {
    seen.push(...(await peer.receive((frames) => frames.length > 0, 100)));
  }
  const found = find();
  if (!found)
    throw new Error(`no such frame at ${port}: ${seen.map((each) => `${each.port} ${hex(each.frame)}`).join('\n')}`);
  return found.frame;
}

/** Waits for exactly this frame. */
async function expectFrame(port: string, frame: Uint8Array, from = 0): Promise<void> {
  await frameAt(port, (other) => hex(other) === hex(frame), from);
}

const typeOf = (frame: Uint8Array): number => (frame[12] << 8) | frame[13];
const isUdpTo = (frame: Uint8Array, port: number): boolean => {
  const [protoAt, l4] = typeOf(frame) === 0x800 ? [23, 34] : [20, 54];
  return frame[protoAt] === proto.udp && ((frame[l4 + 2] << 8) | frame[l4 + 3]) === port;
};
const u16 = (frame: Uint8Array, at: number): number => (frame[at] << 8) | frame[at + 1];
const u32 = (frame: Uint8Array, at: number): number => u16(frame, at) * 65536 + u16(frame, at + 2);

test('addresses that live on a physical network', async () => {
  await expectFrame('physnet', gratuitousArp(mac('00:00:00:00:00:0d'), ip('172.16.0.13')));
  await expectFrame('physnet', reverseArp(mac('00:00:00:00:00:0e')));
  const { Port_Binding } = await central.rows('OVN_Southbound', ['Port_Binding']);
  const [gateway] = Port_Binding.filter(({ logical_port }) => logical_port === 'pub-gw');
  const value = gateway.nat_addresses;
  const entries: unknown[] = Array.isArray(value) ? value[1] : [value];
  const announced = new Map(entries.flatMap((entry) => [...(readNatAddresses(String(entry))?.announcements ?? [])]));
  expect([...announced.keys()].sort()).toEqual([outer.v4, '172.16.0.50']);
  for (const frame of announced.values()) await expectFrame('physnet', frame);
});

test('queries for multicast groups', async () => {
  const common = { ethSrc: mac(querier.mac), maxResponse: 3 };
  await expectFrame('f', igmpQuery({ ...common, src: ip(querier.v4) }));
  await expectFrame('f', mldQuery({ ...common, src: ip(querier.v6) }));
});

test('groups that hosts enter and leave', async () => {
  const record4 = (type: number, group: string, sources: string[] = [], auxiliary = zeros(0)) =>
    concat(Uint8Array.of(type, auxiliary.length), be16(sources.length), ip(group), ...sources.map(ip), auxiliary);
  const report4 = (...parts: Uint8Array[]) => concat(bytes('22000000 0000'), be16(parts.length), ...parts);
  const igmp = (message: Uint8Array, dst = '239.1.1.1') => {
    const frame = packet({ ...fromF('01:00:5e:01:01:01', dst) }, proto.igmp, message, { ttl: 1 });
    frame.set(be16(checksum(frame.subarray(34))), 36);
    return frame;
  };
  const mld = (message: Uint8Array) => {
    const ends = { ...fromF('33:33:00:00:00:16', 'ff02::16'), src: 'fe80::200:ff:fe00:f' };
    const extensions = bytes('3a00 0502 0000 0000');
    return packet(ends, proto.icmp6, message, { ttl: 1, extensions, nextHeader: 0 });
  };
  const messages = [
    igmp(bytes('12000000 ef010101')),
    igmp(bytes('16000000 ef010102')),
    igmp(bytes('16000000 ef010103')),
    igmp(bytes('17000000 ef010103')),
    igmp(
      report4(
        record4(4, '239.1.2.1'),
        record4(1, '239.1.2.2', ['10.1.1.1', '10.1.1.2']),
        record4(2, '239.1.2.3', [], zeros(4)),
        record4(5, '239.1.2.4', ['10.1.1.1']),
        record4(3, '239.1.2.1'),
      ),
      '224.0.0.22',
    ),
    igmp(report4(record4(4, '239.1.3.1'), record4(9, '239.1.3.2'), record4(4, '239.1.3.3')), '224.0.0.22'),
    mld(icmp(131, 0, concat(zeros(4), ip('ff05::1:1')))),
    mld(icmp(131, 0, concat(zeros(4), ip('ff05::1:2')))),
    mld(icmp(132, 0, concat(zeros(4), ip('ff05::1:2')))),
    mld(
      icmp(
        143,
        0,
        concat(
          bytes('0000 0003'),
          concat(bytes('04000000'), ip('ff05::2:1')),
          concat(bytes('09000000'), ip('ff05::2:2')),
          concat(bytes('02000001'), ip('ff05::2:3'), ip('fd00::1')),
        ),
      ),
    ),
  ];
  const wrong = igmp(bytes('16000000 ef010901'));
  wrong[37] ^= 1;
  expect(readMembership(wrong)).toBeUndefined();
  const groups = new Set<string>();
  for (const message of [...messages, wrong]) {
    for (const { address, joins } of readMembership(message)?.groups ?? []) {
      if (joins) groups.add(hex(address));
      else groups.delete(hex(address));
    }
    await peer.send('f', message);
  }
  expect(groups.size).toBe(9);
  const known = async () => {
    const { IGMP_Group } = await central.rows('OVN_Southbound', ['IGMP_Group']);
    return IGMP_Group.flatMap(({ address }) => (address === 'mrouters' ? [] : hex(ip(String(address))))).sort();
  };
  for (const deadline = Date.now() + 4000; Date.now() < deadline && (await known()).length !== groups.size; ) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(await known()).toEqual([...groups].sort());
});

/** RFC 1071. */
function checksum(data: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < data.length; at += 2) sum += u16(data, at);
  return ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
}

test('periodic router advertisements', async () => {
  const { Port_Binding } = await central.rows('OVN_Southbound', ['Port_Binding']);
  const [row] = Port_Binding.filter(({ logical_port }) => logical_port === 'lrp-int');
  const [, pairs] = row.options as ['map', [string, string][]];
  const periodic = periodicAdvertisement(Object.fromEntries(pairs));
  if (typeof periodic === 'string') throw new Error(periodic);
  expect(periodic).toMatchObject({ minInterval: 3, maxInterval: 4 });
  await expectFrame('f', periodic.frame);
});

/** Ends of a packet from the port f to somebody behind a MAC address. */
const fromF = (ethDst: string, dst: string): Ends => ({
  ethSrc: f.mac,
  ethDst,
  src: dst.includes(':') ? f.v6 : f.v4,
  dst,
});

const statusOf = async (protocol: string): Promise<unknown> => {
  const { Service_Monitor } = await central.rows('OVN_Southbound', ['Service_Monitor']);
  return Service_Monitor.find((row) => row.protocol === protocol)?.status;
};

async function expectStatus(protocol: string, status: string): Promise<void> {
  for (const deadline = Date.now() + 4000; Date.now() < deadline && (await statusOf(protocol)) !== status; ) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(await statusOf(protocol)).toBe(status);
}

describe('a service is asked whether it lives:', () => {
  const between = (srcPort: number): MonitoredService => ({
    ethSrc: mac(monitor.mac),
    ethDst: mac(f.mac),
    src: ip(monitor.v4),
    dst: ip(f.v4),
    srcPort,
    dstPort: 8080,
  });
  const isProbe = (protocol: number) => (frame: Uint8Array) =>
    typeOf(frame) === 0x800 && frame[23] === protocol && u16(frame, 36) === 8080;

  test('TCP, accepted and refused', async () => {
    for (const [flags, status] of [
      [0x12, 'online'],
      [0x14, 'offline'],
    ] as const) {
      const start = seen.length;
      const syn = await frameAt('f', (frame) => isProbe(proto.tcp)(frame) && frame[47] === 2, start);
      const service = between(u16(syn, 34));
      const sequence = u32(syn, 38);
      expect(hex(syn)).toBe(hex(tcpProbe(service, sequence)));
      const numbers = { flags, seq: 0xfffffff0, ack: (sequence + 1) >>> 0 };
      const reply = packet(fromF(monitor.mac, monitor.v4), proto.tcp, tcp(8080, service.srcPort, numbers));
      const answer = readServiceAnswer(reply);
      if (answer?.protocol !== 'tcp') throw new Error('it is no answer of TCP');
      expect(answer).toMatchObject({ port: 8080, says: status === 'online' ? 'accepted' : 'refused' });
      expect(answersProbe(answer, service.srcPort, sequence)).toBe(true);
      await peer.send('f', reply);
      if (status === 'online') await expectFrame('f', tcpProbeEnd(service, answer), start);
      await expectStatus('tcp', status);
    }
  });

  test('UDP, silent and refused', async () => {
    const probe = await frameAt('f', isProbe(proto.udp));
    expect(hex(probe)).toBe(hex(udpProbe(between(u16(probe, 34)))));
    await expectStatus('udp', 'online');
    const start = seen.length;
    const again = await frameAt('f', isProbe(proto.udp), start);
    const refusal = packet(
      fromF(monitor.mac, monitor.v4),
      proto.icmp,
      icmp(3, 3, concat(zeros(4), again.subarray(14))),
    );
    expect(readServiceAnswer(refusal)).toMatchObject({ protocol: 'udp', port: 8080, monitorPort: u16(again, 34) });
    await peer.send('f', refusal);
    await expectStatus('udp', 'offline');
  });
});

describe.each([
  ['IPv4', inner.v4, f.v4],
  ['IPv6', inner.v6, f.v6],
])('BFD over %s', (_, src, dst) => {
  test('goes from down to up', async () => {
    const { BFD } = await central.rows('OVN_Southbound', ['BFD']);
    const session = BFD.find((row) => row.dst_ip === dst);
    const way = { ethSrc: mac(inner.mac), src: ip(src), dst: ip(dst), srcPort: Number(session?.src_port) };
    const down = {
      state: 'down',
      isFinal: false,
      multiplier: 7,
      myDiscriminator: Number(session?.disc),
      yourDiscriminator: 0,
      minTx: 300,
      minRx: 400,
    } as const;
    // The router sends it to the neighbour as if it had come in, with the hop limit as it is.
    const out = (frame: Uint8Array) => {
      const changes = { ethSrc: inner.mac, ethDst: f.mac, keepsNoChecksum: src === inner.v4 };
      return rewritten(frame, changes);
    };
    await expectFrame('f', out(bfdControl(way, down)));

    const theirs = { ...down, state: 'init', myDiscriminator: 4711, yourDiscriminator: down.myDiscriminator } as const;
    const back = { ethSrc: mac(f.mac), src: way.dst, dst: way.src, srcPort: 50000 };
    const message = bfdControl(back, theirs);
    message.set(mac(inner.mac), 0);
    expect(readBfd(message)).toEqual({ ...theirs, from: way.dst, isPoll: false, isDemand: false });
    await peer.send('f', message);
    await expectFrame('f', out(bfdControl(way, { ...down, state: 'up', yourDiscriminator: 4711 })));

    // With the poll bit it wants a final answer at once.
    message[14 + (src === inner.v4 ? 20 : 40) + 8 + 1] |= 0x20;
    const polling = rewritten(message, {});
    expect(readBfd(polling)).toMatchObject({ isPoll: true });
    await peer.send('f', polling);
    await expectFrame('f', out(bfdControl(way, { ...down, state: 'up', yourDiscriminator: 4711, isFinal: true })));
  });
});

test('a router asks for a prefix until it has one', async () => {
  const router = { mac: mac(outer.mac), ip: linkLocal(mac(outer.mac)), clientMac: mac(outer.mac) };
  const server = { mac: '00:00:00:00:88:88', ip: 'fe80::88', duid: bytes('00030001 000000008888') };
  const isMessage = (type: number) => (frame: Uint8Array) => isUdpTo(frame, 547) && frame[62] === type;
  // Each has an association of its own.
  const solicit = await frameAt('physnet', isMessage(1), seen.length);
  // Client identifier of 14 bytes, then IA_PD.
  const association = u32(solicit, 62 + 4 + 14 + 4);
  expect(hex(solicit)).toBe(
    hex(prefixRequest('solicit', { ...router, clientMac: solicit.subarray(74, 80), association })),
  );

  const option = (code: number, data: Uint8Array) => concat(be16(code), be16(data.length), data);
  const prefix = option(26, concat(be32(3600), be32(7200), Uint8Array.of(56), ip('fd44::')));
  const delegation = option(25, concat(be32(association), be32(1000), be32(2000), prefix));
  const clientId = solicit.subarray(66, 80);
  const said = (type: number) => {
    const ends = { ethSrc: server.mac, ethDst: outer.mac, src: server.ip, dst: 'fe80::200:ff:fe00:601' };
    const dhcp = concat(
      Uint8Array.of(type, 0, 0, 0),
      clientId,
      option(7, bytes('ff')),
      option(2, server.duid),
      delegation,
    );
    return packet(ends, proto.udp, udp(547, 546, dhcp));
  };
  const advertised = readPrefixAnswer(said(2));
  if (advertised?.kind !== 'advertise') throw new Error('nothing was advertised');
  expect(advertised.association).toBe(association);
  await peer.send('physnet', said(2));
  await expectFrame('physnet', advertised.request);

  const replied = readPrefixAnswer(said(7));
  if (replied?.kind !== 'reply') throw new Error('nothing was delegated');
  const { length, t1, valid, server: giver } = replied.prefix;
  expect({ length, t1, valid, giver }).toEqual({
    length: 56,
    t1: 1000,
    valid: 7200,
    giver: { mac: mac(server.mac), ip: ip(server.ip), duid: server.duid },
  });
  await peer.send('physnet', said(7));
  const list = `${association}:fd44::/56`;
  for (const deadline = Date.now() + 4000; Date.now() < deadline; ) {
    const { Port_Binding } = await central.rows('OVN_Southbound', ['Port_Binding']);
    if (JSON.stringify(Port_Binding).includes(list)) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { Port_Binding } = await central.rows('OVN_Southbound', ['Port_Binding']);
  expect(JSON.stringify(Port_Binding)).toContain(list);
});

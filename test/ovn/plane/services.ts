/**
 * What hosts ask the network itself: who has an address, DHCP, DNS, router advertisements,
 * groups; what routers say to what is sent to themselves; and frames that are no use to anybody.
 */
import { headersOf, portsOf } from '../../oracle/answers.ts';
import type { Conversation, Stage } from '../../oracle/exchange.ts';
import {
  broadcast,
  dhcpDiscover,
  dhcpv6,
  dnsQuery,
  type Ethernet,
  echo,
  frame,
  icmp,
  igmp,
  ip6,
  isAt,
  protocols,
  rawFrame,
  routerSolicitation,
  tcp,
  tcpFlags,
  text,
  u16,
  udp,
  whoHas,
  zeros,
} from '../../oracle/frames.ts';
import { addressOf, families, familyOf, gatewayIp, wayTo } from './conversations.ts';
import { contains, type Host, hostOf, type Scene } from './scene.ts';

export function servicesOf(scene: Scene): Conversation[] {
  const inside = scene.hosts.filter(({ isOutside }) => !isOutside);
  return [
    ...scene.hosts.slice(0, 10).map((host) => neighbours(scene, host)),
    ...scene.hosts.slice(0, 1).map((host) => lastNeighbour(host)),
    ...scene.targets.filter(({ isAsked }) => isAsked).map(({ ip }) => askedNeighbour(scene, ip)),
    ...scene.virtual.map((address) => takeover(scene, address)),
    ...inside.slice(0, 8).flatMap((host) => [dhcp(host), dhcpForIpv6(host)]),
    ...inside.slice(0, 2).map((host) => dns(scene, host)),
    ...scene.hosts.slice(0, 5).map((host) => routers(host)),
    ...inside.slice(0, 3).flatMap((host) => [oddFrames(scene, host), groups(scene, host)]),
    ...inside.slice(0, 2).map((host) => learnedNeighbour(scene, host)),
  ];
}

/** The address by which hosts ask for routers and DHCPv6. */
export const linkLocal = 'fe80::5e:53ff:fe00:1';

/** Who has the gateway's address, another host's, one that leads elsewhere, one of nobody. */
function neighbours(scene: Scene, host: Host): Conversation {
  return {
    name: `neighbours of ${host.name}`,
    async play(stage) {
      for (const family of families) {
        const ip = addressOf(host, family);
        if (ip === undefined) continue;
        const networks = host.gateways.flatMap((gateway) => gateway.networks);
        const near = networks.find((network) => contains(network, ip));
        const own = scene.hosts.flatMap((other) =>
          other.switch === host.switch ? (addressOf(other, family) ?? []) : [],
        );
        const gateways = networks.map((network) => network.split('/')[0]);
        const leading = scene.targets.map((target) => target.ip);
        const asked = [...own, ...gateways, ...leading, ...(near ? [hostOf(near, 99)] : [])];
        const sameFamily = asked.filter((each) => each.includes(':') === ip.includes(':'));
        const questions = [...new Set(sameFamily)].map((each) => whoHas({ mac: host.mac, ip }, each, host.tags));
        await stage.send(host.port, ...questions);
        const gateway = gatewayIp(host, family);
        const mac = host.gateways[0]?.mac;
        if (gateway === undefined || mac === undefined) continue;
        const answer = isAt({ mac: host.mac, ip }, { mac, ip: gateway }, host.tags);
        // To the gateway alone, as one who knows it already asks.
        const asking = whoHas({ mac: host.mac, ip }, gateway, host.tags);
        asking.set(mac.split(':').map((byte) => Number.parseInt(byte, 16)));
        await stage.send(host.port, answer, asking);
      }
    },
  };
}

/** Waits until what was learned of all neighbours is in force. */
function lastNeighbour(host: Host): Conversation {
  return {
    name: 'what was learned of neighbours',
    async play(stage) {
      const [gateway] = host.gateways;
      const ip = gatewayIp(host, 4);
      if (gateway === undefined || ip === undefined || host.ip4 === undefined) return;
      await stage.teach(host.port, isAt({ mac: host.mac, ip: host.ip4 }, { mac: gateway.mac, ip }, host.tags));
    },
  };
}

/** Each parent of a virtual address says that it has it; others send to it, before and after, and from elsewhere. */
function takeover(scene: Scene, { ip, parents }: Scene['virtual'][number]): Conversation {
  return {
    name: `${ip} moves`,
    async play(stage) {
      const others = scene.hosts.filter(({ name, isOutside }) => !parents.includes(name) && !isOutside);
      const ask = async (): Promise<void> => {
        for (const host of others) {
          const src = addressOf(host, familyOf(ip));
          if (src === undefined || host.gateways.length === 0) continue;
          await stage.send(host.port, echo(await wayTo(stage, scene, host, ip), { src, dst: ip }));
        }
      };
      await ask();
      for (const parent of scene.hosts.filter(({ name }) => parents.includes(name))) {
        const claim = whoHas({ mac: parent.mac, ip }, ip, parent.tags);
        await stage.teach(parent.port, claim);
        // ovn-northd answers, too.
        await stage.teach(parent.port, claim);
        await ask();
      }
    },
  };
}

/** A packet by each router for an address that nobody has told it of: it asks, and sends the packet when it knows. */
function askedNeighbour(scene: Scene, dst: string): Conversation {
  return {
    name: `who has ${dst}`,
    async play(stage) {
      for (const host of scene.hosts) {
        const src = addressOf(host, familyOf(dst));
        const isHere = host.gateways.some(({ networks }) => networks.some((network) => contains(network, dst)));
        const mac = host.gateways[0]?.mac;
        if (src === undefined || mac === undefined || isHere || host.isOutside) continue;
        await stage.teach(host.port, echo({ src: host.mac, dst: mac, tags: host.tags }, { src, dst }));
        return;
      }
    },
  };
}

/** Discover, request what was offered, ask again, for another address, release. */
function dhcp(host: Host): Conversation {
  return {
    name: `DHCP for ${host.name}`,
    async play(stage) {
      const ask = (options: { type: number; requested?: string; server?: string }): Promise<Uint8Array | undefined> =>
        askDhcp(stage, host, dhcpDiscover({ mac: host.mac, transaction: 0x10000 + options.type, ...options }), 68);
      const offer = await ask({ type: 1 });
      if (!offer) return;
      const requested = [...offer.subarray(14 + 28 + 16, 14 + 28 + 20)].join('.');
      const server = headersOf(offer)?.ip?.src ?? '';
      await ask({ type: 3, requested, server });
      await ask({ type: 3, requested: '10.255.255.254', server });
      await ask({ type: 3, requested });
      await ask({ type: 7, requested, server });
      const stranger = dhcpDiscover({ mac: '02:00:00:00:77:01', transaction: 9 });
      await stage.send(host.port, stranger);
    },
  };
}

/** Solicit, request of the server that answered, information alone. */
function dhcpForIpv6(host: Host): Conversation {
  return {
    name: `DHCPv6 for ${host.name}`,
    async play(stage) {
      const from = { mac: host.mac, ip: linkLocal };
      const advertisement = await askDhcp(stage, host, dhcpv6(from, 1), 546);
      const l4 = advertisement ? headersOf(advertisement)?.ip?.l4 : undefined;
      const server = advertisement && l4 !== undefined ? optionOf(advertisement.subarray(l4 + 12), 2) : undefined;
      await askDhcp(stage, host, dhcpv6(from, 3, server), 546);
      await askDhcp(stage, host, dhcpv6(from, 11), 546);
      if (server) await askDhcp(stage, host, dhcpv6(from, 6, server), 546);
    },
  };
}

async function askDhcp(
  stage: Stage,
  host: Host,
  question: Uint8Array,
  client: number,
): Promise<Uint8Array | undefined> {
  const heard = await stage.send(host.port, question);
  return heard.find(({ port, frame: answer }) => port === host.port && portsOf(answer)?.dst === client)?.frame;
}

/** An option of DHCPv6. */
function optionOf(options: Uint8Array, wanted: number): number[] | undefined {
  for (let at = 0; at + 4 <= options.length; ) {
    const length = options[at + 2] * 256 + options[at + 3];
    if (options[at] * 256 + options[at + 1] === wanted) return [...options.subarray(at + 4, at + 4 + length)];
    at += 4 + length;
  }
  return undefined;
}

/** Names that are known, and one that is not, of all types, to whomever. */
function dns(scene: Scene, host: Host): Conversation {
  return {
    name: `DNS for ${host.name}`,
    async play(stage) {
      const names = scene.dnsNames.length > 0 ? [...scene.dnsNames, 'nobody.example'] : ['nobody.example'];
      for (const family of families) {
        const src = addressOf(host, family);
        const server = gatewayIp(host, family);
        if (src === undefined || server === undefined) continue;
        const way = await wayTo(stage, scene, host, server);
        const questions = names.flatMap((name) =>
          [1, 28, 255, 12, 15].map((type) => udp(40000 + type, 53, dnsQuery(name, type))),
        );
        const capitals = udp(40999, 53, dnsQuery(names[0].toUpperCase(), 1));
        const cut = udp(40998, 53, dnsQuery(names[0], 1).slice(0, 20));
        const all = [...questions, capitals, cut];
        await stage.send(host.port, ...all.map((each) => frame(way, { src, dst: server }, protocols.udp, each)));
      }
    },
  };
}

/** What is addressed to the gateway itself: echo, closed ports, other protocols, dying packets; router solicitations. */
function routers(host: Host): Conversation {
  return {
    name: `the gateway of ${host.name}`,
    async play(stage) {
      for (const family of families) {
        const src = addressOf(host, family);
        const dst = gatewayIp(host, family);
        const mac = host.gateways[0]?.mac;
        if (src === undefined || dst === undefined || mac === undefined) continue;
        const way: Ethernet = { src: host.mac, dst: mac, tags: host.tags };
        const { syn, ack } = tcpFlags;
        const packet = (protocol: number, payload: number[], ttl = 64): Uint8Array =>
          frame(way, { src, dst, ttl }, protocol, payload);
        const nobody = family === 4 ? '203.0.113.200' : '2001:db8:dead::1';
        const others = host.gateways.flatMap(({ networks }) => networks.map((network) => network.split('/')[0]));
        await stage.send(
          host.port,
          echo(way, { src, dst }),
          echo(way, { src, dst, ttl: 1 }),
          packet(protocols.udp, udp(4000, 4001, text('closed'))),
          packet(protocols.tcp, tcp({ src: 4000, dst: 22, flags: syn, seq: 7 })),
          packet(protocols.tcp, tcp({ src: 4001, dst: 22, flags: ack, seq: 7, ack: 9, data: text('data') })),
          packet(132, zeros(12)),
          packet(47, zeros(4)),
          packet(protocols.udp, udp(4002, 4001, text('dying')), 1),
          ...[64, 1].flatMap((ttl) => [
            echo(way, { src, dst: nobody, ttl }),
            frame(way, { src, dst: nobody, ttl }, protocols.udp, udp(1 + ttl, 2)),
          ]),
          ...others
            .filter((ip) => ip !== dst && ip.includes(':') === (family === 6))
            .map((other) => echo(way, { src, dst: other })),
        );
      }
      await stage.send(host.port, routerSolicitation({ mac: host.mac, ip: linkLocal }));
      if (host.ip6 !== undefined) await stage.send(host.port, routerSolicitation({ mac: host.mac, ip: host.ip6 }));
    },
  };
}

/** Broadcasts, groups, strangers, tags, other protocols than IP, headers with options. */
function oddFrames(scene: Scene, host: Host): Conversation {
  return {
    name: `odd frames of ${host.name}`,
    async play(stage) {
      const src = host.ip4 ?? '10.255.0.1';
      const to = (dst: string, tags: readonly number[] = host.tags): Ethernet => ({ src: host.mac, dst, tags });
      const gateway = host.gateways[0]?.mac ?? broadcast;
      const other = scene.hosts.find((each) => each !== host && each.switch === host.switch);
      const question = udp(5000, 53, text('odd'));
      const odd: Uint8Array[] = [];
      const near = host.gateways[0]?.networks.find((network) => contains(network, src)) ?? `${src}/24`;
      for (const [mac, ip] of [
        [broadcast, '255.255.255.255'],
        [broadcast, hostOf(near, 255)],
        ['01:00:5e:01:02:03', '239.1.2.3'],
        ['01:00:5e:00:00:01', '224.0.0.1'],
        ['02:00:00:00:66:66', '10.0.1.66'],
        [gateway, hostOf(near, 66)],
        [gateway, '255.255.255.255'],
        [gateway, '127.0.0.1'],
        [gateway, '0.0.0.0'],
        [gateway, '224.0.0.5'],
        [other?.mac ?? gateway, other?.ip4 ?? '10.0.1.2'],
      ]) {
        odd.push(frame(to(mac), { src, dst: ip }, protocols.udp, question));
      }
      const dst = other?.ip4 ?? '10.0.1.2';
      const mac = other?.mac ?? gateway;
      for (const tags of [[5], [0], [0xe005], [11], [5, 6]]) {
        odd.push(frame(to(mac, tags), { src, dst }, protocols.udp, question));
      }
      for (const bad of ['127.0.0.1', '0.0.0.0', '255.255.255.255', '224.0.0.9', gatewayIp(host, 4) ?? '10.0.1.254']) {
        odd.push(frame(to(gateway), { src: bad, dst }, protocols.udp, question));
      }
      for (const options of [
        [1, 1, 1, 0],
        [7, 7, 4, 0, 0, 0, 0, 0],
        [148, 4, 0, 0],
      ]) {
        odd.push(frame(to(mac), { src, dst, options }, protocols.udp, question));
        odd.push(frame(to(gateway), { src, dst: '10.0.2.1', options }, protocols.udp, question));
      }
      for (const [dstMac, type] of [
        ['01:80:c2:00:00:0e', 0x88cc],
        ['01:80:c2:00:00:00', 0x0026],
        [mac, 0x8137],
        [mac, 0x8847],
        [mac, 0x894f],
        [gateway, 0x88e5],
        [mac, 46],
      ] as const) {
        odd.push(rawFrame(to(dstMac), type, zeros(46)));
      }
      odd.push(rawFrame(to(broadcast), 0x8035, [0, 1, 8, 0, 6, 4, 0, 3, ...zeros(20)]));
      odd.push(...oddIpv6(host, to(other?.mac ?? gateway), other?.ip6 ?? 'fd00:1::2'));
      odd.push(...oddIpv6(host, to(gateway), 'fd00:2::1'));
      for (let at = 0; at < odd.length; at += 8) await stage.send(host.port, ...odd.slice(at, at + 8));
    },
  };
}

/** Chains of extension headers, groups. */
function oddIpv6(host: Host, way: Ethernet, dst: string): Uint8Array[] {
  const src = host.ip6;
  if (src === undefined) return [];
  const odd: Uint8Array[] = [];
  const question = udp(5000, 53, text('odd'));
  const hopByHop = { number: 0, bytes: [0, 0, 1, 4, 0, 0, 0, 0] };
  const options = { number: 60, bytes: [0, 0, 1, 4, 0, 0, 0, 0] };
  const routing = { number: 43, bytes: [0, 0, 4, 0, 0, 0, 0, 0] };
  const atomic = { number: 44, bytes: [0, 0, 0, 0, 0, 0, 0, 9] };
  for (const extensions of [
    [hopByHop],
    [options],
    [routing],
    [hopByHop, options],
    [atomic],
    [hopByHop, routing, options],
  ]) {
    odd.push(frame(way, { src, dst, extensions }, protocols.udp, question));
  }
  odd.push(frame(way, { src, dst }, 59, text('no next header')));
  odd.push(frame(way, { src, dst, label: 0xabcde, tos: 0xb8 }, protocols.udp, question));
  for (const group of ['ff02::1', 'ff02::2', 'ff05::77', 'ff0e::77']) {
    const last = group.split('::')[1].padStart(2, '0');
    const ethernet = { ...way, dst: `33:33:00:00:00:${last}` };
    odd.push(frame(ethernet, { src, dst: group }, protocols.udp, question));
  }
  for (const bad of ['::', '::1', 'ff02::9', linkLocal]) {
    odd.push(frame(way, { src: bad, dst }, protocols.udp, question));
  }
  return odd;
}

/** Joins groups, is sent to them, leaves. */
function groups({ snoops }: Scene, host: Host): Conversation {
  return {
    name: `groups of ${host.name}`,
    async play(stage) {
      const group = '239.9.8.7';
      const data = frame(
        { src: host.mac, dst: '01:00:5e:09:08:07', tags: host.tags },
        { src: host.ip4 ?? '10.255.0.1', dst: group, ttl: 8 },
        protocols.udp,
        udp(5000, 5001, text('to the group')),
      );
      const message = (type: number, dst: string, mac: string): Uint8Array =>
        frame(
          { src: host.mac, dst: mac, tags: host.tags },
          { src: host.ip4 ?? '10.255.0.1', dst, ttl: 1, options: [148, 4, 0, 0] },
          protocols.igmp,
          igmp(type, group),
        );
      const say = (...said: Uint8Array[]): Promise<unknown> =>
        snoops ? stage.teach(host.port, ...said) : stage.send(host.port, ...said);
      await say(data, message(0x16, group, '01:00:5e:09:08:07'));
      await stage.send(host.port, data);
      await say(message(0x17, '224.0.0.2', '01:00:5e:00:00:02'));
      await stage.send(host.port, data);
      if (host.ip6 === undefined) return;
      const record = [4, 0, 0, 0, ...ip6('ff05::987')];
      const report = icmp(143, 0, 1, record);
      const router = { number: 0, bytes: [0, 0, 5, 2, 0, 0, 1, 0] };
      const way = { src: host.mac, dst: '33:33:00:00:00:16', tags: host.tags };
      const ip = { src: linkLocal, dst: 'ff02::16', ttl: 1, extensions: [router] };
      await say(frame(way, ip, protocols.icmp6, report));
      const toGroup = { src: host.mac, dst: '33:33:00:00:09:87', tags: host.tags };
      const six = { src: host.ip6, dst: 'ff05::987', ttl: 8 };
      await stage.send(host.port, frame(toGroup, six, protocols.udp, udp(5000, 5001, text('to the group'))));
    },
  };
}

/** An address that the router learns: from what a new host says, and by asking for it, with a packet that waits. */
function learnedNeighbour(scene: Scene, host: Host): Conversation {
  return {
    name: `a new neighbour of ${host.name}`,
    async play(stage) {
      const other = scene.hosts.find((each) => each.switch !== host.switch && !each.isOutside);
      for (const family of families) {
        const network = host.gateways[0]?.networks.find((each) => each.includes(':') === (family === 6));
        const from = other && addressOf(other, family);
        const gateway = gatewayIp(host, family);
        if (!other || from === undefined || network === undefined || gateway === undefined) continue;
        const talker = { mac: host.mac, ip: hostOf(network, 77) };
        await stage.teach(host.port, whoHas(talker, gateway, host.tags));
        await stage.send(other.port, echo(await wayTo(stage, scene, other, talker.ip), { src: from, dst: talker.ip }));
        // A switch may have answered for the gateway, so that it did not hear of the talker, and the echo waits: not for
        // ten seconds, which are over in one world when they are not in the other.
        const toGateway = { mac: host.gateways[0].mac, ip: gateway };
        await stage.teach(host.port, isAt(talker, toGateway, host.tags));
        const silent = { mac: host.mac, ip: hostOf(network, 78) };
        const way = await wayTo(stage, scene, other, silent.ip);
        for (let sequence = 1; sequence <= 3; sequence++) {
          await stage.send(other.port, echo(way, { src: from, dst: silent.ip }, { sequence }));
        }
        await stage.teach(host.port, isAt(silent, toGateway, host.tags));
        await stage.send(other.port, echo(way, { src: from, dst: silent.ip }, { sequence: 4 }));
      }
    },
  };
}

/** Whether something may be learned from a frame: addresses, groups, by which port a virtual address is. */
export function mayTeach(bytes: Uint8Array): boolean {
  const hasType = (type: number): boolean => {
    const [high, low] = u16(type);
    return [12, 16, 20].some((at) => bytes[at] === high && bytes[at + 1] === low);
  };
  if (hasType(0x806) || hasType(0x8035)) return true;
  const { ip } = headersOf(bytes) ?? {};
  if (ip?.version === 4) return ip.protocol === protocols.igmp;
  // Behind any chain of headers; 59 ends one.
  return (
    ip?.version === 6 && ![protocols.tcp, protocols.udp, 59].includes(ip.protocol) && ![128, 129].includes(bytes[ip.l4])
  );
}

/**
 * What the hosts of a scene say to each other and to the routers: pings, whole TCP and UDP
 * conversations, to each other, to the world outside and from there, to translated and to
 * balanced addresses; errors about packets of a connection; fragments; long packets.
 *
 * Each is made as it goes: an answer is made of what arrived.
 */
import {
  echoReply,
  fragmentsOf,
  headersOf,
  icmpError,
  icmpErrors,
  icmpOf,
  ip6At,
  tcpAnswer,
  udpAnswer,
} from '../../oracle/answers.ts';
import type { Conversation, Stage } from '../../oracle/exchange.ts';
import {
  type Bytes,
  type Ethernet,
  echo,
  tcpFlags as flags,
  frame,
  ip6,
  isIp6,
  protocols,
  sctp,
  tcp,
  text,
  udp,
  whoHas,
} from '../../oracle/frames.ts';
import type { Received } from '../../oracle/packet-world.ts';
import { contains, farAway, type Host, type Scene, type Target } from './scene.ts';

/** How many conversations of each kind a scene has at most; it has those that come first, of all kinds of pairs in turn. */
const most = { pings: 40, tcp: 24, udp: 20, errors: 5, fragments: 5, choices: 4 };

/** From whom to which address. */
interface Pair {
  from: Host;
  target: Target;
}

export type Family = 4 | 6;
export const families: readonly Family[] = [4, 6];

export const addressOf = (host: Host, family: Family): string | undefined => (family === 4 ? host.ip4 : host.ip6);
export const familyOf = (ip: string): Family => (isIp6(ip) ? 6 : 4);
/** The gateway's address of a family on its host's network. */
export const gatewayIp = (host: Host, family: Family): string | undefined =>
  host.gateways[0]?.networks.map((network) => network.split('/')[0]).find((ip) => familyOf(ip) === family);

/** Everything that hosts say in this order; `seed` makes nothing of it random. */
export function conversationsOf(scene: Scene): Conversation[] {
  const pairs = pairsOf(scene);
  const ofPort = (protocol: 'tcp' | 'udp') => pairs.flatMap((pair) => withPorts(pair, protocol, scene.ports));
  return [
    ...pairs.slice(0, most.pings).map((pair) => ping(scene, pair)),
    ...ofPort('tcp')
      .slice(0, most.tcp)
      .map((pair) => tcpConversation(scene, pair)),
    ...ofPort('udp')
      .slice(0, most.udp)
      .map((pair) => udpConversation(scene, pair)),
    ...someOf(ofPort('udp'), most.errors).map((pair) => errorsInside(scene, pair)),
    ...someOf(pairs, most.fragments).map((pair) => fragments(scene, pair)),
    ...someOf(pairs, 2).map((pair) => longPacket(scene, pair)),
    ...someOf(pairs, 3).map((pair) => strays(scene, pair)),
    ...someOf(
      pairs.filter(({ target }) => target.protocol === 'tcp' || target.protocol === 'udp'),
      most.choices,
    ).map((pair) => choices(scene, pair)),
  ];
}

/** `count` of the list, from all of its length. */
function someOf<T>(list: readonly T[], count: number): T[] {
  return list.filter(
    (_, at) => Math.floor((at * count) / list.length) !== Math.floor(((at - 1) * count) / list.length),
  );
}

/**
 * Everybody with everybody and every target, in an order that has something of all in any
 * beginning: pairs are dealt out by their kind.
 */
function pairsOf({ hosts, targets }: Scene): Pair[] {
  const inside = hosts.filter(({ isOutside }) => !isOutside);
  const outside = hosts.filter(({ isOutside }) => isOutside);
  const fits = (from: Host, ip: string): boolean =>
    addressOf(from, familyOf(ip)) !== undefined && from.gateways.length > 0;
  const toHosts = (froms: readonly Host[], tos: readonly Host[]): Pair[] =>
    froms.flatMap((from) =>
      tos.flatMap((to) =>
        families.flatMap((family) => {
          const [source, ip] = [addressOf(from, family), addressOf(to, family)];
          return from === to || source === undefined || ip === undefined ? [] : [{ from, target: { ip } }];
        }),
      ),
    );
  const far = families.map((family): Target => ({ ip: family === 4 ? farAway.ip4 : farAway.ip6 }));
  const toTargets = (froms: readonly Host[], ts: readonly Target[]): Pair[] =>
    froms.flatMap((from) => ts.filter(({ ip }) => fits(from, ip)).map((target) => ({ from, target })));
  const toGateways = inside.flatMap((from) =>
    families.flatMap((family) => {
      const ip = gatewayIp(from, family);
      return ip === undefined || addressOf(from, family) === undefined ? [] : [{ from, target: { ip } }];
    }),
  );
  const sameSwitch = ({ from, target }: Pair): boolean =>
    inside.some((host) => host.switch === from.switch && [host.ip4, host.ip6].includes(target.ip));
  const among = toHosts(inside, inside);
  return dealt([
    among.filter(sameSwitch),
    among.filter((pair) => !sameSwitch(pair)),
    toTargets(inside, targets),
    toTargets(outside, targets),
    toTargets(inside, outside.length > 0 ? far : []),
    toHosts(inside, outside),
    toHosts(outside, inside),
    toGateways,
  ]);
}

/** One of each list in turn; of long lists, what is far apart first. */
function dealt<T>(lists: readonly (readonly T[])[]): T[] {
  const spread = lists.map((list) => {
    const step = [7, 5, 3].find((each) => list.length % each !== 0) ?? 1;
    return list.map((_, at) => list[(at * step) % list.length]);
  });
  const length = Math.max(0, ...spread.map((list) => list.length));
  return Array.from({ length }, (_, at) => spread.flatMap((list) => list.slice(at, at + 1))).flat();
}

/** A target's own port; else each of those that somebody looks at in turn. */
function withPorts({ from, target }: Pair, protocol: 'tcp' | 'udp', ports: readonly number[]): Pair[] {
  if (target.protocol !== undefined) return target.protocol === protocol ? [{ from, target }] : [];
  return ports.slice(0, 3).map((port) => ({ from, target: { ...target, port } }));
}

/** How a host reaches an address: on its own network by asking who has it, else by its gateway. */
export async function wayTo(stage: Stage, scene: Scene, from: Host, ip: string): Promise<Ethernet> {
  const family = familyOf(ip);
  const own = addressOf(from, family) ?? '';
  const onLink = from.gateways.some(({ networks }) => networks.some((network) => contains(network, ip)));
  const neighbour = scene.hosts.find((host) => host.switch === from.switch && addressOf(host, family) === ip);
  const ethernet = (dst: string): Ethernet => ({ src: from.mac, dst, tags: from.tags });
  if (neighbour) return ethernet(neighbour.mac);
  if (onLink) {
    const answers = await stage.send(from.port, whoHas({ mac: from.mac, ip: own }, ip, from.tags));
    const mac = answers.map(({ port, frame: answer }) => (port === from.port ? whoAnswers(answer, ip) : undefined));
    const found = mac.find((each) => each !== undefined);
    if (found !== undefined) return ethernet(found);
  }
  return ethernet(from.gateways[0]?.mac ?? '02:00:00:00:00:00');
}

/** The MAC address that an ARP reply or a neighbour advertisement gives for `ip`. */
function whoAnswers(answer: Uint8Array, ip: string): string | undefined {
  const headers = headersOf(answer);
  if (headers?.arp?.op === 2 && headers.arp.spa === ip) return headers.arp.sha;
  if (icmpOf(answer)?.type !== 136 || !headers?.ip) return undefined;
  return sameIp(ip6At(answer, headers.ip.l4 + 8), ip) ? headers.eth.src : undefined;
}

export const sameIp = (one: string, other: string): boolean =>
  isIp6(one) ? isIp6(other) && ip6(one).join() === ip6(other).join() : one === other;

/** The frames that reached a host which takes them for its own, with that host's port. */
export function arrivals(scene: Scene, received: readonly Received[]): Received[] {
  return received.filter(({ port, frame: bytes }) => {
    const headers = headersOf(bytes);
    return scene.hosts.some(
      (host) => host.port === port && host.mac === headers?.eth.dst && host.tags.join() === headers.eth.tags.join(),
    );
  });
}

const nameOf = ({ from, target: { ip, port } }: Pair, what: string): string =>
  `${what} from ${from.name} to ${ip}${port === undefined ? '' : ` port ${port}`}`;

const sourceOf = ({ from, target }: Pair): string => addressOf(from, familyOf(target.ip)) ?? '';

/** An echo request, and the reply to it. */
function ping(scene: Scene, pair: Pair): Conversation {
  return {
    name: nameOf(pair, 'ping'),
    async play(stage) {
      const way = await wayTo(stage, scene, pair.from, pair.target.ip);
      const ip = { src: sourceOf(pair), dst: pair.target.ip };
      const there = arrivals(scene, await stage.send(pair.from.port, echo(way, ip)));
      for (const { port, frame: request } of there) {
        const type = icmpOf(request)?.type;
        if (type === 8 || type === 128) await stage.send(port, echoReply(request));
      }
    },
  };
}

/** Source ports of conversations, each its own. */
const sourcePortOf = ({ from, target }: Pair): number =>
  32768 +
  ([...`${from.name} ${target.ip} ${target.port}`].reduce((sum, c) => (sum * 31 + c.charCodeAt(0)) % 28000, 7) % 28000);

/**
 * SYN twice, SYN-ACK, data both ways, FIN both ways.  No connection is opened again with the same
 * ports after its end: the tracker of OVS 3.1.0 fails an assertion then, and its process ends
 * (conn_update_state in lib/conntrack.c), where the connection was committed with a translation.
 */
function tcpConversation(scene: Scene, pair: Pair): Conversation {
  return {
    name: nameOf(pair, 'TCP'),
    async play(stage) {
      const way = await wayTo(stage, scene, pair.from, pair.target.ip);
      const ip = { src: sourceOf(pair), dst: pair.target.ip };
      const options = [2, 4, 5, 180];
      const syn = tcp({ src: sourcePortOf(pair), dst: pair.target.port ?? 80, flags: flags.syn, seq: 1000, options });
      const first = frame(way, ip, protocols.tcp, syn);
      let speaker = arrivals(scene, await stage.send(pair.from.port, first)).find(isOpening);
      if (!speaker) return;
      await stage.send(pair.from.port, first);
      for (const { flags: now, data } of turns) {
        const heard = await stage.send(speaker.port, tcpAnswer(speaker.frame, now, data));
        // Who speaks next is the one who heard; an answer that is lost ends the conversation.
        speaker = arrivals(scene, heard).find(({ frame: bytes }) => isTcp(bytes));
        if (!speaker) return;
      }
    },
  };
}

/** A SYN, not what a router or a rejecting ACL answers to one. */
const isOpening = ({ frame: bytes }: Received): boolean =>
  isTcp(bytes) && bytes[(headersOf(bytes)?.ip?.l4 ?? 0) + 13] === flags.syn;

const isTcp = (bytes: Uint8Array): boolean => headersOf(bytes)?.ip?.protocol === protocols.tcp;

const turns: readonly { flags: number; data?: Bytes }[] = [
  { flags: flags.syn | flags.ack },
  { flags: flags.ack | flags.psh, data: text('GET / HTTP/1.1\r\n') },
  { flags: flags.ack | flags.psh, data: text('HTTP/1.1 200 OK\r\n') },
  { flags: flags.ack },
  { flags: flags.ack | flags.fin },
  { flags: flags.ack | flags.fin },
  { flags: flags.ack },
];

/** A question and an answer, twice. */
function udpConversation(scene: Scene, pair: Pair): Conversation {
  return {
    name: nameOf(pair, 'UDP'),
    async play(stage) {
      const opening = await udpOpening(stage, scene, pair, text('question'));
      for (const { port, frame: question } of arrivals(scene, await stage.send(pair.from.port, opening))) {
        if (!isUdp(question)) continue;
        const back = arrivals(scene, await stage.send(port, udpAnswer(question, text('answer'))));
        for (const answer of back.filter(({ frame: bytes }) => isUdp(bytes))) {
          await stage.send(answer.port, udpAnswer(answer.frame, text('more')));
        }
      }
    },
  };
}

const isUdp = (bytes: Uint8Array): boolean => headersOf(bytes)?.ip?.protocol === protocols.udp;

async function udpOpening(stage: Stage, scene: Scene, pair: Pair, data: Bytes, tos = 0): Promise<Uint8Array> {
  const way = await wayTo(stage, scene, pair.from, pair.target.ip);
  const ip = { src: sourceOf(pair), dst: pair.target.ip, tos };
  return frame(way, ip, protocols.udp, udp(sourcePortOf(pair) + 1, pair.target.port ?? 53, data));
}

/** Errors about a datagram that arrived: from its receiver, and from a router on the way; then about one that nobody sent. */
function errorsInside(scene: Scene, pair: Pair): Conversation {
  return {
    name: nameOf(pair, 'ICMP errors about UDP'),
    async play(stage) {
      const opening = await udpOpening(stage, scene, pair, text('question'));
      const [there] = arrivals(scene, await stage.send(pair.from.port, opening));
      if (!there || !isUdp(there.frame)) return;
      const router = familyOf(pair.target.ip) === 4 ? '203.0.113.9' : '2001:db8:e::9';
      for (const kind of Object.keys(icmpErrors) as (keyof typeof icmpErrors)[]) {
        await stage.send(there.port, icmpError(there.frame, kind));
        await stage.send(there.port, icmpError(there.frame, kind, router));
      }
      const never = there.frame.slice();
      never[(headersOf(never)?.ip?.l4 ?? 0) + 1] ^= 0x55;
      await stage.send(there.port, icmpError(never, 'portUnreachable'));
    },
  };
}

/** A long datagram in fragments: in order, out of order, too small ones, one missing, one twice. */
function fragments(scene: Scene, pair: Pair): Conversation {
  return {
    name: nameOf(pair, 'fragments'),
    async play(stage) {
      const data = Array.from({ length: 3000 }, (_, at) => at & 0xff);
      const whole = await udpOpening(stage, scene, pair, data);
      let id = sourcePortOf(pair);
      const cut = (bytes: Uint8Array, size: number): Uint8Array[] => fragmentsOf(bytes, size, id++);
      const orders: ((parts: Uint8Array[]) => Uint8Array[])[] = [
        (parts) => parts,
        ([first, second, third]) => [third, second, first],
        ([first, second, third]) => [second, first, third],
        ([first, , third]) => [first, third],
        ([first, second, third]) => [first, first, second, third],
        ([, second]) => [second],
      ];
      for (const order of orders) await stage.send(pair.from.port, ...order(cut(whole, 1400)));
      await stage.send(pair.from.port, ...cut(await udpOpening(stage, scene, pair, data.slice(0, 300)), 64));
      for (const each of cut(whole, 1280)) await stage.send(pair.from.port, each);
    },
  };
}

/** Datagrams as long as an MTU, a little longer, and jumbo ones. */
function longPacket(scene: Scene, pair: Pair): Conversation {
  return {
    name: nameOf(pair, 'long packets'),
    async play(stage) {
      for (const length of [1400, 1472, 1473, 1500, 8900]) {
        await stage.send(pair.from.port, await udpOpening(stage, scene, pair, new Array<number>(length).fill(0x55)));
      }
    },
  };
}

/** What belongs to no connection. */
function strays(scene: Scene, pair: Pair): Conversation {
  return {
    name: nameOf(pair, 'strays'),
    async play(stage) {
      const way = await wayTo(stage, scene, pair.from, pair.target.ip);
      const ip = { src: sourceOf(pair), dst: pair.target.ip };
      const segment = (bits: number): Uint8Array =>
        frame(way, ip, protocols.tcp, tcp({ src: 1111 + bits, dst: pair.target.port ?? 80, flags: bits, ack: 1 }));
      const { syn, ack, rst, fin } = flags;
      await stage.send(pair.from.port, ...[ack, rst, fin | ack, syn | ack, syn | fin, 0].map(segment));
      const others = [47, 50, 89, 255].map((protocol) => frame(way, ip, protocol, text('stray')));
      const reply = echo(way, ip, { isReply: true, identifier: 99 });
      await stage.send(pair.from.port, reply, frame(way, ip, protocols.sctp, sctp(5000, 99)), ...others);
      const dying = [0, 1, 2].flatMap((ttl) => [
        echo(way, { ...ip, ttl }),
        frame(way, { ...ip, ttl }, protocols.udp, udp(7 + ttl, 53, text('dying'))),
        frame(way, { ...ip, ttl }, protocols.tcp, tcp({ src: 7 + ttl, dst: 80, flags: syn })),
      ]);
      await stage.send(pair.from.port, ...dying);
      const marked = { ...ip, tos: 0xb9 };
      await stage.send(pair.from.port, frame(way, marked, protocols.udp, udp(8, 53, text('marked'))));
    },
  };
}

/** Many connections to one balanced address: each backend gets some, and nobody else any. */
function choices(scene: Scene, pair: Pair): Conversation {
  return {
    name: nameOf(pair, 'many connections'),
    async play(stage) {
      const way = await wayTo(stage, scene, pair.from, pair.target.ip);
      const ip = { src: sourceOf(pair), dst: pair.target.ip };
      const dst = pair.target.port ?? 80;
      const openings = Array.from({ length: 48 }, (_, at) =>
        pair.target.protocol === 'udp'
          ? frame(way, ip, protocols.udp, udp(20_000 + at, dst, text('choose')))
          : frame(way, ip, protocols.tcp, tcp({ src: 20_000 + at, dst, flags: flags.syn })),
      );
      const there = arrivals(scene, await stage.send(pair.from.port, ...openings));
      stage.note(`who was chosen: ${[...new Set(there.map(({ port }) => port))].sort().join(', ')}`);
    },
  };
}

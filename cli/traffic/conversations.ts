/**
 * Traffic of a network's own: between any two interfaces of a node that may
 * talk, and from each to the world outside.  Whether they may is tried: an
 * opener, its answer, and the opener again have to arrive.
 */
import { contains, parseCidr, parseIpv4 } from '../../engine/address.ts';
import type { Node } from '../../engine/node/index.ts';
import type { PortBinding, Southbound } from '../../engine/ovsdb/southbound.ts';
import { answerTo, arpAnswer, type Endpoint, isDatagram, portsOf, udpFrame } from './frames.ts';

/** Two ends that have heard of each other. */
export interface Conversation {
  /** What its opener sends, and by which port. */
  opener: { port: string; frame: Uint8Array };
  /** What the other end answers. */
  answer: { port: string; frame: Uint8Array };
  kind: 'local' | 'outside';
}

/** At least so many conversations are made where any two ends may talk: with different source ports. */
const wanted = 1000;
/** The most pairs of interfaces that are tried. */
const mostPairs = 4096;
/** RFC 2544's range for benchmarks. */
const firstServer = 0xc6120001;
const outsideMac = '02:00:00:00:00:01';
const servicePort = 443;
const firstClientPort = 32768;

interface Interface extends Endpoint {
  port: string;
  datapath: string;
  /** Its router, which leads to everywhere else. */
  router?: Endpoint;
}

interface Pair {
  from: Interface;
  to: Endpoint;
  kind: Conversation['kind'];
}

/** Conversations of this node that are established now; none if nobody may talk. */
export function establish(node: Node, southbound: Southbound): Conversation[] {
  const interfaces = interfacesOf(node, southbound);
  const pairs = [...localPairs(interfaces), ...outsidePairs(interfaces)];
  const world = new Neighbourhood(node);
  const open = pairs.flatMap((pair) => {
    const first = world.converse(pair, firstClientPort);
    return first ? [{ pair, first }] : [];
  });
  const each = Math.min(Math.ceil(wanted / Math.max(open.length, 1)), 1000);
  return open.flatMap(({ pair, first }) => {
    const more = Array.from({ length: each - 1 }, (_, index) => world.converse(pair, firstClientPort + 1 + index));
    return [first, ...more.filter((conversation) => conversation !== undefined)];
  });
}

/** Interfaces with an IPv4 address; those that DHCP gives one have it in the database, too. */
function interfacesOf(node: Node, southbound: Southbound): Interface[] {
  const here = new Set(node.ports.filter(({ kind }) => kind === 'vif').map(({ name }) => name));
  const byName = new Map(southbound.ports.map((port) => [port.logicalPort, port]));
  const routers = new Map<string, PortBinding[]>();
  for (const port of southbound.ports) {
    const peer = byName.get(port.options.peer ?? '');
    if (peer && peer.datapath !== port.datapath) {
      routers.set(port.datapath, [...(routers.get(port.datapath) ?? []), peer]);
    }
  }
  return southbound.ports
    .filter(({ logicalPort }) => here.has(logicalPort))
    .flatMap(({ logicalPort, datapath, mac }): Interface[] => {
      const own = mac.map(endpointOf).find((endpoint) => endpoint !== undefined);
      if (!own) return [];
      const router = (routers.get(datapath) ?? [])
        .map((port) => routerFor(port, own.ip))
        .find((endpoint) => endpoint !== undefined);
      return [{ ...own, port: logicalPort, datapath, ...(router && { router }) }];
    });
}

/** `MAC IP...` with an IPv4 address. */
function endpointOf(text: string): Endpoint | undefined {
  const [mac, ...addresses] = text.split(' ');
  const ip = addresses.map(parseIpv4).find((address) => address !== undefined);
  return mac === undefined || ip === undefined ? undefined : { mac, ip };
}

/** The router's end, `MAC IP/LENGTH...`, if the address is in one of its networks. */
function routerFor({ mac: addresses }: PortBinding, ip: number): Endpoint | undefined {
  const [mac, ...networks] = addresses.flatMap((text) => text.split(' '));
  if (mac === undefined) return undefined;
  const network = networks.map(parseCidr).find((cidr) => cidr !== undefined && contains(cidr, ip));
  return network && { mac, ip: network.address };
}

/** Two at a time, those that are near in order first. */
function* localPairs(interfaces: readonly Interface[]): Generator<Pair> {
  let count = 0;
  for (let distance = 1; distance < interfaces.length; distance++) {
    for (const [index, from] of interfaces.entries()) {
      const to = interfaces[(index + distance) % interfaces.length];
      if (to === undefined) continue;
      const mac = from.datapath === to.datapath ? to.mac : from.router?.mac;
      if (mac === undefined) continue;
      if (count++ === mostPairs) return;
      yield { from, to: { mac, ip: to.ip }, kind: 'local' };
    }
  }
}

function outsidePairs(interfaces: readonly Interface[]): Pair[] {
  return interfaces.flatMap((from, index) =>
    from.router ? [{ from, to: { mac: from.router.mac, ip: firstServer + (index % 0xffff) }, kind: 'outside' }] : [],
  );
}

/** The hosts behind the ports of a node, which answer what they are sent. */
class Neighbourhood {
  private readonly node: Node;
  private readonly localnets: ReadonlySet<string>;

  constructor(node: Node) {
    this.node = node;
    this.localnets = new Set(node.ports.filter(({ kind }) => kind === 'localnet').map(({ name }) => name));
  }

  /** Has two ends talk; undefined if what they say does not arrive. */
  converse({ from, to, kind }: Pair, clientPort: number): Conversation | undefined {
    const opener = { port: from.port, frame: udpFrame(from, to, { src: clientPort, dst: servicePort }) };
    const isHere =
      kind === 'outside' ? (port: string) => this.localnets.has(port) : (port: string) => port !== from.port;
    const asked = this.send(opener, isHere, ({ dst }) => dst === servicePort);
    if (!asked) return undefined;
    const answer = { port: asked.port, frame: answerTo(asked.frame) };
    const heard = this.send(
      answer,
      (port) => port === from.port,
      ({ src, dst }) => src === servicePort && dst === clientPort,
    );
    return heard && { opener, answer, kind };
  }

  /** Sends a frame, and again once the neighbours have answered what was asked about it; gives what arrived. */
  private send(
    { port, frame }: { port: string; frame: Uint8Array },
    isThere: (port: string) => boolean,
    isWanted: (ports: { src: number; dst: number }) => boolean,
  ): { port: string; frame: Uint8Array } | undefined {
    for (let attempt = 0; attempt < 3; attempt++) {
      this.node.send(port, frame);
      const received = this.node.received();
      const arrived = received.find(
        (each) => isThere(each.port) && isDatagram(each.frame) && isWanted(portsOf(each.frame)),
      );
      if (arrived) return arrived;
      const answers = received.flatMap((each) => {
        const answer = this.localnets.has(each.port) ? arpAnswer(each.frame, outsideMac) : undefined;
        return answer ? [{ port: each.port, frame: answer }] : [];
      });
      if (answers.length === 0) return undefined;
      for (const answer of answers) this.node.send(answer.port, answer.frame);
      // What waited for the answer may have arrived.
      const late = this.node
        .received()
        .find((each) => isThere(each.port) && isDatagram(each.frame) && isWanted(portsOf(each.frame)));
      if (late) return late;
    }
    return undefined;
  }
}

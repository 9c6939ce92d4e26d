/** A story told to the tracer: where each packet ends, by which flows, and what has to be known for it. */
import { parseFrame } from '../../engine/frame.ts';
import { formatEthernet, formatIpv4, formatIpv6 } from '../../engine/lang/index.ts';
import type { LogicalFlow, Southbound } from '../../engine/ovsdb/southbound.ts';
import { lookups } from '../symbolic/fields.ts';
import {
  fields,
  type Packet,
  parsePacket,
  prepare,
  readBits,
  type TraceDatapath,
  type TraceNode,
  type TraceResult,
  type TraceTopology,
  traceFlow,
  traceText,
  trackingConntrack,
} from '../trace/index.ts';
import { frameOf } from './frame.ts';
import { quoted } from './microflow.ts';
import { fieldReader, isIcmpError, type PacketValues, payloads } from './packet.ts';
import { answerTo, circumstancesOf, isSameKind, packetOfFields, type Story } from './story.ts';

/** What became of one packet of a story. */
export interface TracedLeg {
  readonly packet: PacketValues;
  readonly inport: string;
  /** Of an ICMP error, the packet that it is about, as it arrived; where it is not known, the error quotes another one. */
  readonly quoted?: PacketValues;
  /** All that came out. */
  readonly deliveries: readonly { readonly port: string; readonly packet: PacketValues }[];
  readonly flows: readonly LogicalFlow[];
  /** As ovn-trace says it. */
  readonly text: string;
  /** The states that conntrack found, for `--ct`. */
  readonly states: readonly number[];
  readonly gaps: readonly string[];
}

/** A neighbour that has to be known. */
export interface KnownNeighbor {
  readonly logicalPort: string;
  readonly ip: string;
  readonly mac: string;
}

/** A MAC address that a switch has to have learned, by the keys of the database and by name. */
export interface KnownAddress {
  readonly logicalPort: string;
  readonly datapathKey: number;
  readonly portKey: number;
  readonly mac: string;
}

export interface Traced {
  /** As many as could be sent: none behind one that could not be answered. */
  readonly legs: readonly TracedLeg[];
  readonly neighbors: readonly KnownNeighbor[];
  readonly addresses: readonly KnownAddress[];
}

/** Which members choices take, where the tracer lets one choose. */
export interface Choice {
  readonly selectId?: number;
  readonly backend?: number;
  /** Of the ports of a switch where addresses may be learned, the one that every look-up finds; 0 for none. */
  readonly learned?: number;
}

/** Tells stories about one database; what was learned there before is not known to it. */
export interface Tracer {
  readonly topology: TraceTopology;
  tell(story: Story, choice?: Choice): Traced;
}

/** Makes a database ready. */
export function createTracer(southbound: Southbound): Tracer {
  // As on a chassis, where rows of Static_MAC_Binding stand before what is learned; ovn-trace does not read them.
  const fixed = southbound.staticMacBindings.filter(({ overridesLearned }) => overridesLearned);
  const topology = prepare({ ...southbound, macBindings: fixed, fdb: [] });
  const asked: Asked[] = [];
  const learned = new Map<string, bigint>();
  watchNeighbors(topology, asked, learned);
  return {
    topology,
    tell(story, choice = {}) {
      learned.clear();
      let traced = tellOnce(topology, asked, story, choice);
      // Which neighbour is the nth on the way shows once those before it are known.
      for (let round = 0; round <= lookups; round++) {
        if (!learnMore(learned, traced.gets, story)) break;
        traced = tellOnce(topology, asked, story, choice);
      }
      const { legs, addresses } = traced;
      return { legs, addresses, neighbors: neighborsOf(topology, traced.gets.flat(), learned) };
    },
  };
}

/** A look-up of a neighbour: on a datapath, by `macBindingKey`; `fixed` where a row of Static_MAC_Binding answered. */
interface Asked {
  readonly datapath: string;
  readonly key: string;
  readonly fixed: boolean;
}

const keyOf = ({ datapath, key }: Pick<Asked, 'datapath' | 'key'>): string => `${datapath} ${key}`;

/** Puts tables in place of the topology's that note what they are asked, and know what was learned. */
function watchNeighbors(topology: TraceTopology, asked: Asked[], learned: ReadonlyMap<string, bigint>): void {
  for (const [datapath, traced] of topology.datapaths) {
    const fixed = traced.macBindings;
    const watched = new Map(fixed);
    watched.get = (key) => {
      const known = fixed.get(key);
      asked.push({ datapath, key, fixed: known !== undefined });
      return known ?? learned.get(keyOf({ datapath, key }));
    };
    traced.macBindings = watched;
  }
}

interface Told {
  readonly legs: TracedLeg[];
  /** Of each leg, the neighbours that `get_arp` and `get_nd` looked up. */
  readonly gets: Asked[][];
  readonly addresses: readonly KnownAddress[];
}

function tellOnce(topology: TraceTopology, asked: Asked[], story: Story, choice: Choice): Told {
  const connections = choosing(choice);
  const table = learnedTable(choice);
  const legs: TracedLeg[] = [];
  const gets: Asked[][] = [];
  for (const send of story.sends) {
    const place = send.kind === 'packet' ? { packet: send.packet, port: send.port.name } : follows(story, legs, send);
    if (!place) break;
    asked.length = 0;
    connections.states.length = 0;
    const about = isIcmpError(fieldReader(place.packet)) ? arrivedBefore(story, legs) : undefined;
    const parsed = parsePacket(topology, `inport == ${quoted(place.port)}`, {
      frame: parseFrame(frameOf(place.packet)).fields,
    });
    if (about) {
      const frame = parseFrame(frameOf(about)).fields;
      parsed.packet.inner = parsePacket(topology, `inport == ${quoted(place.port)}`, { frame }).packet;
    }
    const result = traceFlow(topology, parsed.datapath, parsed.packet, {
      conntrack: connections.tracker,
      securedNetworks: 'as-network',
      lastHop: 'ends',
      onChassis: true,
      ...(choice.selectId !== undefined && { selectId: choice.selectId }),
      learnedPort: table.portOf,
      ...(fieldReader(place.packet)('payload') === payloads.dns && { isNameKnown: true }),
    });
    const kinds = kindsOf(result);
    gets.push(asked.filter(({ fixed }, index) => !fixed && kinds[index] === 'get'));
    legs.push({
      packet: place.packet,
      inport: place.port,
      ...(about && { quoted: about }),
      deliveries: result.deliveries.map(({ port, packet }) => ({
        port: port.binding.logicalPort,
        packet: valuesOf(packet, place.packet),
      })),
      flows: result.flows,
      text: traceText(parsed.packet, result, ['detailed']),
      states: [...connections.states],
      gaps: result.gaps,
    });
  }
  return { legs, gets, addresses: [...table.found.values()] };
}

/** Says that addresses were learned at the port of each switch that was told, and notes which these are. */
function learnedTable({ learned = 0 }: Choice) {
  const found = new Map<string, KnownAddress>();
  const portOf = ({ binding, portsByKey }: TraceDatapath, mac: bigint): number | undefined => {
    const learning = [...portsByKey.values()].filter(
      ({ binding: { type, mac: given } }) => type === 'localnet' || given.some((entry) => entry.startsWith('unknown')),
    );
    const port = learning[learned - 1];
    if (!port) return undefined;
    const address = { datapathKey: binding.tunnelKey, portKey: port.key, mac: formatEthernet(mac) };
    found.set(`${binding.uuid} ${mac}`, { logicalPort: port.binding.logicalPort, ...address });
    return port.key;
  };
  return { found, portOf };
}

/** Where an answer or what crosses a wire starts, once what it follows upon has arrived. */
function follows(
  story: Story,
  legs: readonly TracedLeg[],
  send: Story['sends'][number],
): { packet: PacketValues; port: string } | undefined {
  const { expected } = story.sends[legs.length - 1] ?? {};
  const arrived = arrivedBefore(story, legs);
  if (!arrived || expected?.kind !== 'arrives') return undefined;
  if (send.kind === 'crossing') return { packet: send.as ?? arrived, port: send.port.name };
  const answer = answerTo(arrived);
  return answer && { packet: answer, port: expected.port };
}

/** What arrived of the packet that was sent last. */
function arrivedBefore({ sends }: Story, legs: readonly TracedLeg[]): PacketValues | undefined {
  const last = legs.at(-1);
  const { expected } = sends[legs.length - 1] ?? {};
  return last && expected?.kind === 'arrives' ? arrivalAt(last, expected.port) : undefined;
}

/** What came out of a port: the packet itself before others. */
export function arrivalAt({ deliveries, packet }: TracedLeg, port: string): PacketValues | undefined {
  const there = deliveries.filter((delivery) => delivery.port === port);
  return (there.find((delivery) => isSameKind(packet, delivery.packet)) ?? there[0])?.packet;
}

/** A tracker that remembers, chooses the backend that it is told to, and notes the states that packets find. */
function choosing({ backend = 0 }: Choice): { tracker: ReturnType<typeof trackingConntrack>; states: number[] } {
  const states: number[] = [];
  const remembering = trackingConntrack();
  const state = (packet: Packet): number => Number(readBits(packet, fields.ct_state ?? never()));
  const tracker: ReturnType<typeof trackingConntrack> = {
    ...remembering,
    lookup(packet, zone) {
      const title = remembering.lookup(packet, zone);
      states.push(state(packet));
      return title;
    },
    balance(packet, zone, name, backends, snat) {
      const chosen = backends[Math.min(backend, backends.length - 1)];
      const sorted = chosen ? [chosen, ...backends.filter((other) => other !== chosen)] : backends;
      const result = remembering.balance(packet, zone, name, sorted, snat);
      states.push(state(packet));
      return result;
    },
  };
  return { tracker, states };
}

function never(): never {
  throw new Error('packets have no ct_state');
}

/** What the look-ups of neighbours in a trace were for, in their order: to send to them, or to see whether they are known. */
function kindsOf({ nodes }: TraceResult): ('get' | 'lookup')[] {
  const kinds: ('get' | 'lookup')[] = [];
  // A trace nests as deep as a packet has hops: too deep to call oneself.
  const left = [...nodes].reverse();
  for (let node = left.pop(); node; node = left.pop()) {
    const { text, type, subs } = node;
    if (type === 'action' && /^\/\* (No MAC binding\.|MAC binding to \S+\.) \*\/$/.test(text) && !/ found/.test(text)) {
      kinds.push('get');
    } else if (type === 'action' && /^\/\* (lookup failed - No MAC binding\.|MAC binding.* found\.) \*\/$/.test(text)) {
      kinds.push('lookup');
    }
    for (let at = subs.length - 1; at >= 0; at--) left.push(subs[at] as TraceNode);
  }
  return kinds;
}

/** Learns the neighbours that the circumstances say are known; whether there was anything new. */
function learnMore(learned: Map<string, bigint>, gets: readonly Asked[][], story: Story): boolean {
  let isNew = false;
  for (const [index, leg] of gets.entries()) {
    const read = fieldReader(circumstancesOf(story, index));
    for (const [n, one] of leg.slice(0, lookups).entries()) {
      const mac = read(`neighbor.${n}.mac`);
      const key = keyOf(one);
      if (read(`neighbor.${n}.known`) === 0n || learned.get(key) === mac) continue;
      if (learned.has(key)) continue;
      learned.set(key, mac);
      isNew = true;
    }
  }
  return isNew;
}

function neighborsOf(
  topology: TraceTopology,
  gets: readonly Asked[],
  learned: ReadonlyMap<string, bigint>,
): KnownNeighbor[] {
  const found = new Map<string, KnownNeighbor>();
  for (const one of gets) {
    const mac = learned.get(keyOf(one));
    const [port = '', family = '', address = '0'] = one.key.split(' ');
    const traced = topology.datapaths.get(one.datapath)?.portsByKey.get(Number(port));
    if (mac === undefined || !traced) continue;
    const ip = family === '4' ? formatIpv4(BigInt(address)) : formatIpv6(BigInt(address));
    found.set(keyOf(one), { logicalPort: traced.binding.logicalPort, ip, mac: formatEthernet(mac) });
  }
  return [...found.values()];
}

/** Fields of a packet that the tracer has, by what they are called there. */
const names = [
  ...['eth.src', 'eth.dst', 'eth.type', 'vlan.tci', 'ip4.src', 'ip4.dst', 'ip6.src', 'ip6.dst', 'ip6.label'],
  ...['ip.proto', 'ip.ttl', 'ip.frag', 'ip.dscp', 'ip.ecn', 'tcp.flags', 'nd.target', 'pkt.mark'],
];

/** A packet of the tracer as one of the analysis; what the tracer does not follow is as it was sent. */
function valuesOf(packet: Packet, sent: PacketValues): PacketValues {
  const value = (name: string): bigint => {
    const where = fields[name];
    return where ? readBits(packet, where) : 0n;
  };
  const own = Object.fromEntries(names.map((name) => [name, value(name)]));
  const read = fieldReader(sent);
  const kept = { payload: read('payload'), 'pkt.len': read('pkt.len') };
  switch (own['eth.type']) {
    case 0x806n: {
      const arp = ['arp.op', 'arp.spa', 'arp.tpa', 'arp.sha', 'arp.tha'].map((name) => [name, value(name)]);
      const ethernet = names.slice(0, 4).map((name) => [name, own[name]]);
      return packetOfFields(Object.fromEntries([...ethernet, ...arp]));
    }
    case 0x800n:
    case 0x86ddn: {
      const family = own['eth.type'] === 0x800n ? 'ip6' : 'ip4';
      const fitting = Object.entries(own).filter(([name]) => !name.startsWith(family));
      return packetOfFields({ ...Object.fromEntries(fitting), ...kept, ...transportValues(own['ip.proto'], value) });
    }
    default:
      return packetOfFields(Object.fromEntries(names.slice(0, 4).map((name) => [name, own[name] ?? 0n])));
  }
}

function transportValues(proto: bigint | undefined, value: (name: string) => bigint): Record<string, bigint> {
  switch (proto) {
    case 1n:
      return { 'icmp4.type': value('icmp4.type'), 'icmp4.code': value('icmp4.code') };
    case 58n: {
      const type = value('icmp6.type');
      const link: Record<string, bigint> =
        type === 135n ? { 'nd.sll': value('nd.sll') } : type === 136n ? { 'nd.tll': value('nd.tll') } : {};
      return { 'icmp6.type': type, 'icmp6.code': value('icmp6.code'), ...link };
    }
    default:
      return { 'tcp.src': value('tcp.src'), 'tcp.dst': value('tcp.dst') };
  }
}

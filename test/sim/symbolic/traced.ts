/** One packet of an analysis through the tracer, and by the classes it is in: the two are to agree. */
import {
  type Analysis,
  at,
  fieldIndex,
  headerFields,
  networkOf,
  packetFields,
  read,
  type Store,
  type TrafficClass,
  type Value,
} from '../../../sim/symbolic/index.ts';
import {
  type Conntrack,
  clonePacket,
  emptyPacket,
  fields,
  type Packet,
  prepare,
  readBits,
  type TraceTopology,
  traceFlow,
  trackingConntrack,
  writeBits,
} from '../../../sim/trace/index.ts';

export { networkOf };

/** A value for each field of `packetFields`. */
export type Fields = readonly bigint[];

const field = (packet: Fields, name: string): bigint => packet[fieldIndex(name)] ?? 0n;

/** What a value is for one packet; `contains` tells whether it is in a set. Undefined where it is unknown. */
export function evaluate(value: Value, packet: Fields, contains: (set: number) => boolean): bigint | undefined {
  if (value.options) {
    const option = value.options.find(({ packets }) => contains(packets));
    return option && evaluate(option.value, packet, contains);
  }
  let ofs = 0n;
  let sum = 0n;
  for (const piece of value.pieces) {
    const ones = (1n << BigInt(piece.n)) - 1n;
    if (piece.kind === 'any') return undefined;
    const bits =
      piece.kind === 'constant'
        ? piece.value
        : piece.kind === 'input'
          ? ((packet[piece.field] ?? 0n) >> BigInt(piece.ofs)) & ones
          : ((packet[piece.field] ?? 0n) + BigInt(piece.amount) + (1n << BigInt(piece.n))) & ones;
    sum |= bits << ofs;
    ofs += BigInt(piece.n);
  }
  return sum;
}

/** The packet as the tracer takes it. */
function tracedPacket(packet: Fields, key: number): Packet {
  const traced = emptyPacket();
  const set = (name: string, value: bigint) => {
    const where = fields[name];
    if (where) writeBits(traced, where, value);
  };
  const type = field(packet, 'eth.type');
  for (const name of ['eth.type', 'eth.src', 'eth.dst', 'vlan.tci', 'pkt.mark']) set(name, field(packet, name));
  if (type === 0x800n || type === 0x86ddn) {
    for (const name of ['ip.proto', 'ip.frag', 'ip.ttl', 'ip.dscp', 'ip.ecn']) set(name, field(packet, name));
    const family = type === 0x800n ? 'ip4' : 'ip6';
    set(`${family}.src`, field(packet, `${family}.src`));
    set(`${family}.dst`, field(packet, `${family}.dst`));
    if (family === 'ip6') set('ip6.label', field(packet, 'ip6.label'));
    const proto = field(packet, 'ip.proto');
    const isIcmp = proto === (family === 'ip4' ? 1n : 58n);
    if (isIcmp) {
      set(family === 'ip4' ? 'icmp4.type' : 'icmp6.type', field(packet, 'icmp.type'));
      set(family === 'ip4' ? 'icmp4.code' : 'icmp6.code', field(packet, 'icmp.code'));
      if (family === 'ip6') {
        set('nd.target', field(packet, 'nd.target'));
        set('nd.sll', field(packet, 'nd.sll'));
        set('nd.tll', field(packet, 'nd.tll'));
      }
    } else if (proto === 6n || proto === 17n || proto === 132n) {
      set('tcp.src', field(packet, 'tp.src'));
      set('tcp.dst', field(packet, 'tp.dst'));
      if (proto === 6n) set('tcp.flags', field(packet, 'tcp.flags'));
    }
  } else if (type === 0x806n || type === 0x8035n) {
    for (const name of ['arp.op', 'arp.spa', 'arp.tpa', 'arp.sha', 'arp.tha']) set(name, field(packet, name));
  }
  set('inport', BigInt(key));
  return traced;
}

/** A packet of the tracer as one that enters by a port. */
function untraced(packet: Packet, port: number): Fields {
  const names: Readonly<Record<string, string>> = {
    'tp.src': 'tcp.src',
    'tp.dst': 'tcp.dst',
    'icmp.type': 'icmp4.type',
    'icmp.code': 'icmp4.code',
  };
  return packetFields.map(({ name }) => {
    if (name === 'inport') return BigInt(port);
    const where = fields[names[name] ?? name];
    return where ? readBits(packet, where) : 0n;
  });
}

/** Fields that the two are compared by: as the analysis calls them, and where the tracer keeps them, if elsewhere. */
const compared: readonly { name: string; traced?: string; of: (type: bigint, proto: bigint) => boolean }[] = [
  ...['eth.src', 'eth.dst', 'eth.type', 'vlan.tci'].map((name) => ({ name, of: () => true })),
  ...['ip4.src', 'ip4.dst'].map((name) => ({ name, of: (type: bigint) => type === 0x800n })),
  ...['ip6.src', 'ip6.dst', 'ip6.label'].map((name) => ({ name, of: (type: bigint) => type === 0x86ddn })),
  ...['ip.proto', 'ip.ttl', 'ip.dscp', 'ip.ecn', 'ip.frag'].map((name) => ({ name, of: isIp })),
  ...['arp.op', 'arp.spa', 'arp.tpa', 'arp.sha', 'arp.tha'].map((name) => ({
    name,
    of: (type: bigint) => type === 0x806n,
  })),
  ...['tp.src', 'tp.dst'].map((name) => ({
    name,
    traced: name.replace('tp', 'tcp'),
    of: (type: bigint, proto: bigint) => isIp(type) && (proto === 6n || proto === 17n || proto === 132n),
  })),
  { name: 'tcp.flags', of: (type, proto) => isIp(type) && proto === 6n },
  ...['icmp.type', 'icmp.code'].map((name) => ({ name, traced: name.replace('icmp', 'icmp4'), of: isIcmp })),
];

function isIp(type: bigint): boolean {
  return type === 0x800n || type === 0x86ddn;
}

function isIcmp(type: bigint, proto: bigint): boolean {
  return (type === 0x800n && proto === 1n) || (type === 0x86ddn && proto === 58n);
}

function lineOf(port: string, of: (field: { name: string; traced?: string }) => bigint | undefined): string {
  const type = of({ name: 'eth.type' }) ?? 0n;
  const proto = of({ name: 'ip.proto' }) ?? 0n;
  const parts = compared
    .filter((one) => one.of(type, proto))
    .map((one) => `${one.name}=${of(one)?.toString(16) ?? '?'}`);
  return `${port}: ${parts.join(' ')}`;
}

export interface Traced {
  /** Where the tracer brings the packet, and what it looks like there: sorted. */
  readonly lines: string[];
  /** What the tracer does not know. */
  readonly gaps: readonly string[];
  /** The packets that come out, as packets that enter by the same ports would look. */
  readonly delivered: readonly Fields[];
  /** The actions of the flows that the packet met. */
  readonly actions: readonly string[];
}

/** Where the tracer brings the packet; `conntrack` is what is known of connections, none unless given. */
export function trace(
  topology: TraceTopology,
  analysis: Analysis,
  packet: Fields,
  conntrack: Conntrack = trackingConntrack(),
): Traced {
  const port = analysis.network.portsByNumber[Number(field(packet, 'inport'))];
  const from = port && topology.ports.get(port.name);
  if (!from) return { lines: [], gaps: [], delivered: [], actions: [] };
  const { deliveries, gaps, flows } = traceFlow(topology, from.datapath, clonePacket(tracedPacket(packet, from.key)), {
    conntrack,
    securedNetworks: 'as-network',
    lastHop: 'ends',
  });
  const edges = deliveries.flatMap(({ port: { binding }, packet: look }) => {
    const edge = analysis.network.ports.get(binding.logicalPort);
    // A port that lost its peer leads nowhere.
    return edge?.edge === undefined ? [] : [{ edge, look }];
  });
  const lines = edges.map(({ edge, look }) =>
    lineOf(edge.name, ({ name, traced = name }) => readBits(look, fields[traced] as never)),
  );
  const delivered = edges.map(({ edge, look }) => untraced(look, edge.number));
  return { lines: [...new Set(lines)].sort(), gaps, delivered, actions: flows.map(({ actions }) => actions) };
}

/** `trace` of a packet that the tracer knows all about. */
export const tracedLines = (topology: TraceTopology, analysis: Analysis, packet: Fields): string[] =>
  trace(topology, analysis, packet).lines;

/** Whether a line of the classes, in which a value may be unknown, says what a line of the tracer says. */
export function saysSame(line: string, tracer: string): boolean {
  if (line === tracer) return true;
  const [own, other] = [line.split(' '), tracer.split(' ')];
  return (
    own.length === other.length &&
    own.every((part, n) => part === other[n] || (part.endsWith('=?') && other[n]?.startsWith(part.slice(0, -1))))
  );
}

/** Lines of which none goes without one of the other side. */
export const sayTheSame = (lines: readonly string[], tracer: readonly string[]): boolean =>
  lines.every((line) => tracer.some((other) => saysSame(line, other))) && isSaid(lines, tracer);

/** Whether everything the tracer says is said by the classes. */
export const isSaid = (lines: readonly string[], tracer: readonly string[]): boolean =>
  tracer.every((other) => lines.some((line) => saysSame(line, other)));

/** Where the classes of new packets say that it goes. */
export function classLines(analysis: Analysis, packet: Fields): string[] {
  return linesOf(
    analysis,
    analysis.classes.filter(({ connection }) => connection === 'new'),
    packet,
  );
}

/** Where these classes say that the packet goes. */
export function linesOf(analysis: Analysis, classes: readonly TrafficClass[], packet: Fields): string[] {
  const { space, network } = analysis;
  const contains = (set: number) => space.contains(set, packet);
  const sender = network.portsByNumber[Number(field(packet, 'inport'))]?.name ?? '';
  const lines = classes.flatMap((one) => {
    const { end, packets } = one;
    if ((end.kind !== 'port' && end.kind !== 'sender') || !contains(packets)) return [];
    const name = end.kind === 'port' ? end.port.name : sender;
    return looksOf(analysis, one)
      .filter((look) => contains(look.packets))
      .map(({ store }) => {
        // ovn-trace does not say that DHCP's answer goes to the address that is offered.
        const isUnsaid = (place: string) => one.made === 'dhcp' && place === 'ip4.dst';
        return lineOf(name, (place) =>
          isUnsaid(place.name) ? undefined : valueIn(store, place.name, packet, contains),
        );
      });
  });
  return [...new Set(lines)].sort();
}

const knownLooks = new WeakMap<TrafficClass, ReturnType<Analysis['looks']>>();

function looksOf(analysis: Analysis, one: TrafficClass): ReturnType<Analysis['looks']> {
  const looks = knownLooks.get(one) ?? analysis.looks(one);
  knownLooks.set(one, looks);
  return looks;
}

function valueIn(store: Store, name: string, packet: Fields, contains: (set: number) => boolean): bigint | undefined {
  return evaluate(read(store, fieldIndex(name)), packet, contains);
}

/** The packet with what the tracer takes for granted: nothing was learned, no chance, the first choice, DHCP is answered. */
export function asTracer(packet: Fields): bigint[] {
  const given = packet.map((value, index) => (index < headerFields ? value : 0n));
  given[fieldIndex('payload')] = 1n;
  given[fieldIndex('pkt.len')] = 60n;
  return given;
}

export const packetText = (packet: Fields): string =>
  packet
    .flatMap((value, index) => (value === 0n ? [] : [`${packetFields[index]?.name}=${value.toString(16)}`]))
    .join(' ');

export { at, packetFields, prepare };

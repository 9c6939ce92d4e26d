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
  type Value,
} from '../../../sim/symbolic/index.ts';
import {
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

const compared = ['eth.src', 'eth.dst', 'eth.type', 'ip4.src', 'ip4.dst', 'ip6.src', 'ip6.dst', 'ip.proto', 'ip.ttl'];

/** Fields that a packet of that type has and the two are compared by. */
function isCompared(name: string, type: bigint): boolean {
  if (name.startsWith('eth')) return true;
  if (name.startsWith('ip4')) return type === 0x800n;
  if (name.startsWith('ip6')) return type === 0x86ddn;
  return type === 0x800n || type === 0x86ddn;
}

function lineOf(port: string, of: (name: string) => bigint | undefined): string {
  const type = of('eth.type') ?? 0n;
  const parts = compared
    .filter((name) => isCompared(name, type))
    .map((name) => `${name}=${of(name)?.toString(16) ?? '?'}`);
  return `${port}: ${parts.join(' ')}`;
}

/** Where the tracer brings the packet, without any connections: sorted lines. */
export function tracedLines(topology: TraceTopology, analysis: Analysis, packet: Fields): string[] {
  const port = analysis.network.portsByNumber[Number(field(packet, 'inport'))];
  const traced = port && topology.ports.get(port.name);
  if (!traced) return [];
  const result = traceFlow(topology, traced.datapath, clonePacket(tracedPacket(packet, traced.key)), {
    conntrack: trackingConntrack(),
    securedNetworks: 'as-network',
  });
  const lines = result.deliveries.map(({ port: { binding }, packet: out }) =>
    lineOf(binding.logicalPort, (name) => readBits(out, fields[name] as never)),
  );
  return [...new Set(lines)].sort();
}

/** Where the classes of new packets say that it goes. */
export function classLines(analysis: Analysis, packet: Fields): string[] {
  const { space } = analysis;
  const contains = (set: number) => space.contains(set, packet);
  const lines = analysis.classes.flatMap((one) => {
    if (one.connection !== 'new' || !contains(one.packets)) return [];
    const { end } = one;
    if (end.kind !== 'port' && end.kind !== 'sender') return [];
    const name =
      end.kind === 'port'
        ? end.port.name
        : (analysis.network.portsByNumber[Number(field(packet, 'inport'))]?.name ?? '');
    return analysis
      .looks(one)
      .filter((look) => contains(look.packets))
      .map(({ store }) => lineOf(name, (place) => valueIn(store, place, packet, contains)));
  });
  return [...new Set(lines)].sort();
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

export { at, prepare };

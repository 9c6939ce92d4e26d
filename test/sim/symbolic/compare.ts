/** The packets of an analysis against the tracer: one of every class, and random ones of the network's own addresses. */
import { parseEthernet } from '../../../engine/lang/addresses.ts';
import type { Southbound } from '../../../engine/ovsdb/southbound.ts';
import type { PacketSet } from '../../../engine/sets/index.ts';
import { packetsIn } from '../../../sim/symbolic/bundles.ts';
import { type Analysis, fieldIndex, gapsOf, headerFields, packetFields } from '../../../sim/symbolic/index.ts';
import { parseAddress } from '../../../sim/trace/addresses.ts';
import type { TraceTopology } from '../../../sim/trace/index.ts';
import { asTracer, classLines, type Fields, isSaid, packetText, sayTheSame, trace } from './traced.ts';

export interface Comparison {
  /** Packets that the two agree about, and those of them that came out somewhere. */
  same: number;
  delivered: number;
  /** Packets that may go several ways, one of which is the tracer's. */
  among: number;
  /** Packets of which the tracer or the analysis says that it does not know all. */
  skipped: number;
  differences: { packet: string; classes: string[]; tracer: string[] }[];
}

export const noComparison = (): Comparison => ({ same: 0, delivered: 0, among: 0, skipped: 0, differences: [] });

/** Numbers from 0 up to below `n`, the same for the same seed. */
export type Random = (n: number) => number;

/** Mulberry32. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

/** So many classes are put together as they are; of more, what they say where packets are told this or that on their way. */
const fewClasses = 1000;
const draws = 8;

/** Whether every packet that may enter is in a class of new packets, or in a gap, whatever it is told on its way. */
export function hasAll({ space, classes, gaps, possible }: Analysis, random: Random): boolean {
  const own = classes.filter(({ connection }) => connection === 'new');
  const isIn = (told: PacketSet): boolean => {
    const known = [...own.map((one) => packetsIn(space, one, told)), ...gaps.map(({ packets }) => packets)];
    return space.isSubset(space.and(possible, told), space.orAll(known.map((packets) => space.and(packets, told))));
  };
  if (own.length <= fewClasses) return isIn(space.all);
  return Array.from({ length: draws }, () =>
    space.cube(
      packetFields.flatMap(({ name, width }, field) => {
        if (field < headerFields || name.startsWith('copy.')) return [];
        const value = BigInt(random(4)) | (BigInt(random(2 ** 16)) << 8n);
        const mask = (1n << BigInt(width)) - 1n;
        return [{ field, value: value & mask, mask }];
      }),
    ),
  ).every(isIn);
}

/** A packet of every class of new packets that the tracer's assumptions allow. */
export function samples({ space, classes }: Analysis): Fields[] {
  // Which copy it is is nothing that a packet is told.
  const settled = space.cube(
    space.fields.flatMap(({ name, width }, index) =>
      /^(neighbor|choice|chance|opener|payload|pkt.len)/.test(name)
        ? [{ field: index, value: given[name] ?? 0n, mask: (1n << BigInt(width)) - 1n }]
        : [],
    ),
  );
  return classes.flatMap((one) => {
    const picked = one.connection === 'new' && space.pick(packetsIn(space, one, settled));
    return picked ? [asTracer(picked)] : [];
  });
}

const given: Readonly<Record<string, bigint>> = { payload: 1n, 'pkt.len': 60n };

/** Random packets of the analysis: what flows and ports name, and now and then something else. */
export function randomPackets({ space, possible, network }: Analysis, random: Random, count: number): Fields[] {
  const words = dictionary(network.southbound);
  const edges = network.portsByNumber.flatMap((port) => (port?.edge ? [BigInt(port.number)] : []));
  const packets: Fields[] = [];
  if (edges.length === 0) return [];
  for (let tries = 0; packets.length < count && tries < 20 * count; tries++) {
    const values = packetFields.map(({ name, width }) => {
      if (name === 'inport') return edges[random(edges.length)] as bigint;
      const usual = usualValues[name] ?? words[/^arp.[st]pa$/.test(name) ? 32 : width];
      const isUsual = usual && usual.length > 0 && random(8) > 0;
      if (isUsual) return usual[random(usual.length)] as bigint;
      return name in usualValues ? 0n : BigInt(random(2 ** 16)) & ((1n << BigInt(width)) - 1n);
    });
    const packet = asTracer(values);
    if (space.contains(possible, packet)) packets.push(packet);
  }
  return packets;
}

/** The values that decide something. */
const usualValues: Readonly<Record<string, readonly bigint[]>> = {
  'eth.type': [0x800n, 0x800n, 0x800n, 0x86ddn, 0x86ddn, 0x806n, 0x8100n],
  'ip.proto': [1n, 6n, 6n, 17n, 58n, 58n, 132n, 2n],
  'ip.frag': [0n, 0n, 0n, 0n, 1n, 3n],
  'icmp.type': [8n, 0n, 3n, 128n, 129n, 135n, 136n, 133n, 1n],
  'icmp.code': [0n, 0n, 1n],
  'arp.op': [1n, 1n, 2n],
  'ip.ttl': [64n, 64n, 255n, 255n, 1n, 0n, 2n],
  'tcp.flags': [2n, 2n, 16n, 18n, 4n, 1n],
  'vlan.tci': [0n, 0n, 0n, 0n, 0n, 0x1007n],
  'tp.src': [68n, 547n, 67n, 546n, 1000n, 53n, 3784n, 40000n],
  'tp.dst': [67n, 547n, 68n, 546n, 80n, 53n, 3784n, 8080n, 22n],
  'ip.dscp': [0n, 10n],
  'ip.ecn': [0n],
  'ip6.label': [0n],
  'pkt.mark': [0n],
};

/** Addresses by their width. */
function dictionary({ flows, ports }: Southbound): Readonly<Record<number, readonly bigint[]>> {
  const text = [
    ...flows.flatMap(({ match, actions }) => [match, actions]),
    ...ports.flatMap(({ mac, portSecurity }) => [...mac, ...portSecurity]),
  ].join(' ');
  const macs = new Set([0xffffffffffffn, 0x020000000077n]);
  const addresses: Record<4 | 6, Set<bigint>> = { 4: new Set([0n, 0xffffffffn]), 6: new Set([0n]) };
  for (const word of new Set(text.split(/[\s,;{}()="]+/))) {
    const mac = /^([0-9a-f]{1,2}:){5}[0-9a-f]{1,2}$/i.test(word) ? parseEthernet(word) : undefined;
    if (mac !== undefined) macs.add(mac);
    const [start = '', prefix] = word.split('/');
    const address = mac === undefined && /[.:]/.test(start) ? parseAddress(start) : undefined;
    if (!address) continue;
    addresses[address.family].add(address.value);
    if (prefix !== undefined) addresses[address.family].add(address.value + 5n);
  }
  return { 48: [...macs], 32: [...addresses[4]], 128: [...addresses[6]] };
}

/** Compares packets; at most five differences are kept. */
export function compare(topology: TraceTopology, analysis: Analysis, packets: readonly Fields[]): Comparison {
  const { space } = analysis;
  const counted = noComparison();
  const vague = [...analysis.ambiguous, ...analysis.classes.filter(({ exact }) => !exact)];
  const unknown = gapsOf(analysis, 'new');
  const isIn = (sets: readonly { packets: PacketSet }[], packet: Fields): boolean =>
    sets.some(({ packets }) => space.contains(packets, packet));
  for (const packet of packets) {
    const tracer = trace(topology, analysis, packet);
    if (tracer.gaps.length > 0 || isIn(unknown, packet) || isOtherwise(packet, tracer.actions)) {
      counted.skipped++;
      continue;
    }
    const classes = classLines(analysis, packet);
    const isVague = isIn(vague, packet);
    if (!(isVague ? isSaid(classes, tracer.lines) : sayTheSame(classes, tracer.lines))) {
      if (counted.differences.length < 5)
        counted.differences.push({ packet: packetText(packet), classes, tracer: tracer.lines });
    } else if (isVague) counted.among++;
    else {
      counted.same++;
      if (tracer.lines.length > 0) counted.delivered++;
    }
  }
  return counted;
}

/**
 * Where the tracer does as ovn-trace, and the analysis as a chassis: it answers nothing but IP when it rejects, by what
 * is whole and, of SCTP, is SCTP; an error about a fragment is none itself; and what `nd_ns` makes is a solicitation
 * by its protocol and hop limit, too.
 */
function isOtherwise(packet: Fields, actions: readonly string[]): boolean {
  const type = packet[fieldIndex('eth.type')];
  const isIp = type === 0x800n || type === 0x86ddn;
  const isSctp6 = type === 0x86ddn && packet[fieldIndex('ip.proto')] === 132n;
  const isFragment = packet[fieldIndex('ip.frag')] !== 0n;
  const isOddToReject = !isIp || isSctp6 || isFragment;
  return actions.some(
    (text) =>
      (isOddToReject && text.includes('reject {')) ||
      (isFragment && /icmp[46](_error)? \{/.test(text)) ||
      text.includes('nd_ns {'),
  );
}

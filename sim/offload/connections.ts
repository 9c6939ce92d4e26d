/**
 * Rules of connections.  Such a rule stands for one connection that software has
 * seen, so what it does must be what the flows do with packets of a connection
 * like that.  Which translation was chosen for it the rule says, or, where the rule
 * set has it, the connection table: then it has to be that one.
 */
import { parseIpv4, parseIpv6 } from '../../engine/lang/index.ts';
import type { KnownConnection, Tuple } from '../../engine/offload/rules.ts';
import type { PacketSet } from '../../engine/sets/index.ts';
import { at, headerPlaces } from '../symbolic/store.ts';
import { differing } from './compare.ts';
import type { Fate } from './fates.ts';
import { circumstanceFields, fieldIs, trackingFields } from './fields.ts';
import type { Sorter } from './sorter.ts';
import { type Hardware, type HardwareState, valueAt } from './state.ts';
import { bitsAre } from './values.ts';

/** Packets that a look at their connection found to belong to it. */
export interface ConnectionCase {
  readonly hardware: Hardware;
  readonly sorter: Sorter;
  readonly fate: Fate;
  readonly state: HardwareState;
  readonly packets: PacketSet;
  readonly reply: boolean;
  /** Which one it is, where the connection table is there. */
  readonly known?: KnownConnection;
}

/** What is wrong with a rule of a connection, in words that follow `the logical flows`; undefined where nothing is. */
export function connectionProblem(one: ConnectionCase): { packets: PacketSet; sentence: string } | undefined {
  const { hardware, packets, fate, state, sorter, reply, known } = one;
  const { space } = hardware;
  const mistaken = known && tableProblem(one, known);
  if (mistaken) return mistaken;
  const several = otherConnections(one);
  if (several !== space.empty) return { packets: several, sentence: 'have more than one connection in these packets' };
  const wanted = reply ? 'reply' : 'established';
  const right: PacketSet[] = [];
  for (const { class: each } of fate.classes) {
    if (each.connection !== wanted || !space.intersects(each.packets, packets)) continue;
    const relevant = space.and(each.copies, space.forget(packets, trackingFields));
    for (const part of sorter.parts(each.store, relevant, headerPlaces)) {
      const wrong = differing(hardware, state, part.store, part.packets, { unknownIsSame: true });
      right.push(space.diff(part.packets, wrong));
    }
  }
  const possible = space.forget(space.orAll(right), circumstanceFields);
  const rest = space.diff(packets, possible);
  if (rest === space.empty) return undefined;
  return { packets: rest, sentence: `do that with no packet of ${reply ? 'a reply' : 'an opener'} of a connection` };
}

/** The packets of one direction of a connection that neither open nor end it. */
export function packetsOf(
  hardware: Hardware,
  { protocol, opener, reply }: KnownConnection,
  isReply: boolean,
): PacketSet {
  const { space, kinds } = hardware;
  const { src, dst, srcPort, dstPort } = isReply ? reply : opener;
  const family = src.includes(':') ? 'ip6' : 'ip4';
  const sets = [
    protocol === 'tcp' ? space.diff(kinds.tcp, endingIn(hardware)) : kinds.udp,
    family === 'ip6' ? kinds.ip6 : kinds.ip4,
    fieldIs(space, `${family}.src`, addressOf(src)),
    fieldIs(space, `${family}.dst`, addressOf(dst)),
    fieldIs(space, 'tp.src', srcPort),
    fieldIs(space, 'tp.dst', dstPort),
  ];
  return sets.reduce((a, b) => space.and(a, b));
}

const addressOf = (text: string): bigint => (text.includes(':') ? parseIpv6(text) : parseIpv4(text)) ?? 0n;

/** TCP packets with SYN, FIN or RST. */
function endingIn({ space, kinds }: Hardware): PacketSet {
  return space.diff(kinds.tcp, fieldIs(space, 'tcp.flags', 0, 7n));
}

/** What is wrong with a rule of a connection that is known. */
function tableProblem(
  { hardware, packets, state, reply }: ConnectionCase,
  known: KnownConnection,
): { packets: PacketSet; sentence: string } | undefined {
  const { space } = hardware;
  const ending = known.protocol === 'tcp' ? space.and(packets, endingIn(hardware)) : space.empty;
  if (ending !== space.empty)
    return { packets: ending, sentence: 'have to see in software what opens or ends a connection' };
  const others = space.diff(packets, packetsOf(hardware, known, reply));
  const whose = `${reply ? 'replies' : 'packets of the opener'} of the connection`;
  if (others !== space.empty) {
    return { packets: others, sentence: `know ${whose} as ${tupleText(reply ? known.reply : known.opener)}` };
  }
  const leaving = turned(reply ? known.opener : known.reply);
  const family = leaving.src.includes(':') ? 'ip6' : 'ip4';
  const wanted: readonly (readonly [string, bigint])[] = [
    [`${family}.src`, addressOf(leaving.src)],
    [`${family}.dst`, addressOf(leaving.dst)],
    ['tp.src', BigInt(leaving.srcPort)],
    ['tp.dst', BigInt(leaving.dstPort)],
  ];
  const right = wanted.reduce((set, [name, value]) => {
    const now = valueAt(state, name);
    return space.and(set, bitsAre(space, now, value, (1n << BigInt(now.width)) - 1n, space.empty));
  }, space.all);
  const wrong = space.diff(packets, right);
  return wrong === space.empty ? undefined : { packets: wrong, sentence: `send ${whose} on as ${tupleText(leaving)}` };
}

const turned = ({ src, dst, srcPort, dstPort }: Tuple): Tuple => ({
  src: dst,
  dst: src,
  srcPort: dstPort,
  dstPort: srcPort,
});

const tupleText = ({ src, dst, srcPort, dstPort }: Tuple): string =>
  src.includes(':') ? `[${src}]:${srcPort} > [${dst}]:${dstPort}` : `${src}:${srcPort} > ${dst}:${dstPort}`;

const tuple = [at.ip4Src, at.ip4Dst, at.ip6Src, at.ip6Dst, at.tpSrc, at.tpDst];

/** The packets that belong to another connection than the first of them. */
function otherConnections({ hardware: { space }, packets }: ConnectionCase): PacketSet {
  const packet = space.pick(packets);
  if (!packet) return space.empty;
  const whole = (field: number) => {
    const width = space.fields[field]?.width ?? 0;
    return { field, value: packet[field] ?? 0n, mask: (1n << BigInt(width)) - 1n };
  };
  const isV6 = packet[at.ethType] === 0x86ddn;
  const unused = isV6 ? [at.ip4Src, at.ip4Dst] : [at.ip6Src, at.ip6Dst];
  const own = space.cube([at.ethType, at.ipProto, ...tuple.filter((field) => !unused.includes(field))].map(whole));
  return space.diff(packets, own);
}

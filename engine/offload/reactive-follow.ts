/**
 * The way of one packet through the data plane as it is now, as its megaflows tell it: which bits of the packet decide,
 * what is changed, where it leaves, and which established connections it belongs to.
 *
 *     const follower = openFollower(node.plane);
 *     const way = follower.follow({ port: 3, frame });
 *     if ('reason' in way) ...                          // software has to see such packets
 *
 * Only packets are followed of which software has just handled a twin: connection tracking sees this one as the same
 * packet sent again, at the same time.  What opens, ends or confuses a connection is not followed to its end.
 */
import {
  B_ETH_TYPE,
  B_FRAG,
  B_TCP_FLAGS,
  B_TUN_OPTION,
  CS_EST,
  CS_INV,
  CS_NEW,
  CS_REL,
  CT_FORCE,
  CT_SET,
  DP_CLONE,
  DP_CT,
  DP_CT_CLEAR,
  DP_CT_WORDS,
  DP_DROP,
  DP_END,
  DP_METER,
  DP_OUTPUT,
  DP_POP_VLAN,
  DP_PUNT,
  DP_PUSH_VLAN,
  DP_RECIRC,
  DP_SET,
  DP_TUNNEL,
  FLOW_SIZE,
  HEADROOM,
  KEY_WORDS,
  P_FRAME,
  P_IN_PORT,
  P_LENGTH,
  P_ROOM,
  PACKET_SIZE,
  PACKET_WORDS,
  W_CT,
  W_DERIVED,
  W_IN,
  W_L4,
  W_TUNNEL,
} from '../../asm/plane/layout.ts';
import type { Plane } from '../node/plane.ts';
import type { Reason, ReasonCode } from './plan.ts';

/** A packet as the plane takes it in: its physical port, or that of a tunnel with what stood in the tunnel's header. */
export interface FollowedFrame {
  readonly port: number;
  readonly frame: Uint8Array;
  readonly tunnel?: { readonly vni: number; readonly option: number };
}

/** A connection of one zone that the packet belongs to. */
export interface Tracked {
  /** The plane's number of it, and what it was as of. */
  readonly connection: number;
  readonly version: number;
  readonly direction: 'opener' | 'reply';
}

/** Where the packet leaves. */
export type WayOut =
  | { readonly kind: 'port'; readonly port: number }
  | { readonly kind: 'tunnel'; readonly tunnel: number; readonly vni: number; readonly option: number }
  | { readonly kind: 'drop' };

/** Words of flows are those of asm/plane/layout.ts. */
export interface Way {
  /** The packet as it came in. */
  readonly before: BigUint64Array;
  /** ... and as it leaves. */
  readonly after: BigUint64Array;
  /** Bits of it that were looked at. */
  readonly looked: BigUint64Array;
  /** Bits that were written, whatever they were. */
  readonly written: BigUint64Array;
  readonly out: WayOut;
  /** One after the other; none where no connection was asked for. */
  readonly tracked: readonly Tracked[];
  /** Whether something that was learned from packets decided: a neighbour, the place of an address. */
  readonly isLearned: boolean;
  /** What has to stay the same for all of this to hold. */
  readonly passes: readonly Pass[];
}

/** One translation: the flow that was translated, and what came of it. */
export interface Pass {
  readonly flow: BigUint64Array;
  readonly program: Uint32Array;
}

export interface Unfollowed {
  readonly reason: Reason;
}

export interface Follower {
  /** Follows a packet that software has just handled. */
  follow(frame: FollowedFrame): Way | Unfollowed;
  /** Whether the same flows would still decide the same, and its connections are what they were. */
  holds(way: Way): boolean;
  /** Whether its connections are what they were. */
  isCurrent(way: Way): boolean;
  /** Tells connection tracking that packets went this way by hardware; false where a connection is no longer there. */
  carried(way: Way): boolean;
}

/** As many passes as the plane makes of a packet. */
const MOST_PASSES = 7;
/** Bytes of the longest frame, and some that may be read behind it. */
const FRAME_ROOM = HEADROOM + 0x10000 + 16;
/** TCP flags by which connections are opened and ended. */
const FIN_SYN_RST = 7n;
const TCP = 6n;
const UDP = 17n;
const SHORTEST = 14;

const software = (code: ReasonCode, detail: string): Unfollowed => ({ reason: { code, detail } });

/** Takes memory of the plane, once for all packets. */
export function openFollower(plane: Plane): Follower {
  const { exports } = plane;
  const packet = plane.reserve(PACKET_SIZE);
  const flow = plane.reserve(FLOW_SIZE);
  const operation = plane.reserve(DP_CT_WORDS * 4);
  const buffer = plane.reserve(FRAME_ROOM);

  const words = (at: number, count: number): BigUint64Array =>
    new BigUint64Array(plane.memory().slice(at, at + count * 8).buffer);
  const word = (index: number): bigint => plane.data().getBigUint64(flow + index * 8, true);
  const putWord = (index: number, value: bigint): void => plane.data().setBigUint64(flow + index * 8, value, true);

  /** Puts the frame there and reads it; false where it is none. */
  function takeIn({ port, frame, tunnel }: FollowedFrame): boolean {
    if (frame.length < SHORTEST || frame.length > 0xffff - 8) return false;
    const memory = plane.memory();
    memory.fill(0, packet, packet + PACKET_SIZE);
    memory.fill(0, flow, flow + FLOW_SIZE);
    memory.set(frame, buffer + HEADROOM);
    const view = plane.data();
    view.setUint32(packet + P_FRAME, buffer + HEADROOM, true);
    view.setUint32(packet + P_LENGTH, frame.length, true);
    view.setUint32(packet + P_ROOM, HEADROOM, true);
    view.setUint32(packet + P_IN_PORT, port, true);
    if (!exports.extract(packet, flow)) return false;
    if (tunnel) putWord(W_TUNNEL, (BigInt(tunnel.option >>> 0) << BigInt(B_TUN_OPTION)) | BigInt(tunnel.vni));
    return true;
  }

  /** The program for the packet as it is; undefined where nothing can be remembered of it. */
  function translated(): Uint32Array | undefined {
    if (exports.translate(packet, flow) !== 0) return undefined;
    const at = exports.translatedProgram();
    return new Uint32Array(plane.memory().slice(at, at + exports.translatedWords() * 4).buffer);
  }

  function follow(frame: FollowedFrame): Way | Unfollowed {
    if (!takeIn(frame)) return software('not-modelled', 'the frame has no Ethernet header');
    const before = words(flow, KEY_WORDS);
    const refused = refusedAtOnce(before);
    if (refused) return refused;
    const going: Going = {
      looked: new BigUint64Array(KEY_WORDS),
      written: new BigUint64Array(KEY_WORDS),
      tracked: [],
      passes: [],
      isLearned: false,
    };
    for (let pass = 0; pass < MOST_PASSES; pass++) {
      const start = words(flow, KEY_WORDS);
      const program = translated();
      if (!program) return software('not-modelled', 'the packet is dropped for a reason that is not remembered');
      going.passes.push({ flow: start, program });
      going.isLearned ||= exports.translatedTags() !== 0n;
      look(going, words(exports.translatedMask(), KEY_WORDS));
      const end = run(program, going);
      if (end === 'again') continue;
      if ('reason' in end) return end;
      const { looked, written, tracked, isLearned, passes } = going;
      return { before, after: words(flow, KEY_WORDS), looked, written, out: end, tracked, isLearned, passes };
    }
    return software('recirculation', 'the packet comes back more often than the data plane allows');
  }

  /** Runs a program on the packet. */
  function run(program: Uint32Array, going: Going): WayOut | Unfollowed | 'again' {
    let out: WayOut | undefined;
    for (let at = 0; at < program.length; ) {
      const head = program[at] as number;
      const length = (head >>> 8) & 0xff;
      const argument = head >>> 16;
      const operand = (index: number): number => program[at + index] as number;
      const long = (index: number): bigint => BigInt(operand(index)) | (BigInt(operand(index + 1)) << 32n);
      const opcode = head & 0xff;
      if (opcode === DP_END) break;
      if (out && opcode !== DP_DROP) return software('clone', 'more than one packet becomes of it');
      switch (opcode) {
        case DP_SET: {
          exports.setWord(packet, flow, argument, long(1), long(3));
          going.written[argument] = (going.written[argument] ?? 0n) | long(3);
          break;
        }
        case DP_OUTPUT:
          out = { kind: 'port', port: operand(1) };
          break;
        case DP_TUNNEL:
          out = { kind: 'tunnel', tunnel: operand(1), vni: operand(2), option: operand(3) };
          break;
        case DP_CT: {
          const refused = track(program.subarray(at, at + length), going);
          if (refused) return refused;
          break;
        }
        case DP_CT_CLEAR:
          for (let index = W_CT; index < KEY_WORDS; index++) putWord(index, 0n);
          break;
        case DP_RECIRC:
          plane.data().setUint32(flow + W_IN * 8 + 4, operand(1), true);
          return 'again';
        case DP_DROP:
          break;
        case DP_CLONE:
          return software('clone', 'copies of the packet are made');
        case DP_PUNT:
          return software('controller-action', 'the chassis answers the packet, or learns from it');
        case DP_METER:
          return software('meter', 'a meter decides');
        case DP_PUSH_VLAN:
        case DP_POP_VLAN:
          return software('unsupported-action', 'a VLAN tag is put on the packet or taken off');
        default:
          return software('not-modelled', `the packet plane does something (${opcode}) that no rule does`);
      }
      at += length;
    }
    return out ?? { kind: 'drop' };
  }

  /** A look at the packet's connection; why it is software's, or nothing. */
  function track(code: Uint32Array, going: Going): Unfollowed | undefined {
    const flags = code[1] ?? 0;
    if (flags & CT_FORCE) return software('ct-new', 'a connection is committed anew');
    const was = words(flow, KEY_WORDS);
    const [protocol, tcpFlags] = [(was[W_L4] ?? 0n) & 0xffn, (was[W_DERIVED] ?? 0n) >> BigInt(B_TCP_FLAGS)];
    if (protocol !== TCP && protocol !== UDP) {
      const isPing = protocol === 1n || protocol === 58n;
      return isPing
        ? software('ct-icmp', 'its connection is one of ICMP')
        : software(protocol === 132n ? 'sctp' : 'unsupported-match', 'its connection is neither one of TCP nor of UDP');
    }
    if (protocol === TCP && (tcpFlags & FIN_SYN_RST) !== 0n) {
      return software('ct-new', 'it opens a connection or closes it');
    }
    plane.memory().set(new Uint8Array(code.slice().buffer), operation);
    if (exports.ctProcess(packet, flow, operation) !== 0) return software('fragment', 'fragments are put together');
    const state = Number(word(W_CT) & 0xffn);
    if (state & CS_REL) return software('ct-related', 'the packet is about another connection');
    if (state & (CS_NEW | CS_INV) || !(state & CS_EST)) {
      return software('ct-new', 'it belongs to no established connection');
    }
    const connection = exports.ctConn.value;
    const version = exports.ctVersion.value;
    if (connection === 0 || exports.ctCurrent(connection, version) === 0) {
      return software('ct-new', 'its connection is being opened or closed');
    }
    if (flags & CT_SET && !isMarked(code)) return software('ct-new', 'the mark of its connection is being changed');
    const direction = exports.ctDirection.value === 0 ? 'opener' : 'reply';
    going.tracked.push({ connection, version, direction });
    // What the connection translates follows from its addresses and ports.
    for (let index = 0; index < PACKET_WORDS; index++) {
      going.written[index] = (going.written[index] ?? 0n) | ((was[index] ?? 0n) ^ word(index));
    }
    return undefined;
  }

  /** Whether mark and label are what the instruction would make them. */
  function isMarked(code: Uint32Array): boolean {
    const long = (index: number): bigint => BigInt(code[index] ?? 0) | (BigInt(code[index + 1] ?? 0) << 32n);
    const mark = Number(word(W_CT) >> 32n);
    const [high, low] = [word(W_CT + 1), word(W_CT + 2)];
    return (
      ((mark ^ (code[2] ?? 0)) & (code[3] ?? 0)) === 0 &&
      ((low ^ long(4)) & long(8)) === 0n &&
      ((high ^ long(6)) & long(10)) === 0n
    );
  }

  const isCurrent = ({ tracked }: Way): boolean =>
    tracked.every(({ connection, version }) => exports.ctCurrent(connection, version) !== 0);

  function holds(way: Way): boolean {
    if (!isCurrent(way)) return false;
    return way.passes.every((pass) => {
      plane.memory().fill(0, flow, flow + FLOW_SIZE);
      for (const [index, value] of pass.flow.entries()) putWord(index, value);
      const program = translated();
      return (
        program !== undefined &&
        program.length === pass.program.length &&
        program.every((w, i) => w === pass.program[i])
      );
    });
  }

  return {
    follow,
    holds,
    isCurrent,
    carried: ({ tracked }) =>
      tracked.map(({ connection, version }) => exports.ctCarry(connection, version) !== 0).every((done) => done),
  };
}

interface Going {
  readonly looked: BigUint64Array;
  readonly written: BigUint64Array;
  readonly tracked: Tracked[];
  readonly passes: Pass[];
  isLearned: boolean;
}

/** Notes bits of the packet that were looked at: not those that stand there because somebody wrote them. */
function look({ looked, written }: Going, mask: BigUint64Array): void {
  for (let index = 0; index < PACKET_WORDS; index++) {
    looked[index] = (looked[index] ?? 0n) | ((mask[index] ?? 0n) & ~(written[index] ?? 0n));
  }
}

/** Packets of which hardware does not see what software sees. */
function refusedAtOnce(before: BigUint64Array): Unfollowed | undefined {
  const type = Number((before[0] ?? 0n) >> BigInt(B_ETH_TYPE));
  const l4 = before[W_L4] ?? 0n;
  if ((before[1] ?? 0n) >> 48n !== 0n) return software('unsupported-match', 'the packet has a VLAN tag');
  if (((l4 >> BigInt(B_FRAG)) & 3n) !== 0n) {
    return software(type === 0x86dd ? 'ipv6-fragment' : 'fragment', 'the packet is a fragment');
  }
  if (type === 0x806) return software('arp-nd', 'rules do not look into ARP');
  return undefined;
}

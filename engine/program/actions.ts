/**
 * Actions of logical flows as code for asm/plane/actions.ts.  The encoding is
 * described in asm/plane/image.ts; which zone, table and flags a conntrack action
 * means follows lib/actions.c of OVN 23.03.1.
 */
import {
  A_ADDRESS,
  A_AFFINITY,
  A_CLONE,
  A_COMMIT_AFFINITY,
  A_COMMIT_NEXT_HOP,
  A_CT_CLEAR,
  A_DEC_TTL,
  A_END,
  A_EXCHANGE,
  A_FDB,
  A_FORWARD,
  A_HAIRPIN,
  A_LARGER,
  A_LOAD,
  A_METER,
  A_MOVE,
  A_NEIGHBOR,
  A_NEXT,
  A_NEXT_HOP,
  A_OUTPUT,
  A_POP,
  A_PORT_SECURITY,
  A_PUNT,
  A_PUSH,
  A_SELECT,
  A_SNAT_TO_VIP,
  FDB_GET,
  FDB_LOOKUP,
  NEIGHBOR_GET,
  NEIGHBOR_LOOKUP,
  NEIGHBOR_LOOKUP_IP,
  PUNT_NESTED,
  PUNT_NOTE,
  PUNT_PAUSE,
  TABLE_HAIRPIN,
} from '../../asm/plane/image.ts';
import { B_QUEUE, W_CT, W_CT_IP6_DST, W_CT_TUPLE, W_ZONES } from '../../asm/plane/layout.ts';
import type { Action, Backend, FieldRef } from '../lang/index.ts';
import { encodeConntrack, isConntrack } from './actions-conntrack.ts';
import {
  addressWords,
  assignments,
  Code,
  CodeError,
  halves,
  onePiece,
  pairedPieces,
  pieceWord,
  twoPieces,
} from './code.ts';
import { fieldPieces } from './fields.ts';
import { encodeHashFields } from './hash-fields.ts';

/** What code refers to by number. */
export interface CodeContext {
  readonly isSwitch: boolean;
  /** Table of the flow. */
  readonly table: number;
  /** Tunnel key of a port or group of the flow's datapath; undefined if it has none of that name. */
  portKey(name: string): number | undefined;
  /** Whether another chassis has the port. */
  isBehindTunnel(name: string): boolean;
  /** Number of an action that the host does. */
  punt(action: Action): number;
  /** Number of a threshold of frames' lengths in bytes. */
  threshold(bytes: number): number;
  /** Number of a meter: kbit/s, kbit. */
  meter(rate: bigint, burst: bigint): number;
}

type ActionOf<T extends Action['type']> = Extract<Action, { type: T }>;

/** The code of a flow; empty if it drops.  Throws `CodeError` for what cannot be run. */
export function encodeActions(actions: readonly Action[], context: CodeContext): number[] {
  const code = new Code();
  if (context.table === TABLE_HAIRPIN) encodeAddress(code, actions);
  else for (const action of actions) encode(code, action, context);
  return code.words;
}

/** Flows of the chassis' table of hairpins have an address for the caller, written as an assignment. */
function encodeAddress(code: Code, [action]: readonly Action[]): void {
  if (action?.type !== 'load') throw new CodeError('a balancer has no address for its callers');
  const { words, isIpv6 } = addressWords(action.imm);
  code.add(A_ADDRESS, isIpv6 ? 1 : 0, ...words);
}

function encode(code: Code, action: Action, context: CodeContext): void {
  if (isConntrack(action)) {
    encodeConntrack(code, action, context, (actions) => encodeActions(actions, { ...context, table: 0 }));
    return;
  }
  switch (action.type) {
    case 'next':
      code.add(A_NEXT, action.table, action.pipeline === 'ingress' ? 0 : 1);
      break;
    case 'output':
      code.add(A_OUTPUT, 0);
      break;
    case 'load':
      encodeLoad(code, action, context);
      break;
    case 'move':
      for (const { to, from } of pairedPieces(action.dst, action.src)) {
        if (from) code.add(A_MOVE, 0, pieceWord(to), pieceWord(from));
        else addLoad(code, to.word, 0n, ((1n << BigInt(to.width)) - 1n) << BigInt(to.bit));
      }
      break;
    case 'exchange':
      for (const { to, from } of pairedPieces(action.dst, action.src)) {
        if (!from) throw new CodeError(`${action.dst.symbol.name} and ${action.src.symbol.name} cannot be exchanged`);
        code.add(A_EXCHANGE, 0, pieceWord(to), pieceWord(from));
      }
      break;
    case 'push':
      for (const piece of fieldPieces(action.field)) code.add(A_PUSH, 0, pieceWord(piece));
      break;
    case 'pop':
      for (const piece of fieldPieces(action.field).toReversed()) code.add(A_POP, 0, pieceWord(piece));
      break;
    case 'nested':
      encodeNested(code, action, context);
      break;
    case 'select':
      encodeSelect(code, action, context);
      break;
    case 'fwd_group': {
      const keys = action.childPorts.map((name) => context.portKey(name)).filter((key) => key !== undefined);
      // Without all of its ports a group is none; whether a port lives is asked of its tunnel (lib/actions.c, encode_FWD_GROUP).
      const isWhole = keys.length === action.childPorts.length && keys.length > 0;
      const canLive = !action.liveness || action.childPorts.every((name) => context.isBehindTunnel(name));
      if (isWhole && canLive) code.add(A_FORWARD, 0, keys.length, ...keys);
      break;
    }
    default:
      if (!encodeQuestion(code, action, context) && !encodeHostAction(code, action, context)) {
        encodePlain(code, action, context);
      }
  }
}

function encodePlain(code: Code, action: Action, context: CodeContext): void {
  switch (action.type) {
    case 'ip.ttl--':
      code.add(A_DEC_TTL, 0);
      break;
    case 'ct_clear':
      code.add(A_CT_CLEAR, 0);
      break;
    case 'ct_snat_to_vip':
      code.add(A_SNAT_TO_VIP, 0);
      break;
    case 'commit_lb_aff':
      encodeCommitAffinity(code, action);
      break;
    case 'commit_ecmp_nh':
      code.add(A_COMMIT_NEXT_HOP, 0);
      break;
    case 'set_meter':
      code.add(A_METER, 0, context.meter(action.rate, action.burst));
      break;
    case 'set_queue':
      addLoad(code, W_ZONES, BigInt(action.queue) << BigInt(B_QUEUE), 0xffffn << BigInt(B_QUEUE));
      break;
    case 'sample':
    case 'mirror':
    case 'mac_cache_use':
      // Samples and copies for collectors, and what neighbours' ages are told by: the packet goes on.
      break;
    default:
      throw new CodeError(`the action ${action.type} is not known to the packet plane`);
  }
}

function addLoad(code: Code, word: number, value: bigint, mask: bigint): void {
  code.add(A_LOAD, word, ...halves(value), ...halves(mask));
}

function encodeLoad(code: Code, { dst, imm }: ActionOf<'load'>, context: CodeContext): void {
  const value = imm.kind === 'bits' ? imm.value : BigInt(context.portKey(imm.text) ?? 0);
  const mask = imm.kind === 'bits' ? imm.mask : 0xffffn;
  for (const assignment of assignments(dst, value, mask)) {
    addLoad(code, assignment.word, assignment.value, assignment.mask);
  }
}

/** `clone { }`; in the braces of all others is what the host resumes with the packet that it makes. */
function encodeNested(code: Code, action: ActionOf<'nested'>, context: CodeContext): void {
  const body = [...encodeActions(action.actions, context), A_END | (1 << 16)];
  if (action.name === 'clone') code.add(A_CLONE, 0, body.length);
  else code.add(A_PUNT, PUNT_NESTED, context.punt(action), body.length);
  code.append(body);
}

function encodeSelect(code: Code, { dst, members, hashFields }: ActionOf<'select'>, { table }: CodeContext): void {
  // Members without a weight are never chosen.
  const chosen = members.filter(({ weight }) => weight > 0);
  if (chosen.length === 0) throw new CodeError('select has no member with a weight');
  if (hashFields !== undefined) encodeHashFields(code, hashFields);
  const pairs = chosen.flatMap(({ id, weight }) => [id, weight]);
  code.add(A_SELECT, table + 1, onePiece(dst), chosen.length, ...pairs);
}

/** Actions that put into a field what the chassis knows; false for others. */
function encodeQuestion(code: Code, action: Action, context: CodeContext): boolean {
  switch (action.type) {
    case 'get_arp':
    case 'get_nd':
      code.add(A_NEIGHBOR, NEIGHBOR_GET, onePiece(action.port), ...twoPieces(action.ip), 0, 0);
      return true;
    case 'lookup_arp':
    case 'lookup_nd':
    case 'lookup_arp_ip':
    case 'lookup_nd_ip': {
      const kind = action.mac ? NEIGHBOR_LOOKUP : NEIGHBOR_LOOKUP_IP;
      const mac = action.mac ? onePiece(action.mac) : 0;
      code.add(A_NEIGHBOR, kind, onePiece(action.port), ...twoPieces(action.ip), mac, onePiece(action.dst));
      return true;
    }
    case 'get_fdb':
      code.add(A_FDB, FDB_GET, onePiece(action.mac), onePiece(action.dst), 0);
      return true;
    case 'lookup_fdb':
      code.add(A_FDB, FDB_LOOKUP, onePiece(action.mac), onePiece(action.dst), onePiece(action.port));
      return true;
    case 'check_pkt_larger':
      code.add(A_LARGER, context.threshold(action.bytes), onePiece(action.dst));
      return true;
    case 'check_in_port_sec':
    case 'check_out_port_sec':
      code.add(A_PORT_SECURITY, action.type === 'check_in_port_sec' ? 0 : 1, onePiece(action.dst));
      return true;
    case 'chk_lb_hairpin':
    case 'chk_lb_hairpin_reply':
      code.add(A_HAIRPIN, action.type === 'chk_lb_hairpin' ? 0 : 1, onePiece(action.dst));
      return true;
    case 'chk_lb_aff':
      code.add(A_AFFINITY, 0, onePiece(action.dst));
      return true;
    case 'chk_ecmp_nh':
    case 'chk_ecmp_nh_mac':
      code.add(A_NEXT_HOP, action.type === 'chk_ecmp_nh' ? 0 : 1, onePiece(action.dst));
      return true;
    case 'ct_nw_dst':
    case 'ct_ip6_dst':
    case 'ct_tp_dst':
    case 'ct_state_save':
      encodeTuple(code, action.type, action.dst);
      return true;
    default:
      return false;
  }
}

/** Where the original direction's destination and ct_state are. */
const TUPLE = {
  ct_nw_dst: [{ word: W_CT_TUPLE, bit: 0, width: 32, ofs: 0 }],
  ct_tp_dst: [{ word: W_CT_TUPLE, bit: 32, width: 16, ofs: 0 }],
  ct_ip6_dst: [
    { word: W_CT_IP6_DST, bit: 0, width: 64, ofs: 64 },
    { word: W_CT_IP6_DST + 1, bit: 0, width: 64, ofs: 0 },
  ],
  ct_state_save: [{ word: W_CT, bit: 0, width: 8, ofs: 0 }],
} as const;

function encodeTuple(code: Code, name: keyof typeof TUPLE, dst: FieldRef): void {
  const sources = TUPLE[name];
  for (const to of fieldPieces(dst)) {
    const from = sources.find(({ ofs }) => ofs === to.ofs) ?? sources[0];
    const width = Math.min(to.width, from.width);
    code.add(A_MOVE, 0, pieceWord({ ...to, width }), pieceWord({ ...from, width }));
  }
}

/** Actions for which the packet waits, and actions that the host takes note of; false for others. */
function encodeHostAction(code: Code, action: Action, context: CodeContext): boolean {
  switch (action.type) {
    case 'put_dhcp_opts':
    case 'put_dhcpv6_opts':
    case 'put_nd_ra_opts':
    case 'dns_lookup':
    case 'dhcp_relay_req_chk':
    case 'dhcp_relay_resp_chk':
      code.add(A_PUNT, PUNT_PAUSE, context.punt(action), 0);
      return true;
    case 'put_arp':
    case 'put_nd':
    case 'put_fdb':
    case 'igmp':
    case 'log':
    case 'trigger_event':
    case 'bind_vport':
    case 'handle_svc_check':
    case 'handle_dhcpv6_reply':
    case 'handle_bfd_msg':
      code.add(A_PUNT, PUNT_NOTE, context.punt(action), 0);
      return true;
    default:
      return false;
  }
}

const PROTOCOLS = { tcp: 6, udp: 17, sctp: 132 } as const;

function encodeCommitAffinity(code: Code, action: ActionOf<'commit_lb_aff'>): void {
  const { vip, backend, protocol, timeout } = action;
  const service = addressWords(vip.ip);
  const address = (end: Backend) => addressWords(end.ip).words;
  const ports = (vip.port & 0xffff) | ((backend.port & 0xffff) << 16);
  const rest = (protocol ? PROTOCOLS[protocol] : 0) | (Math.min(timeout, 0xffff) << 16);
  code.add(A_COMMIT_AFFINITY, service.isIpv6 ? 1 : 0, ...address(vip), ...address(backend), ports, rest);
}

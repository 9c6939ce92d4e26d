/** Conntrack actions as code: which zone and table each means, what it commits. */
import {
  A_CT,
  A_LOAD,
  A_MOVE,
  CT_BACKEND_WORDS,
  CT_CODE_WORDS,
  ZONE_COMMON,
  ZONE_OF_DNAT,
  ZONE_OF_PORT,
  ZONE_OF_SNAT,
} from '../../asm/plane/image.ts';
import {
  B_CT_MARK,
  CT_COMMIT,
  CT_NAT,
  CT_NAT_DST,
  CT_NAT_SRC,
  CT_NAT_V6,
  CT_UNCHANGED,
  W_CT,
  W_CT_LABEL,
} from '../../asm/plane/layout.ts';
import { type Action, type Constant, findSymbol } from '../lang/index.ts';
import { addressWords, Code, CodeError, halves } from './code.ts';
import { encodeHashFields } from './hash-fields.ts';

const TYPES = [
  'ct_next',
  'ct_commit',
  'ct_commit_v2',
  'ct_commit_nat',
  'ct_commit_to_zone',
  'ct_dnat',
  'ct_snat',
  'ct_dnat_in_czone',
  'ct_snat_in_czone',
  'ct_lb',
  'ct_lb_mark',
] as const;

type ConntrackAction = Extract<Action, { type: (typeof TYPES)[number] }>;

export function isConntrack(action: Action): action is ConntrackAction {
  return (TYPES as readonly string[]).includes(action.type);
}

/** What one DP_CT is to do. */
interface Tracking {
  zone: number;
  /** Table in which the packet goes on; undefined if it stays. */
  next?: number;
  flags: number;
  address?: Constant;
  ports?: number;
  backends?: number[];
  /** Code that sets mark and label. */
  marks?: number[];
}

interface ZoneContext {
  readonly isSwitch: boolean;
  readonly table: number;
}

/** Adds the instruction; `compile` gives the code of nested assignments. */
export function encodeConntrack(
  code: Code,
  action: ConntrackAction,
  context: ZoneContext,
  compile: (actions: readonly Action[]) => number[],
): void {
  const tracking = trackingOf(action, context, compile);
  const { zone, next, flags, address, ports = 0, backends = [], marks = [] } = tracking;
  const { mark, low, high } = assignedBits(marks);
  const target = address ? addressWords(address) : { words: [0, 0, 0, 0], isIpv6: false };
  const count = backends.length / CT_BACKEND_WORDS;
  const operands = [
    ...[
      next === undefined ? 0 : next + 1,
      flags | (target.isIpv6 ? CT_NAT_V6 : 0),
      mark,
      ...halves(low),
      ...halves(high),
    ],
    ...[...target.words, ports, count, marks.length],
  ];
  if (operands.length + 1 !== CT_CODE_WORDS) throw new Error('the encoding of connection tracking has another length');
  if ('hashFields' in action && action.hashFields !== undefined && count > 0) encodeHashFields(code, action.hashFields);
  code.add(A_CT, zone, ...operands, ...backends);
  code.append(marks);
}

function trackingOf(
  action: ConntrackAction,
  { isSwitch, table }: ZoneContext,
  compile: (actions: readonly Action[]) => number[],
): Tracking {
  const next = table + 1;
  const usual = isSwitch ? ZONE_OF_PORT : ZONE_OF_DNAT;
  const named = (zone: 'dnat' | 'snat') => (isSwitch ? ZONE_OF_PORT : zone === 'snat' ? ZONE_OF_SNAT : ZONE_OF_DNAT);
  switch (action.type) {
    case 'ct_next':
      return { zone: named(action.zone), next, flags: 0 };
    case 'ct_commit':
      return { zone: usual, flags: CT_COMMIT | CT_UNCHANGED, marks: marksOf(action) };
    case 'ct_commit_v2':
      return { zone: usual, flags: CT_COMMIT | CT_UNCHANGED, marks: compile(action.actions) };
    case 'ct_commit_nat':
      return { zone: named(action.zone), next, flags: CT_COMMIT | CT_NAT };
    case 'ct_commit_to_zone':
      return { zone: named(action.zone), next, flags: CT_COMMIT };
    case 'ct_dnat':
    case 'ct_snat':
    case 'ct_dnat_in_czone':
    case 'ct_snat_in_czone':
      return { ...natOf(action), next };
    case 'ct_lb':
    case 'ct_lb_mark':
      return { zone: usual, next, ...balancingOf(action) };
  }
}

function natOf({
  type,
  ip,
  ports,
}: Extract<ConntrackAction, { type: 'ct_dnat' | 'ct_snat' | 'ct_dnat_in_czone' | 'ct_snat_in_czone' }>): Tracking {
  const isSource = type.startsWith('ct_snat');
  const zone = type.endsWith('_in_czone') ? ZONE_COMMON : isSource ? ZONE_OF_SNAT : ZONE_OF_DNAT;
  if (!ip) return { zone, flags: CT_NAT };
  return {
    zone,
    flags: CT_COMMIT | (isSource ? CT_NAT_SRC : CT_NAT_DST),
    address: ip,
    ...(ports && { ports: (ports.low | (ports.high << 16)) >>> 0 }),
  };
}

/** Marks that tell translated connections, and what the router is to do with their source: lib/actions.c, encode_ct_lb. */
function balancingOf({
  type,
  backends,
  flag,
}: Extract<ConntrackAction, { type: 'ct_lb' | 'ct_lb_mark' }>): Omit<Tracking, 'zone'> {
  if (backends.length === 0) return { flags: CT_NAT };
  const storage = type === 'ct_lb_mark' ? 'ct_mark' : 'ct_label';
  const names = ['natted', ...(flag === undefined ? [] : [flag])];
  const marks = new Code();
  for (const name of names) {
    const symbol = findSymbol(`${storage}.${name}`);
    if (!symbol) throw new CodeError(`there is no ${storage}.${name}`);
    const bit = 1n << BigInt(symbol.ofs);
    addStored(marks, storage, bit, bit);
  }
  const words = backends.map(({ ip, port }) => ({ ...addressWords(ip), port }));
  const isIpv6 = words.some((backend) => backend.isIpv6);
  return {
    flags: CT_COMMIT | CT_NAT_DST | (isIpv6 ? CT_NAT_V6 : 0),
    backends: words.flatMap(({ words: address, port }) => [...address, port, 1]),
    marks: marks.words,
  };
}

function marksOf({ mark, label }: { mark?: Constant; label?: Constant }): number[] {
  const code = new Code();
  if (mark?.kind === 'bits') addStored(code, 'ct_mark', mark.value, mark.mask & 0xffffffffn);
  if (label?.kind === 'bits') addStored(code, 'ct_label', label.value, label.mask);
  return code.words;
}

function addStored(code: Code, storage: 'ct_mark' | 'ct_label', value: bigint, mask: bigint): void {
  const load = (word: number, v: bigint, m: bigint) => {
    if (m !== 0n) code.add(A_LOAD, word, ...halves(v & m), ...halves(m));
  };
  if (storage === 'ct_mark') {
    load(W_CT, value << BigInt(B_CT_MARK), mask << BigInt(B_CT_MARK));
  } else {
    load(W_CT_LABEL, BigInt.asUintN(64, value >> 64n), BigInt.asUintN(64, mask >> 64n));
    load(W_CT_LABEL + 1, BigInt.asUintN(64, value), BigInt.asUintN(64, mask));
  }
}

/** Which bits of mark and label code assigns. */
function assignedBits(words: readonly number[]): { mark: number; low: bigint; high: bigint } {
  const masks = new Map<number, bigint>();
  const add = (word: number, mask: bigint) => masks.set(word, (masks.get(word) ?? 0n) | mask);
  for (let at = 0; at < words.length; at += (words[at] as number) >>> 16) {
    const head = words[at] as number;
    const operand = (index: number) => BigInt(words[at + index] as number);
    const opcode = head & 0xff;
    if (opcode === A_LOAD) {
      add((head >> 8) & 0xff, operand(3) | (operand(4) << 32n));
    } else if (opcode === A_MOVE) {
      const piece = words[at + 1] as number;
      add(piece & 0x1f, ((1n << BigInt((piece >> 16) & 0x7f)) - 1n) << BigInt((piece >> 8) & 0x3f));
    } else {
      throw new CodeError('only assignments can stand in ct_commit { }');
    }
  }
  return {
    mark: Number((masks.get(W_CT) ?? 0n) >> BigInt(B_CT_MARK)),
    high: masks.get(W_CT_LABEL) ?? 0n,
    low: masks.get(W_CT_LABEL + 1) ?? 0n,
  };
}

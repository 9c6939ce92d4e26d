/**
 * What the flows of a part do with addresses. To rename some, they have to be compared with constants and copied as a
 * whole, and nothing else: where anything else may happen to them, there is no answer.
 */
import { formatEthernet, formatIpv4, formatIpv6, parseEthernet } from '../../../engine/lang/addresses.ts';
import type { Action, Constant, FieldRef } from '../../../engine/lang/ir.ts';
import type { Pipeline, Southbound } from '../../../engine/ovsdb/southbound.ts';
import { createTexts, readDatapaths, type SymbolicDatapath, type SymbolicFlow } from '../../symbolic/flows.ts';
import { networkOf } from '../../symbolic/index.ts';
import type { Test } from '../../symbolic/matching.ts';
import { at } from '../../symbolic/store.ts';
import { parseAddress } from '../../trace/addresses.ts';
import {
  bitsOf,
  contentOf,
  isIndifferent,
  isRegister,
  isWhole,
  type Layout,
  nothing,
  type Sort,
  sortOf,
  widths,
  written,
} from './layouts.ts';

/** What addresses are compared with. */
export interface Uses {
  /** Some bits of an address, which are to have a value. */
  readonly masked: readonly { readonly sort: Sort; readonly value: bigint; readonly mask: bigint }[];
  /** IPv6 addresses that are compared with or written as a whole. */
  readonly exact6: ReadonlySet<bigint>;
}

/** Whether a member of a set is written in the one way that addresses are known by. */
function isPlain(member: string): boolean {
  const [ip = '', length] = member.split('/');
  const address = parseAddress(ip);
  if (!address) return length === undefined && member === formatEthernet(parseEthernet(member) ?? 0n);
  const format = address.family === 4 ? formatIpv4 : formatIpv6;
  const isNetwork = length === undefined || (/^\d+$/.test(length) && Number(length) < widths[`ip${address.family}`]);
  return format(address.value) === ip && isNetwork;
}

/** Thrown inside, where addresses are put to another use. */
class OtherUse extends Error {
  override readonly name = 'OtherUse';
}

/** Undefined where addresses are more than compared and copied, or a flow is not understood. */
export function usesOf(southbound: Southbound): Uses | undefined {
  for (const members of southbound.addressSets.values()) if (!members.every(isPlain)) return undefined;
  const network = networkOf(southbound);
  const found = createCollection();
  try {
    const read = readDatapaths(network, [...network.datapaths.values()], createTexts(network));
    for (const datapath of read.values())
      for (const pipeline of ['ingress', 'egress'] as const) follow(datapath, pipeline, found);
  } catch (error) {
    if (error instanceof OtherUse) return undefined;
    throw error;
  }
  return { masked: [...found.masked.values()], exact6: found.exact6 };
}

function createCollection() {
  const masked = new Map<string, Uses['masked'][number]>();
  const exact6 = new Set<bigint>();
  return {
    masked,
    exact6,
    add(sort: Sort, value: bigint, mask: bigint): void {
      if (mask !== ones(widths[sort])) masked.set(`${sort} ${value} ${mask}`, { sort, value, mask });
      else if (sort === 'ip6') exact6.add(value);
    },
  };
}

type Collection = ReturnType<typeof createCollection>;

const ones = (width: number): bigint => (1n << BigInt(width)) - 1n;

/** Types of Ethernet frames that are told apart; undefined is any other. */
const families = [0x800n, 0x86ddn, 0x806n, undefined] as const;
type Family = (typeof families)[number];

/** Packets of a family that come to a table with registers of a layout. */
interface Arrival {
  readonly table: number;
  readonly family: Family;
  readonly layout: Layout;
}

/** Follows what registers hold through the tables of a pipeline: it starts with nothing in them. */
function follow({ tables }: SymbolicDatapath, pipeline: Pipeline, found: Collection): void {
  const all = tables[pipeline];
  const arrivals = Array.from(all, () => new Map<string, Arrival>());
  const arrive = (one: Arrival): void => {
    arrivals[one.table]?.set(`${one.family} ${one.layout.join()}`, one);
  };
  for (const family of families) arrive({ table: 0, family, layout: nothing });
  for (const [table, own] of arrivals.entries()) {
    for (const flow of all[table]?.flows ?? []) {
      if (flow.problem !== undefined) throw new OtherUse();
      collect(flow.test, found);
      for (const arrival of own.values()) {
        if (isMet(flow.test, arrival.family) === false) continue;
        compare(flow.test, arrival.layout, found);
        run(flow.actions, { pipeline, found, arrive }, arrival);
      }
    }
  }
}

/** Whether packets of a family match, as far as the family decides that. */
function isMet(test: Test, family: Family): boolean | undefined {
  switch (test.type) {
    case 'constant':
      return test.value;
    case 'bits': {
      if (test.place !== at.ethType || test.mask !== 0xffffn) return undefined;
      if (family === undefined && !families.includes(test.value as (typeof families)[number])) return undefined;
      return (test.value === family) === test.equal;
    }
    default: {
      const answers = test.terms.map((term) => isMet(term, family));
      const absorbing = test.type === 'or';
      if (answers.includes(absorbing)) return absorbing;
      return answers.every((answer) => answer === !absorbing) ? !absorbing : undefined;
    }
  }
}

/** What a match compares addresses of packets with. */
function collect(test: Test, found: Collection): void {
  if (test.type === 'and' || test.type === 'or') for (const term of test.terms) collect(term, found);
  if (test.type !== 'bits') return;
  const sort = sortOf(test.place);
  if (sort) found.add(sort, test.value, test.mask);
}

/** What a match compares registers with. */
function compare(test: Test, layout: Layout, found: Collection): void {
  if (test.type === 'and' || test.type === 'or') for (const term of test.terms) compare(term, layout, found);
  if (test.type !== 'bits' || !isRegister(test)) return;
  if (!isIndifferent(layout, test.place, test.value, test.mask)) throw new OtherUse();
  if (test.mask === ones(widths.ip6)) found.add('ip6', test.value, test.mask);
}

interface Where {
  readonly pipeline: Pipeline;
  readonly found: Collection;
  arrive(one: Arrival): void;
}

/** The family of what is made of a packet; the others stay what they are. */
const makes: Readonly<Record<string, Family>> = {
  arp: 0x806n,
  nd_na: 0x86ddn,
  nd_na_router: 0x86ddn,
  nd_ns: 0x86ddn,
  icmp4: 0x800n,
  icmp4_error: 0x800n,
  icmp6: 0x86ddn,
  icmp6_error: 0x86ddn,
};

function run(actions: SymbolicFlow['actions'], where: Where, { table, family, layout: before }: Arrival): void {
  let layout = before;
  for (const action of actions) {
    constantsIn(action, where.found);
    if (action.type === 'next') {
      if (action.pipeline !== where.pipeline || action.table <= table) throw new OtherUse();
      where.arrive({ table: action.table, family, layout });
    } else if (action.type === 'nested') {
      const inner = action.name in makes ? makes[action.name] : family;
      run(action.actions, where, { table, family: inner, layout });
    } else if (goesOn.has(action.type)) {
      if (action.type === 'select') layout = put(layout, action.dst, 'number');
      where.arrive({ table: table + 1, family, layout });
    } else layout = done(action, layout, where.found);
  }
}

/** Whoever goes on behind these finds the next table. */
const goesOn: ReadonlySet<string> = new Set<Action['type']>([
  'ct_next',
  'ct_dnat',
  'ct_snat',
  'ct_dnat_in_czone',
  'ct_snat_in_czone',
  'ct_commit_nat',
  'ct_commit_to_zone',
  'ct_lb',
  'ct_lb_mark',
  'select',
]);

/** Actions that do nothing to addresses, and whose results (if they have any) are numbers. */
const harmless: ReadonlySet<string> = new Set<Action['type']>([
  'output',
  'ct_clear',
  'igmp',
  'ip.ttl--',
  'handle_dhcpv6_reply',
  'handle_svc_check',
  'check_in_port_sec',
  'check_out_port_sec',
  'dns_lookup',
  'chk_lb_hairpin',
  'chk_lb_hairpin_reply',
  'ct_snat_to_vip',
  'ct_state_save',
  'ct_tp_dst',
  'get_arp',
  'get_nd',
  'put_arp',
  'put_nd',
  'lookup_arp',
  'lookup_nd',
  'lookup_arp_ip',
  'lookup_nd_ip',
  'put_fdb',
  'get_fdb',
  'lookup_fdb',
  'put_dhcp_opts',
  'put_dhcpv6_opts',
  'put_nd_ra_opts',
  'check_pkt_larger',
  'set_queue',
  'set_meter',
  'log',
]);

/** The layout behind an action that goes on with the next one. */
function done(action: Action, layout: Layout, found: Collection): Layout {
  switch (action.type) {
    case 'load':
      return put(layout, action.dst, loaded(action.imm, action.dst, found));
    case 'move': {
      const bits = bitsOf(action.src);
      return put(layout, action.dst, bits ? contentOf(layout, bits) : '?');
    }
    case 'exchange': {
      const [a, b] = [bitsOf(action.dst), bitsOf(action.src)];
      if (!a || !b || isRegister(a) || isRegister(b)) throw new OtherUse();
      if (contentOf(layout, a) !== contentOf(layout, b) || contentOf(layout, a) === '?') throw new OtherUse();
      return layout;
    }
    case 'ct_commit':
      if (action.mark || action.label) throw new OtherUse();
      return layout;
    case 'ct_commit_v2':
      for (const one of action.actions) done(one, layout, found);
      return layout;
    case 'ct_nw_dst':
      return put(layout, action.dst, 'ip4');
    case 'ct_ip6_dst':
      return put(layout, action.dst, 'ip6');
    default:
      if (!harmless.has(action.type)) throw new OtherUse();
      for (const name of ['ip', 'mac'] as const) {
        const ref = (action as Readonly<Record<string, unknown>>)[name] as FieldRef | undefined;
        const bits = ref && bitsOf(ref);
        const content = bits && contentOf(layout, bits);
        if (content === '?' || content === 'number') throw new OtherUse();
      }
      return 'dst' in action ? put(layout, action.dst, 'number') : layout;
  }
}

/** What a constant is where it is loaded. */
function loaded(imm: Constant, dst: FieldRef, found: Collection): Sort | 'zero' | 'number' {
  if (imm.kind === 'string') return 'number';
  const bits = bitsOf(dst);
  const sort = (bits && sortOf(bits.place)) ?? sortOfFormat(imm.format);
  const isAll = (imm.mask & ones(dst.n)) === ones(dst.n);
  if (sort && isAll && dst.n === widths[sort]) {
    found.add(sort, imm.value, ones(widths[sort]));
    return sort;
  }
  return imm.value === 0n && isAll ? 'zero' : 'number';
}

const sortOfFormat = (format: string): Sort | undefined =>
  format === 'ethernet' ? 'mac' : format === 'ipv4' ? 'ip4' : format === 'ipv6' ? 'ip6' : undefined;

/** Writes; into an address goes nothing but a whole one of its kind. */
function put(layout: Layout, dst: FieldRef, content: ReturnType<typeof contentOf>): Layout {
  const bits = bitsOf(dst);
  if (!bits) return layout;
  if (isRegister(bits)) return written(layout, bits, content);
  const sort = sortOf(bits.place);
  const isFine = sort
    ? isWhole(bits) && (content === sort || content === 'zero')
    : content === 'zero' || content === 'number';
  if (!isFine) throw new OtherUse();
  return layout;
}

/** Addresses among the operands of an action, wherever they stand: each is one that is compared with or written. */
function constantsIn(value: unknown, found: Collection): void {
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    for (const each of value) constantsIn(each, found);
    return;
  }
  if ('kind' in value && value.kind === 'bits') {
    const { format, value: bits } = value as Extract<Constant, { kind: 'bits' }>;
    if (format === 'ipv6') found.exact6.add(bits);
    return;
  }
  for (const [key, each] of Object.entries(value)) if (key !== 'symbol' && key !== 'actions') constantsIn(each, found);
}

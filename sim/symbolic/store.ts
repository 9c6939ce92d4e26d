/**
 * A packet on its way: a value for each field that logical flows see.
 *
 * Fields of protocols that exclude each other share a place where that makes
 * sense: the ports of TCP, UDP and SCTP, the types of ICMP and ICMPv6.  Stores
 * that are equal are the same object.
 */
import type { FieldRef, LangSymbol } from '../../engine/lang/ir.ts';
import type { PacketSet, Rewrite, Space } from '../../engine/sets/index.ts';
import { fieldIndex, headerFields, packetFields } from './fields.ts';
import {
  choiceOf,
  constantOf,
  createValues,
  inputOf,
  type Option,
  replaced,
  rewritesOf,
  sliceOf,
  type Value,
  type Values,
} from './value.ts';

/** Places that only packets inside the network have; all start at 0. */
const inside = [
  { name: 'outport', width: 20 },
  { name: 'xxreg0', width: 128 },
  { name: 'xxreg1', width: 128 },
  { name: 'xreg4', width: 64 },
  { name: 'flags', width: 32 },
  { name: 'ct_state', width: 32 },
  { name: 'ct_mark', width: 32 },
  { name: 'ct_label', width: 128 },
  /** Where the connection's opener sent its first packet. */
  { name: 'ct_nw_dst', width: 32 },
  { name: 'ct_ip6_dst', width: 128 },
  { name: 'ct_tp_dst', width: 16 },
  /** What the packet is, if it was made of another one: an index in `makings`. */
  { name: 'made', width: 8 },
  /** An index in `connectionStates`. */
  { name: 'connection', width: 2 },
  /** 1 where the packets may also go another way than this: something was modelled more widely than it is. */
  { name: 'inexact', width: 1 },
] as const;

/** Kinds of packets that are made of others. */
export const makings = [
  undefined,
  'arp',
  'nd_na',
  'nd_ns',
  'icmp4',
  'icmp6',
  'tcp_reset',
  'sctp_abort',
  'dhcp',
  'nd_ra',
  'dns',
] as const;

export const connectionStates = ['new', 'established', 'reply'] as const;

const header = packetFields.slice(0, headerFields);

/** Names and widths of all places; those of the packet's own fields come first, in the order of `packetFields`. */
export const places: readonly { readonly name: string; readonly width: number }[] = [...header, ...inside];

const placeIndices = new Map(places.map(({ name }, index) => [name, index]));

/** Fields of the language that are kept under another name. */
const shared: Readonly<Record<string, string>> = {
  'tcp.src': 'tp.src',
  'tcp.dst': 'tp.dst',
  'udp.src': 'tp.src',
  'udp.dst': 'tp.dst',
  'sctp.src': 'tp.src',
  'sctp.dst': 'tp.dst',
  'icmp4.type': 'icmp.type',
  'icmp4.code': 'icmp.code',
  'icmp6.type': 'icmp.type',
  'icmp6.code': 'icmp.code',
};

/** The index of a place by its name; throws for a name that is none. */
export function placeIndex(name: string): number {
  const index = placeIndices.get(name);
  if (index === undefined) throw new Error(`packets have no place called ${name}`);
  return index;
}

const ofSymbol = new Map<LangSymbol, number | undefined>();

/** Where a symbol of the language is kept; undefined for what only an ICMP error in the making has. */
export function placeOf(symbol: LangSymbol): number | undefined {
  if (!ofSymbol.has(symbol)) ofSymbol.set(symbol, placeIndices.get(shared[symbol.field] ?? symbol.field));
  return ofSymbol.get(symbol);
}

export interface Store {
  /** Dense, from 0. */
  readonly id: number;
  /** By place. */
  readonly values: readonly Value[];
  /** What writing led to: by place and value. */
  readonly next: Map<number, Store>;
  /** What stores that may be joined have in common, once it has been asked for. */
  kind?: string;
}

export interface Stores {
  readonly space: Space;
  readonly values: Values;
  readonly known: Map<string, Store>;
  /** Of a packet that has just come in. */
  readonly initial: Store;
}

export function createStores(space: Space): Stores {
  const values = createValues();
  const start = places.map(({ width }, index) =>
    index < headerFields ? inputOf(values, index, width) : constantOf(values, width, 0n),
  );
  const known = new Map<string, Store>();
  return { space, values, known, initial: intern(known, start) };
}

function intern(known: Map<string, Store>, values: readonly Value[]): Store {
  let key = '';
  for (let i = 0; i < values.length; i++) key += `${(values[i] as Value).id},`;
  let store = known.get(key);
  if (!store) {
    store = { id: known.size, values, next: new Map() };
    known.set(key, store);
  }
  return store;
}

/** More values than there will ever be: a bound for keys. */
const manyValues = 2 ** 40;

/** The store with another value in a place. */
export function write(stores: Stores, store: Store, place: number, value: Value): Store {
  if (store.values[place] === value) return store;
  const key = place * manyValues + value.id;
  let next = store.next.get(key);
  if (!next) {
    const values = store.values.slice();
    values[place] = value;
    next = intern(stores.known, values);
    store.next.set(key, next);
  }
  return next;
}

/** Several at once. */
export function writeAll(stores: Stores, store: Store, writes: readonly (readonly [number, Value])[]): Store {
  return writes.reduce((changed, [place, value]) => write(stores, changed, place, value), store);
}

export const read = (store: Store, place: number): Value => store.values[place] as Value;

/** The value of a place by its name. */
export const readNamed = (store: Store, name: string): Value => read(store, placeIndex(name));

/** What a reference of the language refers to; undefined for what is not kept. */
export function readRef(stores: Stores, store: Store, { symbol, ofs, n }: FieldRef): Value | undefined {
  const place = placeOf(symbol);
  if (place === undefined) return undefined;
  const value = read(store, place);
  return n === 0 ? value : sliceOf(stores.values, stores.space, value, symbol.ofs + ofs, n);
}

/** Gives the bits that a reference refers to another value, which is as wide. */
export function writeRef(stores: Stores, store: Store, { symbol, ofs, n }: FieldRef, value: Value): Store {
  const place = placeOf(symbol);
  if (place === undefined) return store;
  const whole = n === 0 ? value : replaced(stores.values, stores.space, read(store, place), symbol.ofs + ofs, value);
  return write(stores, store, place, whole);
}

/**
 * How packets that entered become those that the store describes, for `image` and `preimage`: their own fields only,
 * those in `skip` left out. The store is plain: its values have no options.
 */
export function headerRewrites(store: Store, skip: ReadonlySet<number> = new Set()): Rewrite[] {
  const rewrites: Rewrite[] = [];
  for (let field = 0; field < headerFields; field++) {
    const value = read(store, field);
    if (value.options) throw new Error('rewrites are of plain stores: see Analysis.looks');
    if (skip.has(field) || isUntouched(value, field)) continue;
    rewrites.push(...rewritesOf(field, value));
  }
  return rewrites;
}

/** Two or more stores as one: what differs is what it is for the packets of each (`guard`), which do not overlap. */
export function joined(stores: Stores, parts: readonly { readonly store: Store; readonly guard: PacketSet }[]): Store {
  const { space, values } = stores;
  const [first] = parts;
  if (!first || parts.every(({ store }) => store === first.store)) return (first as { store: Store }).store;
  const together = first.store.values.map((value, place) => {
    if (parts.every(({ store }) => read(store, place) === value)) return value;
    const options = parts.flatMap(({ store, guard }): Option[] => {
      const own = read(store, place);
      if (!own.options) return [{ packets: guard, value: own }];
      return own.options.map((option) => ({ packets: space.and(guard, option.packets), value: option.value }));
    });
    return choiceOf(values, space, options);
  });
  return intern(stores.known, together);
}

/** The packets sorted by what they look like: stores whose places (`wanted` of them, all unless given) have no options. */
export function plainParts(
  stores: Stores,
  store: Store,
  packets: PacketSet,
  wanted: readonly number[] = allPlaces,
): { store: Store; packets: PacketSet }[] {
  const place = wanted.find((index) => read(store, index).options);
  if (place === undefined) return [{ store, packets }];
  return (read(store, place).options ?? []).flatMap((option) => {
    const some = stores.space.and(packets, option.packets);
    if (some === stores.space.empty) return [];
    return plainParts(stores, write(stores, store, place, option.value), some, wanted);
  });
}

const allPlaces = places.map((_, index) => index);

/** The places of a packet's own fields. */
export const headerPlaces: readonly number[] = allPlaces.slice(0, headerFields);

/** A set in terms of what packets look like now, as one of those that entered. */
export function before({ space }: Stores, store: Store, set: PacketSet): PacketSet {
  if (set === space.all || set === space.empty) return set;
  return beforeOf(
    space,
    store,
    set,
    space.support(set).filter((field) => field < headerFields),
  );
}

function beforeOf(
  space: Space,
  store: Store,
  set: PacketSet,
  fields: readonly number[],
  chosen = new Map<number, Value>(),
): PacketSet {
  const open = fields.find((field) => !chosen.has(field) && read(store, field).options);
  if (open === undefined) {
    const rewrites = fields.flatMap((field) => {
      const value = chosen.get(field) ?? read(store, field);
      return isUntouched(value, field) ? [] : rewritesOf(field, value);
    });
    return rewrites.length === 0 ? set : space.preimage(set, rewrites);
  }
  return space.orAll(
    (read(store, open).options ?? []).map(({ packets, value }) =>
      space.and(packets, beforeOf(space, store, set, fields, new Map([...chosen, [open, value]]))),
    ),
  );
}

function isUntouched({ pieces, width }: Value, field: number): boolean {
  const [piece] = pieces;
  return piece?.kind === 'input' && piece.field === field && piece.ofs === 0 && piece.n === width;
}

/** Places that code names. */
export const at = {
  ethType: placeIndex('eth.type'),
  ipProto: placeIndex('ip.proto'),
  ipFrag: placeIndex('ip.frag'),
  icmpType: placeIndex('icmp.type'),
  icmpCode: placeIndex('icmp.code'),
  arpOp: placeIndex('arp.op'),
  ethDst: placeIndex('eth.dst'),
  ethSrc: placeIndex('eth.src'),
  ip4Dst: placeIndex('ip4.dst'),
  ip4Src: placeIndex('ip4.src'),
  ip6Dst: placeIndex('ip6.dst'),
  ip6Src: placeIndex('ip6.src'),
  arpSpa: placeIndex('arp.spa'),
  arpTpa: placeIndex('arp.tpa'),
  arpSha: placeIndex('arp.sha'),
  arpTha: placeIndex('arp.tha'),
  ndTarget: placeIndex('nd.target'),
  ndSll: placeIndex('nd.sll'),
  ndTll: placeIndex('nd.tll'),
  tpSrc: placeIndex('tp.src'),
  tpDst: placeIndex('tp.dst'),
  tcpFlags: placeIndex('tcp.flags'),
  ttl: placeIndex('ip.ttl'),
  dscp: placeIndex('ip.dscp'),
  ecn: placeIndex('ip.ecn'),
  length: placeIndex('pkt.len'),
  payload: placeIndex('payload'),
  inport: placeIndex('inport'),
  outport: placeIndex('outport'),
  flags: placeIndex('flags'),
  xxreg0: placeIndex('xxreg0'),
  xxreg1: placeIndex('xxreg1'),
  xreg4: placeIndex('xreg4'),
  ctState: placeIndex('ct_state'),
  ctMark: placeIndex('ct_mark'),
  ctLabel: placeIndex('ct_label'),
  ctNwDst: placeIndex('ct_nw_dst'),
  ctIp6Dst: placeIndex('ct_ip6_dst'),
  ctTpDst: placeIndex('ct_tp_dst'),
  made: placeIndex('made'),
  connection: placeIndex('connection'),
  inexact: placeIndex('inexact'),
} as const;

/** The field of the packet that entered which a place starts as; the two are numbered alike. */
export const fieldOf = (place: number): number => fieldIndex((places[place] as { name: string }).name);

/**
 * The fields, subfields and predicates of the language: ovn-sb(5), "Logical_Flow
 * table", "match", "Symbols"; lib/logical-fields.c.
 *
 * Storage is by field: `values[symbol.slot]` of a `Microflow`.  `reg0` is bits of
 * `xxreg0`, `ct.new` a bit of `ct_state`, `arp.op` and `rarp.op` are the same field.
 * Fields of different protocols do not overlap (`ip4.src` and `arp.spa` are two),
 * because their prerequisites keep them apart.
 */
import type { LangSymbol, Level, WriteScope } from './ir.ts';

/**
 * Whose language is spoken.  `23.03` is OVN 23.03's and everything that later
 * releases added; `26.03` leaves out what OVN 26.03 no longer knows, and prints as it does.
 */
export type Release = '23.03' | '26.03';

type Field = { width: number; level?: Level; prereqs?: string; writable?: WriteScope; storage?: string };

/** Registers 0 to 9: xxreg0 holds reg0 to reg3, reg0 its highest 32 bits; xreg4 holds reg8 and reg9. */
const N_REGISTERS = 10;

const FLAGS: Readonly<Record<string, string>> = {
  loopback: '0',
  force_snat_for_dnat: '2',
  force_snat_for_lb: '3',
  skip_snat_for_lb: '9',
  use_snat_zone: '11',
  localnet: '15',
  tunnel_rx: '16',
  icmp_snat: '17',
  from_ctrl: '19',
  unsnat_new: '20',
  unsnat_not_tracked: '21',
  network_id: '28..31',
};

/** Bits of ct_state, from bit 0: ovn-sb(5), "ct.*". */
const CT_STATES = ['new', 'est', 'rel', 'rpl', 'inv', 'trk', 'snat', 'dnat'] as const;

const CT_SUBFIELDS: Readonly<Record<string, string>> = {
  'ct_mark.blocked': 'ct_mark[0]',
  'ct_mark.natted': 'ct_mark[1]',
  'ct_mark.ecmp_reply_port': 'ct_mark[16..31]',
  'ct_mark.skip_snat': 'ct_mark[2]',
  'ct_mark.force_snat': 'ct_mark[3]',
  'ct_mark.obs_stage': 'ct_mark[4..5]',
  'ct_mark.allow_established': 'ct_mark[6]',
  'ct_mark.obs_collector_id': 'ct_mark[16..23]',
  'ct_label.ecmp_reply_eth': 'ct_label[32..79]',
  'ct_label.acl_id': 'ct_label[80..95]',
  'ct_label.nf': 'ct_label[17]',
  'ct_label.nf_id': 'ct_label[18..25]',
  'ct_label.label': 'ct_label[96..127]',
  'ct_label.obs_point_id': 'ct_label[96..127]',
  'ct_label.obs_unused': 'ct_label[0..95]',
};

/** What OVN kept in ct_label before it had ct_mark; gone by 26.03. */
const OLD_CT_SUBFIELDS: Readonly<Record<string, string>> = {
  'ct_label.blocked': 'ct_label[0]',
  'ct_label.natted': 'ct_label[1]',
  'ct_label.ecmp_reply_port': 'ct_label[80..95]',
  'ct_label.skip_snat': 'ct_label[2]',
  'ct_label.force_snat': 'ct_label[3]',
};

class Builder {
  readonly symbols: Map<string, LangSymbol>;
  readonly values: string[] = [];
  readonly strings: string[] = [];

  constructor(symbols: ReadonlyMap<string, LangSymbol> = new Map()) {
    this.symbols = new Map(symbols);
  }

  private slot(list: string[], storage: string): number {
    const known = list.indexOf(storage);
    return known >= 0 ? known : list.push(storage) - 1;
  }

  private symbol(name: string): LangSymbol {
    const symbol = this.symbols.get(name);
    if (!symbol) {
      throw new Error(`symbol table: ${name} is used before it is defined`);
    }
    return symbol;
  }

  string(name: string): void {
    const slot = this.slot(this.strings, name);
    const common = { name, width: 0, level: 'nominal', field: name, ofs: 0, prereqs: '' } as const;
    this.symbols.set(name, { ...common, slot, writable: 'packet' });
  }

  field(name: string, { width, level = 'ordinal', prereqs = '', writable = 'packet', storage = name }: Field): void {
    const slot = this.slot(this.values, storage);
    this.symbols.set(name, { name, width, level, field: storage, slot, ofs: 0, prereqs, writable });
  }

  /** `bits` is `field[LOW]`, `field[LOW..HIGH]` or, for the whole of it, `field`. */
  subfield(name: string, bits: string, prereqs = ''): void {
    const [, parentName = '', low = '0', high = low] = /^([^[]+)\[(\d+)(?:\.\.(\d+))?\]$/.exec(bits) ?? [];
    const parent = this.symbol(parentName);
    const width = Number(high) - Number(low) + 1;
    const { level, field, slot, writable } = parent;
    this.symbols.set(name, { name, width, level, field, slot, ofs: Number(low), prereqs, parent, writable });
  }

  /** `level`: nominal if any field in the text is; a nominal predicate cannot be negated. */
  predicate(name: string, level: Level, predicate: string): void {
    const common = { name, width: 1, field: '', slot: -1, ofs: 0, prereqs: '', writable: 'nowhere' } as const;
    this.symbols.set(name, { ...common, level, predicate });
  }
}

function addRegisters(table: Builder): void {
  table.string('inport');
  table.string('outport');
  table.field('xxreg0', { width: 128 });
  table.field('xxreg1', { width: 128 });
  for (let i = 0; i < N_REGISTERS / 2; i++) {
    const low = 64 * (1 - (i % 2));
    if (i < 4) {
      table.subfield(`xreg${i}`, `xxreg${i >> 1}[${low}..${low + 63}]`);
    } else {
      table.field(`xreg${i}`, { width: 64 });
    }
  }
  for (let i = 0; i < N_REGISTERS; i++) {
    const low = i < 8 ? 32 * (3 - (i % 4)) : 32 * (1 - (i % 2));
    table.subfield(`reg${i}`, `${i < 8 ? `xxreg${i >> 2}` : `xreg${i >> 1}`}[${low}..${low + 31}]`);
  }
  table.field('flags', { width: 32 });
  for (const [name, bits] of Object.entries(FLAGS)) {
    table.subfield(`flags.${name}`, `flags[${bits}]`);
  }
}

function addConntrack(table: Builder): void {
  table.field('ct_mark', { width: 32, writable: 'ct_commit' });
  table.field('ct_label', { width: 128, writable: 'ct_commit' });
  for (const [name, bits] of Object.entries({ ...CT_SUBFIELDS, ...OLD_CT_SUBFIELDS })) {
    table.subfield(name, bits);
  }
  table.field('ct_state', { width: 32, writable: 'nowhere' });
  for (const [bit, name] of CT_STATES.entries()) {
    table.subfield(`ct.${name}`, `ct_state[${bit}]`, name === 'trk' ? '' : 'ct.trk');
  }
}

function addEthernet(table: Builder): void {
  table.field('eth.src', { width: 48 });
  table.field('eth.dst', { width: 48 });
  table.field('eth.type', { width: 16, level: 'nominal', writable: 'nowhere' });
  table.predicate('eth.bcast', 'boolean', 'eth.dst == ff:ff:ff:ff:ff:ff');
  table.subfield('eth.mcast', 'eth.dst[40]');
  table.predicate('eth.mcastv6', 'boolean', 'eth.dst[32..47] == 0x3333');
  table.field('vlan.tci', { width: 16 });
  table.predicate('vlan.present', 'boolean', 'vlan.tci[12]');
  table.subfield('vlan.pcp', 'vlan.tci[13..15]', 'vlan.present');
  table.subfield('vlan.vid', 'vlan.tci[0..11]', 'vlan.present');
}

function addIp(table: Builder): void {
  table.predicate('ip4', 'nominal', 'eth.type == 0x800');
  table.predicate('ip6', 'nominal', 'eth.type == 0x86dd');
  table.predicate('ip', 'nominal', 'ip4 || ip6');
  table.field('ip.proto', { width: 8, level: 'nominal', prereqs: 'ip', writable: 'nowhere' });
  table.field('ip.dscp', { width: 6, level: 'nominal', prereqs: 'ip' });
  table.field('ip.ecn', { width: 2, level: 'nominal', prereqs: 'ip' });
  table.field('ip.ttl', { width: 8, level: 'nominal', prereqs: 'ip' });
  table.field('ip4.src', { width: 32, prereqs: 'ip4' });
  table.field('ip4.dst', { width: 32, prereqs: 'ip4' });
  table.predicate('ip4.src_mcast', 'boolean', 'ip4.src[28..31] == 0xe');
  table.predicate('ip4.mcast', 'boolean', 'eth.mcast && ip4.dst[28..31] == 0xe');
  table.predicate('icmp4', 'nominal', 'ip4 && ip.proto == 1');
  table.field('icmp4.type', { width: 8, level: 'nominal', prereqs: 'icmp4' });
  table.field('icmp4.code', { width: 8, level: 'nominal', prereqs: 'icmp4' });
  table.field('ip6.src', { width: 128, prereqs: 'ip6' });
  table.field('ip6.dst', { width: 128, prereqs: 'ip6' });
  table.field('ip6.label', { width: 20, prereqs: 'ip6' });
  table.predicate('ip6.mcast_rsvd', 'boolean', 'ip6.dst[116..127] == 0xff0 && ip6.dst[0..111] == 0x0');
  table.predicate('ip6.mcast_all_nodes', 'boolean', 'ip6.dst == ff01::1 || ip6.dst == ff02::1');
  table.predicate('ip6.mcast_all_rtrs', 'boolean', 'ip6.dst == ff01::2 || ip6.dst == ff02::2 || ip6.dst == ff05::2');
  table.predicate('ip6.mcast_sol_node', 'boolean', 'ip6.dst == ff02::1:ff00:0000/104');
  const flooded = 'ip6.mcast_rsvd || ip6.mcast_all_nodes || ip6.mcast_all_rtrs || ip6.mcast_sol_node';
  table.predicate('ip6.mcast_flood', 'boolean', `eth.mcastv6 && (${flooded})`);
  table.predicate('ip6.mcast', 'boolean', 'eth.mcastv6 && ip6.dst[120..127] == 0xff');
  table.predicate('icmp6', 'nominal', 'ip6 && ip.proto == 58');
  table.field('icmp6.type', { width: 8, level: 'nominal', prereqs: 'icmp6' });
  table.field('icmp6.code', { width: 8, level: 'nominal', prereqs: 'icmp6' });
  table.predicate('icmp', 'nominal', 'icmp4 || icmp6');
  table.field('ip.frag', { width: 2, prereqs: 'ip', writable: 'nowhere' });
  table.predicate('ip.is_frag', 'boolean', 'ip.frag[0]');
  table.predicate('ip.later_frag', 'boolean', 'ip.frag[1]');
  table.predicate('ip.first_frag', 'boolean', 'ip.is_frag && !ip.later_frag');
}

function addArp(table: Builder): void {
  table.predicate('arp', 'nominal', 'eth.type == 0x806');
  table.predicate('rarp', 'nominal', 'eth.type == 0x8035');
  for (const name of ['arp', 'rarp']) {
    table.field(`${name}.op`, { width: 16, level: 'nominal', prereqs: name, storage: 'arp.op' });
    for (const address of ['spa', 'tpa']) {
      table.field(`${name}.${address}`, { width: 32, prereqs: name, storage: `arp.${address}` });
    }
    for (const address of ['sha', 'tha']) {
      table.field(`${name}.${address}`, { width: 48, prereqs: name, storage: `arp.${address}` });
    }
  }
}

function addNeighborDiscovery(table: Builder): void {
  const rest = 'icmp6.code == 0 && ip.ttl == 255';
  table.predicate('nd', 'nominal', `icmp6.type == {135, 136} && ${rest}`);
  table.predicate('nd_ns', 'nominal', `icmp6.type == 135 && ${rest}`);
  table.predicate('nd_ns_mcast', 'nominal', `ip6.mcast && icmp6.type == 135 && ${rest}`);
  table.predicate('nd_na', 'nominal', `icmp6.type == 136 && ${rest}`);
  table.predicate('nd_rs', 'nominal', `icmp6.type == 133 && ${rest}`);
  table.predicate('nd_ra', 'nominal', `icmp6.type == 134 && ${rest}`);
  table.field('nd.target', { width: 128, prereqs: 'nd' });
  table.field('nd.sll', { width: 48, prereqs: 'nd_ns' });
  table.field('nd.tll', { width: 48, prereqs: 'nd_na' });
}

/** Multicast of hosts that join and leave groups; later releases also look at the Ethernet address. */
function addGroupMembership(table: Builder, release: Release): void {
  const recent = release === '26.03';
  const mld = recent ? 'eth.mcastv6 && ' : '';
  table.predicate('igmp', 'nominal', recent ? 'ip4.mcast && ip.proto == 2' : 'ip4 && ip.proto == 2');
  table.predicate('mldv1', 'nominal', `${mld}ip6.src == fe80::/10 && icmp6.type == {130, 131, 132}`);
  table.predicate('mldv2', 'nominal', `${mld}ip6.dst == ff02::16 && icmp6.type == 143`);
}

function addTransport(table: Builder): void {
  for (const [name, protocol] of Object.entries({ tcp: 6, udp: 17, sctp: 132 })) {
    table.predicate(name, 'nominal', `ip.proto == ${protocol}`);
    table.field(`${name}.src`, { width: 16, prereqs: name });
    table.field(`${name}.dst`, { width: 16, prereqs: name });
  }
  table.field('tcp.flags', { width: 12, prereqs: 'tcp', writable: 'nowhere' });
  table.field('pkt.mark', { width: 32 });
  // What the ICMP error being made is to say; assigned inside icmp4_error { } and icmp6_error { }.
  table.field('icmp4.frag_mtu', { width: 16, level: 'nominal', writable: 'anywhere' });
  table.field('icmp6.frag_mtu', { width: 32, level: 'nominal', writable: 'anywhere' });
}

const table = new Builder();
addRegisters(table);
addConntrack(table);
addEthernet(table);
addIp(table);
addArp(table);
addNeighborDiscovery(table);
addTransport(table);
const common = new Map(table.symbols);
addGroupMembership(table, '23.03');

/** What both releases have are the same objects, so that symbols can be told apart by identity. */
function recentSymbols(): ReadonlyMap<string, LangSymbol> {
  const recent = new Builder(common);
  for (const name of Object.keys(OLD_CT_SUBFIELDS)) {
    recent.symbols.delete(name);
  }
  addGroupMembership(recent, '26.03');
  return recent.symbols;
}

const tables: Readonly<Record<Release, ReadonlyMap<string, LangSymbol>>> = {
  '23.03': table.symbols,
  '26.03': recentSymbols(),
};

/** The symbol of that name, if the release has it. */
export function findSymbol(name: string, release: Release = '23.03'): LangSymbol | undefined {
  return tables[release].get(name);
}

/** All symbols of a release, by name. */
export function symbolTable(release: Release = '23.03'): ReadonlyMap<string, LangSymbol> {
  return tables[release];
}

/** Names of the numeric storage, by slot. */
export const VALUE_FIELDS: readonly string[] = table.values;

/** Names of the string storage, by slot. */
export const STRING_FIELDS: readonly string[] = table.strings;

/**
 * Rules for hardware, as plain data: what rte_flow(3) of DPDK takes, with the
 * names that its program testpmd gives to items, actions and their fields.
 *
 *     { node: 'worker1', device: 'bluefield-3-doca-hws', rules: [{
 *         group: 1, priority: 0,
 *         pattern: [{ type: 'eth' }, { type: 'ipv4', spec: { dst: '10.0.0.0' }, mask: { dst: '255.255.255.0' } }],
 *         actions: [{ type: 'count' }, { type: 'represented_port', ethdev_port_id: 'pf0vf2' }],
 *     }] }
 *
 * A rule is in a group and has a priority there: 0 is looked at first.  Packets
 * begin in group 0; `jump` sends them to another group.  A packet that no rule
 * of its group takes goes to software, as it is by then.
 *
 * An item matches a header, or what is known of the packet.  Of a field, `spec`
 * is the value, `mask` the bits that are looked at (all, where it is not given)
 * and `last` the end of a range that begins at `spec`.  Fields without `spec`
 * are not looked at; an item without fields asks for the header alone.
 *
 * ITEMS and ACTIONS are the whole vocabulary; the types follow from them, and
 * native/offload/codec.cc has the same list for the structures of rte_flow.h.
 */

/** How a field is written. */
export type FieldKind =
  /** An integer of `bits` bits. */
  | { readonly kind: 'number'; readonly bits: number }
  /** `02:00:00:00:00:01`. */
  | { readonly kind: 'mac' }
  /** `10.0.0.1`. */
  | { readonly kind: 'ipv4' }
  /** `fd00::1`. */
  | { readonly kind: 'ipv6' }
  /** Bytes in hexadecimal, two lower-case digits each, at most `bytes`. */
  | { readonly kind: 'hex'; readonly bytes: number }
  /** The name of a representor, such as `pf0vf2`, or the number of a DPDK port. */
  | { readonly kind: 'port' }
  /** One of these words. */
  | { readonly kind: 'word'; readonly words: readonly string[] }
  /** A list of items. */
  | { readonly kind: 'items' }
  /** A list of actions. */
  | { readonly kind: 'actions' };

export type Fields = Readonly<Record<string, FieldKind>>;

const number = <const N extends number>(bits: N) => ({ kind: 'number', bits }) as const;
const mac = { kind: 'mac' } as const;
const ipv4 = { kind: 'ipv4' } as const;
const ipv6 = { kind: 'ipv6' } as const;
const port = { kind: 'port' } as const;
const hex = (bytes: number) => ({ kind: 'hex', bytes }) as const;
const word = <const W extends readonly string[]>(...words: W) => ({ kind: 'word', words }) as const;

/** Items by name, and their fields (rte_flow.h, struct rte_flow_item_*). */
export const ITEMS = {
  /** `type` is that of the payload behind all VLAN tags, unless a `vlan` item follows. */
  eth: { dst: mac, src: mac, type: number(16), has_vlan: number(1) },
  vlan: { pcp: number(3), dei: number(1), vid: number(12), inner_type: number(16), has_more_vlan: number(1) },
  /** `fragment_offset` is the whole 16-bit word, flags included: 0x2000 is "more fragments". */
  ipv4: { tos: number(8), fragment_offset: number(16), ttl: number(8), proto: number(8), src: ipv4, dst: ipv4 },
  ipv6: {
    tc: number(8),
    flow: number(20),
    proto: number(8),
    hop: number(8),
    src: ipv6,
    dst: ipv6,
    has_frag_ext: number(1),
  },
  ipv6_frag_ext: { next_hdr: number(8), frag_data: number(16) },
  tcp: { src: number(16), dst: number(16), flags: number(8) },
  udp: { src: number(16), dst: number(16) },
  sctp: { src: number(16), dst: number(16) },
  icmp: { type: number(8), code: number(8), ident: number(16), seq: number(16) },
  icmp6: { type: number(8), code: number(8) },
  icmp6_nd_ns: { target_addr: ipv6 },
  icmp6_nd_na: { target_addr: ipv6 },
  arp_eth_ipv4: { op: number(16), sha: mac, spa: ipv4, tha: mac, tpa: ipv4 },
  /** `optlen` counts words of four bytes. */
  geneve: { optlen: number(6), protocol: number(16), vni: number(24) },
  /** One option; `length` counts words of four bytes, `data` is of that length. */
  geneve_opt: { class: number(16), type: number(8), length: number(8), data: hex(124) },
  vxlan: { vni: number(24) },
  /** A register of the pipeline: it begins as 0 and follows the packet through the groups. */
  tag: { index: number(8), data: number(32) },
  /** A register of the packet that software sees too. */
  meta: { data: number(32) },
  mark: { id: number(32) },
  /** Where the packet comes from: the port that is represented by an ethdev. */
  represented_port: { ethdev_port_id: port },
  /** Where the packet comes from: software, by way of that ethdev. */
  port_representor: { port_id: port },
  /** What connection tracking found: bits of CONNTRACK. */
  conntrack: { flags: number(32) },
} as const satisfies Readonly<Record<string, Fields>>;

/** Bits of the item `conntrack` (rte_flow.h, RTE_FLOW_CONNTRACK_PKT_STATE_*). */
export const CONNTRACK = { valid: 1, changed: 2, invalid: 4, disabled: 8, bad: 16 } as const;

/** What `modify_field` reads and writes, and how many bits it has (rte_flow.h, enum rte_flow_field_id). */
export const MODIFIABLE = {
  mac_dst: 48,
  mac_src: 48,
  vlan_type: 16,
  vlan_id: 12,
  mac_type: 16,
  ipv4_dscp: 6,
  ipv4_ttl: 8,
  ipv4_src: 32,
  ipv4_dst: 32,
  ipv6_dscp: 6,
  ipv6_hoplimit: 8,
  ipv6_src: 128,
  ipv6_dst: 128,
  tcp_port_src: 16,
  tcp_port_dst: 16,
  tcp_seq_num: 32,
  tcp_ack_num: 32,
  tcp_flags: 9,
  udp_port_src: 16,
  udp_port_dst: 16,
  vxlan_vni: 24,
  geneve_vni: 24,
  tag: 32,
  mark: 32,
  meta: 32,
  ipv4_ecn: 2,
  ipv6_ecn: 2,
} as const;

export type ModifiableField = keyof typeof MODIFIABLE;

const modifiable = [
  ...['mac_dst', 'mac_src', 'vlan_type', 'vlan_id', 'mac_type', 'ipv4_dscp', 'ipv4_ttl', 'ipv4_src', 'ipv4_dst'],
  ...['ipv6_dscp', 'ipv6_hoplimit', 'ipv6_src', 'ipv6_dst', 'tcp_port_src', 'tcp_port_dst', 'tcp_seq_num'],
  ...['tcp_ack_num', 'tcp_flags', 'udp_port_src', 'udp_port_dst', 'vxlan_vni', 'geneve_vni', 'tag', 'mark', 'meta'],
  ...['ipv4_ecn', 'ipv6_ecn'],
] as const satisfies readonly ModifiableField[];

/** One direction of a TCP connection (rte_flow.h, struct rte_flow_tcp_dir_param); the prefix is testpmd's. */
const direction = <const P extends 'orig' | 'rply'>(prefix: P) =>
  ({
    [`${prefix}_scale`]: number(4),
    [`${prefix}_fin`]: number(1),
    [`${prefix}_acked`]: number(1),
    [`${prefix}_unack_data`]: number(1),
    [`${prefix}_sent_end`]: number(32),
    [`${prefix}_reply_end`]: number(32),
    [`${prefix}_max_win`]: number(32),
    [`${prefix}_max_ack`]: number(32),
  }) as {
    readonly [K in
      | `${P}_${'scale'}`
      | `${P}_${'fin' | 'acked' | 'unack_data'}`
      | `${P}_${'sent_end' | 'reply_end' | 'max_win' | 'max_ack'}`]: { readonly kind: 'number'; readonly bits: number };
  };

/** Actions by name, and their fields (rte_flow.h, struct rte_flow_action_*). */
export const ACTIONS = {
  jump: { group: number(32) },
  drop: {},
  /** The packet leaves by the port that the ethdev represents. */
  represented_port: { ethdev_port_id: port },
  /** The packet goes to software, by way of that ethdev. */
  port_representor: { port_id: port },
  count: { identifier: number(32) },
  /** The rule is reported when it has met no packet for so many seconds. */
  age: { timeout: number(24) },
  meter: { mtr_id: number(32) },
  mark: { id: number(32) },
  set_tag: { index: number(8), data: number(32), mask: number(32) },
  set_meta: { data: number(32), mask: number(32) },
  /**
   * Writes `width` bits of a field, beginning at bit `dst_offset`, counted from the lowest.  `src_type` is a field, then
   * the bits come from its bit `src_offset`, or `value`: then `src_value` is as long as the destination field (in
   * whole bytes), most significant byte first, and the bits come from where they go to.  `dst_level` and `src_level`
   * are the index of a tag; for a header 0 and 1 are the outermost, 2 is the one inside.
   */
  modify_field: {
    op: word('set', 'add', 'sub'),
    dst_type: word(...modifiable),
    dst_level: number(8),
    dst_offset: number(8),
    src_type: word('value', ...modifiable),
    src_level: number(8),
    src_offset: number(8),
    src_value: hex(16),
    width: number(8),
  },
  set_mac_src: { mac_addr: mac },
  set_mac_dst: { mac_addr: mac },
  set_ipv4_src: { ipv4_addr: ipv4 },
  set_ipv4_dst: { ipv4_addr: ipv4 },
  set_ipv6_src: { ipv6_addr: ipv6 },
  set_ipv6_dst: { ipv6_addr: ipv6 },
  set_ipv4_dscp: { dscp_value: number(6) },
  set_ipv6_dscp: { dscp_value: number(6) },
  set_tp_src: { port: number(16) },
  set_tp_dst: { port: number(16) },
  set_ttl: { ttl_value: number(8) },
  dec_ttl: {},
  of_pop_vlan: {},
  of_push_vlan: { ethertype: number(16) },
  of_set_vlan_vid: { vlan_vid: number(12) },
  of_set_vlan_pcp: { vlan_pcp: number(3) },
  /** Puts these bytes before the packet.  Lengths and checksums in them (IP, UDP) are set for each packet. */
  raw_encap: { data: hex(512) },
  /** Removes as many bytes from the packet's beginning. */
  raw_decap: { data: hex(512) },
  vxlan_encap: { definition: { kind: 'items' } },
  vxlan_decap: {},
  /** Sends the packet through the connection's state; behind it the item `conntrack` may ask what came of it. */
  conntrack: {
    peer: number(16),
    is_orig: number(1),
    enable: number(1),
    live: number(1),
    sack: number(1),
    cack: number(1),
    last_dir: number(1),
    liberal: number(1),
    state: number(3),
    max_ack_win: number(8),
    r_lim: number(8),
    last_win: number(16),
    last_index: number(8),
    last_seq: number(32),
    last_ack: number(32),
    last_end: number(32),
    ...direction('orig'),
    ...direction('rply'),
  },
  /**
   * An action that several rules share: `indirect` of the rule set lists them.  Of a connection, `reply` says that the
   * rule takes the packets of the other direction.
   */
  indirect: { id: number(32), reply: number(1) },
  /** One in `ratio` packets also goes through these actions, on a copy. */
  sample: { ratio: number(32), actions: { kind: 'actions' } },
} as const satisfies Readonly<Record<string, Fields>>;

/** States of the action `conntrack` (rte_flow.h, enum rte_flow_conntrack_state). */
export const CONNTRACK_STATE = {
  synRecv: 0,
  established: 1,
  finWait: 2,
  closeWait: 3,
  lastAck: 4,
  timeWait: 5,
} as const;

type Value<K> = K extends { kind: 'number' }
  ? number
  : K extends { kind: 'port' }
    ? number | string
    : K extends { kind: 'word'; words: readonly (infer W)[] }
      ? W
      : K extends { kind: 'items' }
        ? readonly Item[]
        : K extends { kind: 'actions' }
          ? readonly Action[]
          : string;

type Values<F> = { readonly [K in keyof F]?: Value<F[K]> };

export type ItemType = keyof typeof ITEMS;
export type ActionType = keyof typeof ACTIONS;

export type ItemOf<T extends ItemType> = {
  readonly type: T;
  readonly spec?: Values<(typeof ITEMS)[T]>;
  readonly last?: Values<(typeof ITEMS)[T]>;
  readonly mask?: Values<(typeof ITEMS)[T]>;
};

export type ActionOf<T extends ActionType> = { readonly type: T } & Values<(typeof ACTIONS)[T]>;

/** Something that a rule matches. */
export type Item = { [T in ItemType]: ItemOf<T> }[ItemType];

/** Something that a rule does; in the order of the list.  A field that is not given is 0. */
export type Action = { [T in ActionType]: ActionOf<T> }[ActionType];

export interface Rule {
  /** Where packets are: `transfer` (the embedded switch, the default), or a port's own `ingress` or `egress`. */
  readonly domain?: 'transfer' | 'ingress' | 'egress';
  readonly group: number;
  /** 0 is looked at first.  Which of several rules of one priority takes a packet is not told. */
  readonly priority: number;
  readonly pattern: readonly Item[];
  readonly actions: readonly Action[];
  /** What the rule's maker knows it by; a device hands it back with the rule. */
  readonly cookie?: string;
}

/** A bound of a rate: packets of more than `cir` bytes a second beyond a burst of `cbs` bytes are dropped. */
export interface Meter {
  readonly mtr_id: number;
  readonly cir: number;
  readonly cbs: number;
}

/** Packets of one direction of a connection: addresses and ports as they come to the device. */
export interface Tuple {
  readonly src: string;
  readonly dst: string;
  readonly srcPort: number;
  readonly dstPort: number;
}

/** A connection that software has seen established; what a packet of one direction becomes is the other one, turned round. */
export interface KnownConnection {
  readonly protocol: 'tcp' | 'udp';
  readonly opener: Tuple;
  readonly reply: Tuple;
}

/** All rules of a node. */
export interface RuleSet {
  readonly node: string;
  /** The name of a capability file. */
  readonly device: string;
  /**
   * Actions that rules share: connections, of which both directions have one state.  `connection` tells which one it is
   * that they stand for, as the connection table had it when the rules were made.
   */
  readonly indirect?: readonly {
    readonly id: number;
    readonly action: Action;
    readonly connection?: KnownConnection;
  }[];
  readonly meters?: readonly Meter[];
  readonly rules: readonly Rule[];
}

/** Names without the types of each, for code that treats all alike. */
export const itemFields: Readonly<Record<string, Fields>> = ITEMS;
export const actionFields: Readonly<Record<string, Fields>> = ACTIONS;

/** How many bits of a packet a field is; 0 where that depends on the value. */
export function bitsOf(kind: FieldKind): number {
  if (kind.kind === 'number') return kind.bits;
  if (kind.kind === 'mac') return 48;
  if (kind.kind === 'ipv4') return 32;
  if (kind.kind === 'ipv6') return 128;
  return kind.kind === 'port' ? 16 : 0;
}

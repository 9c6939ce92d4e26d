/**
 * The one representation of matches and actions that every executor runs:
 * the tracer, the packet program and the symbolic verifier.
 *
 * The shapes follow OVN's own (`include/ovn/expr.h`, `include/ovn/actions.h`),
 * so that canonical printing, prerequisites and errors can be OVN's to the letter.
 */
import type { Pipeline } from '../ovsdb/southbound.ts';

/** How a symbol's values may be compared: ovn-sb(5), "Level of Measurement". */
export type Level = 'boolean' | 'nominal' | 'ordinal';

/** Where a field may be assigned: nowhere, in any action, only inside `ct_commit { }`, or in both. */
export type WriteScope = 'nowhere' | 'packet' | 'ct_commit' | 'anywhere';

/**
 * An entry of the symbol table: a field, a subfield or a predicate.
 * A subfield shares its field's storage: bits `ofs` to `ofs + width - 1` of `field`.
 */
export interface LangSymbol {
  readonly name: string;
  /** Bits; 0 is a string (`inport`, `outport`). */
  readonly width: number;
  readonly level: Level;
  /** Storage that the symbol reads, e.g. `xxreg0`, `eth.src`, `ip.ttl`; '' for a predicate. */
  readonly field: string;
  /** Index of that storage in a `Microflow`'s `values`, of a string field's in its `strings`; -1 for a predicate. */
  readonly slot: number;
  readonly ofs: number;
  /** What must also be true for the symbol to have a value, as match text; '' for nothing. */
  readonly prereqs: string;
  /** For a predicate, the match text it stands for. */
  readonly predicate?: string;
  /** For a subfield, the field that it is bits `ofs` and up of. */
  readonly parent?: LangSymbol;
  readonly writable: WriteScope;
}

/** A symbol or a range of its bits: `ip4.src`, `reg0[3]`, `eth.dst[40..47]`. */
export interface FieldRef {
  readonly symbol: LangSymbol;
  /** Lowest bit within the symbol. */
  readonly ofs: number;
  /** Number of bits; 0 for a string. */
  readonly n: number;
}

export type Relop = '==' | '!=' | '<' | '<=' | '>' | '>=';

/**
 * A comparison of bits of one symbol with a constant.  `value` and `mask` stand
 * at the symbol's own bit positions, so a comparison of `reg0[3]` with 1 has
 * value 8 and mask 8.  For <, <=, > and >= the mask is one run of bits.
 */
export interface Comparison {
  readonly type: 'comparison';
  readonly symbol: LangSymbol;
  readonly relop: Relop;
  readonly value: bigint;
  readonly mask: bigint;
}

/** A comparison of a string field. */
export interface StringComparison {
  readonly type: 'string';
  readonly symbol: LangSymbol;
  readonly relop: '==' | '!=';
  readonly value: string;
}

export type Expr =
  | Comparison
  | StringComparison
  | { readonly type: 'and' | 'or'; readonly terms: readonly Expr[] }
  | { readonly type: 'boolean'; readonly value: boolean }
  | { readonly type: 'is_chassis_resident'; readonly port: string; readonly negated: boolean };

/** How a number was written, and is printed again. */
export type NumberFormat = 'decimal' | 'hexadecimal' | 'ipv4' | 'ipv6' | 'ethernet';

/**
 * A constant.  `mask` is all ones (128 bits of them) unless one was written
 * (`masked`); `value` has no bit that `mask` has not.
 */
export type Constant =
  | { readonly kind: 'string'; readonly text: string }
  | {
      readonly kind: 'bits';
      readonly value: bigint;
      readonly mask: bigint;
      readonly masked: boolean;
      readonly format: NumberFormat;
    };

/** An option of put_dhcp_opts and its kin. */
export interface OptionValue {
  readonly name: string;
  readonly code: number;
  /** As in the southbound DHCP_Options table: `ipv4`, `uint8`, `str`, `static_routes`, ... */
  readonly type: string;
  readonly values: readonly Constant[];
  /** Written in braces; kept for printing. */
  readonly inCurlies: boolean;
}

/** A range of ports that address translation may choose from, inclusive. */
export interface PortRange {
  readonly low: number;
  readonly high: number;
}

/** An address and port that a load balancer sends to; port 0 keeps the packet's. */
export interface Backend {
  readonly ip: Constant;
  readonly port: number;
}

/** Transport protocols by name. */
export type TransportName = 'tcp' | 'udp' | 'sctp';

/** Which of a router's conntrack zones an action works in. */
export type NatZone = 'dnat' | 'snat';

/** Actions in braces that run on a copy of the packet or on one made from it. */
export type NestedName =
  | 'clone'
  | 'arp'
  | 'icmp4'
  | 'icmp4_error'
  | 'icmp6'
  | 'icmp6_error'
  | 'tcp_reset'
  | 'sctp_abort'
  | 'reject'
  | 'nd_na'
  | 'nd_na_router'
  | 'nd_ns';

/** Actions without operands.  `drop;` is not among them: it is a sequence of no actions. */
export type PlainName =
  | 'output'
  | 'ct_clear'
  | 'ct_snat_to_vip'
  | 'igmp'
  | 'ip.ttl--'
  | 'handle_dhcpv6_reply'
  | 'handle_bfd_msg'
  | 'mac_cache_use'
  | 'flood_remote';

/** Port security, `Port_Binding` column `port_security`: the result is 1 for a packet to drop. */
export type PortSecurityName = 'check_in_port_sec' | 'check_out_port_sec';

/** Functions of the packet and of what is known about it, whose result goes into `dst`. */
export type ResultName =
  | PortSecurityName
  | 'dns_lookup'
  | 'chk_lb_hairpin'
  | 'chk_lb_hairpin_reply'
  | 'chk_lb_aff'
  | 'chk_ecmp_nh'
  | 'chk_ecmp_nh_mac'
  | 'ct_nw_dst'
  | 'ct_ip6_dst'
  | 'ct_tp_dst'
  | 'ct_state_save';

/** One action without its prerequisites: ovn-sb(5), "actions".  A sequence is an array; an empty one drops. */
export type ActionBody =
  | { readonly type: PlainName }
  | {
      readonly type: 'next';
      readonly pipeline: Pipeline;
      readonly table: number;
      /** Where the action stands. */
      readonly fromPipeline: Pipeline;
      readonly fromTable: number;
    }
  | { readonly type: 'load'; readonly dst: FieldRef; readonly imm: Constant }
  | { readonly type: 'move' | 'exchange'; readonly dst: FieldRef; readonly src: FieldRef }
  | { readonly type: 'push' | 'pop'; readonly field: FieldRef }
  | { readonly type: 'nested'; readonly name: NestedName; readonly actions: readonly Action[] }
  | { readonly type: PortSecurityName; readonly dst: FieldRef }
  | { readonly type: Exclude<ResultName, PortSecurityName>; readonly dst: FieldRef }
  | { readonly type: 'ct_next'; readonly zone: NatZone }
  /** The form of old: `ct_commit;` and `ct_commit(ct_mark=..., ct_label=...);`. */
  | { readonly type: 'ct_commit'; readonly mark?: Constant; readonly label?: Constant }
  | { readonly type: 'ct_commit_v2'; readonly actions: readonly Action[] }
  | { readonly type: 'ct_commit_nat' | 'ct_commit_to_zone'; readonly zone: NatZone }
  | {
      readonly type: 'ct_dnat' | 'ct_snat' | 'ct_dnat_in_czone' | 'ct_snat_in_czone';
      /** Absent: translate as the connection's entry says. */
      readonly ip?: Constant;
      readonly ports?: PortRange;
    }
  | {
      readonly type: 'ct_lb' | 'ct_lb_mark';
      /** None: translate as the connection's entry says. */
      readonly backends: readonly Backend[];
      readonly hashFields?: string;
      readonly flag?: 'skip_snat' | 'force_snat';
    }
  | {
      readonly type: 'select';
      readonly dst: FieldRef;
      readonly members: readonly { readonly id: number; readonly weight: number }[];
      readonly hashFields?: string;
    }
  | { readonly type: 'get_arp' | 'get_nd'; readonly port: FieldRef; readonly ip: FieldRef }
  | { readonly type: 'put_arp' | 'put_nd'; readonly port: FieldRef; readonly ip: FieldRef; readonly mac: FieldRef }
  | {
      readonly type: 'lookup_arp' | 'lookup_nd' | 'lookup_arp_ip' | 'lookup_nd_ip';
      readonly dst: FieldRef;
      readonly port: FieldRef;
      readonly ip: FieldRef;
      /** Of lookup_arp and lookup_nd. */
      readonly mac?: FieldRef;
    }
  | { readonly type: 'chk_evpn_arp'; readonly dst: FieldRef; readonly ip: FieldRef }
  | { readonly type: 'put_fdb'; readonly port: FieldRef; readonly mac: FieldRef }
  | { readonly type: 'get_fdb'; readonly dst: FieldRef; readonly mac: FieldRef }
  | { readonly type: 'lookup_fdb'; readonly dst: FieldRef; readonly port: FieldRef; readonly mac: FieldRef }
  | {
      readonly type: 'put_dhcp_opts' | 'put_dhcpv6_opts' | 'put_nd_ra_opts';
      readonly dst: FieldRef;
      readonly options: readonly OptionValue[];
    }
  | {
      readonly type: 'dhcp_relay_req_chk' | 'dhcp_relay_resp_chk';
      readonly dst: FieldRef;
      readonly relay: Constant;
      readonly server: Constant;
    }
  | { readonly type: 'check_pkt_larger'; readonly dst: FieldRef; readonly bytes: number }
  | { readonly type: 'set_queue'; readonly queue: number }
  /** kbit/s and kbit; burst 0 for none. */
  | { readonly type: 'set_meter'; readonly rate: bigint; readonly burst: bigint }
  | {
      readonly type: 'log';
      readonly verdict: 'allow' | 'drop' | 'reject' | 'pass';
      readonly severity: 'alert' | 'warning' | 'notice' | 'info' | 'debug';
      readonly name?: string;
      readonly meter?: string;
    }
  | { readonly type: 'trigger_event'; readonly event: 'empty_lb_backends'; readonly options: readonly OptionValue[] }
  | { readonly type: 'bind_vport'; readonly vport: string; readonly parent: FieldRef }
  | { readonly type: 'handle_svc_check'; readonly port: FieldRef }
  | { readonly type: 'fwd_group'; readonly liveness: boolean; readonly childPorts: readonly string[] }
  | { readonly type: 'commit_ecmp_nh'; readonly ipv6: boolean; readonly protocol: TransportName }
  | {
      readonly type: 'commit_lb_aff';
      readonly vip: Backend;
      readonly backend: Backend;
      readonly protocol?: TransportName;
      /** Seconds. */
      readonly timeout: number;
    }
  | {
      readonly type: 'sample';
      readonly probability: number;
      readonly collectorSet: number;
      readonly obsDomain: number;
      /** `cookie`: the flow's own. */
      readonly obsPoint: number | 'cookie' | FieldRef;
    }
  | { readonly type: 'mirror'; readonly port: string };

/**
 * One action.  `prereqs` is the match text that must hold where it runs, '' for
 * nothing; `parseFlowActions` gives those of a whole sequence, which OVN adds to
 * the flow's match.
 */
export type Action = { readonly prereqs: string } & ActionBody;

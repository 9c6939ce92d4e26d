/**
 * The stages of the logical pipelines of OVN 23.03.1, ovn-northd(8), and the
 * registers in which one stage leaves a result for a later one.
 */
import type { Pipeline } from '../ovsdb/southbound.ts';

/** One logical table: a step of a switch's or a router's pipeline. */
export interface Stage {
  /** `external_ids:stage-name`, e.g. `ls_in_l2_lkup`. */
  readonly name: StageName;
  readonly kind: 'switch' | 'router';
  readonly pipeline: Pipeline;
  /** Table number within the pipeline. */
  readonly table: number;
  /** Position among the stages of its kind, ingress first. */
  readonly index: number;
}

const switchIngress = [
  'ls_in_check_port_sec',
  'ls_in_apply_port_sec',
  'ls_in_lookup_fdb',
  'ls_in_put_fdb',
  'ls_in_pre_acl',
  'ls_in_pre_lb',
  'ls_in_pre_stateful',
  'ls_in_acl_hint',
  'ls_in_acl',
  'ls_in_qos_mark',
  'ls_in_qos_meter',
  'ls_in_lb_aff_check',
  'ls_in_lb',
  'ls_in_lb_aff_learn',
  'ls_in_pre_hairpin',
  'ls_in_nat_hairpin',
  'ls_in_hairpin',
  'ls_in_acl_after_lb',
  'ls_in_stateful',
  'ls_in_arp_rsp',
  'ls_in_dhcp_options',
  'ls_in_dhcp_response',
  'ls_in_dns_lookup',
  'ls_in_dns_response',
  'ls_in_external_port',
  'ls_in_l2_lkup',
  'ls_in_l2_unknown',
] as const;

const switchEgress = [
  'ls_out_pre_acl',
  'ls_out_pre_lb',
  'ls_out_pre_stateful',
  'ls_out_acl_hint',
  'ls_out_acl',
  'ls_out_qos_mark',
  'ls_out_qos_meter',
  'ls_out_stateful',
  'ls_out_check_port_sec',
  'ls_out_apply_port_sec',
] as const;

const routerIngress = [
  'lr_in_admission',
  'lr_in_lookup_neighbor',
  'lr_in_learn_neighbor',
  'lr_in_ip_input',
  'lr_in_unsnat',
  'lr_in_defrag',
  'lr_in_lb_aff_check',
  'lr_in_dnat',
  'lr_in_lb_aff_learn',
  'lr_in_ecmp_stateful',
  'lr_in_nd_ra_options',
  'lr_in_nd_ra_response',
  'lr_in_ip_routing_pre',
  'lr_in_ip_routing',
  'lr_in_ip_routing_ecmp',
  'lr_in_policy',
  'lr_in_policy_ecmp',
  'lr_in_arp_resolve',
  'lr_in_chk_pkt_len',
  'lr_in_larger_pkts',
  'lr_in_gw_redirect',
  'lr_in_arp_request',
] as const;

const routerEgress = [
  'lr_out_chk_dnat_local',
  'lr_out_undnat',
  'lr_out_post_undnat',
  'lr_out_snat',
  'lr_out_post_snat',
  'lr_out_egr_loop',
  'lr_out_delivery',
] as const;

export type StageName = (
  | typeof switchIngress
  | typeof switchEgress
  | typeof routerIngress
  | typeof routerEgress
)[number];

function number(kind: Stage['kind'], ingress: readonly StageName[], egress: readonly StageName[]): Stage[] {
  return [
    ...ingress.map((name, table): Stage => ({ name, kind, pipeline: 'ingress', table, index: table })),
    ...egress.map((name, table): Stage => ({ name, kind, pipeline: 'egress', table, index: ingress.length + table })),
  ];
}

/** A logical switch's stages in pipeline order, ingress first; a stage's `index` is its place here. */
export const switchStages: readonly Stage[] = number('switch', switchIngress, switchEgress);

/** A logical router's stages in pipeline order, ingress first; a stage's `index` is its place here. */
export const routerStages: readonly Stage[] = number('router', routerIngress, routerEgress);

/** Every stage by its name. */
export const stages = Object.fromEntries(
  [...switchStages, ...routerStages].map((stage) => [stage.name, stage]),
) as Readonly<Record<StageName, Stage>>;

// Registers of the switch pipeline.

/** The packet must go through conntrack for defragmentation before it can be matched. */
export const REGBIT_CONNTRACK_DEFRAG = 'reg0[0]';
/** The connection is to be committed in the stateful stage. */
export const REGBIT_CONNTRACK_COMMIT = 'reg0[1]';
/** The packet is to be translated by a load balancer in the pre-stateful stage. */
export const REGBIT_CONNTRACK_NAT = 'reg0[2]';
/** put_dhcp_opts or put_dhcpv6_opts made a reply. */
export const REGBIT_DHCP_OPTS_RESULT = 'reg0[3]';
/** dns_lookup made a reply. */
export const REGBIT_DNS_LOOKUP_RESULT = 'reg0[4]';
/** put_nd_ra_opts made a router advertisement (router pipeline). */
export const REGBIT_ND_RA_OPTS_RESULT = 'reg0[5]';
/** A load balancer chose the sender itself as its backend. */
export const REGBIT_HAIRPIN = 'reg0[6]';
/** Hints, computed once before the ACLs, of what kinds of ACL can still decide. */
export const REGBIT_ACL_HINT_ALLOW_NEW = 'reg0[7]';
export const REGBIT_ACL_HINT_ALLOW = 'reg0[8]';
export const REGBIT_ACL_HINT_DROP = 'reg0[9]';
export const REGBIT_ACL_HINT_BLOCK = 'reg0[10]';
/** lookup_fdb found the sender's address on this very port. */
export const REGBIT_LKUP_FDB = 'reg0[11]';
/** The packet is the reply of a hairpinned one. */
export const REGBIT_HAIRPIN_REPLY = 'reg0[12]';
/** The connection is to be committed with an ACL's label, which is in REG_LABEL. */
export const REGBIT_ACL_LABEL = 'reg0[13]';
/** The packet came from a VTEP gateway. */
export const REGBIT_FROM_RAMP = 'reg0[14]';
/** check_in_port_sec or check_out_port_sec refused the packet. */
export const REGBIT_PORT_SEC_DROP = 'reg0[15]';
/** An allow-stateless ACL keeps the packet out of conntrack. */
export const REGBIT_ACL_STATELESS = 'reg0[16]';
export const REGBIT_ACL_HINT_ALLOW_REL = 'reg0[17]';

/** Destination before load balancing. */
export const REG_ORIG_DIP_IPV4 = 'reg1';
export const REG_ORIG_DIP_IPV6 = 'xxreg1';
export const REG_ORIG_TP_DPORT = 'reg2[0..15]';
/** The label of the ACL that allowed the connection. */
export const REG_LABEL = 'reg3';

// Registers of the load balancers' affinity, switch and router.

export const REG_LB_AFF_BACKEND_IP4 = 'reg4';
export const REG_LB_AFF_MATCH_PORT = 'reg8[0..15]';
export const REG_LB_L2_AFF_BACKEND_IP6 = 'xxreg0';
export const REG_LB_L3_AFF_BACKEND_IP6 = 'xxreg1';

// Registers of the router pipeline.

/** The packet came back from the egress pipeline. */
export const REGBIT_EGRESS_LOOPBACK = 'reg9[0]';
/** check_pkt_larger's result. */
export const REGBIT_PKT_LARGER = 'reg9[1]';
export const REGBIT_LOOKUP_NEIGHBOR_RESULT = 'reg9[2]';
export const REGBIT_LOOKUP_NEIGHBOR_IP_RESULT = 'reg9[3]';
export const REGBIT_DST_NAT_IP_LOCAL = 'reg9[4]';
export const REGBIT_KNOWN_ECMP_NH = 'reg9[5]';
export const REGBIT_KNOWN_LB_SESSION = 'reg9[6]';
/** The address of the port that admitted the packet. */
export const REG_INPORT_ETH_ADDR = 'xreg0[0..47]';
export const REG_ECMP_GROUP_ID = 'reg8[0..15]';
export const REG_ECMP_MEMBER_ID = 'reg8[16..31]';
export const REG_NEXT_HOP_IPV4 = 'reg0';
export const REG_NEXT_HOP_IPV6 = 'xxreg0';
export const REG_SRC_IPV4 = 'reg1';
export const REG_SRC_IPV6 = 'xxreg1';
export const REG_ROUTE_TABLE_ID = 'reg7';
export const REG_ORIG_TP_DPORT_ROUTER = 'reg9[16..31]';
/** Holds the sender's address while a connection's label is written. */
export const REG_ECMP_ETH_FULL = 'xxreg1';
export const REG_ECMP_ETH_FIELD = 'xxreg1[32..79]';

/** The packet did not come through a VXLAN tunnel. */
export const FLAGBIT_NOT_VXLAN = 'flags[1] == 0';

/**
 * What actions ask of software: those that a rule cannot do, or cannot know the
 * outcome of, before a packet has been seen.
 */
import type { Action } from '../../engine/lang/ir.ts';
import type { Reason, ReasonCode } from '../../engine/offload/plan.ts';
import type { LogicalFlow } from '../../engine/ovsdb/southbound.ts';

type ActionType = Action['type'];

/** Why an action is software's, in words that follow `the flow`. */
const work: Partial<Record<ActionType, readonly [ReasonCode, string]>> = {
  ct_next: ['ct-new', 'asks connection tracking, which knows nothing before the first packet'],
  ct_dnat: ['ct-new', 'translates the destination, which begins with the first packet of a connection'],
  ct_snat: ['ct-new', 'translates the source, which begins with the first packet of a connection'],
  ct_dnat_in_czone: ['ct-new', 'translates the destination, which begins with the first packet of a connection'],
  ct_snat_in_czone: ['ct-new', 'translates the source, which begins with the first packet of a connection'],
  ct_commit: ['ct-new', 'opens a connection'],
  ct_commit_v2: ['ct-new', 'opens a connection'],
  ct_commit_nat: ['ct-new', 'opens a connection'],
  ct_commit_to_zone: ['ct-new', 'opens a connection'],
  ct_snat_to_vip: ['ct-new', 'translates the source of a connection'],
  ct_lb: ['load-balancer', 'chooses one of the backends of a load balancer'],
  ct_lb_mark: ['load-balancer', 'chooses one of the backends of a load balancer'],
  commit_lb_aff: ['load-balancer', 'remembers the backend that a client was given'],
  chk_lb_aff: ['load-balancer', 'asks which backend a client was given before'],
  commit_ecmp_nh: ['ecmp', 'remembers the way that a connection came by'],
  select: ['ecmp', 'chooses one of several ways'],
  fwd_group: ['ecmp', 'chooses one of several ports'],
  check_pkt_larger: ['check-pkt-larger', 'compares the length of the packet'],
  put_arp: ['arp-nd', 'learns a neighbour'],
  put_nd: ['arp-nd', 'learns a neighbour'],
  mac_cache_use: ['arp-nd', 'notes that a neighbour is still there'],
  put_fdb: ['controller-action', 'learns which port a MAC address is behind'],
  put_dhcp_opts: ['controller-action', 'answers DHCP'],
  put_dhcpv6_opts: ['controller-action', 'answers DHCPv6'],
  put_nd_ra_opts: ['controller-action', 'answers a router solicitation'],
  dns_lookup: ['controller-action', 'answers DNS'],
  igmp: ['multicast', 'learns who belongs to a multicast group'],
  handle_svc_check: ['controller-action', 'reads the answer of a backend that is watched'],
  handle_dhcpv6_reply: ['controller-action', 'reads an answer of DHCPv6'],
  handle_bfd_msg: ['controller-action', 'reads a message of BFD'],
  bind_vport: ['controller-action', 'learns where a virtual address is'],
  trigger_event: ['controller-action', 'tells the controller of an event'],
  set_queue: ['unsupported-action', 'puts the packet into a queue of its own rate'],
  set_meter: ['meter', 'measures the rate of packets'],
  sample: ['unsupported-action', 'takes samples'],
  log: ['log', 'writes a line to the log'],
};

/** Actions in braces, which make other packets. */
const nested: Readonly<Record<string, readonly [ReasonCode, string]>> = {
  clone: ['clone', 'makes a copy of the packet'],
  arp: ['arp-nd', 'asks for the MAC address of a neighbour'],
  nd_na: ['arp-nd', 'answers a neighbour solicitation'],
  nd_na_router: ['arp-nd', 'answers a neighbour solicitation'],
  nd_ns: ['arp-nd', 'asks for the MAC address of a neighbour'],
};

/** What else changes nothing but what is known of the packet, or is followed. */
const harmless: ReadonlySet<ActionType> = new Set<ActionType>([
  ...(['next', 'output', 'load', 'move', 'exchange', 'push', 'pop', 'ip.ttl--', 'ct_clear'] as const),
  ...([
    'get_arp',
    'get_nd',
    'lookup_arp',
    'lookup_nd',
    'lookup_arp_ip',
    'lookup_nd_ip',
    'lookup_fdb',
    'get_fdb',
  ] as const),
  ...(['chk_ecmp_nh', 'chk_ecmp_nh_mac', 'check_in_port_sec', 'check_out_port_sec', 'ct_state_save'] as const),
  ...(['ct_nw_dst', 'ct_ip6_dst', 'ct_tp_dst', 'chk_lb_hairpin', 'chk_lb_hairpin_reply'] as const),
]);

/** Why packets that meet the flow are software's: none where a rule may do all of it. */
export function reasonsOf(actions: readonly Action[], flow: LogicalFlow): Reason[] {
  return actions.flatMap((action): Reason[] => {
    if (harmless.has(action.type)) return [];
    const [code, does] =
      work[action.type] ??
      (action.type === 'nested'
        ? (nested[action.name] ?? (['controller-action', `makes a packet of its own (${action.name})`] as const))
        : (['not-modelled', `has the action ${action.type}, of which nothing is known`] as const));
    const detail = `the flow of ${flow.stage} ${does}`;
    return [{ code, detail, stage: flow.stage, flow: flow.uuid }];
  });
}

/** What the reasons mean, for somebody who has never heard of rules in hardware; docs/offload/reasons/ has a page each. */
import type { ReasonCode } from './plan.ts';

/** What can be done about a reason at all. */
export type Remedy =
  /** Nothing has to be. */
  | 'usual'
  /** No hardware does it. */
  | 'never'
  /** Newer hardware, firmware, kernel or Open vSwitch does. */
  | 'newer'
  /** Another configuration of the network avoids it. */
  | 'design'
  /** The machine is not set up. */
  | 'setup'
  /** lflow does not do it. */
  | 'lflow';

export interface ReasonText {
  readonly title: string;
  readonly remedy: Remedy;
  /** Why, in a sentence or two. */
  readonly why: string;
  /** What to do about it. */
  readonly todo: string;
  /** How to see it oneself. */
  readonly check: string;
}

/** The words for a remedy. */
export const remedies: Readonly<Record<Remedy, string>> = {
  usual: 'this is how it should be',
  never: 'no hardware does it',
  newer: 'newer hardware, firmware, kernel or Open vSwitch does it',
  design: 'another configuration of the network avoids it',
  setup: 'the machine is not set up for it',
  lflow: 'lflow does not do it yet',
};

/** Each code has its text. */
export const reasonTexts: Readonly<Record<ReasonCode, ReasonText>> = {
  'arp-nd': {
    title: 'ARP and neighbour discovery',
    remedy: 'never',
    why: 'No card reads the fields of ARP or of neighbour discovery, and OVN mostly answers them itself.',
    todo: 'Nothing: these are few packets, a handful for each neighbour and minute.',
    check: 'A count of ARP packets says nothing about offload: send TCP data and look at the flows that carry it.',
  },
  'check-pkt-larger': {
    title: 'The length of packets is asked for',
    remedy: 'design',
    why: 'A gateway port with `gateway_mtu` compares the length of each packet, and the card has no such comparison.',
    todo: 'Remove `options:gateway_mtu` from the router port where all links have the same MTU; or use a card and kernel whose tc takes it (matching of ranges, Open vSwitch 3.0).',
    check: '`dpctl/dump-flows -m` shows `check_pkt_len` in the actions of such flows.',
  },
  clone: {
    title: 'A copy goes on its own way',
    remedy: 'never',
    why: 'The packet is copied and the copy is treated otherwise than the packet; a rule has one way.',
    todo: 'Avoid mirrors and second outputs for traffic that has to be fast.',
    check: 'The flow has `clone(...)` among its actions.',
  },
  'controller-action': {
    title: 'Software has to answer or to decide',
    remedy: 'never',
    why: 'OVN sends such packets to ovn-controller: DHCP, DNS, ICMP errors, rejects, router advertisements and the like.',
    todo: 'Nothing: these are single packets.',
    check: "The flow's action is `userspace(... controller(...))` or `slow_path(...)`.",
  },
  'ct-icmp': {
    title: 'ICMP behind connection tracking',
    remedy: 'never',
    why: 'Connection tracking in hardware knows TCP and UDP. A ping through stateful ACLs, NAT or a load balancer always goes by software.',
    todo: 'Do not test with ping. Use TCP (iperf3) and look at the flows of that connection.',
    check: '`iperf3 -c ADDRESS -t 30`, and meanwhile `ovs-appctl dpctl/dump-flows -m type=offloaded`.',
  },
  'ct-new': {
    title: 'The first packets of a connection',
    remedy: 'usual',
    why: 'Software has to see a connection open before hardware can know it: `ct_state=+new` is never in hardware.',
    todo: 'Nothing, if connections live for more than a few packets. Many short connections cost software time: exempt them from tracking (`allow-stateless` ACLs) where they need none.',
    check: 'Look at the flows with `+est`: those have to be in hardware.',
  },
  'ct-related': {
    title: 'Packets that belong to no connection, or only to a related one',
    remedy: 'never',
    why: 'Hardware knows the connections that it was given; errors about them and stray packets go to software.',
    todo: 'Nothing: they are few, unless somebody scans the network.',
    check: 'The flow has `+rel` or `+inv` in its ct_state.',
  },
  'ct-snat-dnat-match': {
    title: 'It is asked whether a connection was translated',
    remedy: 'newer',
    why: "The bits `+snat` and `+dnat` of the connection's state are known to software alone.",
    todo: 'Look at which flow asks: load balancers with forced source NAT or hairpins do. An established connection is in hardware by an exact rule where lflow writes it.',
    check: 'The flow has `+snat` or `+dnat` in its ct_state, or `match unsupported` behind it.',
  },
  log: {
    title: 'Packets are logged',
    remedy: 'design',
    why: 'An ACL with `log=true` sends each packet to ovn-controller, which writes the line.',
    todo: 'Log what is denied, or the opening of connections, not all traffic: `log=true` only on ACLs that drop, with a meter.',
    check: '`ovn-nbctl find acl log=true`',
  },
  'load-balancer': {
    title: 'A backend is chosen',
    remedy: 'design',
    why: 'Which backend a new connection gets is decided in software, by a hash or at random.',
    todo: 'Nothing for long connections: established ones can be in hardware. Otherwise replace the load balancer of that network by one outside of OVN.',
    check: 'The flow has `hash(...)` or matches `dp_hash`; established connections have neither.',
  },
  ecmp: {
    title: 'One of several routes is chosen',
    remedy: 'design',
    why: 'Which next hop a packet takes is decided by a hash in software.',
    todo: 'Use one route where traffic has to be in hardware from the first packet on.',
    check: '`ovn-nbctl lr-route-list ROUTER`: routes marked `ecmp`.',
  },
  meter: {
    title: 'A rate is bounded',
    remedy: 'newer',
    why: 'The flow is metered; few combinations of card and switch take meters, and of one band.',
    todo: "Bound the rate at the port (`options:qos_max_rate`) or on the card's representor instead.",
    check: 'The flow has `meter(N)` among its actions.',
  },
  multicast: {
    title: 'Broadcast and multicast',
    remedy: 'never',
    why: 'One packet becomes many, to ports and tunnels; software makes the copies.',
    todo: 'Nothing, unless much traffic is multicast; then use IGMP snooping to keep it to few ports.',
    check: 'The flow has many outputs.',
  },
  'neighbour-unknown': {
    title: 'The MAC address of the next hop is not known yet',
    remedy: 'usual',
    why: 'OVN asks for it by ARP; until it is answered no rule can be written.',
    todo: 'Nothing, or write the neighbour down: `ovn-nbctl static-mac-binding-add PORT IP MAC`.',
    check: '`ovn-sbctl list MAC_Binding` shows what is known.',
  },
  'not-modelled': {
    title: 'lflow does not know exactly what happens',
    remedy: 'lflow',
    why: 'Some flow on the way is one that lflow does not model exactly, so it writes no rule.',
    todo: 'Look at the stage that is named; tell us what the network does there.',
    check: '`lflow trace` with the packet that is shown.',
  },
  'stateless-nat-before-ct': {
    title: 'Addresses are rewritten before a connection is tracked',
    remedy: 'design',
    why: 'A stateless floating address rewrites the packet, and then ACLs or load balancers track its connection: the card takes only one of both orders.',
    todo: 'Use a floating address with connection tracking (without `--stateless`), or `allow-stateless` ACLs for the port.',
    check: 'The flow has `set(ipv4(...))` before `ct(...)`.',
  },
  fragment: {
    title: 'IPv4 fragments',
    remedy: 'never',
    why: 'Later fragments have no ports to look at, and conntrack has to put them together first.',
    todo: "Keep packets whole: the MTU of hosts has to leave room for the tunnel's header (Geneve: 58 bytes).",
    check: 'The flow has `frag=first` or `frag=later`.',
  },
  'ipv6-fragment': {
    title: 'IPv6 fragments',
    remedy: 'never',
    why: 'tc-flower does not take them, and conntrack has to put them together first.',
    todo: "Keep packets whole: hosts learn the path's MTU by ICMPv6; do not filter it.",
    check: 'The flow has `ipv6(... frag=...)`.',
  },
  sctp: {
    title: 'SCTP',
    remedy: 'never',
    why: 'The cards read no SCTP ports and track no SCTP connections.',
    todo: 'Let SCTP pass by ACLs that look at addresses only and are stateless; then a rule of addresses can carry it.',
    check: 'The flow has `sctp(...)` or protocol 132.',
  },
  'geneve-option-profile': {
    title: 'The card is not set up to read Geneve options',
    remedy: 'setup',
    why: 'OVN tells the ports in a Geneve option, and the firmware reads options only in some of its profiles, which exclude reading ICMP types.',
    todo: 'Set the profile and reset the card: `mlxconfig -d DEVICE set FLEX_PARSER_PROFILE_ENABLE=0` (or 8), then `mlxfwreset`.',
    check: '`mlxconfig -d DEVICE q | grep FLEX_PARSER_PROFILE_ENABLE`',
  },
  'match-too-wide': {
    title: 'The rule compares too many bits',
    remedy: 'newer',
    why: 'The card compares a bounded number of words in a rule: ConnectX-6 Dx five, BlueField-3 eleven. IPv6 addresses are wide.',
    todo: 'Use IPv4 or a newer card; fewer fields in ACLs and policies help.',
    check: '`lflow offload plan` tells the words of the widest rules.',
  },
  'table-full': {
    title: 'The device takes no more rules',
    remedy: 'newer',
    why: 'All rules that fit are in; this traffic has none.',
    todo: 'Fewer ports on the node, fewer distinct ACLs, or a device with larger tables. Or rules for the traffic that there is: `--placement reactive`.',
    check: '`lflow offload plan` shows the use of each group.',
  },
  'too-many-rewrites': {
    title: 'The rule rewrites too much',
    remedy: 'newer',
    why: 'A card changes a bounded number of fields in one rule (32 commands with mlx5; tc takes 16 actions).',
    todo: 'Usually translation in both directions with routing: let one router translate.',
    check: "Count `set(...)` in the flow's actions.",
  },
  'unsupported-action': {
    title: 'The device cannot do that to a packet',
    remedy: 'newer',
    why: "Some change or way of the packet is not among the device's actions.",
    todo: 'Look at the capability file of the device, and whether a newer one has the action.',
    check: 'The detail names the action.',
  },
  'unsupported-match': {
    title: 'The device cannot ask for that',
    remedy: 'newer',
    why: 'Some field that decides is not among those that the device compares.',
    todo: 'Look at the capability file of the device; ACLs that ask for fewer fields avoid it.',
    check: 'The detail names the field.',
  },
  'device-setup': {
    title: 'Nothing in the flow keeps it out of hardware',
    remedy: 'setup',
    why: 'The flow could be in hardware and is not: the switch, the card or the kernel is not set up for it, or too old.',
    todo: 'Go through the list: `ovs-vsctl get Open_vSwitch . other_config:hw-offload` is "true" and ovs-vswitchd was started again since; `devlink dev eswitch show pci/ADDRESS` says switchdev; `ethtool -k PORT` says hw-tc-offload: on; `tc qdisc show dev PORT` has an ingress qdisc; Linux 5.7 and Open vSwitch 2.13 or newer (better 3.0); all ports of the flow are of one card.',
    check:
      '`tc -s filter show dev PORT ingress` shows `in_hw` or `not_in_hw`; ovs-vswitchd\'s log says "failed to offload flow" with a reason.',
  },
  recirculation: {
    title: 'A packet meets several flows in turn',
    remedy: 'newer',
    why: 'Behind connection tracking a packet begins anew (recirc_id); some switches offload only the first flow, or none of such packets.',
    todo: 'With DPDK use OVS-DOCA; with the kernel one that shares recirculation with tc (Linux 5.4 or newer, built with CONFIG_NET_TC_SKB_EXT).',
    check: 'The flow has `recirc_id(0xN)` that is not 0, or `recirc(0xN)` among its actions.',
  },
  'software-port': {
    title: 'One end is a port that only software has',
    remedy: 'design',
    why: "The packet comes from or goes to a bridge's own port, a veth pair or a tap: there is no card in between.",
    todo: "Give pods and gateways virtual or sub-functions of the card (VF, SF), and the host's gateway interface too.",
    check: '`dpctl/dump-flows -m --names` shows the names of the ports.',
  },
};

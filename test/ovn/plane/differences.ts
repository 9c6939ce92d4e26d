/**
 * In what real OVN and lflow are known to differ, and why.  Each entry is as narrow as can be:
 * whatever else differs fails.
 */
import type { Southbound } from '../../../engine/ovsdb/southbound.ts';
import { headersOf, icmpOf, ip6At } from '../../oracle/answers.ts';
import type { Step } from '../../oracle/exchange.ts';
import { ip6, isIp6, protocols } from '../../oracle/frames.ts';

export interface KnownDifference {
  readonly name: string;
  readonly why: string;
  /** Topologies that it is known of; without it all. */
  readonly topologies?: readonly string[];
  /** What lflow is given instead of the database, so that it does what the other world does. */
  readonly southbound?: (southbound: Southbound) => Southbound;
  /** What is compared of a frame; nothing if undefined. */
  readonly compared?: (frame: Uint8Array, step: Step) => Uint8Array | undefined;
  /** Conversations that are not compared, by how their names begin. */
  readonly conversations?: string;
}

export const knownDifferences: readonly KnownDifference[] = [
  {
    name: 'ip.dscp is not matched',
    why:
      'ovn-controller 23.03 writes no flow that looks at ip.dscp (what is `ip.dscp == 46 && ip4` becomes a flow for all of ' +
      'IPv4): the field has six bits, OpenFlow has no mask for it, and lib/meta-flow.c refuses what has not all bits of a ' +
      'byte.  ovn-trace and lflow match it.  A flow of a firewall that is for everything is none that anybody wants.',
    topologies: ['QoS marks', 'priorities and sets'],
    southbound: (southbound) => ({
      ...southbound,
      flows: southbound.flows.map((flow) => ({ ...flow, match: flow.match.replaceAll('ip.dscp == 46', 'ip') })),
    }),
  },
  {
    name: 'ports of a range',
    why: 'Which port of a range a translated connection gets is a hash that every start of Open vSwitch seeds anew.',
    topologies: ['port ranges'],
    compared: withoutTranslatedPort,
  },
  {
    name: 'mutants of what has a port of a range',
    why: 'They are made of frames of the real world, and so belong to connections that there are only there.',
    topologies: ['port ranges'],
    conversations: 'random frames',
  },
  {
    name: 'translated beside a copy',
    why:
      'Where the members of a group are a router that translates a packet and others, Open vSwitch 3.1 sends the others ' +
      'the translated packet: `clone` of a patch port copies nothing, as all actions but `ct` can be taken back ' +
      '(ofproto/ofproto-dpif-xlate.c, reversible_actions); and where the router chooses among routes, it sends the others ' +
      'nothing.  Hosts send no such frames: for a group of Ethernet, but an IP address that is none.',
    topologies: [
      ...['distributed gateway', 'groups of chassis', 'equal-cost routes', 'policies', 'symmetric replies'],
      ...['forwarding groups', 'provider network with a tag', 'two load balancers and source translation'],
    ],
    compared: (frame) => (isForOneInGroup(frame) ? undefined : frame),
  },
  {
    name: 'tracked beside a copy',
    why:
      'Where the members of a group are a router that tracks connections and others, Open vSwitch 3.1 tracks the packet itself ' +
      'and not a copy: a fragment that waits for others of its datagram is gone for all members.',
    compared: (frame) => (isForOneInGroup(frame) && isFragment(frame) ? undefined : frame),
  },
  {
    name: 'a tag beneath the one that tells the port',
    why:
      'Where a tag is taken away, Open vSwitch 3.1 does not look for another one beneath it (lib/flow.c, flow_pop_vlan): ' +
      'frames with two find the megaflow of those with one, if it is there, and keep their other tag.  OVN drops what is tagged.',
    topologies: [
      'nested containers',
      'children on VLANs with ACLs',
      'a gateway of layer 2 with a tag',
      'provider network with a tag',
    ],
    compared: (frame, { sent }) =>
      sent.some((from) => isTaggedBeneath(from) && isSameBehindTags(frame, from)) ? undefined : frame,
  },
  {
    name: 'questions of a router for what is its own',
    why:
      'A packet for an address that the router itself translates to waits until the router has answered itself, through ' +
      'the database: how often it asks until then depends on time.',
    topologies: ['translation on a gateway router', 'three backends', 'balancers of a switch'],
    compared: (frame) => (isOwnQuestion(frame) ? undefined : frame),
  },
  {
    name: 'questions for half a MAC address',
    why:
      'Where frames come in batches, the real router asks for 0.0.2.0 as 0.0.1.254.  These are the halves of its own MAC ' +
      'address, which ovn-northd keeps where the next hop stands once a packet is routed.  One by one, the same frames ' +
      'cause no such question.',
    topologies: ['multicast relay'],
    compared: (frame) => {
      const { arp } = headersOf(frame) ?? {};
      return arp?.op === 1 && arp.tpa === '0.0.2.0' && arp.spa === '0.0.1.254' ? undefined : frame;
    },
  },
  {
    name: 'ICMPv6 errors about packets of connections',
    why:
      'Where the sender of a related ICMPv6 error is translated, Open vSwitch 3.1 mends the checksum of the connection’s ' +
      'protocol in it (lib/conntrack.c, nat_packet), which for UDP is its MTU and for TCP a part of what it quotes, and ' +
      'leaves the error’s own checksum wrong.  OVN commits all connections with a translation.',
    compared: withoutMended,
  },
  {
    name: 'when affinity begins',
    why:
      'The first connections of a client go to any backend until Open vSwitch has revised its cache, which takes as long as it takes; ' +
      'lflow sends all but the first one where the first one went.',
    topologies: ['affinity', 'affinity among two backends'],
    conversations: 'many connections',
  },
  {
    name: 'errors about what is no packet',
    why:
      'ovn-controller answers what has the Ethernet type of IP, but no IP header that can be read, with an ICMP error from ' +
      'nobody to nobody, and quotes memory behind a packet whose length lies (controller/pinctrl.c).  lflow sends none.',
    compared: (frame) => (isErrorOfNobody(frame) ? undefined : frame),
  },
  {
    name: 'segments that end before their flags',
    why:
      'Whether a segment that is to be answered with a reset is one itself, ovn-controller reads in memory behind the packet ' +
      'where that ends before its flags (controller/pinctrl.c): what lies there other packets have left.  lflow answers.',
    compared: (frame, { sent }) =>
      isReset(frame) && sent.some((from) => endsBeforeFlags(from) && isWayBack(frame, from)) ? undefined : frame,
  },
  {
    name: 'fragments behind the end',
    why:
      'A fragment that ends behind the longest packet there can be is kept by Open vSwitch 3.1 as if it were at the ' +
      'beginning (lib/ipf.c counts in 16 bits), and so lost.  lflow takes it for invalid, as what else cannot be put together.',
    compared: (frame) => (isBehindEnd(frame) ? undefined : frame),
  },
  {
    name: 'checksums in later fragments',
    why:
      'Where addresses are set without conntrack, Open vSwitch 3.1 mends a checksum also in fragments that have none ' +
      '(lib/packets.c, packet_set_ipv4_addr), and so changes what they carry.',
    topologies: ['stateless translation'],
    compared: withoutFalseChecksum,
  },
];

/** The entries that are about a topology. */
export function differencesOf(topology: string): readonly KnownDifference[] {
  return knownDifferences.filter(({ topologies }) => topologies === undefined || topologies.includes(topology));
}

export function southboundFor(topology: string, southbound: Southbound): Southbound {
  return differencesOf(topology).reduce((rows, { southbound: change }) => change?.(rows) ?? rows, southbound);
}

/** What is compared of the steps of a world. */
export function comparedSteps(topology: string, steps: readonly Step[]): Step[] {
  const known = differencesOf(topology);
  const leftOut = known.flatMap(({ conversations }) => conversations ?? []);
  const changes = known.flatMap(({ compared }) => compared ?? []);
  const comparedFrame = (frame: Uint8Array, step: Step): Uint8Array | undefined =>
    changes.reduce<Uint8Array | undefined>((bytes, change) => bytes && change(bytes, step), frame);
  return steps
    .filter(({ conversation }) => !leftOut.some((name) => conversation.startsWith(name)))
    .map((step) => ({
      ...step,
      received: step.received.flatMap(({ port, frame }) => {
        const compared = comparedFrame(frame, step);
        return compared ? [{ port, frame: compared }] : [];
      }),
    }));
}

/** Addresses that `port ranges` translates to. */
const isTranslated = (address: string): boolean => address.startsWith('10.0.9.1') || address.startsWith('10.0.9.2');

/** Where TCP and UDP have their checksums. */
const checksumAt: Readonly<Record<number, number>> = { [protocols.tcp]: 16, [protocols.udp]: 6 };

/** The host that `port ranges` translates to, in a range of ports. */
const behindRange = '10.0.1.1';

/** Without the ports of what comes from a translated address or goes to a translated port, and the checksum that depends on them. */
function withoutTranslatedPort(frame: Uint8Array): Uint8Array {
  const { ip } = headersOf(frame) ?? {};
  const checksum = ip && checksumAt[ip.protocol];
  if (ip?.version !== 4 || checksum === undefined) return frame;
  if (!isTranslated(ip.src) && ip.dst !== behindRange) return frame;
  const changed = frame.slice();
  changed.fill(0, ip.l4, ip.l4 + 4);
  changed.fill(0, ip.l4 + checksum, ip.l4 + checksum + 2);
  return changed;
}

/** Of an ICMPv6 error that quotes TCP or UDP, without its checksum and where the quoted protocol would have its own. */
function withoutMended(frame: Uint8Array): Uint8Array {
  const { ip } = headersOf(frame) ?? {};
  const message = icmpOf(frame);
  if (ip?.version !== 6 || !message || message.type > 4) return frame;
  const checksum = checksumAt[frame[ip.l4 + 8 + 6]];
  if (checksum === undefined) return frame;
  const changed = frame.slice();
  changed.fill(0, ip.l4 + 2, ip.l4 + 4);
  changed.fill(0, ip.l4 + checksum, ip.l4 + checksum + 2);
  return changed;
}

const isGroupOfEthernet = (frame: Uint8Array): boolean => (frame[0] & 1) === 1;

/** A frame for a group of Ethernet with an IP packet for one host. */
function isForOneInGroup(frame: Uint8Array): boolean {
  const { ip } = headersOf(frame) ?? {};
  if (!ip || !isGroupOfEthernet(frame)) return false;
  return ip.version === 4 ? Number(ip.dst.split('.')[0]) < 224 && !ip.dst.endsWith('.255') : !ip.dst.startsWith('ff');
}

function isFragment(frame: Uint8Array): boolean {
  const { ip } = headersOf(frame) ?? {};
  return ip?.version === 4 ? (ip.fragment & 0x3fff) !== 0 : ip?.protocol === 44;
}

const isTaggedBeneath = (frame: Uint8Array): boolean => (headersOf(frame)?.eth.tags.length ?? 0) > 1;

/** Whether two frames are the same but for their tags; a router has changed Ethernet addresses, TTL and checksum. */
function isSameBehindTags(one: Uint8Array, other: Uint8Array): boolean {
  const [a, b] = [one, other].map((frame) => {
    const { ip, l3 = frame.length } = headersOf(frame) ?? {};
    const changed = frame.slice(l3 - 2);
    if (ip?.version === 4) for (const at of [10, 12, 13]) changed[at] = 0;
    else if (ip) changed[9] = 0;
    return changed.subarray(0, ip ? ip.end - l3 + 2 : changed.length).join();
  });
  return a === b;
}

/** External addresses and virtual ones of the topologies. */
const ownAddresses = ['10.0.9.11', '10.0.9.13', '10.0.9.14', '10.0.9.200', '10.0.9.201', '10.0.2.100', 'fd00:9::14'];

/** Whether a router (its MAC address ends so) asks for one of them. */
function isOwnQuestion(frame: Uint8Array): boolean {
  const { arp, eth, ip } = headersOf(frame) ?? {};
  if (!eth?.src.endsWith(':fe')) return false;
  if (arp) return arp.op === 1 && ownAddresses.includes(arp.tpa);
  if (ip?.version !== 6 || icmpOf(frame)?.type !== 135) return false;
  const target = ip6At(frame, ip.l4 + 8);
  return ownAddresses.some((own) => isIp6(own) && ip6(own).join() === ip6(target).join());
}

/** An ICMP error without addresses, or without a length (see `withoutGarbage` in exchange.ts). */
function isErrorOfNobody(frame: Uint8Array): boolean {
  const { type, l3 = 0 } = headersOf(frame) ?? {};
  const isZero = (from: number, to: number): boolean => frame.subarray(l3 + from, l3 + to).every((byte) => byte === 0);
  if (type === 0x800) return frame[l3 + 9] === protocols.icmp && (isZero(2, 4) || isZero(12, 20));
  return type === 0x86dd && frame[l3 + 6] === protocols.icmp6 && (isZero(4, 6) || isZero(8, 40));
}

/** RST and ACK between ports that nobody has. */
function isReset(frame: Uint8Array): boolean {
  const { ip } = headersOf(frame) ?? {};
  if (ip?.protocol !== protocols.tcp) return false;
  return frame.subarray(ip.l4, ip.l4 + 4).every((byte) => byte === 0) && frame[ip.l4 + 13] === 0x14;
}

/** A segment of TCP without the byte of its flags. */
function endsBeforeFlags(frame: Uint8Array): boolean {
  const { ip } = headersOf(frame) ?? {};
  return ip?.protocol === protocols.tcp && ip.l4 + 13 >= frame.length;
}

function isWayBack(frame: Uint8Array, from: Uint8Array): boolean {
  const [there, back] = [headersOf(from)?.ip, headersOf(frame)?.ip];
  return there !== undefined && there.src === back?.dst && there.dst === back.src;
}

/** A fragment that ends behind 65535 bytes. */
function isBehindEnd(frame: Uint8Array): boolean {
  const { ip, l3 = 0 } = headersOf(frame) ?? {};
  const u16At = (at: number): number => (frame[at] << 8) | frame[at + 1];
  if (ip?.version === 4) return 8 * (u16At(l3 + 6) & 0x1fff) + ip.end - ip.l4 > 65535;
  const isFragment = ip?.protocol === 44 && ip.l4 + 8 <= ip.end;
  return isFragment && (u16At(ip.l4 + 2) & 0xfff8) + ip.end - ip.l4 - 8 > 65535;
}

/** A later fragment of TCP or UDP over IPv4 without the bytes where the first one has its checksum. */
function withoutFalseChecksum(frame: Uint8Array): Uint8Array {
  const { ip, l3 = 0 } = headersOf(frame) ?? {};
  const isLater = ip?.version === 4 && (((frame[l3 + 6] & 0x1f) << 8) | frame[l3 + 7]) !== 0;
  const checksum = isLater ? checksumAt[ip.protocol] : undefined;
  if (!ip || checksum === undefined) return frame;
  const changed = frame.slice();
  changed.fill(0, ip.l4 + checksum, ip.l4 + checksum + 2);
  return changed;
}

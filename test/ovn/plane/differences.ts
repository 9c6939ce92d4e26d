/**
 * In what real OVN and lflow are known to differ, and why.  Each entry is as narrow as can be:
 * whatever else differs fails.
 */
import type { Southbound } from '../../../engine/ovsdb/southbound.ts';
import { headersOf, icmpOf } from '../../oracle/answers.ts';
import type { Step } from '../../oracle/exchange.ts';
import { protocols } from '../../oracle/frames.ts';

export interface KnownDifference {
  readonly name: string;
  readonly why: string;
  /** Topologies that it is known of; without it all. */
  readonly topologies?: readonly string[];
  /** What lflow is given instead of the database, so that it does what the other world does. */
  readonly southbound?: (southbound: Southbound) => Southbound;
  /** What is compared of a frame; nothing if undefined. */
  readonly compared?: (frame: Uint8Array) => Uint8Array | undefined;
  /** Conversations that are not compared, by how their names begin. */
  readonly conversations?: string;
}

export const knownDifferences: readonly KnownDifference[] = [
  {
    name: 'ip.dscp is not matched',
    why:
      'ovn-controller 23.03 writes no flow that looks at ip.dscp: the field has six bits, OpenFlow has no mask for it, ' +
      'and lib/meta-flow.c refuses what has not all bits of a byte.  ovn-trace and lflow match it.',
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
    name: 'ICMPv6 errors about translated packets',
    why:
      'Open vSwitch 3.1 mends the checksum of the connection’s protocol in a related ICMPv6 error (lib/conntrack.c, ' +
      'nat_packet), which for UDP is its MTU, and leaves the error’s own checksum wrong.',
    topologies: ['IPv6 translated on a gateway router', 'translation on a gateway router'],
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
    name: 'errors without a length',
    why:
      'ovn-controller answers a packet whose lengths lie with an ICMP error whose IP header has no length and no addresses ' +
      '(controller/pinctrl.c).  lflow sends none.',
    compared: (frame) => (headersOf(frame)?.type === 0x800 && frame[16] === 0 && frame[17] === 0 ? undefined : frame),
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
  const comparedFrame = (frame: Uint8Array): Uint8Array | undefined =>
    changes.reduce<Uint8Array | undefined>((bytes, change) => bytes && change(bytes), frame);
  return steps
    .filter(({ conversation }) => !leftOut.some((name) => conversation.startsWith(name)))
    .map((step) => ({
      ...step,
      received: step.received.flatMap(({ port, frame }) => {
        const compared = comparedFrame(frame);
        return compared ? [{ port, frame: compared }] : [];
      }),
    }));
}

/** Addresses that `port ranges` translates to. */
const isTranslated = (address: string): boolean => address.startsWith('10.0.9.1') || address.startsWith('10.0.9.2');

/** Where TCP and UDP have their checksums. */
const checksumAt: Readonly<Record<number, number>> = { [protocols.tcp]: 16, [protocols.udp]: 6 };

/** Without the ports of what comes from a translated address, and the checksum that depends on them. */
function withoutTranslatedPort(frame: Uint8Array): Uint8Array {
  const { ip } = headersOf(frame) ?? {};
  const checksum = ip && checksumAt[ip.protocol];
  if (ip?.version !== 4 || checksum === undefined || !isTranslated(ip.src)) return frame;
  const changed = frame.slice();
  changed.fill(0, ip.l4, ip.l4 + 4);
  changed.fill(0, ip.l4 + checksum, ip.l4 + checksum + 2);
  return changed;
}

/** Without the checksum of an ICMPv6 error, the word behind it, and where TCP would have its checksum. */
function withoutMended(frame: Uint8Array): Uint8Array {
  const { ip } = headersOf(frame) ?? {};
  const message = icmpOf(frame);
  if (ip?.version !== 6 || !message || message.type > 4) return frame;
  const changed = frame.slice();
  changed.fill(0, ip.l4 + 2, ip.l4 + 8);
  changed.fill(0, ip.l4 + 16, ip.l4 + 18);
  return changed;
}

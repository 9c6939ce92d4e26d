/**
 * What a router may be asked, of whoever asks: for its MAC address, for an echo, for services that it does not have, and
 * to pass on what runs out of hops; with the answers that are right.
 */
import { formatEthernet } from '../../engine/lang/addresses.ts';
import type { PacketSet } from '../../engine/sets/index.ts';
import { allOf, matchSet } from '../policy/packets.ts';
import { formatPrefix } from '../policy/prefix.ts';
import { at, type Looks, read } from '../symbolic/index.ts';
import { unchanged } from './homecoming.ts';
import { type Family, field, ofFamily, orderly } from './honest.ts';
import type { Question } from './questions.ts';
import type { View } from './view.ts';

/** Addresses of a router that a question is about, all of one family, with the MAC address that it answers from. */
export interface Asked {
  readonly family: Family;
  readonly addresses: readonly bigint[];
  readonly mac: bigint;
}

/** How an address is written. */
export const textOf = (family: Family, value: bigint): string =>
  formatPrefix({ family, value, length: family === 4 ? 32 : 128 });

const listOf = (family: Family, addresses: readonly bigint[]): string =>
  addresses.map((value) => textOf(family, value)).join(', ');

/** The addresses as the language has them. */
const setOf = ({ family, addresses }: Asked): string =>
  addresses.length === 1 ? listOf(family, addresses) : `{${listOf(family, addresses)}}`;

export const likeIn =
  ({ analysis: { space } }: View, text: string) =>
  ({ store }: Looks): PacketSet =>
    matchSet(space, text, store);

export const mayIn =
  ({ analysis: { space } }: View, text: string) =>
  ({ store }: Looks): PacketSet =>
    matchSet(space, text, store, 'may');

/** The packets that look so that they go back to the MAC and IP address that they came from. */
const turnedBack = ({ analysis: { space } }: View, { store }: Looks, family: Family): PacketSet => {
  const { src, dst } = ofFamily[family];
  return space.and(unchanged(space, read(store, dst), src), unchanged(space, read(store, at.ethDst), at.ethSrc));
};

/** From the very address that was asked, where there are several. */
const fromAsked = ({ analysis: { space } }: View, { store }: Looks, { family, addresses }: Asked): PacketSet => {
  const { src, dst } = ofFamily[family];
  return addresses.length === 1 ? space.all : unchanged(space, read(store, src), dst);
};

/** Packets to the addresses, of those that are sent. */
const toAddresses = ({ analysis: { space } }: View, sent: PacketSet, { family, addresses }: Asked): PacketSet =>
  space.and(sent, space.oneOf(ofFamily[family].dst, addresses));

/** RFC 826. `packets` are requests for the address. */
export function arpRequest(
  view: View,
  packets: PacketSet,
  address: bigint,
  mac: bigint,
  who = 'an ARP request',
): Question {
  const { space } = view.analysis;
  const name = textOf(4, address);
  const own = formatEthernet(mac);
  return {
    what: `${who} for ${name}`,
    packets: space.and(packets, space.cube([field(at.arpTpa, address)])),
    isRight: (one) =>
      allOf(space, [
        likeIn(view, `arp.op == 2 && arp.spa == ${name} && arp.sha == ${own} && eth.src == ${own}`)(one),
        unchanged(space, read(one.store, at.arpTpa), at.arpSpa),
        unchanged(space, read(one.store, at.ethDst), at.ethSrc),
      ]),
    isAnswer: mayIn(view, `arp.op == 2 && arp.spa == ${name}`),
  };
}

/** RFC 4861, section 7.2.4. `packets` are solicitations for the address. */
export function solicitation(view: View, packets: PacketSet, address: bigint, mac: bigint): Question {
  const { space } = view.analysis;
  const name = textOf(6, address);
  return {
    what: `a neighbour solicitation for ${name}`,
    packets,
    isRight: (one) =>
      space.and(
        likeIn(view, `nd_na && nd.target == ${name} && nd.tll == ${formatEthernet(mac)}`)(one),
        unchanged(space, read(one.store, at.ethDst), at.ethSrc),
      ),
    isAnswer: mayIn(view, `nd_na && nd.target == ${name}`),
  };
}

/** RFC 1122, section 3.2.2.6; RFC 4443, section 4.2. Of the packets sent those that ask for an echo. */
export function echo(view: View, sent: PacketSet, asked: Asked): Question {
  const { space, possible } = view.analysis;
  const { family, addresses, mac } = asked;
  const type = family === 4 ? 'icmp4.type' : 'icmp6.type';
  const [ask, reply] = family === 4 ? [8, 0] : [128, 129];
  const answer = `${type} == ${reply} && ip${family}.src == ${setOf(asked)}`;
  return {
    what: `an echo request to ${listOf(family, addresses)}`,
    packets: allOf(space, [
      toAddresses(view, sent, asked),
      matchSet(space, `${type} == ${ask} && icmp${family}.code == 0`),
      orderly(view.analysis),
      possible,
    ]),
    isRight: (one) =>
      allOf(space, [
        likeIn(view, `${answer} && eth.src == ${formatEthernet(mac)}`)(one),
        fromAsked(view, one, asked),
        turnedBack(view, one, family),
      ]),
    isAnswer: mayIn(view, answer),
  };
}

/** RFC 1122, sections 3.2.2.1 and 4.2.2.13; RFC 9260, section 8.4; RFC 4443, section 3.1. */
export function refusals(view: View, sent: PacketSet, asked: Asked): Question[] {
  const { space, possible } = view.analysis;
  const { family, mac } = asked;
  const all = allOf(space, [toAddresses(view, sent, asked), orderly(view.analysis), possible]);
  const question = (what: string, traffic: string, made: Looks['made'], answer: string): Question => {
    const isAnswer = (one: Looks): PacketSet => (one.made === made ? mayIn(view, answer)(one) : space.empty);
    const text = `${answer} && ip${family}.src == ${setOf(asked)} && eth.src == ${formatEthernet(mac)}`;
    return {
      what: `${what} for ${listOf(family, asked.addresses)}`,
      packets: space.and(all, matchSet(space, traffic)),
      isAnswer,
      isRight: (one) =>
        one.made !== made
          ? space.empty
          : allOf(space, [likeIn(view, text)(one), fromAsked(view, one, asked), turnedBack(view, one, family)]),
    };
  };
  const icmp = `icmp${family}`;
  const unreachable = (code: number): string => `${icmp}.type == ${family === 4 ? 3 : 1} && ${icmp}.code == ${code}`;
  return [
    question('a TCP segment that opens a connection', 'tcp.flags == 2', 'tcp_reset', 'tcp'),
    question('an SCTP packet', 'sctp', 'sctp_abort', 'sctp'),
    question('a UDP datagram', 'udp && udp.dst == 33434', icmp, unreachable(family === 4 ? 3 : 4)),
    question('a packet of another protocol', 'ip.proto == 47', icmp, unreachable(family === 4 ? 2 : 3)),
  ];
}

/** RFC 792, "Time Exceeded"; RFC 4443, section 3.3. `packets` run out of hops at a router, which is told by any of its addresses. */
export function expiry(view: View, packets: PacketSet, asked: Asked): Question {
  const { space } = view.analysis;
  const { family, addresses, mac } = asked;
  const error = `icmp${family}.type == ${family === 4 ? 11 : 3} && icmp${family}.code == 0`;
  return {
    what: `a packet that runs out of hops at ${listOf(family, addresses)}`,
    packets,
    isRight: (one) =>
      space.and(
        likeIn(view, `${error} && ip${family}.src == ${setOf(asked)} && eth.src == ${formatEthernet(mac)}`)(one),
        turnedBack(view, one, family),
      ),
    isAnswer: mayIn(view, error),
  };
}

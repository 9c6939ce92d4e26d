/**
 * The gateway of a network answers ARP and echo requests of every host, and neighbour solicitations: once, as itself;
 * and tells of packets that run out of hops.
 */
import { formatEthernet } from '../../engine/lang/addresses.ts';
import type { PacketSet } from '../../engine/sets/index.ts';
import { allOf, matchSet } from '../policy/packets.ts';
import { formatPrefix } from '../policy/prefix.ts';
import { at, type Looks, read, type TrafficClass } from '../symbolic/index.ts';
import type { Address } from '../trace/addresses.ts';
import { askedOf } from './asked.ts';
import { expiringOf } from './expiry.ts';
import { type Answered, answersAt, unchanged } from './homecoming.ts';
import {
  addressesOf,
  asking,
  type Family,
  field,
  neighborMacs,
  ofFamily,
  orderly,
  sentBy,
  soliciting,
  toGateway,
} from './honest.ts';
import { networksOf } from './outside.ts';
import { holds, type Judgement, type Property, unknown, violated } from './property.ts';
import { doubt, type Gateway, type Host, type TenantNetwork, type View } from './view.ts';

export const gatewayAnswers: Property = {
  id: 'gateway-answers',
  severity: 'error',
  promise: 'the gateway of a network answers ARP and echo requests of every host, and tells of packets that expire',
  *checks(view) {
    for (const network of networksOf(view)) {
      const vacuous = emptiness(network);
      yield {
        subject: network.name,
        source: network.source,
        ...(vacuous !== undefined && { vacuous }),
        judge: () => judge(view, network),
      };
    }
  },
};

function emptiness({ gateways, hosts }: TenantNetwork): string | undefined {
  if (hosts.length === 0) return 'the network has no interface';
  if (gateways.length === 0) return 'no router is attached to the network';
  const asked = gateways.some((gateway) =>
    gateway.addresses.some((own) => hosts.some((host) => isServed(host, own.address, own.prefixLength))),
  );
  return asked ? undefined : 'no address of a host is in the network of a gateway';
}

const isServed = (host: Host, { family, value }: Address, prefixLength: number): boolean =>
  host.mac !== undefined && addressesOf(host, family).some((ip) => isWithin(ip, value, family, prefixLength));

const isWithin = (ip: bigint, other: bigint, family: Family, prefixLength: number): boolean =>
  (ip ^ other) >> BigInt((family === 4 ? 32 : 128) - prefixLength) === 0n;

/** One question to a gateway, of all hosts that it serves. */
interface Question {
  readonly what: string;
  readonly packets: PacketSet;
  readonly isRight: (one: Looks) => PacketSet;
  readonly isAnswer: (one: Looks) => PacketSet;
}

function judge(view: View, network: TenantNetwork): Judgement {
  const { space } = view.analysis;
  let asked = space.empty;
  for (const gateway of network.gateways) {
    for (const { address, prefixLength } of gateway.addresses) {
      const hosts = network.hosts.filter((host) => isServed(host, address, prefixLength));
      if (hosts.length === 0) continue;
      for (const question of questionsTo(view, gateway, address, hosts)) {
        const wrong = breach(view, question);
        if (wrong) return wrong;
        asked = space.or(asked, question.packets);
      }
    }
  }
  for (const question of [...expiringOf(view, network), ...askedOf(view, network)]) {
    const wrong = breach(view, question);
    if (wrong) return wrong;
    asked = space.or(asked, question.packets);
  }
  const reason = doubt(view, asked, 'new');
  return reason === undefined ? holds : unknown(reason);
}

function breach(view: View, question: Question): Judgement | undefined {
  const { space } = view.analysis;
  const { what, packets, isRight, isAnswer } = question;
  const answered = answersAt(view, packets, isRight, isAnswer);
  const { wrong, twice } = answered;
  if (wrong) return violated({ kind: 'goes', ...wrong, sentence: `${what} gets an answer, but not the gateway's` });
  if (twice) return violated({ kind: 'goes', ...twice, sentence: `${what} is answered more than once` });
  const lost = unanswered(view, packets, answered);
  if (lost === space.empty) return undefined;
  const reason = doubt(view, lost, 'new');
  if (reason !== undefined) return unknown(reason);
  const fate = fateOf(view, lost);
  if (!fate) return unknown(`what becomes of ${what} is not known`);
  const some = space.and(fate.packets, lost);
  return violated({ kind: 'goes', class: fate, packets: some, sentence: `${what} gets no answer` });
}

/** The requests without the right answer, whatever MAC addresses neighbours have. */
const unanswered = ({ analysis: { space } }: View, packets: PacketSet, { right }: Answered): PacketSet =>
  space.diff(packets, space.forget(right, neighborMacs));

/** Where new packets end that were not answered: dropped, rather than let through elsewhere. */
function fateOf({ analysis: { space, classes } }: View, packets: PacketSet): TrafficClass | undefined {
  const ends = classes.filter((one) => one.connection === 'new' && space.intersects(one.packets, packets));
  return ends.find(({ end }) => end.kind === 'drop') ?? ends[0];
}

function questionsTo(view: View, gateway: Gateway, address: Address, hosts: readonly Host[]): Question[] {
  const { space } = view.analysis;
  const { family, value } = address;
  const name = formatPrefix({ family, value, length: family === 4 ? 32 : 128 });
  const mac = formatEthernet(gateway.mac);
  const back = (one: Looks) => unchanged(space, read(one.store, at.ethDst), at.ethSrc);
  const like = (text: string) => (one: Looks) => matchSet(space, text, one.store);
  const may = (text: string) => (one: Looks) => matchSet(space, text, one.store, 'may');
  const { src, dst } = ofFamily[family];
  const echoType = family === 4 ? 'icmp4.type' : 'icmp6.type';
  const [ask, reply] = family === 4 ? [8, 0] : [128, 129];
  const echo: Question = {
    what: `an echo request to ${name}`,
    packets: allOf(space, [
      sentBy(space, hosts, family),
      toGateway(space, gateway),
      space.cube([field(dst, value)]),
      matchSet(space, `${echoType} == ${ask} && icmp${family}.code == 0`),
      orderly(view.analysis),
      view.analysis.possible,
    ]),
    isRight: (one) =>
      allOf(space, [
        like(`${echoType} == ${reply} && ip${family}.src == ${name} && eth.src == ${mac}`)(one),
        unchanged(space, read(one.store, dst), src),
        back(one),
      ]),
    isAnswer: may(`${echoType} == ${reply} && ip${family}.src == ${name}`),
  };
  if (family === 6) {
    const solicitation: Question = {
      what: `a neighbour solicitation for ${name}`,
      packets: soliciting(space, hosts, value),
      isRight: (one) => space.and(like(`nd.target == ${name} && nd.tll == ${mac}`)(one), back(one)),
      isAnswer: may(`nd_na && nd.target == ${name}`),
    };
    return [solicitation, echo];
  }
  const request: Question = {
    what: `an ARP request for ${name}`,
    packets: space.and(asking(space, hosts), space.cube([field(at.arpTpa, value)])),
    isRight: (one) =>
      allOf(space, [
        like(`arp.op == 2 && arp.spa == ${name} && arp.sha == ${mac} && eth.src == ${mac}`)(one),
        unchanged(space, read(one.store, at.arpTpa), at.arpSpa),
        back(one),
      ]),
    isAnswer: may(`arp.op == 2 && arp.spa == ${name}`),
  };
  return [request, echo];
}

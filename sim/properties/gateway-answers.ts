/**
 * The gateway of a network answers ARP and echo requests of every host, and neighbour solicitations: once, as itself;
 * and tells of packets that run out of hops.
 */
import type { Address } from '../trace/addresses.ts';
import { askedOf } from './asked.ts';
import { expiringOf } from './expiry.ts';
import { addressesOf, asking, sentBy, soliciting, toGateway } from './honest.ts';
import { networksOf } from './outside.ts';
import type { Judgement, Property } from './property.ts';
import { judgeQuestions, type Question } from './questions.ts';
import { routerChecks } from './router-answers.ts';
import { arpRequest, echo, solicitation } from './router-questions.ts';
import { habitsOf, isEnabled, isWithin } from './router-sides.ts';
import { strayChecks } from './strays.ts';
import type { Gateway, Host, TenantNetwork, View } from './view.ts';

export const gatewayAnswers: Property = {
  id: 'gateway-answers',
  severity: 'error',
  promise: 'the gateway of a network answers ARP and echo requests of every host, and tells of packets that expire',
  *checks(view) {
    for (const network of networksOf(view)) {
      const vacuous = emptiness(view, network);
      yield {
        subject: network.name,
        source: network.source,
        ...(vacuous !== undefined && { vacuous }),
        judge: () => judge(view, network),
      };
      // Answers may be led elsewhere there: whether the gateway is found at all is not lost in that.
      if (vacuous === undefined && isDetoured(view, network)) {
        yield {
          subject: `${network.name}: neighbours`,
          source: network.source,
          judge: () => judgeQuestions(view, neighborQuestions(view, network)),
        };
      }
    }
    yield* strayChecks(view);
    yield* routerChecks(view);
  },
};

function emptiness(view: View, { gateways, hosts }: TenantNetwork): string | undefined {
  if (hosts.length === 0) return 'the network has no interface';
  if (gateways.length === 0) return 'no router is attached to the network';
  const asked = gateways.some(({ addresses }) =>
    addresses.some(({ address, prefixLength }) => served(view, { gateways, hosts }, address, prefixLength).length > 0),
  );
  return asked ? undefined : 'no address of a host is in the network of a gateway';
}

/** The hosts with an address in a network, whose port is not switched off; no host has an address of a gateway. */
function served(
  view: View,
  { gateways, hosts }: Pick<TenantNetwork, 'gateways' | 'hosts'>,
  { family, value }: Address,
  prefixLength: number,
): Host[] {
  const own = new Set(gateways.flatMap(({ addresses }) => addresses.map(({ address }) => address.value)));
  const isTheirs = (ip: bigint): boolean => !own.has(ip);
  return hosts
    .filter(({ mac, port }) => mac !== undefined && isEnabled(view, port))
    .map((host) => ({ ...host, ip4: host.ip4.filter(isTheirs), ip6: host.ip6.filter(isTheirs) }))
    .filter((host) => addressesOf(host, family).some((ip) => isWithin(ip, value, family, prefixLength)));
}

const judge = (view: View, network: TenantNetwork): Judgement => judgeQuestions(view, questionsIn(view, network));

function* questionsIn(view: View, network: TenantNetwork): Generator<Question, void> {
  for (const gateway of network.gateways) {
    for (const { address, prefixLength } of gateway.addresses) {
      const hosts = served(view, network, address, prefixLength);
      if (hosts.length > 0) yield* questionsTo(view, gateway, address, hosts);
    }
  }
  yield* expiringOf(view, network);
  yield* askedOf(view, network);
}

/** Of a database: whether a router of the network has policies, or routes by the source, that may lead its own answers elsewhere. */
const isDetoured = (view: View, { plan, gateways }: TenantNetwork): boolean =>
  !plan && gateways.some(({ routerPort }) => habitsOf(view, routerPort.datapath).detours.size > 0);

function* neighborQuestions(view: View, network: TenantNetwork): Generator<Question, void> {
  for (const gateway of network.gateways) {
    for (const { address, prefixLength } of gateway.addresses) {
      const hosts = served(view, network, address, prefixLength);
      if (hosts.length > 0) yield neighborQuestion(view, gateway, address, hosts);
    }
  }
}

function neighborQuestion(view: View, { mac }: Gateway, { family, value }: Address, hosts: readonly Host[]): Question {
  const { space } = view.analysis;
  return family === 4
    ? arpRequest(view, asking(space, hosts), value, mac)
    : solicitation(view, soliciting(space, hosts, value), value, mac);
}

function questionsTo(view: View, gateway: Gateway, address: Address, hosts: readonly Host[]): Question[] {
  const { space } = view.analysis;
  const { family, value } = address;
  const { mac } = gateway;
  const sent = space.and(sentBy(space, hosts, family), toGateway(space, gateway));
  const first = neighborQuestion(view, gateway, address, hosts);
  return [first, echo(view, sent, { family, addresses: [value], mac })];
}

/** Who reaches whom: networks and the world outside, each with each. */
import { switchName } from '../../engine/vpc/names.ts';
import type { NetworkPlan, VpcPlan } from '../../engine/vpc/plan.ts';
import { between, openingText, toOutside } from './conversation.ts';
import { ipv4Text, transports } from './packets.ts';
import { type Outcome, outsideMac, type World } from './world.ts';

/** The world outside, as a row and a column. */
export const outside = 'outside';

export interface Reachability {
  /** Networks (`NAMESPACE/NETWORK`) that have ports, then the world outside if there is a way to it. */
  places: string[];
  /** `reaches[from][to]`: a first packet of a conversation arrives. */
  reaches: boolean[][];
}

/** Sends an echo request, TCP and UDP from every network to every other, from two ports where there are two. */
export function reachability(world: World): Reachability {
  const networks = world.plans
    .flatMap((vpc) => vpc.networks.map((plan) => ({ vpc, plan })))
    .filter(({ plan }) => world.hostsOf(plan).length > 0);
  const hasOutside = world.gateways.length > 0;
  const inside = networks.map(({ plan: from }) => [
    ...networks.map(({ plan: to }) => networkReaches(world, from, to)),
    ...(hasOutside ? [reachesOutside(world, from)] : []),
  ]);
  const fromOutside = networks.map(({ vpc, plan }) => outsideReaches(world, vpc, plan));
  return {
    places: [...networks.map(({ plan }) => switchName(plan.network)), ...(hasOutside ? [outside] : [])],
    reaches: hasOutside ? [...inside, [...fromOutside, true]] : inside,
  };
}

function networkReaches(world: World, from: NetworkPlan, to: NetworkPlan): boolean {
  const sender = world.hostsOf(from)[0];
  const receiver = world.hostsOf(to).findLast((host) => host !== sender);
  if (!receiver) return true;
  return transports.some((transport) =>
    arrives(world.send(openingText(between(sender, receiver, transport))), receiver.port.name),
  );
}

const arrives = ({ arrivals }: Outcome, name: string): boolean => arrivals.some(({ port }) => port === name);

function reachesOutside(world: World, from: NetworkPlan): boolean {
  const [sender] = world.hostsOf(from);
  return transports.some((transport) =>
    world.send(openingText(toOutside(world, sender, transport))).arrivals.some(({ gateway }) => gateway !== undefined),
  );
}

function outsideReaches(world: World, vpc: VpcPlan, to: NetworkPlan): boolean {
  const [{ endpoint, port }] = world.hostsOf(to);
  return world.gatewaysOf(vpc).some((gateway) =>
    transports.some((transport) =>
      arrives(
        world.send(
          ipv4Text({
            inport: gateway.localnet,
            ethSrc: outsideMac,
            ethDst: gateway.endpoint.mac,
            source: world.outsideAddress,
            destination: endpoint.ip,
            transport,
          }),
        ),
        port.name,
      ),
    ),
  );
}

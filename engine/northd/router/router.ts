/**
 * A router as its stages see it: the datapath, and what several of them need to
 * know about it, worked out once.
 */
import { type CoppProtocol, coppMeter } from '../copp.ts';
import type { Emit } from '../emit.ts';
import { booleanOption } from '../options.ts';
import type { RouterDatapath, RouterPort, Topology } from '../topology.ts';
import { type RouterNat, routerNat } from './nat.ts';
import { portsByUuid } from './order.ts';

export interface Router {
  readonly dp: RouterDatapath;
  readonly topology: Topology;
  readonly emit: Emit;
  /** Its ports in the order in which a next hop is looked for in their networks. */
  readonly portsByUuid: readonly RouterPort[];
  /** options:chassis is set: the whole router lives on that chassis. */
  readonly isGateway: boolean;
  /** It forwards IP multicast (options:mcast_relay). */
  readonly relaysMulticast: boolean;
  /** One of its enabled ports gets all multicast (options:mcast_flood). */
  readonly floodsMulticast: boolean;
  /** It learns from every ARP request it sees (options:always_learn_from_arp_request). */
  readonly learnsFromRequests: boolean;
  /** Names of the ports over which a BFD session runs. */
  readonly bfdPorts: ReadonlySet<string>;
  readonly nat: RouterNat;
  /** The action of flows that drop. */
  readonly drop: string;
  /** The meter that limits what `protocol` sends to ovn-controller. */
  meter(protocol: CoppProtocol): string | undefined;
}

/** The view of `dp` whose flows go to `emit`. */
export function routerView(dp: RouterDatapath, topology: Topology, emit: Emit): Router {
  return {
    dp,
    topology,
    emit,
    portsByUuid: portsByUuid(dp),
    isGateway: dp.gatewayChassis !== undefined,
    relaysMulticast: booleanOption(dp.row.options, 'mcast_relay', false),
    floodsMulticast: dp.ports.some(
      ({ row }) => row.enabled !== false && booleanOption(row.options, 'mcast_flood', false),
    ),
    learnsFromRequests: booleanOption(dp.row.options, 'always_learn_from_arp_request', true),
    bfdPorts: new Set([...topology.nb.BFD.values()].map((bfd) => bfd.logical_port)),
    nat: routerNat(dp, topology),
    drop: topology.drop.drop,
    meter: (protocol) => coppMeter(topology.nb, dp.row.copp, protocol),
  };
}

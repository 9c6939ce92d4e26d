/** Small networks for the tests of answers, with the fate of all their packets. */
import { computeSouthbound } from '../engine/northd/index.ts';
import type { Northbound } from '../engine/ovsdb/northbound.ts';
import type { PacketSet } from '../engine/sets/index.ts';
import {
  analyse,
  fieldIndex,
  type NetworkPort,
  networkOf,
  packetFields,
  type TrafficClass,
} from '../sim/symbolic/index.ts';
import {
  addLocalnet,
  addNat,
  addPort,
  addRoute,
  addRouter,
  addRouterPort,
  addSwitch,
  attach,
  northbound,
} from './northd/router/build.ts';

/** Two switches of a router, red 10.0.0.0/24 and blue 10.1.0.0/24; red has two hosts, blue one. */
export function twoNetworks(): Northbound {
  const nb = northbound();
  addRouter(nb, 'router');
  for (const [name, number] of [
    ['red', 0],
    ['blue', 1],
  ] as const) {
    addSwitch(nb, name);
    addRouterPort(nb, 'router', `router-${name}`, `02:00:00:00:ff:0${number}`, [`10.${number}.0.1/24`]);
    attach(nb, name, `router-${name}`);
  }
  addPort(nb, 'red', 'red1', ['02:00:00:00:00:01 10.0.0.11']);
  addPort(nb, 'red', 'red2', ['02:00:00:00:00:02 10.0.0.12']);
  addPort(nb, 'blue', 'blue1', ['02:00:00:00:00:03 10.1.0.11']);
  return nb;
}

/** A host behind a gateway router that translates its address to 30.30.0.2. */
export function masqueraded(): Northbound {
  const nb = northbound();
  addRouter(nb, 'gateway', { options: { chassis: 'here' } });
  addSwitch(nb, 'inside');
  addRouterPort(nb, 'gateway', 'gateway-inside', '02:00:00:00:ff:01', ['10.0.0.1/24']);
  attach(nb, 'inside', 'gateway-inside');
  addPort(nb, 'inside', 'host', ['02:00:00:00:00:01 10.0.0.11']);
  addSwitch(nb, 'outside');
  addLocalnet(nb, 'outside', 'wire');
  addRouterPort(nb, 'gateway', 'gateway-outside', '02:00:00:00:ff:02', ['30.30.0.2/16']);
  attach(nb, 'outside', 'gateway-outside');
  addRoute(nb, 'gateway', '0.0.0.0/0', '30.30.0.1');
  addNat(nb, 'gateway', 'snat', '30.30.0.2', '10.0.0.0/24');
  return nb;
}

/** Two tenants, each behind a router of its own on the same wire outside, that know the way to each other: a 10.0.0.11, b 10.1.0.11. */
export function neighbours(): Northbound {
  const nb = northbound();
  for (const [name, own, other] of [
    ['a', 0, 1],
    ['b', 1, 0],
  ] as const) {
    addRouter(nb, `router-${name}`);
    addSwitch(nb, `inside-${name}`);
    addRouterPort(nb, `router-${name}`, `${name}-in`, `02:00:00:00:ff:${own}1`, [`10.${own}.0.1/24`]);
    attach(nb, `inside-${name}`, `${name}-in`);
    addPort(nb, `inside-${name}`, name, [`02:00:00:00:00:0${own + 1} 10.${own}.0.11`]);
    addSwitch(nb, `outside-${name}`);
    addLocalnet(nb, `outside-${name}`, `wire-${name}`);
    addRouterPort(nb, `router-${name}`, `${name}-out`, `02:00:00:00:ff:${own}2`, [`30.30.0.${own + 1}/16`]);
    attach(nb, `outside-${name}`, `${name}-out`);
    addRoute(nb, `router-${name}`, `10.${other}.0.0/24`, `30.30.0.${other + 1}`);
  }
  return nb;
}

/** From red1 to blue1 by the router. */
export const redToBlue = {
  'eth.src': 0x020000000001,
  'eth.dst': 0x02000000ff00,
  'ip4.src': 0x0a00000b,
  'ip4.dst': 0x0a01000b,
} as const;

/** From the host to 8.8.8.8 by the gateway. */
export const hostToOutside = {
  'eth.src': 0x020000000001,
  'eth.dst': 0x02000000ff01,
  'ip4.src': 0x0a00000b,
  'ip4.dst': 0x08080808,
} as const;

export function analysed(nb: Northbound) {
  const { southbound } = computeSouthbound(nb);
  const analysis = analyse(networkOf(southbound));
  const { space, network, classes } = analysis;
  const port = (name: string): NetworkPort => {
    const found = network.ports.get(name);
    if (!found) throw new Error(`no port ${name}`);
    return found;
  };
  const is = (name: string, value: bigint | number): PacketSet =>
    space.cube([
      {
        field: fieldIndex(name),
        value: BigInt(value),
        mask: (1n << BigInt(packetFields[fieldIndex(name)]?.width ?? 0)) - 1n,
      },
    ]);
  const both = (...sets: PacketSet[]): PacketSet => sets.reduce((a, b) => space.and(a, b));
  /** Packets of hosts that are as usual, and these fields of them. */
  const usual = (fields: Readonly<Record<string, bigint | number>>): PacketSet => {
    const none = { 'vlan.tci': 0, 'ip.frag': 0, 'ip.dscp': 0, 'ip.ecn': 0, 'pkt.mark': 0, 'pkt.len': 100, payload: 0 };
    const all = {
      ...none,
      'eth.type': 0x800,
      'ip.ttl': 64,
      'neighbor.0.known': 1,
      'neighbor.0.honest': 0,
      'neighbor.0.mac': 0x020000000077,
      ...fields,
    };
    return both(...Object.entries(all).map(([name, value]) => is(name, value)));
  };
  /** The first class with some of the packets that arrives at the port, and these packets. */
  const arriving = (packets: PacketSet, at: string, connection: TrafficClass['connection'] = 'new') => {
    for (const one of classes) {
      if (one.connection !== connection || one.end.kind !== 'port' || one.end.port.name !== at) continue;
      const some = space.and(one.packets, packets);
      if (some !== space.empty) return { class: one, packets: some };
    }
    throw new Error(`nothing arrives at ${at}`);
  };
  return { nb, southbound, analysis, space, network, classes, port, is, both, usual, arriving };
}

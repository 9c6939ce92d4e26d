/** What a router of a database must not pass on, of what comes from a switch: sim/properties/misrouted.ts, as far as its rows do not say otherwise. */

import { parseIpv4 } from '../../engine/lang/addresses.ts';
import type { PacketSet } from '../../engine/sets/index.ts';
import { matchSet } from '../policy/packets.ts';
import { at, type NetworkDatapath } from '../symbolic/index.ts';
import { misrouted } from './misrouted.ts';
import { gatewayBehind } from './open-view.ts';
import type { Check } from './property.ts';
import { publishedIn } from './published.ts';
import { judgeRefusals, type Refusal } from './refusal.ts';
import type { View } from './view.ts';
import { macsIn } from './wires.ts';

/** The check of what comes from a switch, and its routers. */
export function unrouted(view: View, place: NetworkDatapath, routers: readonly NetworkDatapath[]): Check {
  return {
    subject: `${place.name}: ${routers.map(({ name }) => name).join(', ')}`,
    key: `unrouted ${place.uuid}`,
    source: [],
    severity: 'warning',
    judge: () => judgeRefusals(view, refusalsAt(view, place, routers)),
  };
}

function refusalsAt(view: View, place: NetworkDatapath, routers: readonly NetworkDatapath[]): Refusal[] {
  const { space, network } = view.analysis;
  const senders = place.ports.filter(({ edge }) => edge !== undefined);
  const component = network.components[place.component] ?? [];
  const ports = component.flatMap((datapath) => datapath.ports.filter(({ edge }) => edge !== undefined));
  const spared = space.or(exempt(view), ofOthers(view, place, routers));
  return misrouted(view, senders, ports).map((refusal) => ({
    ...refusal,
    packets: space.diff(refusal.packets, spared),
    // Answers are not passed on: ACLs reject in whoever's name.
    bad: (one, certainty) => (one.made === undefined ? (refusal.bad?.(one, certainty) ?? space.all) : space.empty),
  }));
}

/** Packets that a router may take all the same: from and to addresses that rules translate, to MAC addresses of rules, and BFD. */
function exempt(view: View): PacketSet {
  const { space } = view.analysis;
  const { addresses, macs } = ofRules(view);
  return space.orAll([
    ...publishedIn(view).map(({ sent }) => matchSet(space, sent)),
    space.and(matchSet(space, 'ip4'), space.oneOf(at.ip4Src, addresses)),
    space.oneOf(at.ethDst, macs),
    matchSet(space, 'udp.dst == 3784'),
  ]);
}

/** Packets from one router's addresses that may get to another router on the switch, which does not know them. */
function ofOthers(view: View, place: NetworkDatapath, routers: readonly NetworkDatapath[]): PacketSet {
  const { space } = view.analysis;
  const near = place.ports.flatMap(gatewayBehind);
  return space.orAll(
    routers.map((router) => {
      const own = near.filter(({ routerPort }) => routerPort.datapath === router);
      if (own.length === near.length) return space.empty;
      const toOwn = space.oneOf(
        at.ethDst,
        own.map(({ mac }) => mac),
      );
      return space.diff(space.oneOf(at.ip4Src, sourcesOf(router)), toOwn);
    }),
  );
}

/** A router's IPv4 addresses, and the broadcast addresses of its networks. */
const sourcesOf = ({ ports }: NetworkDatapath): bigint[] =>
  ports
    .flatMap(({ peer }) => (peer ? gatewayBehind(peer) : []))
    .flatMap(({ addresses }) =>
      addresses.flatMap(({ address: { family, value }, prefixLength }) =>
        family === 4 ? [value, value | ((1n << BigInt(32 - prefixLength)) - 1n)] : [],
      ),
    );

/** What NAT rules have for addresses: as rows, or else as flows say. */
function ofRules({ northbound, southbound }: View): { addresses: bigint[]; macs: bigint[] } {
  if (northbound) {
    const rules = [...northbound.NAT.values()];
    return {
      addresses: rules.flatMap(({ external_ip: text }) => parseIpv4(text) ?? []),
      macs: macsIn(rules.flatMap(({ external_mac: text }) => text ?? [])),
    };
  }
  const snats = southbound.flows.flatMap(({ actions }) => /\bct_snat(?:_in_czone)?\(([\d.]+)/.exec(actions)?.[1] ?? []);
  const admitted = southbound.flows.flatMap(({ stage, match }) => (stage === 'lr_in_admission' ? match : []));
  return { addresses: snats.flatMap((text) => parseIpv4(text) ?? []), macs: macsIn(admitted) };
}

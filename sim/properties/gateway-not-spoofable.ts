/** No host is heard that claims the gateway's addresses: by other hosts, or by tables that learn. */
import { formatEthernet } from '../../engine/lang/addresses.ts';
import type { LogicalFlow } from '../../engine/ovsdb/southbound.ts';
import type { PacketSet, Space } from '../../engine/sets/index.ts';
import { matchSet } from '../policy/packets.ts';
import { formatPrefix } from '../policy/prefix.ts';
import { analyse, type Bundle, inportIn, networkOf, openWorkshop, packetFields, packetsIn } from '../symbolic/index.ts';
import { networksOf } from './outside.ts';
import { holds, type Judgement, type Property, unknown, violated } from './property.ts';
import { passingAcls } from './unguarded.ts';
import {
  doubt,
  endingAt,
  endsElsewhere,
  type Gateway,
  portsOf,
  type TenantNetwork,
  tenantPortsOf,
  type View,
} from './view.ts';

export const gatewayNotSpoofable: Property = {
  id: 'gateway-not-spoofable',
  severity: 'error',
  promise: "no host is heard that claims the gateway's addresses",
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

function emptiness({ hosts, gateways }: TenantNetwork): string | undefined {
  if (hosts.length === 0) return 'the network has no interface';
  return gateways.length === 0 ? 'no router is attached to the network' : undefined;
}

function judge(view: View, network: TenantNetwork): Judgement {
  const { space, possible } = view.analysis;
  const claims = claiming(space, network);
  const heard = space.and(space.and(claims, inportIn(space, tenantPortsOf([network]))), possible);
  const sent = space.diff(heard, passingAcls(view));
  const guesses: string[] = [];
  const ports = portsOf([network]);
  const concerned = (bundle: Bundle): boolean =>
    // What routers ask of their own says nothing of who made them ask.
    bundle.made !== 'arp' && bundle.made !== 'nd_ns' && endsElsewhere(view, bundle, ports, sent);
  for (const one of endingAt(view, ports, concerned)) {
    if (one.end.kind !== 'port') continue;
    const { port } = one.end;
    const packets = space.and(one.packets, space.diff(sent, inportIn(space, [port])));
    if (packets === space.empty) continue;
    const sentence = `a packet that claims an address of the gateway of ${network.name} arrives at ${port.name}`;
    if (one.exact) return violated({ kind: 'goes', class: one, packets, sentence });
    guesses.push(`${sentence}, as far as it was modelled, which is not exact`);
  }
  const rest = space.diff(sent, endingOnSwitch(view, network, sent));
  const learned = rest === space.empty ? undefined : learning(view, network, rest);
  if (learned) return learned;
  const reason = guesses[0] ?? doubt(view, sent, 'new');
  return reason === undefined ? holds : unknown(reason);
}

/** The frames that say a gateway of the network is somewhere. */
function claiming(space: Space, { gateways }: TenantNetwork): PacketSet {
  return space.orAll(gateways.flatMap((gateway) => claimsOf(gateway).map((text) => matchSet(space, text))));
}

function claimsOf({ mac, addresses }: Gateway): string[] {
  const ofAddresses = addresses.flatMap(({ address: { family, value } }) => {
    const ip = formatPrefix({ family, value, length: family === 4 ? 32 : 128 });
    return family === 4
      ? [`arp.spa == ${ip}`, `ip4.src == ${ip}`]
      : [`ip6.src == ${ip}`, `nd_na && nd.target == ${ip}`];
  });
  const isV6 = addresses.some(({ address }) => address.family === 6);
  return [`eth.src == ${formatEthernet(mac)}`, ...ofAddresses, ...(isV6 ? ['nd_ra'] : [])];
}

const learns = /\bput_(arp|nd|fdb)\(/;

/** Whether a flow learns something of a network's gateway that is asked for later. */
function learner(
  { southbound: { flows } }: View,
  { datapath, gateways }: TenantNetwork,
): (flow: LogicalFlow) => boolean {
  const known = gateways.every(({ mac }) => isStatic(flows, datapath.uuid, formatEthernet(mac)));
  return ({ actions, datapath: uuid }) =>
    learns.test(actions) && !(known && uuid === datapath.uuid && actions.includes('put_fdb('));
}

/** A switch that has the MAC address from the database looks nowhere else for it. */
const isStatic = (flows: readonly LogicalFlow[], datapath: string, mac: string): boolean =>
  flows.some((flow) => flow.datapath === datapath && flow.stage === 'ls_in_l2_lkup' && flow.match.includes(mac));

/** Of the packets, new ones that surely end on their switch, if nothing is learned there. */
function endingOnSwitch(view: View, network: TenantNetwork, packets: PacketSet): PacketSet {
  const { space, classes } = view.analysis;
  const isLearning = learner(view, network);
  if (view.southbound.flows.some((flow) => flow.datapath === network.datapath.uuid && isLearning(flow))) {
    return space.empty;
  }
  const ends = classes.filter(
    ({ end, exact, connection }) =>
      connection === 'new' &&
      exact &&
      end.kind === 'drop' &&
      end.datapath === network.datapath &&
      end.pipeline === 'ingress',
  );
  return space.orAll(ends.map((one) => packetsIn(space, one, packets)));
}

/** Whether anything is learned from the packets: with flows that learn taken for ends, where packets can be seen. */
function learning(view: View, network: TenantNetwork, rest: PacketSet): Judgement | undefined {
  const { name, datapath } = network;
  const { southbound, analysis } = view;
  const { space } = analysis;
  const isLearning = learner(view, network);
  const flows = southbound.flows.map((flow) => (isLearning(flow) ? { ...flow, actions: 'drop;' } : flow));
  const relearned = networkOf({ ...southbound, flows });
  const again = analyse(relearned, { components: [datapath.component] }, openWorkshop(relearned, space));
  for (const { end, packets, exact } of again.classes) {
    if (end.kind !== 'drop' || !end.flow) continue;
    const { flow } = end;
    const original = southbound.flows.find(({ uuid }) => uuid === flow.uuid);
    if (!original || !isLearning(original) || !space.intersects(packets, rest)) continue;
    const sentence = `${end.datapath.name} learns from a packet that claims an address of the gateway of ${name}`;
    if (!exact) return unknown(`${sentence}, as far as it was modelled, which is not exact`);
    const packet = space.pick(space.and(packets, rest));
    const shown = packet && space.cube(packet.map((value, field) => whole(field, value)));
    const one = shown && analysis.classes.find((each) => space.intersects(each.packets, shown));
    if (!shown || !one) return unknown(`${sentence}, which could not be shown`);
    return violated({ kind: 'goes', class: one, packets: shown, sentence });
  }
  return undefined;
}

const whole = (field: number, value: bigint) => ({
  field,
  value,
  mask: (1n << BigInt(packetFields[field]?.width ?? 0)) - 1n,
});

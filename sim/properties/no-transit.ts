/** What comes in from outside does not go out again. */
import type { PacketSet } from '../../engine/sets/index.ts';
import { at, inportIn, type NetworkPort, read, type Store, type TrafficClass } from '../symbolic/index.ts';
import { copiesOf } from './copies.ts';
import { outsideOf } from './outside.ts';
import type { Check, Property } from './property.ts';
import { judgeRefusals } from './refusal.ts';
import { portsMeant, settingsIn } from './told.ts';
import { from, type View } from './view.ts';

export const noTransit: Property = {
  id: 'no-transit',
  severity: 'error',
  promise: 'nothing that comes in from outside goes out again',
  *checks(view) {
    const { components } = view.analysis.network;
    for (const component of components.keys()) {
      const outside = outsideOf(view, component);
      if (outside.length > 0) yield check(view, component, outside);
    }
  },
};

function check(view: View, component: number, outside: readonly NetworkPort[]): Check {
  const tenant = view.tenants.find(
    ({ plan, datapaths }) => plan && datapaths.some((one) => one.component === component),
  );
  return {
    subject: tenant?.name ?? subjectOf(outside),
    source: tenant?.source ?? [],
    judge: () =>
      judgeRefusals(view, [
        {
          packets: from(view, outside),
          ports: outside,
          orBack: true,
          badly: (one) => passing(view, one),
          sentence: ({ end }) =>
            `a packet from outside leaves again, by ${end.kind === 'port' ? end.port.name : 'the port that it came in by'}`,
        },
      ]),
  };
}

/** The routers that the ports' switches are attached to, or the switches. */
function subjectOf(outside: readonly NetworkPort[]): string {
  const switches = [...new Set(outside.map(({ datapath }) => datapath))];
  const routers = switches.flatMap(({ ports }) => ports.flatMap(({ peer }) => peer?.datapath.name ?? []));
  return [...new Set(routers.length > 0 ? routers : switches.map(({ name }) => name))].join(', ');
}

/** The packets of a class that pass from the outside to the outside and must not. */
function passing(view: View, one: TrafficClass): PacketSet {
  const { space } = view.analysis;
  if (one.made !== undefined) return space.empty;
  const sets = view.analysis.looks(one).map(({ store, packets }) => space.and(packets, routed(view, store)));
  return space.diff(space.or(space.orAll(sets), betweenWires(view, one)), allowed(view, one));
}

/** The packets that a router passed on: with less time to live, and not as an answer, which has its own. */
function routed({ analysis: { space } }: View, store: Store): PacketSet {
  const life = read(store, at.ttl);
  const [piece] = life.pieces;
  if (piece?.kind === 'input') return space.not(copiesOf(space, life, at.ttl));
  return life.constant === undefined ? space.all : space.not(answering(space, store));
}

/** The packets that go back to the address that they came from, from the one that they were sent to. */
function answering(space: View['analysis']['space'], store: Store): PacketSet {
  const swapped = (src: number, dst: number): PacketSet =>
    space.and(copiesOf(space, read(store, src), dst), copiesOf(space, read(store, dst), src));
  return space.or(swapped(at.ip4Src, at.ip4Dst), swapped(at.ip6Src, at.ip6Dst));
}

/** The packets that a switch takes from one wire to another. */
function betweenWires(view: View, { end, packets }: TrafficClass): PacketSet {
  const { space } = view.analysis;
  if (end.kind !== 'port') return space.empty;
  const wire = view.wires.find(({ ports }) => ports.includes(end.port));
  return space.diff(packets, inportIn(space, wire?.ports ?? []));
}

/** What a policy lets pass. */
function allowed(view: View, { end }: TrafficClass): PacketSet {
  const { space } = view.analysis;
  const sets = (settingsIn(view)?.transit ?? []).map(({ from: senders, to }) => {
    const sent = from(view, portsMeant(view, senders));
    const targets = portsMeant(view, to);
    if (end.kind === 'port') return targets.includes(end.port) ? sent : space.empty;
    return space.and(sent, from(view, targets));
  });
  return space.orAll(sets);
}

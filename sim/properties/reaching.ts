/** What honest hosts send to others arrives there, whichever way chance chooses, and the answers come back. */
import { groupBy } from '../../engine/group.ts';
import type { PacketSet, Space } from '../../engine/sets/index.ts';
import { addressedTo, answered, choices, forgotten, promised, promisedTo } from '../policy/honest.ts';
import { matchSet } from '../policy/packets.ts';
import type { Condition, Extent } from '../policy/select.ts';
import {
  type Bundle,
  bundlesOf,
  gapsOf,
  inportIn,
  type Looks,
  type NetworkPort,
  type TrafficClass,
} from '../symbolic/index.ts';
import { copyFields } from './honest.ts';
import { holds, type Judgement, unknown, violated } from './property.ts';
import { inventoryFor } from './told.ts';
import { inexact } from './unsure.ts';
import { doubt, type View } from './view.ts';

/** Who sends, or whom it is for. */
export interface Side {
  readonly name: string;
  readonly ports: readonly NetworkPort[];
  /** Outside: which addresses there. */
  readonly condition?: Condition;
}

/** What hosts may send of what they open connections with: all that is promised to arrive. */
const traffic = 'ip4 && (tcp || udp || sctp || (icmp4.type == 8 && icmp4.code == 0))';

/** Packets, as they were sent, that arrive looking so. */
export interface Delivery<One extends Looks = Bundle> {
  readonly one: One;
  readonly packets: PacketSet;
}

/** Judges whether everything that honest hosts of `from` send to `to` arrives, and is answered. */
export function judgeReaching(view: View, from: Side, to: Side): Judgement {
  const { analysis } = view;
  const { space } = analysis;
  const { packets, arriving, doubt: unclearHosts } = promised(analysis, extentOf(view, from), extentOf(view, to));
  const sent = space.and(packets, matchSet(space, traffic));
  if (sent === space.empty) {
    return unknown(unclearHosts ?? `no address of ${to.name} is known that ${from.name} could send to`);
  }
  const unclear = space.orAll(gapsOf(analysis, 'new').map((gap) => gap.packets));
  const possible: Delivery[] = [];
  const edgesOf = groupBy([...arriving], ([{ port }]) => port);
  for (const one of analysis.bundles) {
    if (!isFirst(one) || !one.meets(sent)) continue;
    const copies = one.within(
      (port) =>
        space.orAll(
          (edgesOf.get(port) ?? []).map(([edge, addresses]) => addressedTo(analysis, edge, addresses, one.store)),
        ),
      sent,
    );
    const here = space.forget(copies, copyFields);
    if (here !== space.empty) possible.push({ one, packets: here });
  }
  const sure = possible.flatMap(({ one, packets: some }): Delivery[] => {
    const clear = one.exact ? space.diff(some, unclear) : space.empty;
    return clear === space.empty ? [] : [{ one, packets: clear }];
  });
  const arrival = judgeArrival(view, from, to, sent, unclear, possible, sure);
  if (arrival.verdict !== 'holds') return arrival;
  const single = (): Delivery<TrafficClass>[] =>
    [...arriving].flatMap(([edge, addresses]) =>
      (view.arrivals.get(edge.port) ?? []).filter(isFirst).map((one) => ({
        one,
        packets: space.and(promisedTo(analysis, edge, addresses, one), sent),
      })),
    );
  const answer = judgeAnswers(view, from, to, sure, single);
  if (answer.verdict !== 'holds') return answer;
  return unclearHosts === undefined ? holds : unknown(unclearHosts);
}

const isFirst = ({ connection, made }: Looks): boolean => connection === 'new' && made === undefined;

function extentOf(view: View, { name, ports, condition = true }: Side): Extent {
  const { edgeOf } = inventoryFor(view);
  const edges = ports.flatMap((port) => edgeOf.get(port) ?? []);
  return { text: name, groups: condition === false ? [] : [{ condition, edges }], unknown: [] };
}

const union = ({ analysis: { space } }: View, list: readonly Delivery[]): PacketSet =>
  space.orAll(list.map(({ packets }) => packets));

/** Whether one of several ways is taken that all have to lead there: backends, routes of equal cost. */
const chooses = ({ southbound }: View): boolean =>
  southbound.flows.some(({ actions }) => /\b(ct_lb(_mark)?|select|fwd_group)\(/.test(actions));

function judgeArrival(
  view: View,
  from: Side,
  to: Side,
  sent: PacketSet,
  unclear: PacketSet,
  possible: readonly Delivery[],
  sure: readonly Delivery[],
): Judgement {
  const { space } = view.analysis;
  const luck = chooses(view) ? forgotten : [...forgotten, ...choices];
  const hoped = space.or(union(view, possible), space.and(sent, unclear));
  const lost = space.diff(sent, space.forget(hoped, luck));
  if (lost !== space.empty) {
    const sentence = `what a host of ${from.name} sends to ${to.name} does not arrive`;
    return violated({ kind: 'missing', packets: lost, to: to.ports, sentence });
  }
  const unsure = space.diff(sent, space.forget(union(view, sure), luck));
  if (unsure === space.empty) return holds;
  return unknown(doubt(view, unsure, 'new') ?? inexact(`what ${from.name} sends arrives at ${to.name}`));
}

/** Whether what surely arrives is answered. `single`: what arrives, class by class, to show one of them. */
export function judgeAnswers(
  view: View,
  from: Side,
  to: Side,
  sure: readonly Delivery[],
  single: () => readonly Delivery<TrafficClass>[],
): Judgement {
  const { space } = view.analysis;
  const luck = chooses(view) ? forgotten : [...forgotten, ...choices];
  const asked = answered(view.analysis);
  const deliveries = sure
    .map(({ one, packets }) => ({ one, packets: space.and(packets, asked) }))
    .filter(({ packets }) => packets !== space.empty);
  let doubtful: string | undefined;
  for (const some of apart(space, deliveries)) {
    const questions = union(view, some);
    const back = bundlesOf(space, view.analysis.answers(some)).flatMap(({ made, exact, within }) =>
      made === undefined ? [{ exact, packets: within((port) => inportIn(space, [port])) }] : [],
    );
    const came = (list: typeof back): PacketSet =>
      space.forget(space.orAll(list.map((each) => each.packets)), [...luck, ...copyFields]);
    const lost = space.diff(questions, came(back));
    if (lost !== space.empty) {
      const asking = new Set(some.flatMap(({ one }) => one.members));
      const unanswered = single().find(({ one, packets }) => asking.has(one) && space.intersects(packets, lost));
      if (!unanswered) return unknown(inexact(`the answers of ${to.name} come back`));
      const packets = space.and(unanswered.packets, lost);
      const sentence = `what ${to.name} answers to a host of ${from.name} does not come back`;
      return violated({ kind: 'unanswered', class: unanswered.one, packets, sentence });
    }
    const surely = came(back.filter(({ exact }) => exact));
    if (space.diff(questions, surely) !== space.empty) doubtful ??= inexact(`the answers of ${to.name} come back`);
  }
  const reason = doubtful ?? doubt(view, inportIn(space, to.ports), 'new');
  return reason === undefined ? holds : unknown(reason);
}

/** In groups of which none has a packet twice: what arrives at two places is to be answered from both. */
function apart(space: Space, deliveries: readonly Delivery[]): Delivery[][] {
  const groups: { all: PacketSet; members: Delivery[] }[] = [];
  for (const delivery of deliveries) {
    const group = groups.find(({ all }) => !space.intersects(all, delivery.packets));
    if (group) {
      group.all = space.or(group.all, delivery.packets);
      group.members.push(delivery);
    } else groups.push({ all: delivery.packets, members: [delivery] });
  }
  return groups.map(({ members }) => members);
}

/** What must not arrive does not: packets of a set, at some ports. */
import type { PacketSet } from '../../engine/sets/index.ts';
import { allOf } from '../policy/packets.ts';
import type { Looks, NetworkPort, TrafficClass } from '../symbolic/index.ts';
import type { Certainty } from '../symbolic/matching.ts';
import { holds, type Judgement, unknown, violated } from './property.ts';
import { believable, doubt, endingAt, type View } from './view.ts';

export interface Refusal {
  /** As they are sent. */
  readonly packets: PacketSet;
  /** Where they must not arrive. */
  readonly ports: readonly NetworkPort[];
  /** Whether they must not come out of the port that they came in by either. */
  readonly orBack?: boolean;
  /** Which packets must not arrive at a port. All, unless given. */
  at?(port: NetworkPort): PacketSet;
  /** Which packets that look so must not arrive: possibly, or surely. All, unless given. */
  bad?(one: Looks, certainty: Certainty): PacketSet;
  /** Which packets of a class must not end where they do. All, unless given. */
  badly?(one: TrafficClass): PacketSet;
  /** What is wrong, without a full stop. */
  sentence(one: TrafficClass): string;
}

/** Judges several refusals together: violated if one of them is, unknown if that cannot be told of one. */
export function judgeRefusals(view: View, refusals: readonly Refusal[]): Judgement {
  const guesses: string[] = [];
  for (const refusal of refusals) {
    const found = breach(view, refusal, guesses);
    if (found) return found;
  }
  const { space } = view.analysis;
  const reason = guesses[0] ?? doubt(view, space.orAll(refusals.map(({ packets }) => packets)));
  return reason === undefined ? holds : unknown(reason);
}

function breach(view: View, refusal: Refusal, guesses: string[]): Judgement | undefined {
  const { space } = view.analysis;
  const { at = () => space.all, bad = () => space.all, badly = () => space.all } = refusal;
  const likely = believable(space);
  let found: Judgement | undefined;
  for (const one of classesOf(view, refusal)) {
    if (!space.intersects(one.packets, refusal.packets)) continue;
    const ended = one.end.kind === 'port' ? at(one.end.port) : space.all;
    const some = allOf(space, [one.copies, refusal.packets, ended, badly(one)]);
    if (!space.intersects(some, bad(one, 'may'))) continue;
    const sentence = refusal.sentence(one);
    const packets = one.exact ? space.and(some, bad(one, 'must')) : space.empty;
    if (packets === space.empty) {
      guesses.push(`${sentence}, as far as it was modelled, which is not exact`);
      continue;
    }
    const judgement = violated({ kind: 'goes', class: one, packets, sentence });
    if (space.intersects(packets, likely)) return judgement;
    found ??= judgement;
  }
  return found;
}

function* classesOf(view: View, refusal: Refusal): Generator<TrafficClass, void> {
  const { space } = view.analysis;
  const { packets, ports, orBack, at = () => space.all, bad = () => space.all } = refusal;
  const own = new Set(ports);
  yield* endingAt(view, ports, (bundle) => {
    if (!bundle.parts.some(({ port }) => own.has(port)) || !bundle.meets(packets)) return false;
    const wrong = space.and(packets, bad(bundle, 'may'));
    if (wrong === space.empty) return false;
    return bundle.reaches((port) => (own.has(port) ? at(port) : space.empty), wrong);
  });
  if (orBack) yield* view.returning;
}

/** `"port", of network`, or `"port", outside`: where packets of a class end. */
export function endText(view: View, { end }: TrafficClass): string {
  if (end.kind !== 'port') return 'where they came from';
  const host = view.hostOf.get(end.port);
  return host && host.network.name !== end.port.name ? `${end.port.name}, of ${host.network.name}` : end.port.name;
}

/** `a packet`, or what was made of one. */
export const whatText = ({ made }: TrafficClass): string =>
  made === undefined ? 'a packet' : `what is made (${made}) of a packet`;

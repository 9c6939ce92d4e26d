/** `never` and `only`: no packet arrives that should not, on any path, inside or over a wire outside. */
import type { PacketSet } from '../../engine/sets/index.ts';
import type { EdgePlace } from '../policy/inventory.ts';
import { enteringBy, trafficSet } from '../policy/packets.ts';
import { holds, type Judgement, unknown, violated } from '../properties/property.ts';
import { doubt, isQuestion } from '../properties/view.ts';
import { at, fieldIndex, headerFields, headerRewrites, packetFields, type TrafficClass } from '../symbolic/index.ts';
import type { Certainty } from '../symbolic/matching.ts';
import { addressedTo, arrivalsAt, type Claim, goesThrough, isOfState, looking } from './claim.ts';

/** Decides whether nothing arrives that a rule refuses. */
export function judgeRefusal(claim: Claim): Judgement {
  const { view } = claim;
  const { space, gaps } = view.analysis;
  const unclear = space.orAll(gaps.map(({ packets }) => packets));
  const concerned = concernedBy(claim);
  let guess: string | undefined;
  for (const { edge, one, class: whole } of arrivalsAt(claim, concerned)) {
    if (!isOfState(claim, one) || isQuestion(one)) continue;
    const possibly = refused(claim, edge, one, 'may');
    if (possibly === space.empty) continue;
    const surely = one.exact ? space.diff(refused(claim, edge, one, 'must'), unclear) : space.empty;
    if (surely !== space.empty) {
      return violated({ kind: 'goes', class: whole, packets: surely, sentence: sentence(claim, edge, one) });
    }
    guess ??= doubt(view, possibly) ?? `${sentence(claim, edge, one)}, as far as it was modelled, which is not exact`;
  }
  const crossing = overWires(claim, concerned);
  if (crossing?.verdict === 'violated') return crossing;
  const reason = guess ?? doubt(view, concerned);
  return reason === undefined ? (crossing ?? holds) : unknown(reason);
}

/** All packets as they are sent that might be refused, wherever they arrive. */
function concernedBy({ rule, sent, view, through, notThrough }: Claim): PacketSet {
  const { space, possible } = view.analysis;
  const traffic = trafficSet(space, rule.traffic?.value);
  const isPlain = !rule.seenAs && !through && !notThrough;
  const spoken = rule.kind === 'never' ? traffic : isPlain ? space.not(traffic) : space.all;
  return space.and(space.and(sent, possible), spoken);
}

/** Of a class that ends at a port of `to`, the packets that the rule refuses: possibly, or surely. */
function refused(claim: Claim, edge: EdgePlace, one: TrafficClass, certainty: Certainty): PacketSet {
  const { rule, sent, view } = claim;
  const { space, possible } = view.analysis;
  const arriving = space.and(space.and(addressedTo(claim, edge, one, certainty), sent), possible);
  if (arriving === space.empty) return space.empty;
  const named = (side: Certainty): PacketSet =>
    goesThrough(claim, one)
      ? space.and(trafficSet(space, rule.traffic?.value), looking(claim, one, side))
      : space.empty;
  return rule.kind === 'never'
    ? space.and(arriving, named(certainty))
    : space.diff(arriving, named(certainty === 'may' ? 'must' : 'may'));
}

function sentence({ rule, from, to, through, notThrough }: Claim, edge: EdgePlace, { made }: TrafficClass): string {
  const what = made === undefined ? 'a packet' : `what is made (${made}) of a packet`;
  const ways = [
    ...(through && rule.kind === 'never' ? [`through ${rule.through?.text}`] : []),
    ...(notThrough && rule.kind === 'never' ? [`without passing ${rule.notThrough?.text}`] : []),
    ...(rule.seenAs && rule.kind === 'never' ? [`as ${rule.seenAs.text}`] : []),
  ];
  const other = rule.kind === 'only' ? `, and is not ${allowed(rule)}` : '';
  const where = to.text.split(/[ ,]+/).includes(edge.name) ? `"${edge.name}"` : `"${edge.name}", of ${to.text}`;
  return `${what} from ${from.text} arrives at ${where}${ways.length > 0 ? `, ${ways.join(', ')}` : ''}${other}`;
}

function allowed({ traffic, through, notThrough, seenAs }: Claim['rule']): string {
  return [
    traffic?.text ?? 'any traffic',
    ...(through ? [`through ${through.text}`] : []),
    ...(notThrough ? [`without passing ${notThrough.text}`] : []),
    ...(seenAs ? [`as ${seenAs.text}`] : []),
  ].join(' ');
}

/** What is not a packet's own: a second passage finds other neighbours and makes other choices. */
const circumstances = packetFields.slice(headerFields).map(({ name }) => fieldIndex(name));

/** What leaves by an outside port may come in by any other one of its wire, looking as it left. */
function overWires(claim: Claim, concerned: PacketSet): Judgement | undefined {
  const { view } = claim;
  const { space } = view.analysis;
  let guess: Judgement | undefined;
  for (const { ports } of view.wires) {
    const edges = ports.flatMap((port) => claim.inventory.edgeOf.get(port) ?? []);
    const admitted = ports.length < 2 ? space.empty : admittedBy(claim, edges);
    if (admitted === space.empty) continue;
    for (const one of ports.flatMap((port) => view.arrivals.get(port) ?? [])) {
      if (!space.intersects(one.packets, concerned) || !isOfState(claim, one) || isQuestion(one)) continue;
      for (const look of view.analysis.looks(one, space.and(one.packets, concerned))) {
        const packets = space.and(look.packets, space.preimage(admitted, headerRewrites(look.store)));
        if (packets === space.empty) continue;
        const found = crossing(claim, { ...one, store: look.store }, packets, edges);
        if (found?.verdict === 'violated') return found;
        guess ??= found;
      }
    }
  }
  return guess;
}

/** The packets that arrive at `to` when they come in by one of the ports. */
function admittedBy(claim: Claim, edges: readonly EdgePlace[]): PacketSet {
  const { space } = claim.view.analysis;
  const entering = enteringBy(space, edges);
  const sets: PacketSet[] = [];
  for (const { edge, one } of arrivalsAt(claim, entering)) {
    if (isOfState(claim, one) && !isQuestion(one)) sets.push(addressedTo(claim, edge, one, 'may'));
  }
  return space.forget(space.orAll(sets), [at.inport, ...circumstances]);
}

/** Follows what left by one port in by the others. */
function crossing(
  claim: Claim,
  one: TrafficClass,
  packets: PacketSet,
  edges: readonly EdgePlace[],
): Judgement | undefined {
  const { view, inventory, conditions, through, notThrough } = claim;
  const { space } = view.analysis;
  let guess: Judgement | undefined;
  for (const { port } of edges) {
    if (one.end.kind === 'port' && one.end.port === port) continue;
    for (const then of view.analysis.reenter(packets, one.store, port)) {
      const edge = then.end.kind === 'port' ? inventory.edgeOf.get(then.end.port) : undefined;
      if (!edge || !conditions.has(edge) || !isOfState(claim, then) || isQuestion(then)) continue;
      for (const look of view.analysis.looks(then)) {
        const alike = { ...then, ...look };
        if (refused(claim, edge, alike, 'may') === space.empty) continue;
        const said = `${sentence(claim, edge, then)}, over the wire outside`;
        const surely = refused(claim, edge, alike, 'must');
        if (!through && !notThrough && one.exact && then.exact && surely !== space.empty) {
          return violated({ kind: 'crosses', class: one, packets: surely, port, then, sentence: said });
        }
        guess ??= unknown(`${said}, as far as it was modelled, which is not exact`);
      }
    }
  }
  return guess;
}

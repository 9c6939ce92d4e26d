/**
 * What a proof found, told so that a person can act on it: a packet that was
 * sent and seen, the flows that it met, the rows and lines behind them, and of
 * what should arrive and does not, everything on its way that would have to change.
 *
 *     const answers = openAnswers(analysis);
 *     const { reason, counterexample, flows, source } = answers.explain(violation);
 */
import type { Position } from '../../engine/origin.ts';
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import type { PacketSet, Space } from '../../engine/sets/index.ts';
import type { Violation } from '../properties/property.ts';
import { fieldIndex, packetFields } from '../symbolic/fields.ts';
import type { Analysis, End, NetworkPort, TrafficClass } from '../symbolic/types.ts';
import type { Counterexample, FlowMet, Obstacle } from '../verdict.ts';
import { blame, flowTeller } from './flow-met.ts';
import { obstaclesOf } from './obstacles.ts';
import { sentenceOf } from './reasons.ts';
import { createStage, type Replayed, type ReplayOptions, type Stage } from './replay.ts';
import { type Expected, openerOf, type Send, type Story, seenAgain } from './story.ts';
import { arrivalAt } from './traced.ts';
import { usualCircumstances, type Witness, witnessOf } from './witness.ts';

export { type MatrixGroup, matrixOf } from './matrix.ts';
export { type Backstage, openBackstage } from './played.ts';
export type { ReplayOptions } from './replay.ts';
export { sentOf, type Witness, witnessOf } from './witness.ts';
export { trafficLines, trafficWords, type WordsOptions } from './words.ts';

/** What a finding tells of a violation. */
export interface Answer {
  /** A sentence without a full stop. */
  readonly reason: string;
  readonly counterexample?: Counterexample;
  readonly flows?: FlowMet[];
  readonly obstacles?: Obstacle[];
  /** What is to blame, without the promise's own place; empty for a database. */
  readonly source: Position[];
  /** Set where it is not seen, and packets take one of several flows of one priority: it may be another one than is taken here. */
  readonly isLeftToChance?: true;
}

export interface Answers {
  explain(violation: Violation): Answer;
}

export interface AnswersOptions extends ReplayOptions {
  /** Where the southbound database was computed: what the names of rows are taken from. */
  readonly northbound?: Northbound;
}

/** Explains what an analysis found. */
export function openAnswers(analysis: Analysis, options: AnswersOptions = {}): Answers {
  const { network } = analysis;
  const stage = createStage(network, options);
  const tell = flowTeller(network, options.northbound);
  const answer = (violation: Violation, replayed: Replayed, obstacles: Obstacle[] = []): Answer => {
    const flows = replayed.flows.map(tell);
    const cause = obstacles.length > 0 ? obstacles.flatMap(({ flow }) => flow ?? []) : flows;
    const { tracer, plane } = replayed.counterexample.replayed;
    const isUnseen = tracer === false || plane === false;
    return {
      ...(isUnseen && isContested(analysis, violation) && { isLeftToChance: true }),
      reason: sentenceOf(violation.sentence, replayed, obstacles, tell),
      counterexample: replayed.counterexample,
      flows,
      ...(obstacles.length > 0 && { obstacles }),
      source: blame(violation.source ?? [], cause),
    };
  };
  return {
    explain(violation) {
      if (violation.kind === 'written') {
        const flows = (violation.flows ?? []).map(tell);
        const rows = violation.rows ?? [];
        return {
          reason: [violation.sentence, ...(rows.length > 0 ? [rows.join(', ')] : [])].join(': '),
          ...(flows.length > 0 && { flows }),
          source: blame(violation.source ?? [], flows),
        };
      }
      const story = bestStory(analysis, stage, violation);
      if (!story) return { reason: violation.sentence, source: [...(violation.source ?? [])] };
      if (violation.kind === 'missing' || violation.kind === 'unanswered') {
        const obstacles = obstaclesOf(network, story, tell);
        return answer(violation, stage.replay(story), obstacles);
      }
      return answer(violation, stage.replay(story));
    },
  };
}

/** Whether packets of a violation meet flows of one priority that do different things. */
const isContested = ({ ambiguous, space }: Analysis, violation: Violation): boolean =>
  violation.kind !== 'written' && ambiguous.some(({ packets }) => space.intersects(packets, violation.packets));

type Told = Exclude<Violation, { kind: 'written' }>;

/** The story that shows a violation; undefined where no packet of it can be sent. */
function bestStory(analysis: Analysis, stage: Stage, violation: Told): Story | undefined {
  const { network, space } = analysis;
  const witness = witnessOf(network, space, violation.packets);
  if (!witness) return undefined;
  const packet = (expected: Expected): Send => ({ kind: 'packet', ...witness, expected });
  switch (violation.kind) {
    case 'crosses':
      return crossingStory(analysis, stage, violation, witness);
    case 'missing': {
      const ports = violation.to.map(({ name }) => name);
      return { sends: [packet({ kind: 'lost', ...(ports.length > 0 && { ports }) })] };
    }
    case 'unanswered': {
      const ask = packet(expectedOf(violation.class.end, witness));
      const expected: Expected = { kind: 'lost', ports: [witness.port.name], asked: witness.packet };
      const lost: Send = { kind: 'answer', expected };
      return { sends: [ask, lost] };
    }
    case 'goes':
      return goingStory(analysis, stage, violation, witness);
  }
}

/** What leaves by one port comes in by another, as it left or as somebody outside has forwarded it. */
function crossingStory(
  { space }: Analysis,
  stage: Stage,
  { class: one, then, port, entering, forwarded = false }: Extract<Told, { kind: 'crosses' }>,
  witness: Witness,
): Story {
  const out: Send = { kind: 'packet', ...witness, expected: expectedOf(one.end, witness) };
  const expected = expectedOf(then.end, { port });
  const [leg] = stage.tracer([witness.port]).tell({ sends: [out] }).legs;
  const left = leg && out.expected.kind === 'arrives' ? arrivalAt(leg, out.expected.port) : undefined;
  const again = left && entering !== undefined ? seenAgain(left, forwarded) : undefined;
  const coming = again && space.and(then.packets, cubeOf(space, { ...again, inport: BigInt(port.number) }));
  const as = coming === undefined ? undefined : space.pick(coming, usualCircumstances(space));
  return { sends: [out, { kind: 'crossing', port, expected, ...(as && { as }) }] };
}

const cubeOf = (space: Space, fields: Readonly<Record<string, bigint>>): PacketSet =>
  space.cube(
    Object.entries(fields).map(([name, value]) => {
      const field = fieldIndex(name);
      return { field, value, mask: (1n << BigInt(packetFields[field]?.width ?? 0)) - 1n };
    }),
  );

function goingStory(
  analysis: Analysis,
  stage: Stage,
  { class: one, opener }: Extract<Told, { kind: 'goes' }>,
  witness: Witness,
): Story {
  const { network, space } = analysis;
  if (opener && space.contains(opener.packets, [...witness.packet])) {
    // Sets of answers are of the packets that are answered.
    const ask: Send = { kind: 'packet', ...witness, expected: expectedOf(opener.class.end, witness) };
    const back = opener.class.end.kind === 'port' ? opener.class.end.port : witness.port;
    const answered: Send = { kind: 'answer', expected: expectedOf(one.end, { ...witness, port: back }) };
    return { sends: [ask, answered] };
  }
  const main: Send = { kind: 'packet', ...witness, expected: expectedOf(one.end, witness) };
  if (opener) {
    const first = witnessOf(network, space, opener.packets);
    if (!first) return { sends: [main] };
    const open: Send = { kind: 'packet', ...first, expected: expectedOf(opener.class.end, first) };
    return { sends: [open, main] };
  }
  if (one.connection === 'new') return { sends: [main] };
  const stories = openings(analysis, one, witness).map((open): Story => ({ sends: [open, main] }));
  const arrives = (story: Story): boolean => {
    const last = stage.tracer(portsIn(story)).tell(story).legs.at(-1);
    return (
      last?.deliveries.some(({ port }) => main.expected.kind === 'arrives' && port === main.expected.port) ?? false
    );
  };
  return stories.find(arrives) ?? stories[0] ?? { sends: [main] };
}

const portsIn = ({ sends }: Story): NetworkPort[] =>
  sends.flatMap((send) => (send.kind === 'answer' ? [] : [send.port]));

/** So many classes are looked at for a packet that opens a connection. */
const openerLimit = 16;

/** Packets that may have opened the connection that a packet belongs to. */
function openings({ classes, space, network }: Analysis, one: TrafficClass, { packet }: Witness): Send[] {
  const fields = openerOf(packet, one.connection === 'reply');
  const wanted = cubeOf(space, fields);
  const found: Send[] = [];
  for (const opening of classes) {
    if (found.length >= openerLimit) break;
    if (opening.connection !== 'new' || opening.commits.length === 0) continue;
    if (!space.intersects(opening.packets, wanted)) continue;
    const first = witnessOf(network, space, space.and(opening.packets, wanted));
    if (first) found.push({ kind: 'packet', ...first, expected: expectedOf(opening.end, first) });
  }
  return found;
}

/** Where packets of a class end, for one of them. */
function expectedOf(end: End, { port }: Pick<Witness, 'port'>): Expected {
  switch (end.kind) {
    case 'port':
      return { kind: 'arrives', port: end.port.name };
    case 'sender':
      return { kind: 'arrives', port: port.name };
    case 'drop':
      return { kind: 'lost', ...(end.flow && { flow: end.flow }) };
    case 'loop':
      return { kind: 'loops' };
  }
}

/** What routers are asked, and whether they answer: all that is asked, once, as themselves. */
import type { PacketSet } from '../../engine/sets/index.ts';
import { matchSet } from '../policy/packets.ts';
import { type Looks, packetsIn, type TrafficClass } from '../symbolic/index.ts';
import { type Answered, answersAt } from './homecoming.ts';
import { neighborMacs } from './honest.ts';
import { holds, type Judgement, unknown, violated } from './property.ts';
import { inexact, unsurely } from './unsure.ts';
import { doubt, type View } from './view.ts';

/** Packets that are to be answered at the port that they come in by. */
export interface Question {
  /** `an echo request to 10.0.0.1`. */
  readonly what: string;
  readonly packets: PacketSet;
  /** Which packets of a class surely come back as the answer that is due. */
  readonly isRight: (one: Looks) => PacketSet;
  /** Which may come back as an answer to them, right or wrong. */
  readonly isAnswer: (one: Looks) => PacketSet;
  /** Stages in which somebody wants packets dropped: what is dropped there is not missed. */
  readonly meant?: RegExp;
}

/** Whether all questions are answered, the first that is not otherwise; `unknown` where that cannot be told. */
export function judgeQuestions(view: View, questions: Iterable<Question>): Judgement {
  const { space } = view.analysis;
  let asked = space.empty;
  for (const question of questions) {
    const wrong = breach(view, question);
    if (wrong) return wrong;
    asked = space.or(asked, question.packets);
  }
  const reason = doubt(view, asked, 'new');
  return reason === undefined ? holds : unknown(reason);
}

function breach(view: View, question: Question): Judgement | undefined {
  const { space } = view.analysis;
  const { what, packets, isRight, isAnswer, meant } = question;
  const answered = answersAt(view, packets, isRight, isAnswer);
  const { wrong, twice } = answered;
  if (wrong) return violated({ kind: 'goes', ...wrong, sentence: `${what} gets an answer, but not the gateway's` });
  if (twice) return violated({ kind: 'goes', ...twice, sentence: `${what} is answered more than once` });
  const missing = unanswered(view, packets, answered);
  const unmeant = meant && missing !== space.empty ? space.diff(missing, droppedIn(view, meant, missing)) : missing;
  if (unmeant === space.empty) return undefined;
  const reason = doubt(view, unmeant, 'new');
  if (reason !== undefined) return unknown(reason);
  const lost = space.diff(unmeant, unsurely(view, unmeant));
  if (lost === space.empty) return unknown(inexact(`${what} is answered`));
  const fate = fateOf(view, lost);
  if (!fate) return unknown(`what becomes of ${what} is not known`);
  const some = space.and(fate.packets, lost);
  return violated({ kind: 'goes', class: fate, packets: some, sentence: `${what} gets no answer` });
}

/** The requests without the right answer, whatever MAC addresses neighbours have. */
const unanswered = ({ analysis: { space } }: View, packets: PacketSet, { right }: Answered): PacketSet =>
  space.diff(packets, space.forget(right, neighborMacs));

/**
 * Of the packets those that a flow of the stages drops, or what is made of them; whatever MAC addresses neighbours have. To
 * reject ARP is to drop it: controller/pinctrl.c, pinctrl_handle_icmp.
 */
export function droppedIn({ analysis: { space, classes } }: View, stages: RegExp, packets: PacketSet): PacketSet {
  const arp = matchSet(space, 'arp');
  const dropped = classes.flatMap((one) => {
    if (one.connection !== 'new') return [];
    if (one.end.kind === 'drop' && stages.test(one.end.flow?.stage ?? '')) return packetsIn(space, one, packets);
    return isRejection(one) ? space.and(arp, packetsIn(space, one, packets)) : [];
  });
  return space.forget(space.orAll(dropped), neighborMacs);
}

/** Whether it is what a packet is rejected by. */
export const isRejection = ({ made }: Pick<Looks, 'made'>): boolean => /^(icmp|tcp_reset|sctp_abort)/.test(made ?? '');

/** Where new packets end that were not answered: dropped, rather than let through elsewhere. */
function fateOf({ analysis: { space, classes } }: View, packets: PacketSet): TrafficClass | undefined {
  const ends = classes.filter((one) => one.connection === 'new' && space.intersects(one.packets, packets));
  return ends.find(({ end }) => end.kind === 'drop') ?? ends[0];
}

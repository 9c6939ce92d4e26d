/**
 * Conversations in a world of packets, what was seen of them, and how two worlds
 * differ in that.
 *
 *     const theirs = await play(real, conversations);
 *     const ours = await play(lflow, conversations);
 *     const differences = compareSteps(theirs, ours);
 *
 * Answers come when they like: what a step was answered with is compared as a
 * multiset of frames for each port.
 */
import { carriedAt, fragmentId, headersOf, icmpOf, portsOf } from './answers.ts';
import { frameText } from './frame-text.ts';
import { protocols } from './frames.ts';
import type { PacketWorld, Received } from './packet-world.ts';

/** Frames that were sent together, and all that came out then; or something that a conversation notes. */
export interface Step {
  conversation: string;
  port: string;
  sent: Uint8Array[];
  received: Received[];
  note?: string;
  /** The chassis was given time to learn from the frames. */
  isTaught?: boolean;
}

/** What a conversation can do. */
export interface Stage {
  /** Sends, and gives what comes out of every port. */
  send(port: string, ...frames: Uint8Array[]): Promise<Received[]>;
  /** Sends what a chassis learns from, and waits until that is in force; gives what came out of every port. */
  teach(port: string, ...frames: Uint8Array[]): Promise<Received[]>;
  /** Something else in which worlds must agree. */
  note(text: string): void;
}

export interface Conversation {
  name: string;
  play(stage: Stage): Promise<void>;
}

/**
 * Plays the conversations one after the other, each without connections of another; gives their steps in
 * order.  `oneByOne` makes a step of each frame.
 */
export async function play(
  world: PacketWorld,
  conversations: readonly Conversation[],
  { oneByOne = false }: { oneByOne?: boolean } = {},
): Promise<Step[]> {
  const steps: Step[] = [];
  const portions = (sent: Uint8Array[]): Uint8Array[][] => (oneByOne ? sent.map((frame) => [frame]) : [sent]);
  for (const { name: conversation, play: begin } of conversations) {
    await world.forgetConnections();
    world.received();
    const keep = (port: string, sent: Uint8Array[], isTaught = false): Received[] => {
      const own = new Set(sent.map(hexOf));
      const fragments = new Set(sent.map(fragmentId));
      // Fragments of what never became whole leave OVS with some later packet.
      const isStale = (frame: Uint8Array): boolean => {
        const id = fragmentId(frame);
        return id !== undefined && !fragments.has(id);
      };
      const isAsked = (frame: Uint8Array): boolean => own.has(hexOf(frame)) || !(isUnasked(frame) || isStale(frame));
      const received = world
        .received()
        .filter(({ frame }) => isAsked(frame))
        .map(({ port: to, frame }) => ({ port: to, frame: withoutGarbage(frame, sent) }));
      steps.push({ conversation, port, sent, received, ...(isTaught && { isTaught }) });
      return received;
    };
    await begin({
      async send(port, ...sent) {
        const received: Received[] = [];
        for (const portion of portions(sent)) {
          await world.send(port, portion).catch((error: unknown) => {
            const what = stepText({ conversation, port, sent: portion, received: [] });
            throw new Error(`${conversation}: ${String(error)}\n${what}`, { cause: error });
          });
          received.push(...keep(port, portion));
        }
        return received;
      },
      async teach(port, ...sent) {
        for (const portion of portions(sent)) await world.send(port, portion);
        await world.learn();
        return keep(port, sent, true);
      },
      note(note) {
        steps.push({ conversation, port: '', sent: [], received: [], note });
      },
    });
  }
  return steps;
}

const hexOf = (frame: Uint8Array): string => Buffer.from(frame).toString('hex');

/** Sends the same frames in another world, whatever is answered there. */
export function replay(world: PacketWorld, steps: readonly Step[]): Promise<Step[]> {
  const conversations = [...byConversation(steps)].map(
    ([name, own]): Conversation => ({
      name,
      async play(stage) {
        for (const { port, sent, isTaught, note } of own) {
          if (note !== undefined) stage.note(note);
          else if (isTaught) await stage.teach(port, ...sent);
          else await stage.send(port, ...sent);
        }
      },
    }),
  );
  return play(world, conversations);
}

/**
 * What OVN sends by itself, at times of its own: announcements (gratuitous ARP, RARP, neighbour
 * advertisements to all), router advertisements to all, IGMP and MLD queries, BFD, checks of load
 * balancers' backends, requests for delegated prefixes; in a tunnel, too.
 */
export function isUnasked(frame: Uint8Array): boolean {
  const carried = carriedAt(frame);
  if (carried !== undefined) return isUnasked(frame.subarray(carried));
  const headers = headersOf(frame);
  if (!headers) return false;
  const { arp, ip, type, eth } = headers;
  if (type === 0x8035) return true;
  if (arp) return arp.spa === arp.tpa;
  if (!ip) return false;
  const message = icmpOf(frame);
  const ports = portsOf(frame);
  return (
    (message !== undefined && ip.version === 6 && isGroup(eth.dst) && [134, 136, 130].includes(message.type)) ||
    (ip.protocol === protocols.igmp && frame[ip.l4] === 0x11) ||
    (ip.protocol === protocols.udp && (ports?.dst === 3784 || (ports?.src === 546 && ports.dst === 547))) ||
    eth.src === serviceMonitorMac
  );
}

/**
 * An ICMP error about a packet whose length lies quotes (and a reset acknowledges), in real OVN, what happens to be in memory behind
 * that packet.  Here it ends with the packet; lengths and checksums that depend on the rest are zero.
 */
function withoutGarbage(frame: Uint8Array, sent: readonly Uint8Array[]): Uint8Array {
  const carried = carriedAt(frame);
  if (carried !== undefined) {
    const inner = withoutGarbage(frame.subarray(carried), sent);
    return Uint8Array.from([...frame.subarray(0, carried), ...inner]);
  }
  const { ip, l3 = 0 } = headersOf(frame) ?? {};
  if (isResetOfCut(frame, sent)) {
    const l4 = ip?.l4 ?? 0;
    const cut = frame.slice();
    cut.fill(0, l4 + 8, l4 + 12);
    cut.fill(0, l4 + 16, l4 + 18);
    return cut;
  }
  const message = icmpOf(frame);
  if (!ip || !message || !(ip.version === 4 ? [3, 11] : [1, 2, 3]).includes(message.type)) return frame;
  const quote = ip.l4 + 8;
  const lengthAt = ip.version === 4 ? 2 : 4;
  for (const each of sent) {
    // It may be cut off in the middle of its IP header.
    const { type, l3: start = 0 } = headersOf(each) ?? {};
    if (type !== (ip.version === 4 ? 0x800 : 0x86dd)) continue;
    const isQuoted = [0, 1].every((at) => frame[quote + lengthAt + at] === (each[start + lengthAt + at] ?? 0));
    const rest = frame.length - quote - (each.length - start);
    if (!isQuoted || rest <= 0) continue;
    const cut = frame.slice(0, frame.length - rest);
    cut.fill(0, l3 + lengthAt, l3 + lengthAt + 2);
    if (ip.version === 4) cut.fill(0, l3 + 10, l3 + 12);
    cut.fill(0, ip.l4 + 2, ip.l4 + 4);
    return cut;
  }
  return frame;
}

/**
 * Whether a frame is the reset of a TCP segment whose sequence number is cut off: it has no ports, and acknowledges
 * what is behind that segment.  Where a whole segment without ports was sent with it, that may be what it answers.
 */
function isResetOfCut(frame: Uint8Array, sent: readonly Uint8Array[]): boolean {
  const { ip } = headersOf(frame) ?? {};
  if (ip?.protocol !== protocols.tcp || !isWithoutPorts(frame) || frame[ip.l4 + 13] !== 0x14) return false;
  const asked = sent.filter((segment) => {
    const { ip: own } = headersOf(segment) ?? {};
    return own?.protocol === protocols.tcp && own.src === ip.dst && own.dst === ip.src;
  });
  return asked.some(endsBeforeNumber) && !asked.some((each) => !endsBeforeNumber(each) && isWithoutPorts(each));
}

const isWithoutPorts = (frame: Uint8Array): boolean => {
  const ports = portsOf(frame);
  return ports?.src === 0 && ports.dst === 0;
};

const endsBeforeNumber = (segment: Uint8Array): boolean => (headersOf(segment)?.ip?.l4 ?? 0) + 8 > segment.length;

/** `svc_monitor_mac` of the topologies. */
const serviceMonitorMac = '0a:00:00:00:00:01';

const isGroup = (address: string): boolean => (Number.parseInt(address.slice(0, 2), 16) & 1) === 1;

export interface CompareOptions {
  /** What is compared of a frame, if not all of its bytes. */
  compared?: (received: Received) => Received;
  /** After so many differences no more are told (8). */
  limit?: number;
}

/** In how many steps, one beside the other, two worlds went apart. */
export function countDifferentSteps(
  expected: readonly Step[],
  actual: readonly Step[],
  options: CompareOptions = {},
): number {
  const { compared = (received) => received } = options;
  const steps = Array.from({ length: Math.max(expected.length, actual.length) }, (_, at) => at);
  return steps.filter((at) => stepDifference(expected[at], actual[at], compared) !== undefined).length;
}

/**
 * A text for each conversation in which two worlds went apart, telling the first step where
 * they did: what was sent, and what only one of them answered.
 */
export function compareSteps(
  expected: readonly Step[],
  actual: readonly Step[],
  options: CompareOptions = {},
): string[] {
  const { compared = (received) => received } = options;
  const differences: string[] = [];
  const theirs = byConversation(expected);
  const ours = byConversation(actual);
  for (const name of new Set([...theirs.keys(), ...ours.keys()])) {
    const [left, right] = [theirs.get(name) ?? [], ours.get(name) ?? []];
    for (let at = 0; at < Math.max(left.length, right.length); at++) {
      const difference = stepDifference(left[at], right[at], compared);
      if (difference === undefined) continue;
      differences.push(`${name}, step ${at + 1}: ${difference}`);
      break;
    }
    if (differences.length === (options.limit ?? 8)) break;
  }
  return differences;
}

/**
 * A text for each conversation, and for each batch of random frames, in which of three worlds that should be the same
 * all went apart.  Where two agree, the other one did what depends on its clock; where all differ by fragments alone,
 * each did, for conntrack lets go of them after a time.  Worlds that did not do equally many steps are compared as a whole.
 */
export function compareRepeated(worlds: readonly [Step[], Step[], Step[]]): string[] {
  const [length, ...lengths] = worlds.map((steps) => steps.length);
  const isWhole = lengths.some((other) => other !== length);
  const keys = worlds[0].map(({ conversation }, at) =>
    conversation.startsWith('random frames') ? `${conversation} ${at}` : conversation,
  );
  const parts = isWhole
    ? [worlds]
    : [...new Set(keys)].map((key) => worlds.map((steps) => steps.filter((_, at) => keys[at] === key)));
  return parts.flatMap(([first, second, third]) => {
    const isByTheClock = [first, second].some((steps) => compareSteps(steps, third).length === 0);
    const [one, other, last] = [first, second, third].map(withoutFragments);
    const isOfFragments = compareSteps(one, other).length === 0 && compareSteps(one, last).length === 0;
    return isByTheClock || isOfFragments ? [] : compareSteps(first, second);
  });
}

const withoutFragments = (steps: readonly Step[]): Step[] =>
  steps.map((step) => ({ ...step, received: step.received.filter(({ frame }) => fragmentId(frame) === undefined) }));

function byConversation(steps: readonly Step[]): Map<string, Step[]> {
  const found = new Map<string, Step[]>();
  for (const step of steps) found.set(step.conversation, [...(found.get(step.conversation) ?? []), step]);
  return found;
}

function stepDifference(
  expected: Step | undefined,
  actual: Step | undefined,
  compared: (received: Received) => Received,
): string | undefined {
  if (!expected || !actual)
    return `only ${expected ? 'the first' : 'the second'} world goes on, with ${stepText(expected ?? actual)}`;
  if (expected.note !== actual.note) return `expected: ${expected.note}\n  actual: ${actual.note}`;
  const sides = [expected.received, actual.received].map((frames) => frames.map(compared));
  const [missing, extra] = [without(sides[0], sides[1]), without(sides[1], sides[0])];
  if (missing.length === 0 && extra.length === 0) return undefined;
  return [
    stepText(expected),
    ...list('expected but not received', missing),
    ...list('received but not expected', extra),
    ...(expected.sent.length > 1 ? ['  LFLOW_BATCH=1 sends frames one by one, and so tells which of them it is'] : []),
  ].join('\n');
}

const stepText = (step: Step | undefined): string =>
  step === undefined || step.sent.length === 0
    ? 'nothing'
    : `sent into ${step.port}:${shown(step.sent.map((frame) => frameText(frame)))}`;

const list = (title: string, frames: readonly Received[]): string[] =>
  frames.length === 0 ? [] : [`  ${title}:${shown(frames.map(({ port, frame }) => `${port}: ${frameText(frame)}`))}`];

const shown = (lines: readonly string[]): string =>
  [...lines.slice(0, 5), ...(lines.length > 5 ? [`and ${lines.length - 5} more`] : [])]
    .map((line) => `\n    ${line}`)
    .join('');

/** Those of `frames` that have no equal in `others`, each of which is equal to one. */
function without(frames: readonly Received[], others: readonly Received[]): Received[] {
  const key = ({ port, frame }: Received): string => `${port} ${hexOf(frame)}`;
  const counts = new Map<string, number>();
  for (const other of others) counts.set(key(other), (counts.get(key(other)) ?? 0) + 1);
  return frames.filter((received) => {
    const count = counts.get(key(received)) ?? 0;
    counts.set(key(received), count - 1);
    return count <= 0;
  });
}

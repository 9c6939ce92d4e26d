/** Where rules come from: all packets, before the first one; or traffic that a data plane has handled. */
import { type Command, Option } from 'commander';
import { UNDERLAY } from '../../engine/node/index.ts';
import type { OffloadPlan } from '../../engine/offload/plan.ts';
import { type Arriving, planReactive } from '../../engine/offload/reactive-plan.ts';
import { portsHere } from '../../engine/program/chassis.ts';
import { UsageError } from '../command.ts';
import { mergedArrivals, portCaptures } from '../traffic/captures.ts';
import { establish } from '../traffic/conversations.ts';
import type { Subject } from './subject.ts';

export interface PlacementOptions {
  placement: 'proactive' | 'reactive';
  capture: string[];
  idle?: number;
}

/** Adds `--placement`, `--capture` and `--idle`. */
export function placementOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--placement <PLACEMENT>',
        'proactive: rules for all packets, before the first one; reactive: of the megaflows of traffic that software has handled',
      )
        .choices(['proactive', 'reactive'])
        .default('proactive'),
    )
    .addOption(
      new Option(
        '--capture <LPORT=FILE>',
        `of reactive rules: the traffic, frames of a capture that come in by a logical port, or by "${UNDERLAY}" (repeatable)`,
      )
        .argParser((text: string, all: string[]) => [...all, text])
        .default([], "the network's own conversations: any two interfaces of the node that may talk"),
    )
    .option('--idle <SECONDS>', 'of reactive rules: seconds without a packet after which a rule goes (10)', Number);
}

/** Says what is wrong with options that do not go together. */
export function checkPlacement({ placement, capture, idle }: PlacementOptions): void {
  if (placement === 'proactive' && (capture.length > 0 || idle !== undefined)) {
    throw new UsageError('--capture and --idle are for reactive rules; add --placement reactive');
  }
  if (idle !== undefined && !(Number.isInteger(idle) && idle > 0 && idle < 2 ** 24)) {
    throw new UsageError('--idle: give a whole number of seconds, such as 10');
  }
}

/** The plan that traffic makes. */
export function reactivelyPlanned(subject: Subject, options: PlacementOptions): Promise<OffloadPlan> {
  const { southbound, placement, node, capabilities, device } = subject;
  const { capture, idle } = options;
  return planReactive({
    ...{ southbound, placement, node, capabilities, device },
    ...(idle !== undefined && { idle }),
    arrivals: (own) => {
      if (capture.length === 0) return conversing(establish(own, southbound));
      const names = [...portsHere(southbound, node, placement), ...own.ports.map(({ name }) => name), UNDERLAY];
      return captured(portCaptures(capture, [...new Set(names)], node));
    },
  });
}

/** One conversation of any two ports, both ways. */
function* conversing(conversations: ReturnType<typeof establish>): Generator<Arriving> {
  const seen = new Set<string>();
  for (const { opener, answer } of conversations) {
    const key = `${opener.port} ${answer.port}`;
    if (seen.has(key)) continue;
    seen.add(key);
    yield opener;
    yield answer;
    yield opener;
  }
}

async function* captured(captures: ReturnType<typeof portCaptures>): AsyncGenerator<Arriving> {
  let begin: bigint | undefined;
  for await (const { port, frame } of mergedArrivals(captures, (sentence) => process.stderr.write(`${sentence}\n`))) {
    begin ??= frame.timestamp;
    yield { port, frame: frame.bytes, at: Number((frame.timestamp - begin) / 1_000_000n) };
  }
}

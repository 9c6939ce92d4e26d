/** `lflow offload verify`: do rules do with all packets of a node what its logical flows do? And does the device take them? */
import { Command } from 'commander';
import { checkRules, problemText } from '../../engine/offload/check.ts';
import type { RuleSet } from '../../engine/offload/rules.ts';
import { openDevice } from '../../native/offload/index.ts';
import { type OffloadNode, proveRules, type RuleProof, type RuleViolation } from '../../sim/offload/prove.ts';
import { replayed, replayWords } from '../../sim/offload/replayed.ts';
import {
  conclude,
  emit,
  formatOption,
  type OutputOptions,
  outputOption,
  type Status,
  status,
  UsageError,
} from '../command.ts';
import { openProgress } from '../progress.ts';
import { loadRules } from './rule-file.ts';
import { loadSubject, type Subject, type SubjectOptions, subjectOptions } from './subject.ts';

interface VerifyOptions extends SubjectOptions, OutputOptions {
  rules: string;
  format: 'text' | 'json';
}

const explanation = `
Proven is that every packet that hardware finishes goes where the logical flows send it and looks as they make it look,
that software gets all others as they came, and that the device takes the rules. docs/offload/verify.md tells what is
taken for granted.

Exit status: 0 it holds, 1 a packet is treated otherwise or the device refuses a rule, 2 the input or the usage is
wrong, 3 something was not understood.

  lflow offload verify manifests --node worker1 --rules rules.json`;

export default function define(): Command {
  return subjectOptions(new Command('verify'))
    .description('Proves that rules for hardware do what the logical flows of a node do, or shows a packet.')
    .requiredOption('--rules <FILE>', 'the rules, as "lflow offload plan --format json" prints them')
    .addOption(formatOption(['text', 'json']))
    .addOption(outputOption())
    .addHelpText('after', explanation)
    .action(async (inputs: string[], options: VerifyOptions, command: Command): Promise<void> => {
      const rules = await loadRules(options.rules);
      if (rules.node !== options.node) {
        throw new UsageError(
          `the rules of ${options.rules} are for node "${rules.node}", not for "${options.node}"; name that with --node`,
        );
      }
      const isAsked = command.getOptionValueSource('device') !== 'default';
      const subject = await loadSubject(inputs, isAsked ? options : { ...options, device: rules.device });
      const found = await verified(subject, rules);
      await emit(options.format === 'json' ? jsonOf(found, subject, rules) : textOf(found, subject, rules), options);
      conclude(statusOf(found));
    });
}

/** What was found. */
export interface Verified {
  readonly proof: RuleProof;
  /** What the device would refuse: sentences. */
  readonly refused: readonly string[];
  /** Of each violation, what was seen when its packet was sent. */
  readonly seen: readonly Seen[];
}

/** What was seen of a packet: in words, each absent where it was not tried. */
export interface Seen {
  readonly tracer?: string;
  readonly device?: string;
}

/** The node as a proof knows it. */
export const nodeOf = ({ node, device }: Subject): OffloadNode => ({ name: node, ...device });

/** Proves rules, and sends what is found. */
export async function verified(subject: Subject, rules: RuleSet): Promise<Verified> {
  const progress = openProgress();
  const proof = proveRules(subject, nodeOf(subject), rules, { onProgress: (what) => progress.show(what) });
  progress.close();
  const violations = proof.verdict === 'violated' ? proof.violations : [];
  return {
    proof,
    refused: refusals(subject, rules),
    seen: await Promise.all(violations.map((violation) => seenOf(subject, rules, violation))),
  };
}

function refusals({ device, capabilities }: Subject, rules: RuleSet): string[] {
  const ports = [device.uplink, ...device.ports.values()];
  return checkRules(rules, capabilities, { ports }).map(problemText);
}

async function seenOf({ southbound, device }: Subject, rules: RuleSet, { packet }: RuleViolation): Promise<Seen> {
  if (!packet) return {};
  const replay = replayed(southbound, packet);
  const emulated = await onEmulated([device.uplink, ...device.ports.values()], rules, packet);
  return {
    ...(replay && { tracer: replayWords(replay) }),
    ...(emulated !== undefined && { device: emulated }),
  };
}

/** What the emulated device does with a packet, in words; undefined where it is not built, or does not take the rules. */
async function onEmulated(
  ports: readonly string[],
  rules: RuleSet,
  { devicePort, frame, bySoftware }: NonNullable<RuleViolation['packet']>,
): Promise<string | undefined> {
  const others = rules.rules.flatMap(({ pattern, actions }) =>
    [...pattern.map(({ spec }) => ({ ...spec }) as Record<string, unknown>), ...actions].flatMap((part) => {
      const { ethdev_port_id, port_id } = part as Record<string, unknown>;
      return [ethdev_port_id, port_id].filter((name) => typeof name === 'string');
    }),
  );
  const names = [...new Set([...ports, ...others, devicePort])];
  const device = await openDevice({ kind: 'emulated', ports: names }).catch(() => undefined);
  if (!device) return undefined;
  try {
    for (const meter of rules.meters ?? []) await device.createMeter(meter);
    for (const { id, action } of rules.indirect ?? []) await device.createIndirect(id, action);
    const outcomes = await device.create(rules.rules);
    if (outcomes.some(({ error }) => error !== undefined)) return undefined;
    const [fate] = await device.receive(devicePort, [frame], bySoftware === true);
    const [output] = fate?.outputs ?? [];
    if (!output) return 'drops it';
    const how = output.frame === frame ? 'as it came' : `as ${output.frame}`;
    return output.software ? `hands it to software ${how}` : `sends it out by ${output.port} ${how}`;
  } catch {
    return undefined;
  } finally {
    await device.close();
  }
}

/** 1 for a wrong rule, 3 for what is not understood. */
function statusOf({ proof, refused }: Verified): Status {
  if (proof.verdict === 'violated' || refused.length > 0) return status.violated;
  return proof.verdict === 'unknown' ? status.unknown : status.fine;
}

const headlines = {
  holds: 'do with all packets what the logical flows do',
  violated: 'do not what the logical flows do',
  unknown: 'are not understood in all that they do',
} as const;

/** So many lines of a kind are shown. */
const most = 20;

function textOf(found: Verified, { node, capabilities }: Subject, { rules }: RuleSet): string {
  const { proof, refused, seen } = found;
  const lines = [`${proof.verdict.toUpperCase()}: ${rules.length} rules of ${node} ${headlines[proof.verdict]}`];
  if (proof.verdict === 'violated') {
    for (const [index, violation] of proof.violations.entries()) lines.push(...violationLines(violation, seen[index]));
  }
  if (proof.verdict === 'unknown') lines.push(...few(proof.reasons));
  if (refused.length > 0) lines.push(`${capabilities.title} does not take them:`, ...few(refused));
  if (proof.unmet.length > 0) {
    const names = proof.unmet.map(
      ({ index, cookie }) => `rules[${index}]${cookie === undefined ? '' : ` (${cookie})`}`,
    );
    lines.push('rules that no packet ever meets:', ...few(names));
  }
  return `${lines.join('\n')}\n`;
}

function few(list: readonly string[]): string[] {
  const rest = list.length - most;
  return [...list.slice(0, most).map((line) => `  ${line}`), ...(rest > 0 ? [`  and ${rest} more`] : [])];
}

function violationLines({ sentence, packet, flow }: RuleViolation, seen: Seen = {}): string[] {
  return [
    `  ${sentence}`,
    ...(packet
      ? [
          `    for example ${packet.summary}, in by ${packet.devicePort} (${packet.inport})`,
          `    ${packet.microflow}`,
          `    ${packet.frame}`,
        ]
      : []),
    ...(flow ? [`    flow ${flow.uuid}: ${flow.stage}, priority ${flow.priority}, ${flow.match}`] : []),
    ...(seen.device === undefined ? [] : [`    seen: the emulated device ${seen.device}`]),
    ...(seen.tracer === undefined ? [] : [`    seen: the tracer ${seen.tracer}`]),
  ];
}

function jsonOf({ proof, refused, seen }: Verified, { node, capabilities }: Subject, { rules }: RuleSet): string {
  const violations =
    proof.verdict === 'violated' ? proof.violations.map((one, index) => ({ ...one, seen: seen[index] ?? {} })) : [];
  const answer = {
    verdict: proof.verdict,
    node,
    device: capabilities.device,
    rules: rules.length,
    violations,
    reasons: proof.verdict === 'unknown' ? proof.reasons : [],
    refused,
    unmet: proof.unmet,
  };
  return `${JSON.stringify(answer, undefined, 2)}\n`;
}

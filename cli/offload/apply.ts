/** `lflow offload apply`: rules get into a device, once both proofs hold; the device has the old ones or the new ones, always. */
import { Command, Option } from 'commander';
import type { RuleSet } from '../../engine/offload/rules.ts';
import { applyJournaled, type Forced, type Interrupted, type Journaled } from '../../native/offload/index.ts';
import { conclude, emit, formatOption, type OutputOptions, outputOption, UsageError } from '../command.ts';
import { loadPolicy } from '../policy.ts';
import { journalOf, journalOption, socketOption, withDevice } from './device.ts';
import { askGate, forcedWords, type Gate } from './gate.ts';
import { planned } from './planned.ts';
import { loadRules } from './rule-file.ts';
import { loadSubject, type Subject, type SubjectOptions, subjectOptions } from './subject.ts';

/** What `apply` and the repair of `diff` are told. */
export interface ExchangeOptions extends SubjectOptions, OutputOptions {
  rules?: string;
  policy?: string;
  socket: string;
  journal?: string;
  force?: string;
  format: 'text' | 'json';
}

const explanation = `
Nothing is done unless the network is proven to be as promised (lflow verify) and the rules to do what its logical flows
do (lflow offload verify). --force "WHY" does it all the same, and WHY stays in the journal.

Exit status: 0 the rules are in force, 1 a promise is broken or a rule is wrong, and nothing was done, 2 the input, the
usage or the device is wrong, 3 something was not understood, and nothing was done.`;

/** Adds the options that `apply` and `diff` share. */
export function exchangeOptions(command: Command): Command {
  return subjectOptions(command)
    .option(
      '--rules <FILE>',
      'the rules, as "lflow offload plan --format json" prints them (default: the plan of the input)',
    )
    .option('--policy <FILE>', 'rules that the network has to keep, as in lflow verify')
    .addOption(socketOption())
    .addOption(journalOption())
    .addOption(forceOption())
    .addOption(formatOption(['text', 'json']))
    .addOption(outputOption());
}

const forceOption = (): Option => new Option('--force <WHY>', 'apply what is not proven; WHY is written down');

export default function define(): Command {
  return exchangeOptions(new Command('apply'))
    .description('Gives the rules of a node to its device, in the place of those that it has, in one step.')
    .addHelpText('after', explanation)
    .action(async (inputs: string[], options: ExchangeOptions, command: Command): Promise<void> => {
      const wanted = await wantedOf(inputs, options, command);
      if (!wanted) return;
      const gate = await gateOf(wanted, options);
      const forced = permitted(gate, options.force);
      if (forced === 'refused') {
        await emit(refusalText(gate, options), options);
        return conclude(gate.status);
      }
      const done = await exchange(wanted.rules, options, forced);
      await emit(appliedText(done, wanted.rules, options, forced), options);
    });
}

/** The rules that a node is to have. */
export interface Wanted {
  readonly subject: Subject;
  readonly rules: RuleSet;
}

/** The rules that the command line asks for; undefined where there is no plan, which is said then. */
export async function wantedOf(
  inputs: string[],
  options: ExchangeOptions,
  command: Command,
): Promise<Wanted | undefined> {
  if (options.force !== undefined) forcedWords(options.force);
  if (options.rules === undefined) {
    const subject = await loadSubject(inputs, options);
    const plan = planned(subject);
    return plan && { subject, rules: plan.ruleSet };
  }
  const rules = await loadRules(options.rules);
  if (rules.node !== options.node) {
    throw new UsageError(`the rules of ${options.rules} are for node "${rules.node}", not for "${options.node}"`);
  }
  // Rules know what they were made for.
  const isAsked = command.getOptionValueSource('device') !== 'default';
  return { subject: await loadSubject(inputs, isAsked ? options : { ...options, device: rules.device }), rules };
}

/** Whether the rules may get into a device. */
export async function gateOf({ subject, rules }: Wanted, { policy }: ExchangeOptions): Promise<Gate> {
  return askGate(subject, rules, policy === undefined ? undefined : await loadPolicy(policy));
}

/** With what words rules may be applied: `undefined` where none are needed. */
export function permitted(gate: Gate, force: string | undefined): Forced | undefined | 'refused' {
  if (force !== undefined) return { why: forcedWords(force), against: gate.against };
  return gate.status === 0 ? undefined : 'refused';
}

/** Applies the rules; what was found in the journal goes to standard error. */
export async function exchange(
  rules: RuleSet,
  options: ExchangeOptions,
  forced: Forced | undefined,
): Promise<Journaled> {
  const done = await withDevice(options.socket, (device) => applyJournaled(device, rules, journalOf(options), forced));
  for (const problem of done.problems) process.stderr.write(`${problem}\n`);
  for (const one of done.interrupted) process.stderr.write(`${interruptedText(one)}\n`);
  return done;
}

const inForceWords = {
  old: 'it had not come to the exchange, and the rules from before stayed in force',
  new: 'its rules were in force already',
  neither: 'the device has begun anew since, and has none of its rules',
} as const;

function interruptedText({ intended: { by, time, generation }, inForce }: Interrupted): string {
  return `generation ${generation}, which ${by.user} at ${by.host} (process ${by.pid}) began to apply at ${time}, was broken off: ${inForceWords[inForce]}; what was left of it is removed`;
}

/** Why nothing was done. */
export function refusalText({ against }: Gate, { format }: ExchangeOptions): string {
  if (format === 'json') return `${JSON.stringify({ applied: false, against }, undefined, 2)}\n`;
  const lines = against.map((sentence) => `  ${sentence.replaceAll('\n', '\n  ')}`);
  return ['NOT APPLIED: the device is as it was', ...lines, 'put it right, or say why not with --force "WHY"', ''].join(
    '\n',
  );
}

/** What was done. */
export function appliedText(
  { generation, created, removed, leftovers, interrupted }: Journaled,
  rules: RuleSet,
  options: ExchangeOptions,
  forced: Forced | undefined,
): string {
  if (options.format === 'json') {
    const broken = interrupted.map(({ intended, inForce }) => ({ ...intended, inForce }));
    const answer = { applied: true, node: rules.node, generation, created, removed, leftovers, interrupted: broken };
    return `${JSON.stringify({ ...answer, ...(forced && { forced }) }, undefined, 2)}\n`;
  }
  return [
    `APPLIED: ${count(created, 'rule')} of ${rules.node} ${created === 1 ? 'is' : 'are'} in force, generation ${generation}`,
    `  in the place of ${count(removed, 'rule')}${leftovers > 0 ? `; ${count(leftovers, 'rule')} that nobody had cleared away are gone` : ''}`,
    ...(forced ? [`  forced: ${forced.why}`, ...forced.against.map((one) => `    against: ${one}`)] : []),
    `  written down in ${journalOf(options)}`,
    '',
  ].join('\n');
}

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;

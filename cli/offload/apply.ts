/** `lflow offload apply`: rules get into a device, once both proofs hold; the device has the old ones or the new ones, always. */
import { Command, Option } from 'commander';
import type { RuleSet } from '../../engine/offload/rules.ts';
import { applyJournaled, type Forced, type Interrupted, type Journaled } from '../../native/offload/index.ts';
import { conclude, emit, formatOption, type OutputOptions, outputOption, UsageError } from '../command.ts';
import { loadPolicy } from '../commands/verify.ts';
import { nodesOption } from '../input.ts';
import { loadNetwork } from '../topology.ts';
import { journalOf, journalOption, socketOption, withDevice } from './device.ts';
import { askGate, forcedWords, type Gate, type ProveRules } from './gate.ts';
import { proveRuleSet } from './proof.ts';
import { loadRules } from './rule-file.ts';

/** What `apply` and the repair of `diff` are told. */
export interface ExchangeOptions extends OutputOptions {
  node: string;
  nodes?: number;
  rules?: string;
  device?: string;
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
  return command
    .argument('<input...>', 'YAML files, folders of them, - for standard input, or an OVN database file')
    .requiredOption('--node <NODE>', 'the node whose rules they are')
    .option(
      '--rules <FILE>',
      'the rules, as "lflow offload plan --format json" prints them (default: the plan of the input)',
    )
    .option('--device <NAME|FILE>', 'the capability file that the plan is made for')
    .option('--policy <file>', 'rules that the network has to keep, as in lflow verify')
    .addOption(socketOption())
    .addOption(journalOption())
    .addOption(forceOption())
    .addOption(nodesOption())
    .addOption(formatOption(['text', 'json']))
    .addOption(outputOption());
}

const forceOption = (): Option => new Option('--force <WHY>', 'apply what is not proven; WHY is written down');

export default function define(prove: ProveRules = proveRuleSet): Command {
  return exchangeOptions(new Command('apply'))
    .description('Gives the rules of a node to its device, in the place of those that it has, in one step.')
    .addHelpText('after', explanation)
    .action(async (inputs: string[], options: ExchangeOptions): Promise<void> => {
      const { rules, gate } = await prepared(inputs, options, prove);
      const forced = permitted(gate, options.force);
      if (forced === 'refused') {
        await emit(refusalText(gate, options), options);
        return conclude(gate.status);
      }
      const done = await exchange(rules, options, forced);
      await emit(appliedText(done, rules, options, forced), options);
    });
}

/** The rules that a command speaks of, and whether they may get into a device. */
export async function prepared(
  inputs: string[],
  options: ExchangeOptions,
  prove: ProveRules,
): Promise<{ rules: RuleSet; gate: Gate }> {
  if (options.force !== undefined) forcedWords(options.force);
  const policy = options.policy === undefined ? undefined : await loadPolicy(options.policy);
  const input = await loadNetwork(inputs, options);
  const rules = await rulesOf(options);
  return { rules, gate: askGate(input, options.node, rules, prove, policy) };
}

/** The rules that the command line asks for; throws where they are another node's. */
export async function rulesOf({ rules: file, node }: ExchangeOptions): Promise<RuleSet> {
  if (file === undefined) throw new UsageError('give the rules with --rules FILE');
  const rules = await loadRules(file);
  if (rules.node === node) return rules;
  throw new UsageError(`the rules of ${file} are for node "${rules.node}", not for "${node}"`);
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

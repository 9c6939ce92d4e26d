/** `lflow offload dump`: the rules that a device has, with their counters. */
import { Command } from 'commander';
import { flowLines } from '../../engine/offload/forms/dump-flows.ts';
import { ruleText } from '../../engine/offload/rule-text.ts';
import { type InstalledRule, type Intended, readJournal, stateOf } from '../../native/offload/index.ts';
import { emit, formatOption, type OutputOptions, outputOption } from '../command.ts';
import { journalOf, journalOption, socketOption, withDevice } from './device.ts';

interface DumpOptions extends OutputOptions {
  socket: string;
  journal?: string;
  format: 'text' | 'json' | 'dump-flows';
}

export default function define(): Command {
  return new Command('dump')
    .description('Prints the rules that a device has, group by group, with their counters, and who put them there.')
    .addOption(socketOption())
    .addOption(journalOption())
    .addOption(formatOption(['text', 'json', 'dump-flows']))
    .addOption(outputOption())
    .action(async (options: DumpOptions): Promise<void> => {
      const rules = await withDevice(options.socket, (device) => device.list());
      const story = await storyOf(journalOf(options), stateOf(rules).generation);
      if (options.format === 'dump-flows') return emit(flowsOf(rules), options);
      await emit(options.format === 'json' ? jsonOf(rules, story) : textOf(rules, story), options);
    });
}

/** As `ovs-appctl dpctl/dump-flows -m` prints flows; groups are the device's. */
function flowsOf(rules: readonly InstalledRule[]): string {
  const lines = rules.flatMap(({ rule, packets = 0, bytes = 0, idle }) => {
    const used = idle === undefined ? {} : { used: idle };
    return flowLines(rule, { packets, bytes, ...used });
  });
  return lines.map((line) => `${line}\n`).join('');
}

/** What the journal knows of the generation in force; a journal that cannot be read is told and does not matter otherwise. */
async function storyOf(file: string, generation: number): Promise<Intended | undefined> {
  try {
    const { entries } = await readJournal(file);
    return entries.findLast((entry) => entry.event === 'intended' && entry.generation === generation) as
      | Intended
      | undefined;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
    return undefined;
  }
}

function jsonOf(rules: readonly InstalledRule[], story: Intended | undefined): string {
  const { generation, base, live } = stateOf(rules);
  const ids = new Set(live.map(({ id }) => id));
  const told = rules.map((rule) => ({ ...rule, live: ids.has(rule.id) }));
  return `${JSON.stringify({ generation, base, ...(story && { applied: story }), rules: told }, undefined, 2)}\n`;
}

function textOf(rules: readonly InstalledRule[], story: Intended | undefined): string {
  if (rules.length === 0) return 'the device has no rules: all packets go to software\n';
  const { generation, base, live, leftovers } = stateOf(rules);
  const groups = [...new Set(live.map(({ rule }) => rule.group))].sort((a, b) => a - b);
  const membersOf = (group: number) =>
    live.filter(({ rule }) => rule.group === group).sort((a, b) => a.rule.priority - b.rule.priority);
  return [
    headline(generation, story),
    ...groups.flatMap((group) => [
      group === 0 ? 'group 0: the root' : `group ${group}: group ${group - base} of the rule set`,
      ...membersOf(group).map(line),
    ]),
    ...(leftovers.length > 0 ? ['rules that no generation in force has; the next apply removes them'] : []),
    ...leftovers.map((one) => `  group ${one.rule.group}${line(one).slice(1)}`),
    '',
  ].join('\n');
}

function headline(generation: number, story: Intended | undefined): string {
  if (generation === 0) return 'the rules are none that lflow applied';
  if (!story) return `generation ${generation}; no journal tells who applied it`;
  const { by, time, node, hash, forced } = story;
  const words = forced ? `; forced: ${forced.why}` : '';
  return `generation ${generation}: rules ${hash.slice(0, 12)} of ${node}, applied by ${by.user} at ${by.host}, ${time}${words}`;
}

function line({ rule, packets, bytes, idle, aged, error }: InstalledRule): string {
  const told = [
    ...(packets === undefined ? [] : [`${packets} packets, ${bytes ?? 0} bytes`]),
    ...(idle === undefined ? [] : [`idle ${idle} s${aged ? ', aged' : ''}`]),
    ...(error === undefined ? [] : [`its counters cannot be read: ${error}`]),
    ...(rule.cookie === undefined ? [] : [`cookie ${rule.cookie}`]),
  ];
  return `  ${rule.priority}: ${ruleText(rule)}${told.length > 0 ? ` (${told.join('; ')})` : ''}`;
}

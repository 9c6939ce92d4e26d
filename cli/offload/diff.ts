/** `lflow offload diff`: the rules that a device has beside those that it should have; and, if asked, the latter again. */
import { Command } from 'commander';
import { ruleText } from '../../engine/offload/rule-text.ts';
import type { Rule } from '../../engine/offload/rules.ts';
import { compareRules, type Difference, isSame } from '../../native/offload/index.ts';
import { conclude, emit, status } from '../command.ts';
import {
  appliedText,
  type ExchangeOptions,
  exchange,
  exchangeOptions,
  gateOf,
  permitted,
  refusalText,
  wantedOf,
} from './apply.ts';
import { withDevice } from './device.ts';

interface DiffOptions extends ExchangeOptions {
  repair?: boolean;
}

const explanation = `
Nothing is changed without --repair, which does what "lflow offload apply" does, under the same conditions.

Exit status: 0 the device has the rules and no others, 1 it has not, or may not be repaired because a promise is broken,
2 the input, the usage or the device is wrong, 3 something was not understood, and nothing was repaired.`;

export default function define(): Command {
  return exchangeOptions(new Command('diff'))
    .description('Says which rules a device lacks, has besides, or has otherwise than they should be.')
    .option('--repair', 'give the device its rules again where it has others')
    .addHelpText('after', explanation)
    .action(async (inputs: string[], options: DiffOptions, command: Command): Promise<void> => {
      const wanted = await wantedOf(inputs, options, command);
      if (!wanted) return;
      const difference = await withDevice(options.socket, (device) => compareRules(device, wanted.rules));
      const told = options.format === 'json' ? jsonOf(difference) : textOf(difference);
      if (!options.repair || isSame(difference)) {
        await emit(told, options);
        return conclude(isSame(difference) ? status.fine : status.violated);
      }
      const gate = await gateOf(wanted, options);
      const forced = permitted(gate, options.force);
      if (forced === 'refused') {
        await emit(joined(told, refusalText(gate, options), options), options);
        return conclude(gate.status);
      }
      const done = await exchange(wanted.rules, options, forced);
      await emit(joined(told, appliedText(done, wanted.rules, options, forced), options), options);
    });
}

/** Two answers as one. */
function joined(difference: string, repair: string, { format }: ExchangeOptions): string {
  if (format === 'text') return `${difference}${repair}`;
  const answer: unknown = { ...JSON.parse(difference), repair: JSON.parse(repair) };
  return `${JSON.stringify(answer, undefined, 2)}\n`;
}

const jsonOf = (difference: Difference): string =>
  `${JSON.stringify({ same: isSame(difference), difference }, undefined, 2)}\n`;

function textOf(difference: Difference): string {
  const { generation, same, missing, changed, foreign, outside, shared } = difference;
  if (isSame(difference)) return `SAME: generation ${generation} has the ${same} rules and no others\n`;
  return [
    `DIFFERENT: ${same} rules of generation ${generation} are as they should be`,
    ...missing.map((rule) => `  missing ${line(rule)}`),
    ...changed.flatMap(({ wanted, found, parts }) => [
      `  changed ${line(wanted)}`,
      `    is now (${parts.join(', ')}) ${line(found.rule)}`,
    ]),
    ...foreign.map(({ rule }) => `  foreign ${line(rule)}`),
    ...outside.map(({ rule }) => `  of no generation: ${line(rule)}`),
    ...shared.map((sentence) => `  ${sentence}`),
    '',
  ].join('\n');
}

const line = (rule: Rule): string =>
  `group ${rule.group} priority ${rule.priority}${rule.cookie === undefined ? '' : ` (${rule.cookie})`}: ${ruleText(rule)}`;

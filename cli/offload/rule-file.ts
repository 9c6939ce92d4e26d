/** A set of rules from a file that a command line names. */
import { readFile } from 'node:fs/promises';
import { readRuleSet } from '../../engine/offload/read-rules.ts';
import type { RuleSet } from '../../engine/offload/rules.ts';
import { InputError } from '../../engine/origin.ts';
import { systemReason, UsageError } from '../command.ts';

/** Reads `--rules FILE`; throws `InputError` with all that is wrong with it. */
export async function loadRules(file: string): Promise<RuleSet> {
  const text = await readFile(file, 'utf8').catch((error: unknown): never => {
    throw new UsageError(`the rules ${file} cannot be read: ${systemReason(error)}`);
  });
  const { ruleSet, problems } = readRuleSet(text, file);
  if (!ruleSet) throw new InputError(problems);
  return ruleSet;
}

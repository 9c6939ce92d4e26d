/** `lflow policy`: whether a policy file is right, and which ports its sets and rules mean in a network. */
import { Command, Option } from 'commander';
import { nearest } from '../../engine/spec/nearest.ts';
import {
  type ExplainedSet,
  explainSet,
  explanationText,
  type Inventory,
  inventoryOf,
  type Policy,
  unknownNames,
} from '../../sim/policy/index.ts';
import { policyProperties } from '../../sim/rules/index.ts';
import { networkOf } from '../../sim/symbolic/index.ts';
import { conclude, emit, formatOption, type OutputOptions, outputOption, status, UsageError } from '../command.ts';
import { nodesOption } from '../input.ts';
import { loadPolicy } from '../policy.ts';
import { loadNetwork } from '../topology.ts';

interface PolicyCommandOptions extends OutputOptions {
  format: 'text' | 'json';
  nodes?: number;
  set?: string[];
}

const explanation = `
Without INPUT only the form of the policy is checked. Nothing is proven here: "lflow verify --policy" does that.

Exit status: 0 all is as it should be, 1 a set or rule names what is not there, 2 the policy, the input or the usage is wrong.

  lflow policy policy.yaml manifests/ --set web`;

export default function define(): Command {
  return new Command('policy')
    .description('Checks a policy file, and says which ports its sets select in a network and what its rules promise.')
    .argument('<policy>', 'the policy file (docs/policy.md)')
    .argument('[input...]', 'YAML files, folders of them, - for standard input, or an OVN database file')
    .addOption(
      new Option('--set <NAME>', 'only this set, and no rules; may be given again').argParser(
        (name: string, before: string[] = []) => [...before, name],
      ),
    )
    .addOption(nodesOption())
    .addOption(formatOption(['text', 'json']))
    .addOption(outputOption())
    .addHelpText('after', explanation)
    .action(async (file: string, inputs: string[], options: PolicyCommandOptions): Promise<void> => {
      const policy = await loadPolicy(file);
      const wanted = options.set ?? [...policy.sets.keys()];
      for (const name of wanted) if (!policy.sets.has(name)) throw new UsageError(noSuchSet(name, policy));
      const inventory = inputs.length > 0 ? await inventoryFrom(inputs, options) : undefined;
      const sets = inventory && wanted.flatMap((name) => explainSet(name, policy, inventory) ?? []);
      const rules = options.set ? [] : rulesOf(policy, inventory);
      const found: Explained = { policy: file, sets: sets ?? wanted, rules };
      await emit(options.format === 'json' ? `${JSON.stringify(found, undefined, 2)}\n` : textOf(found), options);
      const isLost = [...(sets ?? []), ...rules].some(({ unknown = [] }) => unknown.length > 0);
      conclude(isLost ? status.violated : status.fine);
    });
}

/** A rule in words. */
interface ExplainedRule {
  readonly id: string;
  readonly promise: string;
  /** What it names and is not there, if there is a network and it does not allow that: sentences. */
  readonly unknown?: readonly string[];
}

interface Explained {
  readonly policy: string;
  /** With their ports if there is a network, or else their names. */
  readonly sets: readonly (ExplainedSet | string)[];
  readonly rules: readonly ExplainedRule[];
}

async function inventoryFrom(inputs: string[], options: PolicyCommandOptions): Promise<Inventory> {
  const { southbound, plans } = await loadNetwork(inputs, options);
  return inventoryOf(networkOf(southbound), plans);
}

function rulesOf(policy: Policy, inventory: Inventory | undefined): ExplainedRule[] {
  const promises = new Map(policyProperties(policy, { today: '' }).map(({ id, promise }) => [id, promise]));
  return policy.rules.map(({ id, from, to, through, notThrough, allowEmpty }) => {
    const selectors = allowEmpty ? [] : [from, to, through, notThrough].flatMap((one) => one ?? []);
    const unknown = inventory && selectors.flatMap(({ value }) => unknownNames(value, policy, inventory));
    return { id, promise: promises.get(id) ?? '', ...(unknown && { unknown: [...new Set(unknown)] }) };
  });
}

function textOf({ policy, sets, rules }: Explained): string {
  const count = (list: readonly unknown[], what: string): string =>
    `${list.length} ${what}${list.length === 1 ? '' : 's'}`;
  const lines = rules.flatMap(({ id, promise, unknown = [] }) => [
    `${id}: ${promise}`,
    ...unknown.map((each) => `  ${each}`),
  ]);
  return [
    `${policy}: ${count(sets, 'set')}, ${count(rules, 'rule')}\n`,
    ...sets.map((set) => (typeof set === 'string' ? `${set}\n` : explanationText(set))),
    ...(lines.length > 0 ? [`${lines.join('\n')}\n`] : []),
  ].join('\n');
}

function noSuchSet(name: string, { sets, file }: Policy): string {
  const meant = nearest(name, sets.keys());
  const hint = meant === undefined ? `it has ${[...sets.keys()].join(', ') || 'none'}` : `did you mean ${meant}?`;
  return `${file} has no set ${name}; ${hint}`;
}

/** The networks that rules `unchanged` of a policy compare with, as a command line names them. */
import { nearest } from '../engine/spec/nearest.ts';
import type { Policy } from '../sim/policy/index.ts';
import type { OtherNetwork } from '../sim/rules/index.ts';
import { UsageError } from './command.ts';
import type { InputOptions } from './input.ts';
import { loadNetwork } from './topology.ts';

/**
 * Reads `NAME=INPUT`, or `INPUT` for rules without `against`.  Throws `UsageError` where no rule compares with that name or
 * a name is given twice, and as `load` does.
 */
export async function loadAgainst(
  given: readonly string[],
  policy: Policy | undefined,
  options: InputOptions,
  load = loadNetwork,
): Promise<ReadonlyMap<string, OtherNetwork>> {
  const rules = policy?.rules.filter(({ kind }) => kind === 'unchanged') ?? [];
  const wanted = new Set(rules.map(({ against = '' }) => against));
  const others = new Map<string, OtherNetwork>();
  for (const one of given) {
    const { name, input } = againstOf(one);
    if (!wanted.has(name)) throw new UsageError(misnamed(name, input, wanted));
    if (others.has(name)) {
      throw new UsageError(`--against says twice what ${name === '' ? 'rules without a name for it' : name} is`);
    }
    others.set(name, await load([input], options));
  }
  return others;
}

/** What `NAME=INPUT` or `INPUT` names. */
export function againstOf(given: string): { name: string; input: string } {
  const at = given.indexOf('=');
  return at < 0 ? { name: '', input: given } : { name: given.slice(0, at), input: given.slice(at + 1) };
}

function misnamed(name: string, input: string, wanted: ReadonlySet<string>): string {
  const names = [...wanted].filter((each) => each !== '');
  if (wanted.size === 0)
    return '--against is for rules "unchanged" of a policy (docs/policy.md), and there is none here';
  if (name === '')
    return `every rule "unchanged" of the policy has a name for what it compares with: --against ${names[0]}=${input}`;
  const known =
    names.length > 0 ? `they compare with ${names.join(', ')}` : `they have no name for it: --against ${input}`;
  const meant = nearest(name, names);
  return `no rule "unchanged" compares with ${name}; ${known}${meant === undefined ? '' : ` (did you mean ${meant}?)`}`;
}

/** What a set selects, for people: `explainSet`. */
import { formatEthernet } from '../../engine/lang/index.ts';
import type { Inventory } from './inventory.ts';
import type { Policy } from './policy.ts';
import { formatPrefix } from './prefix.ts';
import { type Condition, extentOf, isMember } from './select.ts';

export interface ExplainedPort {
  name: string;
  switch: string;
  /** `MAC IP`; none where they are not known. */
  addresses: string[];
  /** It leads to the world outside. */
  external: boolean;
  /** Which of the addresses there are meant: `10.0.0.0/8`, `not (10.0.0.0/8)`; absent where all are. */
  only?: string;
}

export interface ExplainedSet {
  name: string;
  ports: ExplainedPort[];
  /** What the set names and is not there: sentences. */
  unknown: string[];
}

/** The ports that a set of a policy selects in a network, in the order of the database; undefined if there is no such set. */
export function explainSet(name: string, policy: Policy, inventory: Inventory): ExplainedSet | undefined {
  const set = policy.sets.get(name);
  if (!set) return undefined;
  const { groups, unknown } = extentOf(set, policy, inventory);
  const conditions = new Map(groups.flatMap(({ condition, edges }) => edges.map((edge) => [edge, condition] as const)));
  const ports = inventory.edges.flatMap((edge): ExplainedPort[] => {
    const condition = conditions.get(edge);
    const member = condition !== undefined && isMember(edge, condition);
    if (member === false) return [];
    const { name, port, hosts, external } = edge;
    return [
      {
        name,
        switch: port.datapath.name,
        addresses: hosts.map(({ mac, ip }) => `${formatEthernet(mac)} ${formatPrefix(ip)}`),
        external,
        ...(member === undefined && condition !== undefined && { only: textOf(condition) }),
      },
    ];
  });
  return { name, ports, unknown: [...unknown] };
}

/** An explanation as lines of text. */
export function explanationText({ name, ports, unknown }: ExplainedSet): string {
  const count = `${ports.length} port${ports.length === 1 ? '' : 's'}`;
  const lines = ports.map(({ name: port, switch: where, addresses, external, only }) => {
    const known = addresses.length === 0 ? 'addresses not known' : addresses.join(', ');
    const who = external ? 'the outside' : known;
    return `  ${port}  on ${where}  ${who}${only === undefined ? '' : `  only ${only}`}`;
  });
  return [`${name}: ${count}`, ...lines, ...unknown.map((each) => `  ${each}`), ''].join('\n');
}

/** Long conditions are cut: sets may be made of thousands of ranges. */
const maxText = 200;

function textOf(condition: Condition): string {
  const write = (each: Condition, room: number): string => {
    if (typeof each === 'boolean') return each ? 'any' : 'none';
    if (room <= 0) return '...';
    switch (each.kind) {
      case 'prefix':
        return formatPrefix(each.prefix);
      case 'not':
        return `not (${write(each.term, room - 6)})`;
      default:
        return listText(each.kind, each.terms, room, write);
    }
  };
  return write(condition, maxText);
}

function listText(
  kind: 'and' | 'or',
  terms: readonly Condition[],
  room: number,
  write: (each: Condition, room: number) => string,
): string {
  let text = '';
  for (const term of terms) {
    if (text.length > room) return `${text} ${kind} ...`;
    const part = write(term, room - text.length - 2);
    const isList = typeof term !== 'boolean' && (term.kind === 'and' || term.kind === 'or');
    text += `${text === '' ? '' : ` ${kind} `}${isList ? `(${part})` : part}`;
  }
  return text;
}

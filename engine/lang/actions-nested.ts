/** Actions that hold actions in braces. */
import { type ActionParser, addPrereq, allPrereqs, type ParseAction } from './action-parser.ts';
import type { Action, NestedName } from './ir.ts';

const MAX_DEPTH = 32;

/**
 * `{ actions }`.  `prereq` replaces the prerequisites of what stands inside, for it
 * runs on another packet; without one they count as if it stood outside.
 */
export function parseNested(p: ActionParser, scope: ActionParser['scope'], prereq?: string): Action[] {
  p.lexer.expect('{');
  if (p.depth + 1 === MAX_DEPTH) {
    p.lexer.fail('maximum depth of nested actions reached');
  }
  const inner: ActionParser = { ...p, depth: p.depth + 1, scope, prereqs: [], innerPrereqs: [] };
  const actions = p.parseSequence(inner, '}');
  if (prereq === undefined) {
    p.innerPrereqs.push(allPrereqs(inner));
  } else {
    addPrereq(p, prereq);
  }
  return actions;
}

/** The prerequisite of each; '' for those that take over what stands inside. */
const NESTED: Readonly<Record<NestedName, string>> = {
  clone: '',
  arp: 'ip',
  icmp4: 'ip4',
  icmp4_error: 'ip4',
  icmp6: 'ip6',
  icmp6_error: 'ip6',
  tcp_reset: 'tcp',
  sctp_abort: 'sctp',
  reject: '',
  nd_na: 'nd_ns',
  nd_na_router: 'nd_ns',
  nd_ns: 'ip',
};

function parseOne(name: NestedName): ParseAction {
  const prereq = NESTED[name] === '' ? undefined : NESTED[name];
  return (p) => {
    const actions = parseNested(p, name === 'clone' ? 'packet' : p.scope, prereq);
    return { type: 'nested', name, actions };
  };
}

export const NESTED_ACTIONS: Readonly<Record<string, ParseAction>> = Object.fromEntries(
  (Object.keys(NESTED) as NestedName[]).map((name) => [name, parseOne(name)]),
);

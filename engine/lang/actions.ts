/**
 * Text to actions: ovn-sb(5), "Logical_Flow table", "actions", with the checks and
 * the wording of lib/actions.c.
 */
import { type ActionContext, type ActionParser, allPrereqs, type ParseAction, withPrereqs } from './action-parser.ts';
import { FIELD_ACTIONS, parseAssignment } from './actions-assign.ts';
import { CONNTRACK_ACTIONS } from './actions-conntrack.ts';
import { FORWARDING_ACTIONS } from './actions-forwarding.ts';
import { NEIGHBOR_ACTIONS } from './actions-neighbor.ts';
import { NESTED_ACTIONS } from './actions-nested.ts';
import { EVENT_ACTIONS } from './actions-options.ts';
import { combine, TRUE } from './expr.ts';
import type { Action, ActionBody, Expr, PlainName } from './ir.ts';
import { templateLexer } from './template.ts';

/** Tables that a pipeline has in OVN 26.03; earlier releases have fewer. */
const DEFAULT_TABLES = 36;

/** A flow's actions, and what must hold for them beside its match: OVN adds that to the match. */
export interface FlowActions {
  readonly actions: readonly Action[];
  /** True where the actions take nothing for granted.  Not yet annotated. */
  readonly prereqs: Expr;
}

/** The actions that `text` is, with their prerequisites.  Throws `LangError`. */
export function parseFlowActions(text: string, context: ActionContext): FlowActions {
  const parser: ActionParser = {
    lexer: templateLexer(text, context),
    context,
    tables: context.tables ?? DEFAULT_TABLES,
    depth: 0,
    scope: 'packet',
    prereqs: [],
    innerPrereqs: [],
    parseSequence,
  };
  const actions = parseSequence(parser, 'end');
  const prereqs = allPrereqs(parser);
  return { actions, prereqs: prereqs.length === 0 ? TRUE : combine('and', prereqs) };
}

/** The actions that `text` is; none for `drop;` and for nothing at all.  Throws `LangError`. */
export function parseActions(text: string, context: ActionContext): Action[] {
  return [...parseFlowActions(text, context).actions];
}

/** Actions up to `end`; their prerequisites gather in `p`. */
function parseSequence(p: ActionParser, end: 'end' | '}'): Action[] {
  const { lexer } = p;
  const actions: Action[] = [];
  if (lexer.type === 'id' && lexer.text === 'drop' && lexer.lookahead() === ';') {
    lexer.advance();
    lexer.advance();
    if (end === 'end') {
      lexer.expectEnd();
    } else {
      lexer.expect(end);
    }
    return actions;
  }
  while (lexer.type !== end) {
    const before = p.prereqs.length;
    const innerBefore = p.innerPrereqs.length;
    const body = parseAction(p);
    lexer.expect(';');
    if (body) {
      const inner = p.innerPrereqs.length > innerBefore ? p.innerPrereqs.at(-1) : undefined;
      actions.push(withPrereqs(body, inner ?? p.prereqs.slice(before)));
    }
  }
  if (end !== 'end') {
    lexer.advance();
  }
  return actions;
}

function parseAction(p: ActionParser): ActionBody | undefined {
  const { lexer } = p;
  if (lexer.type === 'template') {
    lexer.fail('Unexpanded template.');
  }
  if (lexer.type !== 'id') {
    lexer.failSyntax();
  }
  const ahead = lexer.lookahead();
  if (ahead === '=' || ahead === '<->' || ahead === '[') {
    return parseAssignment(p);
  }
  const parse = p.context.release === '26.03' && lexer.text === 'ct_lb' ? undefined : ACTIONS.get(lexer.text);
  if (!parse) {
    return lexer.failSyntax('expecting action');
  }
  lexer.advance();
  return parse(p);
}

const PLAIN_NAMES: readonly PlainName[] = [
  'output',
  'ct_clear',
  'ct_snat_to_vip',
  'igmp',
  'handle_dhcpv6_reply',
  'mac_cache_use',
  'flood_remote',
];

const ACTIONS: ReadonlyMap<string, ParseAction> = new Map<string, ParseAction>([
  ...PLAIN_NAMES.map((type) => [type, (): ActionBody => ({ type })] as const),
  ...Object.entries(FIELD_ACTIONS),
  ...Object.entries(CONNTRACK_ACTIONS),
  ...Object.entries(NESTED_ACTIONS),
  ...Object.entries(NEIGHBOR_ACTIONS),
  ...Object.entries(EVENT_ACTIONS),
  ...Object.entries(FORWARDING_ACTIONS),
]);

/** What the parsers of the actions, one file a family, have in common. */

import type { DhcpOption, Pipeline } from '../ovsdb/southbound.ts';
import { symbolPrereqs } from './annotate.ts';
import { numberConstant } from './constants.ts';
import { parseFieldRef } from './fields.ts';
import { formatMatch } from './format.ts';
import type { Action, ActionBody, Constant, Expr, FieldRef, NumberFormat } from './ir.ts';
import type { Lexer } from './lexer.ts';
import { parseMatch } from './match.ts';
import type { Release } from './symbols.ts';

/** Where actions stand and what they may refer to. */
export interface ActionContext {
  readonly pipeline: Pipeline;
  /** The flow's own table. */
  readonly table: number;
  /** Tables that each pipeline has; 36 unless given. */
  readonly tables?: number;
  /** Names that put_dhcp_opts and put_dhcpv6_opts know; OVN's own unless given. */
  readonly dhcpOptions?: readonly DhcpOption[];
  readonly dhcpv6Options?: readonly DhcpOption[];
  /** What the chassis' template variables `^NAME` stand for. */
  readonly templates?: ReadonlyMap<string, string>;
  /** OVN 23.03 and everything newer unless given. */
  readonly release?: Release;
}

/** The state of parsing one sequence of actions. */
export interface ActionParser {
  readonly lexer: Lexer;
  readonly context: ActionContext;
  readonly tables: number;
  /** How deep in braces. */
  readonly depth: number;
  /** Which fields may be assigned. */
  readonly scope: 'packet' | 'ct_commit';
  /** What must hold where the sequence runs, in the order in which it is met. */
  readonly prereqs: Expr[];
  /** The same from inside `clone` and `reject`, a list for each. */
  readonly innerPrereqs: (readonly Expr[])[];
  /** Parses actions up to `end`: how an action with others inside comes back to the start. */
  readonly parseSequence: (p: ActionParser, end: 'end' | '}') => Action[];
}

/** Parses what follows an action's name; undefined where OVN takes the text but makes no action of it. */
export type ParseAction = (p: ActionParser) => ActionBody | undefined;

/** What must hold where the sequence runs, in OVN's order: from inside before outside, the last one first. */
export function allPrereqs({ prereqs, innerPrereqs }: ActionParser): readonly Expr[] {
  return innerPrereqs.length === 0 ? prereqs : [...innerPrereqs.toReversed().flat(), ...prereqs];
}

const textPrereqs = new Map<string, Expr>();

/** Adds a prerequisite of an action, which stands in prerequisites as it is written here. */
export function addPrereq(p: ActionParser, text: string): void {
  let expr = textPrereqs.get(text);
  if (!expr) {
    expr = parseMatch(text);
    textPrereqs.set(text, expr);
  }
  p.prereqs.push(expr);
}

/** A field at the current token, with its prerequisites. */
export function parseField(p: ActionParser): FieldRef {
  const field = parseFieldRef(p.lexer, p.context.release);
  const { symbol } = field;
  if (symbol.predicate !== undefined) {
    p.lexer.fail(`Predicate symbol ${symbol.name} used where lvalue required.`);
  }
  for (let s = symbol as typeof symbol | undefined; s; s = s.parent) {
    const prereqs = symbolPrereqs(s);
    if (prereqs) {
      p.prereqs.push(prereqs);
    }
  }
  return field;
}

/** A field of `n` bits (0: a string field) that the action reads. */
export function parseSizedField(p: ActionParser, n: number): FieldRef {
  const field = parseField(p);
  checkSize(p, field, n);
  return field;
}

function checkSize({ lexer }: ActionParser, { symbol, ofs, n }: FieldRef, wanted: number): void {
  if (n === wanted) {
    return;
  }
  if (n === 0) {
    lexer.fail(`Cannot use string field ${symbol.name} where numeric field is required.`);
  }
  if (wanted === 0) {
    lexer.fail(`Cannot use numeric field ${symbol.name} where string field is required.`);
  }
  const bits = `${symbol.name}[${ofs}..${ofs + n - 1}]`;
  lexer.fail(`Cannot use ${n}-bit field ${bits} where ${wanted}-bit field is required.`);
}

/** Fails unless the action may assign to the field. */
export function checkWritable(p: ActionParser, { symbol }: FieldRef): void {
  if (symbol.writable !== 'anywhere' && symbol.writable !== p.scope) {
    p.lexer.fail(`Field ${symbol.name} is not modifiable.`);
  }
}

/** Fails unless the action may put a result of `n` bits into the field. */
export function checkResult(p: ActionParser, field: FieldRef, n: number): void {
  checkSize(p, field, n);
  checkWritable(p, field);
}

/** A number up to 65535; `what` names it in the complaint. */
export function parseUint16({ lexer }: ActionParser, what: string): number {
  if (!lexer.isInt() || lexer.value > 0xffffn) {
    lexer.failSyntax(`expecting ${what}`);
  }
  return lexer.expectInt();
}

/** Whether the current token is a number in that notation, without a mask. */
export function isNumber({ lexer }: ActionParser, format: NumberFormat): boolean {
  return lexer.type === 'integer' && lexer.format === format;
}

/** The number at the current token. */
export function takeNumber({ lexer }: ActionParser): Constant {
  const constant = numberConstant(lexer.value, lexer.format);
  lexer.advance();
  return constant;
}

/** Whether the current token is this string or identifier; if so, moves past it. */
export function matchWord({ lexer }: ActionParser, word: string): boolean {
  if (lexer.type === 'string' && lexer.text === word) {
    lexer.advance();
    return true;
  }
  return lexer.matchId(word);
}

const formattedPrereqs = new WeakMap<Expr, string>();

/** The action with its own prerequisites. */
export function withPrereqs(body: ActionBody, prereqs: readonly Expr[]): Action {
  return { ...body, prereqs: formatPrereqs(prereqs) };
}

function formatPrereqs(prereqs: readonly Expr[]): string {
  const [first] = prereqs;
  if (!first) {
    return '';
  }
  if (prereqs.length > 1) {
    return formatMatch({ type: 'and', terms: prereqs.flatMap((expr) => (expr.type === 'and' ? expr.terms : [expr])) });
  }
  let text = formattedPrereqs.get(first);
  if (text === undefined) {
    text = formatMatch(first);
    formattedPrereqs.set(first, text);
  }
  return text;
}

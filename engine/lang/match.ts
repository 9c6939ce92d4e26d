/**
 * Text to expression: ovn-sb(5), "Logical_Flow table", "match", with the checks
 * and the wording of lib/expr.c.
 */
import { type ConstantSet, checkType, numberConstant, ones, parseConstantSet } from './constants.ts';
import { EMPTY_ENVIRONMENT, type MatchEnvironment } from './environment.ts';
import { combine, FALSE, not, TRUE } from './expr.ts';
import { parseFieldRef } from './fields.ts';
import type { Constant, Expr, FieldRef, Relop } from './ir.ts';
import type { Lexer, TokenType } from './lexer.ts';
import { templateLexer } from './template.ts';

const MAX_PAREN_DEPTH = 100;

interface Context {
  readonly lexer: Lexer;
  readonly env: MatchEnvironment;
  /** Inside an odd number of `!`. */
  negated: boolean;
  parenDepth: number;
}

/** A piece of an expression; `atomic` if `!` may stand before it without parentheses. */
interface Primary {
  expr: Expr;
  atomic: boolean;
}

/**
 * The expression that `text` is.  Fields, subfields and predicates stand in it as
 * they were written: `annotate` it before anything evaluates it.
 *
 * Throws `LangError`.
 */
export function parseMatch(text: string, env: MatchEnvironment = EMPTY_ENVIRONMENT): Expr {
  const lexer = templateLexer(text, env);
  const expr = parseExpr({ lexer, env, negated: false, parenDepth: 0 });
  lexer.expectEnd();
  return expr;
}

function parseExpr(ctx: Context): Expr {
  const { lexer } = ctx;
  const first = parseNot(ctx);
  const operator = lexer.type;
  if (operator !== '&&' && operator !== '||') {
    return first;
  }
  const terms = [first];
  while (lexer.match(operator)) {
    terms.push(parseNot(ctx));
  }
  if (lexer.type === '&&' || lexer.type === '||') {
    lexer.fail('&& and || must be parenthesized when used together.');
  }
  return combine(operator === '&&' ? 'and' : 'or', terms);
}

function parseNot(ctx: Context): Expr {
  if (!ctx.lexer.match('!')) {
    return parsePrimary(ctx).expr;
  }
  ctx.negated = !ctx.negated;
  const { expr, atomic } = parsePrimary(ctx);
  ctx.negated = !ctx.negated;
  if (!atomic) {
    ctx.lexer.fail('Missing parentheses around operand of !.');
  }
  return not(expr);
}

function parsePrimary(ctx: Context): Primary {
  const { lexer } = ctx;
  if (lexer.type === 'template') {
    lexer.fail('Unexpanded template.');
  }
  if (lexer.match('(')) {
    if (ctx.parenDepth >= MAX_PAREN_DEPTH) {
      lexer.fail('Parentheses nested too deeply.');
    }
    ctx.parenDepth++;
    const expr = parseExpr(ctx);
    ctx.parenDepth--;
    lexer.expect(')');
    return { expr, atomic: true };
  }
  if (lexer.type !== 'id') {
    return parseConstantFirst(ctx);
  }
  return lexer.lookahead() === '(' ? parseFunction(ctx) : parseFieldFirst(ctx);
}

function parseFunction({ lexer }: Context): Primary {
  if (!lexer.matchId('is_chassis_resident')) {
    lexer.fail('parsing function name');
  }
  lexer.advance();
  if (lexer.type !== 'string') {
    lexer.failSyntax('expecting string');
  }
  const expr: Expr = { type: 'is_chassis_resident', port: lexer.text, negated: false };
  lexer.advance();
  lexer.expect(')');
  return { expr, atomic: true };
}

/** `field`, or `field RELOP constants`. */
function parseFieldFirst(ctx: Context): Primary {
  const { lexer } = ctx;
  const field = parseFieldRef(lexer, ctx.env.release);
  if (asRelop(lexer.type)) {
    const relop = parseRelop(lexer);
    return { expr: compare(ctx, field, relop, parseConstantSet(lexer, ctx.env)), atomic: false };
  }
  if (field.n === 0 || lexer.type === '=') {
    lexer.failSyntax('expecting relational operator');
  }
  if (field.n > 1 && !ctx.negated) {
    lexer.fail("Explicit `!= 0' is required for inequality test of multibit field against 0.");
  }
  const zero: ConstantSet = { kind: 'bits', values: [numberConstant(0n, 'hexadecimal')], inCurlies: false };
  return { expr: compare(ctx, field, '!=', zero), atomic: true };
}

/** `0`, `1`, `constants RELOP field`, or `constants RELOP field RELOP constants`. */
function parseConstantFirst(ctx: Context): Primary {
  const { lexer, env } = ctx;
  const left = parseConstantSet(lexer, env);
  const boolean = asBoolean(left);
  if (boolean && !asRelop(lexer.type)) {
    return { expr: boolean, atomic: true };
  }
  const leftRelop = parseRelop(lexer);
  const field = parseFieldRef(lexer, env.release);
  if (!asRelop(lexer.type)) {
    return { expr: compare(ctx, field, TURNED[leftRelop], left), atomic: false };
  }
  const rightRelop = parseRelop(lexer);
  const right = parseConstantSet(lexer, env);
  const direction = leftRelop[0];
  if ((direction !== '<' && direction !== '>') || rightRelop[0] !== direction) {
    lexer.fail(
      "Range expressions must have the form `x < field < y' or `x > field > y', with each `<' optionally replaced " +
        "by `<=' or `>' by `>=').",
    );
  }
  const low = compare(ctx, field, TURNED[leftRelop], left);
  return { expr: combine('and', [low, compare(ctx, field, rightRelop, right)]), atomic: false };
}

function asBoolean({ values, inCurlies }: ConstantSet): Expr | undefined {
  const [constant] = values;
  if (inCurlies || values.length !== 1 || constant?.kind !== 'bits') {
    return undefined;
  }
  if (constant.masked || constant.format !== 'decimal' || constant.value > 1n) {
    return undefined;
  }
  return constant.value === 1n ? TRUE : FALSE;
}

/** What a relation becomes when its sides change places. */
const TURNED: Readonly<Record<Relop, Relop>> = {
  '==': '==',
  '!=': '!=',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
};

function asRelop(type: TokenType): Relop | undefined {
  return type in TURNED ? (type as Relop) : undefined;
}

function parseRelop(lexer: Lexer): Relop {
  const relop = asRelop(lexer.type) ?? lexer.failSyntax('expecting relational operator');
  lexer.advance();
  return relop;
}

function compare(ctx: Context, field: FieldRef, relop: Relop, set: ConstantSet): Expr {
  const { lexer } = ctx;
  checkType(lexer, field, set);
  if (relop !== '==' && relop !== '!=') {
    checkOrdering(lexer, field, set);
  } else if (field.symbol.level === 'nominal') {
    checkNominal(ctx, field, relop, set);
  }
  if (set.values.length === 0) {
    return relop === '!=' ? TRUE : FALSE;
  }
  return combine(
    relop === '==' ? 'or' : 'and',
    set.values.map((constant) => comparison(field, relop, constant)),
  );
}

function checkOrdering(lexer: Lexer, { symbol }: FieldRef, set: ConstantSet): void {
  const only = 'Only == and != operators may be used';
  if (set.inCurlies) {
    lexer.fail(`${only} with value sets.`);
  }
  if (symbol.level !== 'ordinal') {
    lexer.fail(`${only} with ${symbol.level === 'boolean' ? 'Boolean' : 'nominal'} field ${symbol.name}.`);
  }
  const [constant] = set.values;
  if (!constant) {
    lexer.fail(`${only} to compare a field against an empty value set.`);
  }
  if (constant.kind === 'bits' && constant.masked) {
    lexer.fail(
      `${only} with masked constants.  Consider using subfields instead (e.g. eth.src[0..15] > 0x1111 in place of ` +
        'eth.src > 00:00:00:00:11:11/00:00:00:00:ff:ff).',
    );
  }
}

/** Nominal fields may only be tested for being something, not for being something else. */
function checkNominal({ lexer, negated }: Context, { symbol }: FieldRef, relop: Relop, set: ConstantSet): void {
  const { name } = symbol;
  if (symbol.predicate === undefined) {
    if (relop !== (negated ? '!=' : '==')) {
      lexer.fail(
        `Nominal field ${name} may only be tested for equality (taking enclosing \`!' operators into account).`,
      );
    }
    return;
  }
  for (const constant of set.values) {
    const value = constant.kind === 'bits' && (constant.value & 1n) === 1n;
    if ((value !== (relop === '!=')) === negated) {
      lexer.fail(
        `Nominal predicate ${name} may only be tested positively, e.g. \`${name}' or \`${name} == 1' but not ` +
          `\`!${name}' or \`${name} == 0'.`,
      );
    }
  }
}

function comparison({ symbol, ofs, n }: FieldRef, relop: Relop, constant: Constant): Expr {
  if (constant.kind === 'string') {
    return { type: 'string', symbol, relop: relop === '!=' ? '!=' : '==', value: constant.text };
  }
  const shift = BigInt(ofs);
  const bits = ones(n);
  return {
    type: 'comparison',
    symbol,
    relop,
    value: (constant.value & bits) << shift,
    mask: (constant.mask & bits) << shift,
  };
}

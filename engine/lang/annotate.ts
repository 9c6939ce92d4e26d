/**
 * Annotation: what an expression takes for granted is added, what it abbreviates
 * is written out, and what is left compares fields only (`expr_annotate` of OVN).
 */
import { combine, not, uniqueSymbol } from './expr.ts';
import type { Comparison, Expr, LangSymbol } from './ir.ts';
import { parseMatch } from './match.ts';

/** `expr` with prerequisites, predicates expanded, subfields as bits of their fields. */
export function annotate(expr: Expr): Expr {
  return annotateWith(expr, true);
}

const prereqsCache = new Map<string, Expr>();

/** The annotated meaning of a symbol's prerequisites or of its predicate's text. */
function annotatedText(text: string): Expr {
  let expr = prereqsCache.get(text);
  if (!expr) {
    expr = annotate(parseMatch(text));
    prereqsCache.set(text, expr);
  }
  return expr;
}

/** The annotated prerequisites of a symbol itself, not of those that it is part of. */
export function symbolPrereqs(symbol: LangSymbol): Expr | undefined {
  return symbol.prereqs === '' ? undefined : annotatedText(symbol.prereqs);
}

/** The annotated meaning of a predicate; undefined for a field. */
export function predicateExpansion(symbol: LangSymbol): Expr | undefined {
  return symbol.predicate === undefined ? undefined : annotatedText(symbol.predicate);
}

/** Where every term is about one symbol, its prerequisites are added once for all of them. */
function annotateWith(expr: Expr, addPrereqs: boolean): Expr {
  switch (expr.type) {
    case 'comparison':
      return withPrereqs(expandComparison(expr), addPrereqs ? symbolPrereqs(expr.symbol) : undefined);
    case 'string':
      return withPrereqs(expr, addPrereqs ? symbolPrereqs(expr.symbol) : undefined);
    case 'and':
    case 'or': {
      const symbol = addPrereqs ? uniqueSymbol(expr) : undefined;
      const terms = expr.terms.map((term) => annotateWith(term, addPrereqs && !symbol));
      return withPrereqs(combine(expr.type, terms), symbol && symbolPrereqs(symbol));
    }
    default:
      return expr;
  }
}

function withPrereqs(expr: Expr, prereqs: Expr | undefined): Expr {
  return prereqs ? combine('and', [expr, prereqs]) : expr;
}

function expandComparison(expr: Comparison): Expr {
  const { symbol, relop, value, mask } = expr;
  if (symbol.parent) {
    const shift = BigInt(symbol.ofs);
    return { type: 'comparison', symbol: symbol.parent, relop, value: value << shift, mask: mask << shift };
  }
  const predicate = predicateExpansion(symbol);
  if (!predicate) {
    return expr;
  }
  const positive = ((value & 1n) === 1n) !== (relop === '!=');
  return positive ? predicate : not(predicate);
}

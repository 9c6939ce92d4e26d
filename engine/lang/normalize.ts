/**
 * Disjunctive normal form: what an expression is when ovn-controller makes
 * OpenFlow flows of it, and ovn-trace a microflow (`expr_normalize` of OVN).
 */
import { combine, combineConstants, FALSE, TRUE, uniqueSymbol } from './expr.ts';
import type { Expr, LangSymbol } from './ir.ts';

/** Multiplying out can take exponential time; this many terms are made and no more. */
const MAX_TERMS = 100_000;

/** Counts down the terms that may still be made. */
interface Budget {
  left: number;
}

/** Thrown inside this file only. */
class OutOfBudget extends Error {}

/**
 * True, false, a clause, an `and` of clauses, or an `or` of those; a clause is a
 * comparison or an `or` of comparisons of one symbol.  `expr` is to be simplified,
 * with its conditions resolved.  Undefined where that would take more than
 * 100 000 terms.
 */
export function normalize(expr: Expr): Expr | undefined {
  const budget = { left: MAX_TERMS };
  try {
    return expr.type === 'and'
      ? normalizeAnd(expr.terms, budget)
      : expr.type === 'or'
        ? normalizeOr(expr.terms, budget)
        : expr;
  } catch (error) {
    if (error instanceof OutOfBudget) {
      return undefined;
    }
    throw error;
  }
}

function spend(budget: Budget, terms: number): void {
  budget.left -= terms;
  if (budget.left < 0) {
    throw new OutOfBudget();
  }
}

function normalizeOr(terms: readonly Expr[], budget: Budget): Expr {
  const normal: Expr[] = [];
  for (const term of terms) {
    const expr = term.type === 'and' ? normalizeAnd(term.terms, budget) : term;
    if (expr.type === 'boolean' && expr.value) {
      return TRUE;
    }
    if (expr.type !== 'boolean') {
      normal.push(expr);
    }
  }
  return normal.length === 0 ? FALSE : combine('or', normal);
}

function normalizeAnd(terms: readonly Expr[], budget: Budget): Expr {
  const gathered = gatherBySymbol(terms, budget);
  if (gathered.type !== 'and') {
    return gathered.type === 'or' ? normalizeOr(gathered.terms, budget) : gathered;
  }
  const mixed = gathered.terms.find((term) => term.type === 'or' && !isClause(term));
  if (mixed?.type !== 'or') {
    return gathered;
  }
  // Multiply out: a && (b || c) becomes (a && b) || (a && c).
  spend(budget, mixed.terms.length * gathered.terms.length);
  return normalizeOr(
    mixed.terms.map((alternative) =>
      combine(
        'and',
        gathered.terms.map((term) => (term === mixed ? alternative : term)),
      ),
    ),
    budget,
  );
}

/** ovn-controller tries no conjunctive match on these fields; neither is a microflow looked for in them. */
const CROSS_PRODUCT = new Set(['eth.type', 'ip.proto', 'icmp6.type', 'icmp6.code']);

function isClause(expr: Expr): boolean {
  const symbol = uniqueSymbol(expr);
  return symbol !== undefined && !CROSS_PRODUCT.has(symbol.name);
}

/** Brings together the terms about one symbol, in the symbols' alphabetical order, other terms behind them. */
function gatherBySymbol(terms: readonly Expr[], budget: Budget): Expr {
  const groups = new Map<LangSymbol, Expr[]>();
  const others: Expr[] = [];
  for (const term of terms) {
    const symbol = uniqueSymbol(term);
    if (!symbol) {
      others.push(term);
    } else {
      const group = groups.get(symbol);
      if (group) {
        group.push(term);
      } else {
        groups.set(symbol, [term]);
      }
    }
  }
  const symbols = [...groups.keys()].sort((a, b) => (a.name < b.name ? -1 : 1));
  const crushed: Expr[] = [];
  for (const symbol of symbols) {
    const expr = crush(combine('and', groups.get(symbol) ?? []), budget);
    if (expr.type === 'boolean' && !expr.value) {
      return FALSE;
    }
    crushed.push(expr);
  }
  return combineConstants('and', [...crushed, ...others]);
}

/** An expression over one symbol as a comparison, an `or` of different comparisons, or a truth value. */
function crush(expr: Expr, budget: Budget): Expr {
  switch (expr.type) {
    case 'or': {
      const crushed = combineConstants(
        'or',
        expr.terms.map((term) => crush(term, budget)),
      );
      return crushed.type === 'or' ? combine('or', withoutDuplicates(crushed.terms)) : crushed;
    }
    case 'and':
      return expr.terms.map((term) => crush(term, budget)).reduce((a, b) => intersect(a, b, budget));
    default:
      return expr;
  }
}

/** `a && b` of two crushed expressions, crushed. */
function intersect(a: Expr, b: Expr, budget: Budget): Expr {
  if (a.type === 'boolean') {
    return a.value ? b : a;
  }
  if (b.type === 'boolean') {
    return b.value ? a : b;
  }
  const products: Expr[] = [];
  spend(budget, alternatives(a).length * alternatives(b).length);
  for (const left of alternatives(a)) {
    for (const right of alternatives(b)) {
      products.push(product(left, right));
    }
  }
  return crush(combineConstants('or', products), budget);
}

function alternatives(expr: Expr): readonly Expr[] {
  return expr.type === 'or' ? expr.terms : [expr];
}

function product(a: Expr, b: Expr): Expr {
  if (a.type === 'comparison' && b.type === 'comparison') {
    const contradictory = ((a.value ^ b.value) & a.mask & b.mask) !== 0n;
    return contradictory ? FALSE : { ...a, value: a.value | b.value, mask: a.mask | b.mask };
  }
  return a.type === 'string' && b.type === 'string' && a.value === b.value ? a : FALSE;
}

function withoutDuplicates(terms: readonly Expr[]): Expr[] {
  const seen = new Map<string, Expr>();
  for (const term of terms) {
    const key =
      term.type === 'comparison' ? `${term.value}/${term.mask}` : term.type === 'string' ? term.value : term.type;
    if (!seen.has(key)) {
      seen.set(key, term);
    }
  }
  return [...seen.values()];
}

/**
 * Disjunctive normal form: what an expression is when ovn-controller makes
 * OpenFlow flows of it, and ovn-trace a microflow (`expr_normalize` of OVN).
 */
import { combine, combineConstants, FALSE, TRUE, uniqueSymbol } from './expr.ts';
import type { Comparison, Expr, LangSymbol, StringComparison } from './ir.ts';
import type { Release } from './symbols.ts';

/** Multiplying out can take exponential time; this many terms are made and no more. */
const MAX_TERMS = 100_000;

/** Counts down the terms that may still be made. */
interface Budget {
  left: number;
  /** Later releases than 23.03 leave out of a disjunction what another of its terms covers. */
  readonly absorbs: boolean;
}

/** Thrown inside this file only. */
class OutOfBudget extends Error {}

/**
 * True, false, a clause, an `and` of clauses, or an `or` of those; a clause is a
 * comparison or an `or` of comparisons of one symbol.  `expr` is to be simplified,
 * with its conditions resolved.  Undefined where that would take more than
 * 100 000 terms.
 */
export function normalize(expr: Expr, release: Release = '23.03'): Expr | undefined {
  const budget = { left: MAX_TERMS, absorbs: release === '26.03' };
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

/**
 * A normalized expression with its clauses multiplied out, too: any of the
 * conjunctions, each of at most one comparison (`==`) of a field.  None at all is
 * false, an empty one true.  Undefined where that would take more than 100 000
 * conjunctions.
 */
export function disjuncts(normal: Expr): (Comparison | StringComparison)[][] | undefined {
  switch (normal.type) {
    case 'boolean':
      return normal.value ? [[]] : [];
    case 'or':
      return distinct(normal.terms);
    default:
      return distinct([normal]);
  }
}

type Literal = Comparison | StringComparison;

function distinct(conjunctions: readonly Expr[]): Literal[][] | undefined {
  const clauses = conjunctions.map((term) => (term.type === 'and' ? term.terms : [term]).map(alternatives));
  const size = clauses.reduce((sum, factors) => sum + factors.reduce((n, { length }) => n * length, 1), 0);
  if (size > MAX_TERMS) {
    return undefined;
  }
  const rows = clauses.flatMap(multiply);
  return [...new Map(rows.map((row) => [row.map((one) => `${one.symbol.name} ${key(one)}`).join('\n'), row])).values()];
}

function multiply(clauses: readonly (readonly Expr[])[]): Literal[][] {
  let rows: Literal[][] = [[]];
  for (const clause of clauses) {
    const literals = clause.filter((term) => term.type === 'comparison' || term.type === 'string');
    rows = rows.flatMap((row) => literals.map((literal) => [...row, literal]));
  }
  return rows;
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
      return crushed.type === 'or' ? combine('or', withoutCovered(crushed.terms, budget)) : crushed;
    }
    case 'and': {
      const crushed = expr.terms.map((term) => crush(term, budget));
      // What leaves no choice first: long lists of that take no time to speak of.
      const whole = crushed.filter((term) => term.type !== 'or').reduce(product, TRUE);
      return crushed.filter((term) => term.type === 'or').reduce((a, b) => intersect(a, b, budget), whole);
    }
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
  let lefts = alternatives(a);
  let rights = alternatives(b);
  spend(budget, lefts.length * rights.length);
  const products: Expr[] = [];
  if (budget.absorbs) {
    // A term that implies the other side covers all its products: none of them is made.
    const [left, right] = [split(lefts, rights), split(rights, lefts)];
    products.push(...left.covered, ...right.covered);
    lefts = left.rest;
    rights = right.rest;
  }
  for (const left of lefts) {
    for (const right of rights) {
      products.push(product(left, right));
    }
  }
  return crush(combineConstants('or', products), budget);
}

function alternatives(expr: Expr): readonly Expr[] {
  return expr.type === 'or' ? expr.terms : [expr];
}

/** Which of `terms` imply one of `others`, and which do not. */
function split(terms: readonly Expr[], others: readonly Expr[]): { covered: Expr[]; rest: Expr[] } {
  const covered: Expr[] = [];
  const rest: Expr[] = [];
  for (const term of terms) {
    (others.some((other) => implies(term, other)) ? covered : rest).push(term);
  }
  return { covered, rest };
}

function implies(a: Expr, b: Expr): boolean {
  if (a.type === 'comparison' && b.type === 'comparison') {
    return (a.mask & b.mask) === b.mask && (a.value & b.mask) === b.value;
  }
  return a.type === 'string' && b.type === 'string' && a.value === b.value;
}

/** `a && b` of two truth values or comparisons. */
function product(a: Expr, b: Expr): Expr {
  if (a.type === 'boolean') {
    return a.value ? b : a;
  }
  if (b.type === 'boolean') {
    return b.value ? a : b;
  }
  if (a.type === 'comparison' && b.type === 'comparison') {
    const contradictory = ((a.value ^ b.value) & a.mask & b.mask) !== 0n;
    return contradictory ? FALSE : { ...a, value: a.value | b.value, mask: a.mask | b.mask };
  }
  return a.type === 'string' && b.type === 'string' && a.value === b.value ? a : FALSE;
}

function key(term: Expr): string {
  return term.type === 'comparison' ? `${term.value}/${term.mask}` : term.type === 'string' ? term.value : term.type;
}

/** Each term once, and in later releases only those that no other covers. */
function withoutCovered(terms: readonly Expr[], budget: Budget): readonly Expr[] {
  const distinctTerms = [...new Map(terms.map((term) => [key(term), term])).values()];
  if (!budget.absorbs) {
    return distinctTerms;
  }
  const byMask = new Map<bigint, Set<bigint>>();
  for (const term of distinctTerms) {
    if (term.type === 'comparison') {
      const values = byMask.get(term.mask) ?? new Set();
      byMask.set(term.mask, values.add(term.value));
    }
  }
  spend(budget, byMask.size > 1 ? distinctTerms.length : 0);
  const masks = [...byMask];
  return distinctTerms.filter((term) => {
    if (term.type !== 'comparison') {
      return true;
    }
    const { value, mask } = term;
    return !masks.some(([wider, values]) => wider !== mask && (mask & wider) === wider && values.has(value & wider));
  });
}

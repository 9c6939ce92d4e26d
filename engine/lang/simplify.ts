/** Expressions in terms of equality alone, and without conditions about the chassis. */

import { combine, combineConstants, FALSE, TRUE } from './expr.ts';
import { bitRange } from './format.ts';
import type { Comparison, Expr } from './ir.ts';

/**
 * An expression that is true of the same packets, whose comparisons are `==` only
 * (`expr_simplify` of OVN).  `expr` is to be annotated.
 */
export function simplify(expr: Expr): Expr {
  switch (expr.type) {
    case 'comparison':
      return simplifyComparison(expr);
    case 'and':
    case 'or':
      return combineConstants(expr.type, expr.terms.map(simplify));
    default:
      return expr;
  }
}

/** At least as many comparisons as `simplify` makes of `expr`: it makes one of each bit that may differ. */
export function simplifiedSize(expr: Expr): number {
  switch (expr.type) {
    case 'comparison':
      return expr.relop === '==' ? 1 : expr.symbol.width + 1;
    case 'and':
    case 'or':
      return expr.terms.reduce((size, term) => size + simplifiedSize(term), 0);
    default:
      return 1;
  }
}

/** `expr` with each `is_chassis_resident` answered. */
export function resolveConditions(expr: Expr, isResident: (port: string) => boolean): Expr {
  switch (expr.type) {
    case 'is_chassis_resident':
      return isResident(expr.port) !== expr.negated ? TRUE : FALSE;
    case 'and':
    case 'or':
      return combineConstants(
        expr.type,
        expr.terms.map((term) => resolveConditions(term, isResident)),
      );
    default:
      return expr;
  }
}

function simplifyComparison(expr: Comparison): Expr {
  switch (expr.relop) {
    case '==':
      return expr.mask === 0n ? TRUE : expr;
    case '!=':
      return simplifyInequality(expr);
    default:
      return simplifyOrdering(expr);
  }
}

/** Some bit that is looked at differs. */
function simplifyInequality({ symbol, value, mask }: Comparison): Expr {
  const terms: Expr[] = [];
  for (let i = 0, bit = 1n; i < symbol.width; i++, bit <<= 1n) {
    if ((mask & bit) !== 0n) {
      terms.push({ type: 'comparison', symbol, relop: '==', value: ~value & bit, mask: bit });
    }
  }
  return combineConstants('or', terms);
}

/**
 * `x > 1234` is true if x is equal to 1234 down to some zero bit and has a one
 * there; `x < 1234` likewise with zeros and ones exchanged.
 */
function simplifyOrdering(expr: Comparison): Expr {
  const { symbol, relop, value, mask } = expr;
  const range = bitRange(mask);
  if (!range) {
    return FALSE;
  }
  const less = relop[0] === '<';
  const orEqual = relop === '<=' || relop === '>=';
  if (value === (less ? mask : 0n)) {
    return orEqual ? TRUE : simplifyInequality(expr);
  }
  const terms: Expr[] = orEqual ? [{ ...expr, relop: '==' }] : [];
  for (let i = range.ofs; i < range.ofs + range.n; i++) {
    const bit = 1n << BigInt(i);
    if (((value & bit) !== 0n) === less) {
      const above = mask & ~(bit - 1n);
      terms.push({ type: 'comparison', symbol, relop: '==', value: (value ^ bit) & above, mask: above });
    }
  }
  return terms.length === 0 ? FALSE : combine('or', terms);
}

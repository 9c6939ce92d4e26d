/**
 * What is left of a field's values without some of them.
 *
 * `ip4.src != {A, B, C}` multiplied out the usual way, one differing bit for each
 * of A, B and C, has 32 * 32 * 32 disjuncts; the prefixes between A, B and C are
 * some dozens.
 */
import { combineConstants, FALSE, TRUE } from '../lang/expr.ts';
import type { Comparison, Expr, LangSymbol } from '../lang/index.ts';

/** Disjuncts that are made of one field's exclusions, and no more. */
const MAX_DISJUNCTS = 100_000;

/**
 * `expr` with each `!=` of a field, or all of a field that stand in one conjunction,
 * as a disjunction of `==`.  Undefined where that would take too many.
 */
export function withoutInequalities(expr: Expr): Expr | undefined {
  switch (expr.type) {
    case 'comparison':
      return expr.relop === '!=' ? remaining(expr.symbol, [expr]) : expr;
    case 'or':
    case 'and': {
      const groups = expr.type === 'and' ? exclusionsBySymbol(expr.terms) : undefined;
      const terms: Expr[] = [];
      for (const term of expr.terms) {
        const isGathered = groups && term.type === 'comparison' && term.relop === '!=';
        const done = isGathered ? TRUE : withoutInequalities(term);
        if (!done) {
          return undefined;
        }
        terms.push(done);
      }
      for (const [symbol, exclusions] of groups ?? []) {
        const rest = remaining(symbol, exclusions);
        if (!rest) {
          return undefined;
        }
        terms.push(rest);
      }
      return combineConstants(expr.type, terms);
    }
    default:
      return expr;
  }
}

function exclusionsBySymbol(terms: readonly Expr[]): Map<LangSymbol, Comparison[]> {
  const groups = new Map<LangSymbol, Comparison[]>();
  for (const term of terms) {
    if (term.type === 'comparison' && term.relop === '!=') {
      const group = groups.get(term.symbol);
      if (group) {
        group.push(term);
      } else {
        groups.set(term.symbol, [term]);
      }
    }
  }
  return groups;
}

/** Part of a field's values: those with `value` under `mask`. */
interface Part {
  readonly value: bigint;
  readonly mask: bigint;
  /** The exclusions that may still meet it. */
  readonly exclusions: readonly Comparison[];
}

/** The symbol's values that no exclusion meets, as disjoint comparisons. */
function remaining(symbol: LangSymbol, exclusions: readonly Comparison[]): Expr | undefined {
  const terms: Expr[] = [];
  const parts: Part[] = [{ value: 0n, mask: 0n, exclusions }];
  let budget = MAX_DISJUNCTS;
  for (let part = parts.pop(); part; part = parts.pop()) {
    const { value, mask } = part;
    if (part.exclusions.length === 0) {
      if (mask === 0n) {
        return TRUE;
      }
      terms.push({ type: 'comparison', symbol, relop: '==', value, mask });
      continue;
    }
    const bit = highestBit(part.exclusions, mask);
    if (bit === 0n) {
      // Some exclusion has no bit left to differ in.
      continue;
    }
    budget -= 1;
    if (budget < 0) {
      return undefined;
    }
    for (const set of [0n, bit]) {
      const met = part.exclusions.filter((one) => (one.mask & bit) === 0n || (one.value & bit) === set);
      parts.push({ value: value | set, mask: mask | bit, exclusions: met });
    }
  }
  return terms.length === 0 ? FALSE : combineConstants('or', terms);
}

/** The highest bit that an exclusion looks at and `seen` has not; 0 if one of them looks at no more. */
function highestBit(exclusions: readonly Comparison[], seen: bigint): bigint {
  let all = 0n;
  for (const { mask } of exclusions) {
    const left = mask & ~seen;
    if (left === 0n) {
      return 0n;
    }
    all |= left;
  }
  return 1n << BigInt(all.toString(2).length - 1);
}

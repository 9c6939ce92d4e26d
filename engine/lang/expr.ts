/**
 * Building and turning around expressions.  They are immutable and may share parts.
 *
 * What holds of every `and` and `or` here, as in OVN: at least two terms, none of
 * the same type as the whole.
 */
import type { Expr, LangSymbol, Relop } from './ir.ts';

export const TRUE: Expr = { type: 'boolean', value: true };
export const FALSE: Expr = { type: 'boolean', value: false };

/** All of `terms` (at least one) or any of them, with terms of the same type dissolved into it. */
export function combine(type: 'and' | 'or', terms: readonly Expr[]): Expr {
  const [first] = terms;
  if (first && terms.length === 1) {
    return first;
  }
  const flat: Expr[] = [];
  for (const term of terms) {
    if (term.type === type) {
      for (const inner of term.terms) {
        flat.push(inner);
      }
    } else {
      flat.push(term);
    }
  }
  return { type, terms: flat };
}

/**
 * `combine`, but with true and false worked out at this level.  No terms at all are
 * true for `and`, false for `or`.
 */
export function combineConstants(type: 'and' | 'or', terms: readonly Expr[]): Expr {
  const shortCircuit = type === 'or';
  const rest: Expr[] = [];
  for (const term of terms) {
    if (term.type !== 'boolean') {
      rest.push(term);
    } else if (term.value === shortCircuit) {
      return term;
    }
  }
  return rest.length === 0 ? (shortCircuit ? FALSE : TRUE) : combine(type, rest);
}

const INVERSE: Readonly<Record<Relop, Relop>> = {
  '==': '!=',
  '!=': '==',
  '<': '>=',
  '<=': '>',
  '>': '<=',
  '>=': '<',
};

/** The opposite of `expr`. */
export function not(expr: Expr): Expr {
  switch (expr.type) {
    case 'comparison':
      return { ...expr, relop: INVERSE[expr.relop] };
    case 'string':
      return { ...expr, relop: expr.relop === '==' ? '!=' : '==' };
    case 'and':
    case 'or':
      return { type: expr.type === 'and' ? 'or' : 'and', terms: expr.terms.map(not) };
    case 'boolean':
      return expr.value ? FALSE : TRUE;
    case 'is_chassis_resident':
      return { ...expr, negated: !expr.negated };
  }
}

/** The one symbol that all comparisons in `expr` are of; undefined if there are several or none. */
export function uniqueSymbol(expr: Expr): LangSymbol | undefined {
  switch (expr.type) {
    case 'comparison':
    case 'string':
      return expr.symbol;
    case 'and':
    case 'or': {
      let common: LangSymbol | undefined;
      for (const term of expr.terms) {
        const symbol = uniqueSymbol(term);
        if (!symbol || (common && symbol !== common)) {
          return undefined;
        }
        common = symbol;
      }
      return common;
    }
    default:
      return undefined;
  }
}

/** Expressions in OVN's canonical text: `ovs-ofctl`-like fields, hexadecimal numbers, no needless parentheses. */
import { formatHex } from './constants.ts';
import type { Comparison, Expr } from './ir.ts';
import { quote } from './quoting.ts';

/** The text of `expr`; parsing it again gives an equal expression. */
export function formatMatch(expr: Expr): string {
  switch (expr.type) {
    case 'comparison':
      return formatComparison(expr);
    case 'string':
      return `${expr.symbol.name} ${expr.relop} ${quote(expr.value)}`;
    case 'and':
      return expr.terms.map(formatTerm).join(' && ');
    case 'or':
      return expr.terms.map(formatTerm).join(' || ');
    case 'boolean':
      return expr.value ? '1' : '0';
    case 'is_chassis_resident':
      return `${expr.negated ? '!' : ''}is_chassis_resident(${quote(expr.port)})`;
  }
}

function formatTerm(expr: Expr): string {
  return expr.type === 'and' || expr.type === 'or' ? `(${formatMatch(expr)})` : formatMatch(expr);
}

/** The one run of one-bits that `mask` is; undefined if it is none or several. */
export function bitRange(mask: bigint): { ofs: number; n: number } | undefined {
  if (mask === 0n) {
    return undefined;
  }
  const ofs = (mask & -mask).toString(2).length - 1;
  const rest = mask >> BigInt(ofs);
  return (rest & (rest + 1n)) === 0n ? { ofs, n: rest.toString(2).length } : undefined;
}

function formatComparison({ symbol, relop, value, mask }: Comparison): string {
  const { name, width } = symbol;
  const range = bitRange(mask);
  if (!range) {
    return `${name} ${relop} ${formatHex(value)}/${formatHex(mask)}`;
  }
  const { ofs, n } = range;
  const shifted = value >> BigInt(ofs);
  if (n === 1 && (relop === '==' || relop === '!=')) {
    const positive = (shifted === 1n) !== (relop === '!=');
    return `${positive ? '' : '!'}${name}${width > 1 ? `[${ofs}]` : ''}`;
  }
  const bits = n === width ? '' : n > 1 ? `[${ofs}..${ofs + n - 1}]` : `[${ofs}]`;
  return `${name}${bits} ${relop} ${formatHex(shifted)}`;
}

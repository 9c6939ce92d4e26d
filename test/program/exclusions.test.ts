import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  annotate,
  type Comparison,
  createMicroflow,
  type Expr,
  evaluate,
  parseMatch,
  setBits,
  wholeField,
} from '../../engine/lang/index.ts';
import { withoutInequalities } from '../../engine/program/exclusions.ts';

const never = () => false;

function relops(expr: Expr): string[] {
  if (expr.type === 'and' || expr.type === 'or') return expr.terms.flatMap(relops);
  return expr.type === 'comparison' ? [expr.relop] : [];
}

test('random exclusions leave what they leave', () => {
  const { symbol } = wholeField('tcp.dst');
  const exclusion = fc
    .tuple(
      fc.nat(0xffff),
      fc.oneof(
        fc.nat(16).map((n) => 0xffff & (0xffff << n)),
        fc.nat(0xffff),
      ),
    )
    .map(([value, mask]): Comparison => {
      const bits = BigInt(mask || 0xffff);
      return { type: 'comparison', symbol, relop: '!=', value: BigInt(value) & bits, mask: bits };
    });
  const values = fc.array(fc.nat(0xffff), { minLength: 20, maxLength: 20 });
  fc.assert(
    fc.property(fc.array(exclusion, { minLength: 2, maxLength: 6 }), values, (terms, tried) => {
      const expr: Expr = { type: 'and', terms };
      const done = withoutInequalities(expr);
      if (!done) throw new Error('six exclusions are not too many');
      expect(relops(done).filter((relop) => relop !== '==')).toEqual([]);
      for (const value of [...tried, ...terms.map((term) => Number(term.value))]) {
        const packet = createMicroflow();
        setBits(packet, wholeField('tcp.dst'), BigInt(value));
        expect(evaluate(done, packet, never)).toBe(evaluate(expr, packet, never));
      }
    }),
  );
});

test('a set of addresses leaves prefixes, few of them, and each value in one at most', () => {
  const addresses = Array.from({ length: 50 }, (_, i) => `10.0.${i}.7`);
  const done = withoutInequalities(annotate(parseMatch(`ip4.src != {${addresses.join(', ')}}`)));
  if (!done) throw new Error('fifty addresses are not too many');
  expect(relops(done).length).toBeLessThan(50 * 32);
});

test('everything excluded is false, true stays true', () => {
  const { symbol } = wholeField('reg0');
  const whole: Expr = { type: 'comparison', symbol, relop: '!=', value: 0n, mask: 0n };
  expect(withoutInequalities(whole)).toEqual({ type: 'boolean', value: false });
  expect(withoutInequalities(parseMatch('reg0[0] != 0 && reg0[0] != 1'))).toEqual({ type: 'boolean', value: false });
  expect(withoutInequalities(parseMatch('1'))).toEqual({ type: 'boolean', value: true });
});

test('masks with holes in every combination are given up, in good time', () => {
  const { symbol } = wholeField('ip6.src');
  // Each excludes a pair of bits that no other looks at.
  const terms = Array.from({ length: 64 }, (_, i): Comparison => {
    const mask = (1n << BigInt(i)) | (1n << BigInt(127 - i));
    return { type: 'comparison', symbol, relop: '!=', value: mask, mask };
  });
  expect(withoutInequalities({ type: 'and', terms })).toBeUndefined();
});

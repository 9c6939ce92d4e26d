/**
 * Matches compiled to functions of a packet's words: what `expr_evaluate` of
 * OVN says, without interpreting the expression for every packet.
 *
 * A comparison of `inport` or `outport` compares numbers (tunnel keys), so it is
 * compiled for one datapath; a name that is no port of that datapath never
 * matches, not even with `!=`, as in ovn-trace.
 */
import type { Comparison, Expr, Relop, StringComparison } from '../../engine/lang/ir.ts';
import { fields, slot } from './packet.ts';

/** A match: constant, or a function of the packet's words. */
export type Test = boolean | ((words: Uint32Array) => boolean);

/** What names in a match mean on one datapath. */
export interface MatchContext {
  /** The tunnel key of a port or multicast group; undefined if the datapath has none of that name. */
  portKey(name: string): number | undefined;
  /** Whether `is_chassis_resident` holds for the port. */
  isResident(name: string): boolean;
}

/** Compiles an annotated expression (one that compares nothing but fields). */
export function compileMatch(expr: Expr, context: MatchContext): Test {
  switch (expr.type) {
    case 'boolean':
      return expr.value;
    case 'is_chassis_resident':
      return context.isResident(expr.port) !== expr.negated;
    case 'string':
      return compileName(expr, context);
    case 'comparison':
      return compileComparison(expr);
    case 'and':
      return conjunction(expr.terms, context);
    case 'or':
      return disjunction(expr.terms, context);
  }
}

type Function_ = Exclude<Test, boolean>;

function conjunction(terms: readonly Expr[], context: MatchContext): Test {
  const tests: Function_[] = [];
  for (const term of terms) {
    const test = compileMatch(term, context);
    if (test === false) return false;
    if (test !== true) tests.push(test);
  }
  if (tests.length === 0) return true;
  return tests.reduce((a, b) => (words) => a(words) && b(words));
}

function disjunction(terms: readonly Expr[], context: MatchContext): Test {
  const tests: Function_[] = [];
  for (const term of terms) {
    const test = compileMatch(term, context);
    if (test === true) return true;
    if (test !== false) tests.push(test);
  }
  if (tests.length === 0) return false;
  // A set of addresses may have thousands of members: a loop, not a chain of calls.
  return tests.length === 1 ? (tests[0] as Function_) : (words) => tests.some((test) => test(words));
}

function compileName({ symbol, value, relop }: StringComparison, context: MatchContext): Test {
  const key = context.portKey(value);
  if (key === undefined) return false;
  const at = slot[symbol.name === 'inport' ? 'inport' : 'outport'];
  return relop === '==' ? (words) => words[at] === key : (words) => words[at] !== key;
}

/** One word of a comparison: word `at` under `mask` against `value`. */
interface WordTest {
  at: number;
  mask: number;
  value: number;
}

function compileComparison({ symbol, relop, value, mask }: Comparison): Test {
  const words = wordTests(symbol.field, symbol.ofs, value, mask);
  // The field is not part of a packet: nothing can be said of it, so nothing matches.
  if (!words) return false;
  if (relop === '==') return equal(words);
  if (relop === '!=') {
    const test = equal(words);
    return typeof test === 'boolean' ? !test : (packet) => !test(packet);
  }
  return (packet) => holds(relop, compare(packet, words));
}

function wordTests(field: string, ofs: number, value: bigint, mask: bigint): WordTest[] | undefined {
  const where = fields[field];
  if (!where) return undefined;
  const tests: WordTest[] = [];
  let v = value << BigInt(ofs + where.shift);
  let m = mask << BigInt(ofs + where.shift);
  const last = where.slot + Math.ceil((where.width + where.shift) / 32) - 1;
  for (let at = last; at >= where.slot; at--) {
    // Bitwise operators give signed numbers: constants are kept signed too.
    if (m & 0xffffffffn) tests.unshift({ at, mask: Number(m & 0xffffffffn) | 0, value: Number(v & 0xffffffffn) | 0 });
    v >>= 32n;
    m >>= 32n;
  }
  return tests;
}

function equal(words: readonly WordTest[]): Test {
  const [first, ...rest] = words;
  if (!first) return true;
  const { at, mask, value } = first;
  if (rest.length === 0) return (packet) => ((packet[at] as number) & mask) === value;
  return (packet) => words.every((word) => ((packet[word.at] as number) & word.mask) === word.value);
}

function compare(packet: Uint32Array, words: readonly WordTest[]): number {
  for (const { at, mask, value } of words) {
    const difference = (((packet[at] as number) & mask) >>> 0) - (value >>> 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function holds(relop: Relop, order: number): boolean {
  switch (relop) {
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
    case '==':
      return order === 0;
    case '!=':
      return order !== 0;
  }
}

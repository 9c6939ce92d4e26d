/** The fields of one packet, as text describes them and matches see them. */
import { annotate, predicateExpansion } from './annotate.ts';
import type { MatchEnvironment } from './environment.ts';
import { LangError } from './errors.ts';
import { formatMatch } from './format.ts';
import type { Comparison, Expr, FieldRef, LangSymbol, Relop } from './ir.ts';
import { parseMatch } from './match.ts';
import { normalize } from './normalize.ts';
import { resolveConditions, simplifiedSize, simplify } from './simplify.ts';
import { findSymbol, STRING_FIELDS, VALUE_FIELDS } from './symbols.ts';

/** A packet as logical flows see it.  Mutable; fields that a packet of its kind has not are 0. */
export interface Microflow {
  /** Numeric fields, by `LangSymbol.slot`; their names are `VALUE_FIELDS`. */
  values: bigint[];
  /** String fields, by `LangSymbol.slot`: inport and outport; '' for none. */
  strings: string[];
}

/** A packet with nothing in it. */
export function createMicroflow(): Microflow {
  return { values: new Array<bigint>(VALUE_FIELDS.length).fill(0n), strings: STRING_FIELDS.map(() => '') };
}

export function cloneMicroflow({ values, strings }: Microflow): Microflow {
  return { values: values.slice(), strings: strings.slice() };
}

/** The bits that `ref` refers to, right-aligned. */
export function getBits(flow: Microflow, { symbol, ofs, n }: FieldRef): bigint {
  const stored = flow.values[symbol.slot] ?? 0n;
  return BigInt.asUintN(n, stored >> BigInt(symbol.ofs + ofs));
}

/** Sets the bits that `ref` refers to, of them only those in `mask`, if one is given; both right-aligned. */
export function setBits(flow: Microflow, { symbol, ofs, n }: FieldRef, value: bigint, mask?: bigint): void {
  const shift = BigInt(symbol.ofs + ofs);
  const bits = BigInt.asUintN(n, mask ?? -1n) << shift;
  const stored = flow.values[symbol.slot] ?? 0n;
  flow.values[symbol.slot] = (stored & ~bits) | ((value << shift) & bits);
}

/** The port name in a string field. */
export function getString(flow: Microflow, { symbol }: FieldRef): string {
  return flow.strings[symbol.slot] ?? '';
}

export function setString(flow: Microflow, { symbol }: FieldRef, value: string): void {
  flow.strings[symbol.slot] = value;
}

/** The whole of a symbol by name, e.g. `wholeField('ip4.src')`, for code that reads packets. */
export function wholeField(name: string): FieldRef {
  const symbol = findSymbol(name);
  if (!symbol) {
    throw new Error(`no symbol is called ${name}`);
  }
  return { symbol, ofs: 0, n: symbol.width };
}

/** A microflow that amounts to more comparisons than this says too little about too much. */
const MAX_TERMS = 1_000_000;

/**
 * Fields of which OVN does not keep all that a microflow's text says: the first two
 * it leaves 0, for they are less than a byte and not maskable; of ct_state it has
 * room for 8 bits.
 */
const KEPT_BITS: Readonly<Record<string, bigint>> = { 'ip.dscp': 0n, 'ip.ecn': 0n, ct_state: 0xffn };

/**
 * The packet that a match describes, as ovn-trace takes it: prerequisites are
 * implied, fields that are not mentioned are 0, `is_chassis_resident` is true.
 *
 * Throws `LangError` for a mistake of syntax, for constraints that no packet meets,
 * and for those that leave a choice, e.g. `tcp.src == 80` (IPv4 or IPv6?).
 */
export function parseMicroflow(text: string, env?: MatchEnvironment): Microflow {
  const annotated = annotate(parseMatch(text, env));
  const expr =
    simplifiedSize(annotated) > MAX_TERMS
      ? undefined
      : normalize(
          resolveConditions(simplify(annotated), () => true),
          env?.release,
        );
  const flow = createMicroflow();
  for (const term of expr?.type === 'and' ? expr.terms : [expr]) {
    if (term?.type === 'comparison') {
      const { symbol, value, mask } = term;
      setBits(flow, { symbol, ofs: 0, n: symbol.width }, value, mask & (KEPT_BITS[symbol.name] ?? mask));
    } else if (term?.type === 'string') {
      flow.strings[term.symbol.slot] = term.value;
    } else if (term?.type !== 'boolean') {
      throw new LangError(`Constraints are ambiguous: ${formatMatch(annotated)}.`, text, 0);
    } else if (!term.value) {
      throw new LangError('Constraints are contradictory.', text, 0);
    }
  }
  return flow;
}

/**
 * Whether the packet matches.  `expr` is to be annotated: of one that is not, the
 * prerequisites are not looked at.  `isResident` answers `is_chassis_resident`.
 */
export function evaluate(expr: Expr, packet: Microflow, isResident: (port: string) => boolean): boolean {
  switch (expr.type) {
    case 'comparison':
      return expr.symbol.slot < 0
        ? evaluatePredicate(expr.symbol, expr, packet, isResident)
        : evaluateComparison(expr, packet);
    case 'string':
      return (packet.strings[expr.symbol.slot] === expr.value) === (expr.relop === '==');
    case 'and':
      for (const term of expr.terms) {
        if (!evaluate(term, packet, isResident)) {
          return false;
        }
      }
      return true;
    case 'or':
      for (const term of expr.terms) {
        if (evaluate(term, packet, isResident)) {
          return true;
        }
      }
      return false;
    case 'boolean':
      return expr.value;
    case 'is_chassis_resident':
      return isResident(expr.port) !== expr.negated;
  }
}

function evaluatePredicate(
  symbol: LangSymbol,
  { value, relop }: Comparison,
  packet: Microflow,
  isResident: (port: string) => boolean,
): boolean {
  const expansion = predicateExpansion(symbol);
  const holds = expansion !== undefined && evaluate(expansion, packet, isResident);
  return holds === (((value & 1n) === 1n) !== (relop === '!='));
}

function evaluateComparison({ symbol, relop, value, mask }: Comparison, packet: Microflow): boolean {
  const stored = packet.values[symbol.slot] ?? 0n;
  return holds(relop, (symbol.ofs === 0 ? stored : stored >> BigInt(symbol.ofs)) & mask, value);
}

function holds(relop: Relop, a: bigint, b: bigint): boolean {
  switch (relop) {
    case '==':
      return a === b;
    case '!=':
      return a !== b;
    case '<':
      return a < b;
    case '<=':
      return a <= b;
    case '>':
      return a > b;
    case '>=':
      return a >= b;
  }
}

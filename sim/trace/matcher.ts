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

/** Lists of words; a packet has all of one list. */
export type Alternatives = readonly (readonly WordTest[])[];

/**
 * A match in two parts: what every packet that matches has in some of its words,
 * by which flows are indexed, and what else the match asks for.
 */
export interface Condition {
  readonly required: readonly WordTest[];
  readonly rest: Test;
  /** Of `rest`, what is said by words, and what remains. */
  readonly choices: readonly Alternatives[];
  readonly remainder: Test;
}

/** Compiles an annotated expression into its parts. */
export function conditionOf(expr: Expr, context: MatchContext): Condition {
  const required: WordTest[] = [];
  const tests: Part[] = [];
  for (const term of flattened([expr])) {
    const words = equalWords(term, context);
    if (words) {
      for (const word of words) addWord(required, word);
      continue;
    }
    const test = compileMatch(term, context);
    if (test === false) return { required, rest: false, choices: [], remainder: false };
    if (test === true) continue;
    const alternatives = disjunctsOf(term, context) ?? [];
    const shared = sharedWords(alternatives);
    for (const word of shared) addWord(required, word);
    const open = alternatives.map((words) => words.filter((word) => !shared.some((other) => sameWord(word, other))));
    const isDecided = open.some(({ length }) => length === 0);
    if (!isDecided) tests.push({ test, alternatives: open });
  }
  return conditionFrom(required, tests);
}

/** One thing that a match asks for: as a function and, if it is a choice that words tell, as its alternatives. */
export interface Part {
  test: Decision;
  alternatives: Alternatives;
}

/** More words than this are not tried one by one: a function may look them up. */
const maxWordsOfChoice = 24;

/** A condition of what is required and of what else is asked. */
export function conditionFrom(required: readonly WordTest[], parts: readonly Part[]): Condition {
  const isChoice = ({ alternatives }: Part) => {
    const words = alternatives.reduce((sum, { length }) => sum + length, 0);
    return words > 0 && words <= maxWordsOfChoice;
  };
  return {
    required,
    rest: allOf(parts.map(({ test }) => test)),
    choices: parts.filter(isChoice).map(({ alternatives }) => alternatives),
    remainder: allOf(parts.filter((part) => !isChoice(part)).map(({ test }) => test)),
  };
}

/** A match is written as a choice of at most so many lists of words. */
const maxAlternatives = 32;

/** Lists of words, of which a packet that matches has all of one; undefined if they are many, or words cannot tell. */
function disjunctsOf(expr: Expr, context: MatchContext): Alternatives | undefined {
  if (expr.type === 'or') {
    const all: (readonly WordTest[])[] = [];
    for (const term of expr.terms) {
      const more = disjunctsOf(term, context);
      if (!more || all.length + more.length > maxAlternatives) return undefined;
      all.push(...more);
    }
    return all;
  }
  if (expr.type !== 'and') {
    const words = equalWords(expr, context);
    return words && [words];
  }
  let all: (readonly WordTest[])[] = [[]];
  for (const term of expr.terms) {
    const more = disjunctsOf(term, context);
    if (!more || all.length * more.length > maxAlternatives) return undefined;
    all = all.flatMap((words) => more.map((others) => [...words, ...others]));
    if ((all[0]?.length ?? 0) > searchedWords) return undefined;
  }
  return all;
}

/** What all of the alternatives ask for. */
function sharedWords([first = [], ...others]: Alternatives): WordTest[] {
  return first.filter((word) => others.every((words) => words.some((other) => sameWord(word, other))));
}

function sameWord(a: WordTest, b: WordTest): boolean {
  return a.at === b.at && a.mask === b.mask && a.value === b.value;
}

/** Whether a packet's words meet a condition. */
export function meets({ required, rest }: Pick<Condition, 'required' | 'rest'>, words: Uint32Array): boolean {
  for (let i = 0; i < required.length; i++) {
    const { at, mask, value } = required[i] as WordTest;
    if (((words[at] as number) & mask) !== value) return false;
  }
  return typeof rest === 'boolean' ? rest : rest(words);
}

/** Of longer lists only the beginning is searched for what is added: texts of any length are read in time. */
const searchedWords = 64;

/** Adds what a match asks of a word, mostly once. */
export function addWord(required: WordTest[], { at, mask, value }: WordTest): void {
  for (let i = 0; i < required.length && i < searchedWords; i++) {
    const known = required[i] as WordTest;
    if (known.at === at && known.mask === mask && known.value === value) return;
  }
  required.push({ at, mask, value });
}

/** A test that depends on the packet. */
export type Decision = Exclude<Test, boolean>;

/** True where all of them are. */
export function allOf(tests: readonly Decision[]): Test {
  const [first, second] = tests;
  if (!first) return true;
  if (!second) return first;
  if (tests.length === 2) return (packet) => first(packet) && second(packet);
  return (packet) => tests.every((test) => test(packet));
}

/** Equalities become one loop over words; they are most of what flows match on. */
function conjunction(terms: readonly Expr[], context: MatchContext): Test {
  const { required, rest } = conditionOf({ type: 'and', terms }, context);
  if (rest === false) return false;
  const words = equal(required);
  return words === true ? rest : rest === true ? words : allOf([words, rest]);
}

function flattened(terms: readonly Expr[]): Expr[] {
  return terms.flatMap((term) => (term.type === 'and' ? flattened(term.terms) : [term]));
}

/** The words that a term demands to be equal, if that is all it does. */
function equalWords(term: Expr, context: MatchContext): WordTest[] | undefined {
  if (term.type === 'comparison' && term.relop === '==') {
    return wordTests(term.symbol.field, term.symbol.ofs, term.value, term.mask);
  }
  if (term.type === 'comparison' && term.relop === '!=') {
    const [word, ...more] = wordTests(term.symbol.field, term.symbol.ofs, term.value, term.mask) ?? [];
    const isBit = word !== undefined && more.length === 0 && (word.mask & (word.mask - 1)) === 0;
    return isBit ? [{ ...word, value: word.value ^ word.mask }] : undefined;
  }
  if (term.type !== 'string' || term.relop !== '==') return undefined;
  const key = context.portKey(term.value);
  return key === undefined ? undefined : [{ at: slotOf(term), mask: -1, value: key }];
}

function disjunction(terms: readonly Expr[], context: MatchContext): Test {
  const words: WordTest[] = [];
  const tests: Decision[] = [];
  for (const term of terms) {
    const [word, ...more] = equalWords(term, context) ?? [];
    if (word && more.length === 0) {
      words.push(word);
      continue;
    }
    const test = compileMatch(term, context);
    if (test === true) return true;
    if (test !== false) tests.push(test);
  }
  if (words.length > 0) tests.unshift(anyWord(words));
  if (tests.length === 0) return false;
  // A set of addresses may have thousands of members: a loop, not a chain of calls.
  return tests.length === 1 ? (tests[0] as Decision) : (packet) => tests.some((test) => test(packet));
}

/** True where all words of one of several lists are as asked; no list is empty. */
export function anyOf(alternatives: readonly (readonly WordTest[])[]): Decision {
  if (alternatives.every(({ length }) => length === 1)) return anyWord(alternatives.flat());
  const tests = alternatives.flatMap((words) => {
    const test = equal(words);
    return test === true ? [] : [test];
  });
  return (packet) => tests.some((test) => test(packet));
}

/** More values than this are looked up instead of tried. */
const fewValues = 8;

/** True where one of the words is as asked. */
function anyWord(words: readonly WordTest[]): Decision {
  const { at, mask } = words[0] as WordTest;
  if (words.length > fewValues && words.every((word) => word.at === at && word.mask === mask)) {
    const values = new Set(words.map(({ value }) => value));
    return (packet) => values.has((packet[at] as number) & mask);
  }
  const flat = flatWords(words);
  return (packet) => {
    for (let i = 0; i < flat.length; i += 3) {
      if (((packet[flat[i] as number] as number) & (flat[i + 1] as number)) === flat[i + 2]) return true;
    }
    return false;
  };
}

function flatWords(words: readonly WordTest[]): Int32Array {
  return Int32Array.from(words.flatMap((word) => [word.at, word.mask, word.value]));
}

function compileName(expr: StringComparison, context: MatchContext): Test {
  const { relop } = expr;
  const key = context.portKey(expr.value);
  if (key === undefined) return false;
  const at = slotOf(expr);
  return relop === '==' ? (words) => words[at] === key : (words) => words[at] !== key;
}

function slotOf({ symbol }: StringComparison): number {
  return slot[symbol.name === 'inport' ? 'inport' : 'outport'];
}

/** One word of a comparison: word `at` under `mask` against `value`. */
export interface WordTest {
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

/** What a comparison of a field's bits says of its words; undefined for a field that packets do not have. */
export function wordTests(field: string, ofs: number, value: bigint, mask: bigint): WordTest[] | undefined {
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

function equal(words: readonly WordTest[]): Decision | true {
  const [first, second] = words;
  if (!first) return true;
  const { at, mask, value } = first;
  if (!second) return (packet) => ((packet[at] as number) & mask) === value;
  const flat = flatWords(words);
  return (packet) => {
    for (let i = 0; i < flat.length; i += 3) {
      if (((packet[flat[i] as number] as number) & (flat[i + 1] as number)) !== flat[i + 2]) return false;
    }
    return true;
  };
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

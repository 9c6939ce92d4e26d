/**
 * Matches as the classifier takes them: disjuncts, each a value under a mask
 * (`Row`), and products of large sets left as they are.
 *
 * A match is compiled once for all datapaths, and for all matches that differ in
 * nothing but names of ports: those are a list beside it.
 */
import { combine } from '../lang/expr.ts';
import {
  annotate,
  type Comparison,
  type Expr,
  LangError,
  type MatchEnvironment,
  normalize,
  parseMatch,
  resolveConditions,
  type StringComparison,
  simplifiedSize,
  simplify,
} from '../lang/index.ts';
import { withoutInequalities } from './exclusions.ts';
import { comparedBits } from './fields.ts';
import { patternOf, Template } from './patterns.ts';
import { type Demands, type Row, ShapeTable } from './shapes.ts';

/** A match that holds where one row of each dimension does. */
export interface Product {
  /** 2 to `MAX_DIMENSIONS`. */
  readonly dimensions: readonly (readonly Row[])[];
}

/** A match: any of its rows, or any of its products.  Neither: it never matches. */
export interface CompiledMatch {
  /** Unlike that of any other match. */
  readonly id: number;
  readonly rows: readonly Row[];
  readonly products: readonly Product[];
}

/** A match with the names that its rows mean by index. */
export interface NamedMatch {
  readonly match: CompiledMatch;
  readonly names: readonly string[];
}

/** What a match is compiled with. */
export interface MatchContext extends MatchEnvironment {
  isResident(port: string): boolean;
  /** Told that a match depends on names of address sets and the like, or on what cannot be remembered. */
  noteDependence?(on: 'names' | 'all'): void;
}

/** A conjunction whose disjuncts are no more than this is multiplied out in any case. */
const SMALL_PRODUCT = 16;
/** ... and one that has no more than this times the entries that it would have as a product. */
const GROWTH = 2;
/** As many dimensions as an entry of the classifier can tell apart. */
const MAX_DIMENSIONS = 32;
/** A match that amounts to more disjuncts than this is left out. */
const MAX_ROWS = 1_000_000;

/** Thrown inside this file only. */
class Untranslatable extends Error {}

/** What depends on more than the text itself, or may. */
const DEPENDENT = /[$@^]|is_chassis_resident/;
const RESIDENT = /is_chassis_resident\s*\(\s*"([^"]*)"\s*\)/g;
const NAME = /"[^"]*"/g;

/**
 * A text with the names in it numbered and its conditions answered, which is equal
 * for matches that are compiled alike; undefined if more than this text matters.
 */
function numbered(text: string, nameIndex: (name: string) => number, context: MatchContext): string | undefined {
  if (text.includes('\\')) {
    // A name may be written with escapes.
    return undefined;
  }
  const answered = text.includes('is_chassis_resident')
    ? text.replace(RESIDENT, (_, port: string) => (context.isResident(port) ? '(resident)' : '(not resident)'))
    : text;
  const key = answered.includes('"') ? answered.replace(NAME, (name) => `"${nameIndex(name.slice(1, -1))}"`) : answered;
  return DEPENDENT.test(key) ? undefined : key;
}

/** Compiles matches and remembers them. */
export class MatchCompiler {
  private readonly shapes = new ShapeTable();
  private names: object | undefined;
  /** Matches without names by their prerequisites' key and their text. */
  private readonly plain = new Map<string, Map<string, NamedMatch | string>>();
  /** By text with names numbered. */
  private readonly known = new Map<string, CompiledMatch | string>();
  /** By text as it is. */
  private readonly dependent = new Map<string, NamedMatch | string>();
  /** Those that depend on where ports are, in this generation. */
  private readonly passing = new Map<string, NamedMatch | string>();
  /** Of patterns that were met: what their first match came to; null if it was found not to hold for another one. */
  private readonly templates = new Map<string, { template: Template; isSure: boolean } | null>();
  private nextId = 0;

  /** Begins a generation. `names` stands for the address sets, port groups and templates: another object means others. */
  begin(names: object): void {
    if (names !== this.names) {
      this.names = names;
      this.dependent.clear();
    }
    this.passing.clear();
  }

  /** Forgets all if it is more than that. */
  forget(enough: number): void {
    if (this.known.size <= enough && this.dependent.size <= enough) return;
    for (const map of [this.plain, this.known, this.dependent, this.templates]) map.clear();
  }

  /**
   * The match that `text` and `prereqs` together are, or why there is none.
   * `prereqsKey` is a text that stands for `prereqs`.  All contexts of a generation
   * are to agree in all but `datapathKey`.
   */
  compile(text: string, prereqs: Expr, prereqsKey: string, context: MatchContext): NamedMatch | string {
    const plain = this.plain.get(prereqsKey)?.get(text);
    if (plain !== undefined) return plain;
    const whole = prereqsKey === '' ? text : `${text}\n${prereqsKey}`;
    const names: string[] = [];
    const nameIndex = (name: string) => indexOf(names, name);
    const key = numbered(whole, nameIndex, context);
    if (key === undefined) return this.compileDependent(text, whole, prereqs, context);
    let match = this.known.get(key);
    if (match === undefined) {
      match = this.byPattern(key, () => this.make(text, prereqs, context, nameIndex));
      this.known.set(key, match);
    }
    const named = typeof match === 'string' ? match : { match, names };
    if (key === whole) {
      const texts = this.plain.get(prereqsKey);
      if (texts) texts.set(text, named);
      else this.plain.set(prereqsKey, new Map([[text, named]]));
    }
    return named;
  }

  private compileDependent(text: string, whole: string, prereqs: Expr, context: MatchContext): NamedMatch | string {
    const passes = whole.includes('is_chassis_resident');
    context.noteDependence?.(passes ? 'all' : 'names');
    const memory = passes ? this.passing : this.dependent;
    const key = whole.includes('@') ? `${context.datapathKey} ${whole}` : whole;
    let match = memory.get(key);
    if (match === undefined) {
      const names: string[] = [];
      const made = this.make(text, prereqs, context, (name) => indexOf(names, name));
      match = typeof made === 'string' ? made : { match: made, names };
      memory.set(key, match);
    }
    return match;
  }

  /**
   * The match that `make` gives, without making it where one with other addresses is known.  The second one
   * of a pattern is made as well, to see that both ways come to the same.
   */
  private byPattern(text: string, make: () => CompiledMatch | string): CompiledMatch | string {
    const pattern = patternOf(text);
    const known = pattern && this.templates.get(pattern.key);
    if (!pattern || known === null) return make();
    if (known?.isSure) return { id: this.nextId++, rows: known.template.fill(pattern), products: NO_PRODUCTS };
    const made = make();
    if (typeof made === 'string') return made;
    if (known) {
      const holds = sameRows(known.template.fill(pattern), made);
      this.templates.set(pattern.key, holds ? { template: known.template, isSure: true } : null);
    } else {
      const template = Template.of(made, pattern);
      this.templates.set(pattern.key, template ? { template, isSure: false } : null);
    }
    return made;
  }

  private make(
    text: string,
    prereqs: Expr,
    context: MatchContext,
    nameIndex: (name: string) => number,
  ): CompiledMatch | string {
    try {
      return this.translate(normalForm(text, prereqs, context), nameIndex);
    } catch (error) {
      if (error instanceof LangError || error instanceof Untranslatable) {
        return error.message;
      }
      throw error;
    }
  }

  private translate(normal: Expr, nameIndex: (name: string) => number): CompiledMatch {
    const rows: Row[] = [];
    const products: Product[] = [];
    let left = MAX_ROWS;
    for (const conjunction of alternativesOf(normal)) {
      const clauses = clausesOf(conjunction, nameIndex);
      const choices = clauses.filter(({ length }) => length !== 1);
      const size = choices.reduce((product, { length }) => product * length, 1);
      const sum = choices.reduce((total, { length }) => total + length, 0);
      const small = size <= SMALL_PRODUCT || size <= GROWTH * sum;
      const multiplied = small || choices.length > MAX_DIMENSIONS;
      left -= multiplied ? size : sum;
      if (left < 0) {
        throw new Untranslatable(`It amounts to more than ${MAX_ROWS} disjuncts.`);
      }
      if (multiplied) {
        this.addRows(rows, clauses);
      } else {
        const fixed = clauses.filter(({ length }) => length === 1);
        const dimensions = choices.map((choice) => {
          const ofDimension: Row[] = [];
          this.addRows(ofDimension, [...fixed, choice]);
          return ofDimension;
        });
        products.push({ dimensions });
      }
    }
    return { id: this.nextId++, rows, products };
  }

  /** Appends what the clauses multiply out to. */
  private addRows(rows: Row[], clauses: readonly (readonly Demands[])[]): void {
    let combined: Demands[] = [{ bits: [], inport: -1, outport: -1 }];
    for (const clause of clauses) {
      combined = combined.flatMap((one) => clause.flatMap((other) => together(one, other) ?? []));
    }
    for (const demands of combined) {
      const row = this.shapes.row(demands);
      if (row) {
        rows.push(row);
      }
    }
  }
}

const NO_PRODUCTS: readonly Product[] = [];

/** Whether a match has these rows and no others, in whatever order. */
function sameRows(rows: readonly Row[], { rows: others, products }: CompiledMatch): boolean {
  const texts = (some: readonly Row[]): string =>
    some
      .map(({ shape, values, inport, outport }) => [shape.id, inport, outport, ...values].join())
      .sort()
      .join(';');
  return products.length === 0 && texts(rows) === texts(others);
}

function indexOf(names: string[], name: string): number {
  const index = names.indexOf(name);
  return index < 0 ? names.push(name) - 1 : index;
}

function normalForm(text: string, prereqs: Expr, context: MatchContext): Expr {
  const expr = annotate(combine('and', [parseMatch(text, context), prereqs]));
  const resolved = resolveConditions(expr, context.isResident);
  const equalities = withoutInequalities(resolved);
  const fits = equalities !== undefined && simplifiedSize(equalities) <= MAX_ROWS;
  const normal = fits ? normalize(simplify(equalities), context.release) : undefined;
  if (!normal) {
    throw new Untranslatable('It has too many disjuncts.');
  }
  return normal;
}

function alternativesOf(normal: Expr): readonly Expr[] {
  if (normal.type === 'boolean') {
    return normal.value ? [{ type: 'and', terms: [] }] : [];
  }
  return normal.type === 'or' && normal.terms.some(({ type }) => type === 'and') ? normal.terms : [normal];
}

/** The clauses of a conjunction, each the alternatives that it leaves. */
function clausesOf(conjunction: Expr, nameIndex: (name: string) => number): Demands[][] {
  return (conjunction.type === 'and' ? conjunction.terms : [conjunction]).map((clause) =>
    (clause.type === 'or' ? clause.terms : [clause]).flatMap((literal) => demandsOf(literal, nameIndex) ?? []),
  );
}

/** What a literal demands; undefined if no packet can meet it. */
function demandsOf(literal: Expr, nameIndex: (name: string) => number): Demands | undefined {
  switch (literal.type) {
    case 'comparison':
      return bitsOf(literal);
    case 'string':
      return nameOf(literal, nameIndex);
    default:
      throw new Untranslatable('It cannot be brought into disjunctive normal form.');
  }
}

function bitsOf({ symbol, relop, value, mask }: Comparison): Demands | undefined {
  if (relop !== '==') {
    throw new Untranslatable('It cannot be brought into disjunctive normal form.');
  }
  const bits = comparedBits(symbol, value, mask);
  return bits && { bits, inport: -1, outport: -1 };
}

function nameOf({ symbol, relop, value }: StringComparison, nameIndex: (name: string) => number): Demands {
  if (relop !== '==') {
    throw new Untranslatable(`${symbol.name} may only be tested for equality.`);
  }
  const index = nameIndex(value);
  const isInport = symbol.name === 'inport';
  return { bits: [], inport: isInport ? index : -1, outport: isInport ? -1 : index };
}

function together(a: Demands, b: Demands): Demands | undefined {
  if (
    (a.inport >= 0 && b.inport >= 0 && a.inport !== b.inport) ||
    (a.outport >= 0 && b.outport >= 0 && a.outport !== b.outport)
  ) {
    return undefined;
  }
  return {
    bits: a.bits.length === 0 ? b.bits : [...a.bits, ...b.bits],
    inport: Math.max(a.inport, b.inport),
    outport: Math.max(a.outport, b.outport),
  };
}

/**
 * Matches as the classifier takes them: disjuncts, each a value under a mask
 * (`Row`), and products of large sets left as they are.
 *
 * A match is compiled once for all datapaths; ports stay names in it.
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
import { comparedBits, type WordBits } from './fields.ts';
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
  /** How many rows have a port's name in them. */
  readonly named: number;
}

/** What a match is compiled with. */
export interface MatchContext extends MatchEnvironment {
  isResident(port: string): boolean;
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

/** What depends on more than the text itself. */
const DEPENDENT = /[$@^]|is_chassis_resident/;

/** Compiles matches and remembers those of this generation and of the one before. */
export class MatchCompiler {
  private readonly shapes = new ShapeTable();
  private context: object | undefined;
  private known = new Map<string, CompiledMatch | string>();
  private before = new Map<string, CompiledMatch | string>();
  private dependent = new Map<string, CompiledMatch | string>();
  private nextId = 0;

  /** Begins a generation.  What depended on another context is forgotten. */
  begin(context: object): void {
    if (context !== this.context) {
      this.context = context;
      this.dependent = new Map();
    }
    this.before = this.known;
    this.known = new Map();
  }

  /**
   * The match that `text` and `prereqs` together are, or why there is none.
   * `prereqsKey` is a text that stands for `prereqs`.  All contexts of a generation
   * are to agree in all but `datapathKey`.
   */
  compile(text: string, prereqs: Expr, prereqsKey: string, context: MatchContext): CompiledMatch | string {
    const key = prereqsKey === '' ? text : `${text}\n${prereqsKey}`;
    if (DEPENDENT.test(text)) {
      const keyThere = text.includes('@') ? `${context.datapathKey} ${key}` : key;
      return this.cached(this.dependent, keyThere, undefined, () => this.make(text, prereqs, context));
    }
    return this.cached(this.known, key, this.before, () => this.make(text, prereqs, context));
  }

  private cached(
    map: Map<string, CompiledMatch | string>,
    key: string,
    older: ReadonlyMap<string, CompiledMatch | string> | undefined,
    make: () => CompiledMatch | string,
  ): CompiledMatch | string {
    let match = map.get(key);
    if (match === undefined) {
      match = older?.get(key) ?? make();
      map.set(key, match);
    }
    return match;
  }

  private make(text: string, prereqs: Expr, context: MatchContext): CompiledMatch | string {
    try {
      return this.translate(normalForm(text, prereqs, context));
    } catch (error) {
      if (error instanceof LangError || error instanceof Untranslatable) {
        return error.message;
      }
      throw error;
    }
  }

  private translate(normal: Expr): CompiledMatch {
    const rows: Row[] = [];
    const products: Product[] = [];
    let left = MAX_ROWS;
    for (const conjunction of alternativesOf(normal)) {
      const clauses = clausesOf(conjunction);
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
    const all = [rows, ...products.flatMap(({ dimensions }) => dimensions)];
    const named = all.reduce((count, some) => count + some.filter(isNamed).length, 0);
    return { id: this.nextId++, rows, products, named };
  }

  /** Appends what the clauses multiply out to. */
  private addRows(rows: Row[], clauses: readonly (readonly Demands[])[]): void {
    let combined: Demands[] = [{ bits: [] }];
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

function isNamed({ inport, outport }: Row): boolean {
  return inport !== undefined || outport !== undefined;
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
function clausesOf(conjunction: Expr): Demands[][] {
  return (conjunction.type === 'and' ? conjunction.terms : [conjunction]).map((clause) =>
    (clause.type === 'or' ? clause.terms : [clause]).flatMap((literal) => demandsOf(literal) ?? []),
  );
}

/** What a literal demands; undefined if no packet can meet it. */
function demandsOf(literal: Expr): Demands | undefined {
  switch (literal.type) {
    case 'comparison':
      return bitsOf(literal);
    case 'string':
      return nameOf(literal);
    default:
      throw new Untranslatable('It cannot be brought into disjunctive normal form.');
  }
}

function bitsOf({ symbol, relop, value, mask }: Comparison): Demands | undefined {
  const bits: WordBits[] | undefined = relop === '==' ? comparedBits(symbol, value, mask) : undefined;
  return bits && { bits };
}

function nameOf({ symbol, relop, value }: StringComparison): Demands {
  if (relop !== '==') {
    throw new Untranslatable(`${symbol.name} may only be tested for equality.`);
  }
  return symbol.name === 'inport' ? { bits: [], inport: value } : { bits: [], outport: value };
}

function together(a: Demands, b: Demands): Demands | undefined {
  const inport = a.inport ?? b.inport;
  const outport = a.outport ?? b.outport;
  if ((b.inport !== undefined && b.inport !== inport) || (b.outport !== undefined && b.outport !== outport)) {
    return undefined;
  }
  return {
    bits: [...a.bits, ...b.bits],
    ...(inport !== undefined && { inport }),
    ...(outport !== undefined && { outport }),
  };
}

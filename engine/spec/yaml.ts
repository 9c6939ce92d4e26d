/**
 * YAML (and so JSON) as plain data that remembers its places, for text of any
 * origin: bounded in time, memory and nesting, and never throwing.
 *
 * The values are those that kubectl would read: YAML 1.2's, and 1.1's words for
 * booleans, octal numbers and merge keys (`<<`).
 */
import { Composer, isAlias, isMap, isScalar, isSeq, Lexer, LineCounter, Parser, type Scalar, visit } from 'yaml';
import {
  maxAliasValues,
  maxDepth,
  maxDocuments,
  maxLexemes,
  maxMarks,
  maxSyntaxErrors,
  maxTextLength,
} from './limits.ts';
import { formatPath, type Segment } from './paths.ts';

/** Where a field of a mapping, or an item of a list, is written: offsets into the text. */
export interface Place {
  key: number;
  value: number;
}

/** The places of all fields and items, by the object or array that has them. */
export type Places = ReadonlyMap<object, ReadonlyMap<Segment, Place>>;

export interface YamlDocument {
  value: unknown;
  /** Offset of its first value. */
  start: number;
  places: Places;
}

export interface Complaint {
  id: string;
  offset: number;
  path: string;
  message: string;
  hint?: string;
}

/** How much a text holds, as far as it was read. */
export interface YamlCounts {
  lexemes: number;
  /** Anchors, aliases, tags and directives. */
  marks: number;
  documents: number;
  /** Lines that begin with a tab. */
  tabs: number;
}

export interface YamlText {
  /** Those that are free of mistakes; empty ones are left out. */
  documents: YamlDocument[];
  complaints: Complaint[];
  counts: YamlCounts;
  /** Line and column of an offset, from 1. */
  position(offset: number): { line: number; column: number };
}

/** Reads all documents of a text. */
export function readYaml(text: string): YamlText {
  const lines = new LineCounter();
  lines.addNewLine(0);
  const documents: YamlDocument[] = [];
  const complaints: Complaint[] = [];
  const counts: YamlCounts = { lexemes: 0, marks: 0, documents: 0, tabs: 0 };
  const position = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const refusal = refuse(text);
  if (refusal) return { documents, complaints: [refusal], counts, position };
  try {
    const hasAliases = text.includes('*');
    for (const parsed of parse(text, lines, counts, (complaint) => complaints.push(complaint))) {
      const mistakes = [...parsed.errors, ...parsed.warnings];
      if (mistakes.length > 0) complaints.push(...mistakes.slice(0, maxSyntaxErrors + 1).map(syntaxComplaint));
      else addDocument(parsed, hasAliases ? aliasTargets(parsed) : new Map(), documents, complaints);
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    complaints.push(tooDeep(0));
  }
  return { documents, complaints: capSyntax(complaints), counts, position };
}

/** Control characters other than tab, line feed, carriage return and those of Latin-1. */
const binary = /[^\P{Cc}\t\n\r\u007f-\u009f]/u;

function refuse(text: string): Complaint | undefined {
  if (text.length > maxTextLength) {
    const megabytes = (length: number) => `${(length / 1024 / 1024).toFixed(length < maxTextLength * 2 ? 1 : 0)} MB`;
    return {
      id: 'file-too-large',
      offset: 0,
      path: '',
      message: `the file is too large: ${megabytes(text.length)}`,
      hint: `at most ${megabytes(maxTextLength)} are read; split it into several files`,
    };
  }
  const found = binary.exec(text);
  if (!found) return undefined;
  const code = text.charCodeAt(found.index).toString(16).padStart(2, '0');
  return {
    id: 'not-text',
    offset: 0,
    path: '',
    message: `the file is not text: it holds a control character (0x${code})`,
    hint: 'give manifests as YAML or JSON in UTF-8',
  };
}

type Parsed = ReturnType<Composer['compose']> extends Generator<infer D> ? D : never;

/**
 * The documents of a text.  Gives up, with a complaint, at the first sign of a
 * text that would take too long.
 */
function* parse(
  text: string,
  lines: LineCounter,
  counts: YamlCounts,
  complain: (complaint: Complaint) => void,
): Generator<Parsed, void> {
  const parser = new Parser(lines.addNewLine);
  const composer = new Composer({ uniqueKeys: false, prettyErrors: false, stringKeys: true });
  let errors = 0;
  let isLineStart = true;
  for (const lexeme of new Lexer().lex(text)) {
    if (isLineStart && lexeme.includes('\t') && lexeme.trim() === '') counts.tabs++;
    isLineStart = lexeme.endsWith('\n') || (isLineStart && lexeme.trim() === '');
    if ('&*!%'.includes(lexeme[0] ?? ' ')) counts.marks++;
    counts.lexemes++;
    for (const token of parser.next(lexeme)) {
      if (token.type === 'error') errors++;
      if (token.type === 'document') counts.documents++;
      yield* composer.next(token);
    }
    const reason = excess(counts, parser.stack.length, parser.offset);
    if (reason) {
      complain(reason);
      return;
    }
    if (errors > maxSyntaxErrors) break;
  }
  for (const token of parser.end()) yield* composer.next(token);
  yield* composer.end();
}

function excess(counts: YamlCounts, depth: number, offset: number): Complaint | undefined {
  if (depth > maxDepth) return tooDeep(offset);
  if (counts.marks > maxMarks) {
    const message = `more than ${maxMarks} anchors, aliases, tags and directives`;
    return { id: 'yaml-alias', offset, path: '', message, hint: 'write the values out' };
  }
  if (counts.tabs > maxMarks) {
    const message = `not valid YAML: more than ${maxMarks} lines begin with a tab`;
    return { id: 'yaml-syntax', offset, path: '', message, hint: hints.TAB_AS_INDENT };
  }
  if (counts.lexemes > maxLexemes || counts.documents > maxDocuments) {
    const message = `the file holds too much: more than ${maxLexemes} words and signs, or ${maxDocuments} documents`;
    return { id: 'file-too-large', offset, path: '', message, hint: 'split it into several files' };
  }
  return undefined;
}

function tooDeep(offset: number): Complaint {
  const message = `values are nested more than ${maxDepth} levels deep`;
  return { id: 'yaml-depth', offset, path: '', message, hint: 'no resource needs so many; check the indentation' };
}

const hints: Readonly<Record<string, string>> = {
  BAD_INDENT: 'check the indentation, and that every bracket and quote is closed',
  BLOCK_AS_IMPLICIT_KEY: 'put a nested mapping on a line of its own, indented further',
  MISSING_CHAR: 'close every bracket and quote, and put a colon and a space behind a key',
  MULTILINE_IMPLICIT_KEY: 'put a colon and a space behind the key',
  NON_STRING_KEY: 'use a word as the key',
  TAB_AS_INDENT: 'indent with spaces',
  TAG_RESOLVE_FAILED: 'leave the tag away',
  BAD_ALIAS: 'define the anchor before it is used',
};

function syntaxComplaint({ code, message, pos }: Parsed['errors'][number]): Complaint {
  const text = message.replace(/[.:]+$/, '').split('\n')[0];
  return { id: 'yaml-syntax', offset: pos[0], path: '', message: `not valid YAML: ${text}`, hint: hints[code] };
}

/** The first mistakes of syntax; the rest, which mostly follow from them, as a number. */
function capSyntax(complaints: Complaint[]): Complaint[] {
  const syntax = complaints.filter(({ id }) => id === 'yaml-syntax');
  if (syntax.length <= maxSyntaxErrors) return complaints;
  const told = new Set(syntax.slice(0, maxSyntaxErrors));
  const last = syntax[maxSyntaxErrors - 1];
  const more = { ...last, message: `${last.message} (and more mistakes behind it)` };
  told.delete(last);
  return [...complaints.filter((each) => each.id !== 'yaml-syntax' || told.has(each)), more];
}

function addDocument(
  parsed: Parsed,
  targets: ReadonlyMap<unknown, unknown>,
  documents: YamlDocument[],
  complaints: Complaint[],
): void {
  const { contents } = parsed;
  if (!contents || (isScalar(contents) && contents.value === null)) return;
  const reader = new Reader(targets);
  const value = reader.read(contents, 0);
  complaints.push(...reader.complaints);
  if (reader.complaints.length === 0) documents.push({ value, start: contents.range[0], places: reader.places });
}

/** What each alias stands for: the nearest anchor of its name before it. */
function aliasTargets(parsed: Parsed): ReadonlyMap<unknown, unknown> {
  const anchors = new Map<string, unknown>();
  const targets = new Map<unknown, unknown>();
  visit(parsed, {
    Node(_, node) {
      if (isAlias(node)) targets.set(node, anchors.get(node.source));
      else if (node.anchor) anchors.set(node.anchor, node);
    },
  });
  return targets;
}

/** Whether a value is a mapping of plain data. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Turns the nodes of one document into plain data. */
class Reader {
  readonly places = new Map<object, Map<Segment, Place>>();
  readonly complaints: Complaint[] = [];
  readonly #targets: ReadonlyMap<unknown, unknown>;
  readonly #path: Segment[] = [];
  /** The nodes that aliases are standing for at the moment. */
  readonly #expanding = new Set<unknown>();
  /** The collections that are being read. */
  readonly #open = new Set<unknown>();
  #aliasValues = 0;
  #isBomb = false;

  constructor(targets: ReadonlyMap<unknown, unknown>) {
    this.#targets = targets;
  }

  read(node: unknown, offset: number): unknown {
    if (this.#expanding.size > 0 && ++this.#aliasValues > maxAliasValues) return null;
    if (isScalar(node)) return scalarValue(node);
    if (isAlias(node)) return this.#alias(node, node.range?.[0] ?? offset);
    if (!isMap(node) && !isSeq(node)) return null;
    if (this.#path.length > maxDepth) {
      this.#complain(tooDeep(offset));
      return null;
    }
    this.#open.add(node);
    const value = isMap(node) ? this.#map(node) : this.#list(node);
    this.#open.delete(node);
    return value;
  }

  #alias(alias: { source: string }, offset: number): unknown {
    const target = this.#targets.get(alias);
    if (target === undefined) {
      return this.#refuse(offset, `the alias *${alias.source} has no anchor`, `define &${alias.source} before it`);
    }
    if (this.#expanding.has(target) || this.#open.has(target)) {
      return this.#refuse(offset, `the alias *${alias.source} stands for something that holds it`, 'write it out');
    }
    this.#expanding.add(target);
    const value = this.read(target, offset);
    this.#expanding.delete(target);
    if (this.#aliasValues > maxAliasValues && !this.#isBomb) {
      this.#isBomb = true;
      const message = `the aliases stand for more than ${maxAliasValues} values`;
      this.#complain({ id: 'yaml-alias', offset, path: '', message, hint: 'write the values out' });
    }
    return value;
  }

  #refuse(offset: number, message: string, hint: string): null {
    this.#complain({ id: 'yaml-alias', offset, path: formatPath(this.#path), message, hint });
    return null;
  }

  #map(map: { items: readonly { key: unknown; value: unknown }[] }): Record<string, unknown> {
    const value: Record<string, unknown> = {};
    const places = new Map<Segment, Place>();
    const merged: { node: unknown; offset: number }[] = [];
    this.places.set(value, places);
    for (const pair of map.items) {
      if (this.complaints.length > maxSyntaxErrors) break;
      if (!isScalar(pair.key)) continue;
      const key = String(pair.key.value);
      const offset = pair.key.range?.[0] ?? 0;
      if (key === '<<' && pair.key.type === 'PLAIN') merged.push({ node: pair.value, offset });
      else if (this.#accepts(key, places, offset)) {
        this.#path.push(key);
        value[key] = this.read(pair.value, offset);
        this.#path.pop();
        places.set(key, { key: offset, value: startOf(pair.value) ?? offset });
      }
    }
    for (const { node, offset } of merged) this.#merge(value, places, node, offset);
    return value;
  }

  #accepts(key: string, places: ReadonlyMap<Segment, Place>, offset: number): boolean {
    const path = formatPath([...this.#path, key]);
    if (key === '__proto__') {
      const message = `"${key}" is no name for a field`;
      this.#complain({ id: 'yaml-key', offset, path, message, hint: 'remove it' });
      return false;
    }
    if (!places.has(key)) return true;
    const hint = 'remove one of them';
    this.#complain({ id: 'yaml-duplicate-key', offset, path, message: `the key "${key}" is there twice`, hint });
    return false;
  }

  /** `<<`: the fields of the mappings that are given, unless the mapping has them itself. */
  #merge(value: Record<string, unknown>, places: Map<Segment, Place>, node: unknown, offset: number): void {
    const read = this.read(node, offset);
    const sources: unknown[] = Array.isArray(read) ? read : [read];
    for (const source of sources) {
      if (!isRecord(source)) {
        this.#refuse(offset, 'only a mapping can be merged', 'give an alias of a mapping behind <<');
        return;
      }
      for (const [key, place] of this.places.get(source) ?? []) {
        if (typeof key !== 'string' || places.has(key)) continue;
        value[key] = source[key];
        places.set(key, place);
      }
    }
  }

  #list(list: { items: readonly unknown[] }): unknown[] {
    const value: unknown[] = [];
    const places = new Map<Segment, Place>();
    this.places.set(value, places);
    for (const [index, item] of list.items.entries()) {
      if (this.complaints.length > maxSyntaxErrors) break;
      const offset = startOf(item) ?? 0;
      this.#path.push(index);
      value.push(this.read(item, offset));
      this.#path.pop();
      places.set(index, { key: offset, value: offset });
    }
    return value;
  }

  #complain(complaint: Complaint): void {
    this.complaints.push(complaint);
  }
}

function startOf(node: unknown): number | undefined {
  return isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range?.[0] : undefined;
}

const yes = /^(y|Y|yes|Yes|YES|on|On|ON)$/;
const no = /^(n|N|no|No|NO|off|Off|OFF)$/;

function scalarValue({ value, type, source }: Scalar): unknown {
  if (type !== 'PLAIN' || source === undefined) return value;
  if (typeof value === 'string') return yes.test(value) ? true : no.test(value) ? false : value;
  if (typeof value === 'number' && /^[-+]?0[0-7]+$/.test(source)) return Number.parseInt(source, 8);
  return value;
}

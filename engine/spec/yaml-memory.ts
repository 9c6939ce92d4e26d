/**
 * Texts that are read again and again as they change: of the documents of a text only those are parsed that were not in one
 * of the last time.
 *
 *     const memory = openYamlMemory();
 *     memory.read(before);     // as readYaml(before)
 *     memory.forget();         // what was not read since the last time
 *     memory.read(after);      // as readYaml(after)
 *
 * Lines `---` part documents wherever they stand (YAML 1.2.2, 9.1.2), and nothing of a document reaches into another but
 * directives and what the file as a whole may hold. Where a text has these, or a mistake, it is read as one.
 */
import { maxDocuments, maxLexemes, maxMarks, maxTextLength } from './limits.ts';
import type { Segment } from './paths.ts';
import { type Place, readYaml, type YamlDocument, type YamlText } from './yaml.ts';

export interface YamlMemory {
  /** As `readYaml`. What it gives is nobody else's: the documents may be changed. */
  read(text: string): YamlText;
  /** Forgets the documents that were not in a text since this was asked for the last time. */
  forget(): void;
}

/** Opens a memory, which knows of no text yet. */
export function openYamlMemory(): YamlMemory {
  let known = new Map<string, YamlText>();
  let seen = new Map<string, YamlText>();
  const pieceOf = (text: string): YamlText => {
    const piece = seen.get(text) ?? known.get(text) ?? readYaml(text);
    seen.set(text, piece);
    return piece;
  };
  return {
    read(text) {
      const starts = startsOf(text);
      if (!starts) return readYaml(text);
      const pieces = starts.map((start, index) => pieceOf(text.slice(start, starts[index + 1])));
      if (!areWhole(pieces)) return readYaml(text);
      return {
        documents: pieces.flatMap(({ documents }, index) => documents.map((one) => movedBy(one, starts[index] ?? 0))),
        complaints: [],
        counts: sumOf(pieces),
        position: positionIn(text),
      };
    },
    forget() {
      known = seen;
      seen = new Map();
    },
  };
}

/** Where the documents of a text start; undefined where they are not told apart by lines `---` alone, or it is too long. */
function startsOf(text: string): number[] | undefined {
  if (text.length > maxTextLength || /(?:^|\n)(?:%|\.\.\.)/.test(text)) return undefined;
  return [0, ...[...text.matchAll(/\n---(?=[ \t\r\n]|$)/g)].map(({ index }) => index + 1)];
}

/** Lexical tokens that a document may have by itself, and not in a file of several. */
const spare = 8;

/** Whether texts that are without mistakes by themselves are so as one. */
function areWhole(pieces: readonly YamlText[]): boolean {
  if (pieces.some(({ complaints }) => complaints.length > 0)) return false;
  const { lexemes, marks, documents, tabs } = sumOf(pieces);
  const most = maxLexemes - spare * pieces.length;
  return lexemes <= most && marks <= maxMarks && tabs <= maxMarks && documents + pieces.length <= maxDocuments;
}

function sumOf(pieces: readonly YamlText[]): YamlText['counts'] {
  const sum = { lexemes: 0, marks: 0, documents: 0, tabs: 0 };
  for (const { counts } of pieces) {
    sum.lexemes += counts.lexemes;
    sum.marks += counts.marks;
    sum.documents += counts.documents;
    sum.tabs += counts.tabs;
  }
  return sum;
}

/** A copy of a document in a text in which it stands so many characters further behind. */
function movedBy({ value, start, places }: YamlDocument, by: number): YamlDocument {
  const copies = new Map<object, unknown>();
  const moved = new Map<object, ReadonlyMap<Segment, Place>>();
  const copyOf = (one: unknown): unknown => {
    if (typeof one !== 'object' || one === null) return one;
    const before = copies.get(one);
    if (before !== undefined) return before;
    const copy: unknown[] | Record<string, unknown> = Array.isArray(one) ? [] : {};
    copies.set(one, copy);
    Object.assign(copy, one);
    for (const [name, field] of Object.entries(one)) {
      if (typeof field === 'object' && field !== null) Object.assign(copy, { [name]: copyOf(field) });
    }
    const own = new Map<Segment, Place>();
    for (const [segment, place] of places.get(one) ?? []) {
      own.set(segment, { key: place.key + by, value: place.value + by });
    }
    moved.set(copy, own);
    return copy;
  };
  return { value: copyOf(value), start: start + by, places: moved };
}

/** As `YamlText` says. */
function positionIn(text: string): YamlText['position'] {
  const lines = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines.push(at + 1);
  return (offset) => {
    let [low, high] = [0, lines.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((lines[middle] as number) <= offset) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: offset - (lines[low] as number) + 1 };
  };
}

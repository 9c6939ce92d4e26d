/**
 * Writes a logical table as `lookup` of the packet plane reads it
 * (asm/plane/table-layout.ts draws it).
 */
import {
  C_ALL,
  C_SIZE,
  DIMENSION_BITS,
  E_DIMENSION,
  E_RANK,
  E_SIZE,
  FEW_KEYS,
  G_ITEM_END,
  G_SET,
  G_SET_MASK,
  G_SIZE,
  G_TRIM_END,
  HASH_A,
  HASH_B,
  I_MASK,
  I_SIZE,
  I_STAGE,
  I_WORD,
  ITEM_PREFIX,
  K_END,
  K_FIRST,
  K_HASH,
  K_SIZE,
  M_COUNT,
  M_ITEM,
  M_PREFIXES,
  M_SIZE,
  M_WIDE,
  S_ENTRIES,
  S_FIRST,
  S_ITEM_COUNT,
  S_ITEMS,
  S_KEY_COUNT,
  S_KEYS,
  S_SIZE,
  S_SLOT_MASK,
  S_SLOTS,
  S_STAGE_COUNT,
  S_STAGES,
  S_TRIM_COUNT,
  S_TRIMS,
  S_VALUES,
  T_CONJUNCTIONS,
  T_FLOWS,
  T_HEADER,
  T_SIZE,
  T_SUBTABLES,
} from '../../asm/plane/table-layout.ts';
import type { CompiledMatch } from './matches.ts';
import type { Row, Shape, ShapeItem } from './shapes.ts';

/** A table: its blob, or the rank of the flow that every packet meets, -1 if no packet meets any. */
export type Classifier = { readonly blob: Uint8Array } | { readonly always: number };

/** A match on one datapath. */
export interface KeyedMatch {
  readonly match: CompiledMatch;
  /** Tunnel keys of the ports and groups that it names, by index; a row with one that is undefined never matches. */
  readonly keys: readonly (number | undefined)[];
}

/** The table whose flows have these matches, by rank. */
export function buildClassifier(matches: readonly KeyedMatch[]): Classifier {
  const draft = new Draft();
  for (const [rank, match] of matches.entries()) {
    draft.add(rank, match);
    if (draft.always >= 0) {
      // No later flow is ever tried.
      break;
    }
  }
  const subtables = draft.subtables();
  const [first] = subtables;
  if (!first) {
    return { always: -1 };
  }
  if (first.shape.items.length === 0) {
    return { always: draft.always };
  }
  return { blob: write(subtables, draft.conjunctions, matches.length) };
}

/** What a subtable is made of: rows as they come, by rank. */
class SubtableDraft {
  readonly shape: Shape;
  /** Low and high 32 bits of each item of each row. */
  readonly values: number[] = [];
  readonly ranks: number[] = [];
  /** As E_DIMENSION. */
  readonly dimensions: number[] = [];

  constructor(shape: Shape) {
    this.shape = shape;
  }
}

class Draft {
  /** Rank of a flow that matches everything, -1 for none. */
  always = -1;
  /** Dimensions of each conjunction, as bits. */
  readonly conjunctions: number[] = [];
  private readonly byShape = new Map<number, SubtableDraft>();

  add(rank: number, { match: { rows, products }, keys }: KeyedMatch): void {
    for (const row of rows) {
      if (this.addRow(row, keys, rank, 0) && row.shape.items.length === 0) {
        this.always = rank;
      }
    }
    for (const { dimensions } of products) {
      this.conjunctions.push(dimensions.reduce((bits, _, index) => bits | (1 << index), 0) >>> 0);
      for (const [index, some] of dimensions.entries()) {
        for (const row of some) {
          this.addRow(row, keys, rank, ((this.conjunctions.length << DIMENSION_BITS) | index) >>> 0);
        }
      }
    }
  }

  /** By lowest rank. */
  subtables(): SubtableDraft[] {
    return [...this.byShape.values()].sort((a, b) => (a.ranks[0] ?? 0) - (b.ranks[0] ?? 0));
  }

  private addRow(row: Row, keys: KeyedMatch['keys'], rank: number, dimension: number): boolean {
    const { shape, values } = row;
    const inportKey = row.inport < 0 ? 0 : keys[row.inport];
    const outportKey = row.outport < 0 ? 0 : keys[row.outport];
    if (inportKey === undefined || outportKey === undefined) {
      return false;
    }
    let subtable = this.byShape.get(shape.id);
    if (!subtable) {
      subtable = new SubtableDraft(shape);
      this.byShape.set(shape.id, subtable);
    }
    const start = subtable.values.length;
    for (const value of values) {
      subtable.values.push(value);
    }
    if (shape.ports >= 0) {
      subtable.values[start + 2 * shape.ports] = inportKey;
      subtable.values[start + 2 * shape.ports + 1] = outportKey;
    }
    subtable.ranks.push(rank);
    subtable.dimensions.push(dimension);
    return true;
  }
}

/** The bytes of a blob, as they come to be. */
class Blob {
  words = new Uint32Array(256);
  /** Bytes in use; a multiple of 8. */
  size = 0;

  /** Offset of so many bytes, all zero. */
  reserve(bytes: number): number {
    const offset = this.size;
    this.size += (bytes + 7) & ~7;
    if (this.size > this.words.byteLength) {
      const larger = new Uint32Array(Math.max(this.size, 2 * this.words.byteLength) >> 2);
      larger.set(this.words);
      this.words = larger;
    }
    return offset;
  }

  /** Writes a u32 at an offset. */
  put(offset: number, value: number): void {
    this.words[offset >> 2] = value;
  }
}

function write(subtables: readonly SubtableDraft[], conjunctions: readonly number[], flows: number): Uint8Array {
  const blob = new Blob();
  blob.reserve(T_HEADER);
  const records = blob.reserve(subtables.length * S_SIZE);
  const first = blob.reserve(conjunctions.length * C_SIZE);
  for (const [index, all] of conjunctions.entries()) {
    blob.put(first + index * C_SIZE + C_ALL, all);
  }
  for (const [index, draft] of subtables.entries()) {
    writeSubtable(blob, records + index * S_SIZE, draft);
  }
  blob.put(T_SIZE, blob.size);
  blob.put(T_SUBTABLES, subtables.length);
  blob.put(T_FLOWS, flows);
  blob.put(T_CONJUNCTIONS, conjunctions.length);
  return new Uint8Array(blob.words.buffer.slice(0, blob.size));
}

function writeSubtable(blob: Blob, at: number, draft: SubtableDraft): void {
  const { items } = draft.shape;
  const keys = gatherKeys(draft);
  blob.put(at + S_FIRST, draft.ranks[0] ?? 0);
  blob.put(at + S_ITEMS, writeItems(blob, items));
  blob.put(at + S_ITEM_COUNT, items.length);
  blob.put(at + S_KEYS, writeKeys(blob, keys));
  blob.put(at + S_KEY_COUNT, keys.rows.length);
  blob.put(at + S_VALUES, writeValues(blob, draft, keys));
  blob.put(at + S_ENTRIES, writeEntries(blob, draft, keys));
  if (keys.rows.length <= FEW_KEYS) {
    return;
  }
  const slots = writeHashTable(blob, keys.hashes, (index) => index + 1);
  blob.put(at + S_SLOTS, slots.offset);
  blob.put(at + S_SLOT_MASK, slots.mask);
  const stages = new Set(items.map(({ stage }) => stage));
  const trims = trimsOf(items);
  blob.put(at + S_STAGES, writeStages(blob, draft, keys, [...stages], trims));
  blob.put(at + S_STAGE_COUNT, stages.size);
  blob.put(at + S_TRIMS, writeTrims(blob, draft, keys, trims));
  blob.put(at + S_TRIM_COUNT, trims.length);
}

/** The different values of a subtable's rows. */
interface Keys {
  /** The first row of each. */
  readonly rows: readonly number[];
  readonly hashes: Uint32Array;
  /** Rows of each, by rank, without those that an earlier one hides. */
  readonly entries: readonly number[][];
}

function gatherKeys({ shape, values, ranks, dimensions }: SubtableDraft): Keys {
  const stride = 2 * shape.items.length;
  const mask = tableSize(ranks.length) - 1;
  const slots = new Uint32Array(mask + 1);
  const rows: number[] = [];
  const hashes: number[] = [];
  const entries: number[][] = [];
  for (let row = 0; row < ranks.length; row++) {
    const hash = hashOf(values, row * stride, stride);
    let slot = hash & mask;
    let key = 0;
    for (; ; slot = (slot + 1) & mask) {
      key = slots[slot] ?? 0;
      if (
        key === 0 ||
        (hashes[key - 1] === hash && sameValues(values, (rows[key - 1] ?? 0) * stride, row * stride, stride))
      ) {
        break;
      }
    }
    if (key === 0) {
      rows.push(row);
      hashes.push(hash);
      entries.push([row]);
      slots[slot] = rows.length;
      continue;
    }
    const sameKey = entries[key - 1] ?? [];
    if (dimensions[sameKey.at(-1) ?? row] !== 0) {
      sameKey.push(row);
    }
  }
  return { rows, hashes: Uint32Array.from(hashes), entries };
}

function sameValues(values: readonly number[], a: number, b: number, count: number): boolean {
  for (let i = 0; i < count; i++) {
    if (values[a + i] !== values[b + i]) {
      return false;
    }
  }
  return true;
}

/** Hash of values as classify.ts computes it, from `start` on. */
function hashOf(values: readonly number[], start: number, count: number): number {
  let hash = 0;
  for (let i = start; i < start + count; i += 2) {
    hash = Math.imul(hash ^ (values[i] ?? 0), HASH_A);
    hash ^= hash >>> 15;
    hash = Math.imul(hash ^ (values[i + 1] ?? 0), HASH_B);
    hash ^= hash >>> 13;
  }
  return hash >>> 0;
}

/** Slots of a hash table for so many: a power of 2, no more than two thirds full. */
function tableSize(count: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(2, 1.5 * count)));
}

function writeItems(blob: Blob, items: readonly ShapeItem[]): number {
  const first = blob.reserve(items.length * I_SIZE);
  for (const [index, { word, stage, prefix, maskHigh, maskLow }] of items.entries()) {
    const at = first + index * I_SIZE;
    blob.put(at + I_WORD, word);
    blob.put(at + I_STAGE, prefix ? stage | ITEM_PREFIX : stage);
    blob.put(at + I_MASK, maskLow);
    blob.put(at + I_MASK + 4, maskHigh);
  }
  return first;
}

function writeKeys(blob: Blob, { hashes, entries }: Keys): number {
  const first = blob.reserve(entries.length * K_SIZE);
  let entry = 0;
  for (const [index, { length }] of entries.entries()) {
    const at = first + index * K_SIZE;
    blob.put(at + K_HASH, hashes[index] ?? 0);
    blob.put(at + K_FIRST, entry);
    entry += length;
    blob.put(at + K_END, entry);
  }
  return first;
}

function writeValues(blob: Blob, { shape, values }: SubtableDraft, { rows }: Keys): number {
  const stride = 2 * shape.items.length;
  const first = blob.reserve(rows.length * stride * 4);
  let at = first;
  for (const row of rows) {
    for (let i = row * stride; i < (row + 1) * stride; i++, at += 4) {
      blob.put(at, values[i] ?? 0);
    }
  }
  return first;
}

function writeEntries(blob: Blob, { ranks, dimensions }: SubtableDraft, { entries }: Keys): number {
  const first = blob.reserve(entries.reduce((count, { length }) => count + length, 0) * E_SIZE);
  let at = first;
  for (const row of entries.flat()) {
    blob.put(at + E_RANK, ranks[row] ?? 0);
    blob.put(at + E_DIMENSION, dimensions[row] ?? 0);
    at += E_SIZE;
  }
  return first;
}

/** Slots with what `content` says of each hash, by its index; linear probing. */
function writeHashTable(
  blob: Blob,
  hashes: ArrayLike<number>,
  content: (index: number) => number,
): { offset: number; mask: number } {
  const mask = tableSize(hashes.length) - 1;
  const offset = blob.reserve((mask + 1) * 4);
  for (let index = 0; index < hashes.length; index++) {
    let slot = (hashes[index] ?? 0) & mask;
    while (blob.words[(offset >> 2) + slot] !== 0) {
      slot = (slot + 1) & mask;
    }
    blob.put(offset + slot * 4, content(index));
  }
  return { offset, mask };
}

function writeStages(
  blob: Blob,
  { shape, values }: SubtableDraft,
  { rows }: Keys,
  stages: readonly number[],
  trims: readonly Trim[],
): number {
  const first = blob.reserve(stages.length * G_SIZE);
  const stride = 2 * shape.items.length;
  for (const [index, stage] of stages.entries()) {
    const at = first + index * G_SIZE;
    const end = shape.items.findLastIndex((item) => item.stage === stage) + 1;
    blob.put(at + G_ITEM_END, end);
    blob.put(at + G_TRIM_END, trims.filter(({ item }) => item < end).length);
    if (index < stages.length - 1) {
      const hashes = [...new Set(rows.map((row) => hashOf(values, row * stride, 2 * end)))];
      const set = writeHashTable(blob, hashes, (number) => hashes[number] || 1);
      blob.put(at + G_SET, set.offset);
      blob.put(at + G_SET_MASK, set.mask);
    }
  }
  return first;
}

/** A prefix: which item it is, and whether the next one is its second half. */
interface Trim {
  readonly item: number;
  readonly wide: boolean;
}

function trimsOf(items: readonly ShapeItem[]): Trim[] {
  const trims: Trim[] = [];
  for (let item = 0; item < items.length; item++) {
    if (items[item]?.prefix) {
      const wide = isWhole(items[item]) && continues(items[item], items[item + 1]);
      trims.push({ item, wide });
      item += wide ? 1 : 0;
    }
  }
  return trims;
}

function isWhole(item: ShapeItem | undefined): boolean {
  return item?.maskHigh === 0xffffffff && item.maskLow === 0xffffffff;
}

/** Whether `next` is the second half of the address that `item` is the first half of. */
function continues(item: ShapeItem | undefined, next: ShapeItem | undefined): boolean {
  return next?.prefix === true && next.lowHalf && next.word - 1 === item?.word;
}

function writeTrims(blob: Blob, draft: SubtableDraft, keys: Keys, trims: readonly Trim[]): number {
  const first = blob.reserve(trims.length * M_SIZE);
  for (const [index, { item, wide }] of trims.entries()) {
    const at = first + index * M_SIZE;
    const prefixes = prefixesOf(draft, keys, item, wide);
    const words = wide ? 4 : 2;
    const offset = blob.reserve(prefixes.length * 4);
    for (let i = 0; i < prefixes.length; i++) {
      blob.put(offset + i * 4, prefixes[i] ?? 0);
    }
    blob.put(at + M_ITEM, item);
    blob.put(at + M_WIDE, wide ? 1 : 0);
    blob.put(at + M_COUNT, prefixes.length / words);
    blob.put(at + M_PREFIXES, offset);
  }
  return first;
}

/** The different prefixes that keys have, sorted: low and high 32 bits of each, of the first half and then of the second. */
function prefixesOf({ shape, values }: SubtableDraft, { rows }: Keys, item: number, wide: boolean): number[] {
  const stride = 2 * shape.items.length;
  const starts = rows.map((row) => row * stride + 2 * item);
  // From the most telling 32 bits to the least.
  const order = wide ? [1, 0, 3, 2] : [1, 0];
  const compare = (a: number, b: number) => {
    for (const offset of order) {
      const difference = (values[a + offset] ?? 0) - (values[b + offset] ?? 0);
      if (difference !== 0) {
        return difference;
      }
    }
    return 0;
  };
  starts.sort(compare);
  const prefixes: number[] = [];
  for (const [index, start] of starts.entries()) {
    if (index === 0 || compare(starts[index - 1] ?? start, start) !== 0) {
      for (let i = 0; i < order.length; i++) {
        prefixes.push(values[start + i] ?? 0);
      }
    }
  }
  return prefixes;
}

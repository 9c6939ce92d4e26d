/**
 * Which flow of a logical table a packet meets: tuple-space search, with care to
 * look at as few bits of the packet as will do (Open vSwitch's classifier does
 * the same; ovs-vswitchd's lib/classifier.h explains it).
 *
 * Subtables are searched by the lowest rank that they could give, until none can
 * be better than what was found.  What proves that a subtable has no match is
 * noted by `look`, and no more: the bits up to the stage whose hash no key has;
 * the first bits of an address that no prefix starts with; or, of a subtable of
 * few keys, for each key one field that differs.
 */
import { KEY_WORDS } from './layout';
import {
  C_ALL,
  C_MET,
  C_SIZE,
  C_STAMP,
  DIMENSION_BITS,
  E_DIMENSION,
  E_RANK,
  E_SIZE,
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
  STAGE_KIND,
  T_CONJUNCTIONS,
  T_FLOWS,
  T_HEADER,
  T_SIZE,
  T_SUBTABLES,
} from './table-layout';
import { KNOWN, look, WC } from './wildcards';

/** Lowest rank found so far in this look-up; `NONE` if nothing was found. */
let best: u32 = 0;
const NONE: u32 = 0xffffffff;

/** Counts look-ups, so that what an earlier one left in conjunctions is told from this one's. */
let stamp: u64 = 0;

/**
 * Rank of the flow that a packet meets in a table, -1 if it meets none.
 * `table`: address of the table (table-layout.ts), `flow`: of the packet's flow
 * (layout.ts).  What was looked at to know it is added to `WC`.
 */
export function lookup(table: usize, flow: usize): i32 {
  best = NONE;
  stamp++;
  const count = load<u32>(table, T_SUBTABLES);
  let subtable = at(table, T_HEADER, count * S_SIZE);
  for (let i: u32 = 0; i < count; i++, subtable += S_SIZE) {
    if (load<u32>(subtable, S_FIRST) >= best) break;
    if (load<u32>(subtable, S_SLOTS) === 0) {
      compareKeys(table, subtable, flow);
    } else {
      findKey(table, subtable, flow);
    }
  }
  assert(best === NONE || best < load<u32>(table, T_FLOWS));
  return <i32>best;
}

/** Address of `size` bytes at an offset in the table. */
function at(table: usize, offset: u32, size: u32): usize {
  assert(offset >= <u32>T_HEADER && offset + size >= offset && offset + size <= load<u32>(table, T_SIZE));
  return table + offset;
}

/** The word of the flow that an item is about. */
function wordOf(item: usize, flow: usize): u64 {
  assert(load<u32>(item, I_WORD) < 32);
  return load<u64>(flow + ((<usize>load<u32>(item, I_WORD)) << 3));
}

/** Notes that all bits of these items were looked at. */
function lookAt(item: usize, count: u32): void {
  for (const end = item + count * I_SIZE; item < end; item += I_SIZE) {
    look(load<u32>(item, I_WORD), load<u64>(item, I_MASK));
  }
}

/** Bits of a prefix's mask that tell it from another value: down to the first that differs. */
function telling(mask: u64, difference: u64): u64 {
  return mask & ((<u64>-1) << (63 - clz(difference)));
}

/**
 * What it costs to look at bits of a word: 0 if nothing new is learned of the packet; the later the stage, and the
 * more bits, the more.  What kind of packet it is costs the same by any field, so the first one will do.
 */
function price(word: u32, stage: u32, bits: u64): u32 {
  if (word >= <u32>KEY_WORDS) return 0;
  const at = (<usize>word) << 3;
  const fresh = bits & ~load<u64>(KNOWN + at) & ~load<u64>(WC + at);
  if (fresh === 0) return 0;
  return stage <= <u32>STAGE_KIND ? 1 : (stage << 8) + <u32>popcnt(fresh);
}

/** Compares the keys of a small subtable one by one. */
function compareKeys(table: usize, subtable: usize, flow: usize): void {
  const items = load<u32>(subtable, S_ITEM_COUNT);
  const keys = load<u32>(subtable, S_KEY_COUNT);
  const first = at(table, load<u32>(subtable, S_ITEMS), items * I_SIZE);
  const end = first + items * I_SIZE;
  let value = at(table, load<u32>(subtable, S_VALUES), keys * items * 8);
  let key = at(table, load<u32>(subtable, S_KEYS), keys * K_SIZE);
  for (let i: u32 = 0; i < keys; i++, key += K_SIZE) {
    let cheapest: u32 = 0xffffffff;
    let word: u32 = 0;
    let bits: u64 = 0;
    for (let item = first; item < end; item += I_SIZE, value += 8) {
      if (cheapest === 0) continue;
      const mask = load<u64>(item, I_MASK);
      const difference = (wordOf(item, flow) ^ load<u64>(value)) & mask;
      if (difference === 0) continue;
      const stage = load<u32>(item, I_STAGE);
      const differing = (stage & ITEM_PREFIX) !== 0 ? telling(mask, difference) : mask;
      const cost = price(load<u32>(item, I_WORD), stage & (ITEM_PREFIX - 1), differing);
      if (cost < cheapest) {
        cheapest = cost;
        word = load<u32>(item, I_WORD);
        bits = differing;
      }
    }
    if (cheapest === 0xffffffff) {
      // No two keys of a subtable match the same packet.
      lookAt(first, items);
      take(table, subtable, key);
      return;
    }
    look(word, bits);
  }
}

/** Finds the key of a big subtable stage by stage. */
function findKey(table: usize, subtable: usize, flow: usize): void {
  const items = load<u32>(subtable, S_ITEM_COUNT);
  const first = at(table, load<u32>(subtable, S_ITEMS), items * I_SIZE);
  const stages = load<u32>(subtable, S_STAGE_COUNT);
  let stage = at(table, load<u32>(subtable, S_STAGES), stages * G_SIZE);
  let trim = at(table, load<u32>(subtable, S_TRIMS), load<u32>(subtable, S_TRIM_COUNT) * M_SIZE);
  const trims = trim;
  let hash: u32 = 0;
  let done: u32 = 0;
  for (let s: u32 = 0; s < stages; s++, stage += G_SIZE) {
    for (const end = trims + load<u32>(stage, G_TRIM_END) * M_SIZE; trim < end; trim += M_SIZE) {
      if (!hasPrefix(table, first, trim, flow)) return;
    }
    const end = load<u32>(stage, G_ITEM_END);
    assert(end <= items);
    for (; done < end; done++) {
      const item = first + done * I_SIZE;
      const value = wordOf(item, flow) & load<u64>(item, I_MASK);
      hash = (hash ^ <u32>value) * HASH_A;
      hash ^= hash >> 15;
      hash = (hash ^ <u32>(value >> 32)) * HASH_B;
      hash ^= hash >> 13;
    }
    const set = load<u32>(stage, G_SET);
    if (set !== 0 && !hasHash(table, set, load<u32>(stage, G_SET_MASK), hash)) {
      lookAt(first, done);
      return;
    }
  }
  lookAt(first, items);
  const values = at(table, load<u32>(subtable, S_VALUES), load<u32>(subtable, S_KEY_COUNT) * items * 8);
  const keys = at(table, load<u32>(subtable, S_KEYS), load<u32>(subtable, S_KEY_COUNT) * K_SIZE);
  const mask = load<u32>(subtable, S_SLOT_MASK);
  const slots = at(table, load<u32>(subtable, S_SLOTS), (mask + 1) * 4);
  for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
    const number = load<u32>(slots + ((<usize>slot) << 2));
    if (number === 0) return;
    assert(number <= load<u32>(subtable, S_KEY_COUNT));
    const key = keys + (number - 1) * K_SIZE;
    if (load<u32>(key, K_HASH) === hash && matches(first, items, values + (number - 1) * items * 8, flow)) {
      take(table, subtable, key);
      return;
    }
  }
}

function matches(item: usize, count: u32, value: usize, flow: usize): bool {
  for (const end = item + count * I_SIZE; item < end; item += I_SIZE, value += 8) {
    if ((wordOf(item, flow) & load<u64>(item, I_MASK)) !== load<u64>(value)) return false;
  }
  return true;
}

function hasHash(table: usize, offset: u32, mask: u32, hash: u32): bool {
  const set = at(table, offset, (mask + 1) * 4);
  const wanted = hash === 0 ? 1 : hash;
  let slot = hash & mask;
  let found = load<u32>(set + ((<usize>slot) << 2));
  while (found !== 0 && found !== wanted) {
    slot = (slot + 1) & mask;
    found = load<u32>(set + ((<usize>slot) << 2));
  }
  return found !== 0;
}

/** Whether some key has this packet's prefix; if not, the bits that prove it have been looked at. */
function hasPrefix(table: usize, items: usize, trim: usize, flow: usize): bool {
  const item = items + load<u32>(trim, M_ITEM) * I_SIZE;
  const count = load<u32>(trim, M_COUNT);
  const word = load<u32>(item, I_WORD);
  const mask = load<u64>(item, I_MASK);
  const value = wordOf(item, flow) & mask;
  const wide = load<u32>(trim, M_WIDE) !== 0;
  const size: u32 = wide ? 16 : 8;
  const prefixes = at(table, load<u32>(trim, M_PREFIXES), count * size);
  const lowMask = wide ? load<u64>(item + I_SIZE, I_MASK) : 0;
  const low = wide ? wordOf(item + I_SIZE, flow) & lowMask : 0;
  // The first prefix that is not below the packet's.
  let from: u32 = 0;
  let to = count;
  while (from < to) {
    const middle = (from + to) >> 1;
    const prefix = prefixes + middle * size;
    const high = load<u64>(prefix);
    if (high < value || (high === value && wide && load<u64>(prefix, 8) < low)) {
      from = middle + 1;
    } else {
      to = middle;
    }
  }
  let highBits: u64 = 0;
  let lowBits: u64 = 0;
  // The packet's neighbours have the most bits in common with it.
  for (let i = from > 0 ? from - 1 : 0; i <= from && i < count; i++) {
    const prefix = prefixes + i * size;
    const difference = load<u64>(prefix) ^ value;
    if (difference !== 0) {
      highBits |= telling(mask, difference);
      continue;
    }
    const lowDifference = wide ? load<u64>(prefix, 8) ^ low : 0;
    if (lowDifference === 0) return true;
    highBits = mask;
    lowBits |= telling(lowMask, lowDifference);
  }
  look(word, highBits);
  if (wide) look(load<u32>(item + I_SIZE, I_WORD), lowBits);
  return false;
}

/** A key matched: what its entries make of it. */
function take(table: usize, subtable: usize, key: usize): void {
  const first = load<u32>(key, K_FIRST);
  const end = load<u32>(key, K_END);
  assert(first <= end);
  let entry = at(table, load<u32>(subtable, S_ENTRIES) + first * E_SIZE, (end - first) * E_SIZE);
  for (let i = first; i < end; i++, entry += E_SIZE) {
    const rank = load<u32>(entry, E_RANK);
    if (rank >= best) return;
    const dimension = load<u32>(entry, E_DIMENSION);
    if (dimension === 0 || completes(table, dimension)) {
      best = rank;
      return;
    }
  }
}

/** Notes that one dimension of a conjunction matched; whether all have now. */
function completes(table: usize, dimension: u32): bool {
  const number = (dimension >> DIMENSION_BITS) - 1;
  assert(number < load<u32>(table, T_CONJUNCTIONS));
  const conjunction = at(table, T_HEADER + load<u32>(table, T_SUBTABLES) * S_SIZE + number * C_SIZE, C_SIZE);
  const bit: u32 = 1 << (dimension & ((1 << DIMENSION_BITS) - 1));
  const before = load<u64>(conjunction, C_STAMP) === stamp ? load<u32>(conjunction, C_MET) : 0;
  store<u64>(conjunction, stamp, C_STAMP);
  store<u32>(conjunction, before | bit, C_MET);
  return (before | bit) === load<u32>(conjunction, C_ALL);
}

/**
 * A logical table in memory: what engine/program/classifier.ts writes and
 * `lookup` of classify.ts reads.  Constants only, shared with TypeScript.
 *
 * All numbers are little-endian u32 unless said otherwise; offsets count from the
 * table's first byte, which is at a multiple of 8.  Flows are known by their rank
 * in the table: 0 is tried first, so the lowest rank that matches wins.
 *
 *     table        header, T_HEADER bytes
 *                  subtables, S_SIZE bytes each, by their lowest rank
 *                  conjunctions, C_SIZE bytes each (written to by look-ups)
 *                  what subtables refer to
 *
 * ## Subtable
 *
 * All that matches under one mask.  The mask is a list of *items*, each some bits
 * of one word of the flow, by stage: metadata, kind of packet, addresses of the
 * link, of the network, ports.  A *key* is a value for each item.  A subtable with
 * more than FEW_KEYS keys has in addition
 *
 * - a hash table of its keys: slots with a key's number plus 1, or 0; linear probing;
 * - for each stage but the last a set of the hashes of all keys up to there, same form
 *   (with 1 standing for hash 0): not in it means that no key matches;
 * - for fields whose bits are a prefix, *trims*: the prefixes that occur, sorted, so
 *   that an address between two of them is told apart by its first bits.
 *
 * ## Entries
 *
 * A key has a run of entries, by rank.  An entry is a flow that matches, or one
 * dimension of a conjunction: a flow that matches if each of its dimensions does
 * (conj_id of ovs-fields(7)).
 */

export const T_SIZE = 0;
export const T_SUBTABLES = 4;
export const T_FLOWS = 8;
export const T_CONJUNCTIONS = 12;
export const T_HEADER = 32;

/** Lowest rank of its entries. */
export const S_FIRST = 0;
export const S_ITEMS = 4;
export const S_ITEM_COUNT = 8;
export const S_KEYS = 12;
export const S_KEY_COUNT = 16;
/** Values: 8 bytes for each item of each key. */
export const S_VALUES = 20;
export const S_ENTRIES = 24;
/** 0 if there are few keys. */
export const S_SLOTS = 28;
/** Number of slots less 1. */
export const S_SLOT_MASK = 32;
export const S_STAGES = 36;
export const S_STAGE_COUNT = 40;
export const S_TRIMS = 44;
export const S_TRIM_COUNT = 48;
export const S_SIZE = 56;

/** An item: word, stage | ITEM_PREFIX, mask (u64). */
export const I_WORD = 0;
export const I_STAGE = 4;
export const I_MASK = 8;
export const I_SIZE = 16;
/** The mask is a prefix of an address or port, which may be told apart by its first bits. */
export const ITEM_PREFIX = 0x100;

/** A stage: end of its items, its set of hashes (0 for the last stage) and that set's mask, first and end of its trims. */
export const G_ITEM_END = 0;
export const G_SET = 4;
export const G_SET_MASK = 8;
export const G_TRIM_END = 12;
export const G_SIZE = 16;

/** A trim: its item, whether the next item is its second half, number of prefixes, where they are (u64 or two). */
export const M_ITEM = 0;
export const M_WIDE = 4;
export const M_COUNT = 8;
export const M_PREFIXES = 12;
export const M_SIZE = 16;

/** A key: its hash, its run of entries. */
export const K_HASH = 0;
export const K_FIRST = 4;
export const K_END = 8;
export const K_SIZE = 12;

/** An entry: rank; 0 or conjunction + 1 << 5 | dimension. */
export const E_RANK = 0;
export const E_DIMENSION = 4;
export const E_SIZE = 8;
export const DIMENSION_BITS = 5;

/** A conjunction: look-up that met it last (u64), dimensions met, dimensions in all (as bits). */
export const C_STAMP = 0;
export const C_MET = 8;
export const C_ALL = 12;
export const C_SIZE = 16;

/** As many keys are compared one by one. */
export const FEW_KEYS = 4;

/** Stages of items. */
export const STAGE_METADATA = 0;
export const STAGE_KIND = 1;
export const STAGE_LINK = 2;
export const STAGE_NETWORK = 3;
export const STAGE_TRANSPORT = 4;

/** Multipliers of the hash: for each value, `h = (h ^ low) * A; h ^= h >>> 15; h = (h ^ high) * B; h ^= h >>> 13`. */
export const HASH_A = 0x9e3779b1;
export const HASH_B = 0x85ebca77;

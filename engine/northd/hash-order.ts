/**
 * The order in which ovn-northd walks a set of strings: that of its hash table.
 * It shows where a match lists the members of such a set.
 */

/**
 * `strings`, each once, as a table into which they were inserted in the given
 * order is walked: by bucket, within a bucket the latest first.  The table has
 * a power of two of buckets and grows when it holds twice as many strings; for
 * the first `expected` strings it had room before.
 */
export function hashOrder(strings: Iterable<string>, expected = 0): string[] {
  let buckets: Entry[][] = expected < 2 ? [[]] : Array.from({ length: bucketCount(expected) }, () => []);
  let size = 0;
  for (const text of new Set(strings)) {
    insert(buckets, { text, hash: hashString(text) });
    size++;
    if (size >> 1 < buckets.length) continue;
    const larger: Entry[][] = Array.from({ length: bucketCount(size) }, () => []);
    for (const bucket of buckets) for (const entry of bucket) insert(larger, entry);
    buckets = larger;
  }
  return buckets.flatMap((bucket) => bucket.map(({ text }) => text));
}

interface Entry {
  text: string;
  hash: number;
}

function insert(buckets: Entry[][], entry: Entry): void {
  buckets[entry.hash & (buckets.length - 1)].unshift(entry);
}

/** The least power of two above half of `size`, but at least 4. */
function bucketCount(size: number): number {
  return Math.max(4, 2 ** (32 - Math.clz32(size >> 1)));
}

/** MurmurHash3's 32-bit variant of the string's bytes, with seed 0. */
function hashString(text: string): number {
  const bytes = new TextEncoder().encode(text);
  let hash = 0;
  for (let i = 0; i < bytes.length; i += 4) {
    let word = 0;
    for (let j = 0; j < 4; j++) word |= (bytes[i + j] ?? 0) << (8 * j);
    word = Math.imul(rotate(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593);
    hash = (Math.imul(rotate(hash ^ word, 13), 5) + 0xe6546b64) | 0;
  }
  hash ^= bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

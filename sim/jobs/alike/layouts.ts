/** What registers hold, as far as it matters to who renames addresses: by words of 32 bits. */
import type { FieldRef } from '../../../engine/lang/ir.ts';
import { at, placeOf, places } from '../../symbolic/store.ts';

/** Kinds of addresses. */
export type Sort = 'mac' | 'ip4' | 'ip6';

/**
 * A word is all zeros, holds a number that no address has a say in, or is a part of an address: `mac0` its low 32 bits
 * and `mac1` those above, `ip63` the high 32 bits of an IPv6 address. `?` is anything else.
 */
export type Word = 'zero' | 'number' | 'ip4' | 'mac0' | 'mac1' | 'ip60' | 'ip61' | 'ip62' | 'ip63' | '?';

/** The words of xxreg0, xxreg1 and xreg4, each from its low bits on. */
export type Layout = readonly Word[];

const firstWords: ReadonlyMap<number, number> = new Map([
  [at.xxreg0, 0],
  [at.xxreg1, 4],
  [at.xreg4, 8],
]);

export const nothing: Layout = Array.from({ length: 10 }, (): Word => 'zero');

const sorts: ReadonlyMap<number, Sort> = new Map<number, Sort>([
  ...[at.ethDst, at.ethSrc, at.arpSha, at.arpTha, at.ndSll, at.ndTll].map((place) => [place, 'mac'] as const),
  ...[at.ip4Dst, at.ip4Src, at.arpSpa, at.arpTpa, at.ctNwDst].map((place) => [place, 'ip4'] as const),
  ...[at.ip6Dst, at.ip6Src, at.ndTarget, at.ctIp6Dst].map((place) => [place, 'ip6'] as const),
]);

/** The kind of addresses that a place is for. */
export const sortOf = (place: number): Sort | undefined => sorts.get(place);

export const widths: Readonly<Record<Sort, number>> = { mac: 48, ip4: 32, ip6: 128 };

const wordsOfSort: Readonly<Record<Sort, readonly Word[]>> = {
  mac: ['mac0', 'mac1'],
  ip4: ['ip4'],
  ip6: ['ip60', 'ip61', 'ip62', 'ip63'],
};

/** What the bits of a reference hold: an address, `zero`, a `number`, or `?`. */
export type Content = Sort | 'zero' | 'number' | '?';

interface Bits {
  readonly place: number;
  readonly ofs: number;
  readonly n: number;
}

/** The bits of a place; undefined for what is kept nowhere. */
export function bitsOf({ symbol, ofs, n }: FieldRef): Bits | undefined {
  const place = placeOf(symbol);
  if (place === undefined) return undefined;
  return n === 0 ? { place, ofs: 0, n: places[place]?.width ?? 0 } : { place, ofs: symbol.ofs + ofs, n };
}

export const isWhole = ({ place, ofs, n }: Bits): boolean => ofs === 0 && n === places[place]?.width;

export const isRegister = ({ place }: Pick<Bits, 'place'>): boolean => firstWords.has(place);

function wordsUnder(layout: Layout, { place, ofs, n }: Bits): Word[] {
  const first = firstWords.get(place) ?? 0;
  return layout.slice(first + Math.floor(ofs / 32), first + Math.floor((ofs + n - 1) / 32) + 1);
}

const holds = (words: readonly Word[], ...some: readonly Word[]): boolean =>
  words.length === some.length && words.every((word, index) => word === some[index]);

export function contentOf(layout: Layout, bits: Bits): Content {
  const sort = sortOf(bits.place);
  if (sort) return isWhole(bits) ? sort : '?';
  if (!isRegister(bits)) return 'number';
  const words = wordsUnder(layout, bits);
  if (words.every((word) => word === 'zero')) return 'zero';
  if (words.every((word) => word === 'zero' || word === 'number')) return 'number';
  if (bits.ofs % 32 !== 0) return '?';
  // The first word of an IPv6 address is renamed as an IPv4 address is.
  if (bits.n === 32 && (holds(words, 'ip4') || holds(words, 'ip63'))) return 'ip4';
  if (bits.n === 48 && holds(words, ...wordsOfSort.mac)) return 'mac';
  if (bits.n === 128 && holds(words, ...wordsOfSort.ip6)) return 'ip6';
  return '?';
}

/** The layout once bits of a register hold something else. */
export function written(layout: Layout, bits: Bits, content: Content): Layout {
  const first = (firstWords.get(bits.place) ?? 0) + Math.floor(bits.ofs / 32);
  const before = wordsUnder(layout, bits);
  const after = layout.slice();
  const set = (words: readonly Word[]): Layout => {
    for (const [index, word] of words.entries()) after[first + index] = word;
    return after;
  };
  const isFree = (word: Word): boolean => word === 'zero' || word === 'number';
  if (content === 'mac' || content === 'ip4' || content === 'ip6') {
    const isAligned = bits.ofs % 32 === 0 && bits.n === widths[content];
    const last = before.at(-1) ?? '?';
    // The rest of an Ethernet address's second word is not its own.
    const isClean = content !== 'mac' || isFree(last) || last === 'mac1';
    return set(isAligned && isClean ? wordsOfSort[content] : before.map((): Word => '?'));
  }
  if (content === '?') return set(before.map((): Word => '?'));
  return set(
    before.map((word, index): Word => {
      const low = Math.max(bits.ofs, 32 * (Math.floor(bits.ofs / 32) + index));
      const isAll = Math.min(bits.ofs + bits.n, 32 * (Math.floor(bits.ofs / 32) + index + 1)) - low === 32;
      if (isAll) return content;
      return isFree(word) ? 'number' : '?';
    }),
  );
}

/**
 * Whether renaming addresses cannot change what a comparison of a register with a constant says: it is of a whole
 * address, or of numbers, or it fails at a word of zeros. `value` and `mask` are those of the whole place.
 */
export function isIndifferent(layout: Layout, place: number, value: bigint, mask: bigint): boolean {
  const width = places[place]?.width ?? 0;
  const words = wordsUnder(layout, { place, ofs: 0, n: width });
  const asked = words.flatMap((word, index) => {
    const shift = BigInt(32 * index);
    const wanted = (mask >> shift) & 0xffffffffn;
    return wanted === 0n ? [] : [{ word, index, whole: wanted === 0xffffffffn, value: (value >> shift) & wanted }];
  });
  if (asked.some(({ word, value: bits }) => word === 'zero' && bits !== 0n)) return true;
  if (asked.every(({ word }) => word === 'zero' || word === 'number')) return true;
  const content = contentOf(layout, { place, ofs: 32 * (asked[0]?.index ?? 0), n: 32 * asked.length });
  const isRun = asked.every(({ index, whole }, n) => whole && index === (asked[0]?.index ?? 0) + n);
  return isRun && (content === 'ip4' || content === 'ip6');
}

/**
 * A renaming of constants that exchanges two parts of a network and leaves everything else as it is.
 *
 * Why that carries findings from the one to the other is in docs/verifier.md, "Alike parts"; here is what has to be
 * so for it.
 */

import { isSame } from '../../../engine/same.ts';
import type { Part } from '../parts.ts';
import { addressesOf } from './addresses.ts';
import type { Range } from './constants.ts';
import { type ElsewhereIndex, exchangeElsewhere } from './elsewhere.ts';
import type { Form } from './form.ts';
import type { Sort } from './layouts.ts';
import type { Uses } from './uses.ts';

/** What becomes of what: each is its own inverse, and has what stays as it is, too, of the parts' own constants. */
export interface Renaming {
  readonly names: ReadonlyMap<string, string>;
  readonly macs: ReadonlyMap<bigint, bigint>;
  readonly ip4: ReadonlyMap<bigint, bigint>;
  readonly ip6: ReadonlyMap<bigint, bigint>;
  /** The last 24 bits of IPv6 addresses, of all there are: groups are made of them. */
  readonly tails: ReadonlyMap<bigint, bigint>;
}

/** A text in which words that are names have their counterparts' place. */
export const renamedText = (text: string, { names }: Renaming): string =>
  text.replace(/[\w.-]+/g, (word) => names.get(word) ?? word);

/** A part whose constants may be renamed. */
export interface Renameable {
  readonly part: Part;
  readonly form: Form;
  readonly uses: Uses;
  /** Ranges of addresses that a policy speaks of. */
  readonly spoken: readonly Range[];
}

/** Undefined where there is none that changes nothing else. `form` is that of `part`, and its text that of `from`. */
export function renamingOf(from: Renameable, part: Part, form: Form, elsewhere: ElsewhereIndex): Renaming | undefined {
  const [a, b] = [from.form.constants, form.constants];
  const names = exchanged(a.names, b.names);
  const [own, other] = [addressesOf(a), addressesOf(b)];
  const macs = exchanged(own.macs, other.macs);
  const ip4 = exchanged(own.ip4, other.ip4);
  const ip6 = exchanged(own.ip6, other.ip6);
  if (!names || !macs || !ip4 || !ip6 || !exchanged(a.uuids, b.uuids)) return undefined;
  const tails = exchanged([...macs.keys(), ...ip6.keys()].map(tailOf), [...macs.values(), ...ip6.values()].map(tailOf));
  if (!tails) return undefined;
  const renaming = { names, macs, ip4, ip6, tails };
  const isFine =
    isSharedAlike(from.part, part) &&
    areFine(renaming, from) &&
    exchangeElsewhere(elsewhere, renaming, [...from.part.plans, ...part.plans]);
  return isFine ? renaming : undefined;
}

/** Each of the one list becomes its counterpart in the other, and the other way round; undefined if that contradicts itself. */
function exchanged<T>(from: readonly T[], to: readonly T[]): Map<T, T> | undefined {
  if (from.length !== to.length) return undefined;
  const map = new Map<T, T>();
  const put = (one: T, other: T): boolean => {
    const known = map.get(one);
    map.set(one, other);
    return known === undefined || known === other;
  };
  for (const [index, one] of from.entries()) {
    const other = to[index] as T;
    if (!put(one, other) || !put(other, one)) return undefined;
  }
  return map;
}

const tailOf = (address: bigint): bigint => address & 0xffffffn;

/** What is in both parts, but not among the lines of their forms. */
function isSharedAlike({ southbound: a }: Part, { southbound: b }: Part): boolean {
  return (['addressSets', 'dhcpOptions', 'dhcpv6Options', 'chassis', 'templates'] as const).every((key) =>
    isSame(a[key], b[key]),
  );
}

interface Masked {
  readonly value: bigint;
  readonly mask: bigint;
}

/** Addresses that mean something by themselves, whatever a part says: RFC 6890, and what properties call outside. */
const special4: readonly Masked[] = [
  [0x00000000n, 8],
  [0x0a000000n, 8],
  [0x64400000n, 10],
  [0x7f000000n, 8],
  [0xa9fe0000n, 16],
  [0xac100000n, 12],
  [0xc0a80000n, 16],
  [0xe0000000n, 3],
  [0xe0000000n, 4],
  [0xf0000000n, 4],
  [0xffffffffn, 32],
].map(([value, length]) => ({
  value: value as bigint,
  mask: (0xffffffffn << BigInt(32 - Number(length))) & 0xffffffffn,
}));

const groups: Masked = { value: (0xff02n << 112n) | (0x1ffn << 24n), mask: (1n << 128n) - (1n << 24n) };
const low64 = (1n << 64n) - 1n;
const low24 = 0xffffffn;

/** Whether nothing but exact comparisons tells apart what is exchanged. */
function areFine({ macs, ip4, ip6, tails }: Renaming, { form, uses, spoken }: Renameable): boolean {
  const masked = (sort: Sort): Masked[] => uses.masked.filter((one) => one.sort === sort);
  const ranges = (family: 4 | 6): Masked[] => [...form.ranges, ...spoken].filter((one) => one.family === family);
  const four = [...special4, ...masked('ip4'), ...ranges(4)];
  const six = [...masked('ip6'), ...ranges(6)];
  const tops = moved(ip4).map(([one, other]) => [one << 96n, other << 96n] as const);
  return (
    moved(macs).every(([one, other]) => isStation(one, other) && isBeside(one, other, masked('mac'))) &&
    moved(ip4).every(([one, other]) => one !== 0n && isBeside(one, other, four)) &&
    moved(tails).every(([one]) => one !== 0n) &&
    moved(ip6).every(([one, other]) => one >> 64n === other >> 64n && zeros(one) === zeros(other)) &&
    six.every((one) => sparesTails(one, tails)) &&
    tops.every(([one, other]) => isBeside(one, other, six.map(top))) &&
    [...uses.exact6, ...ip6.keys()].every(
      (one) => staysOnTop(one, ip4) && (ip6.has(one) || !isMoved(tails, tailOf(one))),
    )
  );
}

const moved = (map: ReadonlyMap<bigint, bigint>): [bigint, bigint][] =>
  [...map].filter(([one, other]) => one !== other);

const isMoved = (map: ReadonlyMap<bigint, bigint>, one: bigint): boolean => (map.get(one) ?? one) !== one;

/** Two hosts' addresses, or two groups of neighbours (33:33:ff). */
function isStation(one: bigint, other: bigint): boolean {
  if (one >> 24n === 0x3333ffn) return other >> 24n === 0x3333ffn;
  return one !== 0n && ((one | other) & (1n << 40n)) === 0n;
}

/** Whether no comparison under a mask holds for one of them alone. */
const isBeside = (one: bigint, other: bigint, all: readonly Masked[]): boolean =>
  all.every(({ value, mask }) => ((one & mask) === value) === ((other & mask) === value));

/** Which of an address's words of 32 bits are zero. */
const zeros = (address: bigint): string =>
  [0n, 32n, 64n, 96n].map((shift) => ((address >> shift) & 0xffffffffn) === 0n).join();

const top = ({ value, mask }: Masked): Masked => ({
  value: value & ~((1n << 96n) - 1n),
  mask: mask & ~((1n << 96n) - 1n),
});

/** Whether a comparison of an IPv6 address is of its prefix of 64 bits at most, of all groups of neighbours, or of another tail. */
function sparesTails({ value, mask }: Masked, tails: ReadonlyMap<bigint, bigint>): boolean {
  if ((mask & low64) === 0n) return true;
  if (mask === groups.mask && value === groups.value) return true;
  return (mask & low24) === low24 && !isMoved(tails, tailOf(value));
}

/** Registers may hold the first 32 bits of an IPv6 address where an IPv4 address is compared with: they are renamed alike. */
const staysOnTop = (address: bigint, ip4: ReadonlyMap<bigint, bigint>): boolean => !isMoved(ip4, address >> 96n);

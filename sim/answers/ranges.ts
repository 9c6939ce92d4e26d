/** The values that a field has in a set of packets, as ranges; ranges of addresses as CIDRs. */
import type { PacketSet, Space } from '../../engine/sets/index.ts';

/** From a value to another, inclusive. */
export interface Range {
  readonly low: bigint;
  readonly high: bigint;
}

/** More ranges than this nobody reads. */
const rangeLimit = 4096;

/** The values of a field in the packets of a set, in order; undefined where they are too scattered to be listed. */
export function rangesOf(space: Space, set: PacketSet, field: number): Range[] | undefined {
  const others = space.fields.map((_, index) => index).filter((index) => index !== field);
  const width = space.fields[field]?.width ?? 0;
  const ranges: Range[] = [];
  let isTooMany = false;
  space.cubes(space.forget(set, others), (literals) => {
    let value = 0n;
    let mask = 0n;
    for (const literal of literals) {
      value |= literal.value & literal.mask;
      mask |= literal.mask;
    }
    isTooMany = !expand(ranges, value, mask, width) || ranges.length > rangeLimit;
    return !isTooMany;
  });
  return isTooMany ? undefined : joined(ranges);
}

/** Adds the ranges of a cube: bits that it leaves open below its last demand make one range, others several. */
function expand(ranges: Range[], value: bigint, mask: bigint, width: number): boolean {
  let low = 0;
  while (low < width && ((mask >> BigInt(low)) & 1n) === 0n) low++;
  const size = 1n << BigInt(low);
  const open: bigint[] = [];
  for (let bit = low; bit < width; bit++) if (((mask >> BigInt(bit)) & 1n) === 0n) open.push(1n << BigInt(bit));
  if (open.length > 12) return false;
  for (let number = 0; number < 2 ** open.length; number++) {
    const start = open.reduce((sum, bit, index) => ((number >> index) & 1 ? sum | bit : sum), value);
    ranges.push({ low: start, high: start + size - 1n });
  }
  return true;
}

function joined(ranges: readonly Range[]): Range[] {
  const sorted = [...ranges].sort((a, b) => (a.low < b.low ? -1 : 1));
  const list: { low: bigint; high: bigint }[] = [];
  for (const { low, high } of sorted) {
    const last = list.at(-1);
    if (!last || low > last.high + 1n) list.push({ low, high });
    else if (high > last.high) last.high = high;
  }
  return list;
}

/** A range of addresses is written as so many CIDRs at most, otherwise from end to end. */
const cidrLimit = 3;

/** `10.0.0.0/24`, `10.0.0.5`, or `10.0.0.3-10.0.0.90`. */
export function addressText({ low, high }: Range, width: number, format: (address: bigint) => string): string {
  const cidrs: string[] = [];
  let start = low;
  while (start <= high && cidrs.length <= cidrLimit) {
    let bits = 0;
    while (bits < width && (start & ((2n << BigInt(bits)) - 1n)) === 0n && start + (2n << BigInt(bits)) - 1n <= high)
      bits++;
    cidrs.push(bits === 0 ? format(start) : `${format(start)}/${width - bits}`);
    start += 1n << BigInt(bits);
  }
  return cidrs.length > cidrLimit ? `${format(low)}-${format(high)}` : cidrs.join(', ');
}

/** `443`, `8000-8100`. */
export const numberText = ({ low, high }: Range): string => (low === high ? `${low}` : `${low}-${high}`);

/**
 * Images and preimages of sets under rewrites, as substitutions of variables.
 *
 * A preimage puts into the place of each bit what it is made of.  An image
 * gives each bit of a packet the name of a bit that it is copied to; what is
 * copied twice makes two bits equal, and what is copied to nowhere is forgotten.
 * An amount is added last, which is the preimage of taking it away.
 */
import { checkValue, fieldAt, type Layout, variableOf } from './fields.ts';
import { ANY, type Kernel } from './kernel.ts';
import type { PacketSet, Rewrite } from './space.ts';
import { equal } from './values.ts';

/** What the bits of rewritten packets are made of, by variable; an amount is added to some fields then. */
interface Plan {
  readonly bits: ReadonlyMap<number, BitSource>;
  readonly sums: readonly Sum[];
  readonly key: string;
}

type BitSource = { readonly constant: 0 | 1 } | { readonly copy: number } | { readonly any: true };

interface Sum {
  readonly field: number;
  readonly amount: number;
}

const MOST_SUM_BITS = 16;

/** What packets of the set look like once rewritten. Throws a RangeError if a rewrite makes no sense. */
export function image(kernel: Kernel, layout: Layout, set: PacketSet, rewrites: readonly Rewrite[]): PacketSet {
  const plan = planOf(layout, rewrites);
  const lost = new Map<number, PacketSet>();
  const renamed = new Map<number, PacketSet>();
  const copies = copiesOf(plan);
  for (const variable of new Set([...plan.bits.keys(), ...copies.keys()])) {
    const [name] = copies.get(variable) ?? [];
    if (name === undefined) lost.set(variable, ANY);
    else if (name !== variable) renamed.set(variable, kernel.node(name, 0, 1));
  }
  // What is lost goes first: there is less to rename then.
  let result = kernel.substitute(set, () => lost, `lost ${plan.key}`);
  result = kernel.substitute(result, () => renamed, `renamed ${plan.key}`);
  const constants = [...plan.bits].flatMap(([variable, source]) =>
    'constant' in source ? [variable * 2 + source.constant] : [],
  );
  result = kernel.and(result, kernel.cube(Int32Array.from(constants).sort(), constants.length));
  for (const [name, ...others] of copies.values()) {
    for (const other of others) result = kernel.and(result, equal(kernel, name ?? other, other));
  }
  return add(kernel, layout, result, plan, -1);
}

/** The packets that are in the set once rewritten. Throws a RangeError if a rewrite makes no sense. */
export function preimage(kernel: Kernel, layout: Layout, set: PacketSet, rewrites: readonly Rewrite[]): PacketSet {
  const plan = planOf(layout, rewrites);
  const substitutions = new Map<number, PacketSet>();
  for (const [variable, source] of plan.bits) {
    if ('constant' in source) substitutions.set(variable, source.constant);
    else if ('copy' in source) substitutions.set(variable, kernel.node(source.copy, 0, 1));
    else substitutions.set(variable, ANY);
  }
  const before = add(kernel, layout, set, plan, 1);
  return kernel.substitute(before, () => substitutions, `preimage ${plan.key}`);
}

/** The packets that are in the set once the sums, `sign` times, are added. */
function add(kernel: Kernel, layout: Layout, set: PacketSet, { sums, key }: Plan, sign: 1 | -1): PacketSet {
  if (sums.length === 0) return set;
  const substitutions = new Map<number, PacketSet>();
  for (const { field, amount } of sums) addSum(kernel, layout, field, sign * amount, substitutions);
  return kernel.substitute(set, () => substitutions, `add ${sign} ${key}`);
}

/** Puts into the place of the field's bits what they are once an amount is added. */
function addSum(kernel: Kernel, layout: Layout, field: number, amount: number, to: Map<number, PacketSet>): void {
  const { width } = fieldAt(layout, field);
  let carry = 0;
  for (let bit = 0; bit < width; bit++) {
    const variable = variableOf(layout, field, bit);
    const one = Math.floor(amount / 2 ** bit) & 1;
    const flipped = carry ^ one;
    to.set(variable, kernel.node(variable, flipped, flipped ^ 1));
    carry = one ? kernel.node(variable, carry, 1) : kernel.node(variable, 0, carry);
  }
}

/** Of each bit that is the source of rewritten ones or would be itself, all bits it is copied to, itself first. */
function copiesOf({ bits }: Plan): Map<number, number[]> {
  const copies = new Map<number, number[]>();
  for (const [variable, source] of bits) {
    if (!('copy' in source)) continue;
    const { copy } = source;
    const names = copies.get(copy) ?? (bits.has(copy) ? [] : [copy]);
    if (variable === copy) names.unshift(variable);
    else names.push(variable);
    copies.set(copy, names);
  }
  return copies;
}

function planOf(layout: Layout, rewrites: readonly Rewrite[]): Plan {
  const bits = new Map<number, BitSource>();
  const sums: Sum[] = [];
  for (const rewrite of rewrites) {
    const { field, ofs, n } = rewrite;
    const at = fieldAt(layout, field);
    if (!Number.isInteger(n) || n < 1)
      throw new RangeError(`a rewrite of ${at.name} is of ${n} bits, not of 1 or more`);
    if (rewrite.kind === 'constant')
      checkValue({ name: `${at.name}[${ofs}..${ofs + n - 1}]`, width: n }, rewrite.value);
    if (rewrite.kind === 'plus') sums.push(sumOf(layout, rewrite));
    for (let i = 0; i < n; i++) {
      const variable = variableOf(layout, field, ofs + i);
      if (bits.has(variable)) throw new RangeError(`two rewrites are of bit ${ofs + i} of ${at.name}`);
      bits.set(variable, sourceOf(layout, rewrite, i));
    }
  }
  return { bits, sums, key: rewrites.map(keyOf).join(' ') };
}

function sourceOf(layout: Layout, rewrite: Rewrite, i: number): BitSource {
  switch (rewrite.kind) {
    case 'constant':
      return { constant: (rewrite.value >> BigInt(i)) & 1n ? 1 : 0 };
    case 'copy':
      return { copy: variableOf(layout, rewrite.from, rewrite.fromOfs + i) };
    case 'plus':
      return { copy: variableOf(layout, rewrite.from, i) };
    case 'any':
      return { any: true };
  }
}

function sumOf(layout: Layout, { field, ofs, n, from, amount }: Rewrite & { readonly kind: 'plus' }): Sum {
  const to = fieldAt(layout, field);
  const source = fieldAt(layout, from);
  if (ofs !== 0 || n !== to.width || n > MOST_SUM_BITS || source.width !== n) {
    throw new RangeError(
      `${to.name} cannot be ${source.name} and an amount: that is for whole fields of equal width, ${MOST_SUM_BITS} bits at most`,
    );
  }
  if (!Number.isSafeInteger(amount)) throw new RangeError(`${amount} cannot be added to ${source.name}`);
  return { field, amount: ((amount % 2 ** n) + 2 ** n) % 2 ** n };
}

function keyOf(rewrite: Rewrite): string {
  const where = `${rewrite.field}.${rewrite.ofs}.${rewrite.n}`;
  switch (rewrite.kind) {
    case 'constant':
      return `${where}=${rewrite.value}`;
    case 'copy':
      return `${where}<${rewrite.from}.${rewrite.fromOfs}`;
    case 'plus':
      return `${where}+${rewrite.from}.${rewrite.amount}`;
    case 'any':
      return `${where}?`;
  }
}

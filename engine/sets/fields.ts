/**
 * Fields and variables: the fields in the order that was given, and of each the
 * highest bit first, so that the prefix of an address stands above the rest of it.
 */
import type { Literal, SetField } from './space.ts';

/** Deeper diagrams would not fit onto the stack. */
const MOST_VARIABLES = 2432;

export interface Layout {
  readonly fields: readonly SetField[];
  readonly variables: number;
  /** Of each field, its highest bit's variable. */
  readonly first: readonly number[];
  /** Of each variable, the field that it is a bit of. */
  readonly fieldOf: Uint16Array;
}

/**
 * `order`: the fields from the top of diagrams on, each once; as they stand unless given.
 * Throws a RangeError if a field has no bits, or all of them too many, and for an order that is none.
 */
export function layOut(fields: readonly SetField[], order: readonly number[] = [...fields.keys()]): Layout {
  const first = new Array<number>(fields.length).fill(-1);
  let variables = 0;
  for (const index of order) {
    const field = fields[index];
    if (!field || first[index] !== -1)
      throw new RangeError(`the order of fields names ${index} twice, or there is none`);
    const { name, width } = field;
    if (!Number.isInteger(width) || width < 1) throw new RangeError(`${name} has ${width} bits; a field has 1 or more`);
    first[index] = variables;
    variables += width;
  }
  if (first.includes(-1)) throw new RangeError('the order of fields leaves one out');
  if (variables > MOST_VARIABLES) {
    throw new RangeError(`the fields have ${variables} bits together, more than ${MOST_VARIABLES}`);
  }
  const fieldOf = new Uint16Array(variables);
  for (const [field, { width }] of fields.entries()) {
    fieldOf.fill(field, first[field], (first[field] ?? 0) + width);
  }
  return { fields, variables, first, fieldOf };
}

/** The field and its first variable. Throws a RangeError if there is no such field. */
export function fieldAt(layout: Layout, field: number): SetField & { readonly first: number } {
  const found = layout.fields[field];
  const first = layout.first[field];
  if (found === undefined || first === undefined) {
    throw new RangeError(`there is no field ${field}, the last one is ${layout.fields.length - 1}`);
  }
  return { name: found.name, width: found.width, first };
}

/** Throws a RangeError if there is no such field or bit. */
export function variableOf(layout: Layout, field: number, bit: number): number {
  const { name, width, first } = fieldAt(layout, field);
  if (!Number.isInteger(bit) || bit < 0 || bit >= width) throw new RangeError(`${name} has no bit ${bit}`);
  return first + width - 1 - bit;
}

/** Throws a RangeError unless the value fits into the field. */
export function checkValue({ name, width }: SetField, value: bigint): void {
  if (value >> BigInt(width) !== 0n) throw new RangeError(`${name} has ${width} bits, ${value} is no value of it`);
}

/** The bits that literals demand, each variable * 2 + value, in ascending order. */
export function bitsOf(layout: Layout, literals: readonly Literal[]): number[] {
  const bits: number[] = [];
  let ascending = true;
  let before = -1;
  for (const literal of literals) {
    const variable = layout.first[literal.field] ?? -1;
    ascending &&= variable > before;
    before = variable;
    addBits(layout, literal, bits);
  }
  if (ascending) return bits;
  bits.sort((a, b) => a - b);
  return bits.filter((bit, i) => bit !== bits[i - 1]);
}

function addBits(layout: Layout, { field, value, mask }: Literal, bits: number[]): void {
  const at = fieldAt(layout, field);
  checkValue(at, mask);
  const last = at.first + at.width - 1;
  for (let base = (at.width - 1) & ~31; base >= 0; base -= 32) {
    const shift = BigInt(base);
    const ones = Number(BigInt.asUintN(32, value >> shift));
    let left = Number(BigInt.asUintN(32, mask >> shift));
    while (left !== 0) {
      const bit = 31 - Math.clz32(left);
      left = (left & ~(1 << bit)) >>> 0;
      bits.push((last - base - bit) * 2 + ((ones >>> bit) & 1));
    }
  }
}

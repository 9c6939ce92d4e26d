import { describe, expect, test } from 'vitest';
import { rememberedCubes } from '../../engine/sets/cubes.ts';
import { layOut } from '../../engine/sets/fields.ts';
import { type Kernel, startKernel } from '../../engine/sets/kernel.ts';

const layout = layOut([
  { name: 'kind', width: 8 },
  { name: 'address', width: 32 },
]);

/** A kernel that counts the cubes that it makes. */
function counting(): { kernel: Kernel; made(): number } {
  const kernel = startKernel(layout.variables, {});
  let made = 0;
  const cube: Kernel['cube'] = (bits, count) => {
    made += 1;
    return kernel.cube(bits, count);
  };
  return { kernel: { ...kernel, cube }, made: () => made };
}

const kind = { field: 0, value: 6n, mask: 0xffn };
const address = { field: 1, value: 0x0a000001n, mask: 0xffffffffn };

describe('cubes that are remembered', () => {
  test('the same literals are made once', () => {
    const { kernel, made } = counting();
    const cubes = rememberedCubes(kernel, layout);
    const first = cubes.of([kind, address]);
    expect(cubes.of([{ ...kind }, { ...address }])).toBe(first);
    expect(cubes.of([{ ...kind }])).toBe(cubes.of([kind]));
    expect(made()).toBe(2);
  });

  test('field, mask and value tell them apart', () => {
    const { kernel } = counting();
    const cubes = rememberedCubes(kernel, layout);
    const sets = [
      [kind],
      [{ ...kind, value: 7n }],
      [{ ...kind, mask: 0x0fn }],
      [{ ...kind, field: 1 }],
      [kind, address],
      [kind, { ...address, value: 0x0a000002n }],
    ].map((literals) => cubes.of(literals));
    expect(new Set(sets).size).toBe(sets.length);
  });

  test('bits of a value that its mask leaves out do not matter', () => {
    const cubes = rememberedCubes(counting().kernel, layout);
    expect(cubes.of([{ field: 0, value: 0xf6n, mask: 0x0fn }])).toBe(cubes.of([{ field: 0, value: 6n, mask: 0x0fn }]));
  });

  test('no literals are all packets, contradicting ones none', () => {
    const cubes = rememberedCubes(counting().kernel, layout);
    expect(cubes.of([])).toBe(1);
    expect(cubes.of([kind, { ...kind, value: 7n }])).toBe(0);
  });

  test('what is forgotten is made anew', () => {
    const { kernel, made } = counting();
    const cubes = rememberedCubes(kernel, layout);
    const first = cubes.of([address]);
    const mark = kernel.exports.nodeCount();
    cubes.of([kind]);
    cubes.of([kind, address]);
    kernel.release(mark, []);
    cubes.forget(mark);
    const before = made();
    expect(cubes.of([address])).toBe(first);
    expect(made()).toBe(before);
    const again = [cubes.of([kind]), cubes.of([kind, address])];
    expect(made()).toBe(before + 2);
    again.forEach(kernel.check);
  });

  test('other sets are made once, too, and are no cubes of the same key', () => {
    const { kernel } = counting();
    const cubes = rememberedCubes(kernel, layout);
    const either = kernel.or(cubes.of([kind]), cubes.of([address]));
    let asked = 0;
    const make = () => {
      asked += 1;
      return either;
    };
    const both = cubes.of([kind, address]);
    const key = '0 1 ';
    expect([cubes.once(key, make), cubes.once(key, make)]).toEqual([either, either]);
    expect(asked).toBe(1);
    expect(cubes.of([kind, address])).toBe(both);
    cubes.forget(0);
    cubes.once(key, make);
    expect(asked).toBe(2);
  });

  test('a field that there is not, and a mask that is too wide, are refused', () => {
    const cubes = rememberedCubes(counting().kernel, layout);
    expect(() => cubes.of([{ field: 2, value: 0n, mask: 1n }])).toThrow(RangeError);
    expect(() => cubes.of([{ field: 0, value: 0n, mask: 0x1ffn }])).toThrow(/kind has 8 bits/);
  });
});

/** Sets as conjunctions with an order, tried on every packet of a small space. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Cell, coverCells, exceptionsFor, type Grammar } from '../../engine/offload/cover.ts';
import { createSpace, type Literal, type PacketSet } from '../../engine/sets/index.ts';
import { cook, fields, meets, membersOf, packets, recipe } from '../sets/brute.ts';

const space = createSpace(fields);

/** Everything may be said of every field. */
const grammar: Grammar = {
  fieldsOf: () => [3, 2, 1, 0],
  sayable: (literals) => literals,
  isDivisible: () => true,
  isOutside: () => true,
  weight: (literals) => literals.reduce((sum, { mask }) => sum + mask.toString(2).replaceAll('0', '').length, 0),
  fits: () => true,
};

/** Sets that do not overlap. */
const cellsOf = (sets: readonly PacketSet[], layers: readonly number[]): Cell<number>[] => {
  let taken = space.empty;
  return sets.map((set, target) => {
    const own = space.diff(set, taken);
    taken = space.or(taken, own);
    return { set: own, target, layer: layers[target] ?? 0 };
  });
};

/** What the first conjunction that a packet meets is for; `none` where it meets none. */
function targetOf(
  ranked: ReturnType<typeof coverCells<number>>['ranked'],
  packet: readonly bigint[],
): number | 'software' {
  const met = ranked.filter(({ literals }) => meets(packet, literals as Literal[]));
  const first = Math.min(...met.map(({ priority }) => priority));
  const targets = new Set(met.filter(({ priority }) => priority === first).map(({ target }) => target ?? 'software'));
  if (targets.size > 1) throw new Error(`a packet meets ${[...targets].join(' and ')} at one priority`);
  const [target = 'software'] = targets;
  return target;
}

test('each packet of a cell meets its target first, and the others none; cells that failed meet nothing', () => {
  fc.assert(
    fc.property(fc.array(recipe, { minLength: 1, maxLength: 4 }), fc.array(fc.nat({ max: 1 })), (made, layers) => {
      const cells = cellsOf(
        made.map((each) => cook(space, each)),
        layers,
      ).filter(({ set }) => set !== space.empty);
      const { ranked, failed } = coverCells({ space, care: space.all, cells, grammar });
      const members = cells.map((cell) => ({ cell, members: membersOf(space, cell.set) }));
      for (const [number, packet] of packets.entries()) {
        const home = members.find((one) => one.members[number])?.cell;
        const wanted = home === undefined || failed.includes(home) ? 'software' : home.target;
        expect(targetOf(ranked, packet)).toBe(wanted);
      }
    }),
    { numRuns: 60 },
  );
});

test('one conjunction and one exception say all but one value', () => {
  const set = space.diff(
    space.cube([{ field: 0, value: 5n, mask: 7n }]),
    space.cube([{ field: 2, value: 3n, mask: 7n }]),
  );
  const { ranked, failed } = coverCells({
    space,
    care: space.all,
    cells: [{ set, target: 1, layer: 0 }],
    grammar,
  });
  expect(failed).toEqual([]);
  expect(ranked).toEqual([
    { literals: [{ field: 2, value: 3n, mask: 7n }], priority: 0, target: undefined },
    { literals: [{ field: 0, value: 5n, mask: 7n }], priority: 1, target: 1 },
  ]);
});

test('two values far from each other are two conjunctions', () => {
  const set = space.or(
    space.cube([
      { field: 0, value: 7n, mask: 7n },
      { field: 2, value: 0n, mask: 7n },
    ]),
    space.cube([
      { field: 0, value: 0n, mask: 7n },
      { field: 2, value: 7n, mask: 7n },
    ]),
  );
  const { ranked } = coverCells({ space, care: space.all, cells: [{ set, target: 1, layer: 0 }], grammar });
  const said = ranked.filter(({ target }) => target === 1).map(({ literals }) => space.cube(literals as Literal[]));
  expect(space.isSubset(set, space.orAll(said))).toBe(true);
});

test('exceptions touch nothing that is handled, and are none where too many would be needed', () => {
  const handled = space.oneOf(0, [0n, 3n, 5n, 6n]);
  const excess = space.not(handled);
  const input = { space, care: space.all, cells: [], grammar };
  const found = exceptionsFor(input, excess, handled, 8) ?? [];
  const together = space.orAll(found.map((literals) => space.cube(literals as Literal[])));
  expect(space.isSubset(excess, together)).toBe(true);
  expect(space.intersects(together, handled)).toBe(false);
  expect(exceptionsFor(input, excess, handled, 2)).toBeUndefined();
});

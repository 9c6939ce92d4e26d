/** Who reaches whom, put together of what parts of a network know of their own networks and wires. */
import type { MatrixGroup } from '../answers/index.ts';
import type { View } from '../properties/view.ts';
import type { Matrix } from '../verdict.ts';

/** With more networks than this nobody reads a table of who reaches whom. */
const matrixLimit = 12;

/** Whether there are few enough networks for a table. */
export function hasMatrix({ tenants }: View): boolean {
  const networks = tenants.flatMap((tenant) => tenant.networks);
  return networks.length > 0 && networks.length <= matrixLimit;
}

/** The rows and columns of the table: networks, and wires outside. */
export const matrixGroups = ({ tenants, wires }: View): MatrixGroup[] => [
  ...tenants
    .flatMap((tenant) => tenant.networks)
    .map(({ name, hosts }) => ({ name, ports: hosts.map(({ port }) => port) })),
  ...wires.map(({ name, ports }) => ({ name: `outside (${name})`, ports })),
];

type Cell = Matrix['cells'][number][number];

/** The table of a whole network; undefined where it needs more than those of its parts. */
export function mergedMatrix(view: View, parts: readonly (Matrix | undefined)[]): Matrix | undefined {
  const groups = matrixGroups(view);
  const names = groups.map(({ name }) => name);
  // Of a part that could not be verified nothing is known.
  if (new Set(names).size < names.length || parts.some((matrix) => !matrix)) return undefined;
  const places = parts.map((matrix) => new Map(matrix?.names.map((name, index) => [name, index])));
  /** How many parts have ports of a group. */
  const spread = new Map(names.map((name) => [name, places.filter((known) => known.has(name)).length]));
  const cells: Cell[][] = [];
  for (const from of names) {
    const row: Cell[] = [];
    for (const to of names) {
      const found = parts.flatMap((matrix, part) => {
        const [a, b] = [places[part]?.get(from), places[part]?.get(to)];
        const cell = a === undefined || b === undefined ? undefined : matrix?.cells[a]?.[b];
        return cell && cell.reach !== 'none' ? [cell] : [];
      });
      if (found.length > 1) return undefined;
      const [cell] = found;
      const isPartial = (spread.get(from) ?? 0) > 1 || (spread.get(to) ?? 0) > 1;
      row.push(!cell ? { reach: 'none', traffic: '' } : isPartial ? { ...cell, reach: 'some' } : cell);
    }
    cells.push(row);
  }
  return { names, cells };
}

/**
 * A southbound database by datapath. Who puts one together of the lists of its datapaths notes them, so that
 * readers of databases that follow each other see, without looking into them, which have stayed the very same.
 */
import type { DatapathBinding, LogicalFlow, MulticastGroup, PortBinding, Southbound } from './southbound.ts';

/** The rows of one datapath, in their order; never changed. */
export interface DatapathRows {
  readonly binding: DatapathBinding;
  readonly ports: readonly PortBinding[];
  readonly flows: readonly LogicalFlow[];
  readonly multicastGroups: readonly MulticastGroup[];
}

/** The columns of a database that are lists of rows of datapaths, one behind the other. */
export type ListedRows = Pick<Southbound, 'datapaths' | 'ports' | 'flows' | 'multicastGroups'>;

/** All rows of all datapaths. */
export const listedRows = (datapaths: readonly DatapathRows[]): ListedRows => ({
  datapaths: datapaths.map(({ binding }) => binding),
  ports: joined(datapaths.map(({ ports }) => ports)),
  flows: joined(datapaths.map(({ flows }) => flows)),
  multicastGroups: joined(datapaths.map(({ multicastGroups }) => multicastGroups)),
});

function joined<T>(lists: readonly (readonly T[])[]): T[] {
  const all = new Array<T>(lists.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const list of lists) for (const each of list) all[at++] = each;
  return all;
}

interface Noted extends ListedRows {
  readonly rows: readonly DatapathRows[];
}

const noted = new WeakMap<Southbound, Noted>();

const columns = ['datapaths', 'ports', 'flows', 'multicastGroups'] as const;

/** Notes of which lists a database was made, by `listedRows`; nobody changes them from now on. */
export function noteRows(southbound: Southbound, rows: readonly DatapathRows[]): void {
  const { datapaths, ports, flows, multicastGroups } = southbound;
  noted.set(southbound, { datapaths, ports, flows, multicastGroups, rows });
}

/** The lists of a database, where somebody has noted them and nobody has put others in their place. */
export function notedRows(southbound: Southbound): readonly DatapathRows[] | undefined {
  const known = noted.get(southbound);
  return known && columns.every((column) => known[column] === southbound[column]) ? known.rows : undefined;
}

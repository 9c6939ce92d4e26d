/**
 * What makes one northbound database of another, for who follows a network whose files change:
 *
 *     const { changes, northbound } = differenceOf(before, after);
 *     northd.apply(changes);
 */
import { emptyNorthbound, type Northbound, type NorthboundTable } from '../ovsdb/northbound.ts';
import { isSame } from '../same.ts';
import type { NorthboundChange } from './change.ts';

export interface Difference {
  /** Those that make `before` what `after` is. */
  readonly changes: readonly NorthboundChange[];
  /**
   * The rows of `after`: those that are the same as before are the very objects of before, in their places, and those that came
   * stand behind them. A table without a change is the very one of before.
   */
  readonly northbound: Northbound;
}

type AnyRow = { readonly _uuid: string };

/** Compares two databases row by row, their places in manifests too. Neither is changed. */
export function differenceOf(before: Northbound, after: Northbound): Difference {
  const changes: NorthboundChange[] = [];
  const northbound: Record<string, ReadonlyMap<string, AnyRow>> = emptyNorthbound();
  for (const table of Object.keys(northbound) as NorthboundTable[]) {
    const known: ReadonlyMap<string, AnyRow> = before[table];
    const own = tableChanges(table, known, after[table]);
    northbound[table] = own.length > 0 ? withChanges(known, own) : known;
    for (const change of own) changes.push(change);
  }
  return { changes, northbound: northbound as unknown as Northbound };
}

function tableChanges(
  table: NorthboundTable,
  before: ReadonlyMap<string, AnyRow>,
  after: ReadonlyMap<string, AnyRow>,
): NorthboundChange[] {
  const changes: object[] = [];
  for (const uuid of before.keys()) if (!after.has(uuid)) changes.push({ table, deleted: uuid });
  for (const [uuid, row] of after) if (!isSame(before.get(uuid), row)) changes.push({ table, row });
  return changes as NorthboundChange[];
}

function withChanges(
  rows: ReadonlyMap<string, AnyRow>,
  changes: readonly NorthboundChange[],
): ReadonlyMap<string, AnyRow> {
  const made = new Map(rows);
  for (const change of changes) {
    if ('row' in change) made.set(change.row._uuid, change.row);
    else made.delete(change.deleted);
  }
  return made;
}

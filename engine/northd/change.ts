/** Changes of a northbound database. */
import type { NorthboundRow, NorthboundTable } from '../ovsdb/northbound.ts';

/** A row that is inserted or replaces the one with its UUID, or one that is deleted. */
export type NorthboundChange = {
  [T in NorthboundTable]:
    | { readonly table: T; readonly row: NorthboundRow<T> }
    | { readonly table: T; readonly deleted: string };
}[NorthboundTable];

/** The UUID of the row that changes. */
export const uuidOf = (change: NorthboundChange): string => ('row' in change ? change.row._uuid : change.deleted);

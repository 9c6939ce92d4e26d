/** What ovn-northd would write to its log. */
import type { Origin } from '../origin.ts';

/** Something in the northbound database that was passed over. */
export interface NorthdWarning {
  /** A stable identifier, e.g. `duplicate-port`. */
  id: string;
  /** A sentence without a full stop at its end. */
  message: string;
  /** UUID of the northbound row it is about. */
  row: string;
  origin?: Origin;
}

/** Adds a warning about `row`. */
export function warn(
  warnings: NorthdWarning[],
  row: { readonly _uuid: string; readonly origin?: Origin },
  id: string,
  message: string,
): void {
  warnings.push({ id, message, row: row._uuid, ...(row.origin && { origin: row.origin }) });
}

/** `file:line:column: warning: message`, or the message alone where no manifest caused the row. */
export function formatWarning({ origin, message }: NorthdWarning): string {
  const place = origin ? `${origin.file}:${origin.line}:${origin.column}: ` : '';
  return `${place}warning: ${message}`;
}

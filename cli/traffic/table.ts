/** Tables for a person to read. */

/** Rows as lines in columns; columns whose number is in `left` begin at the left, the last one is never padded. */
export function tableText(rows: readonly (readonly string[])[], left: readonly number[] = [0]): string {
  const count = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: count }, (_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  const cellOf = (cell: string, at: number) => {
    if (!left.includes(at)) return cell.padStart(widths[at] ?? 0);
    return cell.padEnd(widths[at] ?? 0);
  };
  return rows.map((row) => `${row.map(cellOf).join('  ').trimEnd()}\n`).join('');
}

/** The table of who reaches whom, as text. */
import type { Matrix } from '../verdict.ts';

/** A, B, ... Z, AA, AB, ... */
export function columnName(index: number): string {
  const last = String.fromCharCode('A'.charCodeAt(0) + (index % 26));
  return index < 26 ? last : columnName(Math.floor(index / 26) - 1) + last;
}

type Reach = Matrix['cells'][number][number]['reach'];

export const reachMarks: Readonly<Record<Reach, string>> = { all: '✓', some: '~', none: '·' };

/** Lines of the table: a row a sender, a column a receiver; then what gets through where that is not everything. */
export function matrixLines({ names, cells }: Matrix, paint: (text: string, reach: Reach) => string): string[] {
  if (names.length === 0) return [];
  const wide = Math.max(...names.map((_, index) => columnName(index).length));
  const long = Math.max(...names.map((name) => name.length));
  const letters = names.map((_, index) => columnName(index).padEnd(wide));
  const header = `  ${' '.repeat(wide + long + 2)}to ${letters.join(' ')}`;
  const rows = names.map((name, row) => {
    const marks = letters.map((_, column) => {
      const reach = cells[row]?.[column]?.reach ?? 'none';
      return paint(reachMarks[reach], reach) + ' '.repeat(wide - 1);
    });
    return `  ${letters[row]} ${name.padEnd(long)}    ${marks.join(' ')}`;
  });
  return [
    'Who reaches whom, over all packets (✓ every pair of ports, ~ some pairs, · nobody):',
    '',
    header.trimEnd(),
    ...rows.map((row) => row.trimEnd()),
    '',
    ...trafficLines({ names, cells }),
  ];
}

/** What gets through, where it is not `any`: those with the same words on one line. */
function trafficLines({ names, cells }: Matrix): string[] {
  const byTraffic = new Map<string, string[]>();
  for (const [row, line] of cells.entries()) {
    for (const [column, { reach, traffic }] of line.entries()) {
      if (reach === 'none' || traffic === 'any' || !names[row] || !names[column]) continue;
      const pair = `${columnName(row)}→${columnName(column)}`;
      byTraffic.set(traffic, [...(byTraffic.get(traffic) ?? []), pair]);
    }
  }
  if (byTraffic.size === 0) return [];
  const lines = [...byTraffic].map(([traffic, pairs]) => `  ${pairs.join(' ')}: ${traffic}`);
  return ['Only this gets through:', ...lines, ''];
}

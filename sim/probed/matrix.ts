/** The table of who reaches whom. */
import type { Reachability } from '../probe/reachability.ts';

const legend = (count: number): string => String.fromCharCode('A'.charCodeAt(0) + count);

/** Lines of a table: a row a sender, a column a receiver; columns are lettered, the letters stand before the names. */
export function matrixLines(
  { places, reaches }: Reachability,
  paint: (text: string, isYes: boolean) => string,
): string[] {
  const width = Math.max(...places.map((place) => place.length));
  const header = `  ${' '.repeat(width + 4)}to ${places.map((_, column) => legend(column)).join(' ')}`;
  const rows = places.map((place, row) => {
    const cells = reaches[row].map((isReached, column) => {
      if (row === column && place === 'outside') return ' ';
      return paint(isReached ? '✓' : '·', isReached);
    });
    return `  ${legend(row)} ${place.padEnd(width)}     ${cells.join(' ')}`;
  });
  return ['Who may start a conversation with whom:', '', header, ...rows, ''];
}

/**
 * Paths inside a document, as text: `spec.excludeIPs[0].range.start`, and
 * `metadata.labels["example.com/team"]` where a key is not a plain word.
 */

export type Segment = string | number;

export function formatPath(segments: readonly Segment[]): string {
  return segments
    .map((segment, index) => {
      if (typeof segment === 'number') return `[${segment}]`;
      if (!/^[A-Za-z_][\w-]*$/.test(segment)) return `[${JSON.stringify(segment)}]`;
      return index === 0 ? segment : `.${segment}`;
    })
    .join('');
}

/** The segments of a path that `formatPath` wrote; what is no path gives the segments before the mistake. */
export function parsePath(path: string): Segment[] {
  const segments: Segment[] = [];
  const pattern = /\.?([A-Za-z_][\w-]*)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]/y;
  while (pattern.lastIndex < path.length) {
    const found = pattern.exec(path);
    if (!found) break;
    const [, word, index, quoted] = found;
    segments.push(word ?? (index === undefined ? String(JSON.parse(quoted)) : Number(index)));
  }
  return segments;
}

/** The segments of a JSON pointer (RFC 6901), numbers being taken for indices. */
export function parsePointer(pointer: string): Segment[] {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}

/** Lines of a stream of bytes, as they arrive. */

/** A line of at most this many bytes is kept in memory; nobody writes a longer one on purpose. */
const maxLength = 64 * 1024 * 1024;

export interface Line {
  /** Without its end, which is `\n` or `\r\n`; the replacement character stands for bytes that are not UTF-8. */
  text: string;
  valid: boolean;
}

/**
 * The lines of `input`, those that came together in one array; the last line
 * needs no end.  Throws `RangeError` at a line of more than 64 MiB.
 */
export async function* readLines(input: AsyncIterable<Buffer>): AsyncGenerator<Line[], void> {
  let begun: Buffer[] = [];
  let length = 0;
  let complete = 0;
  for await (const chunk of input) {
    const end = chunk.lastIndexOf(0x0a);
    if (end >= 0) {
      const lines = split(Buffer.concat([...begun, chunk.subarray(0, end)]));
      complete += lines.length;
      yield lines;
      begun = [];
      length = 0;
    }
    const rest = chunk.subarray(end + 1);
    length += rest.length;
    if (length > maxLength) throw new RangeError(`line ${complete + 1} is longer than 64 MiB`);
    if (rest.length > 0) begun.push(rest);
  }
  if (length > 0) yield split(Buffer.concat(begun));
}

function split(bytes: Buffer): Line[] {
  const text = decode(bytes);
  if (text !== undefined) return text.split('\n').map((line) => ({ text: withoutReturn(line), valid: true }));
  const lines: Line[] = [];
  for (let start = 0; start <= bytes.length; ) {
    const end = bytes.indexOf(0x0a, start);
    const line = bytes.subarray(start, end < 0 ? undefined : end);
    const valid = decode(line);
    lines.push({ text: withoutReturn(valid ?? line.toString()), valid: valid !== undefined });
    start = end < 0 ? bytes.length + 1 : end + 1;
  }
  return lines;
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decode(bytes: Buffer): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

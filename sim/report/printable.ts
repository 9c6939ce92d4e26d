/** Names come from databases that anybody may have written: what they say is shown, never obeyed. */
import type { Verification } from '../verdict.ts';

/**
 * A copy in which control characters stand as `\x1b` (line breaks of a trace stay): nothing that a
 * name or a match says may move a terminal's cursor, and XML does not have them at all.
 */
export function printable(verification: Verification): Verification {
  return JSON.parse(JSON.stringify(verification), (key, value: unknown) =>
    typeof value === 'string' ? shown(value, key === 'trace') : value,
  ) as Verification;
}

const shown = (text: string, keepsLines: boolean): string =>
  [...text].map((char) => (keepsLines && char === '\n' ? char : (escaped(char) ?? char))).join('');

/** What stands for a character that cannot be shown. */
function escaped(char: string): string | undefined {
  const code = char.codePointAt(0) ?? 0;
  if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return `\\x${code.toString(16).padStart(2, '0')}`;
  // Halves of characters, what is no character, and what turns the direction of reading.
  const isNone = (code >= 0xd800 && code <= 0xdfff) || code === 0xfffe || code === 0xffff;
  const isTurning = (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
  return isNone || isTurning ? `\\u${code.toString(16)}` : undefined;
}

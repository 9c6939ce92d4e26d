/** Where a match, an action or a microflow is wrong. */

/**
 * The only error that this folder throws.  `message` has OVN's own words (lib/lex.c,
 * lib/expr.c, lib/actions.c), so that it reads the same as what ovn-controller logs.
 */
export class LangError extends Error {
  /** The text that was parsed. */
  readonly source: string;
  /** Where the offending token starts in `source`, counted from 0. */
  readonly offset: number;

  constructor(message: string, source: string, offset: number) {
    super(message);
    this.name = 'LangError';
    this.source = source;
    this.offset = offset;
  }

  /** The line at fault, a caret below the offending token, and the message beside it. */
  get rendering(): string {
    const lineStart = this.offset === 0 ? 0 : this.source.lastIndexOf('\n', this.offset - 1) + 1;
    const lineEnd = this.source.indexOf('\n', this.offset);
    const line = this.source.slice(lineStart, lineEnd < 0 ? undefined : lineEnd);
    return `${line}\n${' '.repeat(this.offset - lineStart)}^ ${this.message}`;
  }
}

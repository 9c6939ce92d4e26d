/** References to fields: `ip4.src`, `reg0[3]`, `xreg0[0..47]`. */
import type { FieldRef } from './ir.ts';
import type { Lexer } from './lexer.ts';
import { findSymbol, type Release } from './symbols.ts';

/** A symbol, or a range of its bits, at the current token. */
export function parseFieldRef(lexer: Lexer, release?: Release): FieldRef {
  const symbol = lexer.type === 'id' ? findSymbol(lexer.text, release) : undefined;
  if (!symbol) {
    return lexer.failSyntax('expecting field name');
  }
  lexer.advance();
  const { name, width, level } = symbol;
  if (!lexer.match('[')) {
    return { symbol, ofs: 0, n: width };
  }
  if (width === 0) {
    lexer.fail(`Cannot select subfield of string field ${name}.`);
  }
  const low = lexer.expectInt();
  const high = lexer.match('..') ? lexer.expectInt() : low;
  lexer.expect(']');
  if (low > high) {
    lexer.fail(`Invalid bit range ${low} to ${high}.`);
  }
  if (high >= width) {
    lexer.fail(`Cannot select bits ${low} to ${high} of ${width}-bit field ${name}.`);
  }
  if (level === 'nominal' && (low !== 0 || high !== width - 1)) {
    lexer.fail(`Cannot select subfield of nominal field ${name}.`);
  }
  return { symbol, ofs: low, n: high - low + 1 };
}

/** The reference as OVN prints it: without brackets where it is the whole symbol. */
export function formatFieldRef({ symbol, ofs, n }: FieldRef): string {
  if (ofs === 0 && n === symbol.width) {
    return symbol.name;
  }
  return n === 1 ? `${symbol.name}[${ofs}]` : `${symbol.name}[${ofs}..${ofs + n - 1}]`;
}

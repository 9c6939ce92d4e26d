/** Texts of both languages, damaged. */
import fc from 'fast-check';
import { matchText, soup } from './expressions.ts';
import { readSamples } from './samples.ts';

const samples = [...readSamples('match'), ...readSamples('actions')].map((sample) => sample.in);
const text = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...samples) }, matchText, soup);

/** Places in a text, as shares of its length. */
const place = fc.double({ min: 0, max: 1, noNaN: true });

const cutOut = (whole: string, from: number, to: number) =>
  whole.slice(Math.floor(whole.length * Math.min(from, to)), Math.ceil(whole.length * Math.max(from, to)));

/** Texts spliced, repeated, wrapped and with characters put in or taken out. */
export const mutant: fc.Arbitrary<string> = fc.oneof(
  text,
  fc.tuple(text, text, place, place).map(([a, b, i, j]) => cutOut(a, 0, i) + cutOut(b, j, 1)),
  fc.tuple(text, place, place, fc.nat(40)).map(([a, i, j, n]) => a + cutOut(a, i, j).repeat(n)),
  fc.tuple(text, place, place, fc.string({ unit: 'binary', maxLength: 3 })).map(([a, i, j, put]) => {
    return cutOut(a, 0, Math.min(i, j)) + put + cutOut(a, Math.max(i, j), 1);
  }),
  fc
    .tuple(text, fc.constantFrom(['(', ')'], ['!(', ')'], ['clone { ', ' };'], ['{', '}'], ['[', ']']), fc.nat(120))
    .map(([a, [open = '', close = ''], depth]) => open.repeat(depth) + a + close.repeat(depth)),
);

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EMPTY_ENVIRONMENT } from '../../engine/lang/index.ts';
import { type CompiledMatch, MatchCompiler } from '../../engine/program/matches.ts';
import { patternOf } from '../../engine/program/patterns.ts';

const context = { ...EMPTY_ENVIRONMENT, datapathKey: 1, isResident: () => false };
const TRUE = { type: 'boolean', value: true } as const;

function compiled(compiler: MatchCompiler, text: string): CompiledMatch {
  const match = compiler.compile(text, TRUE, '', context);
  if (typeof match === 'string') throw new Error(match);
  return match.match;
}

/** What a match comes to, in no order; the same row twice is one. */
function rowsOf({ rows, products }: CompiledMatch): string[] {
  expect(products).toEqual([]);
  const texts = rows.map(({ shape, values, inport, outport }) => {
    return [
      ...shape.items.map(({ word, maskHigh, maskLow }) => `${word}/${maskHigh}/${maskLow}`),
      ...values,
      inport,
      outport,
    ].join();
  });
  return [...new Set(texts)].sort();
}

const byte = fc.integer({ min: 0, max: 255 });
const mac = fc
  .array(byte, { minLength: 6, maxLength: 6 })
  .map((bytes) => bytes.map((one) => one.toString(16).padStart(2, '0')).join(':'));
const ip4 = fc.array(byte, { minLength: 4, maxLength: 4 }).map((bytes) => bytes.join('.'));
const ip6 = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 })
  .map((groups) => groups.map((one) => one.toString(16)).join(':'));
const oneOrSome = (address: fc.Arbitrary<string>) =>
  fc.oneof(
    address,
    fc.array(address, { minLength: 1, maxLength: 2 }).map((all) => `{${all.join(', ')}}`),
  );
const term = fc.oneof(
  fc.constantFrom(
    'inport == "a"',
    'ip.ttl == 64',
    'nd_ns',
    'arp.op == 1',
    'udp.dst == {67, 68}',
    'reg0[3]',
    'ip4',
    'eth.mcast',
  ),
  fc.constantFrom(
    'eth.dst == 01:00:00:00:00:00/01:00:00:00:00:00',
    'ip4.src == 10.0.0.0/8',
    '!(ip4.src == 128.0.0.0/1)',
    '(arp || ip6)',
  ),
  fc.tuple(fc.constantFrom('eth.src', 'eth.dst', 'arp.sha', 'nd.sll'), oneOrSome(mac)).map((both) => both.join(' == ')),
  fc.tuple(fc.constantFrom('ip4.src', 'ip4.dst', 'arp.spa', 'reg1'), oneOrSome(ip4)).map((both) => both.join(' == ')),
  fc.tuple(fc.constantFrom('ip6.dst', 'nd.target', 'xxreg0'), oneOrSome(ip6)).map((both) => both.join(' == ')),
);

describe('matches that differ in addresses only', () => {
  test('random ones are what they would be by themselves', () => {
    // All of them in one compiler, so that most patterns have been met.
    const compiler = new MatchCompiler();
    compiler.begin({});
    let patterns = 0;
    fc.assert(
      fc.property(fc.array(term, { minLength: 1, maxLength: 3 }), (terms) => {
        const text = terms.join(' && ');
        if (patternOf(text)) patterns++;
        const alone = new MatchCompiler();
        expect(rowsOf(compiled(compiler, text))).toEqual(rowsOf(compiled(alone, text)));
      }),
      { numRuns: 3000 },
    );
    expect(patterns).toBeGreaterThan(500);
  });

  test.each([
    ['eth.src == 00:00:00:00:00:01 && eth.dst == 00:00:00:00:00:02', true],
    ['ip4.src == {10.0.0.1, 10.0.0.2} && inport == "a"', true],
    ['ip4.src == 10.0.0.1 && ip4.src == 10.0.0.2', false],
    ['ip4.src == 10.0.0.1/32', false],
    ['ip4.src == 10.0.0.1 || arp', false],
    ['!(ip4.src == 10.0.0.1)', false],
    ['eth.dst == 00:00:00:00:00:01 && eth.mcast', false],
    ['reg0 == 10.0.0.1 && reg0[3]', false],
    ['ip4.src == {10.0.0.0/8, 10.0.0.1}', false],
  ])('%s: %s', (text, expected) => {
    expect(patternOf(text) !== undefined).toBe(expected);
  });
});

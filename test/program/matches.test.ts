import { describe, expect, test } from 'vitest';
import { W_PORTS } from '../../asm/plane/layout.ts';
import { TRUE } from '../../engine/lang/expr.ts';
import { type Expr, parseMatch } from '../../engine/lang/index.ts';
import { MatchCompiler, type MatchContext, type NamedMatch } from '../../engine/program/matches.ts';

const context: MatchContext = {
  addressSets: new Map([['a', Array.from({ length: 100 }, (_, i) => `10.0.0.${i}`)]]),
  portGroups: new Map([
    ['pg', ['x', 'y']],
    ['7_pg', ['z']],
  ]),
  isResident: (port) => port === 'here',
};

function compile(text: string, compiler = new MatchCompiler(), prereqs: Expr = TRUE, key = '', more = {}): NamedMatch {
  const match = compiler.compile(text, prereqs, key, { ...context, ...more });
  if (typeof match === 'string') throw new Error(match);
  return match;
}

describe('rows', () => {
  test('one for each disjunct, with a value for each item', () => {
    const { match } = compile('ip4.src == {10.0.0.1, 10.0.0.2} && tcp.dst == 80');
    expect(match.products).toEqual([]);
    expect(match.rows).toHaveLength(2);
    const [row] = match.rows;
    // Kind of packet first, then addresses, then ports.
    expect(row?.shape.items.map(({ word, stage }) => [word, stage])).toEqual([
      [0, 1],
      [3, 1],
      [2, 3],
      [3, 4],
    ]);
    expect(row?.values).toEqual([0, 0x8000000, 6, 0, 0, 0x0a000001, 0, 80]);
    expect(match.rows[1]?.shape).toBe(row?.shape);
  });

  test('none for what contradicts itself', () => {
    for (const text of ['ip4 && ip6', '0', 'tcp && udp', 'arp.op == 0x101', 'inport == "a" && inport == "b"']) {
      expect(compile(text).match.rows, text).toEqual([]);
    }
  });

  test('an empty one for what is always true', () => {
    for (const text of ['1', '1 || ip4', 'ct_state != 0x10000/0x10000']) {
      const { match } = compile(text);
      expect(
        match.rows.some(({ shape }) => shape.items.length === 0),
        text,
      ).toBe(true);
    }
  });

  test('prerequisites of actions belong to the match', () => {
    const { match } = compile('1', new MatchCompiler(), parseMatch('ip4'), 'ip4');
    expect(match.rows.map(({ values }) => values)).toEqual([[0, 0x8000000]]);
  });
});

describe('names', () => {
  test('are a list beside the match, which is the same for other names', () => {
    const compiler = new MatchCompiler();
    const one = compile('inport == "a" && outport == {"b", "a"}', compiler);
    const two = compile('inport == "c@d" && outport == {"e", "c@d"}', compiler);
    expect(one.names).toEqual(['a', 'b']);
    expect(two.names).toEqual(['c@d', 'e']);
    expect(two.match).toBe(one.match);
    expect(one.match.rows.map(({ inport, outport }) => [inport, outport])).toEqual([
      [0, 1],
      [0, 0],
    ]);
    expect(one.match.rows[0]?.shape.items).toMatchObject([{ word: W_PORTS, maskLow: 0xffff, maskHigh: 0xffff }]);
    expect(compile('inport == "a" && outport == {"b", "b"}', compiler).match).not.toBe(one.match);
  });

  test('with escapes are read as they are meant', () => {
    expect(compile('inport == "a\\"b\\\\c"').names).toEqual(['a"b\\c']);
  });

  test('of a port group are those that the datapath has it for', () => {
    const compiler = new MatchCompiler();
    expect(compile('inport == @pg', compiler, TRUE, '', { datapathKey: 1 }).names).toEqual(['x', 'y']);
    expect(compile('inport == @pg', compiler, TRUE, '', { datapathKey: 7 }).names).toEqual(['z']);
  });
});

describe('is_chassis_resident', () => {
  test.each(['is_chassis_resident("NAME") && ip4', 'is_chassis_resident ( "NAME" ) && ip4'])('%s', (text) => {
    const compiler = new MatchCompiler();
    const rows = (name: string) => compile(text.replace('NAME', name), compiler).match.rows.length;
    expect([rows('here'), rows('there'), rows('here')]).toEqual([1, 0, 1]);
  });

  test('is asked again in another generation', () => {
    const compiler = new MatchCompiler();
    const text = 'is_chassis_resident("here") && ip4.src == $a';
    compiler.begin({});
    expect(compile(text, compiler).match.rows).toHaveLength(100);
    compiler.begin({});
    expect(compile(text, compiler, TRUE, '', { isResident: () => false }).match.rows).toHaveLength(0);
    expect(
      compile('!is_chassis_resident("here")', compiler, TRUE, '', { isResident: () => false }).match.rows,
    ).toHaveLength(1);
  });
});

describe('products', () => {
  test('of large sets are not multiplied out', () => {
    const { match } = compile('ip4.src == $a && ip4.dst == $a && tcp.dst == {80, 443} && eth.mcast');
    expect(match.rows).toEqual([]);
    expect(match.products.map(({ dimensions }) => dimensions.map(({ length }) => length).sort())).toEqual([
      [100, 100, 2],
    ]);
    // What has no choice belongs to each dimension.
    for (const row of match.products[0]?.dimensions.flat() ?? []) {
      expect(row.shape.items.some(({ word, maskHigh }) => word === 0 && maskHigh === 0x100)).toBe(true);
    }
  });

  test('of few are', () => {
    const { match } = compile('ip4.src == {10.0.0.1, 10.0.0.2} && ip4.dst == $a');
    expect(match.products).toEqual([]);
    expect(match.rows).toHaveLength(200);
  });
});

test('what cannot be compiled says why', () => {
  const why = (text: string) => new MatchCompiler().compile(text, TRUE, '', context);
  expect(why('ip4 &&')).toMatch(/Syntax error/);
  expect(why('ip4.src == $nowhere')).toMatch(/address set/);
  const mixed = (n: number) => Array.from({ length: 20 }, (_, i) => `(reg0[${i}] || reg1[${n + i}])`).join(' && ');
  expect(why(`${mixed(0)} && ip4`)).toBe('It has too many disjuncts.');
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { combine, TRUE } from '../../engine/lang/expr.ts';
import {
  annotate,
  type Comparison,
  disjuncts,
  EMPTY_ENVIRONMENT,
  evaluate,
  formatMatch,
  LangError,
  type MatchEnvironment,
  normalize,
  parseMatch,
  parseMicroflow,
  type Release,
  resolveConditions,
  type StringComparison,
  simplify,
} from '../../engine/lang/index.ts';
import { matchText, packetFor, soup } from './expressions.ts';
import { readSamples } from './samples.ts';

const OVN_26_03: MatchEnvironment = { ...EMPTY_ENVIRONMENT, release: '26.03' };

function errorOf(action: () => unknown): LangError {
  try {
    action();
  } catch (error) {
    if (error instanceof LangError) {
      return error;
    }
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** The canonical text of a match, or OVN's complaint. */
function answer(text: string, env: MatchEnvironment = OVN_26_03): string {
  try {
    return formatMatch(parseMatch(text, env));
  } catch (error) {
    if (error instanceof LangError) {
      return `error: ${error.message}`;
    }
    throw error;
  }
}

describe('parseMatch', () => {
  it('answers as OVN 26.03', () => {
    const wrong = readSamples('match').flatMap(({ in: text, ok, formatted, error }) => {
      const expected = ok ? formatted : `error: ${error}`;
      const actual = answer(text);
      return actual === expected ? [] : [{ text, expected, actual }];
    });
    expect(wrong).toEqual([]);
  });

  it('replaces address sets and port groups by their members', () => {
    const env: MatchEnvironment = {
      addressSets: new Map([
        ['as1', ['10.0.0.1', '10.1.0.0/16', 'no address']],
        ['empty', []],
      ]),
      portGroups: new Map([
        ['pg', ['a', 'b']],
        ['7_pg', ['c']],
      ]),
    };
    expect(answer('ip4.src == $as1', env)).toBe('ip4.src == 0xa000001 || ip4.src[16..31] == 0xa01');
    expect(answer('ip4.src == {$as1, 1.1.1.1}', env)).toMatch(/\|\| ip4.src == 0x1010101$/);
    expect(answer('ip4.src == $empty', env)).toBe('0');
    expect(answer('ip4.src != $empty', env)).toBe('1');
    expect(answer('ip4.src < $empty', env)).toMatch(/empty value set\.$/);
    expect(answer('inport == @pg', env)).toBe('inport == "a" || inport == "b"');
    expect(answer('inport == @pg', { ...env, datapathKey: 7 })).toBe('inport == "c"');
    expect(answer('inport == @pg', { ...env, datapathKey: 8 })).toBe('inport == "a" || inport == "b"');
    expect(answer('ip4.src == {1.1.1.1, @pg}', env)).toBe("error: Syntax error at `@pg' expecting integer.");
    expect(answer('ip4.src == $other', env)).toBe("error: Syntax error at `$other' expecting address set name.");
  });

  it('puts template variables in before it parses', () => {
    const templates = new Map([
      ['vip', '10.0.0.1'],
      ['port', '80'],
    ]);
    const env = { ...EMPTY_ENVIRONMENT, templates };
    expect(answer('ip4.dst == ^vip /* the VIP */ && tcp.dst == ^port', env)).toBe(
      'ip4.dst == 0xa000001 && tcp.dst == 0x50',
    );
    expect(answer('inport == "^vip"', env)).toBe('inport == "^vip"');
    expect(answer('ip4.dst == ^other', env)).toBe("error: Syntax error at `other' expecting constant.");
    expect(answer('ip4.dst == ^', EMPTY_ENVIRONMENT)).toBe("error: Syntax error at `error' expecting constant.");
    expect(answer('ip4.dst == ^vip')).toBe('error: Unexpanded template.');
    expect(answer('^vip')).toBe('error: Unexpanded template.');
    expect(answer('ip4.dst == ^1')).toBe("error: `^' must be followed by a valid identifier.");
  });

  it('knows the symbols of its release', () => {
    expect(answer('ct_label.blocked', EMPTY_ENVIRONMENT)).toBe('ct_label.blocked');
    expect(answer('ct_label.acl_id == 1 && ct_label.nf')).toBe('ct_label.acl_id == 0x1 && ct_label.nf');
    expect(answer('ct_label.blocked')).toBe("error: Syntax error at `ct_label.blocked' expecting field name.");
  });

  it('reads strings as JSON does', () => {
    expect(answer('inport == "\\u0061\\"\\\\\\/\\t\\ud83d\\ude00"')).toBe('inport == "a\\"\\\\/\\t😀"');
    expect(answer('inport == "\\x"')).toBe('error: bad escape \\x');
    expect(answer('inport == "\\u00"')).toBe('error: quoted string ends within \\u escape');
    expect(answer('inport == "\\u00zz"')).toBe('error: malformed \\u escape');
    expect(answer('inport == "\\u0000"')).toBe('error: null bytes not supported in quoted strings');
    expect(answer('inport == "\\ud83dx"')).toBe('error: malformed escaped surrogate pair');
    expect(answer('inport == "a')).toBe('error: Input ends inside quoted string.');
  });

  it.each([
    ['ip4.src == 01', 'Decimal constants must not have leading zeros.'],
    ['ip4.src == 18446744073709551616', 'Decimal constants must be less than 2**64.'],
    ['ip4.src == 0x', 'Hex digits expected following 0x.'],
    ['ip4.src == 0xg', 'Invalid syntax in hexadecimal constant.'],
    [`xxreg0 == 0x1${'0'.repeat(32)}`, '129-bit constant is not compatible with 128-bit field xxreg0.'],
    [`xxreg0 == 0x1${'0'.repeat(256)}`, 'Hexadecimal constant requires more than 1024 bits.'],
    ['ip4.src == 1.2.3.4/::1', 'Value and mask have incompatible formats.'],
    ['ip4.src == 1.2.3.4/', 'Integer constant expected.'],
    ['ip4.src == 1.2.3.4/33', 'Value and mask have incompatible formats.'],
    ['ip4 | tcp', "`|' is only valid as part of `||'."],
    ['ip4 /* comment', "`/*' without matching `*/'."],
    ['reg0 == $', "`$' must be followed by a valid identifier."],
    ['inport == @', "`@' must be followed by a valid identifier."],
    ['?', "Invalid character `?' in input."],
    ['é', 'Invalid byte 0x-61 in input.'],
    ['reg0[3..1] == 1', 'Invalid bit range 3 to 1.'],
    ['reg0[0..32] == 1', 'Cannot select bits 0 to 32 of 32-bit field reg0.'],
    ['inport[0] == 1', 'Cannot select subfield of string field inport.'],
    ['reg0[x] == 1', "Syntax error at `x' expecting small integer."],
    ['1 == reg0 == 2', /^Range expressions must have the form/],
    ['!reg0 == 1', 'Missing parentheses around operand of !.'],
    ['ip4.src < {1.1.1.1}', 'Only == and != operators may be used with value sets.'],
    ['ip4.src < 1.1.1.1/24', /^Only == and != operators may be used with masked constants\. {2}Consider/],
    ['ct.new < ip4', "Syntax error at `ip4' expecting constant."],
    ['eth.bcast < 1', 'Only == and != operators may be used with Boolean field eth.bcast.'],
    ['f(1)', 'parsing function name'],
    ['is_chassis_resident(p1)', "Syntax error at `p1' expecting string."],
    ['2', 'Syntax error at end of input expecting relational operator.'],
  ])('complains of %s', (text, message) => {
    const complaint = errorOf(() => parseMatch(text, OVN_26_03)).message;
    if (typeof message === 'string') {
      expect(complaint).toBe(message);
    } else {
      expect(complaint).toMatch(message);
    }
  });

  it('shows where the mistake is', () => {
    const error = errorOf(() => parseMatch('ip4 &&\n  tcp.dst == "80"'));
    expect(error.source.slice(error.offset)).toBe('');
    expect(errorOf(() => parseMatch('ip4 &&\n  tcp.dts == 80')).rendering).toBe(
      "  tcp.dts == 80\n  ^ Syntax error at `tcp.dts' expecting field name.",
    );
    expect(errorOf(() => parseMicroflow('\ntcp')).rendering).toMatch(/^\n\^ Constraints are ambiguous: /);
  });

  it('bounds nesting as OVN does', () => {
    const nested = (depth: number) => `${'('.repeat(depth)}ip4${')'.repeat(depth)}`;
    expect(answer(nested(100))).toBe('ip4');
    expect(answer(nested(101))).toBe('error: Parentheses nested too deeply.');
    expect(answer('('.repeat(100_000))).toBe('error: Parentheses nested too deeply.');
    expect(answer('!'.repeat(100_000))).toBe("error: Syntax error at `!' expecting constant.");
  });

  it('takes a hundred thousand terms', () => {
    const terms = Array.from({ length: 100_000 }, (_, i) => `reg0 == ${i}`);
    const expr = annotate(parseMatch(terms.join(' || ')));
    expect(expr.type === 'or' && expr.terms.length).toBe(100_000);
    expect(formatMatch(expr)).toMatch(/ \|\| xxreg0\[96\.\.127\] == 0x1869f$/);
  });

  it('throws its own error and nothing else', () => {
    fc.assert(
      fc.property(soup, (text) => {
        for (const parse of [parseMatch, parseMicroflow]) {
          try {
            parse(text);
          } catch (error) {
            expect(error).toBeInstanceOf(LangError);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the canonical text', () => {
  it('is a fixed point, and means the same', () => {
    fc.assert(
      fc.property(
        matchText.chain((text) => fc.tuple(fc.constant(text), packetFor(annotate(parseMatch(text))))),
        ([text, packet]) => {
          const expr = parseMatch(text);
          const again = parseMatch(formatMatch(expr));
          expect(formatMatch(again)).toBe(formatMatch(expr));
          expect(evaluate(annotate(again), packet, isResident)).toBe(evaluate(annotate(expr), packet, isResident));
        },
      ),
      { numRuns: 1000 },
    );
  });
});

const isResident = (port: string) => port === 'p1';

describe('annotate', () => {
  it.each([
    ['tcp.dst == 80', 'tcp.dst == 0x50 && ip.proto == 0x6 && (eth.type == 0x800 || eth.type == 0x86dd)'],
    [
      'tcp.dst == {80, 81}',
      '(tcp.dst == 0x50 || tcp.dst == 0x51) && ip.proto == 0x6 && (eth.type == 0x800 || eth.type == 0x86dd)',
    ],
    ['ct.new', 'ct_state[0] && ct_state[5]'],
    ['!eth.bcast', 'eth.dst != 0xffffffffffff'],
    ['reg0 == 1 && xreg4[0..3] == 2 && reg9[0]', 'xxreg0[96..127] == 0x1 && xreg4[0..3] == 0x2 && xreg4[0]'],
    ['vlan.vid == 5', 'vlan.tci[0..11] == 0x5 && vlan.tci[12]'],
    ['!ip.is_frag', '!ip.frag[0] || (eth.type != 0x800 && eth.type != 0x86dd)'],
  ])('%s', (text, annotated) => {
    expect(formatMatch(annotate(parseMatch(text)))).toBe(annotated);
  });
});

describe('simplify and normalize', () => {
  it.each([
    ['reg0 > 5', 'xxreg0[97..127] == 0x3 || xxreg0[99..127] == 0x1 || xxreg0[100..127] == 0x1 || '],
    ['reg0[0..3] <= 2', 'xxreg0[96..99] == 0x2 || xxreg0[97..99] == 0'],
    ['reg0[0..1] != 2', 'xxreg0[96] || !xxreg0[97]'],
    ['reg0 >= 0', '1'],
    ['reg0 < 0', '0'],
    ['reg0 == 0/0', '1'],
    ['reg0 != 0/0', '0'],
  ])('%s', (text, simplified) => {
    expect(formatMatch(simplify(annotate(parseMatch(text)))).startsWith(simplified)).toBe(true);
  });

  it('gather what is said of one field', () => {
    const normal = (text: string) => {
      const expr = normalize(resolveConditions(simplify(annotate(parseMatch(text))), isResident));
      return expr && formatMatch(expr);
    };
    expect(normal('reg0[0] && reg0[1..2] == 3 && eth.src[40]')).toBe('eth.src[40] && xxreg0[96..98] == 0x7');
    expect(normal('ip4 && ip6')).toBe('0');
    expect(normal('inport == "a" && inport == {"a", "b"}')).toBe('inport == "a"');
    expect(normal('(reg0[0] || eth.src[0]) && reg0[1]')).toBe('xxreg0[96..97] == 0x3 || (eth.src[0] && xxreg0[97])');
    expect(normal('is_chassis_resident("p1") && reg0[0]')).toBe('xxreg0[96]');
    expect(normal('!is_chassis_resident("p1") && reg0[0]')).toBe('0');
    expect(normal('(reg0[0] || reg1[0]) && (reg2[0] || reg3[0])')).not.toBe('');
    expect(normal('eth.src != {1, 2, 3, 4, 5, 6}')).toBeUndefined();
  });

  const flows = (text: string, release: Release = '26.03') => {
    const env = { ...EMPTY_ENVIRONMENT, release };
    const normal = normalize(resolveConditions(simplify(annotate(parseMatch(text, env))), isResident), release);
    return (normal && disjuncts(normal))?.map((conjunction) => formatMatch(combine('and', [TRUE, ...conjunction])));
  };

  it('leave out what is covered, as later releases do', () => {
    expect(flows('eth.src == 1 && eth.src == {1, 0/2, 3}')).toEqual(['1 && eth.src == 0x1']);
    expect(flows('(reg0[0] || reg0[0..1] == 3) && ip4', '23.03')).toHaveLength(2);
    expect(flows('(reg0[0] || reg0[0..1] == 3) && ip4')).toEqual(['1 && eth.type == 0x800 && xxreg0[96]']);
    // One flow for each bit that may differ, but 0 and 1, of which both must not be as in either.
    expect(flows('reg0[0..7] != {0xf1, 0xf2}')?.toSorted()).toEqual(
      [...[98, 99].map((bit) => `xxreg0[${bit}]`), ...[100, 101, 102, 103].map((bit) => `!xxreg0[${bit}]`)]
        .concat(['xxreg0[96..97] == 0', 'xxreg0[96..97] == 0x3'])
        .map((flow) => `1 && ${flow}`)
        .toSorted(),
    );
    expect(flows('eth.src != {1, 2, 3, 4, 5, 6}')).toHaveLength(47);
    expect(flows(`ip4 && ${'reg0[0..3] != 5 && '.repeat(1000)}ip4`)).toHaveLength(4);
  });

  it('are multiplied out', () => {
    expect(flows('ip4 && tcp.dst == {1, 2} && (reg0 == 1 || inport == {"a", "b"})')).toHaveLength(6);
    expect(flows('eth.src == {1, 1, 2}')).toEqual(['1 && eth.src == 0x1', '1 && eth.src == 0x2']);
    expect(flows('1')).toEqual(['1']);
    expect(flows('0')).toEqual([]);
    expect(flows('!is_chassis_resident("p1")')).toEqual([]);
    expect(flows('tcp && udp')).toEqual([]);
    const many = Array.from({ length: 400 }, (_, i) => i).join();
    expect(flows(`reg0 == {${many}} && reg4 == {${many}}`)).toBeUndefined();
  });

  it('take long texts', () => {
    const normal = normalize(simplify(annotate(parseMatch('ip4 && '.repeat(100_000).concat('ip4')))));
    expect(normal && formatMatch(normal)).toBe('eth.type == 0x800');
  });

  it('keep the meaning', () => {
    fc.assert(
      fc.property(
        matchText.chain((text) => fc.tuple(fc.constant(text), packetFor(annotate(parseMatch(text))))),
        ([text, packet]) => {
          const annotated = annotate(parseMatch(text));
          const expected = evaluate(annotated, packet, isResident);
          const simple = simplify(annotated);
          const holds = (literal: Comparison | StringComparison) =>
            literal.type === 'string'
              ? packet.strings[literal.symbol.slot] === literal.value
              : ((packet.values[literal.symbol.slot] ?? 0n) & literal.mask) === literal.value;
          expect(evaluate(simple, packet, isResident)).toBe(expected);
          const resolved = resolveConditions(simple, isResident);
          expect(evaluate(resolved, packet, () => false)).toBe(expected);
          for (const release of ['23.03', '26.03'] as const) {
            const normal = normalize(resolved, release);
            if (normal) {
              expect(evaluate(normal, packet, () => false)).toBe(expected);
              const any = disjuncts(normal)?.some((conjunction) => conjunction.every(holds));
              expect(any ?? expected).toBe(expected);
            }
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});

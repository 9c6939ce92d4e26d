import { describe, expect, it } from 'vitest';
import {
  annotate,
  cloneMicroflow,
  createMicroflow,
  EMPTY_ENVIRONMENT,
  evaluate,
  getBits,
  getString,
  LangError,
  type Microflow,
  parseMatch,
  parseMicroflow,
  setBits,
  setString,
  VALUE_FIELDS,
  wholeField,
} from '../../engine/lang/index.ts';

/** The fields that are not 0. */
function fieldsOf(flow: Microflow): Record<string, string> {
  return Object.fromEntries(
    VALUE_FIELDS.map((name, slot) => [name, flow.values[slot] ?? 0n] as const)
      .filter(([, value]) => value !== 0n)
      .map(([name, value]) => [name, value.toString(16)]),
  );
}

function errorOf(text: string): string {
  try {
    parseMicroflow(text);
  } catch (error) {
    if (error instanceof LangError) {
      return error.message;
    }
    throw error;
  }
  return '';
}

describe('parseMicroflow', () => {
  it('implies the prerequisites', () => {
    const flow = parseMicroflow(
      'inport == "p1" && eth.src == 00:00:00:00:00:01 && ip4 && tcp && ip.ttl == 64 && ip4.dst == 10.0.0.1 && tcp.dst == 80 && ct.new',
    );
    expect(fieldsOf(flow)).toEqual({
      'eth.src': '1',
      'eth.type': '800',
      'ip.proto': '6',
      'ip.ttl': '40',
      'ip4.dst': 'a000001',
      'tcp.dst': '50',
      ct_state: '21',
    });
    expect(getString(flow, wholeField('inport'))).toBe('p1');
    expect(getString(flow, wholeField('outport'))).toBe('');
  });

  it('takes what is said of parts of a field together', () => {
    expect(fieldsOf(parseMicroflow('reg0[0..3] == 5 && reg0[8] && reg1 == 1 && reg0 == 0/0'))).toEqual({
      xxreg0: ((0x105n << 96n) | (1n << 64n)).toString(16),
    });
    expect(fieldsOf(parseMicroflow('ip4 && tcp && tcp.src[1..15] == 0x28'))).toMatchObject({ 'tcp.src': '50' });
    expect(fieldsOf(parseMicroflow('ip4 && tcp.src > 79 && tcp.src < 82 && tcp.src[0]'))).toMatchObject({
      'tcp.src': '51',
    });
    expect(fieldsOf(parseMicroflow('1'))).toEqual({});
  });

  it('drops what OVN has no room for', () => {
    const flow = parseMicroflow('ip4 && ip.dscp == 46 && ip.ecn == 1 && ip.ttl == 1 && ct_state == 0x101');
    expect(fieldsOf(flow)).toEqual({ 'eth.type': '800', 'ip.ttl': '1', ct_state: '1' });
  });

  it.each([
    ['ip4 && ip6', 'Constraints are contradictory.'],
    ['0', 'Constraints are contradictory.'],
    ['inport == "a" && inport == "b"', 'Constraints are contradictory.'],
    ['!is_chassis_resident("x")', 'Constraints are contradictory.'],
    [
      'tcp.src == 80',
      'Constraints are ambiguous: tcp.src == 0x50 && ip.proto == 0x6 && (eth.type == 0x800 || eth.type == 0x86dd).',
    ],
    ['inport == {"a", "b"}', 'Constraints are ambiguous: inport == "a" || inport == "b".'],
    ['ip4.src == {1.2.3.4, 1.2.3.5}', /^Constraints are ambiguous: /],
    ['tcp &&', 'Syntax error at end of input expecting constant.'],
  ])('refuses %s', (text, message) => {
    if (typeof message === 'string') {
      expect(errorOf(text)).toBe(message);
    } else {
      expect(errorOf(text)).toMatch(message);
    }
  });

  it('is the same in all releases', () => {
    for (const release of ['23.03', '26.03'] as const) {
      const env = { ...EMPTY_ENVIRONMENT, release };
      expect(() => parseMicroflow('eth.type == 0x800 && ip.proto == 6 && udp', env)).toThrow(
        'Constraints are contradictory.',
      );
      expect(
        fieldsOf(
          parseMicroflow('reg0[0] && igmp && reg0[1] && vlan.tci[12] && vlan.present && ip4.dst == 224.0.0.1', env),
        ),
      ).toMatchObject({
        'ip.proto': '2',
        xxreg0: (3n << 96n).toString(16),
      });
    }
    expect(fieldsOf(parseMicroflow('mldv2', { ...EMPTY_ENVIRONMENT, release: '26.03' }))['eth.dst']).toBe(
      '333300000000',
    );
  });

  it('refuses in bounded time what would take for ever to multiply out', () => {
    const pairs = Array.from({ length: 40 }, (_, i) => `(eth.src[${i}] || eth.dst[${i}])`).join(' && ');
    expect(errorOf(pairs)).toMatch(/^Constraints are ambiguous: /);
    const addresses = Array.from({ length: 100 }, (_, i) => `10.0.0.${i}`).join(',');
    expect(errorOf(`ip4.src != {${addresses}}`)).toMatch(/^Constraints are ambiguous: /);
    const many = Array.from({ length: 20_000 }, (_, i) => `fd00::${i.toString(16)}`).join(',');
    expect(errorOf(`ip6.src != {${many}}`)).toMatch(/^Constraints are ambiguous: /);
  });
});

describe('fields of a microflow', () => {
  it('overlap as registers do', () => {
    const flow = createMicroflow();
    setBits(flow, wholeField('xxreg0'), 0x0102030405060708090a0b0c0d0e0f10n);
    expect(getBits(flow, wholeField('reg0'))).toBe(0x01020304n);
    expect(getBits(flow, wholeField('reg3'))).toBe(0x0d0e0f10n);
    expect(getBits(flow, wholeField('xreg1'))).toBe(0x090a0b0c0d0e0f10n);
    setBits(flow, { ...wholeField('reg1'), ofs: 8, n: 4 }, 0xffn);
    expect(getBits(flow, wholeField('reg1'))).toBe(0x05060f08n);
    setBits(flow, wholeField('reg2'), 0xffffffffn, 0xff00n);
    expect(getBits(flow, wholeField('reg2'))).toBe(0x090aff0cn);
    setBits(flow, wholeField('rarp.op'), 3n);
    expect(getBits(flow, wholeField('arp.op'))).toBe(3n);
  });

  it('are their own in a clone', () => {
    const flow = createMicroflow();
    const copy = cloneMicroflow(flow);
    setBits(copy, wholeField('ip.ttl'), 7n);
    setString(copy, wholeField('inport'), 'p');
    expect(getBits(flow, wholeField('ip.ttl'))).toBe(0n);
    expect(getString(flow, wholeField('inport'))).toBe('');
  });
});

describe('evaluate', () => {
  const udp = parseMicroflow('inport == "p" && ip4 && udp && ip4.src == 10.1.2.3 && udp.dst == 53 && ip.frag == 1');
  const holds = (text: string) => evaluate(annotate(parseMatch(text)), udp, (port) => port === 'here');

  it.each([
    ['udp.dst == 53', true],
    ['udp.dst > 52 && udp.dst <= 53', true],
    ['udp.dst != 53', false],
    ['tcp.dst == 0', false],
    ['tcp.dst != 80', false],
    ['ip4.src == 10.0.0.0/8', true],
    ['ip4.src[24..31] == 10', true],
    ['ip4.src[0..7] >= 4', false],
    ['inport == "p"', true],
    ['outport == "p"', false],
    ['outport == ""', true],
    ['ip.first_frag', true],
    ['ip', true],
    ['!eth.bcast', true],
    ['is_chassis_resident("here")', true],
    ['is_chassis_resident("there")', false],
    ['!is_chassis_resident("there")', true],
  ])('%s: %s', (text, expected) => {
    expect(holds(text)).toBe(expected);
  });
});

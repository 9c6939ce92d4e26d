import { describe, expect, test } from 'vitest';
import {
  B_CT_MARK,
  B_FLAGS,
  B_L4_SRC,
  B_OUTPORT,
  W_CT,
  W_CT_LABEL,
  W_DATAPATH,
  W_IP6_SRC,
  W_L4,
  W_PORTS,
  W_REGISTERS,
  W_SHA,
} from '../../asm/plane/layout.ts';
import { findSymbol, STRING_FIELDS, symbolTable, VALUE_FIELDS, wholeField } from '../../engine/lang/index.ts';
import { comparedBits, fieldPieces, storagePieces } from '../../engine/program/fields.ts';

/** The bits `ofs` to `ofs + n - 1` of a symbol. */
const bits = (name: string, ofs: number, n: number) => fieldPieces({ ...wholeField(name), ofs, n });

describe('fieldPieces', () => {
  test.each([
    ['reg0', [{ word: W_REGISTERS, bit: 32, width: 32, ofs: 0 }]],
    ['reg1', [{ word: W_REGISTERS, bit: 0, width: 32, ofs: 0 }]],
    ['reg3', [{ word: W_REGISTERS + 1, bit: 0, width: 32, ofs: 0 }]],
    ['reg8', [{ word: W_REGISTERS + 4, bit: 32, width: 32, ofs: 0 }]],
    ['reg9', [{ word: W_REGISTERS + 4, bit: 0, width: 32, ofs: 0 }]],
    ['xreg1', [{ word: W_REGISTERS + 1, bit: 0, width: 64, ofs: 0 }]],
    ['flags.loopback', [{ word: W_DATAPATH, bit: B_FLAGS, width: 1, ofs: 0 }]],
    ['ct.est', [{ word: W_CT, bit: 1, width: 1, ofs: 0 }]],
    ['ct_mark.natted', [{ word: W_CT, bit: B_CT_MARK + 1, width: 1, ofs: 0 }]],
    ['ct_label.label', [{ word: W_CT_LABEL, bit: 32, width: 32, ofs: 0 }]],
    ['eth.mcast', [{ word: 0, bit: 40, width: 1, ofs: 0 }]],
    ['vlan.vid', [{ word: 1, bit: 48, width: 12, ofs: 0 }]],
    ['outport', [{ word: W_PORTS, bit: B_OUTPORT, width: 16, ofs: 0 }]],
    ['icmp4.type', [{ word: W_L4, bit: B_L4_SRC, width: 8, ofs: 0 }]],
    ['nd.sll', [{ word: W_SHA, bit: 0, width: 48, ofs: 0 }]],
  ])('%s', (name, pieces) => {
    expect(fieldPieces(wholeField(name))).toEqual(pieces);
  });

  test('of a field over two words, the highest bits first', () => {
    expect(fieldPieces(wholeField('ip6.src'))).toEqual([
      { word: W_IP6_SRC, bit: 0, width: 64, ofs: 64 },
      { word: W_IP6_SRC + 1, bit: 0, width: 64, ofs: 0 },
    ]);
    expect(bits('ct_label', 32, 48)).toEqual([
      { word: W_CT_LABEL, bit: 0, width: 16, ofs: 32 },
      { word: W_CT_LABEL + 1, bit: 32, width: 32, ofs: 0 },
    ]);
  });

  test('of bits that no packet has there are none', () => {
    expect(bits('ct_state', 16, 16)).toEqual([]);
    expect(fieldPieces(wholeField('arp.op'))).toEqual([{ word: W_L4, bit: 0, width: 8, ofs: 0 }]);
    const predicate = findSymbol('ip4');
    expect(predicate && fieldPieces({ symbol: predicate, ofs: 0, n: 1 })).toEqual([]);
  });
});

test('every storage of the language has a place', () => {
  for (const field of [...VALUE_FIELDS, ...STRING_FIELDS]) expect(storagePieces(field), field).toBeDefined();
  expect(storagePieces('')).toBeUndefined();
  expect(storagePieces('constructor')).toBeUndefined();
});

test('fields of one protocol do not share bits', () => {
  const groups = [
    [
      'xxreg0',
      'xxreg1',
      'xreg4',
      'flags',
      'inport',
      'outport',
      'pkt.mark',
      'icmp4.frag_mtu',
      'ct_mark',
      'ct_label',
      'ct_state',
    ],
    ['eth.src', 'eth.dst', 'eth.type', 'vlan.tci', 'arp.op', 'arp.spa', 'arp.tpa', 'arp.sha', 'arp.tha'],
    [
      'ip.proto',
      'ip.ttl',
      'ip.dscp',
      'ip.ecn',
      'ip.frag',
      'ip4.src',
      'ip4.dst',
      'ip6.src',
      'ip6.dst',
      'tcp.src',
      'tcp.dst',
    ],
    [
      'ip.proto',
      'ip.ttl',
      'ip6.label',
      'ip6.src',
      'icmp6.type',
      'icmp6.code',
      'nd.target',
      'nd.sll',
      'nd.tll',
      'tcp.flags',
    ],
  ];
  for (const group of groups) {
    const taken = new Map<string, string>();
    for (const field of group) {
      for (const { word, bit, width } of storagePieces(field) ?? []) {
        expect(bit + width).toBeLessThanOrEqual(64);
        for (let i = bit; i < bit + width; i++) {
          expect(taken.get(`${word} ${i}`), field).toBeUndefined();
          taken.set(`${word} ${i}`, field);
        }
      }
    }
  }
});

describe('comparedBits', () => {
  const compared = (name: string, value: bigint, mask: bigint) => {
    const symbol = symbolTable().get(name);
    return symbol && comparedBits(symbol, value, mask);
  };

  test('leaves out the words that the mask does not touch', () => {
    expect(compared('ip6.src', 0xfdn << 120n, 0xffn << 120n)).toEqual([
      { word: W_IP6_SRC, bit: 0, maskHigh: 0xff000000, maskLow: 0, high: 0xfd000000, low: 0 },
    ]);
  });

  test('puts a field where it is', () => {
    expect(compared('ip4.src', 0x0a000001n, 0xffffffffn)).toEqual([
      { word: 2, bit: 32, maskHigh: 0xffffffff, maskLow: 0, high: 0x0a000001, low: 0 },
    ]);
  });

  test('bits that no packet has are zero', () => {
    expect(compared('arp.op', 0x101n, 0xffffn)).toBeUndefined();
    expect(compared('arp.op', 1n, 0xffffn)).toHaveLength(1);
    expect(compared('ct_state', 0n, 0xffff0000n)).toEqual([]);
  });
});

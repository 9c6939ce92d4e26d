import { describe, expect, test } from 'vitest';
import { addWords, checksumOf, crc32c, setU16, setU32, u16, u32, Writer } from '../../../engine/node/answer/bytes.ts';
import { bytes, hex, text } from '../../messages.ts';

describe('the checksum', () => {
  test('of the example in RFC 1071 section 3', () => {
    const example = bytes('0001 f203 f4f5 f6f7');
    expect(addWords(example, 0, 8) % 0xffff).toBe(0xddf2);
    expect(checksumOf(addWords(example, 0, 8))).toBe(0x220d);
  });

  test('counts an odd byte as the upper one, and nothing as zero', () => {
    expect(checksumOf(addWords(bytes('0001 f2'), 0, 3))).toBe(~0xf201 & 0xffff);
    expect(checksumOf(0)).toBe(0xffff);
  });

  test('folds sums of many words', () => {
    const ones = new Uint8Array(131072).fill(255);
    expect(checksumOf(addWords(ones, 0, ones.length))).toBe(0);
  });
});

test('CRC32c of the usual digits and of the zeros in RFC 3720 section B.4, as SCTP sends it', () => {
  const digits = text('123456789');
  expect(crc32c(digits, 0, 9)).toBe(0x839206e3);
  expect(crc32c(new Uint8Array(32), 0, 32)).toBe(0xaa36918a);
  expect(crc32c(digits, 2, 2)).toBe(0);
});

describe('Writer', () => {
  test('writes numbers in network order and grows', () => {
    const writer = new Writer(1).u8(0x101).u16(0x12345).u32(0xfffffffe).bits(0x1_0203n, 3).zeros(20).put(bytes('aabb'));
    expect(writer.length).toBe(1 + 2 + 4 + 3 + 20 + 2);
    expect(hex(writer.done())).toBe(`012345fffffffe010203${'00'.repeat(20)}aabb`);
  });

  test('gives a copy', () => {
    const writer = new Writer().u8(1);
    const first = writer.done();
    writer.u8(2);
    expect([hex(first), hex(writer.done())]).toEqual(['01', '0102']);
  });
});

test('numbers are read as they were written', () => {
  const data = new Uint8Array(6);
  setU32(data, 1, 0xdeadbeef);
  setU16(data, 4, 0x12345);
  expect(hex(data)).toBe('00deadbe2345');
  expect([u32(data, 1), u16(data, 4)]).toEqual([0xdeadbe23, 0x2345]);
});

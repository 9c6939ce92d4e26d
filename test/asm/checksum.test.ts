import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FRAME_AT } from '../../asm/layout.ts';
import { be, bytes, internetChecksum } from './build.ts';
import { asm, memory } from './module.ts';

function checksumOf(data: Uint8Array, at = FRAME_AT): number {
  memory.set(data, at);
  return asm.checksum(at, data.length);
}

describe('checksum', () => {
  test('is that of the example in RFC 1071 section 3', () => {
    // 0001 f203 f4f5 f6f7 add up to ddf2.
    expect(checksumOf(bytes('0001 f203 f4f5 f6f7'))).toBe(0xffff - 0xddf2);
  });

  test('is what the slow way gives, for any bytes at any place', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 0, max: 7 }), (data, shift) => {
        expect(checksumOf(data, FRAME_AT + shift)).toBe(internetChecksum(data));
      }),
    );
  });

  test('does not overflow on a long block of ones', () => {
    const data = new Uint8Array(65535).fill(0xff);
    expect(checksumOf(data)).toBe(internetChecksum(data));
  });

  test('looks at nothing behind the block', () => {
    memory.fill(0xaa, FRAME_AT, FRAME_AT + 64);
    expect(checksumOf(bytes('0102 03'))).toBe(internetChecksum(bytes('0102 03')));
  });

  test('is zero over a block that holds its own', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 2, maxLength: 80 }), (data) => {
        const even = data.subarray(0, data.length & ~1);
        // All zeroes have the checksum ffff, which sums to zero like any other.
        expect(checksumOf(bytes(even, be(internetChecksum(even), 2)))).toBe(0);
      }),
    );
  });
});

describe('incremental update (RFC 1624)', () => {
  test('is the example of section 4', () => {
    // A header with checksum dd2f, whose field 5555 becomes 3285: recomputed it is 0000, where RFC 1141 gives ffff.
    expect(asm.update16(0xdd2f, 0x5555, 0x3285)).toBe(0);
  });

  test('of 16 bits is what recomputing gives', () => {
    fc.assert(
      fc.property(header(), fc.nat(18), fc.nat(0xffff), (data, word, value) => {
        const before = (data[2 * word] ?? 0) * 256 + (data[2 * word + 1] ?? 0);
        const after = data.slice();
        after.set(be(value, 2), 2 * word);
        expect(asm.update16(internetChecksum(data), before, value)).toBe(internetChecksum(after));
      }),
    );
  });

  test('of 32 bits is what recomputing gives', () => {
    fc.assert(
      fc.property(header(), fc.nat(17), fc.nat(0xffffffff), (data, word, value) => {
        const before = new DataView(data.buffer, data.byteOffset).getUint32(2 * word);
        const after = data.slice();
        after.set(be(value, 4), 2 * word);
        expect(asm.update32(internetChecksum(data), before, value)).toBe(internetChecksum(after));
      }),
    );
  });

  /** Like any header, not all zero: there the two forms of zero cannot be told apart. */
  function header() {
    return fc.uint8Array({ minLength: 38, maxLength: 38 }).map((data) => bytes(0x45, 0, data));
  }
});

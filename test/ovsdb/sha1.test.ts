import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { sha1 } from '../../engine/ovsdb/sha1.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test('the examples of FIPS 180', () => {
  expect(sha1(bytes('abc'))).toBe('a9993e364706816aba3e25717850c26c9cd0d89d');
  expect(sha1(bytes(''))).toBe('da39a3ee5e6b4b0d3255bfef95601890afd80709');
  expect(sha1(bytes('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq'))).toBe(
    '84983e441c3bd26ebaae4aa1f95129e5e54670f1',
  );
});

test('every length around the edges of blocks, and any part of a buffer', () => {
  const buffer = Uint8Array.from({ length: 400 }, (_, at) => (at * 31) & 255);
  for (let length = 0; length < 300; length++) {
    const real = createHash('sha1')
      .update(buffer.subarray(7, 7 + length))
      .digest('hex');
    expect(sha1(buffer, 7, 7 + length)).toBe(real);
  }
});

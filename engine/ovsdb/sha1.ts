/**
 * SHA-1 (FIPS 180-4) of a part of a buffer: the checksum of OVSDB's records.
 * It guards against damage, not against forgery.  Written here because the
 * platforms' own is either Node.js's alone or asynchronous, and a database has
 * many small records.
 */

/** One block's message schedule: working memory, used again for each block. */
const schedule = new Int32Array(80);

/** The checksum of `bytes` from `start` up to `end`, as 40 lower-case hexadecimal digits. */
export function sha1(bytes: Uint8Array, start = 0, end = bytes.length): string {
  const state = new Int32Array([0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0]);
  const whole = start + Math.floor((end - start) / 64) * 64;
  for (let at = start; at < whole; at += 64) block(bytes, at, state);
  const rest = padded(bytes, whole, end, end - start);
  for (let at = 0; at < rest.length; at += 64) block(rest, at, state);
  return Array.from(state, (word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
}

/** The last bytes with the padding that ends every message: a one, zeros, and its length in bits. */
function padded(bytes: Uint8Array, start: number, end: number, length: number): Uint8Array {
  const size = end - start;
  const rest = new Uint8Array(size < 56 ? 64 : 128);
  rest.set(bytes.subarray(start, end));
  rest[size] = 0x80;
  const view = new DataView(rest.buffer);
  view.setUint32(rest.length - 8, Math.floor(length / 0x20000000));
  view.setUint32(rest.length - 4, (length << 3) >>> 0);
  return rest;
}

function block(bytes: Uint8Array, start: number, state: Int32Array): void {
  const w = schedule;
  for (let t = 0, at = start; t < 16; t++, at += 4) {
    w[t] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
  }
  for (let t = 16; t < 80; t++) {
    const x = w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16];
    w[t] = (x << 1) | (x >>> 31);
  }
  let a = state[0];
  let b = state[1];
  let c = state[2];
  let d = state[3];
  let e = state[4];
  // The four rounds are written out: a choice of function in one loop costs a third of the speed.
  for (let t = 0; t < 20; t++) {
    const next = (((a << 5) | (a >>> 27)) + ((b & c) | (~b & d)) + e + 0x5a827999 + w[t]) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  for (let t = 20; t < 40; t++) {
    const next = (((a << 5) | (a >>> 27)) + (b ^ c ^ d) + e + 0x6ed9eba1 + w[t]) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  for (let t = 40; t < 60; t++) {
    const next = (((a << 5) | (a >>> 27)) + ((b & c) | (b & d) | (c & d)) + e + 0x8f1bbcdc + w[t]) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  for (let t = 60; t < 80; t++) {
    const next = (((a << 5) | (a >>> 27)) + (b ^ c ^ d) + e + 0xca62c1d6 + w[t]) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
}

/** Who is chosen: the choices of Open vSwitch 3.1 that real OVN's load balancers were seen to make. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import * as layout from '../../../asm/plane/layout.ts';
import { ethernet, ip4, ip6, tcp, udp } from '../build.ts';
import { checked } from './plane.ts';

const asm = checked.exports;
const at = { packet: checked.reserve(layout.PACKET_SIZE), flow: checked.reserve(layout.FLOW_SIZE) };
const room = checked.reserve(2048);
const weightsAt = checked.reserve(4 * 256);

function hashOf(frame: Uint8Array): number {
  checked.memory().set(frame, room + layout.HEADROOM);
  const view = checked.data();
  view.setUint32(at.packet + layout.P_FRAME, room + layout.HEADROOM, true);
  view.setUint32(at.packet + layout.P_LENGTH, frame.length, true);
  expect(asm.extract(at.packet, at.flow)).toBe(1);
  return asm.groupHash(at.packet, at.flow) >>> 0;
}

function memberOf(hash: number, weights: readonly number[]): number {
  const view = checked.data();
  for (const [i, weight] of weights.entries()) view.setUint32(weightsAt + 4 * i, weight, true);
  return asm.memberOf(hash, weights.length, weightsAt, 4);
}

const ports = Array.from({ length: 48 }, (_, i) => 20000 + i);

test('the backends of connections over IPv4 are those that Open vSwitch chooses', () => {
  const chosen = ports.map((port) => {
    const segment = tcp(port, 80, 2);
    return asm.equalMember(hashOf(ethernet(0x800, ip4({ src: 0x0a000101, dst: 0x0a000950, proto: 6 }, segment))), 3);
  });
  expect(chosen.map((member) => member + 1).join('')).toBe('123323233221211112322213111322232123322313223212');
});

test('those of connections over IPv6, too', () => {
  const src = 0xfd00_0001_0000_0000_0000_0000_0000_0001n;
  const dst = 0xfd00_0009_0000_0000_0000_0000_0000_0080n;
  const chosen = ports.map((port) =>
    asm.equalMember(hashOf(ethernet(0x86dd, ip6({ src, dst, next: 6 }, tcp(port, 80, 2)))), 3),
  );
  expect(chosen.map((member) => member + 1).join('')).toBe('322231212233112231213132311322232331232111121313');
});

test('a first fragment has the ports that its frame has, a later one none', () => {
  const chosen = (fragment: number): number => {
    const part = ip4({ src: 0x0a000201, dst: 0x0a000246, proto: 17, fragment }, udp(49474, 53, new Uint8Array(32)));
    return asm.equalMember(hashOf(ethernet(0x800, part)), 2);
  };
  expect([0, 0x2000, 0x2001].map(chosen)).toEqual([0, 0, 1]);
});

test('routes are chosen by a hash that both directions have alike', () => {
  const both = (src: number, dst: number, from: number, to: number, fragment = 0): number => {
    hashOf(ethernet(0x800, ip4({ src, dst, proto: 6, fragment }, tcp(from, to, 16))));
    return asm.symmetricGroupHash(at.flow) >>> 0;
  };
  const [a, b] = [0x0a000903, 0x0a050005];
  expect(both(a, b, 39900, 80)).toBe(0x393e3cab);
  expect(both(b, a, 80, 39900)).toBe(0x393e3cab);
  // Ports of fragments do not count, nor do those of UDP.
  expect(both(a, b, 39900, 80, 0x2000)).toBe(0xd0ce271a);
  expect(both(a, b, 1, 2, 0x2000)).toBe(0xd0ce271a);
  const six = (src: bigint, dst: bigint): number => {
    hashOf(ethernet(0x86dd, ip6({ src, dst, next: 17 }, udp(Number(src), Number(dst)))));
    return asm.symmetricGroupHash(at.flow) >>> 0;
  };
  expect(six(1n, 2n)).toBe(six(2n, 1n));
  expect(six(1n, 3n)).not.toBe(six(1n, 2n));
  hashOf(ethernet(0x806, new Uint8Array(28)));
  expect(asm.symmetricGroupHash(at.flow)).toBe(0);
});

test('members have slots in the proportion of their weights', () => {
  const slots = Array.from({ length: 16 }, (_, hash) => memberOf(hash, [1, 3]));
  expect(slots.filter((member) => member === 1)).toHaveLength(12);
  // One is given after one and a half threes, the first of a tie before the others.
  expect(slots.slice(0, 5)).toEqual([1, 0, 1, 1, 1]);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 12 }), (weights) => {
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      const given = new Array<number>(weights.length).fill(0);
      for (let hash = 0; hash < 256; hash++) given[memberOf(hash, weights)] = (given[memberOf(hash, weights)] ?? 0) + 1;
      // The slots are a power of two: no member is more than one and a half slots from its share.
      const slots = 2 ** Math.max(4, Math.ceil(Math.log2(Math.ceil(total / Math.min(...weights)))));
      for (const [i, weight] of weights.entries()) {
        const share = (weight / total) * slots;
        expect(Math.abs((given[i] ?? 0) / (256 / slots) - share)).toBeLessThanOrEqual(1.5);
      }
    }),
  );
});

test('any number of members is chosen from, each by somebody', () => {
  for (const count of [1, 2, 16, 17, 100, 256, 300]) {
    const chosen = new Set(
      Array.from({ length: 4096 }, (_, hash) => memberOf(hash, new Array(Math.min(count, 256)).fill(7))),
    );
    expect(chosen.size).toBe(Math.min(count, 256));
  }
  expect(memberOf(12345, [1, 1000])).toBeLessThan(2);
});

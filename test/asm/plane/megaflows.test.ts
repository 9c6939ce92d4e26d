/** Megaflows: found by what they match, gone by age, tags and tables, whatever the order. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as layout from '../../../asm/plane/layout.ts';
import { bytes, ethernet, ip4, udp } from '../build.ts';
import { CheckedPlane } from './plane.ts';
import { install, isKnown, output, recirc, send } from './programs.ts';

const frame = (dst: number, port = 80) => ethernet(0x800, ip4({ src: 1, dst, proto: 17 }, udp(1000, port)));
const dstMask = (bits: number) => ({ [layout.W_IP4]: (0xffffffffn << BigInt(32 - bits)) & 0xffffffffn });
const portMask = { [layout.W_L4]: 0xffffn << 32n };

function newPlane(megaflows = 256): CheckedPlane {
  const plane = new CheckedPlane({ ports: 32, megaflows, connections: 64, entries: 64, tunnels: 4, meters: 4 });
  for (let port = 1; port < 32; port++) plane.addPort(port);
  return plane;
}

const outOf = (plane: CheckedPlane, now: number, port: number, one: Uint8Array) =>
  send(plane, now, [port, one]).sent[0]?.port;

describe('megaflows', () => {
  test('of many masks and origins are found, and no others', () => {
    const entry = fc.record({
      port: fc.integer({ min: 1, max: 3 }),
      bits: fc.constantFrom(8, 16, 24, 32),
      network: fc.nat(15),
      to: fc.integer({ min: 4, max: 31 }),
    });
    const probe = fc.record({ port: fc.integer({ min: 1, max: 3 }), network: fc.nat(15), low: fc.nat(3) });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 40 }), fc.array(probe, { maxLength: 40 }), (entries, probes) => {
        const plane = newPlane();
        // Of different lengths in different networks, so that none covers another one's packets.
        const address = (network: number, bits: number) => ((network << 26) | (bits << 20)) >>> 0;
        const model = new Map<string, number>();
        for (const { port, bits, network, to } of entries) {
          const key = `${port} ${network} ${bits}`;
          if (model.has(key)) continue;
          model.set(key, to);
          expect(
            install(plane, {
              frame: frame(address(network, bits)),
              port,
              mask: dstMask(Math.max(bits, 12)),
              program: [output(to)],
            }),
          ).not.toBe(0);
        }
        for (const { port, network, low } of probes) {
          for (const bits of [8, 16, 24, 32]) {
            const to = model.get(`${port} ${network} ${bits}`);
            const inside = bits === 32 ? low === 0 : true;
            const last = bits === 32 ? low : low << (bits === 24 ? 0 : 2);
            const one = frame((address(network, bits) | last) >>> 0);
            expect(isKnown(plane, port, one)).toBe(to !== undefined && inside);
            if (to !== undefined && inside) expect(outOf(plane, 1, port, one)).toBe(to);
          }
        }
        expect(plane.exports.megaflowCount()).toBe(model.size);
      }),
      { numRuns: 100, endOnFailure: true },
    );
  });

  test('go when nobody met them for ten seconds, those that are met stay', () => {
    const plane = newPlane();
    for (let i = 0; i < 20; i++) install(plane, { frame: frame(i), port: 1, mask: dstMask(32), program: [output(2)] });
    for (let now = 0; now <= 30_000; now += 1000) expect(outOf(plane, now, 1, frame(7))).toBe(2);
    expect(plane.exports.megaflowCount()).toBe(1);
    send(plane, 50_000);
    expect(plane.exports.megaflowCount()).toBe(0);
  });

  test('go by tags and by tables, any bit', () => {
    const plane = newPlane();
    for (let i = 0; i < 8; i++) {
      install(plane, {
        frame: frame(i),
        port: 1,
        mask: dstMask(32),
        program: [output(2)],
        tags: 1n << BigInt(i),
        visited: 1n << BigInt(63 - i),
      });
    }
    expect(plane.exports.invalidateTags(0b101n)).toBe(2);
    expect(plane.exports.invalidateTables(1n << 62n)).toBe(1);
    expect(plane.exports.invalidateTables(1n << 63n)).toBe(0);
    const known = () => Array.from({ length: 8 }, (_, i) => isKnown(plane, 1, frame(i)));
    expect(known()).toEqual([false, false, false, true, true, true, true, true]);
    plane.exports.invalidateAll();
    expect(known()).not.toContain(true);
  });

  test('give their room back: made and dropped without end', () => {
    const plane = newPlane(64);
    const before = plane.exports.reserved();
    let later = 0;
    for (let round = 0; round < 200; round++) {
      for (let i = 0; i < 64; i++) {
        const at = install(plane, {
          frame: frame(i, round),
          port: 1 + (i % 20),
          mask: { ...dstMask(1 + (i % 32)), ...portMask },
          program: [output(2)],
        });
        expect(at).not.toBe(0);
      }
      expect(install(plane, { frame: frame(0), port: 1, program: [output(2)] })).toBe(0);
      plane.exports.invalidateAll();
      if (round === 0) later = plane.exports.reserved();
    }
    expect(later).toBeGreaterThan(before);
    expect(plane.exports.reserved()).toBe(later);
  });

  test('of packets that come again hold wherever those came in', () => {
    const plane = newPlane();
    for (const port of [1, 2]) install(plane, { frame: frame(1), port, program: [recirc(5)] });
    install(plane, { frame: frame(1), port: 1, recirc: 5, program: [output(9)] });
    expect([outOf(plane, 1, 1, frame(1)), outOf(plane, 1, 2, frame(2))]).toEqual([9, 9]);
  });

  test('count for the logical flows that were met', () => {
    const plane = newPlane();
    const one = bytes(frame(1), new Uint8Array(58));
    install(plane, { frame: one, port: 1, mask: dstMask(32), program: [output(2)], flows: [3, 100_000] });
    install(plane, { frame: frame(2), port: 1, mask: dstMask(32), program: [output(2)], flows: [3] });
    send(plane, 1, [1, one], [1, one], [1, frame(2)]);
    plane.exports.invalidateAll();
    expect(plane.flowCounters([3, 100_000, 4])).toEqual(
      new Map([
        [3, { packets: 3n, bytes: 242n }],
        [100_000, { packets: 2n, bytes: 200n }],
        [4, { packets: 0n, bytes: 0n }],
      ]),
    );
  });
});

/** Regions of the plane's memory: zero, apart from each other, used again. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CheckedPlane } from './plane.ts';

const small = { ports: 32, megaflows: 32, connections: 64, entries: 64, tunnels: 4, meters: 4 };
const rounded = (bytes: number) => (bytes + 63) & ~63;

describe('regions', () => {
  test('what lies at the end is taken off the end; neighbours become one', () => {
    const { exports } = new CheckedPlane(small);
    const start = exports.reserved();
    const [a, b, c] = [exports.reserve(100), exports.reserve(1000), exports.reserve(64)];
    exports.giveBack(b, 1000);
    expect(exports.reserved()).toBe(c + 64);
    // The smaller of two gaps, if it has the room.
    expect(exports.reserve(900)).toBe(b);
    exports.giveBack(a, 100);
    exports.giveBack(b, 900);
    expect(exports.reserve(1100)).toBe(a);
    exports.giveBack(c, 64);
    exports.giveBack(a, 1100);
    expect(exports.reserved()).toBe(start);
  });

  test('any order: all zero, none upon another, and in the end nothing is taken', () => {
    const plane = new CheckedPlane(small);
    const { exports } = plane;
    const start = exports.reserved();
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(300), fc.nat(20)), { maxLength: 60 }), (steps) => {
        const taken: { at: number; bytes: number }[] = [];
        const giveBack = (which: number) => {
          const [region] = taken.splice(which, 1);
          if (region) exports.giveBack(region.at, region.bytes);
        };
        let most = 0;
        for (const [bytes, which] of steps) {
          if (which < taken.length && bytes % 3 > 0) {
            giveBack(which);
            continue;
          }
          const at = exports.reserve(bytes + 1);
          const region = plane.memory().subarray(at, at + rounded(bytes + 1));
          expect(region.every((byte) => byte === 0)).toBe(true);
          region.fill(0xa5);
          taken.push({ at, bytes: bytes + 1 });
          for (const other of taken.slice(0, -1)) {
            expect(at >= other.at + rounded(other.bytes) || other.at >= at + rounded(bytes + 1)).toBe(true);
          }
          most = Math.max(most, exports.reserved());
        }
        for (const { at, bytes } of taken) {
          expect(
            plane
              .memory()
              .subarray(at, at + bytes)
              .every((byte) => byte === 0xa5),
          ).toBe(true);
        }
        while (taken.length > 0) giveBack(taken.length >> 1);
        expect(exports.reserved()).toBe(start);
      }),
      { numRuns: 300 },
    );
  });

  test('nobody gives back what was never given out', () => {
    const { exports } = new CheckedPlane(small);
    const at = exports.reserve(64);
    expect(() => exports.giveBack(at + 64, 64)).toThrow();
    expect(() => exports.giveBack(at + 8, 8)).toThrow();
    exports.reserve(64);
    exports.giveBack(at, 64);
    expect(() => exports.giveBack(at, 64)).toThrow();
  });
});

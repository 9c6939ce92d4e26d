/** Straight ways beside the long way: the same frames, the same counters. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import * as layout from '../../../asm/plane/layout.ts';
import { withChecksums } from '../../../engine/frame.ts';
import { bytes, ethernet, ip4, tcp, udp } from '../build.ts';
import { frames } from './frames.ts';
import { CheckedPlane } from './plane.ts';
import { clone, drop, install, isKnown, output, send, set, tunnel } from './programs.ts';

const { W_ETH_DST, W_ETH_SRC, W_IP4, W_L4, W_DERIVED } = layout;
const ALL = 0xffff_ffff_ffff_ffffn;
const MAC = 0xffff_ffff_ffffn;
const TTL = 0xff00n;
const TOS = 0xff_0000n;
const PROTO = 0xffn;
const LATER = 0x0200_0000n;

function planes(): [CheckedPlane, CheckedPlane] {
  const options = { ports: 16, megaflows: 64, connections: 64, entries: 64, tunnels: 4, meters: 4 };
  const pair: [CheckedPlane, CheckedPlane] = [new CheckedPlane(options), new CheckedPlane(options)];
  for (const plane of pair) for (const port of [1, 2, 3]) plane.addPort(port);
  pair[1].exports.allowWays(0);
  return pair;
}

/** Everything that can be seen of a plane's work. */
const seen = (plane: CheckedPlane) => ({
  ports: [1, 2, 3].map((port) => plane.portCounters(port)),
  caches: plane.cacheCounters(),
  drops: plane.dropCounters(),
  flows: plane.flowCounters([5, 6]),
});

const someMask = fc.constantFrom(0n, 0n, ALL);
const masks = fc
  .tuple(
    someMask,
    fc.constantFrom(0n, MAC, ALL),
    fc.constantFrom(0n, 0n, ALL, 0xffff_0000_ffff_ff00n),
    fc.subarray([TTL, TOS, PROTO, LATER, 0xffff_0000_0000_0000n, 0xffff_0000_0000n]),
  )
  .map(([dst, src, ip, l4]) => ({
    [W_ETH_DST]: dst,
    [W_ETH_SRC]: src,
    [W_IP4]: ip,
    [W_L4]: l4.reduce((sum, each) => sum | each, 0n),
  }));

const changes = fc.constantFrom(
  set(W_ETH_DST, 0x02_0000_0000aan, MAC),
  set(W_ETH_SRC, 0x02_0000_0000bbn, MAC),
  set(W_ETH_SRC, 0xaan, 0xffn),
  set(W_L4, 63n << 8n, TTL),
  set(W_L4, 0x3f00n, 0x7f00n),
  set(W_L4, 0xb8_0000n, 0xfc_0000n),
);
const ends = fc.constantFrom(
  [output(2)],
  [output(9)],
  [drop(layout.DROP_FLOW)],
  [output(2), output(3)],
  [clone(output(3)), output(2)],
  [tunnel(1, 7)],
  [output(2), drop(layout.DROP_FLOW)],
);
const programs = fc.tuple(fc.array(changes, { maxLength: 4 }), ends).map(([sets, end]) => [...sets, ...end]);

/** Frames that are alike but for a few fields. */
const alike = fc
  .record({
    dst: fc.constantFrom(0x0a000101, 0x0a000102, 0x0b000001),
    ttl: fc.constantFrom(64, 63, 1),
    tos: fc.constantFrom(0, 0xb8),
    isTcp: fc.boolean(),
    ports: fc.nat(3),
    checksum: fc.boolean(),
    padding: fc.constantFrom('', '00', '000102030405060708090a0b'),
  })
  .map(({ dst, ttl, tos, isTcp, ports, checksum, padding }) => {
    const segment = isTcp ? tcp(1000 + ports, 80, 16, bytes('0102')) : udp(1000 + ports, 53, bytes('010203'));
    const frame = ethernet(0x800, ip4({ src: 0x0a000001, dst, proto: isTcp ? 6 : 17, ttl, tos }, segment));
    const right = withChecksums(frame);
    if (!checksum) right[24] = (right[24] ?? 0) ^ 0x55;
    return bytes(right, padding);
  });
const anyFrame = fc.oneof({ weight: 4, arbitrary: alike }, { weight: 1, arbitrary: frames() });

/** Megaflows do not overlap: these have ports of their own. */
const ofPorts = fc.uniqueArray(fc.tuple(fc.constantFrom(1, 2), alike, masks, programs), {
  minLength: 1,
  selector: ([port]) => port,
});

test('frames that go straight come out as those that go the long way', () => {
  let straight = 0;
  fc.assert(
    fc.property(
      ofPorts,
      fc.array(fc.tuple(fc.constantFrom(1, 2), anyFrame), { minLength: 20, maxLength: 80 }),
      (megaflows, sent) => {
        const [fresh, reference] = planes();
        for (const [index, [port, frame, mask, program]] of megaflows.entries()) {
          for (const plane of [fresh, reference]) install(plane, { frame, port, mask, program, flows: [5 + index] });
        }
        // What nobody knows would be translated, and there is no program.
        const known = sent.filter(([port, frame]) => frame.length >= 14 && isKnown(reference, port, frame));
        for (let round = 0; round < 3; round++) {
          expect(send(fresh, round, ...known).sent).toEqual(send(reference, round, ...known).sent);
          expect(seen(fresh)).toEqual(seen(reference));
        }
        straight += known.length;
      },
    ),
    { numRuns: 150 },
  );
  expect(straight).toBeGreaterThan(500);
});

test('a way goes with its megaflow', () => {
  const [plane] = planes();
  const frame = withChecksums(ethernet(0x800, ip4({ src: 1, dst: 2, proto: 17 }, udp(1000, 53))));
  const mask = { [W_ETH_DST]: ALL, [W_L4]: TTL | PROTO | LATER };
  for (const out of [2, 3]) {
    install(plane, { frame, port: 1, mask, program: [set(W_L4, 63n << 8n, TTL), output(out)] });
    for (let round = 0; round < 3; round++) {
      expect(send(plane, round, [1, frame], [1, frame]).sent.map(({ port }) => port)).toEqual([out, out]);
    }
    plane.exports.invalidateAll();
  }
});

test('a megaflow that looks at more than addresses, ports, TTL and TOS has none', () => {
  const [plane, other] = planes();
  const frame = withChecksums(ethernet(0x800, ip4({ src: 1, dst: 2, proto: 6 }, tcp(1000, 53, 0x10, bytes()))));
  const reset = withChecksums(ethernet(0x800, ip4({ src: 1, dst: 2, proto: 6 }, tcp(1000, 53, 0x04, bytes()))));
  for (const each of [plane, other]) {
    for (const [of, out] of [
      [frame, 2],
      [reset, 3],
    ] as const) {
      install(each, { frame: of, port: 1, mask: { [W_L4]: ALL, [W_DERIVED]: 0xfff00n }, program: [output(out)] });
    }
  }
  for (let round = 0; round < 3; round++) {
    const sent = [frame, reset, frame].map((each) => [1, each] as const);
    expect(send(plane, round, ...sent).sent.map(({ port }) => port)).toEqual([2, 3, 2]);
    expect(send(other, round, ...sent).sent.map(({ port }) => port)).toEqual([2, 3, 2]);
  }
});

test.each([
  ['is too small', 3],
  ['points behind the packet', 15],
])('a frame whose TCP data offset %s has no ports, and goes the way of those without', (_, words) => {
  const frame = withChecksums(ethernet(0x800, ip4({ src: 1, dst: 2, proto: 6 }, tcp(1000, 80, 0x10, bytes()))));
  const odd = frame.slice();
  odd[46] = words << 4;
  for (const plane of planes()) {
    const mask = { [W_ETH_DST]: ALL, [W_L4]: ALL };
    install(plane, { frame, port: 1, mask, program: [output(2)] });
    install(plane, { frame: odd, port: 1, mask, program: [output(3)] });
    for (let round = 0; round < 3; round++) {
      const sent = [frame, odd, frame].map((each) => [1, each] as const);
      expect(send(plane, round, ...sent).sent.map(({ port }) => port)).toEqual([2, 3, 2]);
    }
  }
});

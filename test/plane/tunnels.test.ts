/** What real ends of tunnels make of outer headers that nobody should have sent: options in all forms, lengths that lie. */
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { wasm } from '#asm/plane-checked';
import { withChecksums } from '../../engine/frame.ts';
import { createFleet, type Node, type Received, UNDERLAY } from '../../engine/node/index.ts';
import { computeSouthbound } from '../../engine/northd/index.ts';
import { placementOf } from '../../engine/program/index.ts';
import { addPort, addSwitch, northbound } from '../northd/router/build.ts';
import { frame, protocols, u16, udp, zeros } from '../oracle/frames.ts';
import { seedAndRuns } from '../oracle/seed.ts';

const { seed, runs } = seedAndRuns(400);

const plane = { module: wasm, megaflows: 256, connections: 512, entries: 256, ports: 64 } as const;
/** Ethernet, IPv4 and UDP outside. */
const OUTER = 42;
const GENEVE = 8;

const inner = frame(
  { src: '02:00:00:00:01:01', dst: '02:00:00:00:01:02' },
  { src: '10.0.1.1', dst: '10.0.1.2' },
  protocols.udp,
  udp(4000, 53, zeros(24)),
);

let node: Node;
/** As one chassis sent it to the other. */
let carried: Uint8Array;

beforeAll(() => {
  const nb = northbound();
  addSwitch(nb, 'a');
  addPort(nb, 'a', 'a1', ['02:00:00:00:01:01 10.0.1.1']);
  addPort(nb, 'a', 'a2', ['02:00:00:00:01:02 10.0.1.2']);
  const fleet = createFleet({
    southbound: computeSouthbound(nb).southbound,
    placement: placementOf(nb),
    chassis: [
      { chassis: 'n1', ip: '192.0.2.1', mac: '02:00:00:00:aa:01', bindings: ['a1'], plane },
      { chassis: 'n2', ip: '192.0.2.2', mac: '02:00:00:00:aa:02', bindings: ['a2'], plane },
    ],
  });
  fleet.send('a1', inner);
  expect(fleet.received()).toEqual([{ port: 'a2', frame: inner }]);
  const [sent] = fleet.tunnelled();
  const other = fleet.nodes.get('n2');
  if (!sent || !other) throw new Error('nothing was sent through the tunnel');
  carried = sent.frame;
  node = other;
});

/** OVN's option with the ports that it had. */
const own = (): number[] => [...carried.subarray(OUTER + GENEVE, OUTER + GENEVE + 8)];

/** An option of so many words behind its head. */
const option = (type: number, words: number, reserved = 0): number[] => [
  ...u16(0x0104),
  type,
  (reserved << 5) | words,
  ...zeros(4 * words),
];

/** The frame with other options; `words` and `type` are what the header says. */
function geneve(
  options: readonly number[],
  { words = options.length / 4, version = 0, flags = 0, type = 0x6558, vni = carried.subarray(46, 49) } = {},
  payload: Uint8Array = inner,
): Uint8Array {
  const head = [(version << 6) | (words & 63), flags, ...u16(type), ...vni, 0];
  const all = Uint8Array.from([...carried.subarray(0, OUTER), ...head, ...options, ...payload]);
  all.set(u16(all.length - 14), 16);
  all.set(u16(all.length - 34), 38);
  return withChecksums(all);
}

/** What the end makes of a frame: what left, and whether the end dropped it. */
function receive(each: Uint8Array): { received: Received[]; refused: bigint } {
  const before = node.stats().drops['tunnel-frame'] ?? 0n;
  node.send(UNDERLAY, each);
  return { received: node.received(), refused: (node.stats().drops['tunnel-frame'] ?? 0n) - before };
}

const delivered = () => ({ received: [{ port: 'a2', frame: inner }], refused: 0n });
const refused = { received: [], refused: 1n };

describe('options', () => {
  test('those that nobody knows are skipped, wherever they are and however long', () => {
    expect(receive(geneve(own()))).toEqual(delivered());
    for (let words = 0; words < 32; words++) {
      expect(receive(geneve([...option(0x11, words), ...own()])), `${words} before`).toEqual(delivered());
      expect(receive(geneve([...own(), ...option(0x7f, words, 7)])), `${words} behind`).toEqual(delivered());
    }
    const many = Array.from({ length: 61 }, () => option(1, 0)).flat();
    expect(receive(geneve([...many, ...own()]))).toEqual(delivered());
    // "There are critical options" says nothing that the options do not say.
    expect(receive(geneve(own(), { flags: 0x40 }))).toEqual(delivered());
  });

  test('critical ones that nobody knows are refused', () => {
    for (const words of [0, 1, 31]) {
      expect(receive(geneve([...option(0x91, words), ...own()]))).toEqual(refused);
      expect(receive(geneve([...own(), ...option(0x80, words)]))).toEqual(refused);
    }
    // OVN's class and type with another length is another option.
    expect(receive(geneve([1, 2, 0x80, 0]))).toEqual(refused);
    expect(receive(geneve([1, 2, 0x80, 2, ...zeros(8)]))).toEqual(refused);
  });

  test('lengths that lie are refused', () => {
    for (let words = 1; words < 32; words++) {
      // The option is longer than all options are.
      const long = option(1, words);
      expect(receive(geneve([...own(), ...long.slice(0, -4)])), `${words}`).toEqual(refused);
    }
    const left = (inner.length + 8) >> 2;
    for (let words = left + 1; words < 64; words++) expect(receive(geneve(own(), { words }))).toEqual(refused);
  });

  test('other versions and protocols are refused', () => {
    for (const version of [1, 2, 3]) expect(receive(geneve(own(), { version }))).toEqual(refused);
    for (const type of [0, 0x800, 0x86dd, 0x6559]) expect(receive(geneve(own(), { type }))).toEqual(refused);
  });

  test('without an option, or with ports and networks that are not there, the packet comes nowhere', () => {
    expect(receive(geneve([])).received).toEqual([]);
    expect(receive(geneve(own(), { vni: Uint8Array.of(0xff, 0xff, 0xff) })).received).toEqual([]);
    for (const ports of [0, 0xffffffff, 0x7fff0000, 0x0001ffff, 0x00010000]) {
      const option = [1, 2, 0x80, 1, ...u16(ports >>> 16), ...u16(ports & 0xffff)];
      expect(receive(geneve(option)).received, ports.toString(16)).toEqual([]);
    }
  });
});

describe('frames', () => {
  test('cut off anywhere, with any checksum', () => {
    for (let length = 0; length < carried.length; length++) {
      expect(receive(carried.slice(0, length)).received, `${length} bytes`).toEqual([]);
    }
    const wrong = carried.slice();
    wrong[40] = (wrong[40] ?? 0) ^ 0x55;
    expect(receive(wrong)).toEqual(refused);
  });

  test('a tunnel in a tunnel is not unpacked twice', () => {
    let nested: Uint8Array = inner;
    for (let depth = 1; depth < 12; depth++) {
      nested = geneve(own(), {}, nested);
      const { received } = receive(nested);
      expect(received).toEqual([{ port: 'a2', frame: depth === 1 ? inner : nested.subarray(OUTER + GENEVE + 8) }]);
    }
  });

  test('any bytes behind the outer headers: to the port here or nowhere, never back into a tunnel', () => {
    const before = node.plane.exports.reserved();
    const bytes = fc.uint8Array({ minLength: 0, maxLength: 90 });
    const spoiled = fc.array(fc.tuple(fc.nat(70), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(bytes, spoiled, (options, places) => {
        const padded = [...options, ...zeros(-options.length & 3)];
        const near = geneve([...own(), ...padded]);
        for (const [at, value] of places) near[OUTER + at] = value;
        for (const each of [geneve(padded), geneve([...padded, ...own()]), withChecksums(near)]) {
          const { received } = receive(each);
          expect(received.length).toBeLessThanOrEqual(1);
          for (const { port } of received) expect(port).toBe('a2');
        }
      }),
      { seed, numRuns: runs },
    );
    expect(receive(geneve(own()))).toEqual(delivered());
    expect(node.plane.exports.reserved() - before).toBeLessThanOrEqual(4 << 20);
  });
});

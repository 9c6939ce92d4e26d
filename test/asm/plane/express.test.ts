/** The express lane: that it does what the long way does, for whatever comes by it. */
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import * as layout from '../../../asm/plane/layout.ts';
import { withChecksums } from '../../../engine/frame.ts';
import { be, bytes, ethernet, ip4, tcp, udp } from '../build.ts';
import { CheckedPlane } from './plane.ts';
import { install, output, recirc, send, set, track } from './programs.ts';

const { W_ETH_DST, W_ETH_SRC, W_L4, W_CT, W_DERIVED, CS_NEW, CS_EST, CS_INV, CS_TRK, CS_RPL } = layout;
const client = 0x0a000005;
const server = 0x08080808;
const outside = 0x1e1e0001;
const TCP = 6;
const UDP = 17;

type Kind = 'source' | 'destination' | 'none';

/** What both sides of a conversation see of each other. */
const seen = {
  source: { there: [client, 1000, server, 80], back: [server, 80, outside, 1000] },
  destination: { there: [client, 1000, outside, 80], back: [server, 8080, client, 1000] },
  none: { there: [client, 1000, server, 80], back: [server, 80, client, 1000] },
} as const satisfies Record<Kind, unknown>;

function newPlane(): CheckedPlane {
  const plane = new CheckedPlane({ ports: 8, megaflows: 256, connections: 64, entries: 64, tunnels: 1, meters: 1 });
  for (const port of [1, 2, 3]) plane.addPort(port);
  return plane;
}

/**
 * Two zones on the way from port 1 to port 2 and back, a translation in the
 * second one; what is invalid leaves by port 3.  `looks`: more that is matched.
 */
function setUp(plane: CheckedPlane, kind: Kind, looks: Record<number, bigint> = {}): void {
  const address = kind === 'source' ? outside : server;
  const flags = {
    source: layout.CT_COMMIT | layout.CT_NAT_SRC,
    destination: layout.CT_COMMIT | layout.CT_NAT_DST,
    none: layout.CT_COMMIT,
  }[kind];
  const route = [
    set(W_ETH_DST, 0x0200000000aan, 0xffffffffffffn),
    set(W_ETH_SRC, 0x0200000000bbn, 0xffffffffffffn),
    set(W_L4, 0n, 0x3n << 16n),
  ];
  // A TTL of 0 is what a header has that lies about its length.
  for (const ttl of [0n, 1n, 64n, 255n]) {
    const frame = (port: number) =>
      ethernet(0x800, ip4({ src: port, dst: 1, proto: UDP, ttl: Number(ttl) }, udp(1, 1)));
    const mask = { [W_CT]: 0xffn, [W_ETH_DST]: 0xffffn << 48n, [W_L4]: 0xff00n, ...looks };
    const megaflow = (port: number, id: number, state: number, program: number[][]) =>
      install(plane, { frame: frame(port), port, recirc: id, state: BigInt(state), mask, program, tags: 1n });
    const lower = ttl > 1n ? [set(W_L4, (ttl - 1n) << 8n, 0xff00n)] : [];
    megaflow(1, 0, 0, [track({ zone: 3, flags: layout.CT_COMMIT }), recirc(1)]);
    megaflow(2, 0, 0, [track({ zone: 4, flags: layout.CT_NAT }), recirc(3)]);
    for (const reply of [0, CS_RPL]) {
      for (const state of [CS_NEW, CS_EST]) {
        megaflow(1, 1, state | CS_TRK | reply, [
          track({ zone: 4, flags, address, port: kind === 'destination' ? 8080 : 0 }),
          recirc(2),
        ]);
        for (const natted of [0, layout.CS_SNAT, layout.CS_DNAT]) {
          megaflow(1, 2, state | CS_TRK | reply | natted, [...route, ...lower, output(2)]);
          megaflow(2, 3, state | CS_TRK | reply | natted, [track({ zone: 3, flags: 0 }), recirc(4)]);
          megaflow(2, 4, state | CS_TRK | reply | natted, [...lower, output(1)]);
        }
      }
    }
    for (const [port, id] of [
      [1, 1],
      [1, 2],
      [2, 3],
      [2, 4],
    ] as const) {
      for (const natted of [0, layout.CS_SNAT, layout.CS_DNAT]) {
        megaflow(port, id, CS_INV | CS_TRK | natted, [output(3)]);
      }
    }
  }
}

/** One thing that happens. */
interface Step {
  back: boolean;
  payload: Uint8Array;
  /** Of the IPv4 header. */
  ttl: number;
  tos: number;
  fragment: number;
  options: boolean;
  /** TCP: flags; how far the sequence number goes on. */
  flags: number;
  /** A byte that is changed in what is right otherwise: offset, exclusive or. */
  damage: readonly [number, number];
  withoutChecksum: boolean;
  /** Bytes behind the packet's end; below 0: missing. */
  padding: number;
  /** What happens before. */
  event: 'none' | 'wait' | 'long' | 'flush' | 'tags';
  /** The same again, so many times in the same batch. */
  again: number;
}

const seldom = <T>(usual: T, ...rare: T[]) =>
  fc.oneof({ weight: 12, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...rare) });

const ACK = 0x10;
const step: fc.Arbitrary<Step> = fc.record({
  back: fc.boolean(),
  payload: fc.uint8Array({ maxLength: 70 }),
  ttl: seldom(64, 1, 255),
  tos: seldom(0, 1, 0x2e, 0xff),
  fragment: seldom(0x4000, 0, 0x8000, 0xc000),
  options: seldom(false, true),
  flags: seldom(ACK, ACK | 8, 2, ACK | 2, ACK | 1, 4, ACK | 0x20, ACK | 0x40),
  damage: seldom<readonly [number, number]>(
    [0, 0],
    [16, 1],
    [17, 4],
    [24, 9],
    [26, 1],
    [38, 0x80],
    [39, 3],
    [40, 1],
    [45, 1],
    [46, 0xf0],
    [46, 0x10],
    [50, 1],
  ),
  withoutChecksum: seldom(false, true),
  padding: seldom(0, 1, 6, 30, -1, -4, -9),
  event: seldom<Step['event']>('none', 'wait', 'long', 'flush', 'tags'),
  again: seldom(0, 1, 3),
});

/** The frame of a step; `sent`: what each side has sent so far, of TCP. */
function frameOf(kind: Kind, proto: number, given: Step, sent: [number, number]): Uint8Array {
  const [src, sport, dst, dport] = seen[kind][given.back ? 'back' : 'there'];
  const side = given.back ? 1 : 0;
  let segment = udp(sport, dport, given.payload);
  if (proto === TCP) {
    segment = tcp(sport, dport, given.flags, given.payload);
    segment.set(be(100_000 + sent[side], 4), 4);
    segment.set(be(100_000 + sent[1 - side] * (given.flags & ACK ? 1 : 0), 4), 8);
    segment.set(be(0x2000, 2), 14);
    sent[side] += given.payload.length + (given.flags & 3 ? 1 : 0);
  }
  const { ttl, tos, fragment } = given;
  const options = given.options ? bytes('01010100') : bytes();
  const frame = withChecksums(ethernet(0x800, ip4({ src, dst, proto, ttl, tos, fragment, options }, segment)));
  if (given.withoutChecksum && proto === UDP) frame.set([0, 0], frame.length - segment.length + 6);
  const [at, bits] = given.damage;
  if (at < frame.length) frame[at] = (frame[at] ?? 0) ^ bits;
  return given.padding >= 0 ? bytes(frame, new Uint8Array(given.padding).fill(0xee)) : frame.subarray(0, given.padding);
}

const usual: Step = {
  back: false,
  payload: bytes('010203'),
  ttl: 64,
  tos: 0,
  fragment: 0x4000,
  options: false,
  flags: ACK,
  damage: [0, 0],
  withoutChecksum: false,
  padding: 0,
  event: 'none',
  again: 0,
};

/** How a conversation begins: both sides have spoken twice. */
const opening: readonly Step[] = [
  { ...usual, flags: 2, payload: bytes() },
  { ...usual, flags: 2 | ACK, payload: bytes(), back: true },
  usual,
  { ...usual, back: true },
  usual,
  { ...usual, back: true },
];

/** Everything that comes of a conversation; `byHeart`: whether lanes may be used. */
function talk(kind: Kind, proto: number, steps: readonly Step[], byHeart: boolean) {
  const plane = newPlane();
  setUp(plane, kind);
  const sent: [number, number] = [0, 0];
  let now = 1000;
  const out = steps.map((given) => {
    if (given.event === 'wait') now += 400;
    if (given.event === 'long') now += 31_000;
    if (given.event === 'flush') plane.exports.ctFlush(-1);
    if (given.event === 'tags' || given.event === 'long') {
      // Megaflows that nobody used are gone by then.
      send(plane, now);
      plane.exports.invalidateTags(1n);
      setUp(plane, kind);
    }
    now += 1;
    const frame = frameOf(kind, proto, given, sent);
    const batch = Array.from({ length: given.again + 1 }, () => frame);
    const port = given.back ? 2 : 1;
    if (byHeart) return send(plane, now, ...batch.map((one) => [port, one] as const)).sent;
    return batch.flatMap((one, index) => {
      plane.exports.dropConnections();
      return send(plane, now, [port, one]).sent.map((gone) => ({ ...gone, index }));
    });
  });
  const ports = [1, 2, 3].map((port) => plane.portCounters(port));
  const { connections: hits, misses } = plane.cacheCounters();
  return { out, ports, connections: plane.exports.ctCount(-1), hits, misses };
}

describe('the express lane', () => {
  for (const kind of ['source', 'destination', 'none'] as const) {
    for (const proto of [TCP, UDP]) {
      test(`${proto === TCP ? 'TCP' : 'UDP'}, ${kind} translated: as the long way, whatever comes`, () => {
        let hits = 0n;
        let packets = 0;
        fc.assert(
          fc.property(fc.array(step, { minLength: 4, maxLength: 24 }), (steps) => {
            const all = [...opening, ...steps];
            const byHeart = talk(kind, proto, all, true);
            const theLongWay = talk(kind, proto, all, false);
            hits += byHeart.hits;
            packets += steps.length;
            expect(byHeart.out).toEqual(theLongWay.out);
            expect(byHeart.ports).toEqual(theLongWay.ports);
            expect(byHeart.connections).toBe(theLongWay.connections);
            expect(theLongWay.hits).toBe(0n);
            expect(byHeart.misses + theLongWay.misses).toBe(0n);
          }),
          { numRuns: 12 },
        );
        // Or nothing was compared.
        expect(Number(hits)).toBeGreaterThan(packets / 4);
      });
    }
  }
});

/** What comes of many conversations at once, in batches of their frames; there is room for 64 lanes. */
function talkOfMany(proto: number, batches: readonly Crowd[], byHeart: boolean) {
  const plane = new CheckedPlane({ ports: 8, megaflows: 256, connections: 1024, entries: 64, tunnels: 1, meters: 1 });
  for (const port of [1, 2, 3]) plane.addPort(port);
  setUp(plane, 'none');
  const frame = ({ which, back, flags, summed }: Talk): Uint8Array => {
    const segment = (sport: number, dport: number) =>
      proto === TCP ? tcp(sport, dport, flags) : udp(sport, dport, bytes('0102'));
    const there = ip4({ src: client, dst: server, proto }, segment(2000 + which, 80));
    const one = withChecksums(
      ethernet(0x800, back ? ip4({ src: server, dst: client, proto }, segment(80, 2000 + which)) : there),
    );
    // Without one nothing but the key tells conversations apart.
    if (proto === UDP && !summed) one.set([0, 0], 40);
    return one;
  };
  let now = 1000;
  const out = batches.map(({ talks, damaged, event }) => {
    now += 1;
    if (event === 'flush') plane.exports.ctFlush(3);
    if (event === 'tags') {
      plane.exports.invalidateTags(1n);
      setUp(plane, 'none');
    }
    if (event === 'unplugged') plane.exports.setPort(2, 0);
    if (event === 'plugged') plane.addPort(2);
    const inputs = talks.map((talk, index): readonly [number, Uint8Array] => {
      const { back } = talk;
      const one = frame(talk);
      if (index === damaged) one[24] = (one[24] ?? 0) ^ 1;
      return [back ? 2 : 1, one];
    });
    if (byHeart) return send(plane, now, ...inputs).sent;
    return inputs.flatMap((input, index) => {
      plane.exports.dropConnections();
      return send(plane, now, input).sent.map((gone) => ({ ...gone, index }));
    });
  });
  const ports = [1, 2, 3].map((port) => plane.portCounters(port));
  return { out, ports, connections: plane.exports.ctCount(-1), hits: Number(plane.cacheCounters().connections) };
}

interface Talk {
  which: number;
  back: boolean;
  flags: number;
  /** UDP: whether it has a checksum. */
  summed: boolean;
}

interface Crowd {
  talks: readonly Talk[];
  /** Which of them has a wrong checksum; -1 for none. */
  damaged: number;
  event: 'none' | 'flush' | 'tags' | 'unplugged' | 'plugged';
}

const crowd: fc.Arbitrary<Crowd> = fc.record({
  talks: fc.array(
    fc.record({
      which: fc.integer({ min: 0, max: 150 }),
      back: fc.boolean(),
      flags: seldom(ACK, ACK | 1, 4),
      summed: fc.boolean(),
    }),
    { minLength: 1, maxLength: 70 },
  ),
  damaged: seldom(-1, 0, 5),
  event: seldom<Crowd['event']>('none', 'flush', 'tags', 'unplugged', 'plugged'),
});

/** All of them are opened, so many at once that no batch is too large. */
const opened: readonly Crowd[] = [2, ACK | 2, ACK, ACK, ACK].flatMap((flags, round) =>
  [0, 50, 100].map((first) => ({
    talks: Array.from({ length: 51 }, (_, at) => ({
      which: first + at,
      back: round % 2 === 1,
      flags,
      summed: true,
    })),
    damaged: -1,
    event: 'none' as const,
  })),
);

describe('more conversations than lanes', () => {
  for (const proto of [TCP, UDP]) {
    test(`${proto === TCP ? 'TCP' : 'UDP'}: each goes its own way, though lanes change hands`, () => {
      let hits = 0;
      let packets = 0;
      fc.assert(
        fc.property(fc.array(crowd, { minLength: 4, maxLength: 12 }), (batches) => {
          const byHeart = talkOfMany(proto, [...opened, ...batches], true);
          const theLongWay = talkOfMany(proto, [...opened, ...batches], false);
          hits += byHeart.hits;
          packets += batches.reduce((sum, { talks }) => sum + talks.length, 0);
          expect(byHeart.out).toEqual(theLongWay.out);
          expect(byHeart.ports).toEqual(theLongWay.ports);
          expect(byHeart.connections).toBe(theLongWay.connections);
        }),
        { numRuns: 15 },
      );
      expect(hits).toBeGreaterThan(packets / 20);
    });
  }
});

test('lanes of connections that are over are given to others', () => {
  const talks = (back: boolean) => Array.from({ length: 20 }, (_, which) => ({ which, back, flags: 0, summed: true }));
  const batch = (back: boolean, event: Crowd['event'] = 'none') => ({ talks: talks(back), damaged: -1, event });
  const round = [batch(false, 'flush'), batch(true), batch(false), batch(true), batch(false)];
  const hitsOf = (rounds: number) => talkOfMany(UDP, Array.from({ length: rounds }, () => round).flat(), true).hits;
  const first = hitsOf(1);
  expect(first).toBeGreaterThan(30);
  expect(hitsOf(12)).toBeGreaterThan(10 * first);
});

describe('what has a lane', () => {
  let plane: CheckedPlane;
  beforeEach(() => {
    plane = newPlane();
  });
  const frames = (given: Partial<Step> = {}) => {
    const sent: [number, number] = [0, 0];
    return [false, true].map((back) => frameOf('source', UDP, { ...usual, ...given, back }, sent));
  };
  const exchange = (times: number, given: Partial<Step> = {}, now = 10) => {
    const [there = bytes(), back = bytes()] = frames(given);
    for (let n = 0; n < times; n++) send(plane, now, [1, there], [2, back]);
  };
  const hits = () => Number(plane.cacheCounters().connections);

  test('both directions, from the first packet after the first answer', () => {
    setUp(plane, 'source');
    exchange(1);
    expect(hits()).toBe(0);
    exchange(3);
    // The second packet there finds no lane yet.
    expect(hits()).toBe(5);
    expect(Number(plane.cacheCounters().connectionsNew)).toBe(2);
  });

  test("what is looked at besides the key goes by a connection's entry", () => {
    setUp(plane, 'source', { [W_DERIVED]: 1n << 20n });
    exchange(4);
    expect(hits()).toBe(5);
  });

  test('options do not stop it for those without', () => {
    setUp(plane, 'source');
    exchange(4, { options: true });
    const before = hits();
    expect(before).toBe(5);
    exchange(4);
    expect(hits() - before).toBe(8);
  });

  test('damaged packets do not end it', () => {
    setUp(plane, 'source');
    exchange(4);
    const before = hits();
    exchange(2, { damage: [43, 1] });
    expect(hits()).toBe(before);
    exchange(2);
    expect(hits() - before).toBe(4);
    expect(Number(plane.cacheCounters().connectionsNew)).toBe(2);
  });

  test('it keeps its connection alive', () => {
    setUp(plane, 'source');
    exchange(4, {}, 1000);
    const left = () => {
      const out = plane.reserve(128);
      expect(plane.exports.ctDescribe(plane.exports.ctNext(0), out)).toBeTruthy();
      return plane.data().getUint32(out + 8, true);
    };
    for (let now = 1000; now < 100_000; now += 100) {
      const before = hits();
      exchange(1, {}, now);
      expect(hits() - before).toBe(2);
      expect(left()).toBeGreaterThanOrEqual(30_000 - 256);
    }
    // Nobody speaks any more.
    const before = hits();
    exchange(1, {}, 140_000);
    expect(hits()).toBe(before);
  });

  test('a connection whose time is over is none, though it is still in the table', () => {
    plane = new CheckedPlane({ ports: 8, megaflows: 256, connections: 1024, entries: 1024, tunnels: 1, meters: 1 });
    for (const port of [1, 2]) plane.addPort(port);
    setUp(plane, 'none');
    const talks = Array.from({ length: 200 }, (_, i) => {
      const frame = (src: number, sport: number, dst: number, dport: number) =>
        withChecksums(ethernet(0x800, ip4({ src, dst, proto: UDP }, udp(sport, dport, bytes('010203')))));
      return [frame(client, 2000 + i, server, 80), frame(server, 80, client, 2000 + i)] as const;
    });
    const all = (now: number) => {
      send(plane, now, ...talks.map(([there]) => [1, there] as const));
      send(plane, now, ...talks.map(([, back]) => [2, back] as const));
    };
    all(1000);
    all(1001);
    all(1002);
    const before = hits();
    expect(before).toBeGreaterThan(500);
    // More than one batch removes.
    send(plane, 40_000, ...talks.map(([, back]) => [2, back] as const));
    expect(hits()).toBe(before);
  });
});

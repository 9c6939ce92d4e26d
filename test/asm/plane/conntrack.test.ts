/** Conntrack of the plane by itself; beside Open vSwitch's own it is put by test/ovn/conntrack.test.ts. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseFrame } from '../../../engine/frame.ts';
import { be, bytes, checked, ethernet, ip4, ip6, pseudo, tcp, udp } from '../build.ts';
import { Conversation, frameOf, setups, step, tcpStep } from './conversations.ts';
import { type CtAction, stateText, type Tracked, Tracker } from './tracker.ts';

const a = 0x0a000001;
const b = 0x14000001;
const nat = 0x1e000001;
const udp4 = (src: number, dst: number, from: number, to: number) =>
  ethernet(0x800, ip4({ src, dst, proto: 17 }, checked(udp(from, to, bytes('0102')), 6, pseudo(src, dst, 4, 17, 10))));
const tcp4 = (src: number, dst: number, from: number, to: number, flags: number) =>
  frameOf({ family: 4, src: BigInt(src), dst: BigInt(dst), proto: 6, body: tcp(from, to, flags) });

const next: CtAction = { zone: 1 };
const commit: CtAction = { zone: 1, commit: true };
const known: CtAction = { zone: 1, nat: 'known' };
const snat: CtAction = { zone: 1, commit: true, nat: { to: 'src', address: '30.0.0.1' } };

const state = ({ state: bits }: Tracked): string => stateText(bits);
/** Addresses and ports of what came out. */
function ends({ frame }: Tracked): string {
  const { fields } = parseFrame(frame);
  const text = (name: string): string => {
    const value = Number(fields[`ip4.${name}`]);
    return `${[24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.')}:${fields[`udp.${name}`] ?? fields[`tcp.${name}`]}`;
  };
  return `${text('src')} > ${text('dst')}`;
}

describe('what is said of a packet', () => {
  test('a connection is new until it is answered, and known once it is committed', () => {
    const t = new Tracker();
    expect(state(t.one(udp4(a, b, 1, 2), next))).toBe('new|trk');
    expect(t.plane.ctCount(-1)).toBe(0);
    expect(state(t.one(udp4(a, b, 1, 2), next, commit))).toBe('new|trk');
    expect(t.plane.ctCount(1)).toBe(1);
    expect(state(t.one(udp4(a, b, 1, 2), next))).toBe('new|trk');
    expect(state(t.one(udp4(b, a, 2, 1), next))).toBe('est|rpl|trk');
    expect(state(t.one(udp4(a, b, 1, 2), next))).toBe('est|trk');
    expect(state(t.one(udp4(a, b, 1, 2), { zone: 2 }))).toBe('new|trk');
  });

  test("the opener's tuple before translation", () => {
    const t = new Tracker();
    const first = t.one(udp4(a, b, 1111, 53), snat);
    expect(first).toMatchObject({ proto: 17, port: 53, address: BigInt(b) });
    expect(ends(first)).toBe('30.0.0.1:1111 > 20.0.0.1:53');
    const reply = t.one(udp4(b, nat, 53, 1111), known);
    expect(reply).toMatchObject({ proto: 17, port: 53, address: BigInt(b), direction: 1 });
    expect([state(reply), ends(reply)]).toEqual(['est|rpl|trk|dnat', '20.0.0.1:53 > 10.0.0.1:1111']);
    expect(t.one(udp4(b, a, 5, 6), next)).toMatchObject({ proto: 17, port: 6, address: BigInt(a) });
  });

  test('marks and labels change by their masks, and with them the version', () => {
    const t = new Tracker();
    const set = (mark: number, mask: number, label: bigint): CtAction => ({
      ...commit,
      mark: [mark, mask],
      label: [label << 96n, 0xffn << 96n],
    });
    expect(t.one(udp4(a, b, 1, 2), set(0x12, 0xff, 7n))).toMatchObject({ mark: 0x12, label: 7n << 96n });
    t.one(udp4(b, a, 2, 1), next);
    const before = t.one(udp4(a, b, 1, 2), next);
    expect(t.one(udp4(a, b, 1, 2), set(0x12, 0xff, 7n)).version).toBe(before.version);
    const after = t.one(udp4(a, b, 1, 2), set(0x300, 0xf00, 9n));
    expect(after).toMatchObject({ mark: 0x312, label: 9n << 96n });
    expect(after.version).not.toBe(before.version);
  });

  test('TCP is valid in the windows that both ends have opened', () => {
    const t = new Tracker();
    const segment = (
      isReply: boolean,
      flags: number,
      number: number,
      acknowledged: number,
      window: number,
      size = 0,
    ) => {
      const body = tcp(isReply ? 80 : 1000, isReply ? 1000 : 80, flags, new Uint8Array(size));
      const view = new DataView(body.buffer);
      view.setUint32(4, number);
      view.setUint32(8, acknowledged);
      view.setUint16(14, window);
      const [src, dst] = isReply ? [b, a] : [a, b];
      return state(t.one(frameOf({ family: 4, src: BigInt(src), dst: BigInt(dst), proto: 6, body }), commit));
    };
    expect(segment(false, 2, 1000, 0, 500)).toBe('new|trk');
    expect(segment(false, 2, 1000, 0, 500)).toBe('new|trk');
    expect(segment(true, 18, 7000, 1001, 400)).toBe('est|rpl|trk');
    expect(segment(false, 16, 1001, 7001, 500)).toBe('est|trk');
    expect(segment(false, 24, 1001, 7001, 500, 400)).toBe('est|trk');
    expect(segment(false, 24, 1401, 7001, 500, 1)).toBe('inv|trk');
    expect(segment(true, 16, 7001, 1401, 1000)).toBe('est|rpl|trk');
    expect(segment(false, 24, 1401, 7001, 500, 1000)).toBe('est|trk');
    expect(segment(false, 24, 200, 7001, 500, 10)).toBe('inv|trk');
    expect(segment(true, 4, 9000, 0, 0)).toBe('inv|trk');
    expect(t.connections()).toMatchObject([{ states: [4, 4], left: 86_400_000 }]);
    expect(segment(true, 17, 7001, 2401, 1000)).toBe('est|rpl|trk');
    expect(t.connections()).toMatchObject([{ states: [4, 7], left: 900_000 }]);
    expect(segment(false, 17, 2401, 7002, 500)).toBe('est|trk');
    expect(segment(true, 16, 7002, 2402, 1000)).toBe('est|rpl|trk');
    expect(t.connections()).toMatchObject([{ states: [9, 9], left: 30_000 }]);
    expect(segment(false, 2, 90_000, 0, 500)).toBe('new|trk');
    expect(t.connections()).toMatchObject([{ states: [2, 0] }]);
  });

  test('what cannot be tracked is invalid, and nothing is known of it', () => {
    const t = new Tracker();
    const bad = udp4(a, b, 1, 2);
    bad[40] = (bad[40] ?? 0) ^ 1;
    expect(t.one(bad, commit)).toMatchObject({ state: 0x30, proto: 0, address: 0n, conn: 0 });
    const header = udp4(a, b, 1, 2);
    header[24] = (header[24] ?? 0) ^ 1;
    expect(state(t.one(header, commit))).toBe('inv|trk');
    expect(state(t.one(ethernet(0x806, new Uint8Array(28)), commit))).toBe('inv|trk');
    expect(state(t.one(udp4(a, b, 0, 2), commit))).toBe('inv|trk');
    expect(state(t.one(tcp4(a, b, 1, 2, 18), commit))).toBe('inv|trk');
    expect(t.plane.ctCount(-1)).toBe(0);
  });

  test('ICMP of the other family opens a connection with a query only', () => {
    const t = new Tracker();
    const message = (type: number): Uint8Array => bytes(`${type.toString(16).padStart(2, '0')}00000000010001`);
    const said = (family: 4 | 6, proto: number, type: number): string =>
      state(t.one(frameOf({ family, src: BigInt(a), dst: BigInt(b), proto, body: message(type) }), next));
    expect([0, 1, 8, 129, 135, 219].map((type) => said(4, 58, type))).toEqual(Array(6).fill('inv|trk'));
    expect(said(4, 58, 128)).toBe('new|trk');
    expect([0, 3, 14, 16, 128].map((type) => said(6, 1, type))).toEqual(Array(5).fill('inv|trk'));
    expect([8, 13, 15].map((type) => said(6, 1, type))).toEqual(Array(3).fill('new|trk'));
    const empty = ethernet(0x800, ip4({ src: a, dst: b, proto: 58 }, bytes('')));
    expect(state(t.one(empty, next))).toBe('inv|trk');
  });
});

describe('translation', () => {
  test('the next port where replies could not be told apart', () => {
    const t = new Tracker();
    const from = (host: number, port: number) => ends(t.one(udp4(host, b, port, 53), snat)).split(' ')[0];
    expect([from(a, 5000), from(a + 1, 5000), from(a + 2, 5000)]).toEqual(
      [5000, 5001, 5002].map((port) => `30.0.0.1:${port}`),
    );
    expect([from(a, 511), from(a + 1, 511), from(a, 1023), from(a + 1, 1023)]).toEqual(
      [511, 1, 1023, 600].map((port) => `30.0.0.1:${port}`),
    );
    expect([from(a, 65535), from(a + 1, 65535)]).toEqual([65535, 1024].map((port) => `30.0.0.1:${port}`));
    expect(ends(t.one(udp4(b, nat, 53, 5001), known))).toBe('20.0.0.1:53 > 10.0.0.2:5000');
  });

  test('a commit with the source that there is changes it only where replies could not be told apart', () => {
    const t = new Tracker();
    const kept: CtAction = { zone: 1, commit: true, nat: 'kept' };
    const toBackend: CtAction = { zone: 1, commit: true, nat: { to: 'dst', address: '20.0.0.1' } };
    const plain = t.one(udp4(a, b + 1, 5000, 53), kept);
    expect([state(plain), ends(plain)]).toEqual(['new|trk|snat', '10.0.0.1:5000 > 20.0.0.2:53']);
    const reply = t.one(udp4(b + 1, a, 53, 5000), known);
    expect([state(reply), ends(reply)]).toEqual(['est|rpl|trk|dnat', '20.0.0.2:53 > 10.0.0.1:5000']);
    // Without being asked to translate, conntrack does not say that it would.
    expect(state(t.one(udp4(a, b + 1, 5000, 53), next))).toBe('est|trk');
    t.one(udp4(a, b + 9, 6000, 53), toBackend);
    const second = t.one(udp4(a, b, 6000, 53), kept);
    expect([state(second), ends(second)]).toEqual(['new|trk|snat', '10.0.0.1:6001 > 20.0.0.1:53']);
    expect(ends(t.one(udp4(b, a, 53, 6001), known))).toBe('20.0.0.1:53 > 10.0.0.1:6000');
    expect(ends(t.one(udp4(b, a, 53, 6000), known))).toBe('20.0.0.10:53 > 10.0.0.1:6000');
  });

  test('what has no ports is not committed beside a connection with the same replies', () => {
    const t = new Tracker();
    const query = (dst: number): Uint8Array =>
      frameOf({ family: 4, src: BigInt(a), dst: BigInt(dst), proto: 1, body: bytes('0800000000070001') });
    t.one(query(b + 9), { zone: 1, commit: true, nat: { to: 'dst', address: '20.0.0.1' } });
    const second = t.one(query(b), { zone: 1, commit: true, nat: 'kept' });
    expect([state(second), t.plane.ctCount(-1)]).toEqual(['new|trk', 1]);
  });

  test('a range of ports is used up, then nothing is committed', () => {
    const t = new Tracker();
    const few: CtAction = { zone: 1, commit: true, nat: { to: 'src', address: '30.0.0.1', ports: [4000, 4002] } };
    const used = Array.from({ length: 3 }, (_, host) => ends(t.one(udp4(a + host, b, 9, 53), few)).split(' ')[0]);
    expect(used.sort()).toEqual(['30.0.0.1:4000', '30.0.0.1:4001', '30.0.0.1:4002']);
    const more = t.one(udp4(a + 9, b, 9, 53), few);
    expect([state(more), ends(more), more.port]).toEqual(['new|trk', '10.0.0.10:9 > 20.0.0.1:53', 53]);
    expect(t.plane.ctCount(-1)).toBe(3);
  });

  test('backends have their share, and a connection keeps its own', () => {
    const t = new Tracker(2000);
    const backends = [
      { address: '20.0.0.8', port: 80, weight: 100 },
      { address: '20.0.0.9', port: 0, weight: 300 },
    ];
    const counts = new Map<string, number>();
    for (let port = 1; port <= 800; port++) {
      const first = ends(t.one(udp4(a, b, port, 53), { zone: 3, commit: true, backends }));
      expect(ends(t.one(udp4(a, b, port, 53), { zone: 3, commit: true, backends }))).toBe(first);
      const backend = first.split(' > ')[1] ?? '';
      counts.set(backend, (counts.get(backend) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual(['20.0.0.8:80', '20.0.0.9:53']);
    expect(counts.get('20.0.0.9:53')).toBeGreaterThan(520);
    expect(counts.get('20.0.0.9:53')).toBeLessThan(680);
    expect(state(t.one(udp4(a, b, 900, 53), { zone: 3, commit: true, backends: [] }))).toBe('new|trk');
  });

  test.each([4, 6] as const)('errors about a translated connection, IPv%i', (family) => {
    const t = new Tracker();
    const [host, other, outer] =
      family === 4
        ? [0x0a000001n, 0x14000001n, 0x1e000001n]
        : [0xfdn << 120n, (0xfdn << 120n) + 9n, (0xfdn << 120n) + 5n];
    const translated: CtAction = {
      ...snat,
      nat: { to: 'src', address: family === 4 ? '30.0.0.1' : 'fd00::5' },
    };
    const segment = { family, src: host, dst: other, proto: 6, body: tcp(1000, 80, 2) };
    const out = t.one(frameOf(segment), translated).frame;
    const proto = family === 4 ? 1 : 58;
    const type = family === 4 ? bytes(3, 4, 0, 0, be(1400, 4)) : bytes(2, 0, 0, 0, be(1400, 4));
    const error = { family, src: other, dst: outer, proto, body: bytes(type, out.slice(14)) };
    const came = t.one(frameOf(error), known);
    expect(state(came)).toBe('rel|rpl|trk|dnat');
    expect(came.conn).toBe(0);
    expect(parseFrame(came.frame).problems).toEqual([]);
    const quoted = ethernet(family === 4 ? 0x800 : 0x86dd, came.frame.slice(family === 4 ? 42 : 62));
    expect(Buffer.from(quoted).toString('hex')).toBe(Buffer.from(frameOf(segment)).toString('hex'));
    expect(came.frame.slice(family === 4 ? 38 : 58).slice(0, 4)).toEqual(be(1400, 4));
  });
});

describe('room', () => {
  test('connections are forgotten when their time is over', () => {
    const t = new Tracker();
    t.one(udp4(a, b, 1, 2), commit);
    expect(t.connections()).toMatchObject([{ left: 60_000, states: [0, 0], zone: 1, proto: 17, family: 4 }]);
    t.wait(59_999);
    expect(state(t.one(udp4(b, a, 2, 1), next))).toBe('est|rpl|trk');
    expect(t.connections()).toMatchObject([{ left: 30_000 }]);
    t.wait(30_000, 0);
    expect(state(t.one(udp4(b, a, 2, 1), next))).toBe('new|trk');
    for (const flags of [2, 18, 16]) {
      const frame = flags === 18 ? tcp4(b, a, 80, 1000, flags) : tcp4(a, b, 1000, 80, flags);
      t.one(frame, commit);
    }
    expect(t.connections()[0]).toMatchObject({ proto: 6, left: 86_400_000, states: [4, 4] });
    expect(t.plane.ctCount(-1)).toBe(1);
    t.wait(86_399_000);
    expect(t.plane.ctCount(-1)).toBe(1);
    t.wait(3_000);
    expect(t.plane.ctCount(-1)).toBe(0);
  });

  test('a batch removes no more than it may', () => {
    const t = new Tracker(200);
    for (let port = 1; port <= 100; port++) t.one(udp4(a, b, port, 2), commit);
    expect([t.wait(62_000, 30), t.wait(0, 30), t.wait(0, 100), t.wait(0, 100)]).toEqual([30, 30, 40, 0]);
    expect(t.connections()).toEqual([]);
  });

  test('who was never answered goes first, the oldest of them; who was stays', () => {
    const t = new Tracker(3);
    for (const port of [1, 2, 3]) t.one(udp4(a, b, port, 9), commit);
    t.one(udp4(b, a, 9, 1), next);
    t.one(udp4(a, b, 4, 9), commit);
    const ports = () => t.connections().map(({ tuples }) => (tuples[0]?.ports ?? 0) >>> 16);
    expect(ports().sort()).toEqual([1, 3, 4]);
    t.one(udp4(b, a, 9, 3), next);
    t.one(udp4(b, a, 9, 4), next);
    expect(state(t.one(udp4(a, b, 5, 9), commit))).toBe('new|trk');
    expect(ports().sort()).toEqual([1, 3, 4]);
    expect(state(t.one(udp4(a, b, 1, 9), next))).toBe('est|trk');
  });

  test('of TCP, who has closed goes before who has not been answered', () => {
    const t = new Tracker(2);
    t.one(tcp4(a, b, 1, 80, 2), commit);
    t.one(tcp4(a, b, 2, 80, 2), commit);
    t.one(tcp4(a, b, 2, 80, 4), next);
    t.one(udp4(a, b, 3, 9), commit);
    expect(t.connections().map(({ proto, tuples }) => [proto, (tuples[0]?.ports ?? 0) >>> 16])).toEqual([
      [6, 1],
      [17, 3],
    ]);
  });

  test('zones have limits of their own, and are flushed one by one', () => {
    const t = new Tracker();
    t.plane.ctLimit(1, 2);
    for (const port of [1, 2, 3]) t.one(udp4(a, b, port, 9), commit, { zone: 2, commit: true });
    expect([t.plane.ctCount(1), t.plane.ctCount(2), t.plane.ctCount(-1)]).toEqual([2, 3, 5]);
    t.plane.ctFlush(2);
    expect([t.plane.ctCount(1), t.plane.ctCount(2), t.plane.ctCount(-1)]).toEqual([2, 0, 2]);
    expect(state(t.one(udp4(b, a, 9, 1), next))).toBe('est|rpl|trk');
    t.plane.ctLimit(1, 0);
    t.one(udp4(a, b, 3, 9), commit);
    t.plane.ctFlush(-1);
    expect(t.plane.ctCount(-1)).toBe(0);
    expect(t.connections()).toEqual([]);
  });

  test('numbers are used again, and nobody takes one connection for another', () => {
    const t = new Tracker(8);
    const old = new Map<number, Set<number>>();
    for (let round = 0; round < 50; round++) {
      t.one(udp4(a, b, round + 1, 9), commit);
      t.one(udp4(b, a, 9, round + 1), next);
      const { conn, version } = t.one(udp4(a, b, round + 1, 9), next);
      expect(old.get(conn)?.has(version) ?? false).toBe(false);
      old.set(conn, (old.get(conn) ?? new Set()).add(version));
      if (round % 5 === 4) t.plane.ctFlush(-1);
    }
  });
});

/** What a cache is asked by: the packet's own tuple. */
const flowKey = (frame: Uint8Array): string => {
  const { fields } = parseFrame(frame);
  return Object.entries(fields)
    .filter(([name]) => /^(ip[46]|udp|icmp\d)\.|^ip.proto|^tcp.(src|dst)/.test(name))
    .join();
};

test('a cache that touches connections says the same as conntrack', () => {
  let touched = 0;
  fc.assert(
    fc.property(
      fc.constantFrom(...Object.values(setups)),
      fc.array(fc.oneof(step, tcpStep, tcpStep), { minLength: 20, maxLength: 80, size: 'max' }),
      (actions, steps) => {
        const plain = new Tracker();
        const cached = new Tracker();
        const caches = new Map<string, Tracked>();
        const conversation = new Conversation(false);
        for (const each of steps) {
          for (const { port, frame } of conversation.frames(each)) {
            const isV6 = frame[12] === 0x86;
            const fitting = actions[port]?.filter(
              ({ nat: to }) => typeof to !== 'object' || !to.address?.includes(isV6 ? '.' : ':'),
            );
            const action = fitting?.find((one) => one.commit) ?? fitting?.[0];
            if (!action || action.force) continue;
            const expected = plain.send(frame, [action]);
            const key = `${port} ${flowKey(frame)}`;
            const cache = caches.get(key);
            const hit = cache && cached.touch(frame, cache, action.nat !== undefined);
            if (hit) touched++;
            const got = hit ? [hit] : cached.send(frame, [action]);
            for (const one of got) if (one.conn !== 0) caches.set(key, one);
            const compared = ({ frame: out, state: bits, mark, label, proto, port: to, address }: Tracked) => [
              ...[Buffer.from(out).toString('hex'), bits, mark, label, proto, to, address],
            ];
            expect(got.map(compared)).toEqual(expected.map(compared));
            for (const { frame: out } of expected) conversation.saw(port, out);
          }
        }
        const times = ({ tuples, left, states, mark }: ReturnType<Tracker['connections']>[number]) =>
          JSON.stringify([tuples, left, states, mark]);
        expect(cached.connections().map(times)).toEqual(plain.connections().map(times));
      },
    ),
    { numRuns: 120 },
  );
  expect(touched).toBeGreaterThan(20);
});

test('frames that are cut anywhere, or lie, are tracked or not, and nothing else', () => {
  const t = new Tracker(64);
  const quoted = udp4(a, b, 1, 2).slice(14);
  const frames = [
    udp4(a, b, 1, 2),
    tcp4(a, b, 1, 2, 2),
    frameOf({ family: 4, src: BigInt(b), dst: BigInt(a), proto: 1, body: bytes(3, 1, 0, 0, be(0, 4), quoted) }),
    frameOf({
      family: 6,
      src: 1n,
      dst: 2n,
      proto: 58,
      body: bytes(1, 0, 0, 0, be(0, 4), ip6({ src: 2n, dst: 1n, next: 0 }, bytes('1100000000000000', udp(1, 2)))),
    }),
    ethernet(0x86dd, ip6({ src: 1n, dst: 2n, next: 44 }, bytes('0600000100000007', tcp(1, 2, 2)))),
  ];
  fc.assert(
    fc.property(
      fc.constantFrom(...frames),
      fc.nat(120),
      fc.array(fc.tuple(fc.nat(110), fc.nat(255)), { maxLength: 4 }),
      fc.constantFrom(...Object.values(setups).flat()),
      (frame, length, changes, actions) => {
        const bad = frame.slice(0, length);
        for (const [at, value] of changes) if (at < bad.length) bad[at] = value;
        for (const out of t.send(bad, actions)) expect(out.frame).toHaveLength(bad.length);
        t.wait(500);
      },
    ),
    { numRuns: 3000 },
  );
});

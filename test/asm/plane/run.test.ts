/** Datapath programs, written by hand, on whole batches of frames. */
import { beforeEach, describe, expect, test } from 'vitest';
import * as layout from '../../../asm/plane/layout.ts';
import { parseFrame, withChecksums } from '../../../engine/frame.ts';
import { be, bytes, ethernet, ip4, udp } from '../build.ts';
import { CheckedPlane } from './plane.ts';
import {
  clone,
  drop,
  install,
  meter,
  output,
  popVlan,
  punt,
  pushVlan,
  recirc,
  send,
  set,
  track,
  tunnel,
  whole,
} from './programs.ts';

const { W_ETH_DST, W_ETH_SRC, W_IP4, W_L4, W_CT, W_TUNNEL } = layout;
const a4 = 0x0a000001;
const b4 = 0x0a000102;
const frame = withChecksums(ethernet(0x800, ip4({ src: a4, dst: b4, proto: 17 }, udp(1000, 80, bytes('0102030405')))));
const setDst = set(W_ETH_DST, 0x0200000000aan, 0xffffffffffffn);
const setSrc = set(W_ETH_SRC, 0x0200000000bbn, 0xffffffffffffn);
const setTtl = set(W_L4, 63n << 8n, 0xff00n);
const routed = withChecksums(
  bytes(
    '0200000000aa 0200000000bb',
    ethernet(0x800, ip4({ src: a4, dst: b4, proto: 17, ttl: 63 }, udp(1000, 80, bytes('0102030405')))).subarray(12),
  ),
);

let plane: CheckedPlane;
beforeEach(() => {
  plane = new CheckedPlane({ ports: 64, megaflows: 64, connections: 64, entries: 64, tunnels: 8, meters: 8 });
  for (const port of [1, 2, 3, 4]) plane.addPort(port);
});

const drops = (reason: number) => plane.dropCounters()[reason];

describe('programs', () => {
  test('route a packet: addresses, TTL, checksum, the port', () => {
    install(plane, { frame, port: 1, mask: whole(W_ETH_DST), program: [setDst, setSrc, setTtl, output(2)] });
    const { sent } = send(plane, 1, [1, frame], [1, frame]);
    expect(sent).toEqual([
      { port: 2, frame: routed, index: 0 },
      { port: 2, frame: routed, index: 1 },
    ]);
    expect(plane.portCounters(1)).toEqual({
      packetsIn: 2n,
      bytesIn: 2n * BigInt(frame.length),
      packetsOut: 0n,
      bytesOut: 0n,
    });
    expect(plane.portCounters(2)).toEqual({
      packetsIn: 0n,
      bytesIn: 0n,
      packetsOut: 2n,
      bytesOut: 2n * BigInt(frame.length),
    });
    expect(plane.cacheCounters()).toMatchObject({ megaflows: 2n, misses: 0n });
  });

  test('one address alone, in part', () => {
    install(plane, {
      frame,
      port: 1,
      program: [set(W_ETH_SRC, 0xaan, 0xffn), output(2), set(W_ETH_DST, 0xbbn, 0xffn), output(3)],
    });
    const { sent } = send(plane, 1, [1, frame]);
    expect(sent.map((out) => [out.port, [...out.frame.subarray(0, 12)]])).toEqual([
      [2, [...bytes('020000000002 0200000000aa')]],
      [3, [...bytes('0200000000bb 0200000000aa')]],
    ]);
  });

  test('what was put out does not change any more', () => {
    install(plane, { frame, port: 1, program: [output(2), setDst, setSrc, output(3), setTtl, output(4)] });
    const { sent } = send(plane, 1, [1, frame]);
    expect(sent.map(({ port }) => port)).toEqual([2, 3, 4]);
    expect(sent[0]?.frame).toEqual(frame);
    expect(sent[2]?.frame).toEqual(routed);
  });

  test('a clone leaves the packet as it was, nested and with tags too', () => {
    const inner = clone(setTtl, output(3));
    install(plane, { frame, port: 1, program: [clone(setDst, inner, pushVlan(0x2005), output(2)), output(4)] });
    const { sent } = send(plane, 1, [1, frame]);
    expect(sent.map(({ port }) => port)).toEqual([3, 2, 4]);
    expect(sent[2]?.frame).toEqual(frame);
    expect(parseFrame(sent[1]?.frame ?? frame).fields).toMatchObject({
      'vlan.tci': 0x3005n,
      'ip.ttl': 64n,
      'eth.dst': 0x0200000000aan,
    });
    expect(parseFrame(sent[0]?.frame ?? frame).fields).toMatchObject({ 'ip.ttl': 63n, 'eth.dst': 0x0200000000aan });
  });

  test('tags: on, off, and looked up again', () => {
    install(plane, {
      frame,
      port: 1,
      program: [pushVlan(0x0005), output(2), pushVlan(0x6006), output(3), popVlan(), popVlan(), output(4)],
    });
    const { sent } = send(plane, 1, [1, frame]);
    const tagged = (tags: string) => bytes(frame.subarray(0, 12), tags, frame.subarray(12));
    expect(sent.map((out) => out.frame)).toEqual([tagged('81000005'), tagged('81006006 81000005'), frame]);
    // A packet that was tagged is read anew when it comes again.
    const twice = tagged('81000007 81000008');
    install(plane, { frame: twice, port: 3, program: [popVlan(), recirc(9)] });
    install(plane, {
      frame: tagged('81000008'),
      port: 3,
      recirc: 9,
      mask: { [W_ETH_SRC]: 0xffffn << 48n, ...whole(W_IP4) },
      program: [popVlan(), setTtl, output(2)],
    });
    const again = send(plane, 2, [3, twice]);
    expect(again.sent.map(({ port }) => port)).toEqual([2]);
    expect(parseFrame(again.sent[0]?.frame ?? frame).fields).toEqual({ ...parseFrame(frame).fields, 'ip.ttl': 63n });
  });

  test('meters let through what they have', () => {
    plane.setMeter(3, 'packets', 2, 0);
    install(plane, { frame, port: 1, program: [meter(3), output(2)] });
    const count = (now: number, frames: number) =>
      send(plane, now, ...Array.from({ length: frames }, () => [1, frame] as const)).sent.length;
    expect([count(1000, 5), count(1400, 5), count(1500, 5), count(9000, 5)]).toEqual([2, 0, 1, 2]);
    expect(drops(layout.DROP_METER)).toBe(15n);
    expect(plane.exports.meterDrops(3)).toBe(15n);
  });

  test('a punt has the packet as it is, and the rest goes on', () => {
    install(plane, { frame, port: 1, program: [setTtl, punt(7, 0x55), setDst, setSrc, output(2)] });
    const { sent, punts } = send(plane, 1, [1, frame]);
    expect(sent[0]?.frame).toEqual(routed);
    expect(punts).toMatchObject([{ action: 7, recirc: 0x55, inPort: 1, index: 0 }]);
    expect(parseFrame(punts[0]?.frame ?? bytes()).fields).toEqual({ ...parseFrame(frame).fields, 'ip.ttl': 63n });
    const flow = new DataView(punts[0]?.flow.buffer ?? new ArrayBuffer(256));
    expect((flow.getBigUint64(8 * W_L4, true) >> 8n) & 0xffn).toBe(63n);
  });

  test('what the host injects goes on where it says', () => {
    install(plane, { frame, port: 1, program: [punt(7, 0x55)] });
    install(plane, { frame, port: 1, recirc: 0x55, state: 0x21n, mask: whole(W_CT), program: [output(3)] });
    const out: number[] = [];
    plane.push(1, frame);
    plane.process(1, {
      output: (port, sent, index) => out.push(port, sent.length, index),
      punt({ frame: again, flow }) {
        const view = new DataView(flow.buffer);
        view.setUint32(8 * layout.W_IN + 4, 0x55, true);
        view.setBigUint64(8 * W_CT, 0x21n, true);
        expect(plane.inject(again, flow, 1)).toBe(true);
      },
    });
    expect(out).toEqual([3, frame.length, -1]);
    expect(plane.inject(bytes('0102'), new Uint8Array(256), 2)).toBe(false);
  });

  test('what never ends is ended', () => {
    install(plane, { frame, port: 1, program: [output(2), recirc(5)] });
    install(plane, { frame, port: 1, recirc: 5, program: [output(2), recirc(5)] });
    expect(send(plane, 1, [1, frame]).sent).toHaveLength(7);
    expect(drops(layout.DROP_RECIRC_LIMIT)).toBe(1n);
    install(plane, { frame, port: 3, program: [clone(recirc(6)), output(2)] });
    install(plane, { frame, port: 3, recirc: 6, program: [clone(recirc(6)), clone(recirc(6)), output(2)] });
    // Two copies each time, six passes deep.
    expect(send(plane, 2, [3, frame]).sent).toHaveLength(1 + 63);
  });

  test('drops are counted by their reason', () => {
    install(plane, { frame, port: 1, program: [drop(layout.DROP_LOOPBACK)] });
    install(plane, { frame, port: 2, program: [output(9), output(99)] });
    install(plane, { frame, port: 3, program: [tunnel(7, 1), tunnel(70, 1)] });
    send(plane, 1, [1, frame], [2, frame], [3, frame], [4, frame.subarray(0, 13)], [5, frame], [99, frame]);
    expect(drops(layout.DROP_LOOPBACK)).toBe(1n);
    expect(drops(layout.DROP_NO_PORT)).toBe(4n);
    expect(drops(layout.DROP_NO_TUNNEL)).toBe(2n);
    expect(drops(layout.DROP_SHORT_FRAME)).toBe(1n);
  });

  test('more outputs than there is room for: what is too much is dropped and counted, the rest is told', () => {
    const many = Array.from({ length: 3000 }, () => output(2));
    install(plane, { frame, port: 1, program: many });
    const { sent } = send(plane, 1, ...Array.from({ length: 40 }, () => [1, frame] as const));
    expect(sent.length).toBeGreaterThan(16000);
    expect(BigInt(sent.length) + (drops(layout.DROP_NO_ROOM) ?? 0n)).toBe(120000n);
  });

  test('a full batch is processed to its end, though it has to be taken in parts', () => {
    install(plane, { frame, port: 1, program: Array.from({ length: 40 }, () => output(2)) });
    const { sent } = send(plane, 1, ...Array.from({ length: 1024 }, () => [1, frame] as const));
    expect(sent).toHaveLength(40 * 1024);
    expect(sent.every(({ index }, i) => index === Math.floor(i / 40))).toBe(true);
    expect(plane.push(1, frame)).toBe(true);
  });
});

describe('tunnels', () => {
  const geneve4 = bytes(
    '020000000010 020000000020 0800 4500 0000 0000 4000 40 11 0000 14140001 14140002',
    '0000 17c1 0000 0000',
    '02 40 6558 000000 00 01028001 00000000',
  );
  const vxlan6 = bytes(
    '020000000010 020000000020 86dd 60000000 0000 11 40',
    be((0xfdn << 120n) | 1n, 16),
    be((0xfdn << 120n) | 2n, 16),
    '0000 12b5 0000 0000',
    '08000000 000000 00',
  );

  beforeEach(() => {
    plane.addPort(10, { underlay: true });
    plane.setTunnel(1, { kind: 'geneve', underlay: 10, ip6: false, checksum: true, headers: geneve4, l3: 14 });
    plane.setTunnel(2, { kind: 'vxlan', underlay: 10, ip6: true, checksum: false, headers: vxlan6, l3: 14 });
    plane.setEnds([
      { kind: 'geneve', ip6: false, remote: 0x14140001n, local: 0x14140002n, port: 20 },
      { kind: 'vxlan', ip6: true, remote: (0xfdn << 120n) | 1n, local: (0xfdn << 120n) | 2n, port: 21 },
    ]);
    plane.addPort(20);
    plane.addPort(21);
  });

  test('Geneve over IPv4 with a checksum, VXLAN over IPv6: as the RFCs have it', () => {
    install(plane, {
      frame,
      port: 1,
      program: [tunnel(1, 0x123456, 0x00010002), tunnel(2, 0x777), setTtl, setDst, setSrc, output(2)],
    });
    const { sent } = send(plane, 1, [1, frame]);
    expect(sent.map(({ port }) => port)).toEqual([10, 10, 2]);
    const [first, second, third] = sent.map((out) => out.frame);
    if (!first || !second || !third) throw new Error('three frames');
    expect(third).toEqual(routed);
    expect(parseFrame(first)).toMatchObject({
      fields: { 'ip4.src': 0x14140001n, 'ip.ttl': 64n, 'udp.dst': 6081n },
      problems: [],
    });
    expect(first.subarray(42, 58)).toEqual(bytes('02 40 6558 123456 00 01028001 00010002'));
    expect(first.subarray(58)).toEqual(frame);
    expect(parseFrame(second)).toMatchObject({ fields: { 'udp.dst': 4789n }, problems: [] });
    expect(second.subarray(62)).toEqual(bytes('08000000 000777 00', frame));
    const source = parseFrame(first).fields['udp.src'] ?? 0n;
    expect(source >= 32768n && source < 61000n).toBe(true);
  });

  test('what one chassis sends, another takes out again', () => {
    install(plane, { frame, port: 1, program: [tunnel(1, 0x123456, 0x00010002), tunnel(2, 0x777)] });
    const there = send(plane, 1, [1, frame]).sent.map((out) => [10, out.frame] as const);
    install(plane, { frame, port: 20, mask: {}, program: [punt(1), output(3)] });
    install(plane, { frame, port: 21, mask: {}, program: [punt(2), output(4)] });
    const { sent, punts } = send(plane, 2, ...there);
    expect(sent).toEqual([
      { port: 3, frame, index: 0 },
      { port: 4, frame, index: 1 },
    ]);
    const words = punts.map(({ flow }) => new DataView(flow.buffer).getBigUint64(8 * W_TUNNEL, true));
    expect(words).toEqual([(0x00010002n << 32n) | 0x123456n, 0x777n]);
  });

  test('congestion: ECT outside for CE inside, CE inside for CE outside', () => {
    const ecn = (tos: number) =>
      withChecksums(ethernet(0x800, ip4({ src: a4, dst: b4, proto: 17, tos }, udp(1000, 80))));
    install(plane, { frame, port: 1, program: [tunnel(1, 1)] });
    install(plane, { frame, port: 20, program: [output(3)] });
    const through = (inner: number, outer?: number) => {
      const [outside] = send(plane, 1, [1, ecn(inner)]).sent;
      if (!outside) throw new Error('nothing sent');
      const said = (outside.frame[15] ?? 0) & 3;
      if (outer !== undefined) outside.frame[15] = outer;
      const back = send(plane, 2, [10, withChecksums(outside.frame)]).sent[0];
      return [said, back && parseFrame(back.frame).fields['ip.ecn'], back && parseFrame(back.frame).problems];
    };
    expect(through(0)).toEqual([0, 0n, []]);
    expect(through(1)).toEqual([1, 1n, []]);
    expect(through(3)).toEqual([2, 3n, []]);
    expect(through(2, 3)).toEqual([2, 3n, []]);
    expect(through(0, 3)).toEqual([0, undefined, undefined]);
  });

  test('broken outer frames are dropped, others pass by the tunnel', () => {
    install(plane, { frame, port: 1, program: [tunnel(1, 0x123456, 5)] });
    const good = send(plane, 1, [1, frame]).sent[0]?.frame ?? bytes();
    install(plane, { frame, port: 20, program: [output(3)] });
    install(plane, { frame: good, port: 10, program: [output(4)] });
    const outcome = (change: (copy: Uint8Array) => void, fix = true) => {
      const copy = good.slice();
      change(copy);
      return send(plane, 2, [10, fix ? withChecksums(copy) : copy]).sent[0]?.port;
    };
    expect(outcome(() => {})).toBe(3);
    expect(outcome((f) => f.set([0x14, 0x14, 0, 9], 26))).toBe(4);
    expect(outcome((f) => f.set([0x17, 0xc2], 36))).toBe(4);
    expect(outcome((f) => f.set([0x42], 42))).toBeUndefined();
    expect(outcome((f) => f.set([0x3f], 42))).toBeUndefined();
    expect(outcome((f) => f.set([0x08, 0x00], 44))).toBeUndefined();
    expect(outcome((f) => f.set([0x77], 51))).toBeUndefined();
    expect(outcome((f) => f.set([0x03], 53))).toBeUndefined();
    expect(outcome((f) => f.set([0x66], 60), false)).toBeUndefined();
    // An unknown option that is not critical is stepped over: OVN's is missing then.
    expect(outcome((f) => f.set(bytes('0999 01 01'), 50))).toBe(3);
    for (let length = 14; length < good.length; length++) {
      const cut = send(plane, 3, [10, good.subarray(0, length)]).sent;
      expect(cut.every(({ port }) => port === 4)).toBe(true);
    }
  });
});

describe('connections by heart', () => {
  const client = 0x0a000005;
  const server = 0x08080808;
  const outside = 0x1e1e0001;
  const zoneA = 3;
  const zoneB = 4;
  const nat = layout.CT_COMMIT | layout.CT_NAT_SRC;
  const CT = { [W_CT]: 0xffn };

  /** A gateway: inside is port 1, outside port 2; two zones, source NAT in the second. */
  function gateway(there: Uint8Array, back: Uint8Array): void {
    const megaflow = (port: number, id: number, at: Uint8Array, state: number, program: number[][]) =>
      install(plane, {
        frame: at,
        port,
        recirc: id,
        state: BigInt(state),
        mask: { ...CT, [W_ETH_DST]: 0xffffn << 48n },
        program,
      });
    const { CS_NEW, CS_EST, CS_TRK, CS_RPL } = layout;
    megaflow(1, 0, there, 0, [track({ zone: zoneA, flags: layout.CT_COMMIT }), recirc(1)]);
    for (const state of [CS_NEW, CS_EST]) {
      megaflow(1, 1, there, state | CS_TRK, [setTtl, track({ zone: zoneB, flags: nat, address: outside }), recirc(2)]);
    }
    for (const state of [CS_NEW, CS_EST]) {
      for (const natted of [0, layout.CS_SNAT]) {
        megaflow(1, 2, there, state | CS_TRK | natted, [setDst, setSrc, output(2)]);
      }
    }
    megaflow(2, 0, back, 0, [track({ zone: zoneB, flags: layout.CT_NAT }), recirc(3)]);
    for (const natted of [0, layout.CS_SNAT, layout.CS_DNAT]) {
      megaflow(2, 3, back, CS_EST | CS_TRK | CS_RPL | natted, [track({ zone: zoneA, flags: 0 }), recirc(4)]);
    }
    install(plane, {
      frame: back,
      port: 2,
      recirc: 4,
      state: BigInt(CS_EST | CS_TRK | CS_RPL),
      mask: CT,
      program: [setTtl, output(1)],
      tags: 4n,
      flows: [11, 12],
    });
  }

  test('UDP through source NAT: by heart as the long way', () => {
    const there = (n: number) =>
      withChecksums(ethernet(0x800, ip4({ src: client, dst: server, proto: 17 }, udp(1000, 80, bytes(n)))));
    const back = (n: number) =>
      withChecksums(ethernet(0x800, ip4({ src: server, dst: outside, proto: 17 }, udp(80, 1000, bytes(n)))));
    gateway(there(0), back(0));
    const talk = (n: number) => {
      const out = send(plane, 100 + n, [1, there(n)]).sent;
      const answer = send(plane, 100 + n, [2, back(n)]).sent;
      return [...out, ...answer].map((sent) => ({ port: sent.port, frame: sent.frame }));
    };
    const first = talk(1);
    expect(first.map(({ port }) => port)).toEqual([2, 1]);
    expect(parseFrame(first[0]?.frame ?? bytes())).toMatchObject({
      fields: { 'ip4.src': BigInt(outside), 'ip.ttl': 63n },
      problems: [],
    });
    expect(parseFrame(first[1]?.frame ?? bytes())).toMatchObject({
      fields: { 'ip4.dst': BigInt(client), 'ip.ttl': 63n },
      problems: [],
    });
    talk(2);
    const before = plane.cacheCounters();
    // One for each direction, once the first answer has come.
    expect(before.connectionsNew).toBe(2n);
    const byHeart = talk(3);
    expect(plane.cacheCounters().connections - before.connections).toBe(2n);
    plane.exports.dropConnections();
    const theLongWay = talk(3);
    expect(plane.cacheCounters().connections - before.connections).toBe(2n);
    expect(byHeart).toEqual(theLongWay);
  });

  test('a connection that is gone is tracked anew', () => {
    const there = withChecksums(ethernet(0x800, ip4({ src: client, dst: server, proto: 17 }, udp(1000, 80))));
    const back = withChecksums(ethernet(0x800, ip4({ src: server, dst: outside, proto: 17 }, udp(80, 1000))));
    gateway(there, back);
    for (let n = 0; n < 3; n++) send(plane, 1, [1, there], [2, back]);
    const known = plane.cacheCounters();
    expect(known.connections).toBeGreaterThan(0n);
    plane.exports.ctFlush(-1);
    // The answer belongs to nothing now.
    expect(send(plane, 2, [2, back]).sent).toEqual([]);
    expect(send(plane, 2, [1, there]).sent).toHaveLength(1);
    expect(plane.cacheCounters().connections).toBe(known.connections);
  });

  test('a megaflow that goes takes what goes by heart with it, and its counters are kept', () => {
    const there = withChecksums(ethernet(0x800, ip4({ src: client, dst: server, proto: 17 }, udp(1000, 80))));
    const back = withChecksums(ethernet(0x800, ip4({ src: server, dst: outside, proto: 17 }, udp(80, 1000))));
    gateway(there, back);
    for (let n = 0; n < 6; n++) send(plane, 1, [1, there], [2, back]);
    const hits = plane.cacheCounters().connections;
    expect(hits).toBeGreaterThan(0n);
    const counted = plane.flowCounters([11, 12, 13]);
    const all = { packets: 6n, bytes: 6n * BigInt(back.length) };
    expect([...counted.values()]).toEqual([all, all, { packets: 0n, bytes: 0n }]);
    expect(plane.exports.invalidateTags(4n)).toBe(1);
    expect(send(plane, 2, [2, back]).sent).toEqual([]);
    expect(plane.cacheCounters().connections).toBe(hits);
    expect(plane.flowCounters([11]).get(11)).toEqual(all);
  });
});

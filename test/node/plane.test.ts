/** The plane's face: limits said in sentences, what is kept and what is given back. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { IMAGE_MAGIC } from '../../asm/plane/image.ts';
import * as layout from '../../asm/plane/layout.ts';
import { Plane } from '../../engine/node/plane.ts';
import { bytes, ethernet, ip4, udp } from '../asm/build.ts';
import { frames } from '../asm/plane/frames.ts';
import { CheckedPlane } from '../asm/plane/plane.ts';
import { clone, install, isKnown, meter, output, popVlan, pushVlan, send, set, track } from '../asm/plane/programs.ts';

const frame = ethernet(0x800, ip4({ src: 1, dst: 2, proto: 17 }, udp(3, 4)));
const small = { ports: 32, megaflows: 32, connections: 64, entries: 64, tunnels: 4, meters: 4 };

describe('Plane', () => {
  test('says in a sentence what there is no room for', () => {
    const plane = new CheckedPlane(small);
    expect(() => plane.addPort(32)).toThrow('there is no room for a physical port 32; ask for more `ports`');
    expect(() => plane.setMeter(4, 'packets', 1, 1)).toThrow('there is no room for a meter 4');
    expect(() => plane.setTunnel(4)).toThrow('there is no room for a tunnel 4');
    const headers = { kind: 'geneve', underlay: 1, ip6: false, checksum: false, l3: 14 } as const;
    expect(() => plane.setTunnel(1, { ...headers, headers: new Uint8Array(97) })).toThrow('97 bytes, more than 96');
    const end = { kind: 'vxlan', ip6: false, remote: 1n, local: 2n, port: 3 } as const;
    expect(() => plane.setEnds([end, end, end, end, end])).toThrow('too many ends');
    expect(() => plane.load(bytes('00'))).toThrow('these bytes are no image of a program');
    expect(() => plane.load(bytes('00'), 0n, Array(37).fill(1))).toThrow('36 different packet sizes at most, not 37');
    expect(() => new Plane({ megaflows: 2 ** 31 })).toThrow(RangeError);
  });

  test('a batch has an end, and is empty again after it was processed', () => {
    const plane = new CheckedPlane(small);
    plane.addPort(1);
    install(plane, { frame, port: 1, program: [output(1)] });
    let pushed = 0;
    while (plane.push(1, frame)) pushed++;
    expect(pushed).toBe(1024);
    let told = 0;
    plane.process(1, { output: () => told++, punt: () => expect.unreachable() });
    expect(told).toBe(1024);
    expect(send(plane, 2).sent).toEqual([]);
    const jumbo = new Uint8Array(0xffff);
    expect(plane.push(1, jumbo)).toBe(true);
    expect(plane.process(3, { output: () => expect.unreachable(), punt: () => expect.unreachable() })).toBeUndefined();
    expect(plane.dropCounters()[layout.DROP_TOO_LONG]).toBe(1n);
  });

  test('a port that was taken away drops what comes and what goes', () => {
    const plane = new CheckedPlane(small);
    plane.addPort(1);
    plane.addPort(2);
    install(plane, { frame, port: 1, program: [output(2)] });
    expect(send(plane, 1, [1, frame]).sent).toHaveLength(1);
    plane.removePort(2);
    expect(send(plane, 2, [1, frame]).sent).toEqual([]);
    expect(plane.dropCounters()[layout.DROP_NO_PORT]).toBe(1n);
    expect(plane.portCounters(40)).toEqual({ packetsIn: 0n, bytesIn: 0n, packetsOut: 0n, bytesOut: 0n });
  });

  test('replays captures in turn, for ever', () => {
    const plane = new CheckedPlane(small);
    plane.addPort(1);
    plane.addPort(2);
    install(plane, { frame, port: 1, program: [output(2)] });
    install(plane, { frame, port: 2, program: [output(1)] });
    const long = bytes(frame, new Uint8Array(1000));
    plane.addCapture(1, [frame, long, frame]);
    plane.addCapture(2, [frame]);
    expect(plane.exports.replay(10, 32, 1)).toBe(320);
    expect(plane.portCounters(1).packetsIn).toBe(160n);
    expect(plane.portCounters(2).packetsIn).toBe(160n);
    // Of 160 frames every third but the first is the long one.
    expect(plane.portCounters(1).bytesIn).toBe(BigInt(160 * frame.length + 53 * 1000));
  });

  test('programs that grow, fail and come again, and captures, take bounded memory', () => {
    const plane = new CheckedPlane(small);
    const start = plane.exports.reserved();
    const image = (size: number) => {
      const words = new Uint32Array(size >> 2);
      words[0] = IMAGE_MAGIC;
      words[1] = words.byteLength;
      return new Uint8Array(words.buffer);
    };
    let size = 1 << 14;
    for (; size < 8 << 20; size = (size * 1.07) & ~7) plane.load(image(size));
    // Two programs with half of each as room to grow, and a gap or two between them.
    expect(plane.exports.reserved() - start).toBeLessThan(4 * size);
    plane.addCapture(1, [frame]);
    const later = plane.exports.reserved();
    for (let round = 0; round < 100; round++) {
      plane.load(image(size >> (round % 5)));
      expect(() => plane.load(bytes('00'))).toThrow('no image');
      plane.exports.clearCaptures();
      for (let i = 1; i < 4; i++) plane.addCapture(1, Array(i * round).fill(frame));
    }
    expect(plane.exports.reserved() - later).toBeLessThan(1 << 17);
  });

  test('a program that is no image leaves the one in use as it was', () => {
    const plane = new CheckedPlane(small);
    const image = (mark: number) => {
      const words = new Uint32Array(32);
      words[0] = IMAGE_MAGIC;
      words[1] = 128;
      words[31] = mark;
      return new Uint8Array(words.buffer);
    };
    plane.load(image(0x01020304));
    const at = plane.memory().findLastIndex((byte, i, all) => byte === 1 && all[i - 1] === 2 && all[i - 2] === 3) - 127;
    for (let time = 0; time < 3; time++) {
      expect(() => plane.load(new Uint8Array(128))).toThrow('no image');
      expect(plane.memory().slice(at, at + 128)).toEqual(image(0x01020304));
    }
    plane.load(image(0x05060708));
    expect(plane.memory().slice(at, at + 128)).toEqual(image(0x01020304));
  });

  test('one that was emptied is as good as another one', () => {
    const plane = new CheckedPlane(small);
    const { exports } = plane;
    const meet = (): number[] => {
      plane.addPort(1);
      plane.addPort(2);
      plane.setMeter(1, 'packets', 1, 1);
      const flags = layout.CT_COMMIT;
      install(plane, { frame, port: 1, program: [meter(1), track({ zone: 3, flags }), output(2)] });
      const { sent } = send(plane, 1, [1, frame], [1, frame]);
      return sent.map(({ port }) => port);
    };
    // The meter lets one packet through.
    expect(meet()).toEqual([2]);
    expect(meet()).toEqual([2]);
    for (const kind of [1, 2, 3, 4, 5]) {
      exports.learnedKey(kind, 1, 0, 1, 0n, 1n, 4n, 0n);
      expect(exports.learn(5n, 0n, 0, 0)).toBeTruthy();
    }
    plane.setTunnel(1, {
      kind: 'vxlan',
      underlay: 1,
      ip6: false,
      checksum: false,
      l3: 14,
      headers: new Uint8Array(50),
    });
    plane.setEnds([{ kind: 'vxlan', ip6: false, remote: 1n, local: 2n, port: 1 }]);
    plane.push(1, frame);
    expect([exports.ctCount(-1), exports.learnedCount()]).toEqual([1, 5]);

    expect(plane.empty()).toBe(true);
    expect([exports.ctCount(-1), exports.learnedCount()]).toEqual([0, 0]);
    expect(plane.data().getUint32(exports.tunnelRecord(1), true)).toBe(0);
    // Neither the frame that waited nor the port is there, nor the flow.
    expect(send(plane, 2, [1, frame]).sent).toEqual([]);
    plane.addPort(1);
    expect(isKnown(plane, 1, frame)).toBe(false);
    expect(meet()).toEqual([2]);
  });

  test('one in which fragments wait is not empty before their time is over', () => {
    const plane = new CheckedPlane(small);
    plane.addPort(1);
    const part = ethernet(0x800, ip4({ src: 1, dst: 2, proto: 17, fragment: 0x2000 }, udp(3, 4, new Uint8Array(1472))));
    install(plane, { frame: part, port: 1, program: [track({ zone: 3, flags: 0 }), output(1)] });
    expect(send(plane, 1, [1, part]).sent).toEqual([]);
    expect(plane.empty()).toBe(false);
    for (let batch = 0; batch < 1024; batch++) send(plane, 60_000);
    expect(plane.empty()).toBe(true);
  });

  test('the same seed gives the same, another one too: only the order of tables differs', () => {
    const outcomes = [0n, 1n, 0x123456789abcdef0n].map((seed) => {
      const plane = new CheckedPlane({ ...small, seed });
      plane.addPort(1);
      install(plane, { frame, port: 1, program: [set(layout.W_L4, 9n << 8n, 0xff00n), output(1)] });
      return send(plane, 1, [1, frame]).sent;
    });
    expect(outcomes[1]).toEqual(outcomes[0]);
    expect(outcomes[2]).toEqual(outcomes[0]);
  });
});

describe('hostile frames', () => {
  test('through programs that do everything: nothing trips, nothing outside is touched', () => {
    const plane = new CheckedPlane(small);
    plane.addPort(1);
    plane.addPort(2);
    plane.addPort(3, { underlay: true });
    const all = (1n << 48n) - 1n;
    const everything = [
      clone(set(layout.W_IP4, 0x01020304n << 32n, 0xffffffffn << 32n), pushVlan(7), output(2)),
      set(layout.W_ETH_DST, 1n, all),
      set(layout.W_ETH_SRC, 2n, all),
      set(layout.W_L4, (9n << 8n) | (0x1234n << 48n), 0xff00n | (0xffffn << 48n)),
      set(layout.W_IP6_DST, 5n, 0xffn),
      set(layout.W_SHA, 7n, 0xffn),
      set(layout.W_ND_TARGET, 1n, 1n),
      track({ zone: 1, flags: layout.CT_COMMIT | layout.CT_NAT_SRC, address: 0x7f000001, port: 99 }),
      output(2),
      popVlan(),
      output(1),
    ];
    install(plane, { frame, port: 1, program: everything });
    install(plane, { frame, port: 3, program: everything });
    plane.setEnds([{ kind: 'geneve', ip6: false, remote: 1n, local: 2n, port: 1 }]);
    const geneve = fc
      .tuple(fc.uint8Array({ maxLength: 60 }), fc.constantFrom(6081, 4789))
      .map(([inner, port]) =>
        ethernet(
          0x800,
          ip4({ src: 1, dst: 2, proto: 17 }, udp(9, port, bytes('0240655800000100 0102800100000001', inner))),
        ),
      );
    let now = 0;
    fc.assert(
      fc.property(fc.array(fc.oneof(frames(), geneve), { minLength: 1, maxLength: 8 }), (list) => {
        now += 10;
        const { sent } = send(plane, now, ...list.flatMap((one) => [[1, one] as const, [3, one] as const]));
        for (const out of sent) expect(out.frame.length).toBeGreaterThanOrEqual(14);
      }),
      { numRuns: 1500, endOnFailure: true },
    );
  });
});

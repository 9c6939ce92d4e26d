/** Flows of frames: the fields of parseFrame, which was compared with the RFCs and Open vSwitch, in their words. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as layout from '../../../asm/plane/layout.ts';
import { type ParsedFrame, parseFrame } from '../../../engine/frame.ts';
import { be, bytes, ethernet, ip4, ip6, tcp, udp } from '../build.ts';
import { frames } from './frames.ts';
import { checked } from './plane.ts';

const { exports: asm } = checked;
const at = { packet: checked.reserve(layout.PACKET_SIZE), flow: checked.reserve(layout.FLOW_SIZE) };
const room = checked.reserve(1 << 17);

/** The first PACKET_WORDS words of the flow; undefined if the frame gives none. */
function extract(frame: Uint8Array, address = room + layout.HEADROOM): bigint[] | undefined {
  checked.memory().set(frame, address);
  const view = checked.data();
  view.setUint32(at.packet + layout.P_FRAME, address, true);
  view.setUint32(at.packet + layout.P_LENGTH, frame.length, true);
  view.setUint32(at.packet + layout.P_IN_PORT, 77, true);
  checked.memory().fill(0xee, at.flow, at.flow + layout.FLOW_SIZE);
  if (!asm.extract(at.packet, at.flow)) return undefined;
  return Array.from({ length: layout.KEY_WORDS }, (_, i) => checked.data().getBigUint64(at.flow + 8 * i, true));
}

/** What the words have to be, from the fields by their names. */
function wordsOf({ fields }: ParsedFrame, frame: Uint8Array): bigint[] {
  const words = Array.from({ length: layout.KEY_WORDS }, () => 0n);
  const put = (word: number, bit: number, value: bigint | undefined): void => {
    words[word] = (words[word] ?? 0n) | ((value ?? 0n) << BigInt(bit));
  };
  const wide = (word: number, value: bigint | undefined): void => {
    put(word, 0, (value ?? 0n) >> 64n);
    put(word + 1, 0, (value ?? 0n) & 0xffffffffffffffffn);
  };
  const f = fields;
  put(layout.W_ETH_DST, 0, f['eth.dst']);
  put(layout.W_ETH_DST, layout.B_ETH_TYPE, f['eth.type']);
  put(layout.W_ETH_SRC, 0, f['eth.src']);
  put(layout.W_ETH_SRC, layout.B_VLAN_TCI, f['vlan.tci']);
  put(layout.W_IP4, layout.B_IP4_SRC, f['ip4.src'] ?? f['arp.spa']);
  put(layout.W_IP4, 0, f['ip4.dst'] ?? f['arp.tpa']);
  put(layout.W_L4, 0, f['ip.proto'] ?? f['arp.op']);
  put(layout.W_L4, layout.B_TTL, f['ip.ttl']);
  put(layout.W_L4, layout.B_TOS, ((f['ip.dscp'] ?? 0n) << 2n) | (f['ip.ecn'] ?? 0n));
  put(layout.W_L4, layout.B_FRAG, f['ip.frag']);
  const first = (...names: string[]) => names.map((name) => f[name]).find((value) => value !== undefined);
  if (!f['ip.frag']) {
    put(layout.W_L4, layout.B_L4_SRC, first('tcp.src', 'udp.src', 'sctp.src', 'icmp4.type', 'icmp6.type'));
    put(layout.W_L4, layout.B_L4_DST, first('tcp.dst', 'udp.dst', 'sctp.dst', 'icmp4.code', 'icmp6.code'));
  }
  put(layout.W_DERIVED, layout.B_TCP_FLAGS, f['tcp.flags']);
  put(layout.W_IN, 0, 77n);
  wide(layout.W_IP6_SRC, f['ip6.src']);
  wide(layout.W_IP6_DST, f['ip6.dst']);
  put(layout.W_SHA, 0, first('arp.sha', 'nd.sll'));
  put(layout.W_THA, 0, first('arp.tha', 'nd.tll'));
  wide(layout.W_ND_TARGET, f['nd.target']);
  put(layout.W_IP6_LABEL, 0, f['ip6.label']);
  // RARP has no fields of OVN, but Open vSwitch reads it as ARP; it is told apart by its type.
  if (f['eth.type'] === 0x8035n) return rarpWords(words, frame);
  return words;
}

/** The same message as ARP gives the same words but for the type. */
function rarpWords(words: bigint[], frame: Uint8Array): bigint[] {
  const twin = frame.slice();
  const type = twin.findIndex((byte, i) => i >= 12 && byte === 0x80 && twin[i + 1] === 0x35);
  twin.set([8, 6], type);
  const again = wordsOf(parseFrame(twin, { vlanLimit: 2 }), twin);
  const low = (1n << BigInt(layout.B_ETH_TYPE)) - 1n;
  again[layout.W_ETH_DST] = ((again[layout.W_ETH_DST] ?? 0n) & low) | ((words[layout.W_ETH_DST] ?? 0n) & ~low);
  return again;
}

function expectSame(frame: Uint8Array): void {
  const words = extract(frame);
  const parsed = parseFrame(frame, { vlanLimit: 2 });
  if (frame.length < 14) expect(words).toBeUndefined();
  else expect(words?.map(withoutInner).map(String)).toEqual(wordsOf(parsed, frame).map(String));
}

/** parseFrame does not tell the inner one of two tags. */
const withoutInner = (word: bigint, at: number): bigint => (at === layout.W_SHA ? BigInt.asUintN(48, word) : word);

describe('extract', () => {
  test('says what parseFrame says, of frames good and bad', () => {
    fc.assert(fc.property(frames(), expectSame), { numRuns: 5000 });
  });

  test('reads two tags, and what is behind them', () => {
    const packet = ip4({ src: 1, dst: 2, proto: 17 }, udp(3, 4));
    const tagged = (...tags: string[]): bigint[] => extract(ethernet(0x800, packet, bytes(...tags))) ?? [];
    const seen = (words: bigint[]): (string | undefined)[] =>
      [layout.W_ETH_SRC, layout.W_SHA, layout.W_ETH_DST].map((word) => ((words[word] ?? 0n) >> 48n).toString(16));
    expect(seen(tagged('88a80005', '81002006'))).toEqual(['1005', '3006', '800']);
    expect(seen(tagged('81000005'))).toEqual(['1005', '0', '800']);
    expect(seen(tagged('88a80005', '81000006', '81000007'))).toEqual(['1005', '1006', '8100']);
  });

  test('says it of every beginning of a frame', () => {
    const wholes = [
      ethernet(0x800, ip4({ src: 1, dst: 2, proto: 17 }, udp(3, 4, bytes('0102')))),
      ethernet(0x800, ip4({ src: 1, dst: 2, proto: 6 }, tcp(3, 4, 0x1ff, bytes('0102'), bytes('01010101')))),
      ethernet(0x86dd, ip6({ src: 1n, dst: 2n, next: 17, label: 0xabcde, trafficClass: 0xb7 }, udp(3, 4))),
      ethernet(0x86dd, ip6({ src: 1n << 127n, dst: 2n, next: 6 }, tcp(3, 4, 2))),
      ethernet(0x86dd, ip6({ src: 1n, dst: 2n, next: 58 }, bytes(135, 0, be(0, 6), be(9n, 16), '0101020304050607'))),
    ];
    for (const whole of wholes) {
      for (let length = 0; length <= whole.length; length++) expectSame(whole.subarray(0, length));
    }
  });

  test('reads nothing behind the frame but what may be read', () => {
    fc.assert(
      fc.property(frames(), (frame) => {
        const end = checked.memory().length;
        // Sixteen bytes behind a frame are promised.
        const address = end - 16 - frame.length;
        const kept = checked.memory().slice(address);
        const there = extract(frame, address);
        checked.memory().set(kept, address);
        expect(there?.map(String)).toEqual(extract(frame)?.map(String));
      }),
    );
  });

  test('gives the offsets of headers', () => {
    const offsets = (frame: Uint8Array) => {
      extract(frame);
      const view = checked.data();
      const fields = [layout.P_L3, layout.P_L4, layout.P_PAYLOAD, layout.P_END];
      return fields.map((field) => view.getUint16(at.packet + field, true));
    };
    const padded = bytes(ethernet(0x800, ip4({ src: 1, dst: 2, proto: 17 }, udp(3, 4))), new Uint8Array(18));
    expect(offsets(padded)).toEqual([14, 34, 42, 42]);
    expect(
      offsets(ethernet(0x800, ip4({ src: 1, dst: 2, proto: 6 }, tcp(3, 4, 2, bytes('01'), bytes('00000000'))))),
    ).toEqual([14, 34, 58, 59]);
    expect(offsets(ethernet(0x86dd, ip6({ src: 1n, dst: 2n, next: 17 }, udp(3, 4))))).toEqual([14, 54, 62, 62]);
    expect(offsets(ethernet(0x800, ip4({ src: 1, dst: 2, proto: 17 }, udp(3, 4)), bytes('81000005')))).toEqual([
      18, 38, 46, 46,
    ]);
    expect(offsets(ethernet(0x1234, bytes('0102')))).toEqual([14, 0, 0, 16]);
  });

  test('no fragment has ports, not even the first', () => {
    const first = (proto: number, segment: Uint8Array) =>
      extract(ethernet(0x800, ip4({ src: 7, dst: 8, proto, fragment: 0x2000 }, segment)))?.[layout.W_L4] ?? 0n;
    for (const [proto, segment] of [
      [6, tcp(3, 4, 2)],
      [17, udp(3, 4)],
      [1, bytes('0800000000010002')],
    ] as const) {
      expect(first(proto, segment) >> BigInt(layout.B_L4_DST)).toBe(0n);
      expect((first(proto, segment) >> BigInt(layout.B_FRAG)) & 0xffn).toBe(BigInt(layout.FRAG_ANY));
    }
  });

  test('fills LONGER and the hashes if they are wanted', () => {
    const frame = (payload: number) =>
      ethernet(0x800, ip4({ src: 7, dst: 8, proto: 17 }, udp(3, 4, new Uint8Array(payload))));
    const view = checked.data();
    view.setUint32(asm.thresholdsAt(), 50, true);
    view.setUint32(asm.thresholdsAt() + 4, 43, true);
    asm.setThresholds(2);
    asm.wantHash(1);
    const there = extract(frame(8))?.[layout.W_DERIVED] ?? 0n;
    const back = ethernet(0x800, ip4({ src: 8, dst: 7, proto: 17 }, udp(4, 3, new Uint8Array(9))));
    expect(there >> BigInt(layout.B_LONGER)).toBe(0b10n);
    const answer = extract(back)?.[layout.W_DERIVED] ?? 0n;
    expect(answer >> BigInt(layout.B_LONGER)).toBe(0b11n);
    // What is behind the ports does not matter.
    expect((extract(frame(9))?.[layout.W_DERIVED] ?? 0n) & 0xffn).toBe(there & 0xffn);
    const hashes = new Set(
      Array.from({ length: 64 }, (_, i) => {
        const other = ethernet(0x800, ip4({ src: i, dst: 8, proto: 17 }, udp(3, 4)));
        return (extract(other)?.[layout.W_DERIVED] ?? 0n) & 0xffn;
      }),
    );
    expect(hashes.size).toBeGreaterThan(40);
    asm.wantHash(2);
    const both = (frameOfBoth: Uint8Array): bigint =>
      BigInt.asUintN(28, extract(frameOfBoth)?.[layout.W_DERIVED] ?? 0n);
    expect(both(frame(8))).toBe(both(back));
    expect([both(frame(8)) & 0xffn, both(frame(8)) >> BigInt(layout.B_HASH_BOTH)]).not.toEqual([0n, 0n]);
    expect(both(frame(8)) & 0xffn).toBe(0n);
    asm.setThresholds(0);
    asm.wantHash(0);
    expect(extract(frame(8))?.[layout.W_DERIVED]).toBe(0n);
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { VALUE_FIELDS } from '../../engine/lang/index.ts';
import {
  copyBits,
  emptyPacket,
  fields,
  type Packet,
  readBits,
  type Storage,
  wordCopies,
  wordWrites,
  writeBits,
  writeMasked,
} from '../../sim/trace/packet.ts';

const names = Object.keys(fields);
const storage = (name: string): Storage => fields[name] as Storage;
const ones = (bits: number): bigint => (1n << BigInt(bits)) - 1n;

test('every field of the language has storage, but what only an ICMP error in the making has', () => {
  const missing = VALUE_FIELDS.filter((name) => !fields[name]);
  expect(missing).toEqual(['icmp4.frag_mtu', 'icmp6.frag_mtu']);
});

/** A field, and a value that fits into what is stored of it. */
const fieldAndValue = fc.constantFrom(...names).chain((name) => {
  const stored = name === 'arp.op' ? 8 : storage(name).width;
  return fc.tuple(fc.constant(name), fc.bigInt({ min: 0n, max: ones(stored) }));
});

test('what is written is read, and nothing beside it changes', () => {
  fc.assert(
    fc.property(fieldAndValue, ([name, value]) => {
      const packet = emptyPacket();
      writeBits(packet, storage(name), value);
      expect(readBits(packet, storage(name))).toBe(value);
      writeBits(packet, storage(name), 0n);
      expect(packet).toEqual(emptyPacket());
    }),
  );
});

test('masked writes keep the bits that are not in the mask', () => {
  const wide = fc.constantFrom('xxreg0', 'xxreg1', 'ct_label', 'ip6.src', 'eth.dst', 'ip4.src', 'vlan.tci');
  fc.assert(
    fc.property(wide, fc.bigInt({ min: 0n }), fc.bigInt({ min: 0n }), fc.bigInt({ min: 0n }), (name, a, b, m) => {
      const all = ones(storage(name).width);
      const [before, value, mask] = [a & all, b & all, m & all];
      const packet = emptyPacket();
      writeBits(packet, storage(name), before);
      writeMasked(packet, storage(name), value, mask);
      expect(readBits(packet, storage(name))).toBe((before & ~mask) | (value & mask));
    }),
  );
});

test('writes worked out beforehand do the same', () => {
  const random = fc.uint8Array({ minLength: 400, maxLength: 400 });
  fc.assert(
    fc.property(
      fc.constantFrom(...names),
      fc.bigInt({ min: 0n }),
      fc.bigInt({ min: 0n }),
      random,
      (name, a, m, bytes) => {
        const all = ones(storage(name).width);
        const make = (): Packet => ({ words: new Uint32Array(bytes.slice().buffer, 0, emptyPacket().words.length) });
        const [one, other] = [make(), make()];
        writeMasked(one, storage(name), a & all, m & all);
        for (const { at, keep, value } of wordWrites(storage(name), a & all, m & all)) {
          other.words[at] = ((other.words[at] as number) & keep) | value;
        }
        expect(other.words).toEqual(one.words);
      },
    ),
  );
});

describe('fields of protocols that exclude each other share their storage, as in Open vSwitch', () => {
  const written = (name: string, value: bigint, before: [string, bigint][] = []): Packet => {
    const packet = emptyPacket();
    for (const [other, number] of before) writeBits(packet, storage(other), number);
    writeBits(packet, storage(name), value);
    return packet;
  };

  test('an ARP operation is an IP protocol, of which it keeps eight bits', () => {
    expect(readBits(written('arp.op', 257n), storage('ip.proto'))).toBe(1n);
  });

  test('addresses of ARP and of IPv4 are the same', () => {
    expect(readBits(written('arp.spa', 0x0a000001n), storage('ip4.src'))).toBe(0x0a000001n);
  });

  test('an ICMP type replaces a source port', () => {
    expect(readBits(written('icmp4.type', 8n, [['tcp.src', 0xffffn]]), storage('tcp.src'))).toBe(8n);
  });

  test('DSCP and ECN share a byte and leave each other alone', () => {
    const packet = written('ip.dscp', 46n, [['ip.ecn', 3n]]);
    expect(readBits(packet, storage('ip.ecn'))).toBe(3n);
    expect(readBits(packet, storage('ip.dscp'))).toBe(46n);
  });
});

test('bits copied word by word are bits copied', () => {
  const random = fc.uint8Array({ minLength: 400, maxLength: 400 });
  const places = fc.tuple(
    fc.constantFrom(...names),
    fc.nat(127),
    fc.constantFrom(...names),
    fc.nat(127),
    fc.integer({ min: 1, max: 128 }),
  );
  let copied = 0;
  fc.assert(
    fc.property(places, random, ([to, toOfs, from, fromOfs, wanted], bytes) => {
      const [target, source] = [storage(to), storage(from)];
      const [ofs, at] = [toOfs % target.width, fromOfs % source.width];
      const n = Math.min(wanted, target.width - ofs, source.width - at);
      const copies = wordCopies({ where: target, ofs, n }, { where: source, ofs: at, n });
      if (!copies) return;
      copied++;
      const make = (): Packet => ({ words: new Uint32Array(bytes.slice().buffer, 0, emptyPacket().words.length) });
      const [one, other] = [make(), make()];
      writeBits(one, target, readBits(one, source, at, n), ofs, n);
      copyBits(other, copies);
      // What stands beside a field in its first word is not its own: only `writeBits` clears that in any case.
      const cleared = (packet: Packet) => writeMasked(packet, target, 0n, 0n);
      cleared(one);
      cleared(other);
      expect(other.words, `${to}[${ofs}] = ${from}[${at}], ${n}`).toEqual(one.words);
    }),
    { numRuns: 2000, seed: 2 },
  );
  expect(copied).toBeGreaterThan(500);
});

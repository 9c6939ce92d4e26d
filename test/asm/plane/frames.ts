/** Arbitrary frames: right headers with random contents, cut at random places, and pure noise. */
import fc from 'fast-check';
import { be, bytes, ethernet, ip4, ip6, tcp, udp } from '../build.ts';

const raw = fc.uint8Array({ maxLength: 120 });
const small = fc.nat(0xffff);

function segments(): fc.Arbitrary<readonly [number, Uint8Array]> {
  return fc.oneof(
    fc.tuple(small, small, raw).map(([src, dst, payload]) => [17, udp(src, dst, payload)] as const),
    fc.tuple(small, small, small, raw).map(([src, dst, flags, payload]) => {
      const segment = tcp(src, dst, 0, payload);
      segment.set(be(flags, 2), 12);
      return [6, segment] as const;
    }),
    fc.tuple(fc.constantFrom(0, 1, 6, 17, 43, 44, 51, 58, 60, 132), raw),
    fc
      .tuple(fc.constantFrom(135, 136), raw)
      .map(([type, options]) => [58, bytes(type, 0, be(0, 6), be(3n, 16), options)] as const),
  );
}

/** Frames of any kind. */
export function frames(): fc.Arbitrary<Uint8Array> {
  const type = fc.constantFrom(0x800, 0x806, 0x86dd, 0x8100, 0x88a8, 0x8035, 40);
  const tags = fc.constantFrom(bytes(), bytes(), bytes(), bytes('81000005'), bytes('88a8e00581000006'));
  const any = fc.tuple(type, raw, tags).map(([t, payload, tag]) => ethernet(t, payload, tag));
  const arp = fc.tuple(fc.constantFrom(0x806, 0x8035), small, raw).map(([t, operation, rest]) => {
    return ethernet(t, bytes('000108000604', be(operation, 2), rest));
  });
  const over4 = fc.tuple(segments(), small, raw, tags).map(([[proto, segment], fragment, options, tag]) => {
    const header = {
      src: 0x0a000001 + fragment,
      dst: 0x0b000002,
      proto,
      tos: fragment & 0xff,
      // Most are no fragments, many have "do not fragment".
      fragment: fragment < 0x8000 ? fragment & 0x4000 : fragment & 0x3fff,
      options: options.length < 8 ? options.subarray(0, options.length & ~3) : bytes(),
    };
    return ethernet(0x800, ip4(header, segment), tag);
  });
  const over6 = fc.tuple(segments(), small, tags).map(([[next, segment], label, tag]) => {
    return ethernet(
      0x86dd,
      ip6({ src: (1n << 125n) + 7n, dst: (1n << 127n) | 2n, next, label, trafficClass: label & 0xff }, segment),
      tag,
    );
  });
  const whole = fc.oneof(raw, any, arp, over4, over4, over6, over6);
  return fc.tuple(whole, fc.nat(300), fc.nat(4000), fc.nat(255)).map(([frame, cut, at, value]) => {
    const changed = frame.slice();
    if (at < changed.length) changed[at] = value;
    return cut < changed.length ? changed.subarray(0, changed.length - cut) : changed;
  });
}

/**
 * Reading pcap files: draft-ietf-opsawg-pcap.
 *
 * A header of 24 bytes, then records of 16 bytes and a frame each, all in the
 * byte order of the machine that wrote the file:
 *
 *      0       4       6       8        12       16       20       24
 *     +-------+-------+-------+--------+--------+--------+--------+
 *     | magic | major | minor | unused | unused | snap   | link   |
 *     |       | 2     | 4     |        |        | length | type   |
 *     +-------+-------+-------+--------+--------+--------+--------+
 *     +---------+----------------+----------+----------+----------
 *     | seconds | micro- or      | captured | original | frame ...
 *     |         | nanoseconds    | length   | length   |
 *     +---------+----------------+----------+----------+----------
 *      0         4                8          12         16
 */
import {
  type Decoder,
  ethernetLinkType,
  linkTypeHint,
  linkTypeText,
  maxFrame,
  type Sink,
  wanted,
  withoutFcs,
} from './decoder.ts';

/** The first four bytes of a file, most significant first. */
export const magics: ReadonlyMap<number, { little: boolean; nanoseconds: boolean }> = new Map([
  [0xa1b2c3d4, { little: false, nanoseconds: false }],
  [0xd4c3b2a1, { little: true, nanoseconds: false }],
  [0xa1b23c4d, { little: false, nanoseconds: true }],
  [0x4d3cb2a1, { little: true, nanoseconds: true }],
]);

export const headerSize = 24;
export const recordSize = 16;

/** Bits of the link type's field: the type, whether the length of the checksum is told, and that length in 16-bit words. */
const linkTypeMask = 0xffff;
const fcsPresent = 0x0400_0000;
const fcsShift = 28;

/** Decodes a file of which the four bytes of the magic have been read. */
export function* decodePcap(magic: number, sink: Sink): Decoder {
  const format = magics.get(magic);
  if (!format) return sink.refuse('this is no pcap file', 'give a pcap or pcapng file');
  const { little } = format;
  const unit = format.nanoseconds ? 1n : 1000n;

  const header = viewOf(yield wanted(headerSize - 4, 'the header of the file'));
  const major = header.getUint16(0, little);
  const minor = header.getUint16(2, little);
  if (major !== 2 || minor < 4) {
    return sink.refuse(`pcap files of version ${major}.${minor} cannot be read`, 'write one of version 2.4');
  }
  const link = header.getUint32(16, little);
  const type = link & linkTypeMask;
  if (type !== ethernetLinkType) {
    return sink.refuse(`its frames have link type ${linkTypeText(type)}, not Ethernet`, linkTypeHint);
  }
  const fcs = link & fcsPresent ? (link >>> fcsShift) * 2 : 0;

  const nextRecord = wanted(recordSize, 'the header of a record', true);
  for (;;) {
    const record = viewOf(yield nextRecord);
    const timestamp = BigInt(record.getUint32(0, little)) * 1_000_000_000n + BigInt(record.getUint32(4, little)) * unit;
    const captured = record.getUint32(8, little);
    const original = record.getUint32(12, little);
    if (captured > maxFrame) {
      sink.problem(`a record says that its frame has ${captured} bytes; what follows was not read`);
      return;
    }
    sink.frame(withoutFcs(yield wanted(captured, 'a frame'), timestamp, original, fcs));
  }
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

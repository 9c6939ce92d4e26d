/** Writing captures: pcap with nanoseconds, or pcapng, least significant byte first. */
import { ethernetLinkType, maxFrame } from './decoder.ts';
import { headerSize, recordSize } from './pcap.ts';
import {
  blockOverhead,
  byteOrderMagic,
  enhancedPacket,
  interfaceDescription,
  interfaceFields,
  optionTsresol,
  packetFields,
  sectionHeader,
} from './pcapng.ts';

export type CaptureFormat = 'pcap' | 'pcapng';

/** What a captured frame may be written as: see `CapturedFrame`. */
export interface WrittenFrame {
  bytes: Uint8Array;
  timestamp: bigint;
  /** That of `bytes`, unless told. */
  originalLength?: number;
}

export interface CaptureWriter {
  /**
   * Adds a frame.  Throws a RangeError, and adds nothing, if the format cannot
   * hold it: a frame of more than 262 144 bytes, a time before 1970, and for
   * pcap one after 2106-02-07, for pcapng after 2554.
   */
  add(frame: WrittenFrame): void;
  /** The next bytes of the file: what was added since the last call; at first with the file's header. */
  take(): Uint8Array;
}

/** Nanoseconds in a second. */
const second = 1_000_000_000n;
const magicOfNanoseconds = 0xa1b23c4d;

/** A file of these frames. */
export function writeCapture(frames: Iterable<WrittenFrame>, format: CaptureFormat = 'pcap'): Uint8Array {
  const writer = captureWriter(format);
  for (const frame of frames) writer.add(frame);
  return writer.take();
}

/** Writes a capture piece by piece. */
export function captureWriter(format: CaptureFormat = 'pcap'): CaptureWriter {
  let bytes = new Uint8Array(1 << 12);
  let view = new DataView(bytes.buffer);
  let size = 0;

  /** Makes room at the end, where all bytes are zero; returns where it begins. */
  const grow = (length: number): number => {
    const at = size;
    size += length;
    if (size > bytes.length) {
      const larger = new Uint8Array(Math.max(size, 2 * bytes.length));
      larger.set(bytes.subarray(0, at));
      bytes = larger;
      view = new DataView(bytes.buffer);
    }
    return at;
  };
  /** Room for a block of pcapng; returns where its body begins. */
  const block = (type: number, body: number): number => {
    const length = blockOverhead + body;
    const at = grow(length);
    view.setUint32(at, type, true);
    view.setUint32(at + 4, length, true);
    view.setUint32(at + length - 4, length, true);
    return at + 8;
  };

  const writeHeader = (): void => {
    const at = grow(headerSize);
    view.setUint32(at, magicOfNanoseconds, true);
    view.setUint16(at + 4, 2, true);
    view.setUint16(at + 6, 4, true);
    view.setUint32(at + 16, maxFrame, true);
    view.setUint32(at + 20, ethernetLinkType, true);
  };
  const writeRecord = ({ bytes: frame, timestamp, originalLength = frame.length }: WrittenFrame): void => {
    const seconds = inRange(timestamp / second, 0xffff_ffffn, timestamp);
    const at = grow(recordSize + frame.length);
    view.setUint32(at, Number(seconds), true);
    view.setUint32(at + 4, Number(timestamp % second), true);
    view.setUint32(at + 8, frame.length, true);
    view.setUint32(at + 12, originalLength, true);
    bytes.set(frame, at + recordSize);
  };

  const writeSection = (): void => {
    const section = block(sectionHeader, 16);
    view.setUint32(section, byteOrderMagic, true);
    view.setUint16(section + 4, 1, true);
    // How long the section is, is not told.
    view.setBigInt64(section + 8, -1n, true);
    const described = block(interfaceDescription, interfaceFields + 12);
    view.setUint16(described, ethernetLinkType, true);
    view.setUint32(described + 4, maxFrame, true);
    // One option of one byte, padded; the end of options is four zeroes.
    const option = described + interfaceFields;
    view.setUint16(option, optionTsresol, true);
    view.setUint16(option + 2, 1, true);
    view.setUint8(option + 4, 9);
  };
  const writePacket = ({ bytes: frame, timestamp, originalLength = frame.length }: WrittenFrame): void => {
    inRange(timestamp, 0xffff_ffff_ffff_ffffn, timestamp);
    const at = block(enhancedPacket, packetFields + ((frame.length + 3) & ~3));
    view.setUint32(at + 4, Number(timestamp >> 32n), true);
    view.setUint32(at + 8, Number(timestamp & 0xffff_ffffn), true);
    view.setUint32(at + 12, frame.length, true);
    view.setUint32(at + 16, originalLength, true);
    bytes.set(frame, at + packetFields);
  };

  const [begin, write] = format === 'pcap' ? [writeHeader, writeRecord] : [writeSection, writePacket];
  begin();
  return {
    add(frame) {
      const { length } = frame.bytes;
      if (length > maxFrame) throw new RangeError(`a frame of ${length} bytes is more than a capture can hold`);
      write(frame);
    },
    take() {
      const taken = bytes.slice(0, size);
      bytes.fill(0, 0, size);
      size = 0;
      return taken;
    },
  };
}

/** `value` if it is from 0 to `most`, else an error about the time that it is of. */
function inRange(value: bigint, most: bigint, timestamp: bigint): bigint {
  if (timestamp < 0n || value > most) throw new RangeError(`the time ${timestamp} ns cannot be written to a capture`);
  return value;
}

/**
 * Reading pcapng files: draft-ietf-opsawg-pcapng.
 *
 * A file is blocks, a multiple of four bytes each:
 *
 *     +------+--------------+----------+--------------+
 *     | type | total length | body ... | total length |
 *     +------+--------------+----------+--------------+
 *      0      4              8          length - 4
 *
 * A section header block begins a section: it tells the byte order, and the
 * interfaces are counted anew.  What is in other blocks than those below, and
 * in options other than the two below, is passed over.
 */
import {
  type Decoder,
  ethernetLinkType,
  linkTypeHint,
  linkTypeText,
  maxFrame,
  type Request,
  type Sink,
  unwanted,
  wanted,
} from './decoder.ts';

/** Reads the same in both byte orders. */
export const sectionHeader = 0x0a0d0d0a;
export const byteOrderMagic = 0x1a2b3c4d;
export const interfaceDescription = 1;
export const enhancedPacket = 6;
const obsoletePacket = 2;
const simplePacket = 3;

/** Options of an interface: how long a unit of its time stamps is, and seconds to be added to them. */
export const optionTsresol = 9;
const optionTsoffset = 14;

const blocksRead: ReadonlySet<number> = new Set([interfaceDescription, obsoletePacket, simplePacket, enhancedPacket]);

/** Bytes before a frame, in the body of its block; and before an interface's options. */
export const packetFields = 20;
const simpleFields = 4;
export const interfaceFields = 8;

/** A type, two lengths; a section header has 16 bytes more. */
export const blockOverhead = 12;
const smallestSection = blockOverhead + 16;

/** The most bytes of a block that is looked into: a frame and its options, by a wide margin. */
const maxBlock = 1 << 24;

/** Nanoseconds. */
const second = 1_000_000_000n;

interface Interface {
  /** Its frames are Ethernet frames, and are not left out. */
  isEthernet: boolean;
  /** The most bytes of a frame; 0 if unlimited. */
  snapLength: number;
  /** Nanoseconds since 1970 of a time stamp. */
  time(stamp: bigint): bigint;
}

const nextBlock = wanted(8, 'the header of a block', true);

/** Decodes a file of which the four bytes of the first block's type have been read. */
export function* decodePcapng(sink: Sink): Decoder {
  const refuse = (sentence: string): undefined => sink.refuse(sentence, 'give a pcap or pcapng file');
  const stop = (sentence: string): undefined => {
    sink.problem(`${sentence}; what follows was not read`);
  };
  let little = yield* readSection(viewOf(yield wanted(4, 'the header of the file')), refuse);
  let interfaces: Interface[] = [];
  while (little !== undefined) {
    const header = viewOf(yield nextBlock);
    const type = header.getUint32(0, little);
    if (type === sectionHeader) {
      little = yield* readSection(new DataView(header.buffer, header.byteOffset + 4, 4), stop);
      interfaces = [];
      continue;
    }
    const length = header.getUint32(4, little);
    if (!isBlockLength(length, blockOverhead)) return stop(`a block says that it has ${length} bytes`);
    const read = blocksRead.has(type);
    if (read && length > maxBlock) return stop(`a block of type ${type} says that it has ${length} bytes`);
    const size = length - blockOverhead;
    const body = viewOf(yield read ? wanted(size, 'a block') : unwanted(size, 'a block'));
    const end = viewOf(yield wanted(4, 'a block')).getUint32(0, little);
    if (end !== length) return stop(`a block has ${length} bytes by its beginning and ${end} by its end`);
    if (type === interfaceDescription) interfaces.push(readInterface(body, little, interfaces.length, sink));
    else if (read) {
      const reason = readPacket(type, body, little, interfaces, sink);
      if (reason !== undefined) sink.problem(`${reason}, and was left out`);
    }
  }
}

/**
 * Reads the rest of a section header block, of which `word` is the length.
 * Returns whether numbers in the section have their least significant byte
 * first, or what `fail` returns if it cannot be read.
 */
function* readSection(
  word: DataView,
  fail: (sentence: string) => undefined,
): Generator<Request, boolean | undefined, Uint8Array> {
  const fields = viewOf(yield wanted(smallestSection - blockOverhead, 'a section header'));
  const little = fields.getUint32(0, true) === byteOrderMagic;
  if (!little && fields.getUint32(0, false) !== byteOrderMagic) return fail('a section header has no byte order');
  const major = fields.getUint16(4, little);
  if (major !== 1) return fail(`sections of version ${major} of pcapng cannot be read`);
  const length = word.getUint32(0, little);
  if (!isBlockLength(length, smallestSection)) return fail(`a section header says that it has ${length} bytes`);
  yield unwanted(length - smallestSection, 'a section header');
  const end = viewOf(yield wanted(4, 'a section header')).getUint32(0, little);
  if (end !== length) return fail(`a section header has ${length} bytes by its beginning and ${end} by its end`);
  return little;
}

const isBlockLength = (length: number, smallest: number): boolean => length >= smallest && length % 4 === 0;

function readInterface(body: DataView, little: boolean, number: number, sink: Sink): Interface {
  if (body.byteLength < interfaceFields) {
    sink.problem(`the description of interface ${number} is too short`);
    return { isEthernet: false, snapLength: 0, time: () => 0n };
  }
  const link = body.getUint16(0, little);
  const isEthernet = link === ethernetLinkType;
  if (!isEthernet) {
    const what = `the frames of interface ${number} have link type ${linkTypeText(link)}, not Ethernet`;
    sink.problem(`${what}, and were left out; ${linkTypeHint}`);
  }
  return { isEthernet, snapLength: body.getUint32(4, little), time: readTimes(body, little, number, sink) };
}

/** What the options of an interface say of its time stamps: microseconds since 1970, if nothing. */
function readTimes(body: DataView, little: boolean, number: number, sink: Sink): Interface['time'] {
  let resolution = 6;
  let offset = 0n;
  let at = interfaceFields;
  while (at + 4 <= body.byteLength) {
    const code = body.getUint16(at, little);
    const length = body.getUint16(at + 2, little);
    at += 4;
    if (code === 0) break;
    if (at + length > body.byteLength) {
      sink.problem(`an option of interface ${number} is cut off`);
      break;
    }
    if (code === optionTsresol && length === 1) resolution = body.getUint8(at);
    if (code === optionTsoffset && length === 8) offset = body.getBigInt64(at, little);
    at += (length + 3) & ~3;
  }
  const base = offset * second;
  // The uppermost bit tells a power of two from one of ten.
  const units = resolution & 0x80 ? 2n ** BigInt(resolution & 0x7f) : 10n ** BigInt(resolution);
  if (second % units === 0n) {
    const unit = second / units;
    return (stamp) => base + stamp * unit;
  }
  return (stamp) => base + (stamp * second) / units;
}

/** Reads a block with a frame in it.  Returns why the frame was left out, if it was. */
function readPacket(
  type: number,
  body: DataView,
  little: boolean,
  interfaces: readonly Interface[],
  sink: Sink,
): string | undefined {
  const fields = type === simplePacket ? simpleFields : packetFields;
  if (body.byteLength < fields) return 'a block is too short for a frame';
  const number = interfaceOf(type, body, little);
  const from = interfaces[number];
  if (!from) return `a frame is of interface ${number}, which is not described`;
  if (!from.isEthernet) {
    sink.otherLinkType();
    return undefined;
  }
  const room = body.byteLength - fields;
  let captured: number;
  let original: number;
  let timestamp = 0n;
  if (type === simplePacket) {
    original = body.getUint32(0, little);
    captured = Math.min(original, room, from.snapLength || room);
  } else {
    timestamp = from.time((BigInt(body.getUint32(4, little)) << 32n) | BigInt(body.getUint32(8, little)));
    captured = body.getUint32(12, little);
    original = body.getUint32(16, little);
  }
  if (captured > room) return `a block with room for ${room} bytes says that its frame has ${captured}`;
  if (captured > maxFrame) return `a frame has ${captured} bytes`;
  const bytes = new Uint8Array(body.buffer, body.byteOffset + fields, captured);
  sink.frame({ bytes, timestamp, originalLength: Math.max(original, captured) });
  return undefined;
}

function interfaceOf(type: number, body: DataView, little: boolean): number {
  if (type === simplePacket) return 0;
  return type === enhancedPacket ? body.getUint32(0, little) : body.getUint16(0, little);
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

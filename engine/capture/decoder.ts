/**
 * What the decoders of the formats and the reader share.  A decoder is a
 * generator: it asks for the bytes that it needs next, gets them when they have
 * come, and tells its sink what it found.  So it reads as if the whole file lay
 * there, and the reader may be fed in pieces of any size.
 */

/** A frame of a capture. */
export interface CapturedFrame {
  /**
   * From the destination address on, without checksum (FCS).  May share memory
   * with what was read, and is fewer bytes than the frame had where the capture
   * was told to cut frames off.
   */
  bytes: Uint8Array;
  /** Nanoseconds since 1970-01-01 UTC; 0 where the file does not say (pcapng's simple packet block). */
  timestamp: bigint;
  /** Bytes that the frame had when it was seen; never below `bytes.length`. */
  originalLength: number;
}

/** What a decoder needs to go on. */
export interface Request {
  /** How many bytes. */
  bytes: number;
  /** They are of no interest: the decoder gets an empty array once they have passed by. */
  skip: boolean;
  /** What they are, to be told if the file ends before them, e.g. `the header of a record`. */
  what: string;
  /** The file may end here. */
  mayEnd: boolean;
}

/** Asks for bytes, and returns once the rest of the file is of no use. */
export type Decoder = Generator<Request, void, Uint8Array>;

/** Where a decoder tells what it found. */
export interface Sink {
  frame(frame: CapturedFrame): void;
  /** Something that was left out; `sentence` has no full stop.  Reading goes on. */
  problem(sentence: string): void;
  /** A frame was left out, because its link type is another than Ethernet. */
  otherLinkType(): void;
  /** The file cannot be read at all; throws. */
  refuse(message: string, hint: string): never;
}

/** Bytes that the decoder is to see. */
export const wanted = (bytes: number, what: string, mayEnd = false): Request => ({ bytes, skip: false, what, mayEnd });

/** Bytes that it is not. */
export const unwanted = (bytes: number, what: string): Request => ({ bytes, skip: true, what, mayEnd: false });

/** LINKTYPE_ETHERNET. */
export const ethernetLinkType = 1;

/** Link types that captures often have, by the names of tcpdump -L. */
const linkTypeNames: ReadonlyMap<number, string> = new Map([
  [0, 'BSD loopback'],
  [9, 'PPP'],
  [101, 'raw IP'],
  [105, 'IEEE 802.11'],
  [108, 'OpenBSD loopback'],
  [113, 'Linux cooked, as of "tcpdump -i any"'],
  [127, 'IEEE 802.11 with radiotap'],
  [228, 'raw IPv4'],
  [229, 'raw IPv6'],
  [239, 'NFLOG'],
  [276, 'Linux cooked, as of "tcpdump -i any"'],
]);

/** `113 (Linux cooked)`. */
export function linkTypeText(type: number): string {
  const name = linkTypeNames.get(type);
  return name === undefined ? String(type) : `${type} (${name})`;
}

/** What a user can do about another link type than Ethernet. */
export const linkTypeHint = 'capture on one Ethernet interface';

/** The most bytes of one frame that a file may say it has: MAXIMUM_SNAPLEN of libpcap. */
export const maxFrame = 262_144;

/** A frame without the checksum at its end, of which a capture that was cut off may have less than all. */
export function withoutFcs(bytes: Uint8Array, timestamp: bigint, originalLength: number, fcs: number): CapturedFrame {
  const length = Math.max(originalLength, bytes.length);
  const left = Math.max(length - fcs, 0);
  return { bytes: bytes.subarray(0, left), timestamp, originalLength: left };
}

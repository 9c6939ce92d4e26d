/**
 * Reading captures, whole or piece by piece: takes the bytes as they come, and
 * hands to the decoder of the format what it asks for.
 */
import { InputError } from '../origin.ts';
import { type CapturedFrame, type Decoder, linkTypeHint, type Sink, wanted } from './decoder.ts';
import { decodePcap, magics } from './pcap.ts';
import { decodePcapng, sectionHeader } from './pcapng.ts';

export type { CapturedFrame } from './decoder.ts';

/** A capture that was read. */
export interface Capture {
  /** In the order of the file. */
  frames: CapturedFrame[];
  /** What could not be read, a line each: `FILE: at byte N: SENTENCE`.  At most a few dozen. */
  problems: string[];
}

export interface CaptureReader {
  /**
   * Takes the next bytes of the file, and gives the frames that have become
   * whole.  Both the reader and the frames may keep the piece's memory, so nothing
   * may be written there any more.  Throws an InputError if the file is no capture
   * of Ethernet frames.
   */
  push(piece: Uint8Array): CapturedFrame[];
  /**
   * The file has ended.  Gives all problems, as `Capture` has them; throws an
   * InputError if the file is no capture of Ethernet frames.
   */
  end(): string[];
}

/** After so many problems a file is broken, and more of them tell nothing new. */
const maxProblems = 20;

/**
 * Reads a capture: pcap (either byte order, micro- or nanoseconds) or pcapng.
 * `file` is what it is called in problems.  Frames have their bytes in `bytes`,
 * no copy of them is made.
 *
 * A file that ends within a frame gives those before it, and a problem.  Throws
 * an InputError if it is no capture of Ethernet frames.
 */
export function readCapture(bytes: Uint8Array, file: string): Capture {
  const reader = captureReader(file);
  const frames = reader.push(bytes);
  return { frames, problems: reader.end() };
}

/**
 * Reads a capture piece by piece.  Besides the frames it holds no more than the
 * pieces of one record or block that is not whole yet, whatever lengths the file
 * tells; a block of more than 16 MiB is not read.
 */
export function captureReader(file: string): CaptureReader {
  const problems: string[] = [];
  let problemCount = 0;
  let frames: CapturedFrame[] = [];
  let ethernet = 0;
  let others = 0;
  /** Of the file: bytes that the decoder has had. */
  let position = 0;

  const refuse = (message: string, hint: string): never => {
    throw new InputError([{ file, line: 1, column: 1, severity: 'error', id: 'capture', path: '', message, hint }]);
  };
  const problem = (sentence: string): void => {
    problemCount++;
    if (problemCount <= maxProblems) problems.push(`${file}: at byte ${position}: ${sentence}`);
  };
  const sink: Sink = {
    frame(frame) {
      ethernet++;
      frames.push(frame);
    },
    problem,
    otherLinkType() {
      others++;
    },
    refuse,
  };

  const decoder = decode(sink);
  let request = decoder.next().value ?? undefined;
  /** What has come and was not yet asked for: `buffer` from `at` to `end`. */
  let buffer: Uint8Array = empty;
  let at = 0;
  let end = 0;
  /** How much has passed by of what the decoder does not want to see. */
  let skipped = 0;

  /** Frames may lie in the buffer, so nothing before its end is ever overwritten. */
  const append = (piece: Uint8Array): void => {
    const available = end - at;
    if (available === 0) {
      buffer = new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength);
      at = 0;
      end = piece.length;
      return;
    }
    if (end + piece.length > buffer.length) {
      const larger = new Uint8Array(Math.max(available + piece.length, 2 * available));
      larger.set(buffer.subarray(at, end));
      buffer = larger;
      at = 0;
      end = available;
    }
    buffer.set(piece, end);
    end += piece.length;
  };
  const take = (length: number): Uint8Array => {
    const bytes = buffer.subarray(at, at + length);
    at += length;
    position += length;
    return bytes;
  };
  /** Gives the decoder what it asks for, as long as there is enough. */
  const advance = (): void => {
    while (request) {
      if (request.skip) {
        skipped += take(Math.min(request.bytes - skipped, end - at)).length;
        if (skipped < request.bytes) return;
        skipped = 0;
        request = decoder.next(empty).value ?? undefined;
      } else {
        if (end - at < request.bytes) return;
        request = decoder.next(take(request.bytes)).value ?? undefined;
      }
    }
    // Nobody wants the rest.
    take(end - at);
  };

  return {
    push(piece) {
      append(piece);
      frames = [];
      advance();
      return frames;
    },
    end() {
      const left = end - at;
      if (position + left < 4) refuse(`this is no capture: it has ${position + left} bytes`, whatToGive);
      if (request && !(request.mayEnd && left === 0)) {
        problem(`the file ends within ${request.what}, of which ${left + skipped} of ${request.bytes} bytes are there`);
        request = undefined;
      }
      if (ethernet === 0 && others > 0) refuse('none of its frames are Ethernet frames', linkTypeHint);
      const more = problemCount - problems.length;
      return more > 0 ? [...problems, `${file}: ${more} more problems`] : problems;
    },
  };
}

const whatToGive = 'give a pcap or pcapng file';
const empty = new Uint8Array(0);

/** Looks which format it is. */
function* decode(sink: Sink): Decoder {
  const bytes = yield wanted(4, 'the first four bytes');
  const magic = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0);
  if (magics.has(magic)) return yield* decodePcap(magic, sink);
  if (magic === sectionHeader) return yield* decodePcapng(sink);
  if (magic >>> 16 === 0x1f8b) return sink.refuse('the capture is compressed', 'unpack it with gunzip first');
  return sink.refuse('this is no capture', whatToGive);
}

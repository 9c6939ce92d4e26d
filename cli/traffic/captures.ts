/** Captures that a command line names: `--port LPORT=FILE`, merged by their time stamps. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Option } from 'commander';
import { type CapturedFrame, captureReader } from '../../engine/capture/index.ts';
import { InputError } from '../../engine/origin.ts';
import { existing } from '../chassis.ts';
import { systemReason, UsageError } from '../command.ts';

/** A capture whose frames come in by a port. */
export interface PortCapture {
  port: string;
  file: string;
}

/** A frame, and where it comes in. */
export interface Arrival {
  port: string;
  frame: CapturedFrame;
}

/** `--port LPORT=FILE`, as often as one likes. */
export function portOption(): Option {
  return new Option(
    '--port <LPORT=FILE>',
    'frames of the capture FILE (pcap or pcapng) come in by the logical port; may be given several times',
  ).argParser((value: string, before: string[] = []) => [...before, value]);
}

/**
 * What `--port` says.  A name may have a `=` of its own: the longest one that is
 * a port counts.  Throws `UsageError` for a port that is not among `ports`.
 */
export function portCaptures(
  values: readonly string[],
  ports: readonly string[],
  chassis: string,
): readonly PortCapture[] {
  const names = new Set(ports);
  return values.map((value) => {
    const ends = [...value.matchAll(/=/g)].map(({ index }) => index);
    const end = ends.findLast((at) => names.has(value.slice(0, at)));
    if (end !== undefined && end < value.length - 1) {
      return { port: value.slice(0, end), file: value.slice(end + 1) };
    }
    const [first] = ends;
    if (first === undefined || first === 0 || end !== undefined) {
      throw new UsageError(`--port ${value}: give it as LPORT=FILE`);
    }
    const name = value.slice(0, first);
    throw new UsageError(`there is no port "${name}" on node "${chassis}"; ${existing('port', ports)}`);
  });
}

/**
 * Frames of all captures, by their time stamps; those of one file stay in its
 * order, and files with the same time in the order given.  What is wrong with a
 * file that can be read is told to `complain`.  Throws `InputError` for a file
 * that cannot.
 */
export async function* mergedArrivals(
  captures: readonly PortCapture[],
  complain: (sentence: string) => void,
): AsyncGenerator<Arrival, void> {
  const sources = captures.map(({ port, file }) => ({ port, frames: framesOf(file, complain) }));
  const heads: { port: string; frames: AsyncGenerator<CapturedFrame, void>; next: CapturedFrame }[] = [];
  try {
    for (const { port, frames } of sources) {
      const { value: next } = await frames.next();
      if (next) heads.push({ port, frames, next });
    }
    for (;;) {
      let first = heads[0];
      if (first === undefined) return;
      for (const head of heads) if (head.next.timestamp < first.next.timestamp) first = head;
      yield { port: first.port, frame: first.next };
      const { value: next } = await first.frames.next();
      if (next) first.next = next;
      else heads.splice(heads.indexOf(first), 1);
    }
  } finally {
    for (const { frames } of sources) await frames.return();
  }
}

/** All frames of a capture; fails as `mergedArrivals` does. */
export async function readFrames(file: string, complain: (sentence: string) => void): Promise<CapturedFrame[]> {
  const frames: CapturedFrame[] = [];
  for await (const frame of framesOf(file, complain)) frames.push(frame);
  return frames;
}

async function* framesOf(file: string, complain: (sentence: string) => void): AsyncGenerator<CapturedFrame, void> {
  try {
    const found = await stat(file);
    if (found.isDirectory()) throw refusal(file, 'it is a folder', 'give a pcap or pcapng file');
    const reader = captureReader(file);
    for await (const piece of createReadStream(file, { highWaterMark: 1 << 20 })) yield* reader.push(piece);
    for (const problem of reader.end()) complain(problem);
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) {
      throw refusal(file, `cannot be read: ${systemReason(error)}`, 'check the path');
    }
    throw error;
  }
}

function refusal(file: string, message: string, hint: string): InputError {
  return new InputError([{ file, line: 1, column: 1, severity: 'error', id: 'capture', path: '', message, hint }]);
}

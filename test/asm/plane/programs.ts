/** Datapath programs and megaflows written by hand, for a plane without an image. */
import * as layout from '../../../asm/plane/layout.ts';
import type { Punt } from '../../../engine/node/plane.ts';
import type { CheckedPlane } from './plane.ts';

const ALL = (1n << 64n) - 1n;

const head = (opcode: number, length: number, argument = 0) => opcode | (length << 8) | (argument << 16);
const halves = (value: bigint) => [Number(value & 0xffffffffn), Number((value >> 32n) & 0xffffffffn)];

export const set = (word: number, value: bigint, mask: bigint) => [
  head(layout.DP_SET, 5, word),
  ...halves(value),
  ...halves(mask),
];
export const output = (port: number) => [head(layout.DP_OUTPUT, 2), port];
export const tunnel = (number: number, id: number, option = 0) => [head(layout.DP_TUNNEL, 4), number, id, option];
export const pushVlan = (tci: number) => [head(layout.DP_PUSH_VLAN, 1, tci)];
export const popVlan = () => [head(layout.DP_POP_VLAN, 1)];
export const recirc = (id: number) => [head(layout.DP_RECIRC, 2), id];
export const clone = (...body: number[][]) => [head(layout.DP_CLONE, 2), body.flat().length, ...body.flat()];
export const punt = (action: number, id = 0) => [head(layout.DP_PUNT, 3), action, id];
export const meter = (number: number) => [head(layout.DP_METER, 2), number];
export const drop = (reason: number) => [head(layout.DP_DROP, 1, reason)];

export interface Track {
  zone: number;
  flags: number;
  /** Translation to an IPv4 address and a port, 0 for any. */
  address?: number;
  port?: number;
}

export const track = ({ zone, flags, address = 0, port = 0 }: Track) => {
  const words = Array.from({ length: layout.DP_CT_WORDS }, () => 0);
  words[0] = head(layout.DP_CT, layout.DP_CT_WORDS, zone);
  words[1] = flags;
  // Bytes as sent.
  const bytes = new DataView(new ArrayBuffer(4));
  bytes.setUint32(0, address);
  words[12] = bytes.getUint32(0, true);
  words[16] = port | (port << 16);
  return words;
};

export interface Megaflow {
  /** A packet of it, as it comes in. */
  frame: Uint8Array;
  port: number;
  recirc?: number;
  /** What conntrack has said: W_CT. */
  state?: bigint;
  /** By word; W_IN is always matched. */
  mask?: Record<number, bigint>;
  program: number[][];
  tags?: bigint;
  visited?: bigint;
  flows?: number[];
}

/** Keeps a megaflow as a translation would; gives its record. */
export function install(plane: CheckedPlane, megaflow: Megaflow): number {
  const { exports: asm } = plane;
  const scratch = scratchOf(plane);
  const flow = scratch + 64;
  const mask = scratch + 512;
  const program = scratch + 1024;
  const flows = scratch + 32768;
  extract(plane, megaflow.port, megaflow.frame);
  const view = plane.data();
  view.setUint32(flow + 8 * layout.W_IN + 4, megaflow.recirc ?? 0, true);
  view.setBigUint64(flow + 8 * layout.W_CT, megaflow.state ?? 0n, true);
  for (let i = 0; i < layout.KEY_WORDS; i++) view.setBigUint64(mask + 8 * i, megaflow.mask?.[i] ?? 0n, true);
  const words = megaflow.program.flat();
  for (const [i, word] of words.entries()) view.setUint32(program + 4 * i, word, true);
  const list = megaflow.flows ?? [];
  for (const [i, number] of list.entries()) view.setUint32(flows + 4 * i, number, true);
  const { tags = 0n, visited = 0n } = megaflow;
  return asm.installMegaflow(flow, mask, program, words.length, tags, visited, flows, list.length);
}

/** Whether there is a megaflow for a frame that comes in; it is not translated if there is none. */
export function isKnown(plane: CheckedPlane, port: number, frame: Uint8Array): boolean {
  return plane.exports.lookupMegaflow(extract(plane, port, frame)) !== 0;
}

/** The address of a frame's flow. */
function extract(plane: CheckedPlane, port: number, frame: Uint8Array): number {
  const packet = scratchOf(plane);
  const at = packet + 65536;
  plane.memory().set(frame, at);
  const view = plane.data();
  view.setUint32(packet + layout.P_FRAME, at, true);
  view.setUint32(packet + layout.P_LENGTH, frame.length, true);
  view.setUint32(packet + layout.P_IN_PORT, port, true);
  plane.exports.extract(packet, packet + 64);
  return packet + 64;
}

/** A mask of whole words. */
export function whole(...words: number[]): Record<number, bigint> {
  return Object.fromEntries(words.map((word) => [word, ALL]));
}

const scratches = new WeakMap<CheckedPlane, number>();

function scratchOf(plane: CheckedPlane): number {
  const known = scratches.get(plane);
  if (known !== undefined) return known;
  const at = plane.reserve(1 << 18);
  scratches.set(plane, at);
  return at;
}

export interface Sent {
  port: number;
  frame: Uint8Array;
  index: number;
}

/** Frames in, frames and punts out. */
export function send(plane: CheckedPlane, milliseconds: number, ...frames: (readonly [number, Uint8Array])[]) {
  const sent: Sent[] = [];
  const punts: Punt[] = [];
  for (const [port, frame] of frames) {
    if (!plane.push(port, frame)) throw new Error('the batch is full');
  }
  plane.process(milliseconds, {
    output: (port, frame, index) => sent.push({ port, frame: frame.slice(), index }),
    punt: (given) => punts.push(given),
  });
  return { sent, punts };
}

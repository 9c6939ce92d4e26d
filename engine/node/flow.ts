/** Fields of a packet's flow, as the host reads and sets them in a copy of its words (asm/plane/layout.ts). */
import { B_OUTPORT, FLOW_WORDS, W_DATAPATH, W_PORTS } from '../../asm/plane/layout.ts';
import type { FieldRef } from '../lang/index.ts';
import { fieldPieces } from '../program/fields.ts';

/** FLOW_WORDS words. */
export type Flow = BigUint64Array<ArrayBuffer>;

/** The words of FLOW_SIZE bytes. */
export function flowOf(bytes: Uint8Array): Flow {
  return new BigUint64Array(bytes.slice().buffer, 0, FLOW_WORDS);
}

/** Without bits that a piece of the field does not have. */
export function readField(flow: Flow, field: FieldRef): bigint {
  let value = 0n;
  for (const { word, bit, width, ofs } of fieldPieces(field)) {
    value |= BigInt.asUintN(width, wordOf(flow, word) >> BigInt(bit)) << BigInt(ofs);
  }
  return value;
}

export function writeField(flow: Flow, field: FieldRef, value: bigint): void {
  for (const { word, bit, width, ofs } of fieldPieces(field)) {
    const mask = ((1n << BigInt(width)) - 1n) << BigInt(bit);
    const bits = BigInt.asUintN(width, value >> BigInt(ofs)) << BigInt(bit);
    flow[word] = (wordOf(flow, word) & ~mask) | bits;
  }
}

/** Number of the datapath in the program. */
export const datapathOf = (flow: Flow): number => Number(wordOf(flow, W_DATAPATH) & 0xffffffffn);

/** Tunnel key of the port that the packet came in by. */
export const inportOf = (flow: Flow): number => Number(wordOf(flow, W_PORTS) & 0xffffn);

/** Tunnel key of the port that it goes to. */
export const outportOf = (flow: Flow): number => Number((wordOf(flow, W_PORTS) >> BigInt(B_OUTPORT)) & 0xffffn);

/** A word of the flow. */
export const wordOf = (flow: Flow, word: number): bigint => flow[word] ?? 0n;

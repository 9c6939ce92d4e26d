/**
 * The masks that matches have: which bits of which words, in the order in which
 * a look-up looks at them (asm/plane/table-layout.ts).
 */
import {
  B_ETH_TYPE,
  B_FRAG,
  B_L4_DST,
  KEY_WORDS,
  W_CT,
  W_DERIVED,
  W_ETH_DST,
  W_ETH_SRC,
  W_IN,
  W_IP4,
  W_IP6_DST,
  W_IP6_LABEL,
  W_IP6_SRC,
  W_L4,
  W_ND_TARGET,
  W_PORTS,
  W_SHA,
  W_TUNNEL,
} from '../../asm/plane/layout.ts';
import {
  STAGE_KIND,
  STAGE_LINK,
  STAGE_METADATA,
  STAGE_NETWORK,
  STAGE_TRANSPORT,
} from '../../asm/plane/table-layout.ts';
import type { WordBits } from './fields.ts';

/** Bits of one field, or of one word of metadata. */
export interface ShapeItem {
  readonly word: number;
  readonly stage: number;
  /** The bits are the first ones of an address or port, or all of them. */
  readonly prefix: boolean;
  /** The word is the second half of an IPv6 address. */
  readonly lowHalf: boolean;
  readonly maskHigh: number;
  readonly maskLow: number;
}

/** A mask.  There is one object for each. */
export interface Shape {
  /** Dense, from 0. */
  readonly id: number;
  /** By stage, then word. */
  readonly items: readonly ShapeItem[];
  /** Which item is about the ports (W_PORTS), -1 for none. */
  readonly ports: number;
}

/** One way to match: a value for each item of a shape, and ports by name. */
export interface Row {
  readonly shape: Shape;
  /** Low and high 32 bits of each item, unsigned. */
  readonly values: readonly number[];
  /** Names of the ports that have to be filled in. */
  readonly inport?: string;
  readonly outport?: string;
}

/** What a row demands before it is one. */
export interface Demands {
  readonly bits: readonly WordBits[];
  readonly inport?: string;
  readonly outport?: string;
}

/** Makes rows, and gives equal masks the same shape. */
export class ShapeTable {
  private readonly shapes = new Map<string, Shape>();

  /** What meets all the demands; undefined if they contradict one another. */
  row(demands: Demands): Row | undefined {
    const { inport, outport } = demands;
    const bits = demands.bits.map(laneOf);
    if (inport !== undefined || outport !== undefined) {
      const ports = { word: W_PORTS, high: 0, low: 0 };
      const maskHigh = outport === undefined ? 0 : 0xffff;
      const maskLow = inport === undefined ? 0 : 0xffff;
      bits.push({ ...ports, maskHigh, maskLow, bit: 0, order: orderOf(W_PORTS, 0) });
    }
    bits.sort((a, b) => a.order - b.order);
    const merged: Lane[] = [];
    for (const lane of bits) {
      const last = merged.at(-1);
      if (last?.order !== lane.order) {
        merged.push(lane);
        continue;
      }
      const both = merge(last, lane);
      if (!both) {
        return undefined;
      }
      merged[merged.length - 1] = both;
    }
    const values = merged.flatMap(({ low, high }) => [low, high]);
    const row = { shape: this.shape(merged), values };
    return inport === undefined && outport === undefined
      ? row
      : { ...row, ...(inport !== undefined && { inport }), ...(outport !== undefined && { outport }) };
  }

  private shape(lanes: readonly Lane[]): Shape {
    let key = '';
    for (const { order, maskHigh, maskLow } of lanes) {
      key += `${order}:${maskHigh},${maskLow};`;
    }
    let shape = this.shapes.get(key);
    if (!shape) {
      const items = lanes.map(({ word, bit, maskHigh, maskLow }) => ({
        word,
        stage: stageOf(word, bit),
        lowHalf: LOW_HALVES.has(word),
        prefix: isPrefix(word, bit, maskHigh, maskLow),
        maskHigh,
        maskLow,
      }));
      shape = { id: this.shapes.size, items, ports: items.findIndex(({ word }) => word === W_PORTS) };
      this.shapes.set(key, shape);
    }
    return shape;
  }
}

/** Bits with their place among the items. */
type Lane = WordBits & { readonly order: number };

/** Words of metadata are looked at whole. */
function laneOf(bits: WordBits): Lane {
  const bit = bits.word >= KEY_WORDS ? 0 : bits.bit;
  return { ...bits, bit, order: orderOf(bits.word, bit) };
}

function orderOf(word: number, bit: number): number {
  return (stageOf(word, bit) << 16) | (word << 8) | bit;
}

function merge(a: Lane, b: Lane): Lane | undefined {
  if (((a.high ^ b.high) & a.maskHigh & b.maskHigh) !== 0 || ((a.low ^ b.low) & a.maskLow & b.maskLow) !== 0) {
    return undefined;
  }
  return {
    ...a,
    maskHigh: (a.maskHigh | b.maskHigh) >>> 0,
    maskLow: (a.maskLow | b.maskLow) >>> 0,
    high: (a.high | b.high) >>> 0,
    low: (a.low | b.low) >>> 0,
  };
}

/** In which stage of a look-up a field is looked at. */
function stageOf(word: number, bit: number): number {
  if (word >= KEY_WORDS) {
    return STAGE_METADATA;
  }
  switch (word) {
    case W_ETH_DST:
      return bit === B_ETH_TYPE ? STAGE_KIND : STAGE_LINK;
    case W_ETH_SRC:
      return STAGE_LINK;
    case W_L4:
      return bit === 0 || bit === B_FRAG ? STAGE_KIND : bit < B_L4_DST ? STAGE_NETWORK : STAGE_TRANSPORT;
    case W_DERIVED:
      return STAGE_TRANSPORT;
    case W_IN:
    case W_TUNNEL:
      return STAGE_KIND;
    default:
      return word >= W_CT ? STAGE_KIND : STAGE_NETWORK;
  }
}

const LOW_HALVES: ReadonlySet<number> = new Set([W_IP6_SRC + 1, W_IP6_DST + 1, W_ND_TARGET + 1]);

/** Whether the mask is that of a prefix of an address or a transport port. */
function isPrefix(word: number, bit: number, maskHigh: number, maskLow: number): boolean {
  if (word === W_IP4) {
    return isPrefix32(bit === 0 ? maskLow : maskHigh);
  }
  if (word === W_L4) {
    return bit >= B_L4_DST && isPrefix32(bit === B_L4_DST ? maskHigh << 16 : maskHigh);
  }
  const isIp6 = (word >= W_IP6_SRC && word < W_SHA) || (word >= W_ND_TARGET && word < W_IP6_LABEL);
  return isIp6 && (maskLow === 0 ? isPrefix32(maskHigh) : maskHigh === 0xffffffff && isPrefix32(maskLow));
}

function isPrefix32(mask: number): boolean {
  return (~mask & (~mask + 1)) === 0;
}

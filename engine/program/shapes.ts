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

/** Index of the item that has all of these bits, -1 if none has. */
export function itemOf({ items }: Shape, { word, maskHigh, maskLow }: WordBits): number {
  return items.findIndex((item) => {
    return item.word === word && (maskHigh & ~item.maskHigh) === 0 && (maskLow & ~item.maskLow) === 0;
  });
}

/** One way to match: a value for each item of a shape, and ports by name. */
export interface Row {
  readonly shape: Shape;
  /** Low and high 32 bits of each item, unsigned. */
  readonly values: readonly number[];
  /** Indices of the ports' names in the match's list of names, -1 for none: their keys have to be filled in. */
  readonly inport: number;
  readonly outport: number;
}

/** What a row demands before it is one. */
export interface Demands {
  readonly bits: readonly WordBits[];
  readonly inport: number;
  readonly outport: number;
}

/** Makes rows, and gives equal masks the same shape. */
export class ShapeTable {
  private readonly shapes = new Map<string, Shape>();
  /** The items of the row that is being made, in order. */
  private readonly items: Item[] = [];
  private count = 0;

  /** What meets all the demands; undefined if they contradict one another. */
  row({ bits, inport, outport }: Demands): Row | undefined {
    this.count = 0;
    for (const { word, bit, maskHigh, maskLow, high, low } of bits) {
      // Words of metadata are looked at whole.
      if (!this.insert(orderOf(word, word >= KEY_WORDS ? 0 : bit), maskHigh, maskLow, high, low)) {
        return undefined;
      }
    }
    if (inport >= 0 || outport >= 0) {
      this.insert(orderOf(W_PORTS, 0), outport >= 0 ? 0xffff : 0, inport >= 0 ? 0xffff : 0, 0, 0);
    }
    const values: number[] = [];
    let key = '';
    for (let i = 0; i < this.count; i++) {
      const { order, maskHigh, maskLow, high, low } = this.item(i);
      key += `${order}:${maskHigh},${maskLow};`;
      values.push(low, high);
    }
    return { shape: this.shapes.get(key) ?? this.addShape(key), values, inport, outport };
  }

  private item(index: number): Item {
    let item = this.items[index];
    if (!item) {
      item = { order: 0, maskHigh: 0, maskLow: 0, high: 0, low: 0 };
      this.items[index] = item;
    }
    return item;
  }

  /** Adds bits to the row; false if they contradict others of the same item. */
  private insert(order: number, maskHigh: number, maskLow: number, high: number, low: number): boolean {
    let at = this.count;
    while (at > 0 && this.item(at - 1).order > order) {
      at--;
    }
    const before = at > 0 ? this.item(at - 1) : undefined;
    if (before?.order === order) {
      const differs =
        ((before.high ^ high) & before.maskHigh & maskHigh) | ((before.low ^ low) & before.maskLow & maskLow);
      before.maskHigh = (before.maskHigh | maskHigh) >>> 0;
      before.maskLow = (before.maskLow | maskLow) >>> 0;
      before.high = (before.high | high) >>> 0;
      before.low = (before.low | low) >>> 0;
      return differs === 0;
    }
    const item = this.item(this.count);
    for (let i = this.count; i > at; i--) {
      this.items[i] = this.item(i - 1);
    }
    this.items[at] = item;
    Object.assign(item, { order, maskHigh, maskLow, high, low });
    this.count++;
    return true;
  }

  /** The shape of the row that is being made. */
  private addShape(key: string): Shape {
    const items = this.items.slice(0, this.count).map(({ order, maskHigh, maskLow }) => {
      const [word, bit] = [(order >> 8) & 0xff, order & 0xff];
      return {
        word,
        stage: order >> 16,
        prefix: isPrefix(word, bit, maskHigh, maskLow),
        lowHalf: LOW_HALVES.has(word),
        maskHigh,
        maskLow,
      };
    });
    const shape = { id: this.shapes.size, items, ports: items.findIndex(({ word }) => word === W_PORTS) };
    this.shapes.set(key, shape);
    return shape;
  }
}

/** Bits of a row that is being made, and their place among the items: stage, word, bit. */
interface Item {
  order: number;
  maskHigh: number;
  maskLow: number;
  high: number;
  low: number;
}

function orderOf(word: number, bit: number): number {
  return (stageOf(word, bit) << 16) | (word << 8) | bit;
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

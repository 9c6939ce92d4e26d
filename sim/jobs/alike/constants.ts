/**
 * The constants in the texts of a part: names, UUIDs, MAC and IP addresses, numbered in the order in which they are
 * met, so that two parts that differ only by them become the same text.
 */
import {
  formatEthernet,
  formatIpv4,
  formatIpv6,
  parseEthernet,
  parseIpv4,
  parseIpv6,
} from '../../../engine/lang/addresses.ts';
import { linkLocal } from '../../trace/addresses.ts';

/** What is numbered, each kind by itself; each address is written in one way only. */
export interface Constants {
  readonly names: readonly string[];
  readonly uuids: readonly string[];
  readonly macs: readonly string[];
  readonly ip4: readonly string[];
  readonly ip6: readonly string[];
}

/** A range of addresses: those that have `value` under `mask`. */
export interface Range {
  readonly family: 4 | 6;
  readonly value: bigint;
  readonly mask: bigint;
}

/** Reads texts; nothing that is numbered has the sign that numbers stand behind. */
export interface Reader {
  /** Rows and names: constants that are not known yet are numbered. */
  text(text: string): string;
  /** The shape of a match or of actions, once all rows are read: names stand in quotes, and what has no number stays as it is. */
  flow(text: string): number;
  /** An IPv4 address that is written as a number. */
  number(value: number): string;
  readonly constants: Constants;
  /** Prefixes that were read, by their text. */
  readonly ranges: ReadonlyMap<string, Range>;
  /** Set where a text cannot be told apart from what is made of it: then nothing that was read says anything. */
  readonly isUnclear: boolean;
}

/** Stands before numbers; a text that has it is unclear. */
const sign = '\u0001';

const compared = '(?:<(?!->)|(?<!-)>)';
const dotted = '[.:][0-9a-fA-F.:]*';
/** What is below or above an address, with a number or not, is not what is below or above its other name; `<->` exchanges two fields. */
const bound = new RegExp(
  `${compared}=?\\s*\\{?\\s*(?:${sign}|[0-9a-fA-F]*${dotted})|(?:;|[0-9a-fA-F]${dotted})\\s*${compared}`,
);

/** What texts of flows look like once their constants are numbers: equal ones have equal numbers, for all readers that share them. */
export interface Shapes {
  /** The number of a text, with its constants numbered. */
  of(text: string): number;
  /** Whether it has something of which it is not known that it is no constant. */
  isOdd(shape: number): boolean;
  /** By their texts, shapes of those without any constant. */
  readonly plain: Map<string, number>;
}

/** Knows no shape yet. */
export function createShapes(): Shapes {
  const numbers = new Map<string, number>();
  const odd = new Set<number>();
  return {
    of(text) {
      let number = numbers.get(text);
      if (number === undefined) {
        number = numbers.size;
        numbers.set(text, number);
        if (largeNumber.test(text) || bound.test(text)) odd.add(number);
      }
      return number;
    },
    isOdd: (shape) => odd.has(shape),
    plain: new Map(),
  };
}

const uuid = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const mac = '[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}(?![\\w:.-])';
const group = '[0-9a-fA-F]{1,4}';
const ip6 = `(?:(?:${group}:){7}${group}|(?:${group}(?::${group})*)?::(?:${group}(?::${group})*)?)(?![\\w:])`;
const ip4 = '\\d{1,3}(?:\\.\\d{1,3}){3}(?![\\w.-])';
const behind = '(?:/[\\w:.]+)?';

const everything = new RegExp(`(${uuid})|(${mac})(${behind})|(${ip6})(${behind})|(${ip4})(${behind})|[\\w.-]+`, 'g');
const inFlows = new RegExp(`"[^"]*"|(?:${mac}|${ip6}|${ip4})${behind}`, 'g');
/** A text with a constant, perhaps. */
const constant = /"|[0-9a-fA-F]:|::|\d\.\d+\.\d/;
/** Numbers so large that they might be addresses. */
const largeNumber = /(?<![\w.:/-])(?:0x[0-9a-fA-F]{5,}|\d{6,})(?![\w.:-])/;

/** Ports that stand for others have this before their name. */
const derived = 'cr-';

/** The words that names are made of: the signs between them are the same for all (engine/vpc/names.ts). */
export function wordsOf(names: Iterable<string>): Set<string> {
  const words = new Set<string>();
  for (const name of names) {
    for (const word of name.match(/[\w.-]+/g) ?? []) words.add(word.startsWith(derived) ? word.slice(3) : word);
  }
  return words;
}

/** Opens a reader; `names` are the words that names are made of. Readers may share shapes. */
export function createReader(names: ReadonlySet<string>, shapes: Shapes): Reader {
  const known: Record<keyof Constants, Map<string, number>> = {
    names: new Map(),
    uuids: new Map(),
    macs: new Map(),
    ip4: new Map(),
    ip6: new Map(),
  };
  const ranges = new Map<string, Range>();
  const written = new Map<string, string>();
  /** What words of texts became the last time. */
  const seen = new Map<string, string>();
  let isUnclear = false;

  /** The number of a constant; one that has none yet gets it, or stays as it is. */
  const numbered = (kind: keyof Constants, text: string, adds: boolean): string => {
    const list = known[kind];
    let number = list.get(text);
    if (number === undefined) {
      if (!adds) return text;
      number = list.size;
      list.set(text, number);
    }
    return `${sign}${kind}${number};`;
  };
  /** An address of a kind with those that are made of it, if it is new. */
  const address = (kind: 'macs' | 'ip4' | 'ip6', text: string, value: bigint, adds: boolean): string => {
    const canonical = formats[kind](value);
    // Written in two ways, one address would be two names.
    if (canonical !== text) isUnclear = true;
    const isNew = !known[kind].has(canonical);
    const made = numbered(kind, canonical, adds);
    if (!isNew || !adds || kind === 'ip4') return made;
    const own = kind === 'ip6' ? groupsOf(value) : [['ip6', linkLocal(value)] as const, ...groupsOf(value)];
    return `${made}(${own.map(([other, one]) => numbered(other, formats[other](one), true)).join(' ')})`;
  };
  const inNetwork = (kind: 'ip4' | 'ip6', text: string, length: string, adds: boolean): string => {
    const value = parses[kind](text);
    if (value === undefined) return text + length;
    const mask = length === '' ? all[kind] : maskOf(kind, length.slice(1));
    if (mask === undefined) {
      isUnclear = true;
      return text + length;
    }
    if (mask === all[kind]) return address(kind, text, value, adds) + length;
    const base = value & mask;
    ranges.set(text + length, { family: kind === 'ip4' ? 4 : 6, value: base, mask });
    // A network, or a host with the network that it is in.
    return base === value ? text + length : `${address(kind, text, value, adds)}${length}~of${base}`;
  };
  const ethernet = (text: string, mask: string, adds: boolean): string => {
    const value = parseEthernet(text);
    return value === undefined || mask !== '' ? text + mask : address('macs', text, value, adds);
  };
  const word = (text: string): string => {
    if (names.has(text)) return numbered('names', text, true);
    const rest = text.startsWith(derived) ? text.slice(derived.length) : '';
    if (names.has(rest)) return derived + numbered('names', rest, true);
    if (/\d\.\d+\.\d+\.\d/.test(text)) isUnclear = true;
    return text;
  };
  const read = (text: string, adds: boolean): string => {
    if (text.includes(sign)) isUnclear = true;
    return text.replace(
      everything,
      (
        whole,
        id?: string,
        eth?: string,
        ethMask = '',
        six?: string,
        sixLength = '',
        four?: string,
        fourLength = '',
      ) => {
        if (id !== undefined) return numbered('uuids', id, adds);
        if (eth !== undefined) return ethernet(eth, ethMask, adds);
        if (six !== undefined) return inNetwork('ip6', six, sixLength, adds);
        return four === undefined ? word(whole) : inNetwork('ip4', four, fourLength, adds);
      },
    );
  };
  const readWord = (whole: string): string => {
    if (whole.startsWith('"')) return `"${written.get(whole.slice(1, -1)) ?? read(whole.slice(1, -1), false)}"`;
    return read(whole, false);
  };
  const readFlow = (text: string): string =>
    text.replace(inFlows, (whole) => {
      let made = seen.get(whole);
      if (made === undefined) {
        made = readWord(whole);
        seen.set(whole, made);
      }
      return made;
    });

  return {
    text(text) {
      const made = written.get(text) ?? read(text, true);
      written.set(text, made);
      return made;
    },
    flow(text) {
      const known = shapes.plain.get(text);
      if (known !== undefined) return known;
      if (text.includes(sign)) isUnclear = true;
      const made = readFlow(text);
      const shape = shapes.of(made);
      if (shapes.isOdd(shape)) isUnclear = true;
      else if (made === text && !isUnclear && !constant.test(text)) shapes.plain.set(text, shape);
      return shape;
    },
    number(value) {
      if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) return String(value);
      return numbered('ip4', formats.ip4(BigInt(value)), false);
    },
    get constants() {
      return {
        names: [...known.names.keys()],
        uuids: [...known.uuids.keys()],
        macs: [...known.macs.keys()],
        ip4: [...known.ip4.keys()],
        ip6: [...known.ip6.keys()],
      };
    },
    ranges,
    get isUnclear() {
      return isUnclear;
    },
  };
}

const formats = { macs: formatEthernet, ip4: formatIpv4, ip6: formatIpv6 } as const;
const parses = { macs: parseEthernet, ip4: parseIpv4, ip6: parseIpv6 } as const;
const all = { ip4: (1n << 32n) - 1n, ip6: (1n << 128n) - 1n } as const;

/** Where neighbours solicit an address with these last 24 bits: RFC 4291, section 2.7.1, and RFC 2464, section 7. */
function groupsOf(value: bigint): (readonly ['ip6' | 'macs', bigint])[] {
  const low = value & 0xffffffn;
  return [
    ['ip6', (0xff02n << 112n) | (0x1ffn << 24n) | low],
    ['macs', 0x3333ff000000n | low],
  ];
}

/** Of a prefix's length, or of a mask that is written like an address. */
function maskOf(kind: 'ip4' | 'ip6', length: string): bigint | undefined {
  const width = kind === 'ip4' ? 32 : 128;
  if (!/^\d{1,3}$/.test(length)) return parses[kind](length);
  const bits = Number(length);
  return bits > width ? undefined : all[kind] ^ ((1n << BigInt(width - bits)) - 1n);
}

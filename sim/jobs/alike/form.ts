/** A part of a network as a text in which constants are numbers: parts that differ only by constants have the same. */
import type { Southbound } from '../../../engine/ovsdb/southbound.ts';
import { isSame } from '../../../engine/same.ts';
import type { Part } from '../parts.ts';
import {
  type Constants,
  createReader,
  createShapes,
  type Range,
  type Reader,
  type Shapes,
  wordsOf,
} from './constants.ts';

/** What a part looks like, whatever its constants are called: to be compared with others of the same maker. */
export interface Form {
  readonly text: string;
  /** What the numbers in the text stand for. */
  readonly constants: Constants;
  /** Prefixes in rows and flows. */
  readonly ranges: readonly Range[];
  /** Positions of the part's flows, in the order of their lines in the text. */
  readonly order: readonly number[];
}

/** Makes forms; what it remembers makes the next one cheaper. */
export interface FormMaker {
  /** Undefined where a part has something that is not understood well enough to be renamed. */
  formOf(part: Part): Form | undefined;
}

/** What is the same for all parts is compared beside the text: see `isShared`. */
const shared = new Set(['addressSets', 'dhcpOptions', 'dhcpv6Options', 'chassis', 'templates']);
/** Of manifests, nobody reads where a thing is written down, and how. */
const unread = new Set(['origin', 'manifest']);
/** Numbers under these names are IPv4 addresses, unless a prefix's length stands beside them. */
const addresses = new Set(['address', 'joinAddress', 'externalAddress', 'externalGateway']);

/** And where the rows of a database are. */
const unreadOfParts: ReadonlySet<string> = new Set([...unread, 'origins']);

/** Whether two parts are the same in all that forms are made of, so that they have the same form. */
export const looksTheSame = (part: Part, other: Part): boolean => isSame(part, other, unreadOfParts);

/** Opens a maker of forms. */
export function createFormMaker(): FormMaker {
  const shapes = createShapes();
  const texts = new Map<string, string>();
  return {
    formOf(part) {
      const { southbound, northbound, plans } = part;
      const names = [
        ...southbound.datapaths.map(({ name }) => name),
        ...southbound.ports.map((one) => one.logicalPort),
      ];
      const reader = createReader(wordsOf(names), shapes);
      const writer = createWriter(reader);
      const { datapaths, ports, flows: _flows, fdb, origins: _, ...rest } = southbound;
      // A datapath's key is another name of it; who writes its number where a name may stand is not understood.
      const keys = new Map(datapaths.map(({ tunnelKey, uuid }) => [tunnelKey, uuid]));
      const lines = [
        writer.write(datapaths.map(({ tunnelKey: _key, ...named }) => named)),
        writer.write(ports),
        writer.write(fdb.map(({ datapathKey, ...entry }) => ({ ...entry, datapath: keys.get(datapathKey) }))),
      ];
      for (const [name, rows] of Object.entries(rest))
        if (!shared.has(name)) lines.push(`${name} ${writer.write(rows)}`);
      for (const [table, rows] of Object.entries(northbound ?? {})) {
        if (rows.size > 0) lines.push(`${table} ${writer.write([...rows.values()])}`);
      }
      lines.push(writer.write(plans));
      lines.push(...setLines(part, reader));
      const sorted = flowLines(part.southbound, reader, shapes);
      if (reader.isUnclear || (southbound.templates?.size ?? 0) > 0) return undefined;
      const { constants, ranges } = reader;
      return {
        text: once(texts, `${lines.join('\n')}\n${sorted.text}`),
        constants,
        ranges: [...ranges.values(), ...writer.ranges],
        order: sorted.order,
      };
    },
  };
}

/** Which of the part's own constants are in an address set. */
function* setLines({ southbound: { addressSets } }: Part, { constants }: Reader): Generator<string> {
  const own = [...constants.macs, ...constants.ip4, ...constants.ip6];
  for (const [name, members] of addressSets) {
    const known = membersOf(members);
    const numbers = own.flatMap((text, number) => (known.has(text) ? [number] : []));
    yield `$${name} ${numbers.join(' ')}`;
  }
}

const membersOfSets = new WeakMap<readonly string[], ReadonlySet<string>>();

function membersOf(members: readonly string[]): ReadonlySet<string> {
  const known = membersOfSets.get(members) ?? new Set(members);
  membersOfSets.set(members, known);
  return known;
}

/** A text that many have is there once. */
function once(texts: Map<string, string>, text: string): string {
  const known = texts.get(text) ?? text;
  texts.set(text, known);
  return known;
}

/** What tells flows apart, from the first to the last. */
const keys = 6;

/** Flows by what they look like: an order that renaming does not change. Whose row caused a flow says nothing of what it does. */
function flowLines(
  { datapaths, flows }: Southbound,
  reader: Reader,
  shapes: Shapes,
): { text: string; order: number[] } {
  const places = new Map(datapaths.map(({ uuid }, place) => [uuid, place]));
  const lines = new Float64Array(keys * flows.length);
  for (const [index, flow] of flows.entries()) {
    const place = 2 * (places.get(flow.datapath) ?? datapaths.length) + (flow.pipeline === 'egress' ? 1 : 0);
    const stage = shapes.of(`${flow.stage} ${flow.controllerMeter ?? ''}`);
    const looks = [place, flow.table, flow.priority, stage, reader.flow(flow.match), reader.flow(flow.actions)];
    lines.set(looks, keys * index);
  }
  const order = Array.from(flows, (_, index) => index).sort((a, b) => {
    for (let key = 0; key < keys; key++) {
      const difference = (lines[keys * a + key] as number) - (lines[keys * b + key] as number);
      if (difference !== 0) return difference;
    }
    return a - b;
  });
  const text = order.map((index) => lines.subarray(keys * index, keys * (index + 1)).join(' ')).join('\n');
  return { text, order };
}

/** Writes plain data. */
function createWriter(reader: Reader) {
  const known = new Map<object, string>();
  const ranges: Range[] = [];
  const record = (value: object): string => {
    const fields: string[] = [];
    const { prefixLength } = value as { prefixLength?: unknown };
    for (const [key, each] of Object.entries(value)) {
      if (unread.has(key) || typeof each === 'function' || each === undefined) continue;
      const isAddress = typeof each === 'number' && addresses.has(key) && prefixLength === undefined;
      const name = reader.text(key);
      if (Array.isArray(each) && each.length === 0) fields.push(`${name}:[]`);
      else fields.push(`${name}:${isAddress ? reader.number(each) : write(each)}`);
    }
    if (typeof prefixLength === 'number') ranges.push(...rangesIn(value, prefixLength));
    return `{${fields.join(',')}}`;
  };
  const write = (value: unknown): string => {
    if (typeof value === 'string') return `'${reader.text(value)}'`;
    if (typeof value !== 'object' || value === null) return String(value);
    let made = known.get(value);
    if (made === undefined) {
      if (Array.isArray(value)) made = `[${value.map(write).join(',')}]`;
      else if (value instanceof Map) made = `<${[...value].map((entry) => write(entry)).join(',')}>`;
      else if (value instanceof Set) made = `(${[...value].map((each) => write(each)).join(',')})`;
      else made = record(value);
      known.set(value, made);
    }
    return made;
  };
  return { write, ranges };
}

/** The prefix that a record of numbers is: its base is under `address` or `subnet`. */
function rangesIn(value: object, length: number): Range[] {
  const mask = ((1n << 32n) - 1n) ^ ((1n << BigInt(32 - length)) - 1n);
  const { address, subnet } = value as { address?: unknown; subnet?: unknown };
  return [address, subnet].flatMap((base): Range[] =>
    typeof base === 'number' ? [{ family: 4, value: BigInt(base) & mask, mask }] : [],
  );
}

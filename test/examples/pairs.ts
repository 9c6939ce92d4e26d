/**
 * The examples that come in pairs of northbound databases, one as it should not
 * be and one as it should: `examples/field/NAME` (`broken`, `fixed`) and
 * `examples/properties/ID` (`violated`, `holds`).  Beside them stands
 * `expect.json`: what becomes of packets in each of the two.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Learned } from '../oracle/sandbox.ts';

/** What becomes of a packet. */
export interface Fate {
  /**
   * The ports that it, or what is made of it, comes out of; none if it is dropped.
   * More than one list where it is left to chance which flow is taken: of these
   * each may happen, and nothing else.
   */
  outputs: string[][];
  /** Lines of ovn-trace's minimal form that are, or are not, among those of the packet. */
  text?: string[];
  without?: string[];
}

/** A packet, and its fate in both databases. */
export interface Sent {
  what: string;
  microflow: string;
  /** Of ovn-trace: `--ct=new`, `--lb-dst=IP:PORT`. */
  options: string[];
  /** Members of an ECMP group, each of which is chosen in turn (`--select-id`); then all of `outputs` must happen. */
  select?: number[];
  bad: Fate;
  good: Fate;
}

/** Flows of one stage whose match has `match` in it. */
export interface FlowsOf {
  what: string;
  datapath: string;
  stage: string;
  match: string;
  /** Their lines; more than one list where northd takes any of several ways. */
  bad: string[][];
  good: string[][];
}

export interface Expected {
  /** The id of the property that tells the two apart. */
  property: string;
  /** What the finding is about, where a database has a name for it. */
  subject?: string;
  /** Where the case was told. */
  threads?: string[];
  /** MAC addresses of neighbours outside, which routers know. */
  learned?: { port: string; ip: string; mac: string }[];
  trace: Sent[];
  flows?: FlowsOf[];
}

export interface Pair {
  /** `field/shared-uplink`. */
  name: string;
  folder: string;
  /** The files' names without their ends: the database that is not as it should be, and the other one. */
  bad: string;
  good: string;
  expected: Expected;
}

const root = fileURLToPath(new URL('../../examples/', import.meta.url));

function pairsIn(group: string, bad: string, good: string): Pair[] {
  const folders = readdirSync(join(root, group)).sort();
  return folders.flatMap((name) => {
    const folder = join(root, group, name);
    const file = join(folder, 'expect.json');
    if (!existsSync(file)) return [];
    return [
      { name: `${group}/${name}`, folder, bad, good, expected: expectedOf(readFileSync(file, 'utf8'), bad, good) },
    ];
  });
}

/** Fates are told under the names of the files. */
function expectedOf(text: string, bad: string, good: string): Expected {
  return JSON.parse(text, (_, value) => {
    if (typeof value !== 'object' || value === null || !(bad in value)) return value;
    const { [bad]: one, [good]: other, ...rest } = value;
    return { ...rest, bad: one, good: other };
  });
}

export const pairs: readonly Pair[] = [
  ...pairsIn('field', 'broken', 'fixed'),
  ...pairsIn('properties', 'violated', 'holds'),
];

/** The ports that the minimal form of a trace says a packet comes out of, each once, sorted. */
export function outputsOf(minimal: string): string[] {
  return [...new Set([...minimal.matchAll(/\boutput\("([^"]*)"\)/g)].map(([, port = '']) => port))].sort();
}

/** What a database's neighbours are, as rows of MAC_Binding. */
export function learnedOf({ learned = [] }: Expected): Learned {
  return { macBindings: learned.map(({ port, ip, mac }) => ({ logicalPort: port, ip, mac })), fdb: [] };
}

/** The member of a group for `--select-id` in each trace of a packet; undefined where there is no group. */
export const choicesOf = ({ select }: Sent): readonly (number | undefined)[] => select ?? [undefined];

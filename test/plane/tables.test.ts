/**
 * The executors agree on single tables: the flow that the packet plane's classifier finds is the one that the
 * tracer's matcher finds, and the first one that has a disjunct which holds.  The packets hold a disjunct of some
 * flow of the table, and are random elsewhere.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FLOW_WORDS, KEY_WORDS, W_PORTS } from '../../asm/plane/layout.ts';
import { combine } from '../../engine/lang/expr.ts';
import {
  annotate,
  type Comparison,
  disjuncts,
  LangError,
  type Microflow,
  normalize,
  parseFlowActions,
  parseMatch,
  resolveConditions,
  type StringComparison,
  simplify,
  VALUE_FIELDS,
} from '../../engine/lang/index.ts';
import { computeSouthbound } from '../../engine/northd/index.ts';
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import type { LogicalFlow, Southbound } from '../../engine/ovsdb/southbound.ts';
import { compileTables, type TableEnvironment, type TableInput } from '../../engine/program/tables.ts';
import { emptyPacket, fields, writeBits } from '../../sim/trace/index.ts';
import { compileMatch, type Test } from '../../sim/trace/matcher.ts';
import { exampleManifests } from '../examples/manifests.ts';
import { randomSwitches, northboundOf as switchesOf } from '../northd/random.ts';
import { randomRouters, northboundOf as routersOf } from '../northd/router/random.ts';
import { seedAndRuns } from '../oracle/seed.ts';
import { microflow, Plane, type Words, words } from '../program/classifying.ts';
import { ofExample } from './networks.ts';

const { seed, runs } = seedAndRuns(12);
const isResident = (port: string) => port.length % 2 === 0;

type Literal = Comparison | StringComparison;
type Conjunction = readonly Literal[];

interface Meaning {
  readonly flow: LogicalFlow;
  readonly traced: Test;
  /** Undefined where there are too many. */
  readonly any: readonly Conjunction[] | undefined;
}

interface Names {
  readonly keys: ReadonlyMap<string, number>;
  readonly names: ReadonlyMap<number, string>;
}

function namesOf({ ports, multicastGroups }: Southbound, datapath: string): Names {
  const rows = [...ports.map((port) => ({ ...port, name: port.logicalPort })), ...multicastGroups].filter(
    (row) => row.datapath === datapath,
  );
  return {
    keys: new Map(rows.map(({ name, tunnelKey }) => [name, tunnelKey])),
    names: new Map(rows.map(({ name, tunnelKey }) => [tunnelKey, name])),
  };
}

function meaningOf(flow: LogicalFlow, env: TableEnvironment, { keys }: Names): Meaning {
  const { pipeline, table } = flow;
  const { prereqs } = parseFlowActions(flow.actions, { pipeline, table });
  const { addressSets, portGroups } = env;
  const expr = annotate(combine('and', [parseMatch(flow.match, { addressSets, portGroups }), prereqs]));
  const normal = normalize(resolveConditions(simplify(expr), isResident));
  return {
    flow,
    traced: compileMatch(expr, { portKey: (name) => keys.get(name), isResident }),
    any: normal && disjuncts(normal),
  };
}

/** Random databases name sets that are not there. */
function isUnderstood(flow: LogicalFlow, { addressSets, portGroups }: Southbound): boolean {
  try {
    parseFlowActions(flow.actions, { pipeline: flow.pipeline, table: flow.table });
    return parseMatch(flow.match, { addressSets, portGroups }) !== undefined;
  } catch (error) {
    if (error instanceof LangError) return false;
    throw error;
  }
}

const holds = (literal: Literal, { strings, values }: Microflow): boolean =>
  literal.type === 'string'
    ? strings[literal.symbol.slot] === literal.value
    : ((values[literal.symbol.slot] ?? 0n) & literal.mask) === literal.value;

/** A packet that a conjunction holds for, with the other bits of `noise`. */
function packetFor(conjunction: Conjunction, { keys }: Names, noise: Words): Words {
  let packet: Words = noise.slice();
  for (const literal of conjunction) {
    if (literal.type === 'string') {
      const at = literal.symbol.slot === 0 ? 0n : 32n;
      const key = BigInt(keys.get(literal.value) ?? 0);
      packet[W_PORTS] = ((packet[W_PORTS] ?? 0n) & ~(0xffffn << at)) | (key << at);
      continue;
    }
    const field = VALUE_FIELDS[literal.symbol.slot] ?? '';
    const [mask, value] = [words({ [field]: literal.mask }), words({ [field]: literal.value })];
    packet = packet.map((word, i) => (word & ~(mask[i] ?? 0n)) | (value[i] ?? 0n));
  }
  return packet;
}

/** The tracer's words of a packet. */
function tracedWords({ values }: Microflow, packet: Words): Uint32Array {
  const traced = emptyPacket();
  const write = (name: string, value: bigint) => {
    const where = fields[name];
    if (where) writeBits(traced, where, value);
  };
  // Registers overlap; those that are whole come last.
  for (const [slot, name] of VALUE_FIELDS.entries()) write(name, values[slot] ?? 0n);
  const ports = packet[W_PORTS] ?? 0n;
  write('inport', ports & 0xffffn);
  write('outport', (ports >> 32n) & 0xffffn);
  return traced.words;
}

const tally = { packets: 0, met: 0 };

/** Compares all tables of a database, with packets of `noises`. */
function compareTables(southbound: Southbound, noises: readonly Words[]): void {
  const plane = new Plane();
  for (const { uuid } of southbound.datapaths) {
    const names = namesOf(southbound, uuid);
    const { addressSets, portGroups } = southbound;
    const portKey = (_: number, name: string) => names.keys.get(name);
    const env: TableEnvironment = { addressSets, portGroups, datapathKey: () => 1, portKey, isResident };
    const inputs = new Map<string, TableInput & { flows: LogicalFlow[] }>();
    for (const flow of southbound.flows.filter((each) => each.datapath === uuid && isUnderstood(each, southbound))) {
      const { pipeline, table } = flow;
      const input = inputs.get(`${pipeline} ${table}`) ?? { datapath: 0, pipeline, table, flows: [] };
      input.flows.push(flow);
      inputs.set(`${pipeline} ${table}`, input);
    }
    const { blobs, tables, flows } = compileTables([...inputs.values()], env);
    const byNumber = new Map(flows.map(({ number, flow }) => [number, flow]));
    const places = blobs.map((blob) => plane.place(blob));
    for (const [index, input] of [...inputs.values()].entries()) {
      const use = tables[index];
      const at = places[use?.blob ?? -1];
      if (!use || at === undefined) continue;
      const meanings = input.flows
        .toSorted((a, b) => b.priority - a.priority)
        .map((flow) => meaningOf(flow, env, names));
      compareTable(meanings, names, noises, (packet) => {
        const { rank, wc } = plane.lookup(at, packet);
        return { flow: byNumber.get(use.numbers[rank] ?? -1), wc };
      });
    }
  }
}

type Lookup = (packet: Words) => { flow: LogicalFlow | undefined; wc: Words };

function compareTable(meanings: readonly Meaning[], names: Names, noises: readonly Words[], lookup: Lookup) {
  let turn = 0;
  for (const { any } of meanings) {
    for (const conjunction of any?.slice(0, 2) ?? []) {
      const noise = noises[turn % noises.length] ?? new BigUint64Array(FLOW_WORDS);
      turn++;
      const packet = packetFor(conjunction, names, noise);
      const view = microflow(packet, (key) => names.names.get(key));
      const { flow, wc } = lookup(packet);
      const traced = tracedWords(view, packet);
      const ofTracer = meanings.find(({ traced: test }) => (typeof test === 'boolean' ? test : test(traced)))?.flow;
      const ofDisjuncts = meanings.find(({ any: own }) => own?.some((each) => each.every((one) => holds(one, view))));
      const where = `${flow?.stage} ${packet.join()}`;
      expect(ofTracer, where).toBe(flow);
      expect(ofDisjuncts?.flow, where).toBe(flow);
      // And what was not looked at does not matter.
      const other = noises[(turn + 1) % noises.length] ?? packet;
      const alike = packet.map((word, i) =>
        i < KEY_WORDS ? (word & (wc[i] ?? 0n)) | ((other[i] ?? 0n) & ~(wc[i] ?? 0n)) : word,
      );
      expect(lookup(alike).flow, where).toBe(flow);
      tally.packets++;
      tally.met += flow ? 1 : 0;
    }
  }
}

const noise = fc
  .array(fc.oneof(fc.constant(0n), fc.bigInt({ min: 0n, max: (1n << 64n) - 1n })), {
    minLength: FLOW_WORDS,
    maxLength: FLOW_WORDS,
  })
  .map((each) => BigUint64Array.from(each));
const noises = (n: number) => fc.sample(noise, { seed: seed + n, numRuns: 8 });
const southboundOf = (nb: Northbound): Southbound => computeSouthbound(nb).southbound;

test.each(exampleManifests)('tables of examples/%s', (file) => {
  const before = { ...tally };
  compareTables(southboundOf(ofExample(file).nb), noises(0));
  expect(tally.packets - before.packets).toBeGreaterThan(100);
  expect(tally.met - before.met).toBeGreaterThan((tally.packets - before.packets) / 2);
});

test('tables of random switches and routers', () => {
  const before = tally.packets;
  const northbounds = fc.oneof(randomSwitches.map(switchesOf), randomRouters.map(routersOf));
  let n = 1;
  fc.assert(
    fc.property(northbounds, (nb) => compareTables(southboundOf(nb), noises(n++))),
    { seed, numRuns: runs },
  );
  expect(tally.packets - before).toBeGreaterThan(20 * runs);
});

/** The tables of whole networks: what `lookup` says of packets made for their flows is what the language says. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FLOW_WORDS, KEY_WORDS, W_PORTS } from '../../../asm/plane/layout.ts';
import { combine, TRUE } from '../../../engine/lang/expr.ts';
import { annotate, type Expr, evaluate, parseFlowActions, parseMatch } from '../../../engine/lang/index.ts';
import { computeSouthbound } from '../../../engine/northd/index.ts';
import type { LogicalFlow, Southbound } from '../../../engine/ovsdb/southbound.ts';
import { MatchCompiler, type MatchContext } from '../../../engine/program/matches.ts';
import { compileTables, type TableEnvironment, type TableInput } from '../../../engine/program/tables.ts';
import { readManifests } from '../../../engine/spec/read.ts';
import { northboundOf } from '../../../engine/vpc/index.ts';
import { microflow, Plane, type Words } from '../../program/classifying.ts';

const isResident = (port: string) => port.length % 2 === 0;

/** A datapath's names by key, and back. */
interface Names {
  keys: Map<string, number>;
  names: Map<number, string>;
}

function namesOf(southbound: Southbound, datapath: string): Names {
  const rows = [
    ...southbound.ports.map((port) => ({ ...port, name: port.logicalPort })),
    ...southbound.multicastGroups,
  ].filter((row) => row.datapath === datapath);
  return {
    keys: new Map(rows.map(({ name, tunnelKey }) => [name, tunnelKey])),
    names: new Map(rows.map(({ name, tunnelKey }) => [tunnelKey, name])),
  };
}

function contextOf({ addressSets, portGroups }: TableEnvironment): MatchContext {
  return { addressSets, portGroups, datapathKey: 1, isResident };
}

/** What a flow matches, with what its actions take for granted. */
function meaning(flow: LogicalFlow, env: TableEnvironment): Expr {
  const { prereqs } = parseFlowActions(flow.actions, { pipeline: flow.pipeline, table: flow.table });
  return annotate(combine('and', [parseMatch(flow.match, contextOf(env)), prereqs]));
}

/** Packets that each meet some row of a flow's match, and are random elsewhere. */
function packetsFor(flows: readonly LogicalFlow[], env: TableEnvironment, keys: Names['keys'], noise: Words): Words[] {
  const compiler = new MatchCompiler();
  const packets: Words[] = [];
  for (const { match: text } of flows) {
    const compiled = compiler.compile(text, TRUE, '', contextOf(env));
    if (typeof compiled === 'string') throw new Error(compiled);
    for (const { shape, values, inport, outport } of compiled.match.rows.slice(0, 2)) {
      const packet = noise.slice();
      for (const [index, { word, maskHigh, maskLow }] of shape.items.entries()) {
        const mask = (BigInt(maskHigh) << 32n) | BigInt(maskLow);
        const value = (BigInt(values[2 * index + 1] ?? 0) << 32n) | BigInt(values[2 * index] ?? 0);
        packet[word] = ((packet[word] ?? 0n) & ~mask) | value;
      }
      const key = (name: number) => BigInt(keys.get(compiled.names[name] ?? '') ?? 0);
      if (inport >= 0) packet[W_PORTS] = ((packet[W_PORTS] ?? 0n) & ~0xffffn) | key(inport);
      if (outport >= 0) packet[W_PORTS] = ((packet[W_PORTS] ?? 0n) & 0xffffffffn) | (key(outport) << 32n);
      packets.push(packet);
    }
  }
  return packets;
}

const noises = fc.sample(
  fc.array(fc.oneof(fc.constant(0n), fc.bigInt({ min: 0n, max: (1n << 64n) - 1n })), {
    minLength: FLOW_WORDS,
    maxLength: FLOW_WORDS,
  }),
  6,
);

test.each(['two-tenants', 'isolated-networks'])('examples/%s.yaml', (example) => {
  const file = `examples/${example}.yaml`;
  const { resources } = readManifests([{ file, text: readFileSync(file, 'utf8') }]);
  const { southbound } = computeSouthbound(northboundOf(resources));
  const plane = new Plane();
  let [packets, met] = [0, 0];
  for (const { uuid } of southbound.datapaths) {
    const { keys, names } = namesOf(southbound, uuid);
    const env: TableEnvironment = {
      addressSets: southbound.addressSets,
      portGroups: southbound.portGroups,
      datapathKey: () => 1,
      portKey: (_, name) => keys.get(name),
      isResident,
    };
    const inputs = new Map<string, TableInput & { flows: LogicalFlow[] }>();
    for (const flow of southbound.flows.filter(({ datapath }) => datapath === uuid)) {
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
        .map((flow) => ({ flow, expr: meaning(flow, env) }));
      const expected = (packet: Words) => {
        const view = microflow(packet, (key) => names.get(key));
        return meanings.find(({ expr }) => evaluate(expr, view, isResident))?.flow;
      };
      for (const [n, noise] of noises.entries()) {
        const other = BigUint64Array.from(noises[(n + 1) % noises.length] ?? []);
        for (const packet of packetsFor(input.flows, env, keys, BigUint64Array.from(noise)).filter(
          (_, i) => i % noises.length === n,
        )) {
          const { rank, wc } = plane.lookup(at, packet);
          const found = byNumber.get(use.numbers[rank] ?? -1);
          expect(found).toBe(expected(packet));
          const alike = packet.map((word, i) =>
            i < KEY_WORDS ? (word & (wc[i] ?? 0n)) | ((other[i] ?? 0n) & ~(wc[i] ?? 0n)) : word,
          );
          expect(plane.lookup(at, alike).rank).toBe(rank);
          packets++;
          met += found ? 1 : 0;
        }
      }
    }
  }
  expect(packets).toBeGreaterThan(200);
  expect(met).toBeGreaterThan(packets / 2);
});

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { computeSouthbound } from '../../engine/northd/index.ts';
import type { LogicalFlow, Southbound } from '../../engine/ovsdb/southbound.ts';
import { type CompiledTables, compileTables, TableCompiler, type TableInput } from '../../engine/program/tables.ts';
import { readManifests } from '../../engine/spec/read.ts';
import { northboundOf } from '../../engine/vpc/index.ts';
import { environment, flowOf, Plane, words } from './classifying.ts';

const table = (flows: LogicalFlow[], datapath = 0): TableInput => ({ datapath, pipeline: 'ingress', table: 0, flows });

/** What a packet meets: the flow that the table's number leads to. */
function met({ blobs, tables, flows }: CompiledTables, index: number, packet: Parameters<typeof words>[0]) {
  const use = tables[index];
  const blob = blobs[use?.blob ?? -1];
  const plane = new Plane();
  const number = blob ? use?.numbers[plane.lookup(plane.place(blob), words(packet)).rank] : use?.always;
  return flows.find((flow) => flow.number === number)?.flow;
}

describe('tables', () => {
  test('that match alike share a blob, whatever the names and the actions', () => {
    const one = [flowOf(10, 'inport == "a"', { actions: 'drop;' }), flowOf(0, '1')];
    const two = [flowOf(20, 'inport == "b"', { datapath: 'two' }), flowOf(3, '1', { datapath: 'two' })];
    const three = [flowOf(20, 'inport == "c"', { datapath: 'three' }), flowOf(3, '1', { datapath: 'three' })];
    const compiled = compileTables([table(one), table(two, 1), table(three, 2)], environment({ a: 7, b: 7, c: 8 }));
    expect(compiled.tables.map(({ blob }) => blob)).toEqual([0, 0, 1]);
    expect(met(compiled, 0, { inport: 7n })).toBe(one[0]);
    expect(met(compiled, 1, { inport: 7n })).toBe(two[0]);
    expect(met(compiled, 1, { inport: 8n })).toBe(two[1]);
    expect(met(compiled, 2, { inport: 8n })).toBe(three[0]);
    expect(compiled.flows.map(({ datapath }) => datapath)).toEqual([0, 0, 1, 1, 2, 2]);
  });

  test('that always do the same need no look-up', () => {
    const only = [flowOf(0, '1'), flowOf(5, 'inport == "nowhere"'), flowOf(3, 'ip4 && ip6')];
    const compiled = compileTables([table(only), table([], 1), table([flowOf(1, '0')], 2)], environment());
    expect(compiled.blobs).toEqual([]);
    expect(compiled.tables.map(({ blob }) => blob)).toEqual([-1, -1, -1]);
    expect(compiled.tables.slice(1).map(({ always }) => always)).toEqual([-1, -1]);
    expect(met(compiled, 0, {})).toBe(only[0]);
  });

  test('a flow behind one that matches everything is not in the way', () => {
    const flows = [flowOf(9, 'ip4'), flowOf(5, '1'), flowOf(1, 'ip6')];
    const [size, more] = [flows.slice(0, 2), flows].map(
      (some) => compileTables([table(some)], environment()).blobs[0]?.length,
    );
    expect(more).toBe(size);
  });

  test('flows of the same priority are tried in the order given', () => {
    const flows = [flowOf(1, 'ip4'), flowOf(5, 'ip'), flowOf(5, 'ip4 && tcp'), flowOf(5, 'tcp')];
    const compiled = compileTables([table(flows)], environment());
    expect(met(compiled, 0, { 'eth.type': 0x800n, 'ip.proto': 6n })).toBe(flows[1]);
  });

  test('a port means its own key on each datapath', () => {
    const env = environment({}, { portKey: (datapath, name) => (name === 'a' && datapath === 1 ? 9 : undefined) });
    const flows = (datapath: string) => [flowOf(1, 'outport == "a"', { datapath })];
    const compiled = compileTables([table(flows('x')), table(flows('y'), 1)], env);
    expect(met(compiled, 0, { outport: 9n })).toBeUndefined();
    expect(met(compiled, 1, { outport: 9n })).toMatchObject({ datapath: 'y' });
  });

  test('what actions take for granted is part of the match', () => {
    const flows = [flowOf(5, '1', { actions: 'ip.ttl--; next;' }), flowOf(0, '1')];
    const compiled = compileTables([table(flows)], environment());
    expect(met(compiled, 0, { 'eth.type': 0x800n })).toBe(flows[0]);
    expect(met(compiled, 0, { 'eth.type': 0x806n })).toBe(flows[1]);
  });

  test('flows that are not understood are left out, each with a sentence', () => {
    const flows = [
      flowOf(7, 'ip4.src == $nowhere'),
      flowOf(6, 'ip4', { actions: 'fly;', stage: '' }),
      flowOf(5, 'ip4 ||| ip6'),
      flowOf(0, '1'),
    ];
    const compiled = compileTables([table(flows)], environment());
    expect(compiled.problems).toHaveLength(3);
    expect(compiled.problems[0]).toBe(
      'ls_in_check_port_sec: the flow of priority 7 with match "ip4.src == $nowhere" and actions "next;" is left out: ' +
        "Syntax error at `$nowhere' expecting address set name.",
    );
    expect(compiled.problems[1]).toMatch(/^ingress table 0: .*fly.*expecting action/);
    expect(compiled.flows.map(({ flow }) => flow)).toEqual([flows[3]]);
    const long = flowOf(1, `ip4.src == {${'10.0.0.1, '.repeat(1000)}nonsense}`);
    expect(compileTables([table([long])], environment()).problems[0]?.length).toBeLessThan(600);
  });
});

describe('compiling again', () => {
  const numbersOf = ({ flows }: CompiledTables) => new Map(flows.map(({ flow, number }) => [flow.match, number]));

  test('leaves flows that stayed their numbers, and gives no number to two', () => {
    const compiler = new TableCompiler();
    const matches = ['ip4', 'ip6', 'arp', 'tcp', '1'];
    const first = numbersOf(compiler.compile([table(matches.map((text, i) => flowOf(i, text)))], environment()));
    expect([...first.values()].sort()).toEqual([0, 1, 2, 3, 4]);
    // The order changes, one flow goes, one comes, one changes what it does.
    const flows = [
      flowOf(0, 'ip4'),
      flowOf(2, 'arp'),
      flowOf(4, '1'),
      flowOf(9, 'udp'),
      flowOf(1, 'ip6', { actions: 'drop;' }),
    ];
    const compiled = compiler.compile([table(flows)], environment());
    const second = numbersOf(compiled);
    for (const text of ['ip4', 'arp', '1']) expect(second.get(text)).toBe(first.get(text));
    expect(second.get('udp')).toBeGreaterThan(4);
    expect(second.get('ip6')).toBeGreaterThan(4);
    expect(compiled.numbersEnd).toBe(7);
  });

  test('gives the same bytes as compiling from nothing, for the environment of now', () => {
    const compiler = new TableCompiler();
    const flows = [
      flowOf(5, 'ip4.src == $a && inport == "p"'),
      flowOf(4, 'is_chassis_resident("p") && ip6'),
      flowOf(3, 'ip4'),
    ];
    const inputs = [table(flows)];
    const here = environment({ p: 1 }, { addressSets: new Map([['a', ['10.0.0.1', '10.0.0.2']]]) });
    const there = environment({ p: 2 }, { addressSets: new Map([['a', ['10.0.0.3']]]), isResident: () => true });
    for (const env of [here, there, here, here]) {
      expect(compiler.compile(inputs, env).blobs).toEqual(compileTables(inputs, env).blobs);
    }
    expect(compileTables(inputs, here).blobs).not.toEqual(compileTables(inputs, there).blobs);
  });

  test('does not parse and build anew what stayed', () => {
    const compiler = new TableCompiler();
    const inputs = [table([flowOf(5, 'ip4'), flowOf(0, '1')])];
    const [first, second] = [compiler.compile(inputs, environment()), compiler.compile(inputs, environment())];
    expect(second.blobs[0]).toBe(first.blobs[0]);
    expect(second.flows[0]?.actions).toBe(first.flows[0]?.actions);
  });
});

/** The tables of a southbound database. */
function inputsOf(southbound: Southbound): TableInput[] {
  const numbers = new Map(southbound.datapaths.map(({ uuid }, number) => [uuid, number]));
  const inputs = new Map<string, TableInput & { flows: LogicalFlow[] }>();
  for (const flow of southbound.flows) {
    const { datapath, pipeline, table: number } = flow;
    const key = `${datapath} ${pipeline} ${number}`;
    const input = inputs.get(key) ?? { datapath: numbers.get(datapath) ?? -1, pipeline, table: number, flows: [] };
    input.flows.push(flow);
    inputs.set(key, input);
  }
  return [...inputs.values()];
}

test.each(['two-tenants', 'single-vpc', 'isolated-networks'])('examples/%s.yaml compiles whole', (example) => {
  const file = `examples/${example}.yaml`;
  const { resources } = readManifests([{ file, text: readFileSync(file, 'utf8') }]);
  const { southbound } = computeSouthbound(northboundOf(resources));
  const keys = new Map([...southbound.ports.map((port) => [port.logicalPort, port.tunnelKey] as const)]);
  const groups = new Map(southbound.multicastGroups.map(({ name, tunnelKey }) => [name, tunnelKey]));
  const { problems, flows, tables, blobs } = compileTables(inputsOf(southbound), {
    addressSets: southbound.addressSets,
    portGroups: southbound.portGroups,
    datapathKey: (datapath) => southbound.datapaths[datapath]?.tunnelKey ?? 0,
    portKey: (_, name) => keys.get(name) ?? groups.get(name),
    isResident: () => true,
  });
  expect(problems).toEqual([]);
  expect(flows).toHaveLength(southbound.flows.length);
  expect(new Set(flows.map(({ number }) => number)).size).toBe(flows.length);
  // Switches and routers are alike in many tables.
  expect(blobs.length).toBeLessThan(tables.filter(({ blob }) => blob >= 0).length);
});

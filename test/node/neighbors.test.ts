/** What was learned, what the database says, and when it ends: by themselves, with tables that note what they are told. */
import { expect, test } from 'vitest';
import { Ageing } from '../../engine/node/ageing.ts';
import type { Chassis } from '../../engine/node/chassis.ts';
import { LearnedTables } from '../../engine/node/learned.ts';
import { Neighbors } from '../../engine/node/neighbors.ts';
import type { Southbound } from '../../engine/ovsdb/southbound.ts';
import { buildProgram, type Program } from '../../engine/program/index.ts';
import { southboundFrom } from '../trace/southbound.ts';

class NotedTables extends LearnedTables {
  readonly told: string[] = [];
  constructor() {
    super({} as ConstructorParameters<typeof LearnedTables>[0]);
  }
  override putNeighbor(...[, port, address, mac]: Parameters<LearnedTables['putNeighbor']>): void {
    this.told.push(`${port} ${address.value} is at ${mac}`);
  }
  override forgetNeighbor(...[, port, address]: Parameters<LearnedTables['forgetNeighbor']>): void {
    this.told.push(`${port} ${address.value} is gone`);
  }
  override putFdb(...[, mac, port]: Parameters<LearnedTables['putFdb']>): void {
    this.told.push(`${mac} is behind ${port}`);
  }
  override forgetFdb(...[, mac]: Parameters<LearnedTables['forgetFdb']>): void {
    this.told.push(`${mac} is gone`);
  }
  taken(): string[] {
    return this.told.splice(0);
  }
}

interface Given {
  aging?: number;
  change?: (southbound: Southbound) => Southbound;
}

function world({ aging = 0, change = (southbound) => southbound }: Given = {}) {
  const tables = new NotedTables();
  const neighbors = new Neighbors(tables);
  const southboundOf = (): Southbound => {
    const southbound = southboundFrom({ s: { ports: { a: {} }, flows: ['0 0 1 => drop;'] } });
    const ids = { mac_binding_age_threshold: String(aging), fdb_age_threshold: String(aging) };
    const datapaths = southbound.datapaths.map((each) => ({ ...each, externalIds: { ...each.externalIds, ...ids } }));
    return change({ ...southbound, datapaths });
  };
  const programOf = (southbound: Southbound): Program =>
    buildProgram({ southbound, chassis: 'here', ports: new Map([['a', 1]]) });
  const southbound = southboundOf();
  const program = programOf(southbound);
  const [{ view }] = program.datapaths;
  const chassis = {
    now: 0,
    program,
    placeOf: (name: string) => {
      const port = view.ports.find(({ binding }) => binding.logicalPort === name);
      return port && { binding: port.binding, datapath: 0 };
    },
  };
  const ageing = new Ageing(chassis as unknown as Chassis, neighbors);
  neighbors.use(program, southbound);
  return { tables, neighbors, chassis, ageing, southbound, datapathKey: view.binding.tunnelKey };
}

const at = (host: number, since: number, mac = host) => ({
  logicalPort: 'a',
  ip: `10.0.0.${host}`,
  mac: `02:00:00:00:00:0${mac}`,
  since,
});
const value = (host: number): number => 0x0a000000 + host;
const macOf = (mac: number): number => 0x020000000000 + mac;

test('the plane is told of what is news, and of nothing else', () => {
  const { tables, neighbors, datapathKey } = world();
  expect(neighbors.learnBinding(at(1, 5))).toBe(true);
  expect(tables.taken()).toEqual([`1 ${value(1)} is at ${macOf(1)}`]);
  expect(neighbors.learnBinding(at(1, 9))).toBe(false);
  expect(neighbors.learnBinding(at(1, 7, 2))).toBe(false);
  expect(tables.taken()).toEqual([]);
  expect(neighbors.learnBinding(at(1, 9, 3))).toBe(true);
  expect(neighbors.learnBinding(at(2, 9))).toBe(true);
  expect(tables.taken()).toEqual([`1 ${value(1)} is at ${macOf(3)}`, `1 ${value(2)} is at ${macOf(2)}`]);
  expect(neighbors.learnAddress({ datapathKey, portKey: 7, mac: '02:00:00:00:00:04', since: 1 })).toBe(true);
  expect(tables.taken()).toEqual([`${macOf(4)} is behind 7`]);
  expect(neighbors.version).toBe(4);
});

test('what the database says stands behind or before what was learned, and is there again when that is forgotten', () => {
  const fixed = (host: number, mac: number, overridesLearned: boolean) => {
    const { logicalPort, ip, mac: text } = at(host, 0, mac);
    return { logicalPort, ip, mac: text, overridesLearned, datapath: '' };
  };
  const change = (southbound: Southbound): Southbound => ({
    ...southbound,
    staticMacBindings: [fixed(1, 5, false), fixed(2, 6, true)],
  });
  const { tables, neighbors } = world({ change });
  expect(tables.taken()).toEqual([`1 ${value(1)} is at ${macOf(5)}`, `1 ${value(2)} is at ${macOf(6)}`]);
  neighbors.learnBinding(at(1, 1, 7));
  neighbors.learnBinding(at(2, 1, 7));
  neighbors.learnBinding(at(3, 1, 7));
  expect(tables.taken()).toEqual([`1 ${value(1)} is at ${macOf(7)}`, `1 ${value(3)} is at ${macOf(7)}`]);
  for (const key of [...neighbors.bindings.keys()]) neighbors.forget({ kind: 'binding', key });
  expect(tables.taken()).toEqual([`1 ${value(1)} is at ${macOf(5)}`, `1 ${value(3)} is gone`]);
  neighbors.forget({ kind: 'binding', key: 'nobody' });
  expect(tables.taken()).toEqual([]);
});

test('another database changes what it says, and nothing else', () => {
  const { tables, neighbors, southbound, chassis } = world();
  neighbors.learnBinding(at(1, 1));
  tables.taken();
  const { logicalPort, ip, mac } = at(2, 0);
  const known = { logicalPort, ip, mac };
  neighbors.use(chassis.program, { ...southbound, macBindings: [known] });
  expect(tables.taken()).toEqual([`1 ${value(2)} is at ${macOf(2)}`]);
  neighbors.use(chassis.program, southbound);
  expect(tables.taken()).toEqual([`1 ${value(2)} is gone`]);
});

test('what is learned once more lives longer', () => {
  const { ageing, neighbors, chassis, tables, datapathKey } = world({ aging: 10 });
  neighbors.learnBinding(at(1, 0));
  neighbors.learnBinding(at(2, 1000));
  neighbors.learnAddress({ datapathKey, portKey: 7, mac: '02:00:00:00:00:04', since: 2000 });
  expect(ageing.due()).toBe(10_000);
  neighbors.learnBinding(at(1, 4000));
  expect(ageing.due()).toBe(11_000);
  chassis.now = 12_000;
  tables.taken();
  ageing.run();
  expect(tables.taken()).toEqual([`1 ${value(2)} is gone`, `${macOf(4)} is gone`]);
  expect(ageing.due()).toBe(14_000);
  chassis.now = 14_000;
  ageing.run();
  expect([neighbors.bindings.size, ageing.due()]).toEqual([0, Number.POSITIVE_INFINITY]);
});

test('nothing ends where no time is said', () => {
  const { ageing, neighbors } = world();
  neighbors.learnBinding(at(1, 0));
  expect(ageing.due()).toBe(Number.POSITIVE_INFINITY);
});

test('many neighbours cost as much each as few', () => {
  const { ageing, neighbors, tables } = world({ aging: 10 });
  for (let i = 0; i < 60_000; i++) {
    const ip = `10.${1 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`;
    neighbors.learnBinding({ logicalPort: 'a', ip, mac: '02:00:00:00:00:01', since: i });
    expect(ageing.due()).toBe(10_000);
  }
  expect(tables.taken()).toHaveLength(60_000);
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createNorthd, type NorthboundChange, type Northd } from '../../engine/northd/incremental.ts';
import { type Computation, computeSouthbound } from '../../engine/northd/index.ts';
import { emptyNorthbound, type Northbound, type NorthboundTable, rowUuid } from '../../engine/ovsdb/northbound.ts';
import type { LogicalFlow, Southbound } from '../../engine/ovsdb/southbound.ts';
import { seedAndRuns } from '../oracle/seed.ts';
import { northboundOf, randomSwitches } from './random.ts';
import { addPort, addRouter, addRouterPort, addSwitch, attach, northbound } from './router/build.ts';
import { randomRouters, northboundOf as routersOf } from './router/random.ts';
import { topologies } from './router/topologies.ts';
import { tableTopologies } from './tables/topologies.ts';
import { addAcl, addPortGroup, logicalSwitch, switchTopologies } from './topologies.ts';

/** A computation with what has no order in one: warnings, and rows that follow from no datapath. */
function settled({ southbound, warnings, dynamicAddresses }: Computation): unknown {
  const sorted = (list: readonly unknown[]) => list.map((each) => JSON.stringify(each)).sort();
  const { services, loadBalancers = [], ...rest } = southbound;
  const lists = Object.entries(services ?? {}).map(([name, value]) => [
    name,
    Array.isArray(value) ? sorted(value) : value,
  ]);
  return {
    ...rest,
    services: Object.fromEntries(lists),
    loadBalancers: sorted(loadBalancers),
    warnings: sorted(warnings),
    dynamicAddresses,
  };
}

/** What turns one database into another. */
function changesBetween(before: Northbound, after: Northbound): NorthboundChange[] {
  const tables = Object.keys(after) as NorthboundTable[];
  return tables.flatMap((table) => {
    const [old, fresh]: Map<string, object>[] = [before[table], after[table]];
    const gone = [...old.keys()].filter((uuid) => !fresh.has(uuid)).map((deleted) => ({ table, deleted }));
    const set = [...fresh].filter(([uuid, row]) => JSON.stringify(old.get(uuid)) !== JSON.stringify(row));
    return [...gone, ...set.map(([, row]) => ({ table, row }))] as NorthboundChange[];
  });
}

/** The database after changes; its rows are those given. */
function changed(nb: Northbound, changes: readonly NorthboundChange[]): Northbound {
  const result = copyOf(nb);
  for (const change of changes) {
    const rows = result[change.table] as Map<string, unknown>;
    if ('row' in change) rows.set(change.row._uuid, change.row);
    else rows.delete(change.deleted);
  }
  return result;
}

function copyOf(nb: Northbound): Northbound {
  return Object.fromEntries(
    Object.entries(nb).map(([table, rows]) => [table, new Map<string, unknown>(rows)]),
  ) as Northbound;
}

/** Several databases in one; of rows with one UUID the last stays. */
function union(...all: readonly Northbound[]): Northbound {
  const result = emptyNorthbound();
  for (const nb of all) {
    for (const [table, rows] of Object.entries(nb)) {
      for (const [uuid, row] of rows) (result[table as NorthboundTable] as Map<string, unknown>).set(uuid, row);
    }
  }
  return result;
}

const { seed, runs } = seedAndRuns(20);

type AnyRow = { readonly _uuid: string; readonly [column: string]: unknown };

/** Databases of random networks and of written ones. */
const databases = fc.oneof(
  randomSwitches.map((made) => northboundOf(made)),
  randomRouters.map((made) => routersOf(made)),
  fc.tuple(randomSwitches, randomRouters).map(([one, other]) => union(northboundOf(one), routersOf(other))),
  fc
    .shuffledSubarray([...Object.values({ ...switchTopologies, ...topologies, ...tableTopologies })], {
      minLength: 1,
      maxLength: 3,
    })
    .map((made) => union(...made.map((make) => make()))),
);

test('after any changes, all at once or a few at a time, it is what a full computation gives', () => {
  fc.assert(
    fc.property(
      fc.array(databases, { minLength: 2, maxLength: 3 }),
      fc.integer({ min: 1, max: 40 }),
      (states, size) => {
        let nb = states[0] as Northbound;
        const northd = createNorthd(nb);
        expect(settled(northd.computation())).toEqual(settled(computeSouthbound(nb)));
        for (const next of states.slice(1)) {
          const changes = changesBetween(nb, next);
          for (let at = 0; at < changes.length; at += Math.ceil(changes.length / size)) {
            const some = changes.slice(at, at + Math.ceil(changes.length / size));
            northd.apply(some);
            nb = changed(nb, some);
          }
          expect(settled(northd.computation())).toEqual(settled(computeSouthbound(nb)));
        }
      },
    ),
    { seed, numRuns: runs },
  );
});

test('one row at a time: taken away, and put back', () => {
  fc.assert(
    fc.property(databases, fc.array(fc.nat(), { maxLength: 6 }), (nb, picks) => {
      const northd = createNorthd(nb);
      const rows = Object.entries(nb).flatMap(([table, all]) => [...all.values()].map((row) => ({ table, row })));
      let current = nb;
      const apply = (changes: NorthboundChange[]) => {
        northd.apply(changes);
        current = changed(current, changes);
        expect(settled(northd.computation())).toEqual(settled(computeSouthbound(current)));
      };
      for (const pick of picks) {
        const { table, row } = rows[pick % rows.length] ?? { table: '', row: undefined };
        if (!row) continue;
        apply([{ table, deleted: row._uuid } as NorthboundChange]);
        apply([{ table, row } as NorthboundChange]);
      }
    }),
    { seed, numRuns: runs / 2 },
  );
});

test('one host at a time: new, with another address, and gone', () => {
  fc.assert(
    fc.property(databases, fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 1, maxLength: 6 }), (nb, picks) => {
      const northd = createNorthd(nb);
      let current = nb;
      const apply = (changes: NorthboundChange[]) => {
        const reached = northd.apply(changes);
        const before = computeSouthbound(current).southbound;
        current = changed(current, changes);
        const after = computeSouthbound(current);
        expect(settled(northd.computation())).toEqual(settled(after));
        expect(new Set([...reached, ...differing(before, after.southbound)])).toEqual(reached);
      };
      for (const [where, which] of picks) {
        const switches = [...current.Logical_Switch.values()];
        const home = switches[where % switches.length];
        const ports = [...current.Logical_Switch_Port.values()];
        const like = ports[which % ports.length];
        if (!home || !like) return;
        const row = {
          ...like,
          _uuid: rowUuid('Logical_Switch_Port', `host ${where}`),
          name: `host ${where}`,
          type: '',
        };
        const grown = [...new Set([...home.ports, row._uuid])];
        apply([
          { table: 'Logical_Switch_Port', row },
          { table: 'Logical_Switch', row: { ...home, ports: grown } },
        ]);
        apply([{ table: 'Logical_Switch_Port', row: { ...row, addresses: ['02:00:00:77:77:77 10.0.0.77 fd00::77'] } }]);
        if (which % 2 === 0) continue;
        apply([
          { table: 'Logical_Switch', row: { ...home, ports: grown.filter((uuid) => uuid !== row._uuid) } },
          { table: 'Logical_Switch_Port', deleted: row._uuid },
        ]);
      }
    }),
    { seed, numRuns: runs },
  );
});

test('one rule or one router port at a time: another one, new, and gone', () => {
  const kinds = ['ACL', 'QoS', 'Logical_Router_Static_Route', 'Logical_Router_Policy', 'Logical_Router_Port'] as const;
  const columns = {
    ACL: 'acls',
    QoS: 'qos_rules',
    Logical_Router_Static_Route: 'static_routes',
    Logical_Router_Policy: 'policies',
    Logical_Router_Port: 'ports',
  } as const;
  const picks = fc.array(fc.tuple(fc.constantFrom(...kinds), fc.nat(), fc.nat()), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(databases, picks, (nb, picked) => {
      const northd = createNorthd(nb);
      let current = nb;
      const apply = (changes: unknown[]) => {
        const reached = northd.apply(changes as NorthboundChange[]);
        const before = computeSouthbound(current).southbound;
        current = changed(current, changes as NorthboundChange[]);
        const after = computeSouthbound(current);
        expect(settled(northd.computation())).toEqual(settled(after));
        expect(new Set([...reached, ...differing(before, after.southbound)])).toEqual(reached);
      };
      for (const [table, where, which] of picked) {
        const homes = table === 'ACL' || table === 'QoS' ? 'Logical_Switch' : 'Logical_Router';
        const all = [...current[table].values()] as AnyRow[];
        const [like, home] = [
          all[which % all.length],
          [...current[homes].values()][where % current[homes].size] as AnyRow,
        ];
        if (!like || !home) continue;
        const other =
          table === 'Logical_Router_Port' ? { mac: '02:00:00:00:66:66' } : { priority: 7, nexthop: '10.0.0.7' };
        apply([{ table, row: { ...like, ...other } }]);
        const row = {
          ...like,
          _uuid: rowUuid(table, `other ${where}`),
          name: `other ${where}`,
          networks: ['10.66.0.1/24'],
        };
        const column = columns[table];
        const before = home[column] as string[];
        const grown = { table: homes, row: { ...home, [column]: [...new Set([...before, row._uuid])] } };
        apply([{ table, row }, grown]);
        if (which % 2 === 0)
          apply([
            { table: homes, row: { ...home } },
            { table, deleted: row._uuid },
          ]);
      }
    }),
    { seed, numRuns: runs },
  );
});

/** The datapaths whose flows are not the same. */
function differing(before: Southbound, after: Southbound): string[] {
  const flows = ({ flows: all }: Southbound) => {
    const lists = new Map<string, LogicalFlow[]>();
    for (const flow of all) lists.set(flow.datapath, [...(lists.get(flow.datapath) ?? []), flow]);
    return new Map([...lists].map(([uuid, list]) => [uuid, JSON.stringify(list)]));
  };
  const [old, fresh] = [flows(before), flows(after)];
  return [...new Set([...old.keys(), ...fresh.keys()])].filter((uuid) => old.get(uuid) !== fresh.get(uuid));
}

describe('what a change reaches', () => {
  /** Tenants that share nothing: a network each behind a router each. */
  function tenants(count: number): Northbound {
    const nb = northbound();
    for (let at = 0; at < count; at++) {
      addSwitch(nb, `s${at}`);
      addRouter(nb, `r${at}`);
      addRouterPort(nb, `r${at}`, `r${at}p`, `02:00:00:00:${at}0:01`, ['10.0.0.1/24']);
      attach(nb, `s${at}`, `r${at}p`);
      addPort(nb, `s${at}`, `s${at}a`, [`02:00:00:00:${at}0:02 10.0.0.2`]);
    }
    return nb;
  }

  /** One port more on switch `on`, as two rows. */
  function oneMore(nb: Northbound, on: string): NorthboundChange[] {
    const after = copyOf(nb);
    const row = logicalSwitch(after, on);
    after.Logical_Switch.set(row._uuid, { ...row, ports: [...row.ports] });
    addPort(after, on, `${on}-more`, ['02:00:00:00:99:99 10.0.0.99']);
    return changesBetween(nb, after);
  }

  const names = (northd: Northd, uuids: ReadonlySet<string>) =>
    northd
      .computation()
      .southbound.datapaths.filter(({ uuid }) => uuids.has(uuid))
      .map(({ name }) => name);

  test('a port more: its switch, and the router that knows its addresses', () => {
    const nb = tenants(4);
    const northd = createNorthd(nb);
    const reached = northd.apply(oneMore(nb, 's2'));
    expect(names(northd, reached)).toEqual(['s2', 'r2']);
    const [flows] = [northd.flows([...reached][0] as string)];
    expect(flows.some(({ match }) => match.includes('10.0.0.99'))).toBe(true);
  });

  test('an ACL more, with the row that has it: its own switch', () => {
    const nb = tenants(3);
    const northd = createNorthd(nb);
    const after = copyOf(nb);
    const row = { ...logicalSwitch(after, 's1'), acls: [] };
    after.Logical_Switch.set(row._uuid, row);
    addAcl(after, row, 'to-lport', 1000, 'ip4', 'drop');
    expect(names(northd, northd.apply(changesBetween(nb, after)))).toEqual(['s1']);
  });

  function onlyAcl(nb: Northbound) {
    const [acl] = nb.ACL.values();
    if (!acl || nb.ACL.size > 1) throw new Error('not one ACL');
    return acl;
  }

  /** Of a switch's flows those that are not the ones that were there. */
  function fresh(northd: Northd, on: string, change: () => void): string[] {
    const uuid = northd.computation().southbound.datapaths.find(({ name }) => name === on)?.uuid ?? '';
    const before = new Set(northd.flows(uuid));
    change();
    return northd.flows(uuid).flatMap((flow) => (before.has(flow) ? [] : [flow.match]));
  }

  test('on the switch of a port that comes, the flows of the others stay', () => {
    const nb = tenants(2);
    const northd = createNorthd(nb);
    const matches = fresh(northd, 's1', () => northd.apply(oneMore(nb, 's1')));
    expect(matches.sort()).toEqual([
      'arp.tpa == 10.0.0.99 && arp.op == 1',
      'arp.tpa == 10.0.0.99 && arp.op == 1 && inport == "s1-more"',
      'eth.dst == 02:00:00:00:99:99',
    ]);
  });

  test('of two ports with one address the flow that both have stays while one is there', () => {
    const nb = tenants(2);
    addPort(nb, 's1', 's1c', ['02:00:00:00:10:03 10.0.0.3']);
    for (const name of ['off1', 'off2']) addPort(nb, 's1', name, ['02:00:00:00:10:07'], { enabled: false });
    const home = logicalSwitch(nb, 's1');
    for (const gone of ['off1', 'off2']) {
      const northd = createNorthd(nb);
      const uuid = rowUuid('Logical_Switch_Port', gone);
      const changes: NorthboundChange[] = [
        { table: 'Logical_Switch', row: { ...home, ports: home.ports.filter((port) => port !== uuid) } },
        { table: 'Logical_Switch_Port', deleted: uuid },
      ];
      northd.apply(changes);
      const after = changed(nb, changes);
      expect(settled(northd.computation())).toEqual(settled(computeSouthbound(after)));
      const back = changesBetween(after, nb);
      northd.apply(back);
      expect(settled(northd.computation())).toEqual(settled(computeSouthbound(nb)));
    }
  });

  test('an ACL that makes a switch follow connections makes all its flows anew', () => {
    const nb = tenants(2);
    addAcl(nb, logicalSwitch(nb, 's1'), 'to-lport', 1000, 'ip4', 'allow');
    const acl = onlyAcl(nb);
    const northd = createNorthd(nb);
    const other = { ...acl, match: 'ip6' };
    expect(fresh(northd, 's1', () => northd.apply([{ table: 'ACL', row: other }]))).toEqual(['ip6']);
    const followed = { ...acl, action: 'allow-related' };
    expect(fresh(northd, 's1', () => northd.apply([{ table: 'ACL', row: followed }])).length).toBeGreaterThan(40);
    expect(settled(northd.computation())).toEqual(
      settled(computeSouthbound(changed(nb, [{ table: 'ACL', row: followed }]))),
    );
  });

  test('an ACL that a switch and a group have: everything that the group reaches', () => {
    const nb = tenants(3);
    const group = addPortGroup(nb, 'group', ['s0a', 's1a']);
    addAcl(nb, group, 'to-lport', 1000, 'ip4', 'drop');
    const acl = onlyAcl(nb);
    logicalSwitch(nb, 's2').acls.push(acl._uuid);
    const northd = createNorthd(nb);
    const changes: NorthboundChange[] = [{ table: 'ACL', row: { ...acl, match: 'ip6' } }];
    northd.apply(changes);
    expect(settled(northd.computation())).toEqual(settled(computeSouthbound(changed(nb, changes))));
  });

  test('a switch before the others has their tunnel keys: those that have another are told', () => {
    const nb = tenants(2);
    const northd = createNorthd(nb);
    const after = copyOf(nb);
    addSwitch(after, 'a');
    const reached = northd.apply(changesBetween(nb, after));
    expect(names(northd, reached)).toEqual(['a', 's0', 's1', 'r0', 'r1']);
  });

  test('an option of the whole: everything', () => {
    const nb = tenants(2);
    const northd = createNorthd(nb);
    const [global] = nb.NB_Global.values();
    if (!global) throw new Error('no NB_Global');
    const row = { ...global, options: { ...global.options, default_acl_drop: 'true' } };
    expect(northd.apply([{ table: 'NB_Global', row }]).size).toBe(4);
  });

  test('two parts that a port ties together become one, and part again', () => {
    const nb = tenants(2);
    const northd = createNorthd(nb);
    const after = copyOf(nb);
    const row = logicalSwitch(after, 's1');
    after.Logical_Switch.set(row._uuid, { ...row, ports: [...row.ports] });
    addRouterPort(after, 'r0', 'bridge', '02:00:00:00:77:01', ['10.7.0.1/24']);
    const router = after.Logical_Router.get(rowUuid('Logical_Router', 'r0'));
    if (!router) throw new Error('no router');
    attach(after, 's1', 'bridge');
    const there = changesBetween(nb, after);
    const joined = northd.apply([...there, { table: 'Logical_Router', row: { ...router } }]);
    expect(names(northd, joined).sort()).toEqual(['r0', 'r1', 's0', 's1']);
    expect(settled(northd.computation())).toEqual(settled(computeSouthbound(after)));
  });

  test('a port that a group waits for ties its switch to the others of the group', () => {
    const nb = tenants(3);
    const waited = rowUuid('Logical_Switch_Port', 's2-more');
    const group = addPortGroup(nb, 'group', ['s0a']);
    group.ports.push(waited);
    addAcl(nb, group, 'to-lport', 1000, 'outport == @group && ip4', 'drop');
    const northd = createNorthd(nb);
    const changes = oneMore(nb, 's2');
    const reached = northd.apply(changes);
    expect(names(northd, reached)).toEqual(['s0', 's2', 'r0', 'r2']);
    expect(settled(northd.computation())).toEqual(settled(computeSouthbound(changed(nb, changes))));
  });

  test('ports that are given addresses look at those of all others', () => {
    const nb = tenants(2);
    for (const name of ['x', 'y']) {
      addSwitch(nb, name, { other_config: { subnet: '10.3.0.0/24' } });
      addPort(nb, name, `${name}1`, ['dynamic']);
    }
    const northd = createNorthd(nb);
    expect(settled(northd.computation())).toEqual(settled(computeSouthbound(nb)));
    const [first, second] = ['x1', 'y1'].map((port) => northd.computation().dynamicAddresses.get(port)?.split(' ')[0]);
    expect(first).not.toBe(second);
    const changes = oneMore(nb, 's0');
    const host = changes.find(({ table }) => table === 'Logical_Switch_Port');
    if (host?.table !== 'Logical_Switch_Port' || !('row' in host)) throw new Error('no host');
    Object.assign(host.row, { addresses: [`${second} 10.0.0.99`] });
    expect(northd.apply(changes).size).toBe(6);
    expect(settled(northd.computation())).toEqual(settled(computeSouthbound(changed(nb, changes))));
  });

  test('a datapath that is deleted is told, and has no flows', () => {
    const nb = tenants(2);
    const northd = createNorthd(nb);
    const [gone] = northd.computation().southbound.datapaths.filter(({ name }) => name === 's1');
    const reached = northd.apply([{ table: 'Logical_Switch', deleted: rowUuid('Logical_Switch', 's1') }]);
    expect(reached.has(gone?.uuid ?? '')).toBe(true);
    expect(northd.flows(gone?.uuid ?? '')).toEqual([]);
  });

  test('a row that is written down elsewhere: nothing, but that what is said of it is said there', () => {
    const nb = tenants(2);
    const origin = (line: number) => ({ file: 'a.yaml', line, column: 1, resource: 'DPUVirtualNetwork/default/s1' });
    const home = logicalSwitch(nb, 's1');
    const other_config = { 'requested-tnl-key': '9' };
    logicalSwitch(nb, 's0').other_config = other_config;
    const written = { ...home, origin: origin(1), other_config };
    nb.Logical_Switch.set(home._uuid, written);
    const northd = createNorthd(nb);
    const lines = () => northd.computation().warnings.map((warning) => warning.origin?.line);
    expect(lines()).toEqual([1]);
    const changes: NorthboundChange[] = [{ table: 'Logical_Switch', row: { ...written, origin: origin(7) } }];
    expect(northd.apply(changes)).toEqual(new Set());
    expect(settled(northd.computation())).toEqual(settled(computeSouthbound(changed(nb, changes))));
    expect(lines()).toEqual([7]);
    const other: NorthboundChange[] = [{ table: 'Logical_Switch', row: { ...written, ports: [], origin: origin(8) } }];
    northd.apply(other);
    expect(settled(northd.computation())).toEqual(settled(computeSouthbound(changed(nb, other))));
  });

  test('nothing: nothing', () => {
    expect(createNorthd(tenants(2)).apply([]).size).toBe(0);
  });
});

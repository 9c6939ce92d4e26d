/**
 * Networks that follow each other by changes of some northbound rows: what a verifier says that knows the one before is
 * what one says that knows nothing. LFLOW_SEED and LFLOW_RUNS (2).
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createNorthd, type NorthboundChange } from '../../../engine/northd/incremental.ts';
import { type Northbound, type NorthboundTable, rowUuid } from '../../../engine/ovsdb/northbound.ts';
import { northboundOfPlan, planTopology } from '../../../engine/vpc/index.ts';
import { differenceFrom } from '../../../sim/jobs/ground.ts';
import { concludeNext } from '../../../sim/jobs/next.ts';
import { type PartResult, verifyPart } from '../../../sim/jobs/part-job.ts';
import type { Subject } from '../../../sim/jobs/parts.ts';
import { conclude, nextPlan, planOf } from '../../../sim/jobs/plan.ts';
import { builtInProperties } from '../../../sim/properties/index.ts';
import type { Finding } from '../../../sim/verdict.ts';
import { openVerifier, verifyNetwork } from '../../../sim/verifier.ts';
import { seedAndRuns } from '../../oracle/seed.ts';
import { network, node, resourcesOf, vf, vpc } from '../../topology.ts';
import { cheapIds, said } from './subjects.ts';

const ids = [...cheapIds, 'source-guarded', 'acl-effective', 'next-hop-valid', 'subnet-overlap', 'mtu-fits'];
const properties = builtInProperties.filter(({ id }) => ids.includes(id));

/** More networks than there are in a table of who reaches whom: most of them have no host, and no way outside. */
const tenants = ['red', 'blue', 'green'] as const;

function start() {
  const manifests = tenants.flatMap((name, index) => [
    vpc(name),
    node(`n${index}`, name),
    network(`${name}net`, name, '10.0.0.0/24'),
    vf(`${name}net`, 0),
    vf(`${name}net`, 1),
    ...Array.from({ length: 4 }, (_, other) =>
      network(`${name}net${other}`, name, `10.${other + 1}.0.0/24`, { externallyRouted: false }),
    ),
  ]);
  const plans = planTopology(resourcesOf(...manifests));
  return { plans, northbound: northboundOfPlan(plans) };
}

function changed(northbound: Northbound, changes: readonly NorthboundChange[]): Northbound {
  const made: Record<string, Map<string, unknown>> = { ...northbound };
  for (const { table } of changes) made[table] = new Map<string, unknown>(northbound[table]);
  for (const change of changes) {
    if ('row' in change) made[change.table]?.set(change.row._uuid, change.row);
    else made[change.table]?.delete(change.deleted);
  }
  return made as unknown as Northbound;
}

type Edit = (nb: Northbound, pick: number) => NorthboundChange[];

const picked = <T>(list: Iterable<T>, pick: number): T | undefined => {
  const all = [...list];
  return all[pick % all.length];
};

/** One row of a table, with other columns. */
const edited =
  <T extends NorthboundTable>(
    table: T,
    columns: (row: Northbound[T] extends Map<string, infer Row> ? Row : never, pick: number) => object,
  ): Edit =>
  (nb, pick) => {
    const row = picked(nb[table].values() as Iterable<never>, pick) as { _uuid: string } | undefined;
    return row
      ? ([{ table, row: { ...row, ...columns(row as never, pick >> 4) } }] as unknown as NorthboundChange[])
      : [];
  };

const hosts = (nb: Northbound) => [...nb.Logical_Switch_Port.values()].filter(({ type }) => type === '');

const hostEdited =
  (columns: (pick: number) => object): Edit =>
  (nb, pick) => {
    const row = picked(hosts(nb), pick);
    return row ? [{ table: 'Logical_Switch_Port', row: { ...row, ...columns(pick >> 4) } }] : [];
  };

const mac = (pick: number): string => `02:00:00:00:00:0${pick % 4}`;

const edits: Readonly<Record<string, Edit>> = {
  'no port security': hostEdited(() => ({ port_security: [] })),
  'another address': hostEdited((pick) => {
    const addresses = [`${mac(pick)} 10.0.0.${pick % 5}`];
    return { addresses, port_security: addresses };
  }),
  'a new port': (nb, pick) => {
    const home = picked(nb.Logical_Switch.values(), pick);
    const like = picked(hosts(nb), pick);
    if (!home || !like) return [];
    const name = `more ${pick % 3}`;
    const row = { ...like, _uuid: rowUuid('Logical_Switch_Port', name), name };
    return nb.Logical_Switch_Port.has(row._uuid)
      ? []
      : [
          { table: 'Logical_Switch_Port', row },
          { table: 'Logical_Switch', row: { ...home, ports: [...home.ports, row._uuid] } },
        ];
  },
  'a port less': (nb, pick) => {
    const row = picked(hosts(nb), pick);
    const home = row && [...nb.Logical_Switch.values()].find(({ ports }) => ports.includes(row._uuid));
    if (!row || !home) return [];
    return [
      { table: 'Logical_Switch', row: { ...home, ports: home.ports.filter((uuid) => uuid !== row._uuid) } },
      { table: 'Logical_Switch_Port', deleted: row._uuid },
    ];
  },
  'a port on another switch': (nb, pick) => {
    const row = picked(hosts(nb), pick);
    const home = row && [...nb.Logical_Switch.values()].find(({ ports }) => ports.includes(row._uuid));
    const other = picked(nb.Logical_Switch.values(), pick >> 4);
    if (!row || !home || !other || home === other) return [];
    return [
      { table: 'Logical_Switch', row: { ...home, ports: home.ports.filter((uuid) => uuid !== row._uuid) } },
      { table: 'Logical_Switch', row: { ...other, ports: [...other.ports, row._uuid] } },
    ];
  },
  'another priority': edited('ACL', ({ priority }) => ({ priority: priority + 1 })),
  'another verdict': edited('ACL', ({ action }) => ({ action: action === 'drop' ? 'allow' : 'drop' })),
  'an ACL less': (nb, pick) => {
    const home = picked(nb.Logical_Switch.values(), pick);
    return home ? [{ table: 'Logical_Switch', row: { ...home, acls: home.acls.slice(1) } }] : [];
  },
  'an ACL more': (nb, pick) => {
    const home = picked(nb.Logical_Switch.values(), pick);
    const like = picked(nb.ACL.values(), pick >> 4);
    if (!home || !like) return [];
    const row = { ...like, _uuid: rowUuid('ACL', `more ${pick % 3}`), priority: 1 + (pick % 100), match: 'ip4' };
    return nb.ACL.has(row._uuid)
      ? []
      : [
          { table: 'ACL', row },
          { table: 'Logical_Switch', row: { ...home, acls: [...home.acls, row._uuid] } },
        ];
  },
  'an ACL that is gone': (nb, pick) => {
    const home = picked(
      [...nb.Logical_Switch.values()].filter(({ acls }) => acls.length > 0),
      pick,
    );
    const [deleted, ...acls] = home?.acls ?? [];
    if (!home || deleted === undefined) return [];
    return [
      { table: 'Logical_Switch', row: { ...home, acls } },
      { table: 'ACL', deleted },
    ];
  },
  'another network of a router': edited('Logical_Router_Port', (_, pick) => ({ networks: [`10.9.${pick % 2}.1/24`] })),
  'an address outside that others may have': edited('NAT', (_, pick) => ({ external_ip: `30.30.0.${1 + (pick % 4)}` })),
  'another next hop': edited('Logical_Router_Static_Route', (_, pick) => ({ nexthop: `10.0.0.${pick % 3}` })),
  'a router that is off': edited('Logical_Router', ({ enabled }) => ({ enabled: enabled === false })),
  'other options of DHCP': edited('DHCP_Options', (_, pick) => ({ options: { mtu: `${1400 + (pick % 2)}` } })),
  'another switch': (_, pick) => [
    {
      table: 'Logical_Switch',
      row: {
        ...({ acls: [], copp: undefined, dns_records: [], external_ids: {}, forwarding_groups: [] } as const),
        ...{ load_balancer: [], load_balancer_group: [], other_config: {}, ports: [], qos_rules: [] },
        _uuid: rowUuid('Logical_Switch', `another ${pick % 2}`),
        name: `another ${pick % 2}`,
      },
    } as unknown as NorthboundChange,
  ],
  nothing: () => [],
};

const { seed, runs } = seedAndRuns(1);

/** Those that leave the network as it is taken apart. */
const small = ['no port security', 'another address', 'another priority', 'another verdict', 'nothing'];

/** Which edits, by their names, with what they are done to. */
const steps = fc.array(fc.tuple(fc.constantFrom(...Object.keys(edits), ...small, ...small), fc.nat(1 << 12)), {
  minLength: 4,
  maxLength: 7,
});

test('after any changes a verifier says what one says that knows nothing', { timeout: 900_000 }, () => {
  for (const sample of fc.sample(steps, { seed, numRuns: runs })) {
    const { plans, northbound } = start();
    const northd = createNorthd(northbound);
    const verifier = openVerifier({ properties });
    let nb = northbound;
    verifier.verify({ southbound: northd.computation().southbound, northbound: nb, plans });
    for (const [index, [name, pick]] of sample.entries()) {
      const changes = edits[name]?.(nb, pick) ?? [];
      northd.apply(changes);
      nb = changed(nb, changes);
      const subject: Subject = { southbound: northd.computation().southbound, northbound: nb, plans };
      const told = sample.slice(0, index + 1).map((one) => one.join(' '));
      expect(said(verifier.verify(subject)), `${told.join(', ')}; seed ${seed}`).toEqual(
        said(verifyNetwork(subject, { properties })),
      );
    }
  }
});

test('a change of one part leaves the findings of the others, and needs nobody else', { timeout: 300_000 }, () => {
  const { plans, northbound } = start();
  const northd = createNorthd(northbound);
  const first: Subject = { southbound: northd.computation().southbound, northbound, plans };
  const nobody = (): never => {
    throw new Error('the whole network was asked');
  };
  const plan = planOf(first, { properties, today: '2026-01-01' });
  const results = plan.partition.parts.map((part) => verifyPart(part, plan.common));
  const concluded = conclude(plan, results, nobody);
  expect(concluded.origin).toBeDefined();
  const changes = edits['no port security']?.(northbound, 0) ?? [];
  northd.apply(changes);
  const second: Subject = {
    southbound: northd.computation().southbound,
    northbound: changed(northbound, changes),
    plans,
  };
  const parts = plan.partition.parts.map((part, index) => ({ part, result: results[index] as PartResult }));
  const next = nextPlan(plan, second);
  const [number = -1, ...more] = next?.changed ?? [];
  const part = next?.plan.partition.parts[number];
  if (!next || !part) throw new Error('it is not known what differs');
  expect(more).toEqual([]);
  const now = parts.map((one, index) => (index === number ? { part, result: verifyPart(part, plan.common) } : one));
  const told = concludeNext(next.plan, { concluded, parts }, now, [number], {});
  const fresh = planOf(second, { properties, today: '2026-01-01' });
  const whole = conclude(
    fresh,
    now.map(({ result }) => result),
    nobody,
  );
  expect(told?.found).toEqual(whole.found);
  const unguarded = ({ id, verdict }: Finding): boolean => id === 'source-guarded' && verdict === 'violated';
  expect(concluded.found.properties.filter(unguarded)).toEqual([]);
  expect(told?.found.properties.filter(unguarded)).toHaveLength(1);
});

test('an address that another part has on their wire is noticed', { timeout: 300_000 }, () => {
  const { plans, northbound } = start();
  const unique = builtInProperties.filter(({ id }) => id === 'address-unique');
  const northd = createNorthd(northbound);
  const verifier = openVerifier({ properties: unique });
  let nb = northbound;
  const verdicts = (changes: readonly NorthboundChange[]): string[] => {
    northd.apply(changes);
    nb = changed(nb, changes);
    const subject: Subject = { southbound: northd.computation().southbound, northbound: nb, plans };
    const found = verifier.verify(subject);
    expect(said(found)).toEqual(said(verifyNetwork(subject, { properties: unique })));
    return found.properties.flatMap(({ verdict }) => (verdict === 'holds' ? [] : [verdict]));
  };
  /** A host on the nth switch with a port outside. */
  const onWire = (n: number, address: string): NorthboundChange[] => {
    const outside = [...nb.Logical_Switch.values()].filter(({ ports }) =>
      ports.some((uuid) => nb.Logical_Switch_Port.get(uuid)?.type === 'localnet'),
    );
    const [home, like] = [outside[n], hosts(nb)[0]];
    if (!home || !like) throw new Error('there are no such switches');
    const name = `on wire ${n}`;
    const row = { ...like, _uuid: rowUuid('Logical_Switch_Port', name), name, addresses: [address] };
    const put: NorthboundChange = { table: 'Logical_Switch_Port', row };
    const joined: NorthboundChange = {
      table: 'Logical_Switch',
      row: { ...home, ports: [...home.ports, row._uuid] },
    };
    return nb.Logical_Switch_Port.has(row._uuid) ? [put] : [put, joined];
  };
  expect(verdicts([])).toEqual([]);
  expect(verdicts(onWire(0, '02:00:00:00:77:01 30.30.9.1'))).toEqual([]);
  expect(verdicts(onWire(1, '02:00:00:00:77:02 30.30.9.2'))).toEqual([]);
  expect(verdicts(onWire(1, '02:00:00:00:77:01 30.30.9.1'))).toEqual(['violated']);
  expect(verdicts(onWire(1, '02:00:00:00:77:02 30.30.9.2'))).toEqual([]);
});

describe('what differs', () => {
  const { plans, northbound } = start();
  const northd = createNorthd(northbound);
  const subject: Subject = { southbound: northd.computation().southbound, northbound, plans };
  const names = planOf(subject, { properties: [], today: '2026-01-01' }).partition.parts.map(({ name }) => name);

  /** The names of the parts that are others after an edit; undefined where that is not known. */
  const differing = (edit: Edit, pick: number): readonly string[] | undefined => {
    const { ground } = planOf(subject, { properties: [], today: '2026-01-01' });
    const own = createNorthd(northbound);
    const first: Subject = { southbound: own.computation().southbound, northbound, plans };
    const known = planOf(first, { properties: [], today: '2026-01-01' }).ground;
    expect(ground).toBeDefined();
    const changes = edit(northbound, pick);
    own.apply(changes);
    const next: Subject = { southbound: own.computation().southbound, northbound: changed(northbound, changes), plans };
    return known && differenceFrom(known, next)?.changed.map((part) => names[part] ?? '');
  };

  test.each([
    ...['no port security', 'another address', 'a port less', 'a new port', 'another priority'],
    ...['an ACL more', 'an ACL that is gone'],
  ])('%s: one part is another one', (name) => {
    for (const pick of [0, 3, 100]) expect(differing(edits[name] as Edit, pick)).toHaveLength(1);
  });

  test('nothing: no part is another one', () => {
    expect(differing(() => [], 0)).toEqual([]);
  });

  test.each(['another switch', 'another network of a router', 'a router that is off'])(
    '%s: may reach further than a part',
    (name) => {
      expect(differing(edits[name] as Edit, 1)).toBeUndefined();
    },
  );
});

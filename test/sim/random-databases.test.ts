/**
 * Random northbound databases, verified with the flows that northd computes of them: nothing throws, hosts of a switch
 * reach each other where rows do not say otherwise, and whatever is shown is seen by the tracer and by the data plane.
 *
 * LFLOW_SEED is the seed of the databases, LFLOW_RUNS (4) the number of databases of each kind.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { computeSouthbound } from '../../engine/northd/index.ts';
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import type { Finding } from '../../sim/verdict.ts';
import { verifyNetwork } from '../../sim/verifier.ts';
import * as switches from '../northd/random.ts';
import * as balancers from '../northd/random-balancers.ts';
import * as routers from '../northd/router/random.ts';
import { seedAndRuns } from '../oracle/seed.ts';

/** Few wires and routers, and none of both: packets go very many ways, and with IPv6 sums of wires take all memory. */
const kinds: Record<string, fc.Arbitrary<Northbound>> = {
  switches: switches.randomSwitches.map(({ switches: [first, second, third], ports, nats, ...rest }) => {
    const alone = { localnet: false, routers: { ...second.routers, distributed: false, gateway: false } };
    return switches.northboundOf({
      ...rest,
      switches: [
        {
          ...first,
          localnet: first.localnet && !first.routers.distributed,
          routers: { ...first.routers, gateway: false },
        },
        { ...second, ...alone },
        { ...third, ...alone },
      ],
      ports: ports
        .slice(0, 4)
        .map((port) => (port.type === 'localnet' || port.type === 'l2gateway' ? { ...port, type: '' } : port)),
      nats: nats.slice(0, 1),
    });
  }),
  routers: routers.randomRouters.map((made) =>
    routers.northboundOf({ ...made, routers: made.routers.slice(0, 1), localnets: [] }),
  ),
  balancers: balancers.randomBalancers.map((made) => {
    const few = made.balancers.slice(0, 1).map((one) => ({ ...one, vips: one.vips.slice(0, 1) }));
    const nb = balancers.northboundOf({ ...made, balancers: few });
    for (const { _uuid, type } of [...nb.Logical_Switch_Port.values()]) {
      if (type === 'router') nb.Logical_Switch_Port.delete(_uuid);
    }
    nb.Logical_Router.clear();
    return nb;
  }),
};

/** Without ACLs that reject ARP, which the analysis has answered: no chassis does that. */
function withoutRejectedArp(northbound: Northbound): Northbound {
  for (const row of northbound.ACL.values()) {
    if (row.action === 'reject' && !/^(ip4|tcp)/.test(row.match)) row.action = 'drop';
  }
  return northbound;
}

/** To sample what is dropped by a collector that there cannot be makes flows that nobody understands, for all packets. */
function withoutSamples(northbound: Northbound): Northbound {
  for (const row of northbound.NB_Global.values()) delete row.options.debug_drop_collector_set;
  return northbound;
}

/** What `lflow verify` finds of a database. */
function verified(northbound: Northbound): readonly Finding[] {
  const { southbound } = computeSouthbound(withoutSamples(withoutRejectedArp(northbound)));
  return verifyNetwork({ southbound, northbound }).properties;
}

const told = ({ id, subject, reason, counterexample }: Finding): string =>
  [`${id} ${subject}: ${reason}`, counterexample?.microflow, counterexample?.replayed.why].filter(Boolean).join('\n  ');

/** Whether what is shown of a finding did not go where the proof says. */
const isUnseen = ({ counterexample }: Finding): boolean =>
  counterexample !== undefined && !(counterexample.replayed.tracer && counterexample.replayed.plane !== false);

const { seed, runs } = seedAndRuns(4);

describe.each(Object.keys(kinds))('%s', (kind) => {
  const databases = fc.sample(kinds[kind] as fc.Arbitrary<Northbound>, { seed, numRuns: runs });

  test.each(databases.map((northbound, index) => [index, northbound] as const))(
    '%i',
    { timeout: 120_000 },
    (_, northbound) => {
      const findings = verified(northbound);
      const broken = findings.filter(({ id, verdict }) => id === 'network-reachability' && verdict === 'violated');
      expect(broken.map(told)).toEqual([]);
      expect(findings.filter(isUnseen).map(told)).toEqual([]);
    },
  );
});

/** What no column is meant to hold, of each type of value. */
const odd = {
  string: [
    '',
    ' ',
    'nonsense',
    '-1',
    '10.0.0.1/99',
    '0.0.0.0/0',
    'ff:ff:ff:ff:ff:ff',
    '::',
    '"',
    '\\',
    '🦆',
    '\u0000',
    'x'.repeat(10_000),
  ],
  number: [-1, 0, 65_536, 2 ** 31, Number.MAX_SAFE_INTEGER],
} as const;

/** The row with another value in one of its columns: of the same type, but otherwise whatever. */
function damaged(row: Record<string, unknown>, choose: (limit: number) => number): void {
  const columns = Object.keys(row).filter((column) => column !== '_uuid' && row[column] !== undefined);
  const column = columns[choose(columns.length)];
  if (column === undefined) return;
  const other = (value: unknown): unknown => {
    if (typeof value === 'string') return odd.string[choose(odd.string.length)];
    if (typeof value === 'number') return odd.number[choose(odd.number.length)];
    if (typeof value === 'boolean') return !value;
    if (Array.isArray(value)) return value.map((one, index) => (index === 0 ? other(one) : one));
    if (typeof value !== 'object' || value === null) return value;
    const [[key, one] = ['', ''], ...rest] = Object.entries(value);
    return Object.fromEntries([[choose(2) === 0 ? other(key) : key, other(one)], ...rest]);
  };
  row[column] = other(row[column]);
}

describe.each(Object.keys(kinds))('%s with nonsense in their columns', (kind) => {
  const nonsense = fc.tuple(
    kinds[kind] as fc.Arbitrary<Northbound>,
    fc.array(fc.nat(), { minLength: 60, maxLength: 60 }),
  );
  const databases = fc.sample(nonsense, { seed, numRuns: runs });

  test.each(databases.map((one, index) => [index, one] as const))(
    '%i',
    { timeout: 120_000 },
    (_, [northbound, luck]) => {
      const choose = (limit: number): number => (luck.shift() ?? 0) % limit;
      const rows = Object.values(northbound).flatMap((table: Map<string, Record<string, unknown>>) => [
        ...table.values(),
      ]);
      for (let times = 0; times < 6; times++) damaged(rows[choose(rows.length)] ?? {}, choose);
      expect(() => verified(northbound)).not.toThrow();
    },
  );
});

/** The script of `lflow nb --format nbctl` and the text of `--format show` beside the real ovsdb-server and ovn-nbctl. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nbShow } from '../../engine/ovsdb/nb-show.ts';
import { nbctlScript } from '../../engine/ovsdb/nbctl.ts';
import {
  emptyNorthbound,
  type Northbound,
  type NorthboundTable,
  northboundRoots,
  northboundSchema,
} from '../../engine/ovsdb/northbound.ts';
import { type Column, defaultValue } from '../../engine/ovsdb/schema.ts';
import { type Central, startCentral } from '../oracle/sandbox.ts';
import { seedAndRuns } from '../oracle/seed.ts';
import { comparable } from '../ovsdb/nbctl-replay.ts';
import { oddText, randomNorthbound } from '../ovsdb/random-northbound.ts';

let central: Central;
beforeAll(async () => {
  central = await startCentral({ northd: false });
});
afterAll(() => central.stop());

const tables = Object.keys(northboundSchema) as NorthboundTable[];

/** An atom or a collection in OVSDB's JSON notation (RFC 7047, section 5.1) as ours. */
function cellOf(column: Column, json: unknown): unknown {
  const [tag, members] = Array.isArray(json) ? (json as [string, unknown[]]) : ['atom', []];
  const plain = (atom: unknown) => (Array.isArray(atom) ? atom[1] : atom);
  if (column.shape === 'map') {
    return Object.fromEntries((members as [unknown, unknown][]).map((pair) => pair.map(plain) as [string, unknown]));
  }
  const atoms = tag === 'set' ? members.map(plain) : [plain(json)];
  return column.shape === 'set' ? atoms : atoms[0];
}

async function stored(): Promise<Northbound> {
  const nb = emptyNorthbound();
  const rows = await central.rows('OVN_Northbound', tables);
  for (const table of tables) {
    for (const json of rows[table]) {
      const uuid = (json._uuid as [string, string])[1];
      const columns = Object.entries<Column>(northboundSchema[table]);
      const values = columns.map(([name, column]) => [name, cellOf(column, json[name] ?? defaultValue(column))]);
      (nb[table] as Map<string, unknown>).set(uuid, { _uuid: uuid, ...Object.fromEntries(values) });
    }
  }
  return nb;
}

/** The blocks of `show` (a switch or router; a port or NAT rule of one) in an order of their own. */
function sortedShow(text: string): string[] {
  // ovn-nbctl 23.03 orders gateway chassis by a priority that it did not read.
  const chassis = /^( {8}gateway chassis: \[)(.*)\]$/gm;
  const ordered = text.replace(chassis, (_, start, names) => `${start}${names.split(' ').sort().join(' ').trim()}]`);
  const blocks = ordered.split(/^(?=\S)/m).map((block) => {
    const [title, ...parts] = block.split(/^(?= {4}\S)/m);
    return [title, ...parts.sort()].join('');
  });
  return blocks.sort();
}

test('the schema is that of OVN', () => {
  const real: {
    tables: Record<string, { isRoot?: boolean; columns: Record<string, { type: unknown }> }>;
  } = JSON.parse(readFileSync('/usr/share/ovn/ovn-nb.ovsschema', 'utf8'));
  const shapes = (type: unknown): Column => {
    if (typeof type === 'string') return { shape: 'required', key: type as Column['key'] };
    const { key, value, min = 1, max = 1 } = type as { key: unknown; value?: unknown; min?: number; max?: unknown };
    const base = (typeof key === 'string' ? { type: key } : key) as Record<string, string>;
    const mapped =
      value === undefined ? undefined : typeof value === 'string' ? value : (value as { type: string }).type;
    return {
      shape: mapped ? 'map' : max === 'unlimited' ? 'set' : min === 0 ? 'optional' : 'required',
      key: base.type as Column['key'],
      ...(mapped && { value: mapped as Column['key'] }),
      ...(base.refTable && { refTable: base.refTable, refType: (base.refType ?? 'strong') as Column['refType'] }),
    };
  };
  const expected = Object.fromEntries(
    Object.entries(real.tables).map(([table, { columns }]) => [
      table,
      Object.fromEntries(Object.entries(columns).map(([name, { type }]) => [name, shapes(type)])),
    ]),
  );
  expect(northboundSchema).toEqual(expected);
  const roots = Object.entries(real.tables).flatMap(([table, { isRoot }]) => (isRoot ? [table] : []));
  expect([...northboundRoots].sort()).toEqual(roots.sort());
});

test('random databases come out as they went in', async () => {
  const { seed, runs } = seedAndRuns(100);
  await fc.assert(
    fc.asyncProperty(randomNorthbound(), async (nb) => {
      await central.empty();
      await central.run(nbctlScript(nb));
      expect(comparable(await stored())).toEqual(comparable(nb));
    }),
    { seed, numRuns: runs },
  );
});

test('random databases show as ovn-nbctl shows them', async () => {
  const { seed, runs } = seedAndRuns(50);
  // A line break in a name would make it impossible to tell where a row of the text ends.
  const oneLine = oddText.map((text) => `-${text.replace(/[\p{Cc}\u2028\u2029]/gu, ' ')}`);
  await fc.assert(
    fc.asyncProperty(randomNorthbound(oneLine), async (nb) => {
      await central.empty();
      await central.run(nbctlScript(nb));
      expect(sortedShow(await central.nbctl('--no-wait', 'show'))).toEqual(sortedShow(nbShow(nb)));
    }),
    { seed, numRuns: runs },
  );
});

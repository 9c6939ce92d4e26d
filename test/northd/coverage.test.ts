/**
 * Every column of the northbound database and every option that OVN knows is in
 * some topology that is compared with ovn-northd, and docs/northd-coverage.md
 * says in which.  LFLOW_RECORD=1 writes that page anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { northboundSchema } from '../../engine/ovsdb/northbound.ts';
import { type Coverage, coverage, everyTopology, writtenByOvn } from './coverage.ts';
import { northboundKeys } from './options.ts';

const page = new URL('../../docs/northd-coverage.md', import.meta.url);
const found = coverage(everyTopology());

test('nothing is without a topology', () => {
  const without = [...found].filter(([thing, names]) => names.length === 0 && !writtenByOvn.has(thing));
  expect(without.map(([thing]) => thing)).toEqual([]);
});

test('the options are those of maps that exist', () => {
  for (const column of Object.keys(northboundKeys)) {
    const [table, name] = column.split('.');
    const columns = Object.entries<object>(northboundSchema).find(([one]) => one === table)?.[1];
    expect(columns && name in columns, column).toBe(true);
  }
});

test('the page says what is so', () => {
  const text = pageOf(found);
  if (process.env.LFLOW_RECORD === '1') writeFileSync(page, text);
  expect(readFileSync(page, 'utf8'), 'LFLOW_RECORD=1 npx vitest run test/northd/coverage.test.ts').toBe(text);
});

/** The first three names are enough to find the place, and more topologies do not change the page. */
const shown = 3;

function pageOf(all: Coverage): string {
  const lines = [
    '# northd: what is compared with ovn-northd',
    '',
    'Every table and column of ovn-nb(5) and every key of its maps that OVN 23.03',
    'knows, with some of the topologies that make use of it. Each topology is a northbound',
    'database under `test/northd`; `npm run test:ovn` gives it to the real ovn-northd',
    'and compares every logical flow, `npm test` compares with what ovn-northd',
    'answered when it was last asked. Random databases come on top (`test/northd/random.ts`,',
    '`test/northd/router/random.ts`, `test/northd/random-balancers.ts`).',
    '',
    'This page is written by `test/northd/coverage.test.ts` (`LFLOW_RECORD=1`), which',
    'fails where a column or an option is in no topology.',
  ];
  for (const [table, columns] of Object.entries(northboundSchema)) {
    lines.push('', `## ${table}`, '', '| column | topologies |', '| --- | --- |');
    for (const column of Object.keys(columns)) {
      const thing = `${table}.${column}`;
      lines.push(`| \`${column}\` | ${where(thing, all)} |`);
      for (const key of northboundKeys[thing] ?? [])
        lines.push(`| \`${column}:${key}\` | ${where(`${thing}:${key}`, all)} |`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function where(thing: string, all: Coverage): string {
  if (writtenByOvn.has(thing)) return 'written by OVN itself';
  return (all.get(thing) ?? []).slice(0, shown).join(', ');
}

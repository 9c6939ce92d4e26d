/** Every southbound table beside what ovn-northd 23.03.1 wrote when test/ovn/southbound-tables.test.ts asked it. */
import { describe, expect, test } from 'vitest';
import { computeTables } from '../../../engine/northd/index.ts';
import { readDatabase } from '../../../engine/ovsdb/file.ts';
import { writeSouthbound } from '../../../engine/ovsdb/write-databases.ts';
import { recorded, withoutFlows } from './recordings.ts';
import { lineDifferences, tableLines } from './rows.ts';
import { tableTopologies } from './topologies.ts';

describe('tables are those of ovn-northd', () => {
  for (const [name, make] of Object.entries(tableTopologies)) {
    test(name, async () => {
      const lines = await recorded(name);
      expect(lines.length).toBeGreaterThan(50);
      const { tables } = computeTables(make());
      const ours = readDatabase(writeSouthbound(tables));
      expect(lineDifferences(lines, withoutFlows(tableLines(ours)))).toBe('');
    });
  }
});

/** How fast lflow is with many ports in its program: the same thousand flows, beside more and more that is not asked for. */

import { median } from '../measure.ts';
import type { Scenario } from '../peer/scenarios.ts';
import { eastWestBeside } from '../peer/scenarios.ts';
import { measurePlane } from './run.ts';

const chassis = 'here';
const flows = 1000;

/** A table: ports, logical flows, seconds that the program took, and speeds; ports rise tenfold up to `most`. */
export function measureSizes(most: number, effort: { seconds: number; runs: number }): string[][] {
  const rows = [['ports', 'Mpps', 'of core time', 'seconds until the first packet']];
  for (let ports = 10; ports <= most; ports *= 10) {
    const begin = performance.now();
    const scenario: Scenario = eastWestBeside(flows, chassis, ports);
    let until = 0;
    const measured = measurePlane(scenario, chassis, effort, () => {
      until = (performance.now() - begin) / 1000;
    });
    const row = [
      String(ports),
      median(measured.map(({ mpps }) => mpps)).toFixed(3),
      median(measured.map(({ packets, coreSeconds }) => packets / coreSeconds / 1e6)).toFixed(3),
      until.toFixed(2),
    ];
    rows.push(row);
    process.stderr.write(`${row.join('  ')}\n`);
  }
  return rows;
}

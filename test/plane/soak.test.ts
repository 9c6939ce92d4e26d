/** The short form of `npm run bench:soak`: churn for some seconds, constant memory, no lost connection. */
import { performance } from 'node:perf_hooks';
import { expect, test } from 'vitest';
import { Churn, growth } from '../../bench/soak/churn.ts';

test('churn', { timeout: 120_000 }, () => {
  const churn = new Churn();
  // Until every table has been as full as it gets: connections that nobody answers live for a minute of the node's time.
  while (churn.rounds < 40) churn.round();
  const before = churn.memory();
  const end = performance.now() + 10_000;
  while (performance.now() < end || churn.rounds < 60) churn.round();
  expect(churn.lost).toEqual([]);
  expect(growth(before, churn.memory())).toEqual([]);
  expect(churn.opened).toBeGreaterThan(50_000);
  const { caches, ports } = churn.node.stats();
  expect(caches.connections).toBeGreaterThan(100n);
  expect(ports.length).toBeGreaterThan(8);
  // And it would have been noticed.
  churn.node.plane.removePort(churn.node.physicalPort('h0') ?? 0);
  churn.round();
  expect(churn.lost.length).toBeGreaterThan(0);
});

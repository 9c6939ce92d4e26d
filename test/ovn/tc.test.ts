/** Filters for tc(8): its own parser takes them, down to the interface that is not prepared for any. */
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { loadSubject } from '../../cli/offload/subject.ts';
import { planText } from '../../engine/offload/plan-text.ts';
import { planOffload } from '../../sim/offload/plan.ts';

/** What tc says of a filter on the loopback interface. */
function answerTo(line: string): string {
  const words = line
    .replaceAll(/\bdev \S+/g, 'dev lo')
    .split(' ')
    .slice(1);
  return spawnSync('tc', words, { encoding: 'utf8' }).stderr;
}

/** What the kernel answers to what tc has understood: there is no place for filters, or no right to make them. */
const understood = /Parent Qdisc doesn't exists|Block of given index was not found|Operation not permitted/;

test.each([
  ['examples/two-networks.yaml', 'testnet1-1'],
  ['examples/isolated-networks.yaml', 'node-1'],
])('%s', async (input, node) => {
  const subject = await loadSubject([input], { node, device: 'bluefield-3-doca-hws', uplink: 'p0', port: [] });
  const filters = planText(planOffload(subject), 'tc')
    .split('\n')
    .filter((line) => line.startsWith('tc '));
  expect(filters.length).toBeGreaterThan(20);
  for (const line of filters) expect(answerTo(line), line).toMatch(understood);
  expect(answerTo('tc filter add dev lo ingress protocol ip flower dst_mac nonsense')).not.toMatch(understood);
});

/** Of parts that are alike a few say what all of them are on their wires. */
import { describe, expect, test } from 'vitest';
import { formatIpv4 } from '../../../../engine/lang/addresses.ts';
import { outsideOfAll } from '../../../../sim/jobs/alike/crowds.ts';
import { openAlike, type Verified } from '../../../../sim/jobs/alike/index.ts';
import { outlineOf } from '../../../../sim/jobs/outline.ts';
import { type Part, subjectOf as subjectOfPart } from '../../../../sim/jobs/parts.ts';
import { planOf } from '../../../../sim/jobs/plan.ts';
import { outsideOf, summaryOf, type WireSummary } from '../../../../sim/jobs/wires.ts';
import { openView } from '../../../../sim/properties/open-view.ts';
import { analyse, networkOf, packetSpace } from '../../../../sim/symbolic/index.ts';
import { network, node, vf, vpc } from '../../../topology.ts';
import { subjectOf } from './subjects.ts';

const names = ['blue', 'green', 'red', 'white'];

/** The parts of four tenants, and what each is on its wires: worked out for each, and told by the first one. */
function four() {
  const manifests = names.flatMap((name) => [
    vpc(name),
    network(`${name}net`, name, '10.0.0.0/24'),
    vf(`${name}net`, 0),
    node(name, name),
  ]);
  const subject = subjectOf(manifests);
  const plan = planOf(subject, { properties: [], today: '2026-01-01' });
  const common = { ...plan.common, matrix: false };
  const { parts } = plan.partition;
  const own = parts.map((part) => worked(part, common.elsewhere));
  const alike = openAlike(common);
  const [first] = parts;
  const form = first && alike?.formOf(first);
  if (!first || !form || !alike) throw new Error('there is no part that looks like anything');
  const result = { offers: [], met: [], ...(own[0] && { outside: own[0] }) };
  const kin = { source: result, form, summary: () => own[0], outline: () => own[0] && outlineOf(own[0]) };
  const from: Verified = { part: first, form, result, kin };
  const told = parts.slice(1).map((part) => {
    const other = alike.formOf(part);
    return other && alike.tell(from, part, other)?.kin;
  });
  return { own, kin: [from.kin, ...told] };
}

function worked(part: Part, elsewhere: Parameters<typeof subjectOfPart>[1]): WireSummary | undefined {
  const { southbound, strangers, plans, northbound } = subjectOfPart(part, elsewhere);
  const network = networkOf(southbound);
  const components = network.components.flatMap(([one], index) => (one && !strangers.has(one.uuid) ? [index] : []));
  return summaryOf(openView(analyse(network, { components }), plans, northbound));
}

describe('four tenants on one wire', { timeout: 240_000 }, () => {
  test('are told by one of them', () => {
    const { own, kin } = four();
    const space = packetSpace();
    for (const [index, summary] of own.entries()) {
      const told = kin[index]?.summary();
      if (!summary || !told) throw new Error('nothing is told');
      const count = 3 * summary.wires.length;
      expect(space.load(told.sets).slice(0, count)).toEqual(space.load(summary.sets).slice(0, count));
      expect(told.reactions).toHaveLength(summary.reactions.length);
    }

    const all = outsideOf(packetSpace(), own);
    const parts = kin.map((one) => ({ summary: undefined, ...(one && { kin: one }) }));
    const few = outsideOfAll(packetSpace(), parts, 2);
    const numbers = own.map((_, index) => index);
    expect(numbers.map((index) => few?.isEntangled(index))).toEqual(numbers.map((index) => all.isEntangled(index)));
    for (const index of numbers) {
      // Each has a node outside.
      const address = formatIpv4(BigInt(0x1e1e0002 + index));
      expect(all.isAnsweredBesides(index, address)).toBe(false);
      expect(few?.isAnsweredBesides(index, address)).toBe(false);
      expect(few?.isAnsweredBesides((index + 1) % 4, address)).toBe(true);
    }
  });
});

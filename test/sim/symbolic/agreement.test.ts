/**
 * The fate that the classes of an analysis give a packet is the one that the
 * tracer finds: for a packet of every class, and for random ones.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { computeSouthbound } from '../../../engine/northd/index.ts';
import type { Southbound } from '../../../engine/ovsdb/southbound.ts';
import { readManifests } from '../../../engine/spec/read.ts';
import { northboundOfPlan, planTopology } from '../../../engine/vpc/index.ts';
import { analyse } from '../../../sim/symbolic/index.ts';
import { asTracer, classLines, networkOf, packetText, prepare, sayTheSame, tracedLines } from './traced.ts';

const examples = ['single-vpc', 'two-networks', 'isolated-networks', 'service-interface'];

function southboundOf(name: string): Southbound {
  const text = readFileSync(`examples/${name}.yaml`, 'utf8');
  const { resources } = readManifests([{ file: name, text }]);
  return computeSouthbound(northboundOfPlan(planTopology(resources))).southbound;
}

describe.each(examples)('%s', (name) => {
  const southbound = southboundOf(name);
  const analysis = analyse(networkOf(southbound));
  const { space } = analysis;

  test('nothing is left out', () => {
    expect(analysis.gaps.map(({ reason }) => reason)).toEqual([]);
    const all = analysis.classes.filter(({ connection }) => connection === 'new').map(({ packets }) => packets);
    expect(space.isSubset(analysis.possible, space.orAll(all))).toBe(true);
  });

  test('a packet of every class goes where the tracer brings it', { timeout: 120_000 }, () => {
    const topology = prepare(southbound);
    const settled = space.cube(
      space.fields.flatMap(({ name: field, width }, index) =>
        /^(neighbor|choice|chance|opener|copy)/.test(field)
          ? [{ field: index, value: 0n, mask: (1n << BigInt(width)) - 1n }]
          : [],
      ),
    );
    let compared = 0;
    for (const one of analysis.classes) {
      if (one.connection !== 'new') continue;
      const picked = space.pick(space.and(one.packets, settled));
      if (!picked) continue;
      const packet = asTracer(picked);
      compared++;
      const own = classLines(analysis, packet);
      const traced = tracedLines(topology, analysis, packet);
      if (!sayTheSame(own, traced)) expect(own, packetText(packet)).toEqual(traced);
    }
    expect(compared).toBeGreaterThan(50);
  });
});

/**
 * Plans of all examples, for each of their nodes, are proven; where no node has a port of a host there is nothing that
 * could be wrong, and that is seen.  Together they take about a minute of one processor.
 */
import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import { chassisNames } from '../../cli/chassis.ts';
import { loadSubject, type Subject } from '../../cli/offload/subject.ts';
import { loadNetwork } from '../../cli/topology.ts';
import { checkRules, problemText } from '../../engine/offload/check.ts';
import { placementOf } from '../../engine/program/placement.ts';
import { planOffload } from '../../sim/offload/plan.ts';
import { proveRules } from '../../sim/offload/prove.ts';
import { exampleManifests } from '../examples/manifests.ts';

vi.setConfig({ testTimeout: 400_000 });

async function nodesOf(input: string): Promise<readonly string[]> {
  const { southbound, northbound } = await loadNetwork([input], {});
  const services = southbound.services?.ports ?? new Map();
  return chassisNames(southbound, northbound ? placementOf(northbound) : { ports: services, balancers: [] });
}

const subjectOf = (input: string, node: string): Promise<Subject> =>
  loadSubject([input], { node, device: 'bluefield-3-doca-hws', uplink: 'p0', port: [] });

/** What is wrong with the plan of a node: sentences. */
function faults(subject: Subject): string[] {
  const { southbound, placement, node, device, capabilities } = subject;
  const { ruleSet } = planOffload(subject);
  const proof = proveRules({ southbound, placement }, { name: node, ...device }, ruleSet);
  const ports = [device.uplink, ...device.ports.values()];
  return [
    ...(proof.verdict === 'violated' ? proof.violations.map(({ sentence }) => sentence) : []),
    ...(proof.verdict === 'unknown' ? proof.reasons : []),
    ...checkRules(ruleSet, capabilities, { ports }).map(problemText),
  ];
}

const under = (folder: string, file: string): string[] =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(`${folder}/${entry.name}/${file}`))
    .map(({ name }) => `${folder}/${name}/${file}`);

const manifests = exampleManifests.map((name) => `examples/${name}`);

test.each([...manifests, ...under('examples/offload', 'network.db')])('%s', async (input) => {
  const nodes = await nodesOf(input);
  expect(nodes.length).toBeGreaterThan(0);
  for (const node of nodes)
    expect({ node, faults: faults(await subjectOf(input, node)) }).toEqual({ node, faults: [] });
});

describe('databases in which no host has a node', () => {
  const inputs = ['broken.db', 'fixed.db'].flatMap((file) => under('examples/field', file));

  test.each(inputs)('%s', async (input) => {
    for (const node of await nodesOf(input)) {
      const { ruleSet } = planOffload(await subjectOf(input, node));
      const ends = ruleSet.rules.flatMap(({ actions }) => actions.filter(({ type }) => type === 'represented_port'));
      expect({ node, ends }).toEqual({ node, ends: [] });
    }
  });
});

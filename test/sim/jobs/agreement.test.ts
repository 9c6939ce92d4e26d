/** Verified by parts, a network has the very findings that it has verified at once. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { computeSouthbound } from '../../../engine/northd/index.ts';
import { readDatabase } from '../../../engine/ovsdb/file.ts';
import { readNorthbound } from '../../../engine/ovsdb/northbound-db.ts';
import { readManifests } from '../../../engine/spec/read.ts';
import { northboundOfPlan, planTopology } from '../../../engine/vpc/index.ts';
import type { Subject } from '../../../sim/jobs/parts.ts';
import { planOf } from '../../../sim/jobs/plan.ts';
import { type Policy, readPolicy } from '../../../sim/policy/index.ts';
import { builtInProperties } from '../../../sim/properties/index.ts';
import { propertiesOf } from '../../../sim/verifier.ts';
import { exampleManifests } from '../../examples/manifests.ts';
import { pairs } from '../../examples/pairs.ts';
import { bothWays } from './both-ways.ts';

const examples = fileURLToPath(new URL('../../../examples/', import.meta.url));

function manifestSubject(files: { file: string; text: string }[]): Subject {
  const { resources } = readManifests(files);
  const plans = planTopology(resources);
  const northbound = northboundOfPlan(plans);
  return { southbound: computeSouthbound(northbound).southbound, northbound, plans };
}

/** Those of a single part are verified at once anyway. */
function expectAgreement(subject: Subject, policy?: Policy): void {
  const options = { properties: builtInProperties, today: '2026-01-01', ...(policy && { policy }) };
  if (planOf(subject, options).partition.parts.length < 2) return;
  const { parts, together } = bothWays(subject, propertiesOf(policy), policy);
  expect(parts).toEqual(together);
}

const timeout = 300_000;

describe('manifests', { timeout }, () => {
  test.each(exampleManifests)('%s', (file) => {
    expectAgreement(manifestSubject([{ file, text: readFileSync(join(examples, file), 'utf8') }]));
  });
});

describe('databases', { timeout }, () => {
  const sides = pairs.flatMap(({ name, bad, good }) => [[name, bad] as const, [name, good] as const]);
  test.each(sides)('%s %s', (name, side) => {
    const pair = pairs.find((one) => one.name === name) as (typeof pairs)[number];
    const { northbound } = readNorthbound(readDatabase(readFileSync(join(pair.folder, `${side}.db`))));
    const file = join(pair.folder, 'policy.yaml');
    const policy = existsSync(file) ? readPolicy(file, readFileSync(file, 'utf8')).policy : undefined;
    expectAgreement({ southbound: computeSouthbound(northbound).southbound, northbound }, policy);
  });
});

/** The networks that are changed: those of manifests, and of northbound databases with the policy beside them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readDatabase } from '../../engine/ovsdb/file.ts';
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import { readNorthbound } from '../../engine/ovsdb/northbound-db.ts';
import { readManifests } from '../../engine/spec/read.ts';
import { northboundOfPlan, planTopology, type VpcPlan } from '../../engine/vpc/index.ts';
import { type Policy, readPolicy } from '../../sim/policy/index.ts';

/** A network as mutants are made of it. */
export interface Network {
  readonly plans: readonly VpcPlan[];
  readonly northbound: Northbound;
  readonly policy?: Policy;
}

/** Reads manifests, or a database with the `policy.yaml` beside it. Throws an Error where they cannot be read. */
export function readNetwork(file: string): Network {
  if (!file.endsWith('.db')) {
    const plans = planTopology(readManifests([{ file, text: readFileSync(file, 'utf8') }]).resources);
    return { plans, northbound: northboundOfPlan(plans) };
  }
  const { northbound } = readNorthbound(readDatabase(readFileSync(file)));
  const policy = policyIn(dirname(file));
  return { plans: [], northbound, ...(policy && { policy }) };
}

/** The examples' databases that are as they should be, by their names: `field/shared-uplink/fixed`. Read from the project's folder. */
export function goodDatabases(): string[] {
  return [
    ['field', 'fixed'],
    ['properties', 'holds'],
  ].flatMap(([group, file]) =>
    readdirSync(`examples/${group}`)
      .sort()
      .map((name) => `${group}/${name}/${file}`)
      .filter((name) => existsSync(`examples/${name}.db`)),
  );
}

function policyIn(folder: string): Policy | undefined {
  const file = join(folder, 'policy.yaml');
  if (!existsSync(file)) return undefined;
  const { policy, problems } = readPolicy(file, readFileSync(file, 'utf8'));
  if (!policy) throw new Error(problems.map(({ message }) => message).join('\n'));
  return policy;
}

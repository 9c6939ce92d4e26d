/** The properties that rows alone, or rows and flows, decide: on the pairs of examples. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { computeSouthbound } from '../../../engine/northd/index.ts';
import { readDatabase } from '../../../engine/ovsdb/file.ts';
import { readNorthbound } from '../../../engine/ovsdb/northbound-db.ts';
import { readPolicy } from '../../../sim/policy/index.ts';
import { builtInProperties } from '../../../sim/properties/index.ts';
import { openView } from '../../../sim/properties/open-view.ts';
import type { Property } from '../../../sim/properties/property.ts';
import { analyse, networkOf } from '../../../sim/symbolic/index.ts';
import { pairs } from '../../examples/pairs.ts';

const ids = [
  'acl-effective',
  'address-unique',
  'ambiguous-flows',
  'dead-flows',
  'mtu-fits',
  'next-hop-valid',
  'subnet-overlap',
];

function verdicts(property: Property, folder: string, file: string): string[] {
  const database = readDatabase(readFileSync(join(folder, `${file}.db`)));
  const { northbound } = readNorthbound(database);
  const { southbound } = computeSouthbound(northbound);
  const policy = policyIn(folder);
  const view = openView(analyse(networkOf(southbound)), [], northbound, policy);
  return [...property.checks(view)].map((check) => (check.vacuous === undefined ? check.judge().verdict : 'vacuous'));
}

function policyIn(folder: string) {
  try {
    return readPolicy('policy.yaml', readFileSync(join(folder, 'policy.yaml'), 'utf8')).policy;
  } catch {
    return undefined;
  }
}

describe.each(ids)('%s', (id) => {
  const property = builtInProperties.find((one) => one.id === id) as Property;
  const own = pairs.filter(({ expected }) => expected.property === id);

  test.each(own.map((pair) => [pair.name, pair] as const))(
    'tells %s',
    { timeout: 120_000 },
    (_, { folder, bad, good }) => {
      expect(verdicts(property, folder, bad)).toContain('violated');
      expect(verdicts(property, folder, good)).not.toContain('violated');
    },
  );

  test('is tried on some', () => {
    expect(own.length).toBeGreaterThan(0);
  });
});

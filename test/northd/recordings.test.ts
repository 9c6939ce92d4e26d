/** The switch pipeline beside what ovn-northd 23.03.1 answered when test/ovn/northd.test.ts asked it. */
import { describe, expect, test } from 'vitest';
import { differences } from './compare.ts';
import { recorded } from './recordings.ts';
import { switchTopologies } from './topologies.ts';

describe('flows, bindings and addresses are those of ovn-northd', () => {
  for (const [name, make] of Object.entries(switchTopologies)) {
    test(name, async () => {
      const real = await recorded(name);
      expect(real.flows.length).toBeGreaterThan(0);
      expect(differences(make(), real)).toBe('');
    });
  }
});

/** The router pipeline beside what ovn-northd 23.03.1 answered when test/ovn/router.test.ts asked it. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { routerDifferences } from './flows.ts';
import { parseRecording, recordingUrl } from './recording.ts';
import { topologies } from './topologies.ts';

describe('flows are those of ovn-northd', () => {
  for (const [name, make] of Object.entries(topologies)) {
    test(name, () => {
      expect(existsSync(recordingUrl(name)), 'a recording: LFLOW_RECORD=1 npm run test:ovn').toBe(true);
      const real = parseRecording(readFileSync(recordingUrl(name), 'utf8'));
      expect(real.length).toBeGreaterThan(0);
      expect(routerDifferences(make(), real)).toBe('');
    });
  }
});

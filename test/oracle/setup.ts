/**
 * Before each file of tests: everything random in it follows from LFLOW_SEED, which `vitest.config.ts` draws
 * where nobody gave it, and a test that fails says which seed that was.
 */
import fc from 'fast-check';
import { beforeEach } from 'vitest';
import { wholeNumber } from './seed.ts';

const seed = wholeNumber('LFLOW_SEED');
if (seed === undefined) throw new Error('LFLOW_SEED is not set: vitest.config.ts should have drawn one');
fc.configureGlobal({ ...fc.readConfigureGlobal(), seed });

beforeEach(({ onTestFailed }) => {
  onTestFailed(() => {
    process.stderr.write(`LFLOW_SEED=${seed} repeats this run's random choices\n`);
  });
});

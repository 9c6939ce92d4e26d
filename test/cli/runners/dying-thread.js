/** A thread that dies of its first job if there is a file named LFLOW_TEST_MARKER, which is gone then, and of every job if there is none. */
import { rmSync } from 'node:fs';
import work from '../../../dist/cli/runners/thread.js';

/** @param {Parameters<typeof work>[0]} job */
export default function die(job) {
  const marker = process.env.LFLOW_TEST_MARKER;
  if (marker === undefined) process.exit(1);
  try {
    rmSync(marker);
  } catch {
    return work(job);
  }
  process.exit(1);
}

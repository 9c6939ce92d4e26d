/** The policy that a command line names. */
import { readFile } from 'node:fs/promises';
import { formatProblem, InputError } from '../engine/origin.ts';
import { type Policy, readPolicy } from '../sim/policy/index.ts';
import { builtInProperties } from '../sim/properties/index.ts';

/** Reads a policy file. Throws `InputError` with all that is wrong with it; warnings go to standard error. */
export async function loadPolicy(file: string): Promise<Policy> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    const message = `the policy cannot be read: ${error.code === 'ENOENT' ? 'there is no such file' : error.message}`;
    throw new InputError([{ file, line: 1, column: 1, severity: 'error', id: 'unreadable', path: '', message }]);
  });
  const { policy, problems } = readPolicy(file, text, { builtIns: builtInProperties.map(({ id }) => id) });
  if (!policy) throw new InputError(problems);
  for (const problem of problems) process.stderr.write(`${formatProblem(problem)}\n`);
  return policy;
}

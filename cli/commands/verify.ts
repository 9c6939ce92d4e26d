/** `lflow verify`: what do the logical flows let through, and is that what was promised? Proven for all packets. */
import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { formatProblem, InputError } from '../../engine/origin.ts';
import { type Policy, readPolicy } from '../../sim/policy/index.ts';
import { builtInProperties } from '../../sim/properties/index.ts';
import { propertiesOf, verifyNetwork } from '../../sim/verifier.ts';
import { outputOption } from '../command.ts';
import { nodesOption } from '../input.ts';
import { openProgress } from '../progress.ts';
import { loadNetwork } from '../topology.ts';
import { emitVerdict, type VerdictOptions, verdictFormatOption } from '../verdict.ts';

interface VerifyCommandOptions extends VerdictOptions {
  nodes?: number;
  policy?: string;
}

export default function define(): Command {
  return new Command('verify')
    .description(
      'Proves for all packets what the logical flows of a network let through, and shows a packet where a promise is broken. Without a policy these properties are proven: ' +
        `${builtInProperties.map(({ id }) => id).join(', ')}.`,
    )
    .argument('<input...>', 'YAML files, folders of them, - for standard input, or an OVN database file')
    .option(
      '--policy <file>',
      'rules of your own, what the network is to be taken for, and exceptions (docs/policy.md)',
    )
    .addOption(nodesOption())
    .addOption(verdictFormatOption())
    .addOption(outputOption())
    .action(async (inputs: string[], options: VerifyCommandOptions): Promise<void> => {
      const policy = options.policy === undefined ? undefined : await loadPolicy(options.policy);
      const subject = await loadNetwork(inputs, options);
      const progress = openProgress();
      const verification = verifyNetwork(subject, {
        ...(policy && { policy }),
        onProgress: (what) => progress.show(what),
      });
      progress.close();
      const properties = propertiesOf(policy).map(({ id, promise }) => ({ id, promise, help: helpOf(id) }));
      await emitVerdict(verification, { inputs, properties, southbound: subject.southbound }, options);
    });
}

const builtInIds = new Set(builtInProperties.map(({ id }) => id));

const helpOf = (id: string): string => (builtInIds.has(id) ? `docs/properties/${id}.md` : 'docs/policy.md');

/** Reads a policy file. Throws `InputError` with all that is wrong with it; warnings go to standard error. */
export async function loadPolicy(file: string): Promise<Policy> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    const message = `the policy cannot be read: ${error.code === 'ENOENT' ? 'there is no such file' : error.message}`;
    throw new InputError([{ file, line: 1, column: 1, severity: 'error', id: 'unreadable', path: '', message }]);
  });
  const { policy, problems } = readPolicy(file, text, { builtIns: [...builtInIds] });
  if (!policy) throw new InputError(problems);
  for (const problem of problems) process.stderr.write(`${formatProblem(problem)}\n`);
  return policy;
}

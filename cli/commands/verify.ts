/** `lflow verify`: what do the logical flows let through, and is that what was promised? */
import { Command } from 'commander';
import { jsonReport } from '../../sim/probe/json-report.ts';
import { builtInProperties } from '../../sim/probe/properties/index.ts';
import { textReport } from '../../sim/probe/text-report.ts';
import { type Verdict, verify } from '../../sim/verify.ts';
import { conclude, emit, formatOption, type OutputOptions, outputOption, type Status, status } from '../command.ts';
import { nodesOption } from '../input.ts';
import { openProgress } from '../progress.ts';
import { loadSouthbound } from '../topology.ts';

const statuses: Record<Verdict, Status> = {
  probed: status.fine,
  vacuous: status.fine,
  violated: status.violated,
  unknown: status.unknown,
};

export default function define(): Command {
  return new Command('verify')
    .description(
      `Computes the logical flows that OVN would install for the manifests, sends packets through them and judges each against what the manifests promise: ${builtInProperties.map(({ id }) => id).join(', ')}.`,
    )
    .argument('<input...>', 'YAML files, folders of them, or - for standard input')
    .addOption(nodesOption())
    .addOption(formatOption(['text', 'json']))
    .addOption(outputOption())
    .action(
      async (inputs: string[], options: { format: 'text' | 'json'; nodes?: number } & OutputOptions): Promise<void> => {
        const { southbound, plans } = await loadSouthbound(inputs, options);
        const progress = openProgress();
        const verification = verify(southbound, plans, {
          onCheck: ({ id }, subject, probes) => progress.show(`${id} ${subject} (${probes} packets)`),
        });
        progress.close();
        const colour = options.output === undefined && process.stdout.isTTY && !process.env.NO_COLOR;
        const text =
          options.format === 'json'
            ? jsonReport(verification)
            : textReport(verification, { properties: builtInProperties, colour });
        await emit(text, options);
        conclude(statuses[verification.verdict]);
      },
    );
}

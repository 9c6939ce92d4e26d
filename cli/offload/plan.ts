/** `lflow offload plan`: rules for the hardware of a node, before any packet has been seen, or made of traffic. */
import { Command } from 'commander';
import { type PlanFormat, planFormats, planText } from '../../engine/offload/plan-text.ts';
import { SpaceFull } from '../../engine/sets/index.ts';
import { planOffload } from '../../sim/offload/plan.ts';
import { conclude, emit, formatOption, type OutputOptions, outputOption, status, UsageError } from '../command.ts';
import { openProgress } from '../progress.ts';
import { checkPlacement, type PlacementOptions, placementOptions, reactivelyPlanned } from './placement.ts';
import { loadSubject, type SubjectOptions, subjectOptions } from './subject.ts';

interface PlanCommandOptions extends SubjectOptions, OutputOptions, PlacementOptions {
  format: PlanFormat;
  mostRules?: number;
}

const explanation = `
text tells the rules of each group against the limits of the device, and what becomes of the traffic; json is what
"lflow offload verify --rules" and "apply --rules" take. testpmd, tc and dump-flows are the rules as those know them.

Exit status: 0 there is a plan, 2 the input or the usage is wrong, 3 the network is too large to be followed.`;

export default function define(): Command {
  return placementOptions(subjectOptions(new Command('plan')))
    .description('Makes rules for the hardware of a node, and says what becomes of its traffic under them.')
    .option('--most-rules <N>', 'make no more rules than this', Number)
    .addOption(formatOption(planFormats))
    .addOption(outputOption())
    .addHelpText('after', explanation)
    .action(async (inputs: string[], options: PlanCommandOptions): Promise<void> => {
      checkPlacement(options);
      const { mostRules } = options;
      if (mostRules !== undefined && !(Number.isInteger(mostRules) && mostRules >= 0)) {
        throw new UsageError('--most-rules: give a whole number of rules, such as 50000');
      }
      const subject = await loadSubject(inputs, options);
      if (options.placement === 'reactive') {
        await emit(planText(await reactivelyPlanned(subject, options), options.format), options);
        return;
      }
      const progress = openProgress();
      try {
        const plan = planOffload({
          ...subject,
          onProgress: (what) => progress.show(what),
          ...(mostRules !== undefined && { mostRules }),
        });
        progress.close();
        await emit(planText(plan, options.format), options);
      } catch (error) {
        progress.close();
        if (!(error instanceof SpaceFull)) throw error;
        process.stderr.write(
          `lflow: the packets of ${subject.node} need more memory than there may be; nothing is planned\n`,
        );
        conclude(status.unknown);
      }
    });
}

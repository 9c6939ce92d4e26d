/** `lflow offload`: rules for hardware; a file of cli/offload/ each subcommand. */
import { Command } from 'commander';
import apply from '../offload/apply.ts';
import diff from '../offload/diff.ts';
import dump from '../offload/dump.ts';
import explain from '../offload/explain.ts';
import plan from '../offload/plan.ts';
import verify from '../offload/verify.ts';

export default function define(): Command {
  return new Command('offload')
    .description(
      'Makes rules for the hardware of a node, says what becomes of its traffic, and gives them to a device.',
    )
    .addCommand(plan())
    .addCommand(verify())
    .addCommand(explain())
    .addCommand(apply())
    .addCommand(dump())
    .addCommand(diff());
}

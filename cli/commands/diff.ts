/** `lflow diff`: what traffic is newly allowed and newly denied between two inputs, proven for all packets. */
import { Command } from 'commander';
import { diffNetworks, diffText, type NetworkDiff } from '../../sim/diff/index.ts';
import {
  conclude,
  emit,
  formatOption,
  type OutputOptions,
  outputOption,
  type Status,
  status,
  UsageError,
} from '../command.ts';
import { nodesOption } from '../input.ts';
import { openProgress } from '../progress.ts';
import { loadNetwork } from '../topology.ts';

interface DiffCommandOptions extends OutputOptions {
  format: 'text' | 'json';
  nodes?: number;
}

const explanation = `
Compared is what packets that open connections reach which ports; ports of the same name are the same.

Exit status: 0 nothing changed, 1 something is newly allowed or denied (or a port is new or gone), 2 the input or
the usage is wrong, 3 nothing changed that is known, but not everything is known.

  lflow diff main/manifests manifests`;

const statuses: Record<NetworkDiff['verdict'], Status> = {
  same: status.fine,
  changed: status.violated,
  unknown: status.unknown,
};

export default function define(): Command {
  return new Command('diff')
    .description(
      'Says for all packets what a new network lets through that the old one did not, and the other way round, with a packet for each.',
    )
    .argument('<old>', 'a YAML file, a folder of them, - for standard input, or an OVN database file')
    .argument('<new>', 'the same of the network that takes its place')
    .addOption(nodesOption())
    .addOption(formatOption(['text', 'json']))
    .addOption(outputOption())
    .addHelpText('after', explanation)
    .action(async (oldInput: string, newInput: string, options: DiffCommandOptions): Promise<void> => {
      if (oldInput === '-' && newInput === '-') throw new UsageError('only one of OLD and NEW can be standard input');
      const old = await loadNetwork([oldInput], options);
      const now = await loadNetwork([newInput], options);
      const progress = openProgress();
      const diff = diffNetworks(old, now, { onProgress: (what) => progress.show(what) });
      progress.close();
      await emit(options.format === 'json' ? `${JSON.stringify(diff, undefined, 2)}\n` : diffText(diff), options);
      conclude(statuses[diff.verdict]);
    });
}

/** `lflow reach`: which packets get from a port, a network or the outside to another, proven for all packets. */
import { Command } from 'commander';
import { nearest } from '../../engine/spec/nearest.ts';
import { type Place, placesOf, type Reach, reachOf, reachText } from '../../sim/reach/index.ts';
import { networkOf } from '../../sim/symbolic/index.ts';
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

interface ReachCommandOptions extends OutputOptions {
  format: 'text' | 'json';
  nodes?: number;
}

const explanation = `
FROM and TO are each the name of a port, of a switch (its hosts), of a wire, "outside (WIRE)", or "outside", all wires.
Asked is for packets that open connections.

Exit status: 0 some packet arrives, 1 none does, 2 the input or the usage is wrong, 3 something was not understood.

  lflow reach vpc.yaml default/rednet outside`;

const statuses: Record<Reach['verdict'], Status> = {
  reachable: status.fine,
  unreachable: status.violated,
  unknown: status.unknown,
};

export default function define(): Command {
  return new Command('reach')
    .description(
      'Says for all packets which of them get from one place to another, and by which way, or what is in the way.',
    )
    .argument('<input>', 'a YAML file, a folder of them, - for standard input, or an OVN database file')
    .argument('<from>', 'a port, a network (switch), or "outside"')
    .argument('<to>', 'the same of where packets are to arrive')
    .addOption(nodesOption())
    .addOption(formatOption(['text', 'json']))
    .addOption(outputOption())
    .addHelpText('after', explanation)
    .action(async (input: string, from: string, to: string, options: ReachCommandOptions): Promise<void> => {
      const { southbound, northbound } = await loadNetwork([input], options);
      const network = networkOf(southbound);
      const places = placesOf(network);
      const ends = [named(places, from), named(places, to)] as const;
      const progress = openProgress();
      const reach = reachOf(network, ...ends, {
        ...(northbound && { northbound }),
        onProgress: (what) => progress.show(what),
      });
      progress.close();
      await emit(options.format === 'json' ? `${JSON.stringify(reach, undefined, 2)}\n` : reachText(reach), options);
      conclude(statuses[reach.verdict]);
    });
}

/** So many names are listed where none is near. */
const listed = 8;

function named(places: ReadonlyMap<string, Place>, name: string): Place {
  const place = places.get(name);
  if (place) return place;
  const names = [...places.keys()];
  // Whoever leaves the namespace out means the network or port with it.
  const meant = names.find((one) => one.endsWith(`/${name}`)) ?? nearest(name, names);
  const more = names.length > listed ? `, and ${names.length - listed} more` : '';
  const hint =
    meant === undefined ? `there are ${names.slice(0, listed).join(', ')}${more}` : `did you mean "${meant}"?`;
  throw new UsageError(`no port, network or wire is called "${name}"; ${hint}`);
}

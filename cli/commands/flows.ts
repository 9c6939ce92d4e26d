/** `lflow flows`: the logical flows, as `ovn-sbctl lflow-list` prints them. */
import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { lflowList } from '../../engine/northd/lflow-list.ts';
import type { DatapathBinding, Southbound } from '../../engine/ovsdb/southbound.ts';
import { emit, formatOption, type OutputOptions, outputOption, UsageError } from '../command.ts';
import { nodesOption } from '../input.ts';
import { loadFlows } from '../topology.ts';

interface Options extends OutputOptions {
  format: 'text' | 'json';
  nodes: number;
}

const explanation = `
DATAPATH is the name of a logical switch or router, or the beginning of its UUID; without one the
flows of all are printed. A last argument that is no file's name is taken for one.

The OVSDB file is a northbound database, whose flows are computed, or a southbound one, whose flows
are printed as they are.`;

export default function define(): Command {
  return new Command('flows')
    .description('Prints the logical flows that ovn-northd would install, in the form of ovn-sbctl lflow-list.')
    .argument(
      '<input...>',
      'YAML files, folders of them, an OVSDB file, or - for standard input; then, if wanted, a DATAPATH',
    )
    .usage('<input...> [datapath] [options]')
    .addOption(nodesOption())
    .addOption(formatOption(['text', 'json']))
    .addOption(outputOption())
    .addHelpText('after', explanation)
    .action(async (words: string[], options: Options) => {
      const { inputs, name } = separate(words);
      const { southbound } = await loadFlows(inputs, { nodes: options.nodes });
      const datapaths = name === undefined ? southbound.datapaths : [datapathNamed(southbound, name)];
      const text = options.format === 'json' ? flowsJson(southbound, datapaths) : lflowList(southbound, datapaths);
      await emit(text, options);
    });
}

/** The inputs, and the datapath's name if the last word is one. */
function separate(words: readonly string[]): { inputs: string[]; name?: string } {
  const last = words[words.length - 1];
  if (words.length < 2 || last === '-' || existsSync(last)) return { inputs: [...words] };
  return { inputs: words.slice(0, -1), name: last };
}

function datapathNamed({ datapaths }: Southbound, name: string): DatapathBinding {
  const named = datapaths.filter((datapath) => datapath.name === name || datapath.externalIds.name2 === name);
  const found = named.length > 0 ? named : datapaths.filter(({ uuid }) => beginsUuid(uuid, name));
  if (found.length === 1) return found[0];
  if (found.length > 1) throw new UsageError(`"${name}" may be any of ${found.length} datapaths; give its UUID`);
  throw new UsageError(`there is neither a file nor a datapath "${name}"; ${existing(datapaths)}`);
}

/** The first few names, for somebody who mistyped one. */
function existing(datapaths: readonly DatapathBinding[]): string {
  if (datapaths.length === 0) return 'there are no datapaths at all';
  const names = datapaths.slice(0, 8).map((datapath) => `"${datapath.name}"`);
  const rest = datapaths.length - names.length;
  return `the datapaths are ${names.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

function beginsUuid(uuid: string, text: string): boolean {
  return text.length >= 4 && uuid.startsWith(text.toLowerCase().replace(/^0x/, ''));
}

/** Each flow with its datapath's name, and the place in the manifests that caused it where one is known. */
function flowsJson(southbound: Southbound, datapaths: readonly DatapathBinding[]): string {
  const names = new Map(datapaths.map(({ uuid, name }) => [uuid, name]));
  const flows = southbound.flows.flatMap((flow) => {
    const datapath = names.get(flow.datapath);
    const origin = flow.hint === undefined ? undefined : southbound.origins.get(flow.hint);
    return datapath === undefined ? [] : [{ ...flow, datapath, ...(origin && { origin }) }];
  });
  return `${JSON.stringify(flows, null, 2)}\n`;
}

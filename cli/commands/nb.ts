/** `lflow nb`: the northbound database that is given, or that the manifests ask for. */
import { Command } from 'commander';
import { nbJson } from '../../engine/ovsdb/nb-json.ts';
import { nbShow } from '../../engine/ovsdb/nb-show.ts';
import { nbctlScript } from '../../engine/ovsdb/nbctl.ts';
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import { WriteError, writeNorthbound } from '../../engine/ovsdb/write-databases.ts';
import { emit, formatOption, type OutputOptions, outputOption, UsageError } from '../command.ts';
import { checksum } from '../database.ts';
import { nodesOption } from '../input.ts';
import { loadNorthbound } from '../topology.ts';

const forms = ['show', 'json', 'nbctl', 'ovsdb'] as const;

const explanation = `
Forms: show is what ovn-nbctl show prints; json is every table and row with the place in the
manifests that caused it; nbctl is a shell script that recreates the database in an empty one;
ovsdb is a standalone database file that ovsdb-server opens:

  lflow nb vpc.yaml --format nbctl | sh -s -- --db=tcp:127.0.0.1:6641
  lflow nb vpc.yaml --format ovsdb -o ovnnb_db.db`;

export default function define(): Command {
  return new Command('nb')
    .description('Prints the OVN northbound database that is given, or that the manifests ask for.')
    .argument('<input...>', 'YAML files, folders of them, a northbound OVSDB file, or - for standard input')
    .addOption(formatOption(forms))
    .addOption(nodesOption())
    .addOption(outputOption())
    .addHelpText('after', explanation)
    .action(async (inputs: string[], options: OutputOptions & { format: (typeof forms)[number]; nodes?: number }) => {
      const { northbound } = await loadNorthbound(inputs, options);
      await emit(textOf(northbound, options.format), options);
    });
}

function textOf(nb: Northbound, form: (typeof forms)[number]): string | Uint8Array {
  if (form === 'show') return nbShow(nb);
  if (form === 'json') return nbJson(nb);
  try {
    return form === 'nbctl' ? nbctlScript(nb) : writeNorthbound(nb, checksum);
  } catch (error) {
    if (error instanceof RangeError)
      throw new UsageError(`cannot write a script of ovn-nbctl commands: ${error.message}`);
    if (error instanceof WriteError) throw new UsageError(`cannot write a database file: ${error.message}`);
    throw error;
  }
}

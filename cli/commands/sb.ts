/** `lflow sb`: the southbound database, computed or given. */
import { Command } from 'commander';
import { databaseJson } from '../../engine/ovsdb/database-json.ts';
import { sbShow } from '../../engine/ovsdb/sb-show.ts';
import { type SouthboundRows, southboundSchema } from '../../engine/ovsdb/southbound-schema.ts';
import { WriteError, writeSouthbound } from '../../engine/ovsdb/write-databases.ts';
import { emit, formatOption, type OutputOptions, outputOption, UsageError } from '../command.ts';
import { checksum } from '../database.ts';
import { nodesOption } from '../input.ts';
import { loadTables } from '../topology.ts';

const forms = ['show', 'json', 'ovsdb'] as const;

interface Options extends OutputOptions {
  format: (typeof forms)[number];
  nodes?: number;
}

const explanation = `
Forms: show is what ovn-sbctl show prints: chassis with their ports, so nothing of a database that is
computed, with which none has registered yet; json is every table and row; ovsdb is a standalone
database file that ovsdb-server opens, for ovn-trace and ovn-controller:

  lflow sb vpc.yaml --format ovsdb -o ovnsb_db.db`;

export default function define(): Command {
  return new Command('sb')
    .description('Prints the OVN southbound database that is given, or that ovn-northd would write.')
    .argument('<input...>', 'YAML files, folders of them, an OVSDB file, or - for standard input')
    .addOption(formatOption(forms))
    .addOption(nodesOption())
    .addOption(outputOption())
    .addHelpText('after', explanation)
    .action(async (inputs: string[], options: Options) => {
      const { tables, file } = await loadTables(inputs, options);
      if (file !== undefined && options.format === 'ovsdb') {
        throw new UsageError(
          `${file} is a southbound database already; "ovsdb-tool compact" writes it anew, and --format json its rows`,
        );
      }
      if (options.format === 'show' && tables.Chassis.size === 0) {
        process.stderr.write('note: no chassis has registered with this database; --format json prints its rows\n');
      }
      await emit(textOf(tables, options.format), options);
    });
}

function textOf(tables: SouthboundRows, form: (typeof forms)[number]): string | Uint8Array {
  if (form === 'show') return sbShow(tables);
  if (form === 'json') return databaseJson(southboundSchema, tables);
  try {
    return writeSouthbound(tables, checksum);
  } catch (error) {
    if (error instanceof WriteError) throw new UsageError(`cannot write a database file: ${error.message}`);
    throw error;
  }
}

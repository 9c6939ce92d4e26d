/** `lflow trace`: follows one packet through the logical flows, with ovn-trace's options and its text. */
import { existsSync } from 'node:fs';
import { Command, Option } from 'commander';
import { parseFrame, parseHex } from '../../engine/frame.ts';
import { parseIpv4, parseIpv6 } from '../../engine/lang/addresses.ts';
import {
  assumedConntrack,
  type Backend,
  type Form,
  MicroflowError,
  type ParsedPacket,
  parseCtState,
  parsePacket,
  prepare,
  type TraceTopology,
  traceFlow,
  traceJson,
  traceText,
} from '../../sim/trace/index.ts';
import { emit, formatOption, type OutputOptions, outputOption, UsageError } from '../command.ts';
import { type InputOptions, nodesOption } from '../input.ts';
import { loadFlows } from '../topology.ts';

interface Options extends InputOptions, OutputOptions {
  detailed?: true;
  summary?: true;
  minimal?: true;
  all?: true;
  ct: number[];
  lbDst?: Backend;
  selectId?: number;
  friendlyNames: boolean;
  frame?: Uint8Array;
  format: 'text' | 'json';
}

const explanation = `
MICROFLOW describes the packet in the match language; it has to name the port by which the packet
enters. The word before it, if it is no file's name, is the DATAPATH: a name, or the beginning of a
UUID; it may be left out, because the port decides it. With --frame, MICROFLOW only needs the port.

Example:
  lflow trace examples/two-vpcs.yaml 'inport == "PORT" && eth.src == 02:00:00:00:00:01 &&
      eth.dst == 02:00:00:00:00:02 && ip4.src == 10.0.0.1 && ip4.dst == 10.0.0.2 && ip.ttl == 64 && icmp4.type == 8'

\`lflow nb INPUT...\` prints the names of the ports with their addresses.`;

export default function define(): Command {
  return new Command('trace')
    .description(
      'Follows one packet through the logical flows and says what each of them does to it, as ovn-trace does.',
    )
    .argument(
      '<word...>',
      'the inputs (YAML files, folders of them, an OVSDB file, or - for standard input); the packet comes last',
    )
    .usage('<input...> [datapath] <microflow> [options]')
    .option('--detailed', 'table by table (the default)')
    .option('--summary', 'pipelines and actions, without tables')
    .option('--minimal', 'only what changes or delivers the packet')
    .option('--all', 'all three forms')
    .addOption(
      new Option('--ct <FLAGS>', 'state that a conntrack action finds: trk,new; once for each action, in turn')
        .argParser((text: string, before: number[]) => [...before, option('--ct', text, parseCtState)])
        .default([], 'established'),
    )
    .addOption(
      new Option('--lb-dst <IP[:PORT]>', 'the backend that a load balancer chooses').argParser((text) =>
        option('--lb-dst', text, parseBackend),
      ),
    )
    .addOption(
      new Option('--select-id <ID>', 'the member that an ECMP route or policy chooses').argParser((text) =>
        option('--select-id', text, parseMember),
      ),
    )
    .addOption(new Option('--friendly-names', 'show names instead of UUIDs').default(true))
    .option('--no-friendly-names', 'show names and UUIDs as the database has them')
    .addOption(new Option('--frame <HEX>', 'the packet is this Ethernet frame').argParser((text) => parseHex(text)))
    .addOption(nodesOption())
    .addOption(formatOption(['text', 'json']))
    .addOption(outputOption())
    .addHelpText('after', explanation)
    .action(async (words: string[], options: Options) => {
      const { inputs, datapath, microflow } = separate(words);
      const { southbound } = await loadFlows(inputs, options);
      const topology = prepare(southbound, { friendlyNames: options.friendlyNames });
      const text = trace(topology, microflow, datapath, options);
      await emit(text, options);
    });
}

interface Words {
  inputs: string[];
  datapath?: string;
  microflow: string;
}

/** The last word is the microflow; the one before it, unless it is a file or the only one, is the datapath. */
function separate(words: readonly string[]): Words {
  const inputs = words.slice(0, -1);
  const microflow = words[words.length - 1];
  const last = inputs[inputs.length - 1];
  if (last === undefined)
    throw new UsageError('give the inputs and, as the last word, the packet: inport == "PORT" && ...');
  if (inputs.length < 2 || last === '-' || existsSync(last)) return { inputs, microflow };
  return { inputs: inputs.slice(0, -1), datapath: last, microflow };
}

function trace(topology: TraceTopology, microflow: string, datapath: string | undefined, options: Options): string {
  const start = packetOf(topology, microflow, datapath, options);
  const conntrack = assumedConntrack({ ct: options.ct, ...(options.lbDst && { lbDst: options.lbDst }) });
  const { selectId } = options;
  const result = traceFlow(topology, start.datapath, start.packet, {
    conntrack,
    ...(selectId !== undefined && { selectId }),
  });
  for (const text of new Set([...topology.warnings, ...result.gaps])) process.stderr.write(`warning: ${text}\n`);
  if (options.format === 'json') return `${JSON.stringify(traceJson(topology, start.packet, result), null, 2)}\n`;
  return traceText(start.packet, result, forms(options));
}

function forms({ all, detailed, summary, minimal }: Options): Form[] {
  if (all) return ['detailed', 'summary', 'minimal'];
  const wanted: Form[] = [];
  if (detailed || !(summary || minimal)) wanted.push('detailed');
  if (summary) wanted.push('summary');
  if (minimal) wanted.push('minimal');
  return wanted;
}

function packetOf(
  topology: TraceTopology,
  microflow: string,
  datapath: string | undefined,
  { frame }: Options,
): ParsedPacket {
  const parsed = frame && parseFrame(frame);
  for (const problem of parsed?.problems ?? []) process.stderr.write(`warning: the frame: ${problem}\n`);
  try {
    return parsePacket(topology, microflow, {
      ...(datapath !== undefined && { datapath }),
      ...(parsed && { frame: parsed.fields }),
    });
  } catch (error) {
    if (error instanceof MicroflowError) throw new UsageError(error.message + suggestion(topology, error.message));
    throw error;
  }
}

/** As many names as fit into a sentence. */
const maxNames = 12;

/** What there is, for who asked for what there is not. */
function suggestion(topology: TraceTopology, message: string): string {
  const datapaths = message.startsWith('unknown datapath') ? [...topology.datapaths.values()] : [];
  const ports = /^unknown port|unknown logical port$/.test(message) ? [...topology.ports.keys()] : [];
  const names = [...datapaths.map(({ binding }) => binding.name), ...ports];
  if (names.length === 0) return '';
  const shown = names.slice(0, maxNames).map((name) => `"${name}"`);
  const more = names.length > maxNames ? ` and ${names.length - maxNames} more` : '';
  return `; there are ${shown.join(', ')}${more}`;
}

/** Runs an option's parser, and makes its complaint one about the command line. */
function option<T>(name: string, text: string, parse: (text: string) => T): T {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof MicroflowError) throw new UsageError(`${name}: ${error.message}`);
    throw error;
  }
}

function parseBackend(text: string): Backend {
  const [, bracketed, plain = text, portText] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const ip4 = bracketed === undefined ? parseIpv4(host) : undefined;
  const value = ip4 ?? parseIpv6(host);
  const port = Number(portText ?? 0);
  if (value === undefined || port > 65535) throw new MicroflowError(`${text}: bad address`);
  return { family: ip4 === undefined ? 6 : 4, value, port };
}

function parseMember(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) === 0 || Number(text) > 65535) {
    throw new MicroflowError(`${text}: bad select-id`);
  }
  return Number(text);
}

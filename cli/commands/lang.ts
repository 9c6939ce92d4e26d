/** `lflow lang`: what OVN's parser says of matches and actions, a line of JSON for each line of text. */
import { Command, Option } from 'commander';
import {
  annotate,
  disjuncts,
  evaluate,
  formatActions,
  formatHex,
  formatMatch,
  LangError,
  type MatchEnvironment,
  type Microflow,
  normalize,
  parseFlowActions,
  parseMatch,
  parseMicroflow,
  type Release,
  resolveConditions,
  simplifiedSize,
  simplify,
} from '../../engine/lang/index.ts';
import { Lexer } from '../../engine/lang/lexer.ts';
import { emit, UsageError } from '../command.ts';
import { readLines } from '../lines.ts';

interface CommonOptions {
  release: Release;
}

interface MatchOptions extends CommonOptions {
  against?: string;
  normalize?: true;
  addressSet: Map<string, string[]>;
  portGroup: Map<string, string[]>;
  resident?: string[];
}

/** What is printed of one line; keys are left out where there is nothing to say. */
type Answer = { in: string; ok: boolean } & Record<string, Json | undefined>;

type Json = string | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined };

const about = `
Reads standard input, a line at a time, and prints for each line a line of JSON:

  in         the text
  ok         whether OVN accepts it
  formatted  OVN's canonical text for it
`;

const errorKey = `  error      OVN's message, word for word, where it does not

The exit status is 0 also where OVN accepts nothing.
`;

const matchHelp = `${about}${errorKey}
--against and --normalize look at the match as flows have it: with the
prerequisites of its fields, predicates written out.  With --normalize,

  disjuncts  any of these conjunctions, all of whose comparisons must hold:
             [[{"field", "value", "mask"}, ...], ...].  Numbers are text, 0 or
             in hexadecimal; a field matches where (field & mask) == value.
             inport and outport have no mask.  An empty list matches nothing,
             an empty conjunction everything; null stands for more of them than
             can be worked out (100 000)

$ echo 'ip4.src == 10.0.0.0/8 && !ct.new' | lflow lang match
{"in": "ip4.src == 10.0.0.0/8 && !ct.new", "ok": true, "formatted": "ip4.src[24..31] == 0xa && !ct.new"}
$ echo 'tcp.dst == 80' | lflow lang match --against 'ip4 && tcp && tcp.dst == 80'
{"in": "tcp.dst == 80", "ok": true, "formatted": "tcp.dst == 0x50", "value": true}`;

const actionsHelp = `${about}  prereqs    what must hold where the actions run, if anything
${errorKey}
The actions are those of a flow in table 10 of 36 of the ingress pipeline.

$ echo 'ip.ttl--; next(11);' | lflow lang actions
{"in": "ip.ttl--; next(11);", "ok": true, "formatted": "ip.ttl--; next;", "prereqs": "ip"}`;

export default function define(): Command {
  const match = new Command('match')
    .summary('matches: canonical text, or what is wrong with it')
    .description('Says of each match on standard input what OVN says.')
    .usage('[options] < MATCHES')
    .option('--against <MICROFLOW>', 'add "value": whether the packet that MICROFLOW describes matches')
    .option('--normalize', 'add "disjuncts": the match as flows of Open vSwitch, without conjunctive matches')
    .addOption(listOption('--address-set <NAME=ADDRESS,...>', 'what $NAME stands for', checkAddress))
    .addOption(listOption('--port-group <NAME=PORT,...>', 'what @NAME stands for'))
    .addOption(
      new Option('--resident <PORT,...>', 'for which ports is_chassis_resident() holds (default: all)').argParser(list),
    )
    .addOption(releaseOption())
    .addHelpText('after', matchHelp)
    .action(async (options: MatchOptions) => answerLines(matchAnswerer(options)));
  const actions = new Command('actions')
    .summary('actions: canonical text and prerequisites, or what is wrong with them')
    .description('Says of each list of actions on standard input what OVN says.')
    .usage('[options] < ACTIONS')
    .addOption(releaseOption())
    .addHelpText('after', actionsHelp)
    .action(async ({ release }: CommonOptions) => answerLines((text) => actionsAnswer(text, release)));
  return new Command('lang')
    .description("Says what OVN's parser says of matches and actions, one a line.")
    .usage('match|actions [options]')
    .addCommand(match)
    .addCommand(actions)
    .on('command:*', ([word]: string[]) => {
      throw new UsageError(`lang ${word}: what is to be read? Say match or actions`);
    });
}

function releaseOption(): Option {
  return new Option('--release <RELEASE>', "whose language: OVN's of that release")
    .choices(['26.03', '23.03'])
    .default('26.03');
}

function list(text: string): string[] {
  return text === '' ? [] : text.split(',');
}

/** An option that may be given several times, with a name and members each time. */
function listOption(flags: string, description: string, check?: (member: string, option: string) => void): Option {
  const [name = ''] = flags.split(' ');
  return new Option(flags, `${description}; may be given several times`)
    .default(new Map(), 'none')
    .argParser((text: string, before: Map<string, string[]>) => {
      const [, key, members = ''] = /^([A-Za-z_.][\w.]*)=(.*)$/s.exec(text) ?? [];
      if (key === undefined) throw new UsageError(`${name} ${text}: give a name and its members, e.g. ${name} a=b,c`);
      for (const member of list(members)) check?.(member, `${name} ${key}`);
      return new Map(before).set(key, list(members));
    });
}

function checkAddress(text: string, option: string): void {
  const { type, next } = new Lexer(text);
  if ((type !== 'integer' && type !== 'masked') || next !== text.length) {
    throw new UsageError(`${option}: "${text}" is not an address, with or without a mask`);
  }
}

/** Answers each line of standard input until its end, or until nobody reads the answers any more. */
async function answerLines(answer: (text: string) => Answer): Promise<void> {
  let pending = '';
  let isRead = true;
  const onError = () => {
    isRead = false;
  };
  const flush = async () => {
    await emit(pending);
    pending = '';
    return isRead;
  };
  process.stdout.on('error', onError);
  try {
    for await (const lines of readLines(process.stdin)) {
      for (const { text, valid } of lines) {
        const result = valid ? answer(text) : { in: text, ok: false, error: 'The line is not valid UTF-8.' };
        pending += `${toJson(result)}\n`;
        if (pending.length > 65_536 && !(await flush())) return;
      }
      if (!(await flush())) return;
    }
  } catch (error) {
    throw error instanceof RangeError ? new UsageError(`standard input: ${error.message}`) : error;
  } finally {
    process.stdout.off('error', onError);
  }
}

/** With a blank behind colons and commas, as JSON is printed elsewhere: answers compare byte for byte. */
function toJson(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(toJson).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).flatMap(([key, of]) => (of === undefined ? [] : [`"${key}": ${toJson(of)}`]));
  return `{${entries.join(', ')}}`;
}

/** The answer that `judge` finds, or OVN's complaint. */
function answered(text: string, judge: () => Omit<Answer, 'in' | 'ok'>): Answer {
  try {
    return { in: text, ok: true, ...judge() };
  } catch (error) {
    if (error instanceof LangError) return { in: text, ok: false, error: error.message };
    throw error;
  }
}

function actionsAnswer(text: string, release: Release): Answer {
  return answered(text, () => {
    const { actions, prereqs } = parseFlowActions(text, { pipeline: 'ingress', table: 10, tables: 36, release });
    const needs = prereqs.type === 'boolean' ? undefined : formatMatch(prereqs);
    return { formatted: formatActions(actions, release), prereqs: needs };
  });
}

function matchAnswerer(options: MatchOptions): (text: string) => Answer {
  const { release, addressSet: addressSets, portGroup: portGroups } = options;
  const env: MatchEnvironment = { addressSets, portGroups, release };
  const packet = options.against === undefined ? undefined : microflow(options.against, env);
  const residents = options.resident && new Set(options.resident);
  const isResident = (port: string) => residents?.has(port) ?? true;
  return (text) =>
    answered(text, () => {
      const expr = parseMatch(text, env);
      const formatted = formatMatch(expr);
      if (!packet && !options.normalize) return { formatted };
      const annotated = annotate(expr);
      const value = packet && evaluate(annotated, packet, isResident);
      if (!options.normalize) return { formatted, value };
      return { formatted, value, disjuncts: normalized(annotated, isResident, release) };
    });
}

function microflow(text: string, env: MatchEnvironment): Microflow {
  try {
    return parseMicroflow(text, env);
  } catch (error) {
    if (error instanceof LangError) throw new UsageError(`--against: ${error.message}`);
    throw error;
  }
}

/** More comparisons than this are not even counted out. */
const maxComparisons = 1_000_000;

function normalized(expr: ReturnType<typeof annotate>, isResident: (port: string) => boolean, release: Release): Json {
  if (simplifiedSize(expr) > maxComparisons) return null;
  const normal = normalize(resolveConditions(simplify(expr), isResident), release);
  const conjunctions = normal && disjuncts(normal);
  if (!conjunctions) return null;
  return conjunctions.map((conjunction) =>
    conjunction.map((literal) => {
      const field = literal.symbol.name;
      if (literal.type === 'string') return { field, value: literal.value };
      return { field, value: formatHex(literal.value), mask: formatHex(literal.mask) };
    }),
  );
}

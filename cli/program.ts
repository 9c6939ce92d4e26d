/**
 * The table of commands, and what a mistake looks like to the person who made
 * it.  Nothing but `commander` is loaded before a command was asked for, so
 * `lflow --help` answers at once.
 */
import { Command, CommanderError } from 'commander';
import { packageVersion, type Status, status, systemReason, takeConclusion, UsageError } from './command.ts';

interface Entry {
  name: string;
  summary: string;
  /** Loads the command's file; a literal path, so that the compiler checks the contract. */
  load: () => Promise<{ default: () => Command }>;
}

const commands: readonly Entry[] = [
  {
    name: 'verify',
    summary: 'say what the logical flows let through, and whether that is what was promised',
    load: () => import('./commands/verify.ts'),
  },
  {
    name: 'policy',
    summary: 'check a policy file, and say which ports its sets and rules mean',
    load: () => import('./commands/policy.ts'),
  },
  {
    name: 'worker',
    summary: 'verify parts of networks for lflow verify --redis',
    load: () => import('./commands/worker.ts'),
  },
  {
    name: 'trace',
    summary: 'follow one packet through the logical flows, as ovn-trace does',
    load: () => import('./commands/trace.ts'),
  },
  {
    name: 'diff',
    summary: 'say what traffic is newly allowed and newly denied between two inputs',
    load: () => import('./commands/diff.ts'),
  },
  {
    name: 'reach',
    summary: 'say which packets get from one port, network or the outside to another, or what is in the way',
    load: () => import('./commands/reach.ts'),
  },
  {
    name: 'flows',
    summary: 'print the logical flows, as ovn-sbctl lflow-list does',
    load: () => import('./commands/flows.ts'),
  },
  {
    name: 'nb',
    summary: 'print the northbound database that the manifests ask for',
    load: () => import('./commands/nb.ts'),
  },
  {
    name: 'sb',
    summary: 'print the southbound database, or write it to a file that ovsdb-server opens',
    load: () => import('./commands/sb.ts'),
  },
  {
    name: 'describe',
    summary: 'print the tree of resources with their conditions',
    load: () => import('./commands/describe.ts'),
  },
  {
    name: 'replay',
    summary: 'run captures through the data plane of a node',
    load: () => import('./commands/replay.ts'),
  },
  {
    name: 'bench',
    summary: 'measure the data plane of a node',
    load: () => import('./commands/bench.ts'),
  },
  {
    name: 'lang',
    summary: "say what OVN's parser says of matches and actions",
    load: () => import('./commands/lang.ts'),
  },
  {
    name: 'offload',
    summary: 'make rules for the hardware of a node, explain them, and give them to a device',
    load: () => import('./commands/offload.ts'),
  },
  {
    name: 'doctor',
    summary: 'say what this machine has for carrying packets, and what is missing',
    load: () => import('./commands/doctor.ts'),
  },
];

const statuses = `
INPUT is a YAML file, a folder of them, an OVSDB file (verify, trace, diff, reach, flows, nb, sb, replay, bench), or - for standard input.

Exit status: 0 fine, 1 a property is violated, 2 the input or the usage is wrong, 3 the verdict is unknown.
lflow COMMAND --help tells the rest.`;

/**
 * Runs one command line (without the program's own name) to its end and gives
 * the exit status.  Never throws: whatever went wrong has been said on standard
 * error.
 */
export async function run(args: readonly string[]): Promise<Status> {
  takeConclusion();
  try {
    const program = await build(asked(args));
    await program.parseAsync(args, { from: 'user' });
    return takeConclusion();
  } catch (error) {
    return failed(error);
  }
}

/** The command that the command line asks for, also where it only asks for its help. */
function asked(args: readonly string[]): Entry | undefined {
  const words = args.filter((arg) => !arg.startsWith('-'));
  const name = words[0] === 'help' ? words[1] : words[0];
  return commands.find((entry) => entry.name === name);
}

async function build(wanted: Entry | undefined): Promise<Command> {
  const program = new Command('lflow')
    .description('OVN in a library: what do the logical flows of these networks let through?')
    .usage('COMMAND INPUT... [options]')
    .version(packageVersion(), '-V, --version', 'print the version of lflow')
    .addHelpText('after', statuses);
  for (const entry of commands) {
    const command = entry === wanted ? (await entry.load()).default() : new Command(entry.name);
    // The long description belongs to the command's own help; the list of commands gets one line of each.
    program.addCommand(command.name(entry.name).summary(entry.summary));
  }
  catchExit(program);
  return program;
}

/** Makes a command and all below it throw where commander would end the process. */
function catchExit(command: Command): void {
  command.exitOverride();
  for (const below of command.commands) catchExit(below);
}

/** Says on standard error what went wrong, in a sentence; gives the exit status for it. */
export function failed(error: unknown): Status {
  if (error instanceof CommanderError) return refused(error);
  const text = sentence(error);
  process.stderr.write(`${text}\n`);
  if (process.env.LFLOW_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return status.wrong;
}

/** Commander has printed its message already. */
function refused(error: CommanderError): Status {
  if (error.exitCode === 0) return status.fine;
  if (error.code === 'commander.unknownCommand') {
    process.stderr.write(`The commands are ${commands.map((entry) => entry.name).join(', ')}.\n`);
  }
  return status.wrong;
}

function sentence(error: unknown): string {
  // By name: the class is in the engine, which is not loaded for a question of usage.
  if (error instanceof Error && error.name === 'InputError') return error.message;
  if (error instanceof UsageError) return `lflow: ${error.message}`;
  if (error instanceof Error && 'syscall' in error) {
    const path = 'path' in error ? `${error.path}: ` : '';
    return `lflow: ${path}${systemReason(error)}`;
  }
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const [first] = message.split('\n');
  return `lflow: internal error: ${first}; please report it, LFLOW_DEBUG=1 shows where`;
}

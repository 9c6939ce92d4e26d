/**
 * What every command shares: how it says what came out (`conclude`), where its
 * answer goes (`emit`, `-o FILE`) and in which form (`--format`).
 *
 * A command is a file `cli/commands/NAME.ts` whose default export makes it:
 *
 *     export default function define(): Command {
 *       return new Command('flows')
 *         .description('...')
 *         .argument('<input...>', '...')
 *         .addOption(formatOption(['text', 'json']))
 *         .addOption(outputOption())
 *         .action(async (inputs: string[], options: { format: 'text' | 'json' } & OutputOptions) => {
 *           await emit(text, options);
 *           conclude(status.violated);
 *         });
 *     }
 *
 * An action throws `InputError` where the input cannot be used and `UsageError`
 * where the command line cannot be; both end in their message and exit status 2.
 */
import { randomBytes } from 'node:crypto';
import { open, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Option } from 'commander';

/** The exit statuses of every command. */
export const status = {
  /** All is well: every property that was asked for is as promised. */
  fine: 0,
  /** A property is violated. */
  violated: 1,
  /** The input or the usage is wrong; nothing was decided. */
  wrong: 2,
  /** Something was not understood, so there is no verdict. */
  unknown: 3,
} as const;

export type Status = (typeof status)[keyof typeof status];

let concluded: Status = status.fine;

/** Sets the exit status that the process ends with once its output is out; the last call counts. */
export function conclude(result: Status): void {
  concluded = result;
}

/** The exit status set since the last call, and back to `fine`. */
export function takeConclusion(): Status {
  const result = concluded;
  concluded = status.fine;
  return result;
}

/** The command line cannot be used; `message` is a sentence for the person who typed it. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

/** What `outputOption` adds to a command's options. */
export interface OutputOptions {
  /** The file that gets the answer; standard output if it is absent. */
  output?: string;
}

/** Names of standard output, which must not be replaced by a file where the shell directed it to one. */
const standardOutput = ['-', '/dev/stdout'];

/** `-o, --output FILE`, for `emit`. */
export function outputOption(): Option {
  return new Option('-o, --output <FILE>', 'write the answer to FILE (whole or not at all)');
}

/** `--format FORM` with the forms that a command knows; the first is what it prints unless told. */
export function formatOption<T extends string>(forms: readonly [T, ...T[]]): Option {
  return new Option('--format <FORM>', 'the form of the answer').choices(forms).default(forms[0]);
}

/**
 * Gives the whole answer: to the file of `-o`, which appears complete or not at
 * all, otherwise to standard output.  Resolves when the text has left the
 * process; a reader that went away (`| head`) is no error.  Throws `UsageError`
 * if the file cannot be written.
 */
export async function emit(text: string | Uint8Array, options: OutputOptions = {}): Promise<void> {
  if (options.output === undefined || standardOutput.includes(options.output)) await print(text);
  else await writeWhole(options.output, text);
}

function print(text: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (error && !readerIsGone(error)) reject(error);
      else resolve();
    });
  });
}

/** Makes a stream survive that its reader goes away: what is written after that is dropped. */
export function settle(stream: NodeJS.WriteStream): void {
  stream.on('error', (error) => {
    if (!readerIsGone(error)) throw error;
  });
}

function readerIsGone(error: Error): boolean {
  return 'code' in error && (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED');
}

async function writeWhole(file: string, text: string | Uint8Array): Promise<void> {
  try {
    const present = await stat(file).catch(() => undefined);
    // A terminal, a pipe or /dev/stdout cannot be replaced, only written to.
    if (present && !present.isFile()) await writeFile(file, text);
    else await replace(present ? await realpath(file) : file, text, present?.mode);
  } catch (error) {
    throw new UsageError(`cannot write ${file}: ${systemReason(error)}`);
  }
}

async function replace(file: string, text: string | Uint8Array, mode = 0o666): Promise<void> {
  const beside = join(dirname(file), `.lflow-${randomBytes(6).toString('hex')}`);
  try {
    const handle = await open(beside, 'wx', mode & 0o777);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(beside, file);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}

const reasons: Record<string, string> = {
  EACCES: 'permission denied',
  EEXIST: 'it exists already',
  EISDIR: 'it is a directory',
  ELOOP: 'its symbolic links go in a circle',
  EMFILE: 'too many files are open',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left on the device',
  ENOTDIR: 'a part of its path is not a directory',
  EPERM: 'the operation is not permitted',
  EROFS: 'the file system is read-only',
};

/** What the operating system complained about, in words: `no such file or directory`. */
export function systemReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return reasons[code] ?? error.message;
}

/** The version of lflow, as package.json says it. */
export function packageVersion(): string {
  const manifest: { version: string } = createRequire(import.meta.url)('lflow/package.json');
  return manifest.version;
}

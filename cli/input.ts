/** The inputs that a command line names: files, folders of them, standard input. */
import type { Dirent, Stats } from 'node:fs';
import { constants } from 'node:fs';
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { formatProblem, InputError, type Problem } from '../engine/origin.ts';
import { maxTextLength } from '../engine/spec/limits.ts';
import { type ManifestFile, readManifests } from '../engine/spec/read.ts';
import type { ReadResult, Resources, SpecProblem } from '../engine/spec/resources.ts';
import { systemReason, UsageError } from './command.ts';

export interface InputOptions {
  /** How many nodes are made up for each set of labels where no Node is given; 2 unless told. */
  nodes?: number;
}

/** Reads the number of `--nodes`; for commander. */
export function parseNodes(text: string): number {
  if (!/^\d{1,4}$/.test(text) || Number(text) === 0) {
    throw new UsageError(`--nodes ${text}: give a number of nodes from 1 to 9999`);
  }
  return Number(text);
}

/**
 * Reads and checks all manifests that the paths name: YAML and JSON files,
 * folders of them (with their folders), `-` for standard input.  What cannot be
 * read is among the problems, beside what is wrong with the rest.
 */
export async function readInputs(paths: readonly string[], options: InputOptions = {}): Promise<ReadResult> {
  const files: ManifestFile[] = [];
  const unread: SpecProblem[] = [];
  for (const path of new Set(paths)) {
    for (const found of await readPath(path)) {
      if ('text' in found) files.push(found);
      else unread.push(found);
    }
  }
  const read = readManifests(files, options);
  const isEmpty = unread.length > 0 && files.length === 0;
  return { ...read, problems: isEmpty ? unread : [...unread, ...read.problems] };
}

/**
 * The resources of all manifests that the paths name.  Warnings and notes go to
 * standard error; errors, all of them at once, throw `InputError`.
 */
export async function loadTopology(paths: readonly string[], options: InputOptions = {}): Promise<Resources> {
  const { resources, problems } = await readInputs(paths, options);
  const errors = problems.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw new InputError(capped(problems));
  if (problems.length > 0) process.stderr.write(`${capped(problems).map(formatProblem).join('\n')}\n`);
  return resources;
}

/** How many complaints are printed. */
const maxPrinted = 100;

/** The complaints to print, errors first where there are too many of them, and how many are left out. */
export function capped(problems: readonly Problem[]): Problem[] {
  if (problems.length <= maxPrinted) return [...problems];
  const rank = { error: 0, warning: 1, note: 2 };
  const kept = new Set([...problems].sort((a, b) => rank[a.severity] - rank[b.severity]).slice(0, maxPrinted));
  const shown = problems.filter((problem) => kept.has(problem));
  const { file, line, column } = shown[shown.length - 1];
  const message = `${problems.length - shown.length} more complaints are not shown`;
  return [...shown, { file, line, column, severity: 'note', id: 'not-shown', path: '', message }];
}

const extensions = ['.yaml', '.yml', '.json'];

/** How deep folders are searched, and how many files are read. */
const maxFolders = 32;
const maxFiles = 10_000;

async function readPath(path: string): Promise<(ManifestFile | SpecProblem)[]> {
  if (path === '-') return [await readStandardInput()];
  try {
    const found = await stat(path);
    if (!found.isDirectory()) return [await readFile(path, found)];
    const files = await filesIn(path);
    if (files.length === 0) {
      return [unreadable(path, 'folder-empty', 'the folder has no YAML or JSON file', 'give a folder of manifests')];
    }
    return await Promise.all(files.slice(0, maxFiles).map((file) => readFile(file)));
  } catch (error) {
    return [failed(path, error)];
  }
}

/** The manifests in a folder and in the folders there, in the order of their paths. */
async function filesIn(folder: string, depth = 0): Promise<string[]> {
  if (depth > maxFolders) return [];
  const entries = await readdir(folder, { withFileTypes: true });
  const sorted = entries.filter(isShown).sort((a, b) => (a.name < b.name ? -1 : 1));
  const found = await Promise.all(
    sorted.map(async (entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return filesIn(path, depth + 1);
      return extensions.some((extension) => entry.name.endsWith(extension)) ? [path] : [];
    }),
  );
  return found.flat();
}

/** Hidden files and installed packages are not meant. */
const isShown = ({ name }: Dirent): boolean => !name.startsWith('.') && name !== 'node_modules';

async function readFile(file: string, known?: Stats): Promise<ManifestFile | SpecProblem> {
  try {
    const found = known ?? (await stat(file));
    if (!found.isFile()) {
      return unreadable(
        file,
        'not-a-file',
        `it is ${kindOf(found)}, not a file`,
        'give a file, a folder or - for standard input',
      );
    }
    if (found.size > maxTextLength * 3) return tooLarge(file, found.size);
    // Should it have become a pipe in the meantime, opening it must not wait for a writer.
    const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      return decodeText(file, await readAll(handle));
    } finally {
      await handle.close();
    }
  } catch (error) {
    return failed(file, error);
  }
}

/** The bytes of a file, one more than are allowed if there are more. */
async function readAll(handle: FileHandle): Promise<Buffer> {
  const stream = handle.createReadStream({ autoClose: false, end: maxTextLength * 3 });
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function readStandardInput(): Promise<ManifestFile | SpecProblem> {
  const file = 'standard input';
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of process.stdin) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > maxTextLength * 3) return tooLarge(file, size);
  }
  return decodeText(file, Buffer.concat(chunks));
}

function decodeText(file: string, bytes: Buffer): ManifestFile | SpecProblem {
  try {
    return { file, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    return unreadable(file, 'not-text', 'the file is not text in UTF-8', 'give manifests as YAML or JSON in UTF-8');
  }
}

function kindOf(found: Stats): string {
  if (found.isFIFO()) return 'a pipe';
  if (found.isSocket()) return 'a socket';
  return found.isCharacterDevice() || found.isBlockDevice() ? 'a device' : 'something else';
}

function tooLarge(file: string, size: number): SpecProblem {
  const megabytes = (bytes: number) => `${Math.round(bytes / 1024 / 1024)} MB`;
  const message = `the file is too large: ${megabytes(size)} or more`;
  return unreadable(
    file,
    'file-too-large',
    message,
    `at most ${megabytes(maxTextLength)} are read; split it into several files`,
  );
}

const failed = (file: string, error: unknown): SpecProblem =>
  unreadable(file, 'file-unreadable', `cannot be read: ${systemReason(error)}`, 'check the path');

function unreadable(file: string, id: string, message: string, hint: string): SpecProblem {
  return { file, line: 1, column: 1, severity: 'error', id, path: '', message, hint, resource: '' };
}

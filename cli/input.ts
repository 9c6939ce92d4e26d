/** The inputs that a command line names: manifests, folders of them, standard input, and databases. */
import { constants, type Dirent, type Stats } from 'node:fs';
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Option } from 'commander';
import { formatProblem, InputError, type Problem } from '../engine/origin.ts';
import { isDatabaseFile, maxFileSize } from '../engine/ovsdb/file.ts';
import { maxTextLength } from '../engine/spec/limits.ts';
import { type ManifestFile, type ReadOptions, readManifests } from '../engine/spec/read.ts';
import type { ReadResult, Resources, SpecProblem } from '../engine/spec/resources.ts';
import { systemReason, UsageError } from './command.ts';

export interface InputOptions extends Pick<ReadOptions, 'memory'> {
  /** How many nodes are made up for each set of labels where no Node is given; 2 unless told. */
  nodes?: number;
}

function parseNodes(text: string): number {
  if (!/^\d{1,4}$/.test(text) || Number(text) === 0) {
    throw new UsageError(`--nodes ${text}: give a number of nodes from 1 to 9999`);
  }
  return Number(text);
}

/** `--nodes N`, for every command that reads manifests. */
export function nodesOption(): Option {
  return new Option(
    '--nodes <N>',
    'how many nodes to make up for each set of labels if no Node is given (default: 2)',
  ).argParser(parseNodes);
}

/**
 * Reads and checks all manifests that the paths name: YAML and JSON files,
 * folders of them (with their folders), `-` for standard input.  What cannot be
 * read is among the problems, beside what is wrong with the rest.
 */
export async function readInputs(paths: readonly string[], options: InputOptions = {}): Promise<ReadResult> {
  return manifestsOf(await readSources(paths), options);
}

/** A file that is an OVSDB database, not yet looked into. */
export interface DatabaseBytes {
  file: string;
  bytes: Uint8Array;
}

/** What the paths name, by what it begins with. */
export interface Sources {
  manifests: ManifestFile[];
  databases: DatabaseBytes[];
  /** What cannot be read. */
  unread: SpecProblem[];
}

/** Reads all that the paths name: manifests as text, databases as bytes. */
export async function readSources(paths: readonly string[]): Promise<Sources> {
  const sources: Sources = { manifests: [], databases: [], unread: [] };
  const seen = new Set<string>();
  let total = 0;
  for await (const found of readPaths(paths, seen)) {
    if ('bytes' in found) sources.databases.push(found);
    else if (!('text' in found)) sources.unread.push(found);
    else if (total + found.text.length > maxTotal) {
      sources.unread.push(tooLarge(found.file, 'with the files before it', maxTotal));
      break;
    } else {
      sources.manifests.push(found);
      total += found.text.length;
    }
  }
  return sources;
}

/** Checks the manifests among the sources; a database is a mistake here. */
export function manifestsOf({ manifests, databases, unread }: Sources, options: InputOptions): ReadResult {
  const unusable = [...unread, ...databases.map(({ file }) => needsManifests(file))];
  const read = readManifests(manifests, options);
  const isEmpty = unusable.length > 0 && manifests.length === 0;
  return { ...read, problems: isEmpty ? unusable : [...unusable, ...read.problems] };
}

/**
 * The resources of all manifests that the paths name.  Warnings and notes go to
 * standard error; errors, all of them at once, throw `InputError`.
 */
export async function loadTopology(paths: readonly string[], options: InputOptions = {}): Promise<Resources> {
  return resourcesOf(await readSources(paths), options);
}

/** `loadTopology` of what was read already. */
export function resourcesOf(sources: Sources, options: InputOptions): Resources {
  const { resources, problems } = manifestsOf(sources, options);
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

/** How deep folders are searched, how many files are read, and how many characters of them. */
const maxFolders = 32;
const maxFiles = 10_000;
const maxTotal = 8 * maxTextLength;

/** Everything that the paths name, a file once. */
async function* readPaths(
  paths: readonly string[],
  seen: Set<string>,
): AsyncGenerator<ManifestFile | DatabaseBytes | SpecProblem, void> {
  for (const path of paths) {
    for (const file of await filesAt(path)) {
      if (typeof file !== 'string') yield file;
      else if (!seen.has(resolve(file))) {
        seen.add(resolve(file));
        yield file === '-' ? await readStandardInput() : await readFile(file);
      }
    }
  }
}

/** The files that a path names: itself, or those of a folder. */
async function filesAt(path: string): Promise<(string | SpecProblem)[]> {
  try {
    if (isEndpoint(path) && !(await stat(path).catch(() => undefined))) throw endpointRefused(path);
    if (path === '-' || !(await stat(path)).isDirectory()) return [path];
    const files = await filesIn(path);
    if (files.length > maxFiles) {
      const message = `the folder has too many files: ${files.length}`;
      return [unreadable(path, 'folder-too-large', message, `at most ${maxFiles} are read; give a smaller folder`)];
    }
    if (files.length > 0) return files;
    return [unreadable(path, 'folder-empty', 'the folder has no YAML or JSON file', 'give a folder of manifests')];
  } catch (error) {
    if (error instanceof UsageError) throw error;
    return [failed(path, error)];
  }
}

const isEndpoint = (path: string): boolean => /^(tcp|ssl|unix):./.test(path);

function endpointRefused(path: string): UsageError {
  const [first] = path.split(',');
  const instead = `ovsdb-client backup ${first} OVN_Southbound > southbound.db`;
  return new UsageError(
    `${path} is an endpoint of a running database server, and only files are read; write the database to one and give that: ${instead}`,
  );
}

/** The manifests in a folder and in the folders there, in the order of their paths. */
async function filesIn(folder: string, depth = 0): Promise<string[]> {
  if (depth > maxFolders) throw new Error(`its folders are nested more than ${maxFolders} levels deep`);
  const entries = (await readdir(folder, { withFileTypes: true })).filter(isShown);
  const files: string[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) files.push(...(await filesIn(path, depth + 1)));
    else if (extensions.some((extension) => entry.name.endsWith(extension))) files.push(path);
  }
  return files;
}

/** Hidden files and installed packages are not meant. */
const isShown = ({ name }: Dirent): boolean => !name.startsWith('.') && name !== 'node_modules';

type Found = ManifestFile | DatabaseBytes | SpecProblem;

async function readFile(file: string): Promise<Found> {
  try {
    const found = await stat(file);
    if (!found.isFile()) {
      const hint = found.isFIFO() ? 'give - and let it write to standard input' : 'give a file or a folder';
      return unreadable(file, 'not-a-file', `it is ${kindOf(found)}, not a file`, hint);
    }
    // Should it have become a pipe in the meantime, opening it must not wait for a writer.
    const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      if (isDatabaseFile(await readBytes(handle, firstBytes))) {
        if (found.size > maxFileSize) return databaseTooLarge(file, megabytes(found.size));
        return { file, bytes: await readBytes(handle, found.size) };
      }
      if (found.size > maxTextLength) return tooLarge(file, `${megabytes(found.size)}`);
      return await readStream(file, handle.createReadStream({ autoClose: false, start: 0 }));
    } finally {
      await handle.close();
    }
  } catch (error) {
    return failed(file, error);
  }
}

/** So many tell a database from a text. */
const firstBytes = 6;

/** The first bytes of a file; fewer if it ends before. */
async function readBytes(handle: FileHandle, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  let length = 0;
  while (length < size) {
    const { bytesRead } = await handle.read(bytes, length, Math.min(size - length, maxRead), length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return bytes.subarray(0, length);
}

/** The most that one call of the operating system reads. */
const maxRead = 2 ** 30;

const readStandardInput = (): Promise<Found> => readStream('standard input', process.stdin);

/** What a stream gives, unless that is more than a file may hold. */
async function readStream(file: string, stream: AsyncIterable<Buffer>): Promise<Found> {
  const chunks: Buffer[] = [];
  let size = 0;
  let isDatabase: boolean | undefined;
  for await (const chunk of stream) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= firstBytes) isDatabase ??= isDatabaseFile(Buffer.concat(chunks));
    if (isDatabase && size > maxFileSize) return databaseTooLarge(file, `${megabytes(size)} or more`);
    if (!isDatabase && size > maxTextLength) return tooLarge(file, `${megabytes(size)} or more`);
  }
  const bytes = Buffer.concat(chunks);
  return isDatabase ? { file, bytes } : decodeText(file, bytes);
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

const megabytes = (bytes: number): string => `${Math.round(bytes / 1024 / 1024)} MB`;

function tooLarge(file: string, size: string, limit = maxTextLength): SpecProblem {
  const hint = `at most ${megabytes(limit)} are read; split it into several files`;
  return unreadable(file, 'file-too-large', `the file is too large: ${size}`, hint);
}

function databaseTooLarge(file: string, size: string): SpecProblem {
  const hint = `at most ${megabytes(maxFileSize)} are read; let its server compact it (ovsdb-server/compact)`;
  return unreadable(file, 'file-too-large', `the database is too large: ${size}`, hint);
}

function needsManifests(file: string): SpecProblem {
  const hint = 'give the YAML files; trace, flows and nb take databases';
  return unreadable(file, 'database-unexpected', 'it is an OVSDB database, and this needs manifests', hint);
}

const failed = (file: string, error: unknown): SpecProblem =>
  unreadable(file, 'file-unreadable', `cannot be read: ${systemReason(error)}`, 'check the path');

function unreadable(file: string, id: string, message: string, hint: string): SpecProblem {
  return { file, line: 1, column: 1, severity: 'error', id, path: '', message, hint, resource: '' };
}

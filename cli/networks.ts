/**
 * Folders with many networks: a file `lflow.yaml` in it lists them, so that each is verified by itself.
 *
 *     lflow: 1
 *     networks:
 *       - clusters/*.yaml                                   # each file or folder that matches is a network
 *       - { each: dumps/*.db, policy: policies/dumps.yaml } # the same, held to a policy
 *
 * Names are of the folder's own files. Of what is listed twice the first entry counts.
 */
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { glob } from 'tinyglobby';
import { InputError, type Problem } from '../engine/origin.ts';
import { isRecord, type Place, readYaml, type YamlDocument } from '../engine/spec/yaml.ts';
import { systemReason } from './command.ts';

/** One of many networks. */
export interface ListedNetwork {
  /** The file or folder that it is in. */
  readonly input: string;
  readonly policy?: string;
}

export const listName = 'lflow.yaml';

/**
 * The networks that a folder lists, in their order; undefined if this is no folder, or it lists none.  Throws `InputError`
 * with all that is wrong with the list.
 */
export async function listedNetworks(folder: string): Promise<ListedNetwork[] | undefined> {
  const file = join(folder, listName);
  if (!(await stat(file).catch(() => undefined))?.isFile()) return undefined;
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new InputError([problem(file, `the list of networks cannot be read: ${systemReason(error)}`)]);
  });
  const { entries, problems } = readList(file, text);
  const found = new Map<string, ListedNetwork>();
  for (const { each, policy, at } of problems.length > 0 ? [] : entries) {
    const inputs = await matching(folder, each);
    if (inputs.length === 0) problems.push(at(`nothing matches ${JSON.stringify(each)}; leave it out, or correct it`));
    for (const input of inputs) if (!found.has(input)) found.set(input, { input, ...policyIn(folder, input, policy) });
  }
  if (problems.length > 0) throw new InputError(problems);
  return [...found.values()];
}

/** Files and folders, but for the list itself. */
async function matching(folder: string, pattern: string): Promise<string[]> {
  const names = await glob(pattern, { cwd: folder, onlyFiles: false, expandDirectories: false });
  return names
    .map((name) => join(folder, name))
    .filter((path) => basename(path) !== listName)
    .sort();
}

/** A policy is looked for beside the network (`./policy.yaml`), or in the folder of the list. */
function policyIn(folder: string, input: string, policy: string | undefined): { policy?: string } {
  if (policy === undefined) return {};
  return { policy: policy.startsWith('./') ? join(dirname(input), policy) : join(folder, policy) };
}

interface Entry {
  readonly each: string;
  readonly policy?: string;
  at(message: string): Problem;
}

const form = 'write lflow: 1, then networks: with a list of files';

/** What a list says, with every complaint. */
function readList(file: string, text: string): { entries: Entry[]; problems: Problem[] } {
  const { documents, complaints, position } = readYaml(text);
  const complain = (offset: number, message: string): Problem => ({ ...problem(file, message), ...position(offset) });
  const problems = complaints.map(({ offset, message, hint }) =>
    complain(offset, hint === undefined ? message : `${message}; ${hint}`),
  );
  if (problems.length > 0) return { entries: [], problems };
  const [document, second] = documents;
  const value = document?.value;
  if (!document || second || !isRecord(value) || value.lflow !== 1 || !Array.isArray(value.networks)) {
    return { entries: [], problems: [complain(second?.start ?? 0, `this is no list of networks; ${form}`)] };
  }
  const entries: Entry[] = [];
  for (const key of Object.keys(value)) {
    if (key !== 'lflow' && key !== 'networks')
      problems.push(complain(placeOf(document, value, key), `the list has no field "${key}"; ${form}`));
  }
  for (const [index, entry] of value.networks.entries()) {
    const at = (message: string) => complain(placeOf(document, value.networks, index), message);
    const read = entryOf(entry);
    if (read) entries.push({ ...read, at });
    else problems.push(at('this is no network; write a file name, or { each: FILES, policy: FILE }'));
  }
  return { entries, problems };
}

function entryOf(entry: unknown): Omit<Entry, 'at'> | undefined {
  if (typeof entry === 'string') return { each: entry };
  if (!isRecord(entry) || typeof entry.each !== 'string') return undefined;
  const { each, policy, ...others } = entry;
  if (Object.keys(others).length > 0) return undefined;
  if (policy === undefined) return { each };
  return typeof policy === 'string' ? { each, policy } : undefined;
}

const placeOf = ({ places, start }: YamlDocument, inside: unknown, key: string | number): number =>
  (places.get(inside as object)?.get(key) as Place | undefined)?.key ?? start;

const problem = (file: string, message: string): Problem => ({
  ...{ file, line: 1, column: 1, severity: 'error', id: 'networks', path: '', message },
});

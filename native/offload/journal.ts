/**
 * What was done to the rules of a device, and by whom: a file of JSON lines.
 *
 *     {"event":"intended","id":"...","time":"...","by":{...},"node":"worker1","rules":12,"hash":"...","generation":3,"before":2}
 *     {"event":"ended","id":"...","time":"...","outcome":"applied","created":12,"removed":9,"leftovers":0}
 *
 * A line is on disk before what it tells of begins.  So an intention without end belongs to somebody who was killed; what
 * became of it the generation of the device tells, and whoever comes next writes it down.  The end of a line that was
 * being written then is told, too, and does not hide the others.
 */
import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { dirname } from 'node:path';
import type { RuleSet } from '../../engine/offload/rules.ts';
import type { Applied, Intent } from './apply.ts';

/** Who changes rules. */
export interface Author {
  /** The name of the user, and where that is root by sudo(8), of who called it. */
  readonly user: string;
  readonly host: string;
  readonly pid: number;
}

/** Why rules were applied that no proof stands behind. */
export interface Forced {
  /** The words of who forced it. */
  readonly why: string;
  /** What was overridden, a sentence each; none where the proofs held and nothing had to be forced. */
  readonly against: readonly string[];
}

/** The set of rules of which an intention speaks. */
export interface Subject {
  readonly node: string;
  /** The capability file that the rules were made for. */
  readonly device: string;
  /** How many they are. */
  readonly rules: number;
  /** Of the rule set: `hashOf`. */
  readonly hash: string;
  readonly forced?: Forced;
}

export interface Intended extends Subject, Intent {
  readonly event: 'intended';
  readonly id: string;
  /** RFC 3339, in UTC. */
  readonly time: string;
  readonly by: Author;
}

/** Which rules are in force after somebody was killed: those from before, his, or others (the device began anew). */
export type InForce = 'old' | 'new' | 'neither';

export type Outcome =
  | ({ readonly outcome: 'applied' } & Pick<Applied, 'created' | 'removed' | 'leftovers'>)
  /** The device is as it was, unless `why` tells otherwise. */
  | { readonly outcome: 'refused'; readonly why: string }
  | { readonly outcome: 'interrupted'; readonly inForce: InForce };

export type Ended = { readonly event: 'ended'; readonly id: string; readonly time: string } & Outcome;

export type Entry = Intended | Ended;

/** What a journal says. */
export interface History {
  readonly entries: readonly Entry[];
  /** Intentions without end: of who was killed, or is at work. */
  readonly unended: readonly Intended[];
  /** A sentence for each line that is not whole. */
  readonly problems: readonly string[];
}

export interface Journal extends History {
  /** Writes down what is going to happen; resolves, with the id of its end, when it is on disk. */
  intend(subject: Subject, intent: Intent): Promise<string>;
  end(id: string, outcome: Outcome): Promise<void>;
  close(): Promise<void>;
}

/** So many bytes are read; a line is some hundreds of them. */
const most = 256 * 1024 * 1024;

/** Opens a journal, or makes it.  Rejects with a sentence where the file is not one or cannot be written. */
export async function openJournal(file: string): Promise<Journal> {
  const record = await readJournal(file);
  const handle = await openToAppend(file);
  const write = async (entry: Entry, before = ''): Promise<void> => {
    try {
      await handle.appendFile(`${before}${JSON.stringify(entry)}\n`);
      await handle.datasync();
    } catch (error) {
      throw new Error(`the journal ${file} cannot be written: ${reasonOf(error)}`);
    }
  };
  // Behind half a line a whole one would not be read.
  let before = record.endsInside ? '\n' : '';
  return {
    ...record,
    async intend(subject, intent) {
      const id = randomUUID();
      const entry: Intended = { event: 'intended', id, time: now(), by: author(), ...subject, ...intent };
      await write(entry, before);
      before = '';
      return id;
    },
    async end(id, outcome) {
      await write({ event: 'ended', id, time: now(), ...outcome }, before);
      before = '';
    },
    close: () => handle.close(),
  };
}

/** Reads a journal; one that does not exist is empty.  Rejects with a sentence where the file cannot be read or is another. */
export async function readJournal(file: string): Promise<History & { readonly endsInside: boolean }> {
  const text = await textOf(file);
  const lines = text.split('\n');
  const endsInside = lines.pop() !== '';
  const entries: Entry[] = [];
  const problems: string[] = [];
  const last = endsInside ? text.slice(text.lastIndexOf('\n') + 1) : undefined;
  for (const [index, line] of (last === undefined ? lines : [...lines, last]).entries()) {
    if (line === '') continue;
    const entry = entryOf(line);
    if (entry) entries.push(entry);
    else problems.push(`${file}:${index + 1}: the line is not whole; who wrote it was killed before he began`);
  }
  // A first line may be half of one, but not of something else.
  if (entries.length === 0 && text !== '' && !/^\{"event":"intended"|^\{[^}]{0,18}$/.test(text)) {
    throw new Error(`${file} is no journal of rules in hardware; give another file, lflow writes into this one`);
  }
  const ended = new Set(entries.flatMap((entry) => (entry.event === 'ended' ? [entry.id] : [])));
  const unended = entries.flatMap((entry) => (entry.event === 'intended' && !ended.has(entry.id) ? [entry] : []));
  return { entries, unended, problems, endsInside };
}

/** Which rules are in force, by the generation that the device has, where the end of an intention is not written down. */
export function inForce(intended: Intent, generation: number): InForce {
  if (generation === intended.generation) return 'new';
  return generation === intended.before ? 'old' : 'neither';
}

/** A name for a rule set: SHA-256, in hexadecimal, of its JSON with sorted names and without spaces. */
export function hashOf(rules: RuleSet): string {
  return createHash('sha256').update(canonical(rules)).digest('hex');
}

/** JSON with the names of every object sorted. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

async function textOf(file: string): Promise<string> {
  try {
    const handle = await open(file, 'r');
    try {
      const found = await handle.stat();
      if (!found.isFile()) throw new Error('it is not a file');
      if (found.size > most) throw new Error('it is larger than 256 MB; move it away, a new one is begun');
      return await readFile(handle, 'utf8');
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return '';
    throw new Error(`the journal ${file} cannot be read: ${reasonOf(error)}`);
  }
}

/** The name of a new file is on disk when the promise is fulfilled. */
async function openToAppend(file: string): Promise<FileHandle> {
  try {
    const handle = await open(file, 'a', 0o640);
    const folder = await open(dirname(file), 'r');
    await folder.sync().finally(() => folder.close());
    return handle;
  } catch (error) {
    throw new Error(`the journal ${file} cannot be written: ${reasonOf(error)}; --journal gives it another place`);
  }
}

function entryOf(line: string): Entry | undefined {
  try {
    const entry: unknown = JSON.parse(line);
    if (typeof entry !== 'object' || entry === null) return undefined;
    const { event, id, generation, before } = entry as Partial<Intended>;
    if (typeof id !== 'string') return undefined;
    if ((event as string) === 'ended') return entry as Ended;
    return event === 'intended' && Number.isInteger(generation) && Number.isInteger(before)
      ? (entry as Intended)
      : undefined;
  } catch {
    return undefined;
  }
}

const now = (): string => new Date().toISOString();

function author(): Author {
  const { SUDO_USER } = process.env;
  return { user: SUDO_USER ? `${SUDO_USER}, by sudo` : userName(), host: hostname(), pid: process.pid };
}

/** A process in a container may have a number without a name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);

function reasonOf(error: unknown): string {
  if (codeOf(error) === 'ENOENT') return 'its folder does not exist';
  return error instanceof Error ? error.message : String(error);
}

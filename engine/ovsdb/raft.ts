/**
 * Clustered database files: one server's copy of a Raft log, ovsdb(5).  The
 * first record has a snapshot; the others are log entries, terms, votes and how
 * far the log is committed.  What is committed is the database; an entry beyond
 * that may still be replaced by the cluster, and is not applied.
 */
import { applyTransaction, type DraftDatabase, type Limits, openDatabase } from './database.ts';
import { parseSchema } from './file-schema.ts';
import { eachMember, isNull, JsonError, pairAt, parseSpan, type Range, type Span } from './json-scan.ts';
import { DatabaseError, type FileRecord } from './record.ts';

/** An entry of the log that is not applied yet. */
interface Entry {
  record: FileRecord;
  /** Absent in entries that only change the cluster. */
  data?: Span;
}

export interface Cluster {
  bytes: Uint8Array;
  limits: Limits;
  database: DraftDatabase;
  /** The index of the last entry that is committed and applied. */
  commitIndex: number;
  /** Entries after that. */
  pending: Entry[];
  /** A note says that the server left its cluster. */
  hasLeft: boolean;
}

/** Entries that wait to be committed; a server that has more lost its cluster long ago. */
const maxPending = 1_000_000;

type Members = ReadonlyMap<string, Span>;

/**
 * Opens the log by its first record.  Throws `JsonError` or `ValueError` if that
 * is not one, `DatabaseError` if it has no data yet.
 */
export function openCluster(bytes: Uint8Array, record: FileRecord, limits: Limits): Cluster {
  const members = membersOf(bytes, record);
  const snapshot = members.get('prev_data');
  if (!snapshot) {
    if (!members.has('remote_addresses')) throw new JsonError('it has no prev_data', record.start);
    throw new DatabaseError('the file has no data: its server has not joined its cluster yet');
  }
  const commitIndex = indexOf(bytes, record, members, 'prev_index');
  const database = snapshotOf(bytes, snapshot, limits);
  if (!database) throw new JsonError('its snapshot has no schema', snapshot.start);
  return { bytes, limits, database, commitIndex, pending: [], hasLeft: false };
}

/**
 * Adds a record to the log, and applies what it commits.  `onApply` is called
 * with each entry's record before it is applied, so that an error can be laid
 * where it belongs.
 */
export function addToCluster(cluster: Cluster, record: FileRecord, onApply: (record: FileRecord) => void): void {
  const { bytes } = cluster;
  const members = membersOf(bytes, record);
  if (members.has('index')) addEntry(cluster, record, members);
  if (members.has('commit_index')) commit(cluster, record, indexOf(bytes, record, members, 'commit_index'), onApply);
  const note = members.get('note');
  if (note && parseSpan(bytes, note) === 'left') cluster.hasLeft = true;
}

function membersOf(bytes: Uint8Array, range: Range): Members {
  const members = new Map<string, Span>();
  eachMember(bytes, range, (name, value) => {
    // Of the many names that a hostile record may have, these are all that can matter.
    if (known.has(name)) members.set(name, value);
  });
  return members;
}

const known = new Set(['prev_data', 'prev_index', 'remote_addresses', 'index', 'data', 'commit_index', 'note']);

function indexOf(bytes: Uint8Array, record: FileRecord, members: Members, name: string): number {
  const span = members.get(name);
  const value = span && parseSpan(bytes, span);
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new JsonError(`its ${name} is no index of a log`, span?.start ?? record.start);
}

function addEntry({ bytes, commitIndex, pending }: Cluster, record: FileRecord, members: Members): void {
  const index = indexOf(bytes, record, members, 'index');
  const end = commitIndex + pending.length + 1;
  if (index > end) throw new JsonError(`its index is ${index}, but the next entry of the log is ${end}`, record.start);
  if (index <= commitIndex) {
    const message = `it would replace entry ${index} of the log, but all up to ${commitIndex} are committed`;
    throw new JsonError(message, record.start);
  }
  // A new leader may replace what was not committed.
  pending.length = index - commitIndex - 1;
  if (pending.length >= maxPending) {
    throw new JsonError(`more than ${maxPending} entries of the log are not committed`, record.start);
  }
  const data = members.get('data');
  pending.push({ record, ...(data && { data }) });
}

function commit(cluster: Cluster, { start }: FileRecord, index: number, onApply: (record: FileRecord) => void): void {
  const { bytes, commitIndex, pending } = cluster;
  const last = commitIndex + pending.length;
  if (index < commitIndex) throw new JsonError(`it takes back commits: index ${index} after ${commitIndex}`, start);
  if (index > last) throw new JsonError(`it commits entry ${index} of the log, which ends at ${last}`, start);
  for (const { record, data } of pending.splice(0, index - commitIndex)) {
    if (!data) continue;
    onApply(record);
    const replaced = snapshotOf(bytes, data, cluster.limits, cluster.database);
    if (replaced) cluster.database = replaced;
  }
  cluster.commitIndex = index;
}

/**
 * The data of a snapshot or an entry, `[schema or null, transaction or null]`: a
 * schema begins a new database, and without one the transaction goes into `before`.
 */
function snapshotOf(bytes: Uint8Array, span: Span, limits: Limits, before?: DraftDatabase): DraftDatabase | undefined {
  const [schema, transaction] = pairAt(bytes, span);
  const database = isNull(bytes, schema) ? before : openDatabase(parseSchema(parseSpan(bytes, schema)), limits);
  if (database && !isNull(bytes, transaction)) applyTransaction(database, bytes, transaction);
  return database;
}

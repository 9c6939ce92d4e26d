/**
 * OVSDB files: what ovsdb-server keeps a database in, ovsdb(5), standalone or
 * clustered, of any schema.
 *
 *     const file = readDatabase(bytes);
 *     file.schema.name                                  // 'OVN_Southbound'
 *     for (const [uuid, row] of file.tables.get('Chassis')?.rows ?? []) ...
 *
 * Reads nothing but the bytes that it is given, so it runs in a browser too.
 */
import {
  applyTransaction,
  closeDatabase,
  type Database,
  type DraftDatabase,
  type Limits,
  openDatabase,
  usualLimits,
} from './database.ts';
import { parseSchema, ValueError } from './file-schema.ts';
import { JsonError, parseSpan, wholeSpan } from './json-scan.ts';
import { addToCluster, type Cluster, openCluster } from './raft.ts';
import { type Checksum, DatabaseError, damaged, type End, type FileRecord, magicOf, readRecords } from './record.ts';

export type { Database, FileTable, Limits } from './database.ts';
export type { FileColumn, FileSchema, FileTableSchema } from './file-schema.ts';
export { DatabaseError, isDatabaseFile } from './record.ts';
export type { AtomValue, Value } from './values.ts';

export interface DatabaseFile extends Database {
  readonly format: 'standalone' | 'clustered';
  /** How many records were read. */
  readonly records: number;
  /** What a reader should know about the file: sentences without a full stop. */
  readonly notes: readonly string[];
}

export interface ReadOptions {
  limits?: Partial<Limits>;
  /** A faster SHA-1 than the portable one, where the platform has it. */
  checksum?: Checksum;
}

/** No larger file is read: 2 GB. */
export const maxFileSize = 2 ** 31 - 1;

/**
 * Reads a database file to its last whole transaction (of a clustered one: the
 * last that is committed).  Throws `DatabaseError`, and nothing else, if it is no
 * database file, is damaged elsewhere than at its end, or is too large.
 */
export function readDatabase(bytes: Uint8Array, options: ReadOptions = {}): DatabaseFile {
  if (bytes.length > maxFileSize) {
    throw new DatabaseError(`the file is too large: ${bytes.length} bytes; at most ${maxFileSize} are read`);
  }
  const magic = magicOf(bytes);
  if (!magic) throw new DatabaseError('it is no OVSDB file: it does not begin with "OVSDB JSON" or "OVSDB CLUSTER"');
  const limits = { ...usualLimits, ...options.limits };
  const end: End = {};
  const records = readRecords(bytes, end, options.checksum);
  const read = magic === 'JSON' ? readStandalone(bytes, records, limits) : readClustered(bytes, records, limits);
  if (!read) throw new DatabaseError('the file ends within its first record, so it has no schema and no data');
  const { count, database, notes } = read;
  if (end.truncatedAt !== undefined) notes.unshift(truncated(bytes, count, end.truncatedAt));
  const format = magic === 'JSON' ? 'standalone' : 'clustered';
  return { ...closeDatabase(database), format, records: count, notes };
}

interface Reading {
  count: number;
  database: DraftDatabase;
  notes: string[];
}

function truncated(bytes: Uint8Array, count: number, offset: number): string {
  const size = bytes.length - offset;
  return `the file ends within record ${count + 1}, whose ${size} bytes are left out: its server was stopped while it wrote, or the copy is not complete`;
}

function readStandalone(bytes: Uint8Array, records: Iterable<FileRecord>, limits: Limits): Reading | undefined {
  let database: DraftDatabase | undefined;
  let count = 0;
  for (const record of records) {
    const before = database;
    database = blaming(bytes, record, () => {
      if (!before) return openDatabase(parseSchema(parseSpan(bytes, wholeSpan(bytes, record))), limits);
      applyTransaction(before, bytes, record);
      return before;
    });
    count++;
  }
  return database && { count, database, notes: [] };
}

function readClustered(bytes: Uint8Array, records: Iterable<FileRecord>, limits: Limits): Reading | undefined {
  let cluster: Cluster | undefined;
  let count = 0;
  for (const record of records) {
    const before = cluster;
    cluster = blaming(bytes, record, (blame) => {
      if (!before) return openCluster(bytes, record, limits);
      addToCluster(before, record, blame);
      return before;
    });
    count++;
  }
  return cluster && { count, database: cluster.database, notes: clusterNotes(cluster) };
}

function clusterNotes({ pending, commitIndex, hasLeft }: Cluster): string[] {
  const notes: string[] = [];
  if (pending.length > 0) {
    const entries = pending.length === 1 ? 'one entry' : `${pending.length} entries`;
    notes.push(
      `the log has ${entries} after ${commitIndex}, the last that is committed; what is not committed is left out`,
    );
  }
  if (hasLeft) notes.push('its server has left the cluster, so the database may be older than the cluster is');
  return notes;
}

/**
 * Does `work`, and turns what it complains about into an error that tells the
 * record: this one, unless `work` blames another.
 */
function blaming<T>(bytes: Uint8Array, record: FileRecord, work: (blame: (culprit: FileRecord) => void) => T): T {
  let culprit = record;
  try {
    return work((other) => {
      culprit = other;
    });
  } catch (error) {
    const place = { record: culprit.number, offset: culprit.offset };
    if (error instanceof JsonError) throw damaged(bytes, place, `${error.message} (byte ${error.offset})`);
    if (error instanceof ValueError) throw damaged(bytes, place, error.message);
    throw error;
  }
}

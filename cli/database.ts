/** Database files among the inputs: what is in them, or what is wrong with them. */
import { createHash } from 'node:crypto';
import { formatProblem, InputError, type Problem } from '../engine/origin.ts';
import { type Database, readDatabase } from '../engine/ovsdb/file.ts';
import type { Northbound } from '../engine/ovsdb/northbound.ts';
import { northboundName, readNorthbound } from '../engine/ovsdb/northbound-db.ts';
import { DatabaseError } from '../engine/ovsdb/record.ts';
import type { Southbound } from '../engine/ovsdb/southbound.ts';
import { readSouthbound, southboundName } from '../engine/ovsdb/southbound-db.ts';
import { capped, type DatabaseBytes, type Sources } from './input.ts';

/** A database that can be worked on. */
export type Opened = { file: string } & (
  | { kind: 'northbound'; northbound: Northbound }
  | { kind: 'southbound'; southbound: Southbound; database: Database }
);

/**
 * The database among the inputs; undefined if they are manifests.  Notes and
 * warnings go to standard error.  Throws `InputError` if it cannot be used, or
 * stands beside others, which would be answers to different questions.
 */
export function openDatabase({ databases, manifests, unread }: Sources): Opened | undefined {
  const [first, second] = databases;
  if (!first) return undefined;
  const problems: Problem[] = [...unread];
  if (second) {
    const message = 'it is the second database of the command, and one database is the whole network';
    problems.push(problem(second.file, 'databases-mixed', message, 'give one of them'));
  }
  if (manifests.length > 0) {
    const message = 'it is a database, which is a whole network, and there are manifests beside it';
    problems.push(problem(first.file, 'databases-mixed', message, 'give either the database or the manifests'));
  }
  if (problems.length > 0) throw new InputError(capped(problems));
  return open(first);
}

function open({ file, bytes }: DatabaseBytes): Opened {
  try {
    const database = readDatabase(bytes, { checksum });
    say(file, 'note', database.notes);
    const { name } = database.schema;
    if (name === northboundName) {
      const { northbound, warnings } = readNorthbound(database);
      say(file, 'warning', warnings);
      return { file, kind: 'northbound', northbound };
    }
    if (name === southboundName) {
      const { southbound, warnings } = readSouthbound(database);
      say(file, 'warning', warnings);
      return { file, kind: 'southbound', southbound, database };
    }
    const message = `it is a database of the schema ${JSON.stringify(name)}`;
    const hint = `give one of ${northboundName} or of ${southboundName}`;
    throw new InputError([problem(file, 'database-unknown', message, hint)]);
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    throw new InputError([damage(file, error)]);
  }
}

/** SHA-1: Node.js' own is several times as fast as the portable one. */
export const checksum = (bytes: Uint8Array): string => createHash('sha1').update(bytes).digest('hex');

function say(file: string, severity: 'note' | 'warning', messages: readonly string[]): void {
  const problems = messages.map((message): Problem => ({ ...problem(file, 'database', message), severity }));
  if (problems.length > 0) process.stderr.write(`${capped(problems).map(formatProblem).join('\n')}\n`);
}

/** Each record is two lines of the file. */
function damage(file: string, { message, place, readable }: DatabaseError): Problem {
  const line = place ? 2 * place.record - 1 : 1;
  const hint = readable ? `to use what can be read, cut it off: head -c ${readable}` : undefined;
  return { ...problem(file, 'database-unusable', message, hint), line };
}

function problem(file: string, id: string, message: string, hint?: string): Problem {
  return { file, line: 1, column: 1, severity: 'error', id, path: '', message, ...(hint !== undefined && { hint }) };
}

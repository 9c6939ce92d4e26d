/** Jobs and their results as bytes, for threads and machines: the data that V8 writes and reads. */
import { createHash } from 'node:crypto';
import { deserialize, serialize } from 'node:v8';
import { plainOf } from '../../sim/jobs/plain.ts';

/** Bytes of plain data: of what has functions, without them. */
export const pack = (data: unknown): Uint8Array => serialize(plainOf(data));

/** What `pack` was given. Whoever writes the bytes has to be trusted with the verdict. */
export const unpack = <T>(bytes: Uint8Array): T => deserialize(bytes) as T;

/** What bytes are called: the same, if they are. */
export const nameOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Database files made by hand, right or wrong. */
import { createHash } from 'node:crypto';
import type { Magic } from '../../engine/ovsdb/record.ts';

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** One record with a right length and checksum, of a value or of a text that may be no JSON. */
export function record(json: unknown, magic: Magic = 'JSON'): string {
  return recordOf(bytesOf(typeof json === 'string' ? json : `${JSON.stringify(json)}\n`), magic).toString();
}

/** One record of bytes that may be no text. */
export function recordOf(body: Uint8Array, magic: Magic = 'JSON'): Buffer {
  const line = `OVSDB ${magic} ${body.length} ${createHash('sha1').update(body).digest('hex')}\n`;
  return Buffer.concat([bytesOf(line), body]);
}

/** A file of records. */
export function fileOf(records: readonly unknown[], magic: Magic = 'JSON'): Uint8Array {
  return bytesOf(records.map((json) => record(json, magic)).join(''));
}

/** A schema of one table `T` with a set, a map and a text. */
export const small = {
  name: 'Small',
  version: '1.0.0',
  tables: {
    T: {
      columns: {
        name: { type: 'string' },
        set: { type: { key: 'string', min: 0, max: 'unlimited' } },
        map: { type: { key: 'string', value: 'string', min: 0, max: 'unlimited' } },
      },
      isRoot: true,
    },
  },
};

/** The Nth UUID. */
export const uuid = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;

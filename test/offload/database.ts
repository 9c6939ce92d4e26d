/** A database of examples/offload with some text changed. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The file's text with `from` replaced by `to` everywhere; lengths and hashes of its records are right again (ovsdb(5)). */
export function changedDatabase(name: string, from: string, to: string): string {
  const file = fileURLToPath(new URL(`../../examples/offload/${name}/network.db`, import.meta.url));
  const records = readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .filter((_, index) => index % 2 === 1);
  return records
    .map((record) => {
      const text = `${record.replaceAll(from, to)}\n`;
      return `OVSDB JSON ${Buffer.byteLength(text)} ${createHash('sha1').update(text).digest('hex')}\n${text}`;
    })
    .join('');
}

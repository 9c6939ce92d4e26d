/** What ovn-northd answered, kept in files: for each topology its flows, and the rows around them. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import type { Answer } from './compare.ts';
import { formatRecording, parseRecording } from './router/recording.ts';

const folder = new URL('recordings/', import.meta.url);
const flowsUrl = (name: string) => new URL(`${name}.json`, folder);
const rowsUrl = (name: string) => new URL(`${name}.rows.json`, folder);

/** Keeps the answer to topology `name`. */
export async function record(name: string, { flows, rows }: Answer): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(flowsUrl(name), formatRecording(flows));
  await writeFile(rowsUrl(name), `[\n  ${rows.map((row) => JSON.stringify(row)).join(',\n  ')}\n]\n`);
}

/** The answer that was kept; rejects if there is none, which `LFLOW_RECORD=1 npm run test:ovn` mends. */
export async function recorded(name: string): Promise<Answer> {
  const [flows, rows] = await Promise.all([readFile(flowsUrl(name), 'utf8'), readFile(rowsUrl(name), 'utf8')]);
  return { flows: parseRecording(flows), rows: JSON.parse(rows) };
}

/** What ovn-northd wrote for each of these topologies, kept in files: a line a row. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';

const folder = new URL('recordings/', import.meta.url);
const urlOf = (name: string) => new URL(`${name}.json`, folder);

/** Keeps the lines of topology `name`, flows left out: other recordings have those. */
export async function record(name: string, lines: readonly string[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  const kept = withoutFlows(lines).map((line) => JSON.stringify(line));
  await writeFile(urlOf(name), `[\n  ${kept.join(',\n  ')}\n]\n`);
}

/** The lines that were kept; rejects if there are none, which `LFLOW_RECORD=1 npm run test:ovn` mends. */
export async function recorded(name: string): Promise<string[]> {
  return JSON.parse(await readFile(urlOf(name), 'utf8'));
}

export function withoutFlows(lines: readonly string[]): string[] {
  return lines.filter((line) => !/^Logical_(Flow|DP_Group) /.test(line));
}

/** What examples/offload tells of public complaints. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { offload } from './command.ts';

/** `expect.json` of an example. */
export interface Complaint {
  /** Reasons of its flows. */
  readonly codes: readonly string[];
  /** Reasons that the plan of its network names besides others, where it has a network. */
  readonly planned?: readonly string[];
  /** Where it was told. */
  readonly threads: readonly string[];
}

const fileOf = (name: string, file: string) =>
  fileURLToPath(new URL(`../../examples/offload/${name}/${file}`, import.meta.url));

/** What an example is to show. */
export const expected = (name: string): Complaint => JSON.parse(readFileSync(fileOf(name, 'expect.json'), 'utf8'));

/** The reasons that `lflow offload explain` names for the network of an example. */
export async function plannedCodes(name: string): Promise<string[]> {
  const args = ['explain', fileOf(name, 'network.db'), '--node', 'worker1', '--format', 'json'];
  const { status, answer, said } = await offload(...args);
  if (status !== 0) throw new Error(said);
  const { groups }: { groups: { reasons: { code: string }[] }[] } = JSON.parse(answer);
  return groups.flatMap(({ reasons }) => reasons.map(({ code }) => code));
}

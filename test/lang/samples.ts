/**
 * What OVN's own parser (26.03) said to expressions and actions of ours, one JSON
 * object a line in `samples/match.jsonl` and `samples/actions.jsonl`.
 *
 * Its surroundings: no address sets, no port groups; actions stand in table 10 of
 * the ingress pipeline of a datapath with 36 tables in each; the DHCP options are
 * the ones that OVN knows.
 */
import { readFileSync } from 'node:fs';

export interface Sample {
  in: string;
  /** Whether OVN accepts it. */
  ok: boolean;
  /** Its canonical text: as parsed, before prerequisites are added. */
  formatted?: string;
  /** Of actions, where there are any: as OVN prints them, not simplified. */
  prereqs?: string;
  /** OVN's message, to the letter, where it refuses. */
  error?: string;
}

export function readSamples(name: 'match' | 'actions'): Sample[] {
  const text = readFileSync(new URL(`samples/${name}.jsonl`, import.meta.url), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Sample)
    .map(accepted);
}

/**
 * Where actions make an OpenFlow group, OVN's test program prints the group in a line
 * of its own, and the recorder took that line for a refusal: what it also noted down,
 * the canonical text and the prerequisites, shows that OVN accepted them.
 */
function accepted(sample: Sample): Sample {
  if (sample.error?.startsWith('uses group: ') !== true) {
    return sample;
  }
  const { error: _, ...rest } = sample;
  return { ...rest, ok: true };
}

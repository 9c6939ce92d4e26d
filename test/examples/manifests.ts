/** The manifests that stand at the top of the folder of examples, each a network. */
import { readdirSync } from 'node:fs';

/** File names, in the folder `examples`. */
export const exampleManifests: readonly string[] = readdirSync(new URL('../../examples/', import.meta.url))
  .filter((name) => name.endsWith('.yaml') && name !== 'lflow.yaml')
  .sort();

/**
 * A northbound database as JSON that programs read and `diff` compares.
 *
 *     {
 *       "Logical_Switch": [
 *         { "_uuid": "...", "name": "default/net", "ports": ["..."], ..., "origin": { "file": "net.yaml", ... } }
 *       ],
 *       ...
 *     }
 *
 * Every table is there with every column, everything sorted (`database-json.ts`).
 * A row's `origin` is the place in the manifests that caused it.
 */
import { databaseJson } from './database-json.ts';
import { type Northbound, northboundSchema } from './northbound.ts';

/** The text, with a line of its own for each column. */
export function nbJson(nb: Northbound): string {
  return databaseJson(northboundSchema, nb);
}

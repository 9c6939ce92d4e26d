/** Which topology makes use of which column and option of the northbound database. */
import { type Northbound, northboundSchema } from '../../engine/ovsdb/northbound.ts';
import type { Column } from '../../engine/ovsdb/schema.ts';
import { northboundKeys } from './options.ts';
import { topologies as routerTopologies } from './router/topologies.ts';
import { switchTopologies } from './topologies.ts';

/** The names of the topologies that use a thing, by its name: `TABLE.COLUMN` or `TABLE.COLUMN:KEY`. */
export type Coverage = ReadonlyMap<string, readonly string[]>;

/** Columns that tell what OVN did or found: nobody asks for anything by them. */
export const writtenByOvn: ReadonlySet<string> = new Set([
  'Connection.is_connected',
  'Connection.status',
  'NB_Global.hv_cfg',
  'NB_Global.hv_cfg_timestamp',
  'NB_Global.nb_cfg',
  'NB_Global.nb_cfg_timestamp',
  'NB_Global.sb_cfg',
  'NB_Global.sb_cfg_timestamp',
]);

/** Every column, and every key that OVN knows. */
export function everyThing(): string[] {
  const columns = Object.entries(northboundSchema).flatMap(([table, row]) =>
    Object.keys(row).map((column) => `${table}.${column}`),
  );
  return columns.flatMap((column) => [column, ...(northboundKeys[column] ?? []).map((key) => `${column}:${key}`)]);
}

/** Each topology once: by the same name both pipelines have the same database. */
export function everyTopology(): Record<string, () => Northbound> {
  const both = Object.keys(switchTopologies).filter((name) => name in routerTopologies);
  const twins = both.filter((name) => switchTopologies[name] !== routerTopologies[name]);
  const routers = Object.entries(routerTopologies).map(([name, make]) => [
    twins.includes(name) ? `${name} (router)` : name,
    make,
  ]);
  return { ...switchTopologies, ...Object.fromEntries(routers) };
}

/** What each of `databases` uses, for everything. */
export function coverage(databases: Readonly<Record<string, () => Northbound>>): Coverage {
  const found = new Map<string, string[]>(everyThing().map((thing) => [thing, []]));
  for (const [name, make] of Object.entries(databases)) {
    for (const thing of used(make())) found.get(thing)?.push(name);
  }
  return found;
}

/** What has a value in `nb`, other than an empty one. */
function used(nb: Northbound): Set<string> {
  const things = new Set<string>();
  for (const [table, rows] of Object.entries(nb)) {
    for (const row of rows.values()) {
      for (const [column, value] of Object.entries<unknown>(row)) {
        const thing = `${table}.${column}`;
        if (!isEmpty(value) || (value === false && isOptional(table, column))) things.add(thing);
        if (isMap(value)) for (const key of Object.keys(value)) things.add(`${thing}:${key}`);
      }
    }
  }
  return things;
}

function isOptional(table: string, column: string): boolean {
  const columns = Object.entries<Record<string, Column>>(northboundSchema).find(([name]) => name === table)?.[1];
  return columns?.[column]?.shape === 'optional';
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === '' || value === 0 || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isMap(value) && Object.keys(value).length === 0;
}

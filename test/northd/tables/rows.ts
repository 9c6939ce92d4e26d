/**
 * The rows of a southbound database as lines that two databases of one network
 * share: references by what names their targets, without UUIDs, and without what
 * ovn-northd chooses as it likes (tunnel keys, discriminators, orders).
 */
import type { Database, FileTable } from '../../../engine/ovsdb/database.ts';
import type { Value } from '../../../engine/ovsdb/values.ts';

/** Tables that are not ovn-northd's, or that others write to meanwhile. */
const foreign = new Set([
  'Chassis',
  'Chassis_Private',
  'Encap',
  'MAC_Binding',
  'FDB',
  'IGMP_Group',
  'Connection',
  'SSL',
]);

/** Columns whose values mean nothing, or are counted by whoever waits. */
const arbitrary = new Set(['BFD.disc', 'BFD.src_port', 'SB_Global.nb_cfg', 'IP_Multicast.seq_no']);

/** Columns with keys that are arbitrary unless `options:requested-tnl-key` asks for them. */
const keyed = new Set(['Datapath_Binding', 'Port_Binding']);

/** All lines of all tables, sorted. */
export function tableLines(database: Database): string[] {
  const lines = [...database.tables.keys()].filter((table) => !foreign.has(table)).flatMap(linesOf);
  return lines.sort();

  function linesOf(table: string): string[] {
    const found = database.tables.get(table) as FileTable;
    return [...found.rows.values()].map((row) => `${table} ${JSON.stringify(columnsOf(table, found, row))}`);
  }

  function columnsOf(table: string, { schema }: FileTable, row: readonly Value[]): Record<string, unknown> {
    const columns = schema.columns.flatMap(({ name, refTable }, place): [string, unknown][] => {
      if (arbitrary.has(`${table}.${name}`) || (name === 'tunnel_key' && keyed.has(table))) return [];
      const target = name === 'permissions' ? 'RBAC_Permission' : refTable;
      const value = settled(target === undefined ? row[place] : named(target, row[place]));
      return isEmpty(value) ? [] : [[name, value]];
    });
    const result = Object.fromEntries(columns);
    if (table === 'Logical_Flow') shareCause(result);
    if (table === 'Port_Group') result.name = withoutKey(String(result.name));
    if (table === 'Port_Binding' && result.nat_addresses) result.nat_addresses = wordSets(result.nat_addresses);
    if (table === 'Address_Set') result.name = withDatapath(String(result.name));
    if (table === 'Logical_Flow') result.match = withDatapath(String(result.match));
    return result;
  }

  /** A reference, or each of several, as the name of its target, or as all that is in it. */
  function named(table: string, value: Value): Value {
    if (Array.isArray(value)) return value.map((each) => nameOf(table, String(each)));
    if (typeof value === 'object') {
      return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, nameOf(table, String(each))]));
    }
    return value === undefined ? undefined : nameOf(table, String(value));
  }

  function nameOf(table: string, uuid: string): string {
    const found = database.tables.get(table);
    const row = found?.rows.get(uuid);
    if (!found || !row) return `no row of ${table}`;
    const at = (column: string) => row[found.places.get(column) ?? -1];
    if (table === 'Datapath_Binding') return (at('external_ids') as Record<string, string>).name ?? '';
    const name = at('logical_port') ?? (table === 'HA_Chassis_Group' || table === 'Mirror' ? at('name') : undefined);
    return name === undefined ? JSON.stringify(columnsOf(table, found, row)) : String(name);
  }

  /** `_rtr_lb_KEY_ip4` with the router's name for the key, wherever it occurs. */
  function withDatapath(text: string): string {
    return text.replace(/\b_rtr_lb_(\d+)_/g, (_, key) => `_rtr_lb_<${nameOfKey(Number(key))}>_`);
  }

  function nameOfKey(key: number): string {
    const datapaths = database.tables.get('Datapath_Binding') as FileTable;
    const place = datapaths.places.get('tunnel_key') ?? -1;
    const [uuid = ''] = [...datapaths.rows].find(([, row]) => row[place] === key) ?? [];
    return nameOf('Datapath_Binding', uuid);
  }
}

/**
 * ovn-northd leaves the line and the row of whatever caused a flow first, also
 * where another does now: only their form is compared here.
 */
function shareCause(flow: Record<string, unknown>): void {
  const { 'stage-name': stage, 'stage-hint': hint, source } = flow.external_ids as Record<string, string>;
  const isHinted = flow.logical_dp_group === undefined && /^[0-9a-f]{8}$/.test(hint ?? '');
  flow.external_ids = { stage, isHinted, hasSource: /^northd\.c:\d+$/.test(source ?? '') };
}

function withoutKey(name: string): string {
  return name.replace(/^\d+_/, '');
}

/** Addresses between a MAC address and a condition carry no order. */
function wordSets(texts: unknown): unknown {
  return [texts]
    .flat()
    .map((text) => String(text).split(' ').sort().join(' '))
    .sort();
}

function settled(value: Value): unknown {
  if (Array.isArray(value)) return value.toSorted();
  if (typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === '' || (typeof value === 'object' && Object.keys(value ?? {}).length === 0);
}

/** What only one of two lists of lines has, a line each; '' where they are equal. */
export function lineDifferences(real: readonly string[], ours: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const line of ours) counts.set(line, (counts.get(line) ?? 0) + 1);
  const missing: string[] = [];
  for (const line of real) {
    const count = counts.get(line) ?? 0;
    if (count === 0) missing.push(`missing  ${line}`);
    else counts.set(line, count - 1);
  }
  const extra = [...counts].flatMap(([line, count]) => Array.from({ length: count }, () => `too many ${line}`));
  return [...missing, ...extra].sort((a, b) => (a.slice(9) < b.slice(9) ? -1 : 1)).join('\n');
}

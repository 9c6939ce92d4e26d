/**
 * Random northbound databases of every table and column, driven by the schema:
 * not networks that mean anything, but rows that OVSDB accepts, with the odd
 * strings that databases may hold.
 */
import fc from 'fast-check';
import {
  emptyNorthbound,
  insertRow,
  type Northbound,
  type NorthboundTable,
  northboundRoots,
  northboundSchema,
} from '../../engine/ovsdb/northbound.ts';
import type { Atom, Column } from '../../engine/ovsdb/schema.ts';

/** What a column's atoms must be, beyond their type: RFC 7047, section 3.2, `<base-type>`. */
interface Constraint {
  enum?: string[];
  min?: number;
  max?: number;
  maxLength?: number;
  /** A set that may not be empty. */
  isFilled?: boolean;
}

/** ovn-nb(5): columns that take less than their type says; `value` is that of a map. */
const constraints: Record<string, Constraint & { value?: Constraint }> = {
  'ACL.name': { maxLength: 63 },
  'ACL.priority': { max: 32767 },
  'ACL.direction': { enum: ['from-lport', 'to-lport'] },
  'ACL.action': { enum: ['allow', 'allow-related', 'allow-stateless', 'drop', 'reject'] },
  'ACL.severity': { enum: ['alert', 'warning', 'notice', 'info', 'debug'] },
  'BFD.min_tx': { min: 1 },
  'BFD.detect_mult': { min: 1 },
  'BFD.status': { enum: ['down', 'init', 'up', 'admin_down'] },
  'Connection.max_backoff': { min: 1000 },
  'Forwarding_Group.child_port': { isFilled: true },
  'Gateway_Chassis.priority': { max: 32767 },
  'HA_Chassis.priority': { max: 32767 },
  'Load_Balancer.protocol': { enum: ['tcp', 'udp', 'sctp'] },
  'Load_Balancer.selection_fields': { enum: ['eth_src', 'eth_dst', 'ip_src', 'ip_dst', 'tp_src', 'tp_dst'] },
  'Logical_Router_Policy.action': { enum: ['allow', 'drop', 'reroute'] },
  'Logical_Router_Policy.priority': { max: 32767 },
  'Logical_Router_Port.networks': { isFilled: true },
  'Logical_Router_Static_Route.policy': { enum: ['src-ip', 'dst-ip'] },
  'Logical_Switch_Port.tag': { min: 1, max: 4095 },
  'Logical_Switch_Port.tag_request': { max: 4095 },
  'Meter.bands': { isFilled: true },
  'Meter.unit': { enum: ['kbps', 'pktps'] },
  'Meter_Band.action': { enum: ['drop'] },
  'Meter_Band.rate': { min: 1 },
  'Mirror.filter': { enum: ['from-lport', 'to-lport'] },
  'Mirror.type': { enum: ['gre', 'erspan'] },
  'NAT.type': { enum: ['dnat', 'snat', 'dnat_and_snat'] },
  'QoS.action': { enum: ['dscp'], value: { max: 63 } },
  'QoS.bandwidth': { enum: ['rate', 'burst'], value: { min: 1 } },
  'QoS.direction': { enum: ['from-lport', 'to-lport'] },
  'QoS.priority': { max: 32767 },
};

/** Columns that no two rows of a table share (the schema's `indexes`); one of several suffices. */
const identifying: Partial<Record<NorthboundTable, string>> = {
  Address_Set: 'name',
  BFD: 'logical_port',
  Chassis_Template_Var: 'chassis',
  Connection: 'target',
  Copp: 'name',
  Gateway_Chassis: 'name',
  HA_Chassis_Group: 'name',
  Load_Balancer_Group: 'name',
  Logical_Router_Port: 'name',
  Logical_Switch_Port: 'name',
  Meter: 'name',
  Mirror: 'name',
  Port_Group: 'name',
  Static_MAC_Binding: 'logical_port',
};

/** Columns that live in the server's memory only. */
const ephemeral = new Set(['Connection.is_connected', 'Connection.status']);

/** Strings that the shell, ovn-nbctl or JSON could mistake for something else. */
export const oddText: fc.Arbitrary<string> = fc
  .oneof(
    {
      weight: 3,
      arbitrary: fc.constantFrom('a', 'net-1', 'default/net', 'd/vf@n1', '02:00:00:00:00:01 10.0.0.1', 'true'),
    },
    { weight: 2, arbitrary: fc.string({ unit: fc.constantFrom(...'\'"\\`$ \n\t=,:;[]{}()<>!#*?~&|%@-^é漢😀\u2028') }) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom('-', '--', '-- init', '--db=x', '[]', '{}', '""', '@x', '$(touch x)', '0x1', '.'),
    },
  )
  .map((text) => text.replaceAll('\0', ''));

function atom(
  text: fc.Arbitrary<string>,
  type: Atom,
  { enum: values, min = 0, max = 2 ** 31, maxLength = 200 }: Constraint,
): fc.Arbitrary<unknown> {
  if (values) return fc.constantFrom(...values);
  if (type === 'integer') return fc.integer({ min, max });
  if (type === 'boolean') return fc.boolean();
  return text.filter(({ length }) => length <= maxLength);
}

function value(
  text: fc.Arbitrary<string>,
  column: Column,
  constraint: Constraint & { value?: Constraint },
): fc.Arbitrary<unknown> {
  const key = atom(text, column.key, constraint);
  switch (column.shape) {
    case 'required':
      return key;
    case 'optional':
      return fc.option(key, { nil: undefined });
    case 'set':
      return fc.uniqueArray(key, { minLength: constraint.isFilled ? 1 : 0, maxLength: 4 });
    case 'map':
      return fc
        .uniqueArray(fc.tuple(key, atom(text, column.value ?? 'string', constraint.value ?? {})), {
          selector: ([name]) => name,
          maxLength: 3,
        })
        .map((pairs) => Object.fromEntries(pairs));
  }
}

/** Random picks that decide a row's references once all rows are known. */
interface Draft {
  columns: Record<string, unknown>;
  picks: Record<string, number[]>;
}

function draft(text: fc.Arbitrary<string>, table: NorthboundTable): fc.Arbitrary<Draft> {
  const columns = Object.entries<Column>(northboundSchema[table]);
  const plain = columns.filter(([name, { key }]) => key !== 'uuid' && !ephemeral.has(`${table}.${name}`));
  const picked = columns.filter(([, { key }]) => key === 'uuid');
  return fc.record({
    columns: fc.record(
      Object.fromEntries(
        plain.map(([name, column]) => [name, value(text, column, constraints[`${table}.${name}`] ?? {})]),
      ),
    ),
    picks: fc.record(Object.fromEntries(picked.map(([name]) => [name, fc.array(fc.nat(), { maxLength: 3 })]))),
  });
}

const tables = Object.keys(northboundSchema) as NorthboundTable[];

/**
 * A database whose rows are all kept alive and whose references all lead
 * somewhere: what OVSDB would hold.  Its strings are `text`s.
 */
export function randomNorthbound(text = oddText): fc.Arbitrary<Northbound> {
  const drafts = tables.map((table) => [table, fc.array(draft(text, table), { maxLength: 3 })]);
  return fc.record(Object.fromEntries(drafts) as Record<NorthboundTable, fc.Arbitrary<Draft[]>>).map(assemble);
}

function assemble(drafts: Record<NorthboundTable, Draft[]>): Northbound {
  const nb = emptyNorthbound();
  const references: [Record<string, unknown>, NorthboundTable, Draft][] = [];
  for (const table of tables) {
    const wanted = table === 'NB_Global' ? drafts[table].slice(0, 1) : drafts[table];
    for (const [index, row] of wanted.entries()) {
      const name = identifying[table];
      const unique = name === undefined ? {} : { [name]: `${row.columns[name]}${index}` };
      references.push([insertRow(nb, table, `${index}`, { ...row.columns, ...unique }), table, row]);
    }
  }
  const taken = new Set<string>();
  for (const [row, table, { picks }] of references) {
    for (const [name, column] of Object.entries<Column>(northboundSchema[table])) {
      if (column.refTable !== undefined) row[name] = pick(nb, column, picks[name] ?? [], taken);
    }
  }
  return adopt(nb);
}

/** Some rows for a column of references; a row that needs an owner gets one only. */
function pick(nb: Northbound, column: Column, picks: number[], taken: Set<string>): string | string[] | undefined {
  const target = column.refTable as NorthboundTable;
  const isOwned = column.refType === 'strong' && !northboundRoots.has(target);
  const free = [...nb[target].keys()].filter((uuid) => !isOwned || !taken.has(uuid));
  const chosen = [...new Set(picks.flatMap((n) => free[n % Math.max(free.length, 1)] ?? []))];
  const uuids = column.shape === 'set' ? chosen : chosen.slice(0, 1);
  if (isOwned) for (const uuid of uuids) taken.add(uuid);
  return column.shape === 'set' ? uuids : uuids[0];
}

/** Drops the rows that nothing keeps alive, those without what they must hold, and the references to them. */
function adopt(nb: Northbound): Northbound {
  const dropped = (table: NorthboundTable, uuid: string) => !(nb[table] as Map<string, unknown>).has(uuid);
  for (let isSettled = false; !isSettled; ) {
    isSettled = true;
    const owned = new Set<string>();
    for (const table of tables) {
      for (const row of (nb[table] as Map<string, Record<string, unknown>>).values()) {
        for (const [name, column] of Object.entries<Column>(northboundSchema[table])) {
          const target = column.refTable as NorthboundTable | undefined;
          if (target === undefined || row[name] === undefined) continue;
          const isSet = column.shape === 'set';
          const kept = (isSet ? (row[name] as string[]) : [row[name] as string]).filter(
            (uuid) => !dropped(target, uuid),
          );
          row[name] = isSet ? kept : kept[0];
          if (column.refType === 'strong') for (const uuid of kept) owned.add(uuid);
        }
      }
    }
    for (const table of tables) {
      for (const [uuid, row] of nb[table] as Map<string, Record<string, unknown>>) {
        const isBare = table === 'Meter' && (row.bands as string[]).length === 0;
        if (isBare || (!northboundRoots.has(table) && !owned.has(uuid))) {
          nb[table].delete(uuid);
          isSettled = false;
        }
      }
    }
  }
  return nb;
}

/** Northbound databases with mistakes in them: random databases of which some texts were replaced by worse ones. */
import fc from 'fast-check';
import { type Northbound, northboundSchema } from '../../engine/ovsdb/northbound.ts';
import type { Column } from '../../engine/ovsdb/schema.ts';

/** Keys that ovn-northd makes up at random when it cannot read them, and keys that keep its answer from being arbitrary. */
const keptKeys = new Set([
  'mac_prefix',
  'requested-tnl-key',
  'svc_monitor_mac',
  // Two addresses of one family or a network in these end ovn-northd.
  'dnat_force_snat_ip',
  'lb_force_snat_ip',
]);

/** Columns with a constraint in the schema, with names that must be unique, or with expressions. */
const untouched = new Set([
  'ACL.action',
  'ACL.direction',
  'ACL.match',
  'ACL.severity',
  'BFD.status',
  'Load_Balancer.protocol',
  'Load_Balancer.selection_fields',
  'Logical_Router_Policy.action',
  'Logical_Router_Policy.match',
  'Logical_Router_Static_Route.policy',
  'Meter.unit',
  'Meter_Band.action',
  'NAT.type',
  'QoS.direction',
  'QoS.match',
]);

const worse = [
  '',
  ' ',
  'x',
  '0',
  '-1',
  '1.2.3.4',
  '10.0.0.1/24',
  '10.0.0.0/8',
  '10.0.0.1/0',
  '10.0.1.1/32',
  '10.0.0.1/33',
  '10.0.0.1/255.255.0.0',
  '10.0.0.1/255.0.255.0',
  '0.0.0.0/0',
  '255.255.255.255',
  '224.0.0.1',
  '300.0.0.1',
  '010.0.0.1',
  '10.0.0.1 ',
  ' 10.0.0.1',
  'fd00::1',
  'FD00::1',
  'fd00::1/64',
  'fd00:0:0::1/64',
  'fe80::1/64',
  'fe80::1',
  '::',
  '::/0',
  '::1/128',
  'ff02::1',
  'fd00::1/129',
  '02:00:00:00:00:01',
  '02:00:00:00:00:0A',
  '2:0:0:0:0:1',
  '00:00:00:00:00:00',
  'ff:ff:ff:ff:ff:ff',
  '01:00:5e:00:00:01',
  '02:00:00:00:00:01 10.0.0.1',
  '02:00:00:00:00:01 10.0.0.1 fd00::1 10.0.0.2/24',
  '02:00:00:00:00:01 fd00::1/64 x',
  'unknown',
  'router',
  'dynamic',
  'true',
  'TRUE',
  'false',
  'discard',
  'router_ip',
  'bridged',
  '4294967296',
  '65535',
  '1e3',
  '0x10',
  '^v',
  'a"b\\',
  'ü',
];

/** One replacement: which text of all those in a database, and what stands there instead. */
export const mutation = fc.record({ at: fc.nat(100_000), text: fc.constantFrom(...worse) });

/** `nb` with each of `mutations` made; it changes `nb`. */
export function mutate(nb: Northbound, mutations: readonly { at: number; text: string }[]): Northbound {
  const places = placesOf(nb);
  for (const { at, text } of mutations) places[at % places.length]?.(text);
  return nb;
}

/** How to replace each text that may be replaced. */
function placesOf(nb: Northbound): ((text: string) => void)[] {
  const places: ((text: string) => void)[] = [];
  for (const [table, columns] of Object.entries<Record<string, Column>>(northboundSchema)) {
    for (const row of (nb as unknown as Record<string, Map<string, Record<string, unknown>>>)[table].values()) {
      for (const [column, type] of Object.entries(columns)) {
        if (untouched.has(`${table}.${column}`) || column === 'name' || column === 'external_ids') continue;
        addPlaces(row, column, type, places);
      }
    }
  }
  return places;
}

function addPlaces(
  row: Record<string, unknown>,
  column: string,
  type: Column,
  places: ((text: string) => void)[],
): void {
  const value = row[column];
  if (type.refTable !== undefined) return;
  if (typeof value === 'string') {
    places.push((text) => {
      row[column] = text;
    });
  } else if (Array.isArray(value)) {
    for (const [i, one] of value.entries()) {
      if (typeof one !== 'string') continue;
      places.push((text) => {
        row[column] = value.toSpliced(i, 1, text);
      });
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, one] of Object.entries(value)) {
      if (typeof one !== 'string' || keptKeys.has(key)) continue;
      places.push((text) => {
        row[column] = { ...value, [key]: text };
      });
    }
  }
}

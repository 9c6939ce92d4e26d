/**
 * What `ovn-sbctl show` (ovn-sbctl(8)) prints of a southbound database: chassis,
 * how they are reached, and the ports that they have.  All in the order of names,
 * where ovn-sbctl's means nothing.
 */
import type { SouthboundRow, SouthboundRows } from './southbound-schema.ts';

/** The text; '' for a database without chassis, such as one that was computed. */
export function sbShow(rows: SouthboundRows): string {
  const chassis = [...rows.Chassis.values()].sort((a, b) => compare(a.name, b.name));
  return chassis
    .flatMap((row) => chassisLines(rows, row))
    .map((line) => `${line}\n`)
    .join('');
}

function chassisLines(rows: SouthboundRows, row: SouthboundRow<'Chassis'>): string[] {
  const encaps = row.encaps.flatMap((uuid) => rows.Encap.get(uuid) ?? []);
  const ports = [...rows.Port_Binding.values()].filter(({ chassis }) => chassis === row._uuid);
  const names = ports.map(({ logical_port }) => logical_port).sort(compare);
  return [
    `Chassis ${shown(row.name)}`,
    ...(row.hostname === '' ? [] : [`    hostname: ${shown(row.hostname)}`]),
    ...encaps.sort((a, b) => compare(a.type, b.type)).flatMap(encapLines),
    ...names.map((name) => `    Port_Binding ${shown(name)}`),
  ];
}

function encapLines({ type, ip, options }: SouthboundRow<'Encap'>): string[] {
  const pairs = Object.entries(options).sort(([a], [b]) => compare(a, b));
  const map = pairs.map(([key, value]) => `${shown(key)}=${shown(value)}`).join(', ');
  return [
    `    Encap ${shown(type)}`,
    ...(ip === '' ? [] : [`        ip: ${shown(ip)}`]),
    ...(pairs.length === 0 ? [] : [`        options: {${map}}`]),
  ];
}

const plain = /^[A-Za-z_][\w.-]*$/;
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** A string as OVSDB's tools print it: bare where it can be taken for nothing else, or in JSON's quotes. */
function shown(text: string): string {
  const isBare = plain.test(text) && !uuid.test(text) && text !== 'true' && text !== 'false';
  return isBare ? text : JSON.stringify(text);
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

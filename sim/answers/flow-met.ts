/** Logical flows for people: which northbound row is behind each of them, and which line of which manifest. */
import type { Position } from '../../engine/origin.ts';
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import type { LogicalFlow } from '../../engine/ovsdb/southbound.ts';
import type { Network } from '../symbolic/types.ts';
import type { FlowMet } from '../verdict.ts';

/** Tells of flows whose rows they come from. */
export type FlowTeller = (flow: LogicalFlow) => FlowMet;

/** A teller for a network; without its northbound database rows are known by their UUIDs only. */
export function flowTeller({ southbound, datapaths }: Network, northbound?: Northbound): FlowTeller {
  const rows = northbound ? rowNames(northbound) : new Map<string, string>();
  return ({ datapath, pipeline, table, stage, priority, match, actions, hint }) => {
    const source = hint === undefined ? undefined : southbound.origins.get(hint);
    const row = hint === undefined ? undefined : (rows.get(hint.slice(0, 8)) ?? `row ${hint.slice(0, 8)}`);
    return {
      datapath: datapaths.get(datapath)?.name ?? datapath,
      pipeline,
      table,
      stage,
      priority,
      match,
      actions,
      ...(row !== undefined && { row }),
      ...(source && { source }),
    };
  };
}

/** `TABLE NAME` by the first digits of the UUID, which are all that a southbound database has. */
function rowNames(northbound: Northbound): Map<string, string> {
  const names = new Map<string, string>();
  for (const [table, rows] of Object.entries(northbound)) {
    if (!(rows instanceof Map)) continue;
    for (const [uuid, row] of rows as Map<string, object>) names.set(uuid.slice(0, 8), `${table} ${nameOf(uuid, row)}`);
  }
  return names;
}

/** Columns by which people know rows that have no name, the best first. */
const telling = ['name', 'match', 'ip_prefix', 'external_ip', 'cidr'];

const nameLimit = 60;

function nameOf(uuid: string, row: object): string {
  const columns = new Map(Object.entries(row));
  const name = telling.map((column) => columns.get(column)).find((value) => typeof value === 'string' && value !== '');
  if (typeof name !== 'string') return uuid.slice(0, 8);
  return name.length > nameLimit ? `${name.slice(0, nameLimit - 1)}…` : name;
}

/** Where the flows were asked for, each place once, behind the places given. */
export function blame(places: readonly Position[], flows: readonly FlowMet[]): Position[] {
  const all = [...places, ...flows.flatMap(({ source }) => source ?? [])];
  const plain = all.map(({ file, line, column }): Position => ({ file, line, column }));
  return [...new Map(plain.map((place) => [`${place.file}:${place.line}:${place.column}`, place])).values()];
}

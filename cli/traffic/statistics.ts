/**
 * Which logical flows met how many packets, and what asked for those flows: the
 * northbound row behind a flow, and the line of the manifest behind that.
 */
import type { NodeStats } from '../../engine/node/index.ts';
import type { Origin } from '../../engine/origin.ts';
import type { Northbound, NorthboundTable } from '../../engine/ovsdb/northbound.ts';
import type { Southbound } from '../../engine/ovsdb/southbound.ts';
import { isOwnTable } from '../../engine/program/index.ts';
import { tableText } from './table.ts';

/** The northbound row that caused a flow. */
export interface FlowRow {
  table?: NorthboundTable;
  /** Of a southbound database its first 8 digits. */
  uuid: string;
  /** What tells it from others of its table: its name, or direction, priority and action. */
  text: string;
}

export interface FlowStatistics {
  packets: number;
  bytes: number;
  datapath: string;
  pipeline: string;
  table: number;
  stage: string;
  priority: number;
  match: string;
  actions: string;
  row?: FlowRow;
  /** Place in the manifests. */
  source?: Origin;
}

export interface Statistics {
  /** Flows that packets met, those with the most packets first. */
  flows: FlowStatistics[];
  /** Packets dropped, by reason; those without any are left out. */
  drops: Record<string, number>;
  caches: Record<string, number>;
}

/** Counters of a node with what stands behind them. */
export function statisticsOf(
  { flows, drops, caches }: NodeStats,
  southbound: Southbound,
  northbound: Northbound | undefined,
): Statistics {
  const datapaths = new Map(southbound.datapaths.map(({ uuid, name }) => [uuid, name]));
  const rows = northbound ? rowsOf(northbound) : new Map<string, FlowRow>();
  const met = flows
    .filter(({ flow }) => !isOwnTable(flow.table))
    .map(({ flow, packets, bytes }): FlowStatistics => {
      const { pipeline, table, stage, priority, match, actions, hint } = flow;
      const row = hint === undefined ? undefined : (rows.get(hint) ?? { uuid: hint, text: '' });
      const source = hint === undefined ? undefined : southbound.origins.get(hint);
      return {
        packets: Number(packets),
        bytes: Number(bytes),
        datapath: datapaths.get(flow.datapath) ?? flow.datapath,
        ...{ pipeline, table, stage, priority, match, actions },
        ...(row && { row }),
        ...(source && { source }),
      };
    });
  return {
    flows: met.sort((a, b) => b.packets - a.packets),
    drops: numbersOf(Object.entries(drops).filter(([, count]) => count > 0n)),
    caches: numbersOf(Object.entries(caches)),
  };
}

const numbersOf = (counts: readonly (readonly [string, bigint])[]): Record<string, number> =>
  Object.fromEntries(counts.map(([name, count]) => [name, Number(count)]));

function rowsOf(northbound: Northbound): Map<string, FlowRow> {
  const found = new Map<string, FlowRow>();
  for (const [table, rows] of Object.entries(northbound) as [NorthboundTable, Map<string, object>][]) {
    for (const [uuid, row] of rows) found.set(uuid, { table, uuid, text: rowText(row) });
  }
  return found;
}

/** Columns that tell rows without a name apart: ACLs, policies, NAT rules, routes. */
const tellingColumns = ['direction', 'priority', 'type', 'external_ip', 'ip_prefix', 'cidr', 'action', 'nexthop'];

function rowText(row: object): string {
  const columns = new Map(Object.entries(row));
  const name = columns.get('name');
  if (typeof name === 'string' && name !== '') return `"${name}"`;
  return tellingColumns
    .map((column) => columns.get(column))
    .filter((value) => (typeof value === 'string' && value !== '') || typeof value === 'number')
    .join(' ');
}

/** The statistics for a person: what rows decided, what else dropped packets, and the caches. */
export function statisticsText({ flows, drops, caches }: Statistics): string {
  const decided = flows.filter(({ row }) => row !== undefined);
  const dropped = flows.filter(({ row, actions }) => row === undefined && isDrop(actions));
  const rest = flows.length - decided.length - dropped.length;
  return [
    section('Decided by rows of the northbound database', decided),
    section('Dropped by flows that no row asked for', dropped),
    rest === 0 ? '' : `${rest} more flows passed packets on; --format json lists them.\n\n`,
    countsText('Drops', drops),
    countsText('Look-ups', caches),
  ].join('');
}

const isDrop = (actions: string): boolean => actions === 'drop;' || actions === '/* drop */';

function section(title: string, flows: readonly FlowStatistics[]): string {
  if (flows.length === 0) return '';
  const cells = flows.map(({ packets, bytes, datapath, stage, priority, match, actions, row, source }) => [
    String(packets),
    String(bytes),
    row ? [row.table ?? row.uuid, row.text].filter((part) => part !== '').join(' ') : '-',
    datapath,
    stage,
    source ? `${source.file}:${source.line}:${source.column}` : '-',
    `${priority}: ${match} => ${actions}`,
  ]);
  const heads = ['packets', 'bytes', 'row', 'datapath', 'stage', 'place', 'flow'];
  return `${title}:\n${tableText([heads, ...cells], [2, 3, 4, 5, 6])}\n`;
}

function countsText(title: string, counts: Readonly<Record<string, number>>): string {
  const rows = Object.entries(counts).map(([name, count]) => [wordsOf(name), String(count)]);
  return rows.length === 0 ? `${title}: none\n\n` : `${title}:\n${tableText(rows)}\n`;
}

/** `connectionsNew` as `connections new`. */
const wordsOf = (name: string): string => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

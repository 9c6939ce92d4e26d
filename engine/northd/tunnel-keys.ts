/**
 * Tunnel keys: requested ones first, then the lowest free ones in order of
 * names.  ovn-northd hands them out in the order in which it meets the rows,
 * which is arbitrary; ours is a function of the northbound database.
 */
import type { Northbound, NorthboundRow } from '../ovsdb/northbound.ts';
import { sortedByName } from './by-name.ts';
import { integerOption } from './options.ts';
import type { Topology } from './topology.ts';
import { type NorthdWarning, warn } from './warning.ts';

/** The highest tunnel key of a datapath that ovn-northd hands out. */
export const maxDatapathKey = (1 << 24) - 1 - ((1 << 16) - 1);
const maxPortKey = (1 << 15) - 1;

/** The same where a chassis has tunnels of VXLAN, whose header has 24 bits for both (ovn-architecture(7), Tunnels). */
const maxVxlanDatapathKey = (1 << 12) - 1;
const maxVxlanPortKey = (1 << 11) - 1;

/** Fills in `tunnelKey` of every datapath and port. */
export function assignTunnelKeys(topology: Topology): void {
  const { hasVxlan } = topology.written;
  const datapaths = [...topology.switches, ...topology.routers];
  const requests = datapaths.map((dp) => datapathRequest(dp, dp.row));
  const limits = hasVxlan ? { max: maxVxlanDatapathKey, isVxlan: true } : { max: maxDatapathKey };
  assign(requests, limits, topology.warnings);
  for (const dp of datapaths) {
    const ports = dp.ports.map((port) => ({
      holder: port,
      row: port.row,
      name: `port "${port.name}"`,
      requested: integerOption(port.row.options, 'requested-tnl-key', 0),
    }));
    const redirects = dp.ports.flatMap((port) =>
      port.kind === 'router-port' && port.redirect
        ? [{ holder: port.redirect, row: port.row, name: `port "${port.redirect.name}"`, requested: 0 }]
        : [],
    );
    const portLimits = hasVxlan ? { max: maxVxlanPortKey, isVxlan: true } : { max: maxPortKey };
    assign([...ports, ...redirects], portLimits, topology.warnings);
  }
}

/** The keys that `assignTunnelKeys` gives to datapaths, by UUID of their northbound rows. */
export function datapathKeys(nb: Northbound, warnings: NorthdWarning[]): Map<string, number> {
  const routers = [...nb.Logical_Router.values()].filter(({ enabled }) => enabled !== false);
  const rows = [...sortedByName(nb.Logical_Switch.values()), ...sortedByName(routers)];
  const requests = rows.map((row) => datapathRequest({ tunnelKey: 0 }, row));
  assign(requests, { max: maxDatapathKey }, warnings);
  return new Map(requests.map(({ holder, row }) => [row._uuid, holder.tunnelKey]));
}

type DatapathRow = NorthboundRow<'Logical_Switch'> | NorthboundRow<'Logical_Router'>;

function datapathRequest(holder: { tunnelKey: number }, row: DatapathRow): Request {
  const options = 'other_config' in row ? row.other_config : row.options;
  const requested = integerOption(options, 'requested-tnl-key', 0);
  return { holder, row, name: `datapath "${row.name}"`, requested, isGlobal: options['interconn-ts'] !== undefined };
}

interface Request {
  holder: { tunnelKey: number };
  row: { readonly _uuid: string };
  name: string;
  /** 0 for any. */
  requested: number;
  /** A transit switch has a key of a range of its own. */
  isGlobal?: boolean;
}

interface Limits {
  /** The highest key that is handed out. */
  max: number;
  /** Nor may a higher one be requested. */
  isVxlan?: boolean;
}

function assign(requests: readonly Request[], { max, isVxlan }: Limits, warnings: NorthdWarning[]): void {
  const used = new Set<number>();
  for (const { holder, row, name, requested, isGlobal } of requests) {
    if (requested === 0) continue;
    if (isVxlan && requested > max && !isGlobal) {
      const message = `The tunnel key ${requested} that ${name} requests is more than VXLAN can tell: at most ${max}`;
      warn(warnings, row, 'tunnel-key-too-large', message);
      continue;
    }
    if (used.has(requested)) {
      const message = `The tunnel key ${requested} that ${name} requests is taken`;
      warn(warnings, row, 'tunnel-key-taken', message);
      continue;
    }
    used.add(requested);
    holder.tunnelKey = requested;
  }
  let next = 1;
  for (const { holder, row, name } of requests) {
    if (holder.tunnelKey !== 0) continue;
    while (used.has(next)) next++;
    if (next > max) {
      warn(warnings, row, 'tunnel-keys-exhausted', `No tunnel key is left for ${name}`);
      continue;
    }
    holder.tunnelKey = next++;
  }
}

/** What ovn-controller does besides forwarding, out of the rows that say so. */
import type { ControllerServices, LoadBalancer, MulticastSettings } from '../../ovsdb/southbound.ts';
import type { SouthboundRow, SouthboundRows } from '../../ovsdb/southbound-schema.ts';
import type { Topology } from '../topology.ts';
import { type PortFacts, portDetails } from './ports.ts';

export function servicesOf(rows: SouthboundRows, facts: PortFacts, topology: Topology): ControllerServices {
  return {
    dns: [...rows.DNS.values()].map(({ datapaths, records }) => ({ datapaths, records })),
    serviceMonitors: [...rows.Service_Monitor.values()].map((row) => ({
      logicalPort: row.logical_port,
      ip: row.ip,
      port: row.port,
      protocol: row.protocol === 'udp' ? 'udp' : 'tcp',
      srcMac: row.src_mac,
      srcIp: row.src_ip,
      options: row.options,
    })),
    multicast: [...rows.IP_Multicast.values()].map(multicastOf),
    bfd: [...rows.BFD.values()].map((row) => ({
      logicalPort: row.logical_port,
      dstIp: row.dst_ip,
      srcPort: row.src_port,
      discriminator: row.disc,
      minTx: row.min_tx,
      minRx: row.min_rx,
      multiplier: row.detect_mult,
      status: row.status,
    })),
    meters: [...rows.Meter.values()].map(({ name, unit, bands }) => {
      const band = rows.Meter_Band.get(bands[0] ?? '');
      return { name, unit: unit === 'pktps' ? 'pktps' : 'kbps', rate: band?.rate ?? 0, burst: band?.burst_size ?? 0 };
    }),
    natAddresses: new Map(facts.natAddresses),
    ports: portDetails(facts, topology),
  };
}

type MulticastRow = SouthboundRow<'IP_Multicast'>;

const settings = new WeakMap<MulticastRow, MulticastSettings>();

/** By row, which many computations may share. */
function multicastOf(row: MulticastRow): MulticastSettings {
  const known = settings.get(row);
  if (known) return known;
  const made: MulticastSettings = {
    datapath: row.datapath,
    enabled: row.enabled === true,
    querier: row.querier === true,
    ethSrc: row.eth_src,
    ip4Src: row.ip4_src,
    ip6Src: row.ip6_src,
    tableSize: row.table_size,
    idleTimeout: row.idle_timeout,
    queryInterval: row.query_interval,
    queryMaxResponse: row.query_max_resp,
  };
  settings.set(row, made);
  return made;
}

/** The load balancers of switches. */
export function balancersOf(rows: SouthboundRows): LoadBalancer[] {
  return [...rows.Load_Balancer.values()].map(({ _uuid, name, vips, protocol, options, datapath_group: group }) => ({
    uuid: _uuid,
    name,
    vips,
    ...(protocol !== undefined && { protocol }),
    options,
    datapaths: rows.Logical_DP_Group.get(group ?? '')?.datapaths ?? [],
  }));
}

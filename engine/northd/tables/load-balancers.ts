/** Load_Balancer and Service_Monitor: what chassis do for load balancers beside the flows, ovn-sb(5). */
import type { NorthboundRow } from '../../ovsdb/northbound.ts';
import { addSouthboundRow, type SouthboundRows } from '../../ovsdb/southbound-schema.ts';
import { type LoadBalancer, loadBalancers, parseEndpoint, type Vip } from '../load-balancer.ts';
import { booleanOption } from '../options.ts';
import { rowsOf, type Topology } from '../topology.ts';
import { addDatapathGroup } from './datapath-groups.ts';

/** A row for each load balancer that a switch has. */
export function addLoadBalancers({ switches }: Topology, rows: SouthboundRows): void {
  const users = new Map<LoadBalancer, string[]>();
  for (const { uuid, loadBalancers: own } of switches) {
    for (const balancer of own) users.set(balancer, [...(users.get(balancer) ?? []), uuid]);
  }
  for (const [balancer, datapaths] of users) {
    const { row } = balancer;
    addSouthboundRow(rows, 'Load_Balancer', row._uuid, {
      name: row.name,
      vips: isTemplateOfIpv6(row.options) ? templateVips(balancer) : row.vips,
      protocol: row.protocol,
      datapath_group: addDatapathGroup('Load_Balancer', datapaths, rows)._uuid,
      options: { ...row.options, hairpin_orig_tuple: 'true' },
      external_ids: { lb_id: row._uuid },
    });
  }
}

function isTemplateOfIpv6(options: Readonly<Record<string, string>>): boolean {
  return booleanOption(options, 'template', false) && (options['address-family'] ?? 'ipv4') !== 'ipv4';
}

/** Keys in the form that chassis read once the variables are known: in brackets. */
function templateVips({ vips }: LoadBalancer): Record<string, string> {
  const keys = vips.map(({ address, port, backendText }) => {
    const host = address.startsWith('^') ? `[${address}]` : address;
    return [port === undefined ? host : `${host}:${port}`, backendText];
  });
  return Object.fromEntries(keys);
}

/** A row for each backend that a health check is about; those of load balancers that nobody uses, too. */
export function addServiceMonitors({ nb, ports, svcMonitorMac }: Topology, rows: SouthboundRows): void {
  // What cannot be read has been told of when the topology was built.
  for (const { row, vips, protocol } of loadBalancers(nb, ports, []).values()) {
    for (const vip of vips.filter(({ isWatched }) => isWatched)) {
      const check = checkOf(vip, rowsOf(nb, 'Load_Balancer_Health_Check', row.health_check));
      for (const { address, portNumber: port, place } of vip.backends) {
        if (!place || place.port.row.enabled === false) continue;
        const { name } = place.port;
        addSouthboundRow(rows, 'Service_Monitor', [name, address, port, protocol].join('\0'), {
          ip: address,
          port,
          protocol,
          logical_port: name,
          src_mac: svcMonitorMac,
          src_ip: place.source,
          options: { ...check?.options },
        });
      }
    }
  }
}

function checkOf(
  { address, port }: Vip,
  checks: readonly NorthboundRow<'Load_Balancer_Health_Check'>[],
): NorthboundRow<'Load_Balancer_Health_Check'> | undefined {
  return checks.find((check) => {
    const endpoint = parseEndpoint(check.vip);
    return endpoint?.ip.text === address && endpoint.port === Number(port ?? 0);
  });
}

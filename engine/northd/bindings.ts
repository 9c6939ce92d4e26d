/** Datapath_Binding and Port_Binding rows, ovn-sb(5). */
import type { DatapathBinding, PortBinding } from '../ovsdb/southbound.ts';
import { booleanOption, integerOption, sortedSet } from './options.ts';
import { ipv6Options } from './tables/router-advertisements.ts';
import { asksForChassis, type Datapath, type RouterPort, type SwitchPort } from './topology.ts';

export function datapathBinding(dp: Datapath): DatapathBinding {
  const { uuid, name, kind, tunnelKey, row } = dp;
  const externalIds: Record<string, string> = { [`logical-${kind}`]: row._uuid, name };
  const name2 = row.external_ids[kind === 'switch' ? 'neutron:network_name' : 'neutron:router_name'];
  if (name2) externalIds.name2 = name2;
  if (dp.kind === 'switch') {
    const transit = dp.row.other_config['interconn-ts'];
    if (transit !== undefined) externalIds['interconn-ts'] = transit;
  } else {
    const zone = integerOption(dp.row.options, 'snat-ct-zone', -1);
    if (zone >= 0) externalIds['snat-ct-zone'] = String(zone);
    if (!booleanOption(dp.row.options, 'always_learn_from_arp_request', true)) {
      externalIds.always_learn_from_arp_request = 'false';
    }
  }
  return { uuid, name, kind, tunnelKey, northboundUuid: row._uuid, externalIds };
}

/** The bindings of a datapath's ports, those of distributed gateway ports included. */
export function portBindings(dp: Datapath): PortBinding[] {
  if (dp.kind === 'switch') return dp.ports.map(switchPortBinding);
  return dp.ports.flatMap((port) => [routerPortBinding(port), ...redirectBinding(port)]);
}

/** Types of switch ports that ovn-northd knows; others are bound as VIFs. */
const knownTypes = new Set([
  '',
  'external',
  'localnet',
  'localport',
  'remote',
  'router',
  'virtual',
  'vtep',
  'l2gateway',
]);

function switchPortBinding(port: SwitchPort): PortBinding {
  const { row, name, uuid, datapath, tunnelKey } = port;
  const { 'neutron:port_name': neutronName } = row.external_ids;
  return {
    uuid,
    logicalPort: name,
    datapath: datapath.uuid,
    tunnelKey,
    type: switchPortType(port),
    mac: sortedSet(row.addresses),
    portSecurity: sortedSet(row.port_security),
    options: switchPortOptions(port),
    externalIds: { ...row.external_ids, ...(neutronName && { name: neutronName }) },
    northboundUuid: row._uuid,
  };
}

function switchPortType({ row, peer }: SwitchPort): string {
  if (row.type === 'router') return peer?.datapath.gatewayChassis === undefined ? 'patch' : 'l3gateway';
  return knownTypes.has(row.type) ? row.type : '';
}

function switchPortOptions({ row, peer, datapath }: SwitchPort): Record<string, string> {
  if (row.type !== 'router') {
    const transparent = booleanOption(datapath.row.other_config, 'vlan-passthru', false);
    const queue = queueOf(row);
    return {
      ...row.options,
      ...(queue !== undefined && { qdisc_queue_id: String(queue) }),
      ...(transparent && { 'vlan-passthru': 'true' }),
    };
  }
  const routerPort = row.options['router-port'];
  const chassis = peer?.datapath.gatewayChassis;
  return {
    ...(routerPort !== undefined && { peer: routerPort }),
    ...(chassis !== undefined && { 'l3gateway-chassis': chassis }),
  };
}

/**
 * The queue of a physical network whose bandwidth is limited.  Ports that are bound
 * to a chassis get others; as none is, it is always the first.
 */
export function queueOf({ type, options }: SwitchPort['row']): number | undefined {
  const isLimited = ['qos_max_rate', 'qos_min_rate', 'qos_burst'].some((option) => options[option] !== undefined);
  return type === 'localnet' && isLimited ? 1 : undefined;
}

function routerPortBinding(port: RouterPort): PortBinding {
  const { row, name, uuid, datapath, tunnelKey, peer } = port;
  const chassis = datapath.gatewayChassis;
  return {
    uuid,
    logicalPort: name,
    datapath: datapath.uuid,
    tunnelKey,
    type: chassis === undefined ? 'patch' : 'l3gateway',
    mac: [[row.mac, ...sortedSet(row.networks)].join(' ')],
    portSecurity: [],
    options: {
      ...(peer && { peer: peer.name }),
      // Also on a gateway router, which has no such port.
      ...(peer && asksForChassis(row) && { 'chassis-redirect-port': `cr-${name}` }),
      ...(chassis !== undefined && { 'l3gateway-chassis': chassis }),
      ...ipv6Options(port),
    },
    externalIds: row.external_ids,
    northboundUuid: row._uuid,
  };
}

/** The port that stands for a distributed gateway port on its gateway chassis. */
function redirectBinding({ row, datapath, peer, redirect }: RouterPort): PortBinding[] {
  if (!redirect) return [];
  const type = row.options['redirect-type'];
  const behindVtep = peer?.kind === 'switch-port' && peer.datapath.hasVtepPorts;
  const always = !datapath.hasDistributedNat && !behindVtep && type !== 'bridged';
  return [
    {
      uuid: redirect.uuid,
      logicalPort: redirect.name,
      datapath: datapath.uuid,
      tunnelKey: redirect.tunnelKey,
      type: 'chassisredirect',
      mac: [[row.mac, ...sortedSet(row.networks)].join(' ')],
      portSecurity: [],
      options: {
        'distributed-port': row.name,
        ...(type !== undefined && { 'redirect-type': type }),
        ...(always && { 'always-redirect': 'true' }),
      },
      externalIds: row.external_ids,
      northboundUuid: row._uuid,
    },
  ];
}

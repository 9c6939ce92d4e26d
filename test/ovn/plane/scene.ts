/**
 * Who is on the networks of a northbound database, so that they can talk to each other: hosts
 * at logical ports, hosts and routers outside at localnet ports, and addresses that lead
 * somewhere (NAT, load balancers, routes).
 */
import { readFileSync } from 'node:fs';
import { databaseOf } from '../../../engine/ovsdb/database.ts';
import { parseSchema } from '../../../engine/ovsdb/file-schema.ts';
import { type Northbound, type NorthboundTable, northboundSchema } from '../../../engine/ovsdb/northbound.ts';
import { readNorthbound } from '../../../engine/ovsdb/northbound-db.ts';
import { ip4, ip6, isIp6 } from '../../oracle/frames.ts';
import type { Central, Learned } from '../../oracle/sandbox.ts';

/** A router's interface on a host's network. */
export interface Gateway {
  name: string;
  mac: string;
  /** Its networks: `10.0.1.254/24`. */
  networks: readonly string[];
}

export interface Host {
  name: string;
  /** Where its frames come in: a logical port, or a physical network. */
  port: string;
  mac: string;
  /** An address of each family that it has. */
  ip4?: string;
  ip6?: string;
  /** VLAN tags of its frames. */
  tags: readonly number[];
  switch: string;
  gateways: readonly Gateway[];
  /** It is behind a localnet port, and stands for all the world beyond, too. */
  isOutside: boolean;
}

/** An address that is worth a try. */
export interface Target {
  ip: string;
  protocol?: 'tcp' | 'udp' | 'sctp';
  port?: number;
  /** Routers have to ask who has it. */
  isAsked?: boolean;
}

export interface Scene {
  /** Logical ports that a chassis must have devices for. */
  vifs: readonly string[];
  /** Physical networks. */
  networks: readonly string[];
  hosts: readonly Host[];
  targets: readonly Target[];
  /** Ports that ACLs and others look at. */
  ports: readonly number[];
  dnsNames: readonly string[];
  /** Ports whose frames' source addresses are learned (FDB). */
  learningPorts: ReadonlySet<string>;
  /** Some switch or router looks at IGMP and MLD. */
  snoops: boolean;
  /** Addresses that one of some ports takes over. */
  virtual: readonly { ip: string; parents: readonly string[] }[];
  /** Neighbours that routers know from the beginning. */
  learned: Learned;
}

/** Beyond the routers outside. */
export const farAway = { ip4: '198.51.100.7', ip6: '2001:db8:f::7' } as const;

/** The northbound database of a central, as rows. */
export async function northboundOfCentral(central: Central): Promise<Northbound> {
  const tables = Object.keys(northboundSchema) as NorthboundTable[];
  const schema = parseSchema(JSON.parse(readFileSync('/usr/share/ovn/ovn-nb.ovsschema', 'utf8')));
  return readNorthbound(databaseOf(schema, await central.rows('OVN_Northbound', tables))).northbound;
}

export async function readScene(central: Central): Promise<Scene> {
  return sceneOf(await northboundOfCentral(central));
}

export function sceneOf(nb: Northbound): Scene {
  const ports = [...nb.Logical_Switch_Port.values()];
  const outside = outsideHosts(nb);
  const isVif = (port: (typeof ports)[number]): boolean =>
    (port.type === '' || port.type === 'localport') && port.parent_name === undefined;
  return {
    vifs: ports
      .filter(isVif)
      .map(({ name }) => name)
      .sort(),
    networks: [...new Set(ports.flatMap(({ options }) => options.network_name ?? []))].sort(),
    hosts: [...insideHosts(nb), ...outside.hosts],
    targets: targetsOf(nb),
    ports: portsOf(nb),
    dnsNames: [...nb.DNS.values()].flatMap(({ records }) => Object.keys(records)).sort(),
    learningPorts: new Set(
      ports
        .filter((p) => isVif(p) && p.addresses.includes('unknown') && p.port_security.length === 0)
        .map((p) => p.name),
    ),
    snoops:
      [...nb.Logical_Switch.values()].some(({ other_config: config }) => config.mcast_snoop === 'true') ||
      [...nb.Logical_Router.values()].some(({ options }) => options.mcast_relay === 'true'),
    virtual: ports
      .filter(({ type }) => type === 'virtual')
      .map(({ options }) => ({
        ip: options['virtual-ip'] ?? '',
        parents: (options['virtual-parents'] ?? '').split(','),
      }))
      .sort((a, b) => (a.ip < b.ip ? -1 : 1)),
    learned: { macBindings: outside.bindings, fdb: [] },
  };
}

type SwitchPort = Northbound['Logical_Switch_Port'] extends Map<string, infer Row> ? Row : never;

interface Place {
  switch: string;
  ports: SwitchPort[];
  gateways: Gateway[];
}

/** Each switch with its ports and the routers' interfaces there. */
function placesOf(nb: Northbound): Place[] {
  const routerPorts = new Map([...nb.Logical_Router_Port.values()].map((port) => [port.name, port]));
  const switches = [...nb.Logical_Switch.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return switches.map(({ name, ports }) => {
    const rows = ports
      .flatMap((uuid) => nb.Logical_Switch_Port.get(uuid) ?? [])
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    const gateways = rows.flatMap(({ type, options }) => {
      const port = type === 'router' ? routerPorts.get(options['router-port'] ?? '') : undefined;
      return port ? [{ name: port.name, mac: port.mac, networks: port.networks }] : [];
    });
    return { switch: name, ports: rows, gateways };
  });
}

const addressesOf = ({ addresses, dynamic_addresses: dynamic }: SwitchPort): string[][] =>
  [...addresses.filter((text) => /^[0-9a-f]{2}:/.test(text)), ...(dynamic ? [dynamic] : [])].map((text) =>
    text.split(/\s+/),
  );

function insideHosts(nb: Northbound): Host[] {
  return placesOf(nb).flatMap(({ switch: name, ports, gateways }) => {
    const localnet = ports.find(({ type }) => type === 'localnet');
    return ports.flatMap((port) => {
      const isExternal = port.type === 'external' && localnet;
      if (!isExternal && port.type !== '' && port.type !== 'localport') return [];
      const [first] = addressesOf(port);
      if (!first) return [];
      const [mac, ...ips] = first;
      const [v4, v6] = [ips.find((ip) => !isIp6(ip)), ips.find(isIp6)];
      const enters = isExternal ? localnet : port;
      return [
        {
          name: port.name,
          port: isExternal ? (localnet.options.network_name ?? '') : (port.parent_name ?? port.name),
          mac,
          ...(v4 !== undefined && { ip4: v4 }),
          ...(v6 !== undefined && { ip6: v6 }),
          tags: enters.tag === undefined ? [] : [enters.tag],
          switch: name,
          gateways,
          isOutside: false,
        },
      ];
    });
  });
}

/** The next hops that stand on networks with a localnet port; if there is none, one host. Routers know them. */
function outsideHosts(nb: Northbound): { hosts: Host[]; bindings: Learned['macBindings'] } {
  const nextHops = [
    ...[...nb.Logical_Router_Static_Route.values()].map(({ nexthop }) => nexthop),
    ...[...nb.Logical_Router_Policy.values()].flatMap(({ nexthop, nexthops }) => [
      ...nexthops,
      ...(nexthop ? [nexthop] : []),
    ]),
  ].filter((ip) => /^[0-9a-f.:]+$/.test(ip) && /[.:]/.test(ip));
  const hosts: Host[] = [];
  const bindings: Learned['macBindings'] = [];
  /** On one physical network an address belongs to one machine, whichever switches are connected to it. */
  const macs = new Map<string, string>();
  for (const { switch: name, ports, gateways } of placesOf(nb)) {
    const own = new Set(gateways.flatMap(({ networks }) => networks.map((network) => network.split('/')[0])));
    const taken = new Set(ports.flatMap((port) => addressesOf(port).flat()));
    for (const localnet of ports.filter(({ type }) => type === 'localnet' || type === 'l2gateway')) {
      const networks = gateways.flatMap((gateway) => gateway.networks);
      const here = (isSix: boolean): string[] => {
        const family = networks.filter((network) => isIp6(network) === isSix);
        const hops = [...new Set(nextHops)].filter((ip) => family.some((network) => contains(network, ip)));
        const free = hops.filter((ip) => !own.has(ip) && !taken.has(ip)).sort();
        return free.length > 0 ? free : family.slice(0, 1).map((network) => hostOf(network, 200));
      };
      const [fours, sixes] = [here(false), here(true)];
      for (let at = 0; at < Math.max(fours.length, sixes.length); at++) {
        const machine = `${localnet.options.network_name} ${localnet.tag} ${fours[at]} ${sixes[at]}`;
        const mac = macs.get(machine) ?? `02:00:00:00:99:${(macs.size + 1).toString(16).padStart(2, '0')}`;
        macs.set(machine, mac);
        const ips = [fours[at], sixes[at]].filter((ip) => ip !== undefined);
        hosts.push({
          name: `outside ${ips[0]}`,
          port: localnet.options.network_name ?? '',
          mac,
          ...(fours[at] !== undefined && { ip4: fours[at] }),
          ...(sixes[at] !== undefined && { ip6: sixes[at] }),
          tags: localnet.tag === undefined ? [] : [localnet.tag],
          switch: name,
          gateways,
          isOutside: true,
        });
        for (const gateway of gateways) {
          const reached = ips.filter((ip) => gateway.networks.some((network) => contains(network, ip)));
          bindings.push(...reached.map((ip) => ({ logicalPort: gateway.name, ip, mac })));
        }
      }
    }
  }
  return { hosts, bindings };
}

const bitsOf = (ip: string): bigint =>
  (isIp6(ip) ? ip6(ip) : ip4(ip)).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);

/** Whether a network (`10.0.1.254/24`) holds an address; an address without a length holds itself. */
export function contains(network: string, ip: string): boolean {
  const [base, length] = network.split('/');
  if (isIp6(base) !== isIp6(ip)) return false;
  const size = isIp6(base) ? 128 : 32;
  const shift = BigInt(size - Number(length ?? size));
  return bitsOf(base) >> shift === bitsOf(ip) >> shift;
}

/** The address with this number in a network, or the network's own if it is too small. */
export function hostOf(network: string, number: number): string {
  const [base, length] = network.split('/');
  const size = isIp6(base) ? 128 : 32;
  const shift = BigInt(size - Number(length ?? size));
  if (BigInt(number) >= 1n << shift) return base;
  const value = ((bitsOf(base) >> shift) << shift) + BigInt(number);
  return isIp6(base) ? ip6Text(value) : [24n, 16n, 8n, 0n].map((by) => (value >> by) & 255n).join('.');
}

const ip6Text = (value: bigint): string =>
  Array.from({ length: 8 }, (_, at) => ((value >> BigInt(16 * (7 - at))) & 0xffffn).toString(16)).join(':');

/** External addresses of NAT, VIPs, somewhere in each routed prefix, virtual addresses. */
function targetsOf(nb: Northbound): Target[] {
  const translated = [...nb.NAT.values()].filter(({ type }) => type !== 'snat').map(({ external_ip: ip }) => ({ ip }));
  const sources = [...nb.NAT.values()].filter(({ type }) => type === 'snat').map(({ external_ip: ip }) => ({ ip }));
  const balanced = [...nb.Load_Balancer.values()].flatMap(({ vips, protocol }) =>
    Object.keys(vips).map((vip): Target => {
      const [, six, four, port] = /^(?:\[(.+)\]|([^:]+|.*:.*:.*?))(?::(\d+))?$/.exec(vip) ?? [];
      const ip = six ?? four ?? vip;
      return port === undefined ? { ip } : { ip, protocol: (protocol ?? 'tcp') as 'tcp', port: Number(port) };
    }),
  );
  const prefixes = [
    ...[...nb.Logical_Router_Static_Route.values()].filter(({ policy }) => policy !== 'src-ip').map((r) => r.ip_prefix),
    ...[...nb.Logical_Router_Policy.values()].flatMap(({ match }) =>
      [...match.matchAll(/ip[46]\.dst == ([0-9a-f.:]+(?:\/\d+)?)/g)].map(([, prefix]) => prefix),
    ),
  ];
  const routed = prefixes.filter((p) => !/^(0\.0\.0\.0|::)\/0$/.test(p)).map((prefix) => ({ ip: hostOf(prefix, 5) }));
  const groups = [...nb.Forwarding_Group.values()].map(({ vip: ip }) => ({ ip, isAsked: true }));
  const special = [...nb.Logical_Switch_Port.values()].flatMap(({ options }) =>
    [options['virtual-ip'], ...(options.arp_proxy?.split(' ').slice(1) ?? [])].flatMap((ip) => (ip ? [{ ip }] : [])),
  );
  const all: Target[] = [...balanced, ...translated, ...sources, ...groups, ...special, ...routed];
  const key = ({ ip, protocol, port }: Target): string => `${ip} ${protocol} ${port}`;
  const byKey = new Map(all.map((target) => [key(target), target]));
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, target]) => target);
}

function portsOf(nb: Northbound): number[] {
  const texts = [nb.ACL, nb.QoS, nb.Logical_Router_Policy].flatMap((table) =>
    [...table.values()].map(({ match }) => match),
  );
  const named = texts.flatMap((text) =>
    [...text.matchAll(/(?:tcp|udp|sctp)\.(?:dst|src) == (\d+)/g)].map(([, n]) => Number(n)),
  );
  return [...new Set([80, 53, ...named.sort((a, b) => a - b)])];
}

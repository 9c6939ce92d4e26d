/**
 * Random packets for a topology, as microflows for ovn-trace: believable ones
 * from its own ports and addresses, and odd ones (spoofed sources, worn-out
 * TTLs, foreign addresses, fragments, tags).
 */
import fc from 'fast-check';
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import type { Learned } from '../oracle/sandbox.ts';
import type { Probe } from '../oracle/traces.ts';

/** Where a packet enters, and what belongs there. */
interface Station {
  datapath: string;
  inport: string;
  /** Source of a believable packet. */
  mac: string;
  ip: string;
  /** MAC and IP address of who forwards what leaves the subnet. */
  router: string;
  gateway: string;
}

/** A packet that enters by any of the ports of `nb`. */
export function randomProbe(nb: Northbound): fc.Arbitrary<Probe> {
  const stations = stationsOf(nb);
  const places = addressesOf(nb, stations);
  return fc
    .record({
      station: fc.constantFrom(...stations),
      isNamed: fc.integer({ min: 0, max: 4 }),
      ct: fc.oneof(
        { weight: 3, arbitrary: fc.constant<string[]>([]) },
        {
          weight: 1,
          arbitrary: fc.array(fc.constantFrom('new', 'est', 'est,rpl', 'rel,rpl', 'inv'), { maxLength: 3 }),
        },
      ),
      build: packet(places),
    })
    .map(({ station, isNamed, ct, build }) => ({
      ...(isNamed > 0 && { datapath: station.datapath }),
      microflow: [`inport == "${station.inport}"`, ...build(station)].join(' && '),
      ct,
    }));
}

/** Somebody whom no manifest mentions. */
const stranger = '0a:00:00:00:00:77';

/** Who answers outside, behind a localnet port. */
const outside = '02:aa:00:00:00:99';

/**
 * What chassis might have learned: who answers outside, who has an address by
 * hand on each router port's subnet, and behind which ports without port
 * security a MAC address was seen.
 */
export function neighboursOf(nb: Northbound): Learned {
  const routers = [...nb.Logical_Router_Port.values()];
  const nexthops = new Set([...nb.Logical_Router_Static_Route.values()].map(({ nexthop }) => nexthop));
  const unknown = [...nb.Logical_Switch_Port.values()].filter(
    ({ type, addresses }) => type === '' && addresses.includes('unknown'),
  );
  return {
    macBindings: routers.flatMap(({ name, networks: [network = ''] }) => [
      { logicalPort: name, ip: nthAddress(network, 77), mac: stranger },
      ...[...nexthops]
        .filter((ip) => nthAddress(`${ip}/${lengthOf(network)}`, 0) === nthAddress(network, 0))
        .map((ip) => ({ logicalPort: name, ip, mac: outside })),
    ]),
    fdb: unknown.slice(0, 1).map(({ name }) => ({ logicalPort: name, mac: stranger })),
  };
}

function lengthOf(network: string): string {
  return network.replace(/.*\//, '');
}

function stationsOf(nb: Northbound): Station[] {
  const routerPorts = new Map([...nb.Logical_Router_Port.values()].map((port) => [port.name, port]));
  const stations: Station[] = [];
  for (const { name: datapath, ports: uuids } of nb.Logical_Switch.values()) {
    const ports = uuids.flatMap((uuid) => nb.Logical_Switch_Port.get(uuid) ?? []);
    const peers = ports.flatMap(({ options }) => routerPorts.get(options['router-port'] ?? '') ?? []);
    for (const { name: inport, addresses, options } of ports) {
      const peer = routerPorts.get(options['router-port'] ?? '');
      const [mac = outside, ip = '8.8.8.8'] = peer
        ? [peer.mac, hostOf(peer.networks[0])]
        : (addresses.find((address) => address !== 'unknown')?.split(' ') ?? []);
      const router = peers.find((other) => other !== peer);
      const gateway = hostOf(router?.networks[0] ?? '30.30.0.1/16');
      stations.push({ datapath, inport, mac, ip, router: router?.mac ?? outside, gateway });
    }
  }
  for (const { name: datapath, ports } of nb.Logical_Router.values()) {
    for (const port of ports.flatMap((uuid) => nb.Logical_Router_Port.get(uuid) ?? [])) {
      const neighbour = stations.find(({ router }) => router === port.mac);
      const { mac = outside, ip = '8.8.8.8' } = neighbour ?? {};
      stations.push({ datapath, inport: port.name, mac, ip, router: port.mac, gateway: hostOf(port.networks[0]) });
    }
  }
  return stations;
}

function hostOf(network = ''): string {
  return network.replace(/\/.*/, '');
}

interface Places {
  macs: string[];
  ipv4: string[];
  /** What packets that leave a VPC, or come back, are addressed to. */
  external: string[];
  ipv6: string[];
}

function addressesOf(nb: Northbound, stations: Station[]): Places {
  const routers = [...nb.Logical_Router_Port.values()];
  const macs = [...stations.map(({ mac }) => mac), ...routers.map(({ mac }) => mac)];
  const subnets = [...nb.Logical_Switch.values()].flatMap(({ other_config }) => other_config.subnet ?? []);
  return {
    macs: [...new Set([...macs, outside, 'ff:ff:ff:ff:ff:ff', '01:00:5e:00:00:05', '33:33:00:00:00:01', stranger])],
    ipv4: [
      ...new Set([
        ...stations.map(({ ip }) => ip),
        ...routers.map(({ networks }) => hostOf(networks[0])),
        ...[...nb.NAT.values()].map(({ external_ip }) => external_ip),
        ...[...nb.Logical_Router_Static_Route.values()].map(({ nexthop }) => nexthop),
        ...subnets.flatMap((subnet) => [nthAddress(subnet, 0), nthAddress(subnet, 77), nthAddress(subnet, -1)]),
        ...['8.8.8.8', '0.0.0.0', '127.0.0.1', '169.254.169.254', '224.0.0.1', '239.1.2.3', '255.255.255.255'],
      ]),
    ],
    external: ['8.8.8.8', '8.8.8.8', ...[...nb.NAT.values()].map(({ external_ip }) => external_ip)],
    ipv6: [...new Set([...macs.map(linkLocal), 'ff02::1', 'ff02::2', 'ff02::1:ff00:1', '2001:db8::1', '::'])],
  };
}

/** Address `n` of a subnet; a negative one counts from behind. */
function nthAddress(subnet: string, n: number): string {
  const [base = '', length = '32'] = subnet.split('/');
  const size = 2 ** (32 - Number(length));
  const host = base.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
  const address = host - (host % size) + (((n % size) + size) % size);
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}

/** The link-local address that a MAC address gives: RFC 4291, appendix A. */
function linkLocal(mac: string): string {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = mac.split(':').map((octet) => Number.parseInt(octet, 16));
  const group = (high: number, low: number) => (high * 256 + low).toString(16);
  return `fe80::${group(a ^ 2, b)}:${group(c, 0xff)}:${group(0xfe, d)}:${group(e, f)}`;
}

/** The terms of a microflow but for the inport. */
type Build = (station: Station) => string[];

function packet(places: Places): fc.Arbitrary<Build> {
  const mac = fc.constantFrom(...places.macs);
  return fc
    .record({
      source: usually(mac),
      target: fc.oneof({ weight: 3, arbitrary: fc.constant('router') }, { weight: 2, arbitrary: mac }),
      tag: fc.integer({ min: 0, max: 30 }),
      rest: fc.oneof(
        { weight: 3, arbitrary: arp(places) },
        { weight: 8, arbitrary: ipv4(places) },
        { weight: 1, arbitrary: fc.constant(dhcp) },
        { weight: 2, arbitrary: ipv6(places) },
        { weight: 1, arbitrary: neighbour(places) },
        { weight: 1, arbitrary: fc.constantFrom(['eth.type == 0x88cc'], ['rarp'], []).map((terms) => () => terms) },
      ),
    })
    .map(({ source, target, tag, rest }) => (station) => {
      const ethernet = [
        `eth.src == ${source ?? station.mac}`,
        `eth.dst == ${target === 'router' ? station.router : target}`,
        ...(tag === 0 ? ['vlan.vid == 7'] : []),
      ];
      const terms = rest(station);
      // What the protocol itself says of the Ethernet header wins.
      const set = new Set(terms.map((term) => term.split(' ')[0]));
      return [...ethernet.filter((term) => !set.has(term.split(' ')[0])), ...terms];
    });
}

/** Mostly what belongs to the station (undefined), now and then something else. */
function usually<T>(other: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: other });
}

/** The station's own address, its gateway's, or another. */
function sourceAddress({ ipv4 }: Places): fc.Arbitrary<(station: Station) => string> {
  return fc.oneof(
    { weight: 6, arbitrary: fc.constant(({ ip }: Station) => ip) },
    { weight: 1, arbitrary: fc.constant(({ gateway }: Station) => gateway) },
    { weight: 1, arbitrary: fc.constantFrom(...ipv4).map((address) => () => address) },
  );
}

const port = fc.constantFrom(22, 53, 67, 68, 80, 443, 546, 547, 3784, 4789, 6081, 49152);

const transport = fc.oneof(
  fc.constantFrom(0, 3, 5, 8, 8, 8, 11).map((type) => [`icmp4.type == ${type}`, 'icmp4.code == 0']),
  fc
    .record({ src: port, dst: port, flags: fc.constantFrom(undefined, 2, 16, 18, 4) })
    .map(({ src, dst, flags }) => [
      `tcp.src == ${src}`,
      `tcp.dst == ${dst}`,
      ...(flags === undefined ? [] : [`tcp.flags == ${flags}`]),
    ]),
  fc.tuple(port, port).map(([src, dst]) => [`udp.src == ${src}`, `udp.dst == ${dst}`]),
  fc.tuple(port, port).map(([src, dst]) => [`sctp.src == ${src}`, `sctp.dst == ${dst}`]),
  fc.constantFrom(2, 47, 50).map((protocol) => [`ip.proto == ${protocol}`]),
  fc.constantFrom(['ip.later_frag', 'ip.proto == 17'], ['ip.frag == 1', 'udp.dst == 53']),
);

function ipv4(places: Places): fc.Arbitrary<Build> {
  return fc
    .record({
      source: sourceAddress(places),
      target: fc.oneof(fc.constantFrom(...places.ipv4), fc.constantFrom(...places.external)),
      ttl: fc.constantFrom(64, 64, 64, 255, 0, 1, 2),
      payload: transport,
    })
    .map(({ source, target, ttl, payload }) => (station) => [
      'ip4',
      `ip4.src == ${source(station)}`,
      `ip4.dst == ${target}`,
      `ip.ttl == ${ttl}`,
      ...payload,
    ]);
}

function arp(places: Places): fc.Arbitrary<Build> {
  return fc
    .record({
      op: fc.constantFrom(1, 1, 1, 2, 3),
      sender: sourceAddress(places),
      hardware: usually(fc.constantFrom(...places.macs)),
      target: fc.option(fc.constantFrom(...places.ipv4), { freq: 5, nil: undefined }),
    })
    .map(({ op, sender, hardware, target }) => (station) => [
      `eth.dst == ${op === 1 ? 'ff:ff:ff:ff:ff:ff' : station.router}`,
      `arp.op == ${op}`,
      `arp.spa == ${sender(station)}`,
      // Without a target of its own it is a gratuitous one.
      `arp.tpa == ${target ?? sender(station)}`,
      `arp.sha == ${hardware ?? station.mac}`,
      `arp.tha == ${op === 1 ? '00:00:00:00:00:00' : station.router}`,
    ]);
}

const dhcp: Build = ({ mac }) => [
  `eth.src == ${mac}`,
  'eth.dst == ff:ff:ff:ff:ff:ff',
  'ip4.src == 0.0.0.0',
  'ip4.dst == 255.255.255.255',
  'ip.ttl == 64',
  'udp.src == 68',
  'udp.dst == 67',
];

function ipv6({ ipv6 }: Places): fc.Arbitrary<Build> {
  const address = fc.constantFrom(...ipv6);
  const payload = fc.oneof(
    fc.constantFrom(1, 128, 129, 143).map((type) => [`icmp6.type == ${type}`, 'icmp6.code == 0']),
    fc.tuple(port, port).map(([src, dst]) => [`tcp.src == ${src}`, `tcp.dst == ${dst}`]),
    fc.tuple(port, port).map(([src, dst]) => [`udp.src == ${src}`, `udp.dst == ${dst}`]),
  );
  return fc
    .record({ source: usually(address), target: address, ttl: fc.constantFrom(64, 255, 0, 1, 2), payload })
    .map(({ source, target, ttl, payload: terms }) => ({ mac }) => [
      'ip6',
      `ip6.src == ${source ?? linkLocal(mac)}`,
      `ip6.dst == ${target}`,
      `ip.ttl == ${ttl}`,
      ...terms,
    ]);
}

/** The multicast address at which the owner of an address is asked for its MAC: RFC 4291, section 2.7.1. */
function solicitedNode(address: string): string {
  const groups = address.split(':');
  const low = Number.parseInt(groups.at(-2) || '0', 16) % 256;
  return `ff02::1:ff${low.toString(16).padStart(2, '0')}:${groups.at(-1) || '0'}`;
}

/** Neighbour discovery: RFC 4861. */
function neighbour({ ipv6 }: Places): fc.Arbitrary<Build> {
  const address = fc.constantFrom(...ipv6);
  return fc
    .record({
      message: fc.constantFrom('nd_ns', 'nd_ns', 'nd_na', 'nd_rs', 'nd_ra'),
      target: address,
      to: fc.oneof(address, fc.constantFrom('target', 'solicited-node')),
    })
    .map(({ message, target, to }) => ({ mac }) => [
      message,
      `ip6.src == ${linkLocal(mac)}`,
      `ip6.dst == ${to === 'target' ? target : to === 'solicited-node' ? solicitedNode(target) : to}`,
      ...(message === 'nd_ns' ? [`nd.target == ${target}`, `nd.sll == ${mac}`] : []),
      ...(message === 'nd_na' ? [`nd.target == ${target}`, `nd.tll == ${mac}`] : []),
    ]);
}

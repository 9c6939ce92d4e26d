/**
 * Random packets for a topology, as microflows for ovn-trace: believable ones
 * from its own ports and addresses, and odd ones (spoofed sources, worn-out
 * TTLs, foreign addresses, fragments, tags).
 */
import fc from 'fast-check';
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import type { Probe } from '../oracle/traces.ts';

/** Where a packet enters, and what belongs there. */
interface Station {
  datapath: string;
  inport: string;
  /** Source of a believable packet. */
  mac: string;
  ip: string;
  /** MAC address of who forwards what leaves the subnet. */
  router: string;
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

const outside = '02:aa:00:00:00:99';

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
      const router = peers.find((other) => other !== peer)?.mac ?? outside;
      stations.push({ datapath, inport, mac, ip, router });
    }
  }
  for (const { name: datapath, ports } of nb.Logical_Router.values()) {
    for (const port of ports.flatMap((uuid) => nb.Logical_Router_Port.get(uuid) ?? [])) {
      const neighbour = stations.find(({ router }) => router === port.mac);
      const { mac = outside, ip = '8.8.8.8' } = neighbour ?? {};
      stations.push({ datapath, inport: port.name, mac, ip, router: port.mac });
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
  ipv6: string[];
}

function addressesOf(nb: Northbound, stations: Station[]): Places {
  const routers = [...nb.Logical_Router_Port.values()];
  const macs = [...stations.map(({ mac }) => mac), ...routers.map(({ mac }) => mac)];
  const subnets = [...nb.Logical_Switch.values()].flatMap(({ other_config }) => other_config.subnet ?? []);
  return {
    macs: [
      ...new Set([
        ...macs,
        outside,
        'ff:ff:ff:ff:ff:ff',
        '01:00:5e:00:00:05',
        '33:33:00:00:00:01',
        '0a:00:00:00:00:77',
      ]),
    ],
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
    ipv6: [...new Set([...macs.map(linkLocal), 'ff02::1', 'ff02::2', 'ff02::1:ff00:1', '2001:db8::1', '::'])],
  };
}

/** Address `n` of a subnet; a negative one counts from behind. */
function nthAddress(subnet: string, n: number): string {
  const [base = '', length = '32'] = subnet.split('/');
  const size = 2 ** (32 - Number(length));
  const first = base.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
  const address = first + (((n % size) + size) % size);
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

function ipv4({ ipv4 }: Places): fc.Arbitrary<Build> {
  const address = fc.constantFrom(...ipv4);
  return fc
    .record({
      source: usually(address),
      target: address,
      ttl: fc.constantFrom(64, 64, 64, 255, 0, 1, 2),
      payload: transport,
    })
    .map(({ source, target, ttl, payload }) => ({ ip }) => [
      'ip4',
      `ip4.src == ${source ?? ip}`,
      `ip4.dst == ${target}`,
      `ip.ttl == ${ttl}`,
      ...payload,
    ]);
}

function arp({ ipv4, macs }: Places): fc.Arbitrary<Build> {
  const address = fc.constantFrom(...ipv4);
  return fc
    .record({
      op: fc.constantFrom(1, 1, 1, 2, 3),
      sender: usually(address),
      hardware: usually(fc.constantFrom(...macs)),
      target: fc.option(address, { freq: 5, nil: undefined }),
    })
    .map(({ op, sender, hardware, target }) => ({ ip, mac, router }) => [
      `eth.dst == ${op === 1 ? 'ff:ff:ff:ff:ff:ff' : router}`,
      `arp.op == ${op}`,
      `arp.spa == ${sender ?? ip}`,
      // Without a target of its own it is a gratuitous one.
      `arp.tpa == ${target ?? sender ?? ip}`,
      `arp.sha == ${hardware ?? mac}`,
      `arp.tha == ${op === 1 ? '00:00:00:00:00:00' : router}`,
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

/** Neighbour discovery: RFC 4861. */
function neighbour({ ipv6 }: Places): fc.Arbitrary<Build> {
  const address = fc.constantFrom(...ipv6);
  return fc
    .record({ message: fc.constantFrom('nd_ns', 'nd_ns', 'nd_na', 'nd_rs', 'nd_ra'), target: address, to: address })
    .map(({ message, target, to }) => ({ mac }) => [
      message,
      `ip6.src == ${linkLocal(mac)}`,
      `ip6.dst == ${to}`,
      ...(message === 'nd_ns' ? [`nd.target == ${target}`, `nd.sll == ${mac}`] : []),
      ...(message === 'nd_na' ? [`nd.target == ${target}`, `nd.tll == ${mac}`] : []),
    ]);
}

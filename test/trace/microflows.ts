/** Random microflows: believable and odd packets between the addresses of a southbound database. */
import fc from 'fast-check';
import type { Southbound } from '../../engine/ovsdb/southbound.ts';

/** Microflows that enter by the ports of this database; some of them are no packet. */
export function microflows(southbound: Southbound): fc.Arbitrary<string> {
  return fc.oneof(placed(southbound), aimed(southbound));
}

/** What a match asks of a packet, as far as a microflow can say it. */
const asked =
  /(?<![!\w.])(?:(?:inport|eth\.(?:src|dst)|ip[46]\.(?:src|dst)|ip\.ttl|arp\.(?:op|spa|tpa)|nd\.target|(?:tcp|udp)\.(?:src|dst)|icmp[46]\.(?:type|code)) == \{?[^\s{}()|&,$@]+|(?:arp|nd_ns|nd_na|nd_rs|igmp|tcp|udp|sctp|icmp4|icmp6|ip4|ip6)(?![\w.]))/g;

/** Microflows made of what some flow matches on, so that flows which chance seldom finds are met too. */
function aimed(southbound: Southbound): fc.Arbitrary<string> {
  const matched = southbound.flows.filter(({ match }) => match !== '1');
  return fc.tuple(fc.constantFrom(...matched), fc.nat(), fc.constantFrom(64, 64, 2)).map(([flow, n, ttl]) => {
    const terms = [...new Set(flow.match.match(asked) ?? [])].map((term) => term.replace(/\{|\/\S+$/g, ''));
    const says = (field: string) => terms.some((term) => term.startsWith(field));
    const ports = southbound.ports.filter(
      ({ datapath, type }) => datapath === flow.datapath && type !== 'chassisredirect',
    );
    const named = ports.find((port) => says(`inport == ${JSON.stringify(port.logicalPort)}`));
    const port = named ?? ports[n % ports.length];
    const near = addressesIn(
      southbound.flows.filter(({ datapath }) => datapath === flow.datapath).map((one) => one.match),
    );
    // A router takes what is addressed to its port, a switch looks for the port that has the address.
    const own = /(?:[0-9a-f]{2}:){5}[0-9a-f]{2}/.exec(port?.mac[0] ?? '')?.[0] ?? '02:00:00:00:00:01';
    const onRouter = flow.stage.startsWith('lr_');
    const add = (field: string, value: unknown) => says(field) || terms.push(`${field} == ${value}`);
    add('inport', JSON.stringify(port?.logicalPort));
    add('eth.dst', onRouter ? own : near.mac[n % near.mac.length]);
    add('eth.src', onRouter ? '02:00:00:00:00:01' : own);
    if (says('ip4')) add('ip4.src', near.ip4[n % near.ip4.length] ?? '10.0.0.1');
    if (says('ip4') || says('ip6')) add('ip.ttl', ttl);
    return terms.join(' && ');
  });
}

/** Microflows of a random packet from a port to an address near it. */
function placed(southbound: Southbound): fc.Arbitrary<string> {
  const pool = addressesOf(southbound);
  const ports = southbound.ports.filter(({ type }) => type !== 'chassisredirect');
  const inport = fc.constantFrom(...ports);
  const mac = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...pool.mac) },
    { weight: 1, arbitrary: fc.constantFrom('ff:ff:ff:ff:ff:ff', '33:33:00:00:00:01', '01:00:5e:01:02:03') },
  );
  const ip4 = fc.constantFrom(...pool.ip4, '255.255.255.255', '224.0.0.5', '239.1.1.1', '8.8.8.8', '0.0.0.0');
  const ip6 = fc.constantFrom(...pool.ip6, '::', 'ff02::1', 'ff02::16', '2001:db8::8', 'fe80::1');
  const payload = (nearIp4: fc.Arbitrary<string>, nearIp6: fc.Arbitrary<string>) =>
    fc.oneof(
      { weight: 2, arbitrary: arp(mac, nearIp4) },
      { weight: 8, arbitrary: ipv4(ip4, nearIp4) },
      { weight: 4, arbitrary: ipv6(mac, ip6, nearIp6) },
      { weight: 1, arbitrary: fc.constantFrom('eth.type == 0x88cc', 'rarp', 'eth.type == 0x8847') },
    );
  return inport.chain((port) => {
    // Mostly the port's own address and mostly one that is known on the way.
    const own = port.mac.flatMap((entry) => entry.split(' ').slice(0, 1)).filter((word) => word.includes(':'));
    const source = own.length > 0 ? fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...own) }, mac) : mac;
    const near = addressesIn(
      southbound.flows.filter(({ datapath }) => datapath === port.datapath).map(({ match }) => match),
    );
    return fc
      .tuple(source, mostly(near.mac, mac), payload(mostly(near.ip4, ip4), mostly(near.ip6, ip6)), vlan)
      .map(([src, dst, rest, tag]) =>
        [`inport == ${JSON.stringify(port.logicalPort)}`, `eth.src == ${src}`, `eth.dst == ${dst}`, ...tag, rest].join(
          ' && ',
        ),
      );
  });
}

const vlan = fc.oneof(
  { weight: 12, arbitrary: fc.constant<string[]>([]) },
  { weight: 1, arbitrary: fc.constant(['vlan.vid == 17']) },
);

/** One of these, or now and then another. */
function mostly(some: readonly string[], other: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return some.length > 0 ? fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...some) }, other) : other;
}

interface Pool {
  mac: string[];
  ip4: string[];
  ip6: string[];
}

/** Every address that the database mentions. */
function addressesOf(southbound: Southbound): Pool {
  return addressesIn([
    ...southbound.ports.flatMap(({ mac, portSecurity }) => [...mac, ...portSecurity]),
    ...southbound.flows.flatMap(({ match, actions }) => [match, actions]),
    ...southbound.macBindings.flatMap(({ ip, mac }) => [ip, mac]),
    ...southbound.fdb.map(({ mac }) => mac),
  ]);
}

function addressesIn(texts: readonly string[]): Pool {
  const text = texts.join(' ');
  const all = (pattern: RegExp) => [...new Set(text.match(pattern) ?? [])].sort();
  return {
    mac: all(/\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b/g),
    ip4: all(/\b\d+\.\d+\.\d+\.\d+\b/g),
    ip6: all(/\bf[de][0-9a-f]{2}:[0-9a-f:]*[0-9a-f]\b/g).filter((word) => word.includes('::')),
  };
}

function arp(mac: fc.Arbitrary<string>, ip4: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .tuple(fc.constantFrom(1, 2, 3), mac, ip4, mac, ip4)
    .map(
      ([op, sha, spa, tha, tpa]) =>
        `arp.op == ${op} && arp.sha == ${sha} && arp.spa == ${spa} && arp.tha == ${tha} && arp.tpa == ${tpa}`,
    );
}

const port = fc.constantFrom(0, 22, 53, 67, 68, 80, 546, 547, 8080, 65535);
const ports = (protocol: string): fc.Arbitrary<string> =>
  fc.tuple(port, port).map(([src, dst]) => `${protocol}.src == ${src} && ${protocol}.dst == ${dst}`);

const ttl = fc.constantFrom(64, 64, 64, 255, 2, 1, 0);

const transport = fc.oneof(
  ports('udp'),
  ports('sctp'),
  fc.tuple(ports('tcp'), fc.constantFrom(2, 18, 16, 4)).map(([text, flags]) => `${text} && tcp.flags == ${flags}`),
);

function ipv4(source: fc.Arbitrary<string>, target: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const icmp = fc
    .tuple(fc.constantFrom(8, 0, 3, 11), fc.constantFrom(0, 1))
    .map(([type, code]) => `icmp4.type == ${type} && icmp4.code == ${code}`);
  const odd = fc.constantFrom('ip4', 'igmp', 'ip.proto == 99', 'ip.frag == 1', 'ip.frag == 3 && udp', 'ip.dscp == 9');
  const dhcp = fc.constant('ip4.src == 0.0.0.0 && ip4.dst == 255.255.255.255 && udp.src == 68 && udp.dst == 67');
  const addressed = fc
    .tuple(source, target, ttl, fc.oneof({ weight: 4, arbitrary: transport }, { weight: 4, arbitrary: icmp }, odd))
    .map(([src, dst, hops, rest]) => `ip4.src == ${src} && ip4.dst == ${dst} && ip.ttl == ${hops} && ${rest}`);
  return fc.oneof({ weight: 12, arbitrary: addressed }, { weight: 1, arbitrary: dhcp });
}

function ipv6(
  mac: fc.Arbitrary<string>,
  source: fc.Arbitrary<string>,
  destination: fc.Arbitrary<string>,
): fc.Arbitrary<string> {
  const icmp = fc
    .tuple(fc.constantFrom(128, 129, 1, 3, 133, 134, 143), fc.constant(0))
    .map(([type, code]) => `icmp6.type == ${type} && icmp6.code == ${code}`);
  const solicitation = fc
    .tuple(destination, mac)
    .map(([target, sll]) => `nd_ns && nd.target == ${target} && nd.sll == ${sll}`);
  const advertisement = fc
    .tuple(destination, mac)
    .map(([target, tll]) => `nd_na && nd.target == ${target} && nd.tll == ${tll}`);
  const addressed = fc
    .tuple(ttl, fc.oneof(transport, icmp, fc.constant('ip6')))
    .map(([hops, rest]) => `ip.ttl == ${hops} && ${rest}`);
  return fc
    .tuple(source, destination, fc.oneof({ weight: 3, arbitrary: addressed }, solicitation, advertisement))
    .map(([src, dst, rest]) => `ip6.src == ${src} && ip6.dst == ${dst} && ${rest}`);
}

const ctState = fc.constantFrom(
  'trk,new',
  'trk,est',
  'trk,est,rpl',
  'trk,inv',
  'trk,rel',
  'trk,new,dnat',
  'est,snat,dnat',
);

/** What the user may say about conntrack: options of ovn-trace. */
export const ctOptions = fc.oneof(fc.constant<string[]>([]), fc.array(ctState, { maxLength: 4 }));

/**
 * What an interface, or the world outside, may try against the networks of two
 * VPCs, on the real data plane: every frame goes through ovn-controller and
 * ovs-vswitchd, and comes out where, and as, the World says.  Then what needs more
 * than a packet: errors from the way, what DHCP offers, connections that want the
 * same port; and each guard is taken away, to show that what it keeps out would
 * get in.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { withChecksums } from '../../engine/frame.ts';
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import { trackingConntrack } from '../../sim/trace/index.ts';
import {
  onePeer,
  openRealWorld,
  type RealWorld,
  type RecordingWorld,
  recordingWorld,
  type Sighting,
  textOf,
} from '../oracle/both-worlds.ts';
import { type Central, startCentral } from '../oracle/sandbox.ts';
import { attempts } from '../oracle/world/attempts.ts';
import { answer, gatewayText, openingText, toOutside } from '../oracle/world/conversation.ts';
import {
  answerTo,
  arpAnnouncementText,
  arpRequestText,
  dhcpDiscoverText,
  ipv4Text,
  type Transport,
  transports,
} from '../oracle/world/packets.ts';
import { ipv4Text as ipv4Address } from '../oracle/world/read.ts';
import { type Connections, type Host, outsideMac, type World } from '../oracle/world/world.ts';

const { nb, plans } = onePeer();
let central: Central;
let real: RealWorld;
let frames = 0;

beforeAll(async () => {
  central = await startCentral();
  real = await openRealWorld(central, nb, recordingWorld(nb, plans));
});

afterAll(async () => {
  try {
    await real?.peer.stop();
    if (real) expect((await central.rows('OVN_Southbound', ['Chassis'])).Chassis).toEqual([]);
  } finally {
    await central?.stop();
  }
  process.stdout.write(`${frames} frames came out of the real data plane as the World says\n`);
});

/** Sends through both worlds what `ask` sends; fails where they differ.  Gives the World. */
async function inBoth(ask: (world: RecordingWorld) => void, northbound: Northbound = nb): Promise<RecordingWorld> {
  const world = recordingWorld(northbound, plans);
  ask(world);
  expect(world.stories.length).toBeGreaterThan(0);
  const differences = await real.retell(world.stories);
  if (differences.length > 0) expect.fail(differences.join('\n'));
  frames += world.stories.length;
  return world;
}

const hostAt = (world: World, name: string): Host => {
  const host = world.hosts.find(({ port }) => port.name === name);
  if (!host) throw new Error(`no interface has the port ${name}`);
  return host;
};

const gatewayOf = (world: World, { vpc, port }: Host) => {
  const gateway = world.gatewaysOf(vpc).find(({ plan }) => plan.node === port.node);
  if (!gateway) throw new Error(`${port.name} has no gateway`);
  return gateway;
};

test.each(Object.entries(attempts))('%s', async (_, attempt) => {
  await inBoth(attempt);
});

test('DHCP offers what IPAM chose', async () => {
  const world = recordingWorld(nb, plans);
  const hosts = world.hosts.filter(({ network }) => network.network.dhcp);
  expect(hosts).toHaveLength(8);
  for (const host of hosts) {
    world.send(dhcpDiscoverText(host.port.name, host.endpoint.mac));
    const [offer] = await real.send(host.port.name, lastFrame(world), 1);
    expect(bootpOf(offer.frame)).toMatchObject({
      yourAddress: host.endpoint.ip,
      53: '02',
      3: hexOf(host.network.gateway.address),
      54: hexOf(host.network.gateway.address),
      51: hexOf(3600),
    });
  }
});

const hexOf = (value: number): string => value.toString(16).padStart(8, '0');

const addressAt = (bytes: Uint8Array, at: number): string => [...bytes.subarray(at, at + 4)].join('.');

/** The address that an answer gives and its options in hexadecimal: RFC 2131, RFC 2132. */
function bootpOf(frame: Uint8Array): Record<string, string> {
  const bootp = frame.subarray(14 + 20 + 8);
  const found: Record<string, string> = { yourAddress: addressAt(bootp, 16) };
  for (let at = 240; at < bootp.length && bootp[at] !== 255; at += bootp[at] === 0 ? 1 : 2 + bootp[at + 1]) {
    found[bootp[at]] = Buffer.from(bootp.subarray(at + 2, at + 2 + bootp[at + 1])).toString('hex');
  }
  return found;
}

test('a router says that a packet died there, or that nobody takes it', async () => {
  await inBoth((world) => {
    const host = hostAt(world, 'default/red-a-vf2@n0');
    for (const transport of transports) {
      for (const [ttl, source] of [
        [1, gatewayText(host)],
        [2, '100.64.0.2'],
      ]) {
        const text = openingText(toOutside(world, host, transport)).replace('ip.ttl == 64', `ip.ttl == ${ttl}`);
        const [{ field, port }] = world.send(text).arrivals;
        expect([port, ipv4Address(field('ip4.src')), field('icmp4.type')]).toEqual([host.port.name, source, 11n]);
      }
    }
    const udp: Transport = { protocol: 'udp', source: 49152, destination: 53 };
    const [{ field }] = world.send(openingText({ ...toOutside(world, host, udp), to: gatewayText(host) })).arrivals;
    expect(field('icmp4.type')).toBe(3n);
  });
});

describe('the world outside', () => {
  test('finds the gateways by ARP, and nobody behind them', async () => {
    const router = { mac: outsideMac, ip: '30.30.0.1' };
    await inBoth((world) => {
      for (const { localnet, endpoint } of world.gateways) {
        for (const target of [endpoint.ip, '10.1.0.2', '10.2.0.1', '10.2.0.2']) {
          const { arrivals } = world.send(arpRequestText(localnet, router, target));
          expect(arrivals.map(({ port }) => port)).toEqual(target === endpoint.ip ? [localnet] : []);
        }
      }
    });
  });

  test('answers by the gateway that was asked, as long as the connection is known', async () => {
    await inBoth((world) => {
      const isTranslated = ({ network: { network } }: Host) => network.externallyRouted && network.masquerade;
      for (const host of world.hosts.filter(isTranslated)) {
        for (const transport of transports) {
          const connections = trackingConntrack();
          const [out] = world.send(openingText(toOutside(world, host, transport)), connections).arrivals;
          expect(answer(world, out, transport, connections).arrivals).toHaveLength(1);
          for (const other of world.gateways.filter(({ localnet }) => localnet !== out.port)) {
            const { localnet: inport, endpoint } = other;
            const astray = { inport, ethSrc: outsideMac, ethDst: endpoint.mac, source: world.outsideAddress };
            const destination = ipv4Address(out.field('ip4.src'));
            const { arrivals } = world.send(
              ipv4Text({ ...astray, destination, transport: answerTo(transport) }),
              connections,
            );
            expect(arrivals).toEqual([]);
          }
          expect(answer(world, out, transport, trackingConntrack()).arrivals).toEqual([]);
        }
      }
    });
  });

  test('is reached from an address that nobody assigned by the first gateway', async () => {
    await inBoth((world) => {
      const host = hostAt(world, 'default/blue-b-vf3@n3');
      for (const transport of transports) {
        const connections = trackingConntrack();
        const opening = { ...toOutside(world, host, transport), source: '10.3.0.99', ethSrc: '02:00:5e:00:53:99' };
        const [out] = world.send(openingText(opening), connections).arrivals;
        expect(out.port).toBe('default/blue@n2+external:localnet');
        answer(world, out, transport, connections);
      }
    });
  });

  test('is sent what no tracker knows as the World says', async () => {
    await inBoth((world) => {
      for (const { port, endpoint, network } of world.hosts) {
        const sent = `inport == "${port.name}" && eth.src == ${endpoint.mac} && eth.dst == ${network.gateway.mac}`;
        const to = `ip4.src == ${endpoint.ip} && ip4.dst == ${world.outsideAddress} && ip.ttl == 64`;
        for (const what of ['icmp4.type == 0', 'icmp4.type == 3 && icmp4.code == 1', 'ip.proto == 47']) {
          world.send(`${sent} && ${to} && ${what}`);
        }
      }
    });
  });

  test('tells two hosts apart that use the same port', async () => {
    const world = recordingWorld(nb, plans);
    const hosts = ['default/blue-a-vf2@n2', 'default/blue-b-vf3@n2'].map((name) => hostAt(world, name));
    const udp: Transport = { protocol: 'udp', source: 5000, destination: 53 };
    await real.peer.forgetConnections();
    const left: Sighting[] = [];
    for (const host of hosts) {
      world.send(openingText(toOutside(world, host, udp)));
      left.push(...(await real.send(host.port.name, lastFrame(world), 1)));
    }
    const ports = left.map(({ frame }) => portAt(frame, sourcePort));
    expect(new Set(ports).size).toBe(2);
    for (const [index, host] of hosts.entries()) {
      const { endpoint, localnet } = gatewayOf(world, host);
      const transport: Transport = { protocol: 'udp', source: 53, destination: ports[index] };
      const reply = { inport: localnet, ethSrc: outsideMac, ethDst: endpoint.mac, transport };
      world.send(ipv4Text({ ...reply, source: world.outsideAddress, destination: endpoint.ip }));
      const back = await real.send(localnet, lastFrame(world), 1);
      expect(back.map(({ port, frame }) => [port, portAt(frame, sourcePort + 2)])).toEqual([[host.port.name, 5000]]);
    }
  });
});

const sourcePort = 14 + 20;
const portAt = (frame: Uint8Array, at: number): number => (frame[at] << 8) | frame[at + 1];
const lastFrame = ({ stories }: RecordingWorld): Uint8Array => stories[stories.length - 1].frame;

describe('a router on the way', () => {
  /** Masqueraded twice, on separated networks, and routed without translation. */
  const senders = ['default/red-a-vf2@n0', 'default/blue-a-vf2@n2', 'default/blue-b-vf3@n3', 'default/red-b-vf3@n1'];

  test.each(senders)('tells %s that a packet died', async (name) => {
    for (const transport of transports) {
      const { sent, error, heard, world } = await errorAbout(name, transport);
      expect(textOf(heard)).toEqual(textOf(world.stories[1].arrivals));
      expect(heard).toMatchObject([{ port: name }]);
      // The quoted packet is the sender's own again: addresses, and ports or the ICMP header.
      const quoted = heard[0].frame.subarray(quoteAt);
      expect(addressAt(quoted, 12)).toBe(hostAt(world, name).endpoint.ip);
      expect(addressAt(quoted, 16)).toBe(world.outsideAddress);
      expect(quoted.subarray(20, 24)).toEqual(sent.subarray(34, 38));

      await real.peer.forgetConnections();
      const stranger = await real.send(gatewayOf(world, hostAt(world, name)).localnet, error, 0);
      expect(stranger.length).toBe(hostAt(world, name).network.network.masquerade ? 0 : 1);
      frames += 2;
    }
  });

  test('is not heard about a packet that nobody sent, or by another gateway', async () => {
    for (const transport of transports) {
      const { error, world } = await errorAbout('default/red-a-vf2@n0', transport);
      const host = hostAt(world, 'default/red-a-vf2@n0');
      const never = error.slice();
      // A packet to another address.
      never[quoteAt + 19] ^= 1;
      expect(await real.send(gatewayOf(world, host).localnet, withChecksums(never), 0)).toEqual([]);
      const other = gatewayOf(world, hostAt(world, 'default/red-a-vf2@n1'));
      const astray = error.slice();
      astray.set(bytesOfMac(other.endpoint.mac), 0);
      expect(await real.send(other.localnet, astray, 0)).toEqual([]);
      frames += 2;
    }
  });
});

const quoteAt = 14 + 20 + 8;
const bytesOfMac = (mac: string): number[] => mac.split(':').map((byte) => Number.parseInt(byte, 16));

/** A host sends outside, and a router there says that the packet's time was exceeded: RFC 792. */
async function errorAbout(name: string, transport: Transport) {
  const world = recordingWorld(nb, plans);
  const host = hostAt(world, name);
  const gateway = gatewayOf(world, host);
  const connections: Connections = trackingConntrack();
  const { arrivals } = world.send(openingText(toOutside(world, host, transport)), connections);
  const destination = ipv4Address(arrivals[0].field('ip4.src'));
  world.send(
    [
      `inport == "${gateway.localnet}" && eth.src == ${outsideMac} && eth.dst == ${gateway.endpoint.mac}`,
      `ip4.src == 198.51.100.1 && ip4.dst == ${destination} && ip.ttl == 64 && icmp4.type == 11 && icmp4.code == 0`,
    ].join(' && '),
    connections,
  );
  await real.peer.forgetConnections();
  const [sent, bare] = world.stories.map(({ frame }) => frame);
  const [left] = await real.send(name, sent, 1);
  expect(textOf([left])).toEqual(textOf(world.stories[0].arrivals));
  const error = Uint8Array.from([...bare.subarray(0, quoteAt - 4), 0, 0, 0, 0, ...left.frame.subarray(14, 14 + 28)]);
  error[17] = error.length - 14;
  const whole = withChecksums(error);
  const heard = await real.send(gateway.localnet, whole, 1);
  frames += 2;
  return { world, sent, error: whole, heard };
}

/** A guard: how it is taken away, what it stops, and who would be reached without it. */
interface Guard {
  what: string;
  remove: (nb: Northbound) => void;
  attack: (world: World) => void;
  victim: string;
}

const policies = ({ Logical_Router_Policy }: Northbound, match: RegExp) =>
  [...Logical_Router_Policy.values()].filter((row) => match.test(row.match));

const nothing = 'ip4.dst == 0.0.0.1';

/** No VPC sends to the gateways, and none comes in by them. */
const outward = /ip4\.dst == \{\$vpc_external/;
const inward = /ip4\.src == \$vpc_external/;

const openWays =
  (...matches: RegExp[]) =>
  (northbound: Northbound): void => {
    for (const row of matches.flatMap((match) => policies(northbound, match))) row.match = nothing;
  };

/**
 * Both send to the external address of the other's gateway, `one` first.  Of TCP
 * the answer is a segment in the middle of a connection, because a tracker opens
 * no connection for a SYN with an ACK, and takes no SYN for an answer.
 */
const punch = (one: string, other: string) => (world: World) => {
  const pair = [hostAt(world, one), hostAt(world, other)];
  for (const transport of transports.filter(({ protocol }) => protocol !== 'icmp')) {
    const connections = trackingConntrack();
    for (const [index, host] of pair.entries()) {
      const to = gatewayOf(world, pair[1 - index]).endpoint.ip;
      const text = openingText({ ...toOutside(world, host, index === 0 ? transport : answerTo(transport)), to });
      world.send(text.replace('tcp.flags == 18', 'tcp.flags == 16'), connections);
    }
  }
};

const guards: Guard[] = [
  {
    what: 'two tenants punch a hole through both their gateways',
    remove: openWays(outward, inward),
    attack: punch('default/blue-a-vf2@n2', 'default/red-a-vf2@n0'),
    victim: 'default/blue-a-vf2@n2',
  },
  {
    what: 'two separated networks punch a hole through both their gateways',
    remove: openWays(outward, inward),
    attack: punch('default/blue-a-vf2@n2', 'default/blue-b-vf3@n3'),
    victim: 'default/blue-a-vf2@n2',
  },
  {
    what: 'a frame from outside is routed to a private address',
    remove: (northbound) => {
      for (const row of policies(northbound, /^1$/)) row.action = 'allow';
    },
    attack: (world) => {
      const host = hostAt(world, 'default/red-a-vf2@n0');
      const { localnet, endpoint } = gatewayOf(world, host);
      const sent = { inport: localnet, ethSrc: outsideMac, ethDst: endpoint.mac, source: world.outsideAddress };
      for (const transport of transports) world.send(ipv4Text({ ...sent, destination: host.endpoint.ip, transport }));
    },
    victim: 'default/red-a-vf2@n0',
  },
  {
    what: 'a port takes over the address of its gateway',
    remove: ({ ACL }) => {
      for (const row of ACL.values()) if (row.action === 'drop') row.match = nothing;
    },
    attack: (world) => {
      const { endpoint, port, ...host } = hostAt(world, 'default/blue-b-vf3@n2');
      const claimed = { mac: endpoint.mac, ip: gatewayText({ endpoint, port, ...host }) };
      world.send(arpAnnouncementText(port.name, claimed, endpoint.mac));
    },
    victim: 'default/blue-b-vf3@n3',
  },
];

const reached = ({ stories }: RecordingWorld, victim: string): boolean =>
  stories.some(({ arrivals }) => arrivals.some(({ port }) => port === victim));

describe('a guard', () => {
  test.each(guards.map((guard) => [guard.what, guard] as const))('%s', async (_, { remove, attack, victim }) => {
    expect(reached(await inBoth(attack), victim)).toBe(false);
    const opened = onePeer().nb;
    remove(opened);
    await real.change(opened);
    try {
      expect(reached(await inBoth(attack, opened), victim)).toBe(true);
    } finally {
      await real.change(nb);
    }
  });

  test.each([
    ['out', outward],
    ['in', inward],
  ])('on the way %s is not alone against a hole', async (_, removed) => {
    const opened = onePeer().nb;
    openWays(removed)(opened);
    await real.change(opened);
    try {
      const attack = punch('default/blue-a-vf2@n2', 'default/red-a-vf2@n0');
      expect(reached(await inBoth(attack, opened), 'default/blue-a-vf2@n2')).toBe(false);
    } finally {
      await real.change(nb);
    }
  });
});

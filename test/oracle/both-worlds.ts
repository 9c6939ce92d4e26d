/**
 * One topology twice: as a World of hosts that the tracer follows packets through,
 * and on the real data plane (packet-peer.ts).  What the World is sent is recorded, then sent through the real one, frame by frame and with the same
 * connections, and what came out of every port is laid side by side.
 *
 * Behind the physical network stands a router, as the World has one: it sends
 * on what is addressed to a gateway, or to a network that is routed without
 * translation.
 */
import { contains, formatIpv4 } from '../../engine/address.ts';
import { parseFrame, withChecksums } from '../../engine/frame.ts';
import { computeSouthbound } from '../../engine/northd/index.ts';
import { nbctlScript } from '../../engine/ovsdb/nbctl.ts';
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import { northboundOfPlan, planTopology, type VpcPlan } from '../../engine/vpc/index.ts';
import { trackingConntrack } from '../../sim/trace/index.ts';
import { redAndBlue } from '../topology.ts';
import { type PacketPeer, peerChassis, type Received, startPeer } from './packet-peer.ts';
import type { Central } from './sandbox.ts';
import { type FieldReader, frameOf } from './world/frame.ts';
import { macText, microflowText } from './world/read.ts';
import { type Connections, type Gateway, openWorld, outsideMac, type World } from './world/world.ts';

/** A frame at a port: an interface's, or the localnet port of a gateway that it left by. */
export interface Sighting {
  port: string;
  frame: Uint8Array;
}

/** A packet that the World was sent, and where it saw it come out. */
export interface Story {
  inport: string;
  microflow: string;
  frame: Uint8Array;
  arrivals: Sighting[];
  /** Which connections were known; other connections begin with none. */
  connections: Connections;
}

/** A World that keeps what it was sent. */
export interface RecordingWorld extends World {
  stories: Story[];
}

/** The northbound database of two tenants, for a single chassis that has all their nodes' ports and gateways. */
export function onePeer(): { nb: Northbound; plans: VpcPlan[] } {
  const plans = planTopology(redAndBlue());
  const nb = northboundOfPlan(plans);
  for (const { options } of nb.Logical_Router.values()) if (options.chassis) options.chassis = peerChassis;
  for (const { options } of nb.Logical_Switch_Port.values()) {
    if (options['requested-chassis']) options['requested-chassis'] = peerChassis;
  }
  return { nb, plans };
}

/** The World of a northbound database. */
export function recordingWorld(nb: Northbound, plans: readonly VpcPlan[]): RecordingWorld {
  const world = openWorld(computeSouthbound(nb).southbound, plans);
  const stories: Story[] = [];
  return {
    ...world,
    stories,
    send(microflow, connections = trackingConntrack()) {
      const outcome = world.send(microflow, connections);
      stories.push({
        inport: outcome.inport,
        microflow,
        frame: frameOf(outcome.field),
        arrivals: outcome.arrivals.map(({ port, field }) => ({ port, frame: frameOf(field) })),
        connections,
      });
      return outcome;
    },
  };
}

export interface RealWorld {
  peer: PacketPeer;
  /**
   * Sends a frame into an interface's or a localnet port, and gives what came out
   * where, after `expected` frames have come or too much time has passed.
   */
  send(inport: string, frame: Uint8Array, expected: number): Promise<Sighting[]>;
  /**
   * Sends the frames of the stories; gives a text for each of the first
   * few that ended otherwise than in the World.
   */
  retell(stories: readonly Story[]): Promise<string[]>;
  /** Makes policies and ACLs say what they say in `changed`, a database that differs from the first in nothing else. */
  change(changed: Northbound): Promise<void>;
}

/** Starts a chassis that has all interfaces and gateways of `world`, whose neighbours know each other. */
export async function openRealWorld(central: Central, nb: Northbound, world: World): Promise<RealWorld> {
  await central.load(nbctlScript(nb));
  const peer = await startPeer(central);
  await peer.localnet(physicalNetwork);
  await peer.bind(world.hosts.map(({ port }) => port.name));
  await peer.ready();
  await introduce(central, peer, world.gateways);

  const send = async (inport: string, frame: Uint8Array, expected: number): Promise<Sighting[]> => {
    const back = (sighting: Sighting) => comesBack(sighting, world.gateways);
    const seen: Sighting[] = [];
    const isEnough = (received: readonly Received[]): boolean => {
      const now = sightings(received, world);
      return seen.length + now.length >= expected || now.some((sighting) => back(sighting).length > 0);
    };
    const enters = world.gateways.some(({ localnet }) => localnet === inport) ? physicalNetwork : inport;
    await peer.send(enters, frame);
    for (;;) {
      const now = sightings(await peer.receive(isEnough, patience), world);
      seen.push(...now);
      const returning = now.flatMap(back);
      for (const each of returning) await peer.send(physicalNetwork, each);
      if (returning.length === 0) break;
    }
    return seen;
  };

  return {
    peer,
    send,
    async retell(stories) {
      const differences: string[] = [];
      let connections: Connections | undefined;
      for (const story of stories) {
        if (story.connections !== connections) await peer.forgetConnections();
        connections = story.connections;
        const real = await send(story.inport, story.frame, story.arrivals.length);
        const difference = compare(story, real);
        if (difference) differences.push(difference);
        if (differences.length === tellable) break;
      }
      const late = sightings(await peer.receive(() => false, settling), world);
      return late.length === 0 ? differences : [...differences, `late or unexplained:\n${textOf(late).join('\n')}`];
    },
    async change(changed) {
      const commands = (['Logical_Router_Policy', 'ACL'] as const).flatMap((table) =>
        [...changed[table].values()].flatMap(({ _uuid, match, action }) => [
          ...['--', 'set', table, _uuid, `match=${JSON.stringify(match)}`, `action=${action}`],
        ]),
      );
      await central.nbctl(...commands);
      await central.nbctl('--wait=hv', 'sync');
      // Megaflows of before would go on deciding until the switch finds time to look at them again.
      await peer.appctl('revalidator/purge');
    },
  };
}

/** `physical-network` of parameters.ts. */
const physicalNetwork = 'physnet';

/** Milliseconds to wait for a frame that must come, and at the end for one that must not. */
const patience = 3000;
const settling = 250;

/** After so many differences there is no point in going on, and each may have been waited for. */
const tellable = 8;

const readerOf = (frame: Uint8Array): FieldReader => {
  const { fields } = parseFrame(frame);
  return (name) => fields[name] ?? 0n;
};

/** Frames at the logical ports that they left by, without what gateways say of themselves unasked. */
function sightings(frames: readonly Received[], { gateways }: World): Sighting[] {
  return frames.flatMap(({ port, frame }) => {
    if (port !== physicalNetwork) return [{ port, frame }];
    const field = readerOf(frame);
    if (field('eth.type') === 0x806n && field('arp.spa') === field('arp.tpa')) return [];
    const from = gateways.find(({ endpoint }) => endpoint.mac === macText(field('eth.src')));
    return [{ port: from?.localnet ?? port, frame }];
  });
}

/** What the router outside sends on to gateways. */
function comesBack({ port, frame }: Sighting, gateways: readonly Gateway[]): Uint8Array[] {
  const field = readerOf(frame);
  const isForRouter = gateways.some(({ localnet }) => localnet === port) && macText(field('eth.dst')) === outsideMac;
  if (!isForRouter || field('eth.type') !== 0x800n || field('ip.ttl') <= 1n) return [];
  const to = Number(field('ip4.dst'));
  return gateways
    .filter(({ localnet }) => localnet !== port)
    .filter(
      ({ vpc, plan }) =>
        plan.externalAddress === to ||
        vpc.networks.some(({ network: { externallyRouted, masquerade }, subnet }) =>
          externallyRouted && !masquerade ? contains(subnet, to) : false,
        ),
    )
    .map(({ endpoint }) => routed(frame, endpoint.mac));
}

/** The frame after one more hop, from the router outside. */
function routed(frame: Uint8Array, to: string): Uint8Array {
  const copy = frame.slice();
  copy.set(bytesOfMac(to), 0);
  copy.set(bytesOfMac(outsideMac), 6);
  copy[22]--;
  return withChecksums(copy);
}

const bytesOfMac = (mac: string): number[] => mac.split(':').map((byte) => Number.parseInt(byte, 16));

/** Gateways learn by ARP whom the World takes them to know: the router outside, and each other. */
async function introduce(central: Central, peer: PacketPeer, gateways: readonly Gateway[]): Promise<void> {
  for (const gateway of gateways) {
    const router = { mac: outsideMac, ip: formatIpv4(gateway.vpc.parameters.externalGateway) };
    const others = gateways.filter((other) => other !== gateway).map(({ endpoint }) => endpoint);
    for (const neighbour of [router, ...others]) {
      await peer.send(physicalNetwork, arpReply(neighbour, gateway.endpoint));
    }
  }
  const wanted = gateways.length ** 2;
  const deadline = Date.now() + 20_000;
  while ((await central.rows('OVN_Southbound', ['MAC_Binding'])).MAC_Binding.length < wanted) {
    if (Date.now() > deadline) throw new Error('the gateways do not learn their neighbours');
  }
  await central.nbctl('--wait=hv', 'sync');
  peer.received();
}

/** The router outside tells, for itself or for another, where an address is. */
function arpReply(from: { mac: string; ip: string }, to: { mac: string; ip: string }): Uint8Array {
  const number = (mac: string): bigint => BigInt(`0x${mac.replaceAll(':', '')}`);
  const address = (ip: string): bigint => ip.split('.').reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  const fields: Record<string, bigint> = {
    'eth.src': number(outsideMac),
    'eth.dst': number(to.mac),
    'eth.type': 0x806n,
    'arp.op': 2n,
    'arp.sha': number(from.mac),
    'arp.spa': address(from.ip),
    'arp.tha': number(to.mac),
    'arp.tpa': address(to.ip),
  };
  return frameOf((name) => fields[name] ?? 0n);
}

/** ICMP types of errors (RFC 792), which quote the packet that they are about. */
const icmpErrors: ReadonlySet<bigint> = new Set([3n, 4n, 5n, 11n, 12n]);

/**
 * What the frames say, in an order of their own, with the bytes of those that a
 * sender made.  What OVN makes up itself, DHCP's answers and ICMP errors, is told by
 * its headers: a trace does not know the rest.
 */
export function textOf(seen: readonly Sighting[]): string[] {
  return seen
    .map(({ port, frame }) => {
      const field = readerOf(frame);
      const isDhcp = field('ip.proto') === 17n && field('udp.src') === 67n;
      const isError = field('ip.proto') === 1n && icmpErrors.has(field('icmp4.type'));
      // ovn-controller sends an answer to the address that it offers; the flow, and so the trace, has the broadcast address.
      if (isDhcp) return microflowText((name) => (name === 'ip4.dst' ? 0xffffffffn : field(name)), port);
      const text = microflowText(field, port);
      return isError ? text : `${text}\n    ${Buffer.from(frame).toString('hex')}`;
    })
    .sort();
}

function compare(story: Story, real: readonly Sighting[]): string | undefined {
  const [ours, theirs] = [textOf(story.arrivals), textOf(real)];
  if (ours.join() === theirs.join()) return undefined;
  const list = (texts: string[]): string => texts.map((text) => `\n  ${text}`).join('') || ' nothing';
  return `${story.microflow}\n the World:${list(ours)}\n the real data plane:${list(theirs)}`;
}

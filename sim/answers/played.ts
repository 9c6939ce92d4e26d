/** A story played in the data plane: the whole network on one chassis, frame by frame. */
import { parseFrame } from '../../engine/frame.ts';
import { createNode, type Node, Plane, type Received } from '../../engine/node/index.ts';
import type { PortBinding, Southbound } from '../../engine/ovsdb/southbound.ts';
import { ProgramBuilder } from '../../engine/program/index.ts';
import type { Network } from '../symbolic/types.ts';
import { frameOf } from './frame.ts';
import { fieldReader, type PacketValues, vlanPresent } from './packet.ts';
import { answerTo, difference, isUnwanted, packetOfFields, type Story, withFields } from './story.ts';
import { arrivalAt, type Traced } from './traced.ts';
import { dnsNameOf } from './witness.ts';

/** Whether a story ends in the data plane as it should; `not run` where it cannot be played, or not be decided. */
export interface Played {
  readonly outcome: boolean | 'not run';
  /** Of an outcome other than true: a sentence without a full stop. */
  readonly why?: string;
}

const chassis = 'here';

/** Components of a network as a database of their own, learned tables left out. */
export function componentsOf(network: Network, components: ReadonlySet<number>): Southbound {
  const { southbound } = network;
  const inside = new Set(
    [...network.datapaths.values()].filter(({ component }) => components.has(component)).map(({ uuid }) => uuid),
  );
  const isInside = ({ datapath }: { datapath: string }): boolean => inside.has(datapath);
  return {
    ...southbound,
    datapaths: southbound.datapaths.filter(({ uuid }) => inside.has(uuid)),
    ports: southbound.ports.filter(isInside),
    flows: southbound.flows.filter(isInside),
    multicastGroups: southbound.multicastGroups.filter(isInside),
    macBindings: [],
    fdb: [],
  };
}

/** Everything on one chassis, and each port to the outside on a wire of its own: what crosses is sent by the story. */
function onOneChassis(southbound: Southbound): Southbound {
  const place = (port: PortBinding): PortBinding => {
    const options =
      port.options.network_name === undefined ? port.options : { ...port.options, network_name: port.logicalPort };
    return { ...port, options, chassis };
  };
  return { ...southbound, ports: southbound.ports.map(place) };
}

/** So small that one is quickly made; a story has few packets. */
const size = { megaflows: 512, connections: 4096, entries: 256 };

/** A plane that has taken more memory than this, for the program of a large network, is not kept. */
const mostKept = 64 * 2 ** 20;

/**
 * What stories are played with, and what is left of one for the next: programs, whose tables are compiled once as long as they
 * do not change, and a plane, whose memory is more than all else that a story leaves behind.
 */
export interface Backstage {
  readonly programs: ProgramBuilder;
  plane?: Plane | undefined;
}

export const openBackstage = (): Backstage => ({ programs: new ProgramBuilder() });

/** Plays with a plane that nobody uses, and keeps it if the next story can be played with it. */
function withPlane<T>(backstage: Backstage, play: (plane: Plane) => T): T {
  const plane = backstage.plane ?? new Plane(size);
  backstage.plane = undefined;
  const done = play(plane);
  if (plane.empty() && plane.exports.reserved() <= mostKept) backstage.plane = plane;
  return done;
}

/** Plays stories in a network, each on a chassis of its own. */
export interface Player {
  /** Plays a story in which these neighbours are known, and compares it with what the tracer says. */
  play(story: Story, traced: Traced): Played;
}

export function createPlayer(southbound: Southbound, backstage: Backstage): Player {
  const here = onOneChassis(southbound);
  const nested = here.services?.ports ?? new Map();
  const vifs = here.ports.filter(
    ({ type, logicalPort }) => type === '' && nested.get(logicalPort)?.parent === undefined,
  );
  const bindings = vifs.map(({ logicalPort }) => logicalPort);
  const builder = backstage.programs;
  return {
    play: (story, traced) =>
      withPlane(backstage, (plane) => {
        const node = createNode({ southbound: here, chassis, bindings, plane, builder });
        return playOn(here, node, story, traced);
      }),
  };
}

function playOn(here: Southbound, node: Node, story: Story, traced: Traced): Played {
  const strangers = portsOf(story, traced).filter((port) => !node.ports.some(({ name }) => name === port));
  if (strangers.length > 0) return { outcome: 'not run', why: `the port ${strangers[0]} has no wire of its own` };
  const local = new Set(node.program.datapaths.map(({ view }) => view.binding.uuid));
  const remote = traced.legs.find(({ inport }) => !local.has(datapathOf(here, inport)));
  if (remote) return { outcome: 'not run', why: `no chassis has to do with the port ${remote.inport}` };
  node.received();
  learn(node, traced);
  return follow(here, node, story, traced);
}

const datapathOf = ({ ports }: Southbound, port: string): string =>
  ports.find(({ logicalPort }) => logicalPort === port)?.datapath ?? '';

/** Ports that frames are sent to or expected at. */
function portsOf(story: Story, { legs }: Traced): string[] {
  const expected = story.sends.flatMap(({ expected: end }) => (end.kind === 'arrives' ? [end.port] : []));
  return [...legs.map(({ inport }) => inport), ...expected];
}

function learn(node: Node, { neighbors, addresses }: Traced): void {
  const fdb = addresses.map(({ datapathKey, portKey, mac }) => ({ datapathKey, portKey, mac, since: 0 }));
  node.learn({ macBindings: neighbors.map((one) => ({ ...one, since: 0 })), fdb });
}

function follow(southbound: Southbound, node: Node, story: Story, { legs }: Traced): Played {
  let arrived: PacketValues | undefined;
  for (const [index, send] of story.sends.entries()) {
    const leg = legs[index];
    if (!leg) return { outcome: 'not run', why: 'the tracer does not get that far' };
    const packet =
      send.kind === 'packet'
        ? send.packet
        : arrived && (send.kind === 'crossing' ? (send.as ?? arrived) : answerTo(arrived));
    if (!packet) return { outcome: false, why: `nothing that could be answered came out before packet ${index + 1}` };
    node.received();
    const dnsName = dnsNameOf(southbound, datapathOf(southbound, leg.inport));
    const rest = { ...(dnsName !== undefined && { dnsName }), ...(leg.quoted && { quoted: leg.quoted }) };
    node.send(leg.inport, frameOf(onWire(southbound, leg.inport, packet), rest));
    const received = node.received().map((one) => offWire(southbound, valuesAt(one)));
    const { expected } = send;
    if (expected.kind === 'loops') return { outcome: 'not run', why: 'packets that go round are cut off' };
    if (expected.kind === 'lost') {
      const found = received.find((came) => isUnwanted(expected, packet, came));
      if (found && expected.flow) return { outcome: 'not run', why: 'a copy of the packet comes out' };
      if (found) return { outcome: false, why: `in the data plane it comes out of ${found.port}` };
      continue;
    }
    const there = received.filter(({ port }) => port === expected.port);
    const wanted = arrivalAt(leg, expected.port);
    const found = there.find((one) => wanted && difference(wanted, one.packet) === undefined) ?? there[0];
    if (!found) return { outcome: false, why: `in the data plane nothing comes out of ${expected.port}` };
    const field = wanted && difference(wanted, found.packet);
    if (field !== undefined) return { outcome: false, why: `in the data plane it comes out with another ${field}` };
    arrived = found.packet;
  }
  return { outcome: true };
}

/** The VLAN that a port outside puts frames into; 0 for none. */
const vlanOf = ({ services }: Southbound, port: string): bigint => BigInt(services?.ports.get(port)?.tag ?? 0);

/** Frames have the tag of a port outside on its wire, and not behind it: ovn-nb(5), `tag`. */
function onWire(southbound: Southbound, port: string, packet: PacketValues): PacketValues {
  const vlan = vlanOf(southbound, port);
  return vlan === 0n ? packet : withFields(packet, { 'vlan.tci': vlanPresent | vlan });
}

function offWire(southbound: Southbound, came: { port: string; packet: PacketValues }): typeof came {
  const vlan = vlanOf(southbound, came.port);
  const isOwn = vlan !== 0n && (fieldReader(came.packet)('vlan.tci') & 0xfffn) === vlan;
  return isOwn ? { port: came.port, packet: withFields(came.packet, { 'vlan.tci': 0n }) } : came;
}

const valuesAt = ({ port, frame }: Received): { port: string; packet: PacketValues } => ({
  port,
  packet: packetOfFields(parseFrame(frame).fields),
});

/**
 * A network of chassis as a world that conversations are played in: each chassis a data plane alone, or one beside the
 * emulated device, with rules before the first packet or with rules for what software has seen.  The same frames must
 * come out of the same ports, whoever carries them.
 */
import { createNode, type Node, UNDERLAY } from '../../engine/node/index.ts';
import type { DevicePorts } from '../../engine/offload/actions.ts';
import type { Capabilities } from '../../engine/offload/capabilities/index.ts';
import { checkRules } from '../../engine/offload/check.ts';
import { withTunnels } from '../../engine/offload/reactive.ts';
import { type Loop, openLoop } from '../../engine/offload/reactive-loop.ts';
import type { RuleSet } from '../../engine/offload/rules.ts';
import type { Southbound } from '../../engine/ovsdb/southbound.ts';
import type { Placement } from '../../engine/program/placement.ts';
import { applyRules, type Fate, type OffloadDevice, openDevice } from '../../native/offload/index.ts';
import { planOffload } from '../../sim/offload/plan.ts';
import { underlayOf } from './fabric.ts';
import type { PacketWorld, Received } from './packet-world.ts';

/** Who carries packets. */
export type Carrier = 'software' | 'proactive' | 'reactive';

export interface WorldOptions {
  readonly southbound: Southbound;
  readonly placement: Placement;
  readonly chassis: readonly string[];
  readonly carrier: Carrier;
  readonly capabilities: Capabilities;
  /** Logical ports of each chassis; without it those that the database binds to it. */
  readonly bindings?: readonly string[];
  /** Physical networks that there are; without it all. */
  readonly networks?: readonly string[];
}

export interface OffloadWorld extends PacketWorld {
  /** Frames that came to the devices, and those that these carried by themselves. */
  readonly carried: { frames: number; hardware: number };
  /** The rules of each chassis as they are. */
  ruleSets(): ReadonlyMap<string, RuleSet>;
  close(): Promise<void>;
}

/** As node-world.ts has it: what the world outside does with time, and how long it takes until what was learned is in force. */
const LEARNING = 100;
const DELAY = 1;
const STEP = 1;
/** Frames may be handed over so often until all is quiet. */
const MOST_ROUNDS = 64;

interface Member {
  readonly name: string;
  readonly node: Node;
  readonly ports: DevicePorts;
  readonly hardware?: OffloadDevice;
  readonly loop?: Loop;
  readonly rules: RuleSet | undefined;
}

export const endOf = (index: number) => ({
  ip: `192.0.2.${index + 1}`,
  mac: `02:00:00:00:ee:${(index + 1).toString(16).padStart(2, '0')}`,
});

/** The device's ports of a chassis: representors by the order of the logical ports' names. */
export function devicePortsOf(local: readonly string[], chassis: readonly string[]): DevicePorts {
  return {
    ports: new Map([...local].sort().map((name, index) => [name, `pf0vf${index}`])),
    uplink: 'p0',
    tunnels: chassis.length < 2 ? new Map() : new Map(chassis.map((name, index) => [name, endOf(index)])),
  };
}

export async function openWorld(options: WorldOptions): Promise<OffloadWorld> {
  const carried = { frames: 0, hardware: 0 };
  const members: Member[] = [];
  for (const name of options.chassis) members.push(await memberOf(name, options));
  const networks = new Map(
    members.flatMap(({ node }) =>
      node.ports.flatMap(({ name, network }) => (network === undefined ? [] : [[name, network] as const])),
    ),
  );
  const out: Received[] = [];
  let versions = 0;

  /** Frames come in at a chassis, and what they cause elsewhere. */
  async function enter(first: { member: Member; port: string; frame: Uint8Array }[]): Promise<void> {
    let waiting = first;
    for (let round = 0; waiting.length > 0 && round < MOST_ROUNDS; round++) {
      const next: typeof waiting = [];
      for (const { member, port, frame } of waiting) {
        for (const sent of await through(member, port, frame, carried)) next.push(...leave(member, sent));
      }
      await share();
      for (const member of members) for (const sent of member.node.received()) next.push(...leave(member, sent));
      waiting = next;
    }
  }

  function leave(member: Member, { port, frame }: Received): { member: Member; port: string; frame: Uint8Array }[] {
    if (port === UNDERLAY) {
      out.push({ port: underlayOf(member.name), frame: comparable(frame) });
      const to = members.find((_, index) => endOf(index).mac === macAt(frame));
      return to ? [{ member: to, port, frame }] : [];
    }
    const network = networks.get(port);
    out.push({ port: network ?? port, frame });
    if (network === undefined) return [];
    const others = members.filter((other) => other !== member && networkPortsOf(other, network).length > 0);
    return others.map((other) => ({ member: other, port: network, frame }));
  }

  /** What one learns all know, as through the southbound database. */
  async function share(): Promise<void> {
    const states = members.map(({ node }) => node.learned());
    const sum = states.reduce((all, { version }) => all + version, 0);
    if (sum === versions) return;
    for (const { node } of members) for (const state of states) node.learn(state);
    versions = members.reduce((all, { node }) => all + node.learned().version, 0);
    for (const { loop } of members) await loop?.tick(0);
  }

  async function pass(milliseconds: number): Promise<void> {
    const sent: { member: Member; port: string; frame: Uint8Array }[] = [];
    for (const member of members) {
      const { node, loop } = member;
      if (loop) for (const each of await loop.tick(milliseconds)) sent.push(...leave(member, each));
      else node.advance(milliseconds);
      for (const each of node.received()) sent.push(...leave(member, each));
    }
    await share();
    await enter(sent);
  }

  return {
    carried,
    async bind() {},
    async localnet() {},
    async ready() {
      out.length = 0;
    },
    async send(port, frames) {
      // A network that no logical network is joined to is quiet.
      const isWire = [...networks.values()].includes(port);
      const to = members.filter(({ node }) =>
        node.ports.some(({ name, network }) => name === port || network === port),
      );
      for (const frame of frames instanceof Uint8Array ? [frames] : frames) {
        await enter((isWire ? to : to.slice(0, 1)).map((member) => ({ member, port, frame })));
      }
      await pass(STEP);
    },
    learn: () => pass(LEARNING),
    async forgetConnections() {
      for (const { node, loop } of members) {
        node.forgetConnections();
        await loop?.tick(0);
      }
    },
    received: () => out.splice(0),
    ruleSets: () =>
      new Map(
        members.flatMap(({ name, loop, rules }) => (loop ? [[name, loop.ruleSet()]] : rules ? [[name, rules]] : [])),
      ),
    async stop() {},
    async close() {
      for (const { hardware } of members) await hardware?.close();
    },
  };
}

async function memberOf(name: string, options: WorldOptions): Promise<Member> {
  const { southbound, placement, carrier, capabilities, chassis, bindings, networks } = options;
  const here = { ...(bindings && { bindings }), ...(networks && { networks }) };
  const plain = createNode({
    southbound,
    placement,
    chassis: name,
    ...here,
  });
  const local = plain.ports.filter(({ kind }) => kind === 'vif').map((port) => port.name);
  const ports = devicePortsOf(local, chassis);
  const given = { southbound, placement, chassis: name, wire: 'hub', learningDelay: DELAY } as const;
  const node = createNode(withTunnels({ ...given, ...here }, ports));
  const member = { name, node, ports, rules: undefined };
  if (carrier === 'software') return member;
  const hardware = await openDevice({ kind: 'emulated', ports: [ports.uplink, ...ports.ports.values()], capabilities });
  if (carrier === 'reactive') {
    const loop = await openLoop({ node, chassis: name, device: ports, capabilities, hardware });
    return { ...member, hardware, loop };
  }
  const { ruleSet } = planOffload({ southbound, placement, node: name, device: ports, capabilities });
  const problems = checkRules(ruleSet, capabilities);
  if (problems.length > 0) throw new Error(`${problems[0]?.place}: ${problems[0]?.message}`);
  await applyRules(hardware, ruleSet);
  return { ...member, hardware, rules: ruleSet };
}

/** A frame at a chassis, by whatever carries its packets. */
async function through(
  member: Member,
  port: string,
  frame: Uint8Array,
  carried: OffloadWorld['carried'],
): Promise<Received[]> {
  const { node, ports, hardware, loop } = member;
  const [wire] = networkPortsOf(member, port);
  const hardwarePort = port === UNDERLAY || wire !== undefined ? ports.uplink : ports.ports.get(port);
  // Several localnet ports share the uplink: which of them a frame is for only software knows.
  const isShared = wire !== undefined && node.ports.filter(({ kind }) => kind === 'localnet').length > 1;
  if (!hardware || hardwarePort === undefined || isShared) return soft(member, port, frame);
  carried.frames += 1;
  const [fate] = await hardware.receive(hardwarePort, [hex(frame)]);
  const { outputs } = fate as Fate;
  if (!outputs.some(({ software }) => software)) {
    carried.hardware += 1;
    return outputs.map((output) => ({
      port: logicalOf(member, output.port, bytesOf(output.frame)),
      frame: bytesOf(output.frame),
    }));
  }
  const [output] = outputs;
  if (outputs.length !== 1 || output?.port !== hardwarePort || output.frame !== hex(frame)) {
    throw new Error(`${port}: software is not given what came: ${hex(frame)} ${JSON.stringify(outputs)}`);
  }
  // Learned under the port of the wire.
  return loop ? loop.software([{ port: wire ?? port, frame }]) : soft(member, port, frame);
}

function soft({ node }: Member, port: string, frame: Uint8Array): Received[] {
  node.send(port, frame);
  return node.received();
}

/** The logical port behind a port of the device. */
function logicalOf({ node, ports }: Member, port: string, frame: Uint8Array): string {
  if (port !== ports.uplink) return [...ports.ports].find(([, name]) => name === port)?.[0] ?? port;
  const isTunnel = frame[23] === 17 && frame[36] === 0x17 && frame[37] === 0xc1;
  return isTunnel ? UNDERLAY : (node.ports.find(({ kind }) => kind === 'localnet')?.name ?? port);
}

const networkPortsOf = ({ node }: Member, network: string): string[] =>
  node.ports
    .filter((port) => port.network === network || (port.kind === 'localnet' && port.name === network))
    .map(({ name }) => name);

/** The world without frames that lie. */
export const truthful = (world: PacketWorld): PacketWorld => ({
  bind: (ports) => world.bind(ports),
  localnet: (network) => world.localnet(network),
  ready: () => world.ready(),
  async send(port, frames) {
    const honest = (frames instanceof Uint8Array ? [frames] : frames).filter((frame) => !lies(frame));
    if (honest.length > 0) await world.send(port, honest);
  },
  learn: () => world.learn(),
  forgetConnections: () => world.forgetConnections(),
  received: () => world.received(),
  stop: () => world.stop(),
});

/**
 * Whether the IP header contradicts the frame: its version is not what the Ethernet type says, or it claims more bytes than
 * there are; or the length in UDP's header contradicts that of IP.  Software and hardware read such headers differently,
 * and neither is wrong (docs/offload/reactive.md).
 */
function lies(frame: Uint8Array): boolean {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  let at = 12;
  while (at + 6 <= frame.length && [0x8100, 0x88a8, 0x9100].includes(view.getUint16(at))) at += 4;
  if (at + 2 > frame.length) return false;
  const type = view.getUint16(at);
  const left = frame.length - at - 2;
  if (type === 0x800) {
    if (left < 20) return false;
    const header = (view.getUint8(at + 2) & 15) * 4;
    const length = view.getUint16(at + 4);
    if (view.getUint8(at + 2) >> 4 !== 4 || header < 20 || length < header || length > left) return true;
    const isUdp = view.getUint8(at + 11) === 17 && (view.getUint16(at + 8) & 0x3fff) === 0;
    return isUdp && length >= header + 8 && view.getUint16(at + 2 + header + 4) !== length - header;
  }
  if (type !== 0x86dd || left < 40) return false;
  const length = view.getUint16(at + 6);
  if (view.getUint8(at + 2) >> 4 !== 6 || length + 40 > left) return true;
  return view.getUint8(at + 8) === 17 && length >= 8 && view.getUint16(at + 2 + 40 + 4) !== length;
}

/** A tunnel's frame, but for what hardware does not make of its outer header: the hash in its source port, its UDP checksum. */
function comparable(frame: Uint8Array): Uint8Array {
  const copy = frame.slice();
  copy.set([0, 0], 34);
  copy.set([0, 0], 40);
  return copy;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));
const macAt = (frame: Uint8Array): string =>
  [...frame.subarray(0, 6)].map((byte) => byte.toString(16).padStart(2, '0')).join(':');

/**
 * Plans on the emulated device, beside the data plane in software: what the device handles comes out as software sends
 * it, byte for byte, and what it does not handle gets to software as it came.
 */
import { describe, expect, test } from 'vitest';
import { loadSubject, type Subject } from '../../cli/offload/subject.ts';
import { createNode, type Node, UNDERLAY } from '../../engine/node/index.ts';
import { optionOf, tunnelHeaders } from '../../engine/offload/actions.ts';
import type { PortBinding } from '../../engine/ovsdb/southbound.ts';
import { applyRules, type Fate, type OffloadDevice } from '../../native/offload/index.ts';
import { planOffload } from '../../sim/offload/plan.ts';
import { arp, broadcast, frame, icmp, protocols, rawFrame, tcp, tcpFlags, u16, udp } from '../oracle/frames.ts';
import { seedAndRuns } from '../oracle/seed.ts';
import { emulated } from './rules.ts';
import { bytesOf, hex } from './world.ts';

/** A source of numbers that a seed repeats. */
type Random = (limit: number) => number;

function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

const one = <T>(random: Random, list: readonly T[]): T => list[random(list.length)] as T;
/** The first one mostly. */
const mostly = <T>(random: Random, usual: T, others: readonly T[]): T => (random(4) > 0 ? usual : one(random, others));

interface Addresses {
  readonly macs: readonly string[];
  readonly ips: readonly string[];
}

const addressesOf = ({ mac }: PortBinding): readonly [string, string] => {
  const [first = '', ip = '10.0.0.1'] = (mac[0] ?? '').split(' ');
  return [first, ip.split('/')[0] ?? ip];
};

/** What packets of this network have in them, and what they do not. */
function poolOf({ southbound }: Subject): Addresses {
  const own = southbound.ports.map(addressesOf).filter(([mac]) => mac.includes(':'));
  const routers = southbound.ports.flatMap(({ options }) => options.networks?.split(' ') ?? []);
  return {
    macs: [...own.map(([mac]) => mac), broadcast, '01:00:5e:00:00:09', '02:00:00:00:00:99'],
    ips: [
      ...own.map(([, ip]) => ip),
      ...routers.map((text) => text.split('/')[0] ?? text),
      '0.0.0.0',
      '8.8.8.8',
      '224.0.0.5',
    ],
  };
}

/** A frame that is believable, or nearly so. */
function randomFrame(random: Random, pool: Addresses, [mac, ip]: readonly [string, string]): Uint8Array {
  const tags = random(20) === 0 ? [one(random, [5, 0x6005])] : [];
  const ethernet = { src: mostly(random, mac, pool.macs), dst: one(random, pool.macs), tags };
  const ends = { src: mostly(random, ip, pool.ips), dst: one(random, pool.ips) };
  const ports = { src: one(random, [68, 40000, 53]), dst: one(random, [67, 80, 53, 40001]) };
  const header = {
    ...ends,
    ttl: mostly(random, 64, [0, 1, 2, 255]),
    tos: mostly(random, 0, [1, 2, 3, 0xb8]),
    fragment: mostly(random, 0x4000, [0x2000, 0x2005, 5]),
  };
  const six = { src: 'fd00::1', dst: one(random, ['fd00::2', 'ff02::1', 'fe80::1']), ttl: header.ttl, tos: header.tos };
  switch (random(9)) {
    case 0:
      return arp(ethernet, { op: 1 + random(2), sha: ethernet.src, spa: ends.src, tpa: ends.dst });
    case 1:
      return frame(ethernet, header, protocols.icmp, icmp(one(random, [8, 0, 3]), 0, 7, [1, 2, 3, 4]));
    case 2:
      return frame(ethernet, six, protocols.udp, udp(one(random, [547, 1000]), one(random, [546, 53]), [9]));
    case 3:
      return frame(
        ethernet,
        six,
        protocols.icmp6,
        icmp(one(random, [128, 133, 135, 136]), 0, 0, [...Array(16).keys()]),
      );
    case 4:
      return rawFrame(ethernet, one(random, [0x88cc, 0x1234, 0x600]), [...Array(50).keys()]);
    case 5:
    case 6:
      return frame(ethernet, header, protocols.tcp, tcp({ ...ports, flags: one(random, Object.values(tcpFlags)) }));
    default:
      return frame(ethernet, header, protocols.udp, udp(ports.src, ports.dst, [1, 2, 3]));
  }
}

/** A frame as another node sends it, for one of these ports of a switch. */
function tunnelled(
  random: Random,
  subject: Subject,
  inner: Uint8Array,
  vni: number,
  keys: readonly number[],
): Uint8Array {
  const { tunnels } = subject.device;
  const others = [...tunnels].filter(([name]) => name !== subject.node).map(([, end]) => end);
  const own = tunnels.get(subject.node);
  if (!own) throw new Error('no tunnel');
  const [inKey, outKey] = [one(random, keys), one(random, keys)];
  const head = bytesOf(tunnelHeaders(one(random, others), own, vni, inKey, outKey));
  const bytes = Uint8Array.from([...head, ...inner]);
  bytes.set(u16(bytes.length - 14), 16);
  bytes.set(u16(bytes.length - 34), 38);
  bytes[15] = mostly(random, 0, [1, 2, 3]);
  bytes.set(u16(checksum(bytes.subarray(14, 34))), 24);
  expect(hex(bytes.subarray(54, 58))).toBe(optionOf(inKey, outKey).toString(16).padStart(8, '0'));
  return bytes;
}

function checksum(header: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < header.length; at += 2) sum += at === 10 ? 0 : (header[at] ?? 0) * 256 + (header[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** A frame, but for what hardware does not make of a tunnel's outer header: the hash in its source port, its UDP checksum. */
function comparable(bytes: Uint8Array): string {
  const isTunnel = bytes[23] === 17 && bytes[36] === 0x17 && bytes[37] === 0xc1;
  const copy = bytes.slice();
  if (isTunnel) copy.set([0, 0], 34);
  if (isTunnel) copy.set([0, 0], 40);
  return hex(copy);
}

interface World {
  readonly subject: Subject;
  readonly node: Node;
  readonly device: OffloadDevice;
}

async function worldOf(inputs: readonly string[], name: string): Promise<World> {
  const subject = await loadSubject([...inputs], {
    node: name,
    device: 'bluefield-3-doca-hws',
    uplink: 'p0',
    port: [],
  });
  const { southbound, placement, device: ports, capabilities } = subject;
  const own = ports.tunnels.get(name);
  const peers = [...ports.tunnels]
    .filter(([chassis]) => chassis !== name)
    .map(([chassis, end]) => ({ chassis, ...end }));
  const node = createNode({
    southbound,
    placement,
    chassis: name,
    ...(own && peers.length > 0 && { tunnels: { type: 'geneve', ...own, peers } }),
  });
  const device = await emulated(capabilities, [ports.uplink, ...ports.ports.values()]);
  await applyRules(device, planOffload(subject).ruleSet);
  return { subject, node, device };
}

/** Sends a frame both ways; whether hardware handled it. */
function compare({ node, subject }: World, fate: Fate, port: string, bytes: Uint8Array): boolean {
  const { ports, uplink } = subject.device;
  node.received();
  node.send(port === uplink ? UNDERLAY : port, bytes);
  const soft = node.received().map(({ port: name, frame: sent }) => {
    return `${name === UNDERLAY ? uplink : ports.get(name)} ${comparable(sent)}`;
  });
  if (fate.outputs.some(({ software }) => software)) {
    const name = port === uplink ? uplink : ports.get(port);
    expect(fate.outputs).toEqual([{ software: true, port: name, frame: hex(bytes) }]);
    return false;
  }
  const hard = fate.outputs.map((output) => `${output.port} ${comparable(bytesOf(output.frame))}`);
  expect(hard, `${port} ${hex(bytes)}`).toEqual(soft);
  return fate.outputs.length > 0;
}

/** So many frames a port. */
const frames = 500;

/** Of random frames some at least are such as hardware takes. */
const least = 0.005;

describe.each(['single-vpc', 'two-networks', 'isolated-networks', 'two-tenants', 'two-vpcs'])(
  'examples/%s.yaml',
  (example) => {
    test('what the device handles is what software sends', async () => {
      const { seed } = seedAndRuns(1);
      const random = randomFrom(seed);
      const input = `examples/${example}.yaml`;
      const name = await firstNode(input);
      const world = await worldOf([input], name);
      const { subject, device } = world;
      const pool = poolOf(subject);
      let handled = 0;
      let sent = 0;
      const go = async (port: string, from: string, list: readonly Uint8Array[]): Promise<void> => {
        const fates = await device.receive(from, list.map(hex));
        for (const [index, bytes] of list.entries()) {
          sent += 1;
          if (compare(world, fates[index] as Fate, port, bytes)) handled += 1;
        }
      };
      for (const [port, from] of subject.device.ports) {
        const binding = subject.southbound.ports.find(({ logicalPort }) => logicalPort === port);
        if (binding?.type !== '') continue;
        const own = addressesOf(binding);
        await go(
          port,
          from,
          Array.from({ length: frames }, () => randomFrame(random, pool, own)),
        );
        const datapath = subject.southbound.datapaths.find(({ uuid }) => uuid === binding.datapath);
        const keys = subject.southbound.ports
          .filter((one) => one.datapath === binding.datapath)
          .map((one) => one.tunnelKey);
        const { uplink, tunnels } = subject.device;
        if (tunnels.size < 2) continue;
        const inside = Array.from({ length: frames }, () => {
          const inner = randomFrame(random, { ...pool, macs: [own[0], own[0], ...pool.macs] }, own);
          return tunnelled(random, subject, inner, datapath?.tunnelKey ?? 0, keys);
        });
        await go(uplink, uplink, inside);
      }
      process.stdout.write(`${input} ${name}: ${handled} of ${sent} frames in hardware\n`);
      expect(handled / sent).toBeGreaterThan(least);
    }, 120_000);
  },
);

async function firstNode(input: string): Promise<string> {
  const message = await loadSubject([input], {
    node: '?',
    device: 'bluefield-3-doca-hws',
    uplink: 'p0',
    port: [],
  }).then(
    () => '',
    (error: Error) => error.message,
  );
  const [, name = ''] = /(?:nodes are|only node is) "([^"]+)"/.exec(message) ?? [];
  return name;
}

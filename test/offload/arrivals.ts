/** Frames that tell rules apart: what hosts send to each other, each with one or two things that are not as they should be. */
import type { Southbound } from '../../engine/ovsdb/southbound.ts';
import { encapsulationBytes } from '../../sim/offload/geneve.ts';
import type { OffloadNode } from '../../sim/offload/node.ts';
import { echoData, frame, icmp, rawFrame, tcp, udp } from '../oracle/frames.ts';
import { flips } from './mutants.ts';
import type { Arrival } from './reference.ts';
import { gatewaysOf, type Host, hostsOf } from './rule-maker.ts';

interface Sent {
  readonly src: string;
  readonly dst: string;
  readonly ipSrc: string;
  readonly ipDst: string;
  readonly ttl: number;
  readonly tags: readonly number[];
  readonly kind: 'udp' | 'tcp' | 'icmp' | 'fragment' | 'later' | 'arp' | 'ip6' | 'other';
}

const toHex = (bytes: Iterable<number>): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
const macWith = (mac: string, bit: bigint): string =>
  (BigInt(`0x${mac.replaceAll(':', '')}`) ^ (1n << bit))
    .toString(16)
    .padStart(12, '0')
    .replace(/..(?!$)/g, '$&:');
const number = (ip: string): bigint => ip.split('.').reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
const ipWith = (ip: string, bit: bigint): string =>
  [24n, 16n, 8n, 0n].map((shift) => ((number(ip) ^ (1n << bit)) >> shift) & 0xffn).join('.');

function bytesOf({ src, dst, ipSrc, ipDst, ttl, tags, kind }: Sent): Uint8Array {
  const ethernet = { src, dst, tags };
  const ip = { src: ipSrc, dst: ipDst, ttl };
  switch (kind) {
    case 'udp':
      return frame(ethernet, ip, 17, udp(1111, 2222, [1, 2, 3]));
    case 'tcp':
      return frame(ethernet, ip, 6, tcp({ src: 40000, dst: 80, flags: 2 }));
    case 'icmp':
      return frame(ethernet, ip, 1, icmp(8, 0, 1, echoData));
    case 'fragment':
      return frame(ethernet, { ...ip, fragment: 0x2000 }, 17, udp(1111, 2222, echoData));
    case 'later':
      return frame(ethernet, { ...ip, fragment: 100 }, 17, echoData);
    case 'ip6':
      return frame(ethernet, { src: 'fe80::1', dst: 'fe80::2', ttl }, 17, udp(1111, 2222, echoData));
    case 'arp':
      return rawFrame(ethernet, 0x806, [0, 1, 8, 0, 6, 4, 0, 2, ...new Array<number>(20).fill(1)]);
    case 'other':
      return rawFrame(ethernet, 0x88b5, new Array<number>(50).fill(7));
  }
}

const odd: readonly Partial<Sent>[] = [
  ...[0, 1, 2, 3, 63, 255].map((ttl) => ({ ttl })),
  { tags: [5] },
  { tags: [5, 6] },
  ...(['tcp', 'icmp', 'fragment', 'later', 'arp', 'ip6', 'other'] as const).map((kind) => ({ kind })),
];

/** All single deviations from a packet. */
function deviations(base: Sent, others: readonly Host[], gateways: readonly string[]): Partial<Sent>[] {
  return [
    ...odd,
    ...flips.mac.flatMap((bit) => [{ src: macWith(base.src, bit) }, { dst: macWith(base.dst, bit) }]),
    ...flips.ip.flatMap((bit) => [{ ipSrc: ipWith(base.ipSrc, bit) }, { ipDst: ipWith(base.ipDst, bit) }]),
    ...[...others.map(({ mac }) => mac), ...gateways, 'ff:ff:ff:ff:ff:ff'].flatMap((mac) => [
      { dst: mac },
      { src: mac },
    ]),
    { src: '01:00:5e:00:00:01' },
    ...others.flatMap(({ ip }) => [{ ipDst: ip }, { ipSrc: ip }]),
    ...['10.0.0.1', '10.1.0.1', '127.0.0.1', '224.0.0.1', '255.255.255.255'].flatMap((ip) => [
      { ipSrc: ip },
      { ipDst: ip },
    ]),
  ];
}

/** Frames for every port of the node, and for ports that are not its own; `pairs` is a share of those with two deviations. */
export function arrivalsFor(southbound: Southbound, node: OffloadNode, pairs = 0.1): Arrival[] {
  const hosts = hostsOf(southbound);
  const gateways = gatewaysOf(southbound);
  const macs = [...gateways.values()].map(({ mac }) => mac);
  const local = hosts.filter(({ chassis }) => chassis === node.name);
  const own = number(node.tunnels.get(node.name)?.ip ?? '');
  const frames: Arrival[] = [];
  let count = 0;
  for (const from of hosts) {
    for (const to of hosts.filter((host) => host !== from)) {
      const dst = to.datapath === from.datapath ? to.mac : (gateways.get(from.datapath)?.mac ?? '');
      const base: Sent = { src: from.mac, dst, ipSrc: from.ip, ipDst: to.ip, ttl: 64, tags: [], kind: 'udp' };
      const single = deviations(base, hosts, macs);
      const double = single.flatMap((one, at) => single.slice(at + 1).map((other) => ({ ...one, ...other })));
      const chosen = double.filter(() => Math.floor(++count * pairs) !== Math.floor((count - 1) * pairs));
      const all = [{}, ...single, ...(local.includes(from) ? chosen : [])].map((change) => ({ ...base, ...change }));
      const sent = all.map((each) => toHex(bytesOf(each)));
      if (local.includes(from)) {
        frames.push(...sent.map((made) => ({ port: node.ports.get(from.port) ?? '', frame: made })));
        const few = sent.slice(0, 8);
        frames.push(...few.map((made) => ({ port: 'pf0vf9', frame: made })));
        frames.push(...few.map((made) => ({ port: 'p0', frame: made })));
        for (const port of ['p0', ...node.ports.values()]) {
          frames.push(...few.map((made) => ({ port, frame: made, bySoftware: true })));
        }
        continue;
      }
      const src = number(node.tunnels.get(from.chassis)?.ip ?? '');
      for (const target of local) {
        const keys = [
          [target.vni, target.key],
          [target.vni + 1, target.key],
          [target.vni, target.key + 1],
          [target.vni, 77],
          [99, 1],
        ];
        for (const [vni = 0, outKey = 0] of keys) {
          for (const [address, made] of sent
            .flatMap((each): [bigint, string][] => [
              [own, each],
              [own ^ 4n, each],
            ])
            .slice(0, 60)) {
            const inside = made.length / 2;
            const header = encapsulationBytes({ family: 4, src, dst: address, vni, inKey: from.key, outKey }, inside);
            frames.push({ port: 'p0', frame: `${toHex(header)}${made}` });
          }
        }
      }
    }
  }
  return frames;
}

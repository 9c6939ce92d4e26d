/**
 * The tunnels of a chassis: numbers, outer headers, and the physical ports that
 * packets come in by (ovn-architecture(7), "Tunnel Encapsulations").
 */
import type { Tunnel } from '../program/index.ts';
import { ipBytes, macBytes } from './answer/index.ts';
import type { Plane } from './plane.ts';

/** A chassis as others reach it. */
export interface TunnelPeer {
  /** Name of the chassis. */
  readonly chassis: string;
  /** IPv4 or IPv6, the same family as the node's own. */
  readonly ip: string;
  /** Of its interface on the underlay, or of the router on the way there. */
  readonly mac: string;
}

export interface TunnelOptions {
  readonly type: 'geneve' | 'vxlan';
  /** The node's own end. */
  readonly ip: string;
  readonly mac: string;
  readonly peers: readonly TunnelPeer[];
  /** UDP gets a checksum, as `options:csum` of OVN's tunnels says; without it, it does. */
  readonly checksum?: boolean;
}

const UDP = 17;
const TTL = 64;
const PORTS = { geneve: 6081, vxlan: 4789 } as const;
const DF = 0x40;

/** Tunnels by the name of the other chassis; their ports begin at `firstPort`. */
export function tunnelsOf({ type, peers }: TunnelOptions, firstPort: number): Map<string, Tunnel> {
  return new Map(peers.map(({ chassis }, number) => [chassis, { number, port: firstPort + number, type }]));
}

/** Tells the plane of the tunnels; throws a RangeError for addresses that are none. */
export function setTunnels(plane: Plane, options: TunnelOptions, underlay: number, firstPort: number): void {
  const { type, peers, checksum = true } = options;
  const local = numberOf(bytesOf(options.ip));
  const ip6 = bytesOf(options.ip).length === 16;
  for (const [number, peer] of peers.entries()) {
    plane.addPort(firstPort + number);
    plane.setTunnel(number, { kind: type, underlay, ip6, checksum, headers: headersTo(options, peer), l3: 14 });
  }
  plane.setEnds(
    peers.map(({ ip }, number) => ({
      kind: type,
      ip6,
      remote: numberOf(bytesOf(ip)),
      local,
      port: firstPort + number,
    })),
  );
}

/** Ethernet, IP, UDP, and Geneve with OVN's option or VXLAN; what differs from packet to packet is zero. */
function headersTo({ type, ip, mac }: TunnelOptions, peer: TunnelPeer): Uint8Array {
  const [src, dst] = [bytesOf(ip), bytesOf(peer.ip)];
  const isV4 = src.length === 4;
  const network = isV4
    ? [0x45, 0, 0, 0, 0, 0, DF, 0, TTL, UDP, 0, 0, ...src, ...dst]
    : [0x60, 0, 0, 0, 0, 0, UDP, TTL, ...src, ...dst];
  const port = PORTS[type];
  // Geneve: one option of two words, critical; Ethernet inside (RFC 8926).  VXLAN: the VNI is valid (RFC 7348).
  const tunnel =
    type === 'geneve' ? [2, DF, 0x65, 0x58, 0, 0, 0, 0, 1, 2, 0x80, 1, 0, 0, 0, 0] : [8, 0, 0, 0, 0, 0, 0, 0];
  return Uint8Array.from([
    ...macOf(peer.mac),
    ...macOf(mac),
    ...(isV4 ? [8, 0] : [0x86, 0xdd]),
    ...network,
    ...[0, 0, port >> 8, port & 0xff, 0, 0, 0, 0],
    ...tunnel,
  ]);
}

function bytesOf(text: string): Uint8Array {
  const bytes = ipBytes(text);
  if (!bytes) throw new RangeError(`"${text}" is no IP address of a tunnel`);
  return bytes;
}

function macOf(text: string): Uint8Array {
  const bytes = macBytes(text);
  if (!bytes) throw new RangeError(`"${text}" is no Ethernet address of a tunnel`);
  return bytes;
}

const numberOf = (bytes: Uint8Array): bigint => bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);

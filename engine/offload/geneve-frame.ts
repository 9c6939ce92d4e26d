/** Frames of OVN's tunnels (RFC 8926; ovn-architecture(7), "Tunnel Encapsulations") as a rule for tunnels takes them. */
import { formatIpv4, parseIpv4 } from '../lang/addresses.ts';

export interface InnerFrame {
  /** Who sent it: the IPv4 address of the other end. */
  readonly src: string;
  readonly vni: number;
  /** The four bytes of OVN's option. */
  readonly option: number;
  readonly frame: Uint8Array;
}

const ETHERNET = 14;
const INNER = 58;

/**
 * What is inside of a frame that came by Geneve over IPv4 to this address.  Undefined for all others, and for those that
 * software treats in ways of its own: fragments, congestion, other options, lengths that do not fit.
 */
export function innerOf(frame: Uint8Array, own: string): InnerFrame | undefined {
  if (frame.length < INNER + ETHERNET) return undefined;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const length = view.getUint16(16);
  const isPlain = view.getUint16(12) === 0x800 && view.getUint8(14) === 0x45 && view.getUint8(23) === 17;
  const isWhole = (view.getUint16(20) & 0x3fff) === 0 && (view.getUint8(15) & 3) === 0;
  if (!isPlain || !isWhole || BigInt(view.getUint32(30)) !== parseIpv4(own)) return undefined;
  if (length + ETHERNET > frame.length || view.getUint16(38) !== length - 20) return undefined;
  const isGeneve = view.getUint16(36) === 6081 && view.getUint8(42) === 2 && view.getUint16(44) === 0x6558;
  if (!isGeneve || view.getUint32(50) !== 0x01028001) return undefined;
  return {
    src: formatIpv4(BigInt(view.getUint32(26))),
    vni: view.getUint32(46) >>> 8,
    option: view.getUint32(54),
    frame: frame.slice(INNER, ETHERNET + length),
  };
}

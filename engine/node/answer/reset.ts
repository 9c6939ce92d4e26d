/**
 * Ends of connections: what `tcp_reset { }`, `sctp_abort { }` and `reject { }`
 * make of a packet.  A VLAN tag is lost with TCP and SCTP.
 */
import { crc32c, setU32, u32, Writer } from './bytes.ts';
import { composeIp, fillTransportChecksum, TCP_CHECKSUM } from './compose.ts';
import { PROTO_ICMP, PROTO_ICMPV6, PROTO_SCTP, PROTO_TCP, portsOf, readIp } from './headers.ts';
import { icmpError, wayOf } from './icmp.ts';

const TTL = 63;

const RST = 0x04;
const ACK = 0x10;

/** Chunk types and the flag of ABORT that says the tag was reflected: RFC 9260 sections 3.2 and 3.3.7. */
const CHUNK_INIT = 1;
const CHUNK_ABORT = 6;
const ABORT_TAG_REFLECTED = 1;

const ICMP_UNREACHABLE4 = 3;
const ICMP_UNREACHABLE6 = 1;

/**
 * `tcp_reset { }`: RST and ACK with sequence number 0, which acknowledges one
 * more than the segment's sequence number; bytes of it that are cut off are taken for zeros, where
 * ovn-controller reads what is in memory behind the packet.  The ports change sides; `turns` says
 * whether the addresses do.
 */
export function tcpReset(frame: Uint8Array, turns = false): Uint8Array | undefined {
  const ip = readIp(frame);
  if (ip?.proto !== PROTO_TCP) return undefined;
  const { src, dst } = portsOf(frame, ip);
  const header = new Writer(20).u16(dst).u16(src);
  header.u32(0).u32(sequenceNumber(frame.subarray(ip.l4 + 4, ip.l4 + 8)) + 1);
  const payload = header
    .u16(0x5000 | RST | ACK)
    .zeros(6)
    .done();
  const way = wayOf(frame, ip, turns);
  fillTransportChecksum(way, PROTO_TCP, payload, TCP_CHECKSUM);
  return composeIp(way, PROTO_TCP, TTL, payload);
}

/** Where the packet ends before the segment does, the number is read all the same. */
function sequenceNumber(there: Uint8Array): number {
  const whole = new Uint8Array(4);
  whole.set(there);
  return u32(whole, 0);
}

/**
 * `sctp_abort { }`: an ABORT with the packet's own verification tag, or with the
 * tag that an INIT asks for (RFC 9260 section 8.4, items 3 and 8).  An ABORT is
 * not answered, nor a packet whose header is cut off; one without a chunk is.
 */
export function sctpAbort(frame: Uint8Array, turns = false): Uint8Array | undefined {
  const ip = readIp(frame);
  if (ip?.proto !== PROTO_SCTP || ip.l4 + 12 > ip.end) return undefined;
  const chunk = frame[ip.l4 + 12];
  if (chunk === CHUNK_ABORT || (chunk === CHUNK_INIT && ip.l4 + 32 > frame.length)) return undefined;
  const ownTag = u32(frame, ip.l4 + 4);
  const isReflected = ownTag !== 0 || chunk !== CHUNK_INIT;
  const { src, dst } = portsOf(frame, ip);
  const header = new Writer(16).u16(dst).u16(src);
  header.u32(isReflected ? ownTag : u32(frame, ip.l4 + 16)).u32(0);
  const payload = header
    .u8(CHUNK_ABORT)
    .u8(isReflected ? ABORT_TAG_REFLECTED : 0)
    .u16(4)
    .done();
  setU32(payload, 8, crc32c(payload, 0, payload.length));
  return composeIp(wayOf(frame, ip, turns), PROTO_SCTP, TTL, payload);
}

/**
 * `reject { }`: an RST for TCP, an ABORT for SCTP, "unreachable" for the rest,
 * back to the sender.  What is such an end itself is not answered.
 */
export function reject(frame: Uint8Array): Uint8Array | undefined {
  const ip = readIp(frame, { mayBeCut: true });
  if (!ip) return undefined;
  if (ip.proto === PROTO_TCP) return (frame[ip.l4 + 13] & RST) === 0 ? tcpReset(frame, true) : undefined;
  if (ip.proto === PROTO_SCTP) return sctpAbort(frame, true);
  const [icmp, unreachable] = ip.family === 4 ? [PROTO_ICMP, ICMP_UNREACHABLE4] : [PROTO_ICMPV6, ICMP_UNREACHABLE6];
  if (ip.proto === icmp && ip.l4 < ip.end && frame[ip.l4] === unreachable) return undefined;
  return icmpError(frame, { tellsPort: true, turns: true });
}

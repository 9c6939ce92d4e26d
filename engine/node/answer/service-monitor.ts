/**
 * Service monitors (ovn-sb(5), Service_Monitor): what asks a backend whether it
 * lives, and what `handle_svc_check` reads from its answer.
 */
import { u16, u32, Writer } from './bytes.ts';
import { composeIp, fillTransportChecksum, TCP_CHECKSUM } from './compose.ts';
import { ipSrc, PROTO_ICMP, PROTO_TCP, PROTO_UDP, readIp } from './headers.ts';

/** Between whom: the monitor's addresses and the backend's, 6 and 4 bytes each, and their ports. */
export interface MonitoredService {
  readonly ethSrc: Uint8Array;
  readonly ethDst: Uint8Array;
  readonly src: Uint8Array;
  readonly dst: Uint8Array;
  readonly srcPort: number;
  readonly dstPort: number;
}

const TTL = 63;
const WINDOW = 65160;
/** Zeros that a UDP probe carries. */
const UDP_DATA = 8;

const SYN = 0x02;
const RST = 0x04;
const ACK = 0x10;

const ICMP_UNREACHABLE = 3;
const ICMP_PORT = 3;

/** A SYN with the sequence number `sequence`. */
export function tcpProbe(service: MonitoredService, sequence: number): Uint8Array {
  return segment(service, SYN, sequence, 0);
}

/**
 * The RST that ends a connection which was accepted.  OVN counts its own
 * sequence number one too far: the number that was acknowledged, and one more.
 */
export function tcpProbeEnd(service: MonitoredService, answer: ServiceAnswer & { protocol: 'tcp' }): Uint8Array {
  return segment(service, RST | ACK, answer.acknowledged + 1, answer.sequence + 1);
}

/** A datagram of eight zeros without a checksum. */
export function udpProbe(service: MonitoredService): Uint8Array {
  const { srcPort, dstPort } = service;
  const length = 8 + UDP_DATA;
  const payload = new Writer(length).u16(srcPort).u16(dstPort).u16(length).u16(0).zeros(UDP_DATA).done();
  return composeIp(service, PROTO_UDP, TTL, payload);
}

function segment(service: MonitoredService, flags: number, sequence: number, acknowledged: number): Uint8Array {
  const header = new Writer(20).u16(service.srcPort).u16(service.dstPort).u32(sequence).u32(acknowledged);
  const payload = header
    .u16(0x5000 | flags)
    .u16(WINDOW)
    .u32(0)
    .done();
  fillTransportChecksum(service, PROTO_TCP, payload, TCP_CHECKSUM);
  return composeIp(service, PROTO_TCP, TTL, payload);
}

/** What a backend says. */
export type ServiceAnswer =
  | {
      readonly protocol: 'tcp';
      /** The backend's address (4 bytes) and port. */
      readonly ip: Uint8Array;
      readonly port: number;
      /** The monitor's port. */
      readonly monitorPort: number;
      readonly sequence: number;
      readonly acknowledged: number;
      /** SYN and ACK: it lives; RST: it does not; anything else says nothing. */
      readonly says: 'accepted' | 'refused' | 'nothing';
    }
  /** "Port unreachable" about a UDP probe: it does not live. */
  | { readonly protocol: 'udp'; readonly ip: Uint8Array; readonly port: number; readonly monitorPort: number };

/** Reads a TCP segment, or an ICMP error about a UDP probe; undefined for everything else. */
export function readServiceAnswer(frame: Uint8Array): ServiceAnswer | undefined {
  const ip = readIp(frame);
  if (ip?.family !== 4) return undefined;
  const { l4, end, proto } = ip;
  if (proto === PROTO_TCP && l4 + 20 <= end) {
    const flags = frame[l4 + 13];
    const accepted = (flags & (SYN | ACK)) === (SYN | ACK);
    return {
      protocol: 'tcp',
      ip: ipSrc(frame, ip),
      port: u16(frame, l4),
      monitorPort: u16(frame, l4 + 2),
      sequence: u32(frame, l4 + 4),
      acknowledged: u32(frame, l4 + 8),
      says: accepted ? 'accepted' : (flags & RST) !== 0 ? 'refused' : 'nothing',
    };
  }
  // The probe's IP header has no options, so its UDP header stands 20 bytes behind.
  const quoted = l4 + 8;
  if (proto !== PROTO_ICMP || quoted + 28 > end) return undefined;
  if (frame[l4] !== ICMP_UNREACHABLE || frame[l4 + 1] !== ICMP_PORT) return undefined;
  if (u16(frame, quoted + 2) !== 20 + 8 + UDP_DATA) return undefined;
  return {
    protocol: 'udp',
    ip: ipSrc(frame, ip),
    port: u16(frame, quoted + 22),
    monitorPort: u16(frame, quoted + 20),
  };
}

/** Whether a segment answers the probe with that port and sequence number. */
export function answersProbe(answer: ServiceAnswer, monitorPort: number, sequence: number): boolean {
  if (answer.monitorPort !== monitorPort) return false;
  return answer.protocol === 'udp' || answer.acknowledged === (sequence + 1) >>> 0;
}

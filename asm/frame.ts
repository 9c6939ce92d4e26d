/** From the bytes of a frame to its fields, with the meaning that Open vSwitch's flow extraction gives them. */
import { parseArp } from './arp';
import { setBe16 } from './bytes';
import { checksum } from './checksum';
import { parseEthernet, TYPE_ARP, TYPE_IP4, TYPE_IP6, TYPE_RARP } from './ethernet';
import { parseIcmp4, parseIcmp6 } from './icmp';
import { IP4_CHECKSUM, ip4HeaderLength, parseIp4 } from './ipv4';
import { parseIp6, TRANSPORT, TRANSPORT_NONE } from './ipv6';
import {
  END,
  ETH_TYPE,
  FRAG,
  L3,
  L4,
  LAYER_ICMP4,
  LAYER_ICMP6,
  LAYER_IP4,
  LAYER_TCP,
  LAYER_UDP,
  LAYERS,
  PARSED_SIZE,
  PAYLOAD,
  PROTO,
} from './layout';
import { fillSegment, verifySegment } from './segment';
import { parseSctp, parseTcp, parseUdp } from './transport';

const PROTO_ICMP4: u32 = 1;
const PROTO_TCP: u32 = 6;
const PROTO_UDP: u32 = 17;
const PROTO_ICMP6: u32 = 58;
const PROTO_SCTP: u32 = 132;

/**
 * Parses a frame of `length` bytes at `frame` into the `PARSED_SIZE` bytes at
 * `out`.  At most `tags` VLAN tags (0 to 2) are taken off; Open vSwitch takes
 * one unless its `vlan-limit` says otherwise.  Reads nothing outside the frame.
 */
export function parseFrame(frame: usize, length: u32, out: usize, tags: u32): void {
  if (parse(frame, length, out, tags)) verifySegment(frame, out);
}

/** Parses as `parseFrame` does, and sets the checksums of the IPv4 header and of a whole segment in the frame. */
export function fillChecksums(frame: usize, length: u32, out: usize, tags: u32): void {
  const whole = parse(frame, length, out, tags);
  if (load<u32>(out + LAYERS) & LAYER_IP4) {
    const header = frame + load<u32>(out + L3);
    setBe16(header + IP4_CHECKSUM, 0);
    setBe16(header + IP4_CHECKSUM, checksum(header, ip4HeaderLength(header)));
  }
  if (whole) fillSegment(frame, out);
}

/** Says whether there is a transport segment, whole, with the addresses that its checksum is made of. */
function parse(frame: usize, length: u32, out: usize, tags: u32): bool {
  memory.fill(out, 0, PARSED_SIZE);
  store<u32>(out + END, length);
  if (!parseEthernet(frame, length, out, tags)) return false;
  const type: u32 = load<u16>(out + ETH_TYPE);
  const at = load<u32>(out + L3);
  let found: u32 = TRANSPORT_NONE;
  if (type === TYPE_IP4) found = parseIp4(frame, at, length, out) ? TRANSPORT : TRANSPORT_NONE;
  else if (type === TYPE_IP6) found = parseIp6(frame, at, length, out);
  else if (type === TYPE_ARP || type === TYPE_RARP) parseArp(frame + at, length - at, out);
  if (found === TRANSPORT_NONE) return false;
  parseTransport(frame, out);
  const checked = LAYER_TCP | LAYER_UDP | LAYER_ICMP4 | LAYER_ICMP6;
  return found === TRANSPORT && load<u8>(out + FRAG) === 0 && (load<u32>(out + LAYERS) & checked) !== 0;
}

function parseTransport(frame: usize, out: usize): void {
  const l4 = load<u32>(out + L4);
  const at = frame + l4;
  const length = load<u32>(out + END) - l4;
  const header = parseHeader(load<u8>(out + PROTO), at, length, out);
  if (header !== 0) store<u32>(out + PAYLOAD, l4 + header);
}

/** Gives the length of the transport header, 0 if there is none that we know. */
function parseHeader(proto: u32, at: usize, length: u32, out: usize): u32 {
  if (proto === PROTO_TCP) return parseTcp(at, length, out);
  if (proto === PROTO_UDP) return parseUdp(at, length, out);
  if (proto === PROTO_ICMP4) return parseIcmp4(at, length, out);
  if (proto === PROTO_ICMP6) return parseIcmp6(at, length, out);
  if (proto === PROTO_SCTP) return parseSctp(at, length, out);
  return 0;
}

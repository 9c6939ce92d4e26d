/**
 * `put_dhcpv6_opts`: a DHCPv6 server (RFC 8415) that knows one client's address
 * and options.
 *
 *     | Ethernet, IPv6, UDP | type, transaction | client's identifier | options |
 */
import type { OptionValue } from '../../lang/ir.ts';
import { addWords, checksumOf, setU16, u16, u32, Writer } from './bytes.ts';
import { pseudoHeader, UDP_CHECKSUM, UDP_NEVER } from './compose.ts';
import type { Resumed } from './dhcpv4.ts';
import { type IpHeaders, ipDst, ipSrc, PROTO_UDP, readIp, udpPayload } from './headers.ts';
import { dhcpv6Options } from './options.ts';

/** Message types: RFC 8415 section 7.3. */
export const SOLICIT = 1;
export const ADVERTISE = 2;
export const REQUEST = 3;
const CONFIRM = 4;
export const RENEW = 5;
export const REBIND = 6;
export const REPLY = 7;
const DECLINE = 9;
const INFORMATION_REQUEST = 11;

/** Options: RFC 8415 section 21, RFC 3646. */
export const CLIENT_ID = 1;
export const SERVER_ID = 2;
const IA_NA = 3;
const IA_ADDRESS = 5;
const DNS_SERVERS = 23;
const DOMAIN_LIST = 24;

/** A DUID made of a link-layer address, of hardware type Ethernet: RFC 8415 section 11.4. */
export const DUID_LL = 3;
export const ETHERNET = 1;

/** "For ever", as a lifetime. */
export const INFINITY = 0xffffffff;

const replies: Readonly<Record<number, number>> = {
  [SOLICIT]: ADVERTISE,
  [REQUEST]: REPLY,
  [CONFIRM]: REPLY,
  [DECLINE]: REPLY,
  [INFORMATION_REQUEST]: REPLY,
};

/**
 * ADVERTISE for SOLICIT; REPLY for REQUEST, CONFIRM, DECLINE and
 * INFORMATION-REQUEST; nothing for the rest, for a client that does not say who
 * it is or names no association, and for options that OVN 23.03 does not know.
 */
export function dhcpv6Answer(frame: Uint8Array, options: readonly OptionValue[]): Resumed {
  const none = { frame, success: false };
  const ip = readIp(frame);
  const request = ip?.family === 6 ? readRequest(frame, ip) : undefined;
  if (!ip || !request || options.length === 0) return none;
  const reply = replies[request.type];
  if (reply === undefined || !request.clientId) return none;
  if (request.association === 0 && request.type !== INFORMATION_REQUEST) return none;
  const own = replyOptions(options, request.association);
  if (!own) return none;

  const { l3, l4 } = ip;
  const length = 8 + 4 + request.clientId.length + own.length;
  const answer = new Writer(l4 + length)
    .put(frame.subarray(0, l4 + 12))
    .put(request.clientId)
    .put(own)
    .done();
  answer[l4 + 8] = reply;
  setU16(answer, l3 + 4, length);
  setU16(answer, l4 + 4, length);
  fillUdp6Checksum(answer, ip);
  return { frame: answer, success: true };
}

/** Writes the checksum of a UDP packet over IPv6, up to the end of the frame. */
export function fillUdp6Checksum(frame: Uint8Array, ip: IpHeaders): void {
  const { l3, l4 } = ip;
  setU16(frame, l4 + UDP_CHECKSUM, 0);
  const sum = pseudoHeader(ipSrc(frame, ip), ipDst(frame, ip), PROTO_UDP, u16(frame, l3 + 4));
  setU16(frame, l4 + UDP_CHECKSUM, checksumOf(addWords(frame, l4, frame.length, sum)) || UDP_NEVER);
}

interface Request {
  type: number;
  /** The identifier of the association for addresses (IAID), 0 if the client names none. */
  association: number;
  /** The whole option. */
  clientId?: Uint8Array;
}

function readRequest(frame: Uint8Array, ip: IpHeaders): Request | undefined {
  const payload = udpPayload(frame, ip);
  if (!payload || payload.at + 4 > payload.end) return undefined;
  const request: Request = { type: frame[payload.at], association: 0 };
  const { end } = payload;
  // An association counts whatever length it gives itself; an identifier must be whole to be repeated.
  for (let at = payload.at + 4; at + 4 <= end; at += 4 + u16(frame, at + 2)) {
    const code = u16(frame, at);
    if (code === IA_NA && at + 8 <= end) request.association = u32(frame, at + 4);
    else if (code === CLIENT_ID) request.clientId = wholeOption(frame, at, end);
  }
  return request;
}

function wholeOption(frame: Uint8Array, at: number, end: number): Uint8Array | undefined {
  const next = at + 4 + u16(frame, at + 2);
  return next <= end ? frame.subarray(at, next) : undefined;
}

/** The DHCPv6 options from `from` up to `end`, as far as they are whole: `at` is the header's offset, `next` the end. */
export function* optionsIn(
  bytes: Uint8Array,
  from: number,
  end: number,
): Generator<{ code: number; at: number; next: number }> {
  let at = from;
  while (at + 4 <= end) {
    const next = at + 4 + u16(bytes, at + 2);
    if (next > end) return;
    yield { code: u16(bytes, at), at, next };
    at = next;
  }
}

function replyOptions(options: readonly OptionValue[], association: number): Uint8Array | undefined {
  const written = new Writer(128);
  for (const { code, value } of dhcpv6Options(options)) {
    switch (code) {
      case SERVER_ID:
        written.u16(SERVER_ID).u16(10).u16(DUID_LL).u16(ETHERNET).put(value);
        break;
      case IA_ADDRESS:
        if (value.length !== 16) return undefined;
        if (association === 0) break;
        written
          .u16(IA_NA)
          .u16(12 + 28)
          .u32(association)
          .u32(INFINITY)
          .u32(INFINITY);
        written.u16(IA_ADDRESS).u16(24).put(value).u32(INFINITY).u32(INFINITY);
        break;
      case DNS_SERVERS:
        written.u16(DNS_SERVERS).u16(value.length).put(value);
        break;
      case DOMAIN_LIST:
        // OVN writes the whole text as one label.
        written
          .u16(DOMAIN_LIST)
          .u16(value.length + 2)
          .u8(value.length)
          .put(value)
          .u8(0);
        break;
      default:
        return undefined;
    }
  }
  return written.done();
}

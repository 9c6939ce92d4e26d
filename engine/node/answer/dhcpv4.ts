/**
 * `put_dhcp_opts`: a DHCP server (RFC 2131) that knows one client's address and
 * options.
 *
 *     | Ethernet, IPv4, UDP | header, 236 | cookie, 4 | type, 3 | options | 4 | 255 | 4 |
 *
 * The zeros around the end option are OVN's.
 */
import type { OptionValue } from '../../lang/ir.ts';
import { setU16, setU32, u16, u32, Writer } from './bytes.ts';
import { fillIpv4Checksum } from './compose.ts';
import { PROTO_UDP, readIp } from './headers.ts';
import { BOOTFILE_NAME, BOOTFILE_NAME_ALT, dhcpv4Options, NEXT_SERVER, offeredAddress } from './options.ts';

/** What becomes of a packet that waits for an answer: the one that goes on, and the bit that the flow is given. */
export interface Resumed {
  readonly frame: Uint8Array;
  readonly success: boolean;
}

const HEADER = 236;
const COOKIE = 0x63825363;

/** Offsets in the header: RFC 2131 section 2. */
const FLAGS = 10;
const CLIENT_ADDRESS = 12;
const YOUR_ADDRESS = 16;
const NEXT_SERVER_ADDRESS = 20;

const BOOT_REQUEST = 1;
const BOOT_REPLY = 2;
const BROADCAST_FLAG = 0x8000;

/** Message types: RFC 2132 section 9.6. */
const DISCOVER = 1;
const OFFER = 2;
const REQUEST = 3;
const ACK = 5;
const NAK = 6;
const INFORM = 8;

/** Option codes. */
const PAD = 0;
const NETMASK = 1;
const REQUESTED_ADDRESS = 50;
const LEASE_TIME = 51;
const MESSAGE_TYPE = 53;
const T1 = 58;
const T2 = 59;
/** A client that boots by iPXE has its encapsulated options with it. */
const ETHERBOOT = 175;
const END = 255;

const encoded = new WeakMap<readonly OptionValue[], Uint8Array>();

/**
 * OFFER for DISCOVER, ACK for INFORM, and for REQUEST an ACK or, if it asks for
 * another address, a NAK.  DECLINE, RELEASE and whatever is malformed get none.
 */
export function dhcpv4Answer(frame: Uint8Array, options: readonly OptionValue[]): Resumed {
  let bytes = encoded.get(options);
  if (!bytes) {
    bytes = dhcpv4Options(options);
    encoded.set(options, bytes);
  }
  const offer = offeredAddress(options);
  const request = readRequest(frame);
  const none = { frame, success: false };
  if (offer === undefined || bytes.length === 0 || !request) return none;
  const type = replyType(request, offer);
  if (type === undefined) return none;
  const isInform = request.type === INFORM;
  const stored = isInform ? withoutLease(bytes) : bytes;
  const { nextServer, reply } = chooseBootfile(stored, request.isIpxe);
  const own = type === NAK ? new Uint8Array(0) : reply;

  const { l3, l4 } = request;
  const length = 8 + HEADER + 16 + own.length;
  const answer = new Writer(l4 + length).put(frame.subarray(0, l4 + 8 + HEADER));
  answer.u32(COOKIE).u8(MESSAGE_TYPE).u8(1).u8(type).put(own).zeros(4).u8(END).zeros(4);
  const out = answer.done();
  const header = l4 + 8;
  out[header] = BOOT_REPLY;
  setU32(out, header + YOUR_ADDRESS, type === NAK || isInform ? 0 : offer);
  if (type === NAK) setU32(out, header + NEXT_SERVER_ADDRESS, 0);
  else if (!isInform && nextServer !== undefined) setU32(out, header + NEXT_SERVER_ADDRESS, nextServer);
  const isBroadcast = (u16(out, header + FLAGS) & BROADCAST_FLAG) !== 0;
  setU16(out, l3 + 2, l4 - l3 + length);
  setU32(out, l3 + 16, isBroadcast ? 0xffffffff : offer);
  fillIpv4Checksum(out, l3);
  setU16(out, l4 + 4, length);
  setU16(out, l4 + 6, 0);
  return { frame: out, success: true };
}

interface Request {
  l3: number;
  l4: number;
  type: number;
  /** The address that the client asks for, or has. */
  address: number;
  isIpxe: boolean;
}

function readRequest(frame: Uint8Array): Request | undefined {
  const ip = readIp(frame);
  if (ip?.family !== 4 || ip.proto !== PROTO_UDP) return undefined;
  const { l3, l4, end } = ip;
  const header = l4 + 8;
  let at = header + HEADER + 4;
  if (at > end || frame[header] !== BOOT_REQUEST || u32(frame, at - 4) !== COOKIE) return undefined;
  const request = { l3, l4, type: 0, address: u32(frame, header + CLIENT_ADDRESS), isIpxe: false };
  while (at < end && frame[at] !== END) {
    const code = frame[at];
    if (code === PAD) {
      at++;
      continue;
    }
    const value = at + 2;
    const length = frame[at + 1];
    if (value > end || value + length > end) break;
    at = value + length;
    if (code === MESSAGE_TYPE && length === 1) request.type = frame[value];
    else if (code === REQUESTED_ADDRESS && length === 4) request.address = u32(frame, value);
    else if (code === ETHERBOOT) request.isIpxe = true;
  }
  return request;
}

function replyType({ type, address }: Request, offer: number): number | undefined {
  if (type === DISCOVER) return OFFER;
  if (type === REQUEST) return address === offer ? ACK : NAK;
  return type === INFORM ? ACK : undefined;
}

/** INFORM is told nothing of a lease: RFC 2131 section 3.4. */
function withoutLease(options: Uint8Array): Uint8Array {
  const kept = new Writer(options.length);
  for (let at = 0; at + 2 <= options.length; at += 2 + options[at + 1]) {
    const isOfLease = [NETMASK, LEASE_TIME, T1, T2].includes(options[at]);
    if (!isOfLease) kept.put(options.subarray(at, at + 2 + options[at + 1]));
  }
  return kept.done();
}

/**
 * Of two boot files iPXE is given the first, any other client the second.  The
 * walk goes on where the first ended, as OVN's does: if the second name is the
 * shorter one, iPXE's options behind it are read from within a name.
 */
function chooseBootfile(stored: Uint8Array, isIpxe: boolean): { nextServer: number | undefined; reply: Uint8Array } {
  const options = stored.slice();
  let start = 0;
  let nextServer: number | undefined;
  let isNamed = false;
  for (let at = 0; at + 2 <= options.length; at += 2 + options[at + 1]) {
    const length = 2 + options[at + 1];
    const next = at + length;
    if (options[at] === NEXT_SERVER && at + 6 <= options.length) nextServer = u32(options, at + 2);
    else if (options[at] === BOOTFILE_NAME) {
      const hasOther = at === 0 && options[next] === BOOTFILE_NAME_ALT;
      if (hasOther && !isIpxe) {
        start = length;
        options[next] = BOOTFILE_NAME;
      } else if (hasOther) {
        start = 2 + options[next + 1];
        options.set(options.slice(0, next), start);
      }
      isNamed = true;
    } else if (options[at] === BOOTFILE_NAME_ALT && !isNamed) options[at] = BOOTFILE_NAME;
  }
  return { nextServer, reply: options.subarray(start) };
}

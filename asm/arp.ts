/** ARP for IPv4 on Ethernet (RFC 826), RARP in the same form (RFC 903). */
import { be16, copyMac, mark } from './bytes';
import {
  ARP_OP,
  DST,
  LAYER_ARP,
  LAYERS,
  SHA as PARSED_SHA,
  THA as PARSED_THA,
  PROBLEM_ARP_OPERATION,
  PROBLEM_ARP_OTHER,
  PROBLEM_ARP_SHORT,
  PROBLEMS,
  SRC,
} from './layout';

/** Offsets in the message. */
const HARDWARE: u32 = 0;
const PROTOCOL: u32 = 2;
const LENGTHS: u32 = 4;
const OPERATION: u32 = 6;
const SHA: u32 = 8;
const SPA: u32 = 14;
const THA: u32 = 18;
const TPA: u32 = 24;
const MESSAGE: u32 = 28;

const HARDWARE_ETHERNET: u32 = 1;
const PROTOCOL_IP4: u32 = 0x0800;
/** Six bytes of hardware address, four of protocol address. */
const LENGTHS_ETHERNET_IP4: u32 = 0x0604;

export function parseArp(at: usize, length: u32, out: usize): void {
  if (length < MESSAGE) {
    mark(out + PROBLEMS, PROBLEM_ARP_SHORT);
    return;
  }
  if (
    be16(at + HARDWARE) !== HARDWARE_ETHERNET ||
    be16(at + PROTOCOL) !== PROTOCOL_IP4 ||
    be16(at + LENGTHS) !== LENGTHS_ETHERNET_IP4
  ) {
    mark(out + PROBLEMS, PROBLEM_ARP_OTHER);
    return;
  }
  const operation = be16(at + OPERATION);
  if (operation <= 0xff) store<u16>(out + ARP_OP, operation as u16);
  else mark(out + PROBLEMS, PROBLEM_ARP_OPERATION);
  copyMac(out + PARSED_SHA, at + SHA);
  copyMac(out + PARSED_THA, at + THA);
  store<u32>(out + SRC, load<u32>(at + SPA));
  store<u32>(out + DST, load<u32>(at + TPA));
  mark(out + LAYERS, LAYER_ARP);
}

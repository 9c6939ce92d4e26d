/** ICMP (RFC 792), ICMPv6 (RFC 4443) and neighbour discovery (RFC 4861). */
import { copyIp6, copyMac, isZeroMac, mark } from './bytes';
import {
  L4_DST,
  L4_SRC,
  LAYER_ICMP4,
  LAYER_ICMP6,
  LAYER_ND,
  LAYER_ND_SLL,
  LAYER_ND_TLL,
  LAYERS,
  ND_TARGET,
  PROBLEM_L4_SHORT,
  PROBLEM_ND_OPTION,
  PROBLEM_ND_SHORT,
  PROBLEMS,
  SHA,
  THA,
} from './layout';

/** Offsets in a message. */
const TYPE: u32 = 0;
const CODE: u32 = 1;
export const ICMP_CHECKSUM: u32 = 2;
const HEADER: u32 = 8;

/** Offsets in a neighbour solicitation or advertisement. */
const TARGET: u32 = 8;
const OPTIONS: u32 = 24;

/** Offsets in an option; its length counts in units of eight bytes. */
const OPTION_TYPE: u32 = 0;
const OPTION_LENGTH: u32 = 1;
const OPTION_MAC: u32 = 2;
const OPTION_MIN: u32 = 8;

const NEIGHBOUR_SOLICITATION: u32 = 135;
const NEIGHBOUR_ADVERTISEMENT: u32 = 136;
const SOURCE_LINK_LAYER: u32 = 1;
const TARGET_LINK_LAYER: u32 = 2;

/** Gives the length of the header, 0 if it is cut off. */
export function parseIcmp4(at: usize, length: u32, out: usize): u32 {
  return parseIcmp(at, length, out, LAYER_ICMP4);
}

/** Gives the length of the header, 0 if it is cut off. */
export function parseIcmp6(at: usize, length: u32, out: usize): u32 {
  const header = parseIcmp(at, length, out, LAYER_ICMP6);
  if (header === 0) return 0;
  const type: u32 = load<u8>(at + TYPE);
  const discovery = type === NEIGHBOUR_SOLICITATION || type === NEIGHBOUR_ADVERTISEMENT;
  if (discovery && load<u8>(at + CODE) === 0) parseDiscovery(at, length, out);
  return header;
}

function parseIcmp(at: usize, length: u32, out: usize, layer: u32): u32 {
  if (length < HEADER) {
    mark(out + PROBLEMS, PROBLEM_L4_SHORT);
    return 0;
  }
  store<u16>(out + L4_SRC, load<u8>(at + TYPE));
  store<u16>(out + L4_DST, load<u8>(at + CODE));
  mark(out + LAYERS, layer);
  return HEADER;
}

function parseDiscovery(at: usize, length: u32, out: usize): void {
  if (length < OPTIONS) {
    mark(out + PROBLEMS, PROBLEM_ND_SHORT);
    return;
  }
  copyIp6(out + ND_TARGET, at + TARGET);
  mark(out + LAYERS, LAYER_ND);
  let offset: u32 = OPTIONS;
  while (length - offset >= OPTION_MIN) {
    const size = (load<u8>(at + offset + OPTION_LENGTH) as u32) * 8;
    if (size === 0 || size > length - offset) {
      mark(out + PROBLEMS, PROBLEM_ND_OPTION);
      return;
    }
    if (size === OPTION_MIN && !parseOption(at + offset, out)) {
      forget(out);
      return;
    }
    offset += size;
  }
}

/** Says whether the option may stand: a link-layer address given twice may not. */
function parseOption(at: usize, out: usize): bool {
  const type: u32 = load<u8>(at + OPTION_TYPE);
  if (type === SOURCE_LINK_LAYER) return take(at + OPTION_MAC, out, SHA, LAYER_ND_SLL);
  if (type === TARGET_LINK_LAYER) return take(at + OPTION_MAC, out, THA, LAYER_ND_TLL);
  return true;
}

function take(mac: usize, out: usize, field: u32, layer: u32): bool {
  if (!isZeroMac(out + field)) return false;
  copyMac(out + field, mac);
  mark(out + LAYERS, layer);
  return true;
}

/** Takes back what the message said about neighbours, as Open vSwitch does where it says something twice. */
function forget(out: usize): void {
  mark(out + PROBLEMS, PROBLEM_ND_OPTION);
  store<u32>(out + LAYERS, load<u32>(out + LAYERS) & ~(LAYER_ND | LAYER_ND_SLL | LAYER_ND_TLL));
  memory.fill(out + ND_TARGET, 0, 16);
  memory.fill(out + SHA, 0, 6);
  memory.fill(out + THA, 0, 6);
}

/** Reading and copying in the order in which bytes are sent.  The caller has checked the bounds. */

export function be16(at: usize): u32 {
  return bswap<u16>(load<u16>(at));
}

export function be32(at: usize): u32 {
  return bswap<u32>(load<u32>(at));
}

export function setBe16(at: usize, value: u32): void {
  store<u16>(at, bswap<u16>(value as u16));
}

/** Copies a MAC address. */
export function copyMac(to: usize, from: usize): void {
  store<u32>(to, load<u32>(from));
  store<u16>(to + 4, load<u16>(from + 4));
}

/** Copies an IPv6 address. */
export function copyIp6(to: usize, from: usize): void {
  store<u64>(to, load<u64>(from));
  store<u64>(to + 8, load<u64>(from + 8));
}

/** Whether a MAC address is all zero. */
export function isZeroMac(at: usize): bool {
  return load<u32>(at) === 0 && load<u16>(at + 4) === 0;
}

/** Sets bits in the word at `at`. */
export function mark(at: usize, bits: u32): void {
  store<u32>(at, load<u32>(at) | bits);
}

/**
 * Internet checksums (RFC 1071): of a block, of a transport segment with its
 * pseudo header, and the change of one when a field changes (RFC 1624).
 *
 * A sum in progress is a u64 that takes the words as the memory holds them;
 * the order of bytes does not matter until `fold` (RFC 1071 section 2B).
 */

/** Adds `length` bytes at `at`; an odd last byte counts as if a zero followed it. */
export function add(start: u64, at: usize, length: u32): u64 {
  let total = start;
  const end = at + length;
  const words = end - (length & 3);
  for (; at < words; at += 4) total += load<u32>(at) as u64;
  if (length & 2) {
    total += load<u16>(at) as u64;
    at += 2;
  }
  if (length & 1) total += load<u8>(at) as u64;
  return total;
}

/** Adds a number of 16 bits that is not in memory, such as a length. */
export function addBe16(start: u64, value: u32): u64 {
  return start + (bswap<u16>(value as u16) as u64);
}

/** The checksum that belongs to a sum, as a number: what `be16` would read. */
export function fold(total: u64): u32 {
  total = (total & 0xffffffff) + (total >> 32);
  total = (total & 0xffff) + (total >> 16);
  total = (total & 0xffff) + (total >> 16);
  total = (total & 0xffff) + (total >> 16);
  return bswap<u16>(~total as u16);
}

/** The checksum of `length` bytes at `at`; 0 if they hold their own right checksum. */
export function checksum(at: usize, length: u32): u32 {
  return fold(add(0, at, length));
}

/**
 * The sum of the pseudo header: addresses of `size` bytes (4 or 16), protocol,
 * and the length of the segment (RFC 793 section 3.1, RFC 8200 section 8.1).
 */
export function pseudoHeader(src: usize, dst: usize, size: u32, proto: u32, length: u32): u64 {
  const addresses = add(add(0, src, size), dst, size);
  return addBe16(addBe16(addBe16(addresses, proto), length >> 16), length & 0xffff);
}

/** The checksum after a field of 16 bits went from `before` to `after` (RFC 1624 equation 3). */
export function update16(check: u32, before: u32, after: u32): u32 {
  let total = (~check & 0xffff) + (~before & 0xffff) + (after & 0xffff);
  total = (total & 0xffff) + (total >> 16);
  total = (total & 0xffff) + (total >> 16);
  return ~total & 0xffff;
}

/** The same for a field of 32 bits that begins on an even byte. */
export function update32(check: u32, before: u32, after: u32): u32 {
  return update16(update16(check, before >> 16, after >> 16), before & 0xffff, after & 0xffff);
}

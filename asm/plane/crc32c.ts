/** CRC32c, the checksum of SCTP (RFC 9260 appendix A), as the number that little-endian memory holds. */

/** The polynomial 0x1edc6f41 with its bits reversed. */
const POLYNOMIAL: u32 = 0x82f63b78;
const TABLE: usize = memory.data(1024, 64);

let ready: bool = false;

/** The checksum of `length` bytes at `at`, of which the four at `hole` (an offset) count as zero. */
export function crc32cWithout(at: usize, length: u32, hole: u32): u32 {
  if (!ready) fillTable();
  let crc: u32 = 0xffffffff;
  for (let i: u32 = 0; i < length; i++) {
    // Offsets before the hole wrap around to large numbers.
    const byte: u32 = i - hole < 4 ? 0 : load<u8>(at + i);
    crc = load<u32>(TABLE + (((crc ^ byte) & 0xff) << 2)) ^ (crc >> 8);
  }
  return ~crc;
}

function fillTable(): void {
  for (let i: u32 = 0; i < 256; i++) {
    let crc = i;
    for (let bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
    store<u32>(TABLE + (i << 2), crc);
  }
  ready = true;
}

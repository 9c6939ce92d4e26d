/**
 * Lists of backends that datapath programs refer to by address: count, then
 * 24 bytes each (layout.ts, DP_CT).  Equal lists are one.  They outlive the image that they
 * come from, because programs do; when there is no room left, all programs have
 * to go before there is again.
 */
import { reserve } from './arena';
import { CT_BACKEND_WORDS } from './image';

const BUCKETS: u32 = 1024;
const BYTES: usize = 1 << 22;

let region: usize = 0;
let used: usize = 0;
let full: bool = false;

/** Address of the list with this content, `CT_BACKEND_WORDS` each; 0 if there is no room. */
export function backendList(from: usize, count: u32): u32 {
  const bytes = <usize>count * CT_BACKEND_WORDS * 4;
  if (!region) {
    region = reserve(BYTES);
    if (!region) return 0;
    used = <usize>BUCKETS * 4;
  }
  const bucket = region + <usize>(hash(from, bytes) & (BUCKETS - 1)) * 4;
  // An entry: next entry in the bucket, then the list.
  for (let entry = <usize>load<u32>(bucket); entry; entry = <usize>load<u32>(entry)) {
    if (load<u32>(entry, 4) === count && memory.compare(entry + 8, from, bytes) === 0) return <u32>entry + 4;
  }
  if (used + bytes + 8 > BYTES) {
    full = true;
    return 0;
  }
  const entry = region + used;
  used += bytes + 8;
  store<u32>(entry, load<u32>(bucket));
  store<u32>(entry, count, 4);
  memory.copy(entry + 8, from, bytes);
  store<u32>(bucket, <u32>entry);
  return <u32>entry + 4;
}

/** There was no room for a list: drop all megaflows and connections' programs, then call `clearBackends`. */
export function backendsFull(): bool {
  return full;
}

/** Forgets all lists.  No program that refers to one may be left. */
export function clearBackends(): void {
  if (region) memory.fill(region, 0, <usize>BUCKETS * 4);
  used = <usize>BUCKETS * 4;
  full = false;
}

function hash(from: usize, bytes: usize): u32 {
  let h: u32 = 0x811c9dc5;
  for (let i: usize = 0; i < bytes; i += 4) {
    h = (h ^ load<u32>(from + i)) * 0x9e3779b1;
    h ^= h >> 15;
  }
  return h;
}

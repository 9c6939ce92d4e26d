/**
 * Memory of the packet plane: regions, given out from the end of the static
 * data upwards.
 *
 *     reserve(bytes): address       a region, all zero
 *     giveBack(address, bytes)      what was reserved may be reserved anew
 *
 * Most regions are kept for ever, and what comes and goes quickly
 * (connections, megaflows, blocks) manages a region of its own.  Program images
 * that have grown and captures are given back: what lies between others waits
 * in a list for the next that it has room for, what lies at the end is taken
 * off the end.
 *
 * A region that waits begins with the address of the next one, 0 if it is the
 * last, and its own size, both u32.  The list is in the order of addresses, and
 * neighbours in it are one region.
 */

/** Where the next region begins; multiple of 64. */
let next: usize = (__heap_base + 63) & ~63;
/** Bytes from here on were never given out: they are zero. */
let fresh: usize = next;
/** The first region that waits. */
let first: usize = 0;

const SIZE: usize = 4;

/** A region of `bytes`, on a cache line's start, all zero.  0 if there is no memory left. */
export function reserve(bytes: usize): usize {
  const size = (bytes + 63) & ~63;
  if (size < bytes) return 0;
  const again = takeWaiting(size);
  if (again !== 0) return again;
  const at = next;
  const end = at + size;
  if (end < at) return 0;
  const pages = ((end + 0xffff) >> 16) as i32;
  const more = pages - memory.size();
  if (more > 0 && memory.grow(more) < 0) return 0;
  if (at < fresh) memory.fill(at, 0, (end < fresh ? end : fresh) - at);
  if (end > fresh) fresh = end;
  next = end;
  return at;
}

/** Bytes given out so far, static data and regions that wait included. */
export function reserved(): usize {
  return next;
}

/** Takes a region back that `reserve` gave for so many bytes. */
export function giveBack(at: usize, bytes: usize): void {
  const size = (bytes + 63) & ~63;
  if (size === 0) return;
  assert((at & 63) === 0 && at >= __heap_base && at + size <= next);
  let before: usize = 0;
  let after = first;
  while (after !== 0 && after < at) {
    before = after;
    after = load<u32>(after);
  }
  assert(after === 0 || at + size <= after);
  assert(before === 0 || before + load<u32>(before, SIZE) <= at);
  store<u32>(at, after as u32);
  store<u32>(at, size as u32, SIZE);
  if (before === 0) first = at;
  else store<u32>(before, at as u32);
  join(at);
  if (before !== 0) join(before);
  dropLast();
}

/** Makes a region that waits one with the next, if they touch. */
function join(at: usize): void {
  const after: usize = load<u32>(at);
  const size = load<u32>(at, SIZE);
  if (after === 0 || at + size !== after) return;
  store<u32>(at, load<u32>(after));
  store<u32>(at, size + load<u32>(after, SIZE), SIZE);
}

/** Takes the last region that waits off the end, if it lies there. */
function dropLast(): void {
  let before: usize = 0;
  let last = first;
  while (load<u32>(last) !== 0) {
    before = last;
    last = load<u32>(last);
  }
  if (last + load<u32>(last, SIZE) !== next) return;
  next = last;
  if (before === 0) first = 0;
  else store<u32>(before, 0);
}

/** The first part of the smallest region that waits and has room for `size`; 0 if none has. */
function takeWaiting(size: usize): usize {
  if (size === 0) return 0;
  let best: usize = 0;
  let beforeBest: usize = 0;
  let before: usize = 0;
  for (let at = first; at !== 0; at = load<u32>(at)) {
    const room: usize = load<u32>(at, SIZE);
    if (room >= size && (best === 0 || room < (load<u32>(best, SIZE) as usize))) {
      best = at;
      beforeBest = before;
    }
    before = at;
  }
  if (best === 0) return 0;
  let rest: usize = load<u32>(best);
  const room: usize = load<u32>(best, SIZE);
  if (room > size) {
    const left = best + size;
    store<u32>(left, rest as u32);
    store<u32>(left, (room - size) as u32, SIZE);
    rest = left;
  }
  if (beforeBest === 0) first = rest;
  else store<u32>(beforeBest, rest as u32);
  memory.fill(best, 0, size);
  return best;
}

/**
 * Memory of the packet plane: given out from the end of the static data
 * upwards, and never given back.  What comes and goes (program images,
 * connections, megaflows) manages a region of its own.
 */

/** Where the next region begins; multiple of 64. */
let next: usize = (__heap_base + 63) & ~63;

/** A region of `bytes`, on a cache line's start, all zero.  0 if there is no memory left. */
export function reserve(bytes: usize): usize {
  const at = next;
  const end = (at + bytes + 63) & ~63;
  if (end < at) return 0;
  const pages = ((end + 0xffff) >> 16) as i32;
  const more = pages - memory.size();
  if (more > 0 && memory.grow(more) < 0) return 0;
  next = end;
  return at;
}

/** Bytes given out so far, static data included. */
export function reserved(): usize {
  return next;
}

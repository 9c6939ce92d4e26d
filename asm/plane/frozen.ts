/**
 * Frozen packets: metadata (words 22 to 31 of the flow) and the place where a
 * packet goes on after connection tracking, or after the host was asked.  Equal
 * ones are one: a RECIRC number stands for the content.
 *
 * A record, 96 bytes:
 *
 *      0 | next record in the bucket | 4 RECIRC number, 0 if unused
 *      8 | RESUME_... (1 bit), pipeline (1), table (14), word within the flow's code (16) | 12 flow number
 *     16 | words 22 to 31
 *
 * There are RECORDS of them; then the oldest make room.  A number never comes
 * to mean something else before 2^17 others were made in its place; a number that is
 * no more is not found, and what it led to has to be translated again.
 */
import { reserve } from './arena';
import { KEY_WORDS } from './layout';

const INDEX_BITS: u32 = 15;
const RECORDS: u32 = 1 << INDEX_BITS;
const BUCKETS: u32 = RECORDS;
const SIZE: u32 = 96;
const METADATA: usize = 80;

let records: usize = 0;
let buckets: usize = 0;
let next: u32 = 0;

/** Where metadata of a frozen packet is: words 22 to 31. */
export function frozenMetadata(record: usize): usize {
  return record + 16;
}

/** RESUME_... | pipeline << 1 | table << 2 | word of the flow's code << 16. */
export function frozenPlace(record: usize): u32 {
  return load<u32>(record, 8);
}

/** Number of the flow whose code goes on, of RESUME_CODE. */
export function frozenFlow(record: usize): u32 {
  return load<u32>(record, 12);
}

/** The record with that RECIRC number; 0 if it is no more. */
export function findFrozen(id: u32): usize {
  if (!records || !id) return 0;
  const record = at(id & (RECORDS - 1));
  return load<u32>(record, 4) === id ? record : 0;
}

/** RECIRC number of this flow's metadata with this place; at most 2^32 - 1, never 0. */
export function freeze(flow: usize, place: u32, number: u32): u32 {
  if (!records) create();
  const metadata = flow + KEY_WORDS * 8;
  const bucket = buckets + <usize>(hash(metadata, place, number) & (BUCKETS - 1)) * 4;
  for (let i = load<u32>(bucket); i; i = load<u32>(at(i - 1))) {
    const record = at(i - 1);
    if (
      load<u32>(record, 8) === place &&
      load<u32>(record, 12) === number &&
      memory.compare(record + 16, metadata, METADATA) === 0
    ) {
      return load<u32>(record, 4);
    }
  }
  const index = next;
  next = (next + 1) & (RECORDS - 1);
  const record = at(index);
  const old = load<u32>(record, 4);
  if (old) unlink(index, record);
  // The generation stands above the index; it is never 0.
  let generation = (old >> INDEX_BITS) + 1;
  if (generation >= 1 << (32 - INDEX_BITS)) generation = 1;
  const id = (generation << INDEX_BITS) | index;
  store<u32>(record, load<u32>(bucket));
  store<u32>(record, id, 4);
  store<u32>(record, place, 8);
  store<u32>(record, number, 12);
  memory.copy(record + 16, metadata, METADATA);
  store<u32>(bucket, index + 1);
  return id;
}

/**
 * RECIRC number of the same place with the metadata of another flow: what the host
 * resumes a packet with after it has put in a result.  0 if the number is no more.
 */
export function refreeze(id: u32, flow: usize): u32 {
  const record = findFrozen(id);
  return record ? freeze(flow, frozenPlace(record), frozenFlow(record)) : 0;
}

function create(): void {
  records = reserve(<usize>RECORDS * SIZE);
  buckets = reserve(<usize>BUCKETS * 4);
  if (!records || !buckets) unreachable();
}

function at(index: u32): usize {
  return records + <usize>index * SIZE;
}

function unlink(index: u32, record: usize): void {
  let link = buckets + <usize>(hash(record + 16, load<u32>(record, 8), load<u32>(record, 12)) & (BUCKETS - 1)) * 4;
  while (load<u32>(link) !== index + 1) link = at(load<u32>(link) - 1);
  store<u32>(link, load<u32>(record));
}

function hash(metadata: usize, place: u32, number: u32): u32 {
  let h: u64 = ((<u64>place) << 32) | number;
  for (let i: usize = 0; i < METADATA; i += 8) {
    h = (h ^ load<u64>(metadata + i)) * (((<u64>0x9e3779b9) << 32) | 0x7f4a7c15);
    h ^= h >> 29;
  }
  return <u32>(h >> 32);
}

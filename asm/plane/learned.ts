/**
 * What flows ask and learn while packets pass: neighbours (MAC_Binding), MAC
 * addresses of ports (FDB), sessions with a backend, hairpinned connections and
 * next hops of connections.  The host puts in what the southbound database and its
 * controller know.  One hash table holds all, by open addressing; a slot, 64 bytes:
 *
 *      0 | kind (8 bits: LEARNED_...), datapath (16), protocol (8), port key or port (32); 0 for a free slot
 *      8 | rest of the key: 4 words
 *     40 | value: 2 words
 *     56 | milliseconds of the engine's clock when it ends, 0 for never
 *     60 | seconds to live after it was last asked for (16 bits), 0 for ever | 62 a third value (16)
 *
 *     kind       | port                | rest of the key                   | value
 *     NEIGHBOR   | port key            | address (2), family (4 or 6)      | MAC address
 *     FDB        |                     | MAC address                       | port key
 *     AFFINITY   | of the service      | client (2), service (2)           | backend: address (2), port as third
 *     HAIRPIN    | of the backend      | backend (2), who called (2)       |
 *     NEXT_HOP   | source, destination | source (2), destination (2)       | MAC address
 *
 * IPv4 addresses stand in the low half of the second word of two.  Of each kind
 * but NEIGHBOR a datapath that has any entry has one more, all of whose
 * key is zero: who asks for that first need not look at the packet where there are none.
 *
 * Every question leaves a bit in TAGS, so that the megaflows that depend on an
 * answer can be found when it changes.
 */
import { reserve } from './arena';
import { now } from './clock';

const SLOTS: u32 = 1 << 17;
/** More are not learned. */
const MAX_ENTRIES: u32 = 100_000;
const SIZE: usize = 64;

let slots: usize = 0;
let count: u32 = 0;
let changed: u64 = 0;
/** How often something was learned, or forgotten: as long as it stays, what translations asked for holds. */
export let learnedChanges: u32 = 0;
let sweep: u32 = 0;

/** Questions asked since `clearTags`: one bit each. */
let tags: u64 = 0;

/**
 * Tags of answers that live on as long as they are asked for.  Megaflows that got one serve
 * packets without asking, so they go after an eighth of its life, but not within a second: the
 * next packet asks again, and what no packet needs ends in time.
 */
let served: u64 = 0;
let askAgain: u32 = 0;

/** The key to look for or to put: 5 words; see `key`. */
const KEY: usize = memory.data(40, 8);

export function clearTags(): void {
  tags = 0;
}

export function askedTags(): u64 {
  return tags;
}

/** Tags of what changed since the last call, or has to be asked for again: megaflows that have one of them must go. */
export function takeChangedTags(): u64 {
  if (served && <i32>(now - askAgain) >= 0) {
    changed |= served;
    served = 0;
  }
  const all = changed;
  changed = 0;
  return all;
}

/** Prepares a key for `ask`, `learn` and `forget`. */
export function key(kind: u32, datapath: u32, protocol: u32, port: u32, a: u64, b: u64, c: u64, d: u64): void {
  store<u64>(KEY, ((<u64>kind) << 56) | ((<u64>(datapath & 0xffff)) << 40) | ((<u64>(protocol & 0xff)) << 32) | port);
  store<u64>(KEY, a, 8);
  store<u64>(KEY, b, 16);
  store<u64>(KEY, c, 24);
  store<u64>(KEY, d, 32);
}

/** Address of the value of what is known under the key, 0 if nothing is.  Leaves a tag. */
export function ask(): usize {
  const h = hash(KEY);
  tags |= (<u64>1) << (h >> 58);
  const slot = find(h);
  if (!slot || load<u64>(slot) === 0) return 0;
  const ends = load<u32>(slot, 56);
  if (ends && <i32>(ends - now) <= 0) return 0;
  const life = <u32>load<u16>(slot, 60);
  if (life) {
    store<u32>(slot, end(life), 56);
    noteServed((<u64>1) << (h >> 58), life);
  }
  return slot + 40;
}

/** Megaflows with this tag are going to serve packets by an answer that lives so many seconds. */
function noteServed(tag: u64, life: u32): void {
  const again = now + max<u32>(1000, life * 125);
  if (!served || <i32>(again - askAgain) < 0) askAgain = again;
  served |= tag;
}

/**
 * Puts a value of three under the key.  `seconds` is how long it stays known after it was last
 * asked for, 0 for ever.  False if there is no room.
 */
export function learn(value: u64, more: u64, third: u32, seconds: u32): bool {
  if (!slots) {
    slots = reserve(<usize>SLOTS * SIZE);
    if (!slots) return false;
  }
  const h = hash(KEY);
  const slot = find(h);
  if (load<u64>(slot) === 0) {
    if (count >= MAX_ENTRIES) return false;
    count++;
    memory.copy(slot, KEY, 40);
    noteChanged(h);
  } else if (load<u64>(slot, 40) !== value || load<u64>(slot, 48) !== more || <u32>load<u16>(slot, 62) !== third) {
    noteChanged(h);
  }
  store<u64>(slot, value, 40);
  store<u64>(slot, more, 48);
  store<u32>(slot, seconds ? end(seconds) : 0, 56);
  if (seconds) {
    // Whoever commits again also keeps it alive.
    tags |= (<u64>1) << (h >> 58);
    noteServed((<u64>1) << (h >> 58), seconds);
  }
  store<u16>(slot, <u16>seconds, 60);
  store<u16>(slot, <u16>third, 62);
  return true;
}

/** When something ends that lives for so many seconds from now on; never 0. */
function end(seconds: u32): u32 {
  return (now + seconds * 1000) | 1;
}

/** Forgets what is known under the key. */
export function forget(): void {
  const h = hash(KEY);
  const slot = find(h);
  if (slot && load<u64>(slot) !== 0) remove(<u32>((slot - slots) / SIZE));
}

/** Forgets all of a kind, of one datapath or of all (`datapath` 0xffffffff). */
export function forgetAll(kind: u32, datapath: u32): void {
  if (!slots) return;
  let i: u32 = 0;
  while (i < SLOTS) {
    const head = load<u64>(slots + <usize>i * SIZE);
    const isIt =
      head !== 0 &&
      <u32>(head >> 56) === kind &&
      (datapath === u32.MAX_VALUE || (<u32>(head >> 40) & 0xffff) === datapath);
    // What moves up into the slot is looked at next.
    if (isIt) remove(i);
    else i++;
  }
}

/** Goes on forgetting what has ended, `budget` slots at a time. */
export function forgetEnded(budget: u32): void {
  if (!slots) return;
  for (let i: u32 = 0; i < budget; i++) {
    const slot = slots + <usize>sweep * SIZE;
    const ends = load<u32>(slot, 56);
    if (load<u64>(slot) !== 0 && ends && <i32>(ends - now) <= 0) remove(sweep);
    else sweep = (sweep + 1) & (SLOTS - 1);
  }
}

export function learnedCount(): u32 {
  return count;
}

/** The slot behind slot `after` (0 at first) that is in use; 0 at the end.  For the host's listings. */
export function nextLearned(after: usize): usize {
  if (!slots) return 0;
  let slot = after ? after + SIZE : slots;
  const end = slots + <usize>SLOTS * SIZE;
  while (slot < end && load<u64>(slot) === 0) slot += SIZE;
  return slot < end ? slot : 0;
}

function hash(at: usize): u64 {
  let h: u64 = 0x1a85ec53;
  for (let i: usize = 0; i < 40; i += 8) {
    h = (h ^ load<u64>(at + i)) * (((<u64>0x9e3779b9) << 32) | 0x7f4a7c15);
    h ^= h >> 31;
  }
  return h * (((<u64>0xbf58476d) << 32) | 0x1ce4e5b9);
}

/** What stands under a key of this hash is not what it was. */
function noteChanged(h: u64): void {
  changed |= (<u64>1) << (h >> 58);
  learnedChanges += 1;
}

/** The slot with the key, or the free one where it belongs; 0 if there is no table yet. */
function find(h: u64): usize {
  if (!slots) return 0;
  let i = <u32>(h >> 20) & (SLOTS - 1);
  // At least a quarter of the slots is free, so this ends.
  while (true) {
    const slot = slots + <usize>i * SIZE;
    if (load<u64>(slot) === 0 || memory.compare(slot, KEY, 40) === 0) return slot;
    i = (i + 1) & (SLOTS - 1);
  }
}

/** Frees a slot; those behind it that would no longer be found move up. */
function remove(index: u32): void {
  let hole = index;
  noteChanged(hash(slots + <usize>hole * SIZE));
  let i = hole;
  while (true) {
    i = (i + 1) & (SLOTS - 1);
    const slot = slots + <usize>i * SIZE;
    if (load<u64>(slot) === 0) break;
    const home = <u32>(hash(slot) >> 20) & (SLOTS - 1);
    if (((i - home) & (SLOTS - 1)) < ((i - hole) & (SLOTS - 1))) continue;
    memory.copy(slots + <usize>hole * SIZE, slot, SIZE);
    hole = i;
  }
  memory.fill(slots + <usize>hole * SIZE, 0, SIZE);
  count--;
}

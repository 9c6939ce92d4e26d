/**
 * The table of connections: storage, keys, look-up by either direction, zones,
 * and the two lists that eviction takes from.
 *
 * A connection has a number.  Its pulse is all that a packet needs which a cache
 * knows by heart: 8 bytes, so that those of many connections stay near.  Its hot
 * line holds what a look-up needs, its cold line the rest, and a third line the
 * addresses of IPv6; these are 64 bytes at `number * 64` of a region each, so a
 * million connections take 208 MB, of which 136 MB are touched by IPv4.
 *
 * Both directions stand in one hash table of 32-bit chains.  A link is
 * `number * 2 + direction + 1`, 0 ends a chain.  Which cache line a chain begins
 * in depends on addresses and ports alone, in either order: packets are looked up
 * in one zone after the other, and what is not translated has both its
 * directions there.
 *
 *     pulse 0 | VERSION                        | EXPIRES (ms)                     |
 *     hot   0 | -                              | -                                |
 *           8 | ZONE (16) PROTO (8) FAMILY (8) | MARK                             |
 *          16 | NEXT of direction 0            | NEXT of direction 1              |
 *          24 | addresses of direction 0: source << 32 | destination              |
 *          32 | addresses of direction 1                                          |
 *          40 | ports of direction 0           | ports of direction 1             |
 *          48 | STATE x 2 (8)  SCALE x 2 (8)   | WINDOW x 2 (16)                  |
 *          56 | KIND (8) RANK (8)              | -                                |
 *     cold  0 | SEQ_LOW of 0, of 1, SEQ_HIGH of 0, of 1 (TCP)                     |
 *          16 | label: high word, low word                                        |
 *          32 | wheel: three words (expiry.ts), then rank list: next, previous    |
 *     six   0 | source of direction 0, destination of direction 0,                |
 *          32 | source of direction 1, destination of direction 1; high word first|
 *
 * The addresses of IPv6 in the hot line are digests, so that one comparison
 * tells most keys apart.  Ports are `source << 16 | destination`; of ICMP,
 * `identifier << 16 | kind of query << 1 | 1 for an answer`; of protocols
 * without ports, 0.
 */
import { reserve } from './arena';
import { now } from './clock';
import { createWheel, joinWheel, leaveWheel } from './expiry';

export const VERSION: usize = 0;
export const EXPIRES: usize = 4;
/** Zone, protocol and family, compared as one. */
export const ID: usize = 8;
export const ZONE: usize = 8;
export const PROTO: usize = 10;
export const MARK: usize = 12;
export const NEXT: usize = 16;
export const ADDRESSES: usize = 24;
export const PORTS: usize = 40;
export const STATE: usize = 48;
export const SCALE: usize = 50;
export const WINDOW: usize = 52;
export const KIND: usize = 56;
export const RANK: usize = 57;

export const SEQ_LOW: usize = 0;
export const SEQ_HIGH: usize = 8;
export const LABEL: usize = 16;
const WHEEL: usize = 32;
const RANK_NEXT: usize = 44;
const RANK_PREVIOUS: usize = 48;

/** Bits of KIND. */
export const LIVE: u8 = 1;
export const NATS_SRC: u8 = 2;
export const NATS_DST: u8 = 4;
export const LABELLED: u8 = 8;
/** Its source is translated to what it is: only senders of related errors change. */
export const UNCHANGED: u8 = 32;
/** Hardware handles its packets, so that sequence numbers are not known here. */
export const CARRIED: u8 = 64;
/** It is over, but its replies' tuple is not to be given to others yet. */
const LINGERS: u8 = 16;

/** Who may be evicted, the least valuable first; what is established may not. */
export const RANK_CLOSED: u8 = 0;
export const RANK_UNANSWERED: u8 = 1;
export const RANK_ESTABLISHED: u8 = 2;

/** Bit of ID: the family is IPv6. */
export const ID_V6: u32 = 1 << 24;

export const PROTO_ICMP: u32 = 1;
export const PROTO_TCP: u32 = 6;
export const PROTO_UDP: u32 = 17;
export const PROTO_ICMP6: u32 = 58;

/** Odd multipliers whose products mix well. */
const MIX_FIRST: u64 = ((0xff51afd7 as u64) << 32) | 0xed558ccd;
const MIX_SECOND: u64 = ((0xc4ceb9fe as u64) << 32) | 0x1a85ec53;

const LINE: usize = 64;
/** Chains that begin in one line. */
const LINE_HEADS: u32 = 16;
const NONE: u32 = 0xffffffff;

let pulses: usize = 0;
let hotLines: usize = 0;
let coldLines: usize = 0;
let sixLines: usize = 0;
let heads: usize = 0;
/** Bits of the number of a line's first head. */
let lineMask: u32 = 0;
/** Takes what was read only to have it near. */
export let nearChains: u32 = 0;
let capacity: u32 = 0;
/** Numbers below were in use at least once. */
let fresh: u32 = 0;
/** Number + 1 of the first that is free again; linked by NEXT. */
let freed: u32 = 0;
let live: u32 = 0;
let seed: u64 = MIX_FIRST;

/** Zones: connections (u32), most that are allowed (u32, 0 for any number). */
let zones: usize = 0;
/** For each rank that may be evicted: number + 1 of its oldest and its youngest. */
const ranks: usize = memory.data(16, 16);

/*
 * The key of the packet that is being looked up.
 */
export let keyAddresses: u64 = 0;
export let keyPorts: u32 = 0;
export let keyId: u32 = 0;
/** Source and destination of IPv6, high words first. */
export const KEY6: usize = memory.data(32, 16);

/**
 * Makes the table for at most `max` connections; they begin with none.  False
 * if there is not enough memory.  To be called once.
 */
export function createTable(max: u32): bool {
  let size: u32 = 1024;
  while (size < max * 2 && size < 1 << 28) size <<= 1;
  pulses = reserve((<usize>max) << 3);
  hotLines = reserve(<usize>max * LINE);
  coldLines = reserve(<usize>max * LINE);
  sixLines = reserve(<usize>max * LINE);
  heads = reserve((size as usize) * 4);
  zones = reserve(65536 * 8);
  if (pulses === 0 || hotLines === 0 || coldLines === 0 || sixLines === 0 || heads === 0 || zones === 0) return false;
  createWheel(coldLines + WHEEL);
  lineMask = (size - 1) & ~(LINE_HEADS - 1);
  capacity = max;
  return true;
}

/** Makes the hash unpredictable: bits that whoever sends packets does not know. */
export function seedTable(low: u32, high: u32): void {
  seed = ((high as u64) << 32) | (low as u64) | 1;
}

/** Connections there is room for. */
export function tableCapacity(): u32 {
  return capacity;
}

/** Connections there are. */
export function tableCount(): u32 {
  return live;
}

/** Address of a connection's version and of when its time is over. */
export function pulse(conn: u32): usize {
  assert(conn < capacity);
  return pulses + ((<usize>conn) << 3);
}

/** Address of a connection's hot line. */
export function hot(conn: u32): usize {
  assert(conn < capacity);
  return hotLines + ((<usize>conn) << 6);
}

/** Address of a connection's cold line. */
export function cold(conn: u32): usize {
  assert(conn < capacity);
  return coldLines + ((<usize>conn) << 6);
}

/** Address of the IPv6 addresses of a direction: source and destination, 16 bytes each. */
export function six(conn: u32, direction: u32): usize {
  assert(conn < capacity && direction < 2);
  return sixLines + ((<usize>conn) << 6) + ((<usize>direction) << 5);
}

/** Whether the number is that of a connection, and not of one that is over or gone. */
export function isLive(conn: u32): bool {
  return conn < fresh && (load<u8>(hot(conn), KIND) & (LIVE | LINGERS)) === LIVE;
}

/** Whether the connection is over and still in the table. */
export function isLingering(conn: u32): bool {
  return (load<u8>(hot(conn), KIND) & LINGERS) !== 0;
}

/** Whether the number is in the table at all. */
export function isInTable(conn: u32): bool {
  return conn < fresh && (load<u8>(hot(conn), KIND) & LIVE) !== 0;
}

/** Whether its time is over: then it is as if it were not there. */
export function isExpired(conn: u32): bool {
  return ((now - load<u32>(pulse(conn), EXPIRES)) as i32) >= 0;
}

/** Whether a connection is what it was as of that version, and its time is not over. */
export function isCurrent(conn: u32, version: u32): bool {
  return load<u32>(pulse(conn), VERSION) === version && !isExpired(conn);
}

export function addressesOf(conn: u32, direction: u32): u64 {
  return load<u64>(hot(conn) + ((<usize>direction) << 3), ADDRESSES);
}

export function portsOf(conn: u32, direction: u32): u32 {
  return load<u32>(hot(conn) + ((<usize>direction) << 2), PORTS);
}

/** What connections' caches rely on changed: whoever remembered it has to look again. */
export function changed(conn: u32): void {
  const at = pulse(conn);
  store<u32>(at, load<u32>(at, VERSION) + 1, VERSION);
}

/** The same ports for a packet of the other direction. */
export function reversedPorts(id: u32, ports: u32): u32 {
  const proto = (id >> 16) & 0xff;
  return proto === PROTO_ICMP || proto === PROTO_ICMP6 ? ports ^ 1 : rotl<u32>(ports, 16);
}

/** Sets the key to a packet of IPv4: addresses are `source << 32 | destination`. */
export function setKey4(zone: u32, proto: u32, addresses: u64, ports: u32): void {
  keyId = zone | (proto << 16);
  keyAddresses = addresses;
  keyPorts = ports;
}

/** Sets the key to a packet of IPv6. */
export function setKey6(zone: u32, proto: u32, src0: u64, src1: u64, dst0: u64, dst1: u64, ports: u32): void {
  keyId = zone | (proto << 16) | ID_V6;
  store<u64>(KEY6, src0);
  store<u64>(KEY6, src1, 8);
  store<u64>(KEY6, dst0, 16);
  store<u64>(KEY6, dst1, 24);
  keyPorts = ports;
  digestKey();
}

/** Makes the digest again after the addresses of IPv6 were changed. */
export function digestKey(): void {
  const src = digest(load<u64>(KEY6), load<u64>(KEY6, 8));
  const dst = digest(load<u64>(KEY6, 16), load<u64>(KEY6, 24));
  keyAddresses = ((src as u64) << 32) | (dst as u64);
}

/** Gives the key other ports; for IPv4 also other addresses. */
export function changeKey(addresses: u64, ports: u32): void {
  if (!(keyId & ID_V6)) keyAddresses = addresses;
  keyPorts = ports;
}

/** Turns the key into that of a packet in the other direction. */
export function reverseKey(): void {
  keyAddresses = rotl<u64>(keyAddresses, 32);
  keyPorts = reversedPorts(keyId, keyPorts);
  if (keyId & ID_V6) {
    const high = load<u64>(KEY6);
    const low = load<u64>(KEY6, 8);
    store<u64>(KEY6, load<u64>(KEY6, 16));
    store<u64>(KEY6, load<u64>(KEY6, 24), 8);
    store<u64>(KEY6, high, 16);
    store<u64>(KEY6, low, 24);
  }
}

/** Sets the key to what packets of this direction of a connection look like. */
export function setKeyOf(conn: u32, direction: u32): void {
  keyId = load<u32>(hot(conn), ID);
  keyAddresses = addressesOf(conn, direction);
  keyPorts = portsOf(conn, direction);
  if (keyId & ID_V6) memory.copy(KEY6, six(conn, direction), 32);
}

function digest(high: u64, low: u64): u32 {
  let mixed = (high ^ seed) * MIX_FIRST;
  mixed = ((mixed ^ (mixed >> 32)) + low) * MIX_SECOND;
  return (mixed ^ (mixed >> 32)) as u32;
}

/** The hash of addresses, ports, and zone, protocol and family. */
export function hashOf(addresses: u64, ports: u32, id: u32): u32 {
  let mixed = (addresses ^ seed) * MIX_FIRST;
  mixed = ((mixed ^ (mixed >> 32)) + (((ports as u64) << 32) | (id as u64))) * MIX_SECOND;
  return (mixed ^ (mixed >> 32)) as u32;
}

/** Where the chain of these addresses, ports, and zone, protocol and family begins. */
function chainOf(addresses: u64, ports: u32, id: u32): usize {
  const turned = rotl<u64>(addresses, 32);
  const isTurned = turned > addresses;
  const line = lineHash(isTurned ? turned : addresses, isTurned ? rotl<u32>(ports, 16) : ports, id);
  const place = ((line >> 32) as u32) ^ (id * 5) ^ (isTurned ? 8 : 0);
  return heads + (((<u32>line & lineMask) | (place & (LINE_HEADS - 1))) << 2);
}

function lineHash(addresses: u64, ports: u32, id: u32): u64 {
  let mixed = (addresses ^ seed) * MIX_FIRST;
  mixed = ((mixed ^ (mixed >> 32)) + (((ports as u64) << 32) | ((id >> 16) as u64))) * MIX_SECOND;
  return mixed ^ (mixed >> 29);
}

/** Reads the line in which the chains of a packet begin, in any zone, so that it is near. */
export function touchChain(addresses: u64, ports: u32, id: u32): void {
  nearChains += load<u32>(chainOf(addresses, ports, id));
}

/** A hash of the key, for choices that are to be the same for all packets of a flow. */
export function keyHash(): u32 {
  return hashOf(keyAddresses, keyPorts, keyId);
}

/**
 * The link (`number * 2 + direction + 1`) of the connection that the key
 * belongs to, 0 if there is none.  What has expired is removed on the way.
 */
export function find(): u32 {
  const head = chainOf(keyAddresses, keyPorts, keyId);
  let link = load<u32>(head);
  while (link !== 0) {
    const conn = (link - 1) >> 1;
    const direction = (link - 1) & 1;
    const line = hot(conn);
    if (
      load<u64>(line + ((<usize>direction) << 3), ADDRESSES) === keyAddresses &&
      load<u32>(line + ((<usize>direction) << 2), PORTS) === keyPorts &&
      load<u32>(line, ID) === keyId &&
      (!(keyId & ID_V6) || memory.compare(six(conn, direction), KEY6, 32) === 0)
    ) {
      if (!isExpired(conn)) return link;
      // The chain changes under our feet: begin anew.
      remove(conn);
      link = load<u32>(head);
      continue;
    }
    link = load<u32>(line + ((<usize>direction) << 2), NEXT);
  }
  return 0;
}

/**
 * A new connection whose packets look like the key, and whose replies look like
 * the key reversed; it is in no chain yet (`insert`).  0xffffffff if there is no room.
 */
export function allocate(): u32 {
  let conn: u32;
  if (freed !== 0) {
    conn = freed - 1;
    freed = load<u32>(hot(conn), NEXT);
  } else if (fresh < capacity) {
    conn = fresh++;
  } else {
    return NONE;
  }
  const line = hot(conn);
  store<u32>(line, keyId, ID);
  store<u32>(line, 0, MARK);
  store<u64>(line, keyAddresses, ADDRESSES);
  store<u64>(line, rotl<u64>(keyAddresses, 32), ADDRESSES + 8);
  store<u32>(line, keyPorts, PORTS);
  store<u32>(line, reversedPorts(keyId, keyPorts), PORTS + 4);
  store<u64>(line, 0, STATE);
  store<u64>(line, 0, KIND);
  store<u8>(line, RANK_ESTABLISHED, RANK);
  if (keyId & ID_V6) {
    const addresses = six(conn, 0);
    memory.copy(addresses, KEY6, 32);
    memory.copy(addresses + 32, KEY6 + 16, 16);
    memory.copy(addresses + 48, KEY6, 16);
  }
  return conn;
}

/** Gives the replies of a connection that is in no chain yet the key. */
export function setReplies(conn: u32): void {
  const line = hot(conn);
  store<u64>(line, keyAddresses, ADDRESSES + 8);
  store<u32>(line, keyPorts, PORTS + 4);
  if (keyId & ID_V6) memory.copy(six(conn, 1), KEY6, 32);
}

/** Puts an allocated connection into the table. */
export function insert(conn: u32): void {
  const line = hot(conn);
  store<u8>(line, load<u8>(line, KIND) | LIVE, KIND);
  link(conn, 0);
  link(conn, 1);
  live++;
  const counter = zones + ((load<u16>(line, ZONE) as usize) << 3);
  store<u32>(counter, load<u32>(counter) + 1);
}

/** Gives back a connection that was allocated and not inserted. */
export function giveBack(conn: u32): void {
  store<u32>(hot(conn), freed, NEXT);
  freed = conn + 1;
}

/** Removes a connection; its version changes, so nobody takes the next one of its number for it. */
export function remove(conn: u32): void {
  const line = hot(conn);
  assert((load<u8>(line, KIND) & LIVE) !== 0);
  if (!isLingering(conn)) unlink(conn, 0);
  unlink(conn, 1);
  setRank(conn, RANK_ESTABLISHED);
  leaveWheel(conn);
  changed(conn);
  store<u8>(line, 0, KIND);
  live--;
  const counter = zones + ((load<u16>(line, ZONE) as usize) << 3);
  store<u32>(counter, load<u32>(counter) - 1);
  giveBack(conn);
}

/** Lets a connection be over, and keeps its replies' tuple from others for some milliseconds. */
export function linger(conn: u32, timeout: u32): void {
  const line = hot(conn);
  unlink(conn, 0);
  store<u8>(line, load<u8>(line, KIND) | LINGERS, KIND);
  setRank(conn, RANK_CLOSED);
  changed(conn);
  store<u32>(pulse(conn), now + timeout, EXPIRES);
  leaveWheel(conn);
  joinWheel(conn, now + timeout);
}

function headOf(conn: u32, direction: u32): usize {
  const id = load<u32>(hot(conn), ID);
  return chainOf(addressesOf(conn, direction), portsOf(conn, direction), id);
}

function link(conn: u32, direction: u32): void {
  const head = headOf(conn, direction);
  store<u32>(hot(conn) + ((<usize>direction) << 2), load<u32>(head), NEXT);
  store<u32>(head, (conn << 1) + direction + 1);
}

function unlink(conn: u32, direction: u32): void {
  const wanted = (conn << 1) + direction + 1;
  let at = headOf(conn, direction);
  for (;;) {
    const found = load<u32>(at);
    assert(found !== 0);
    const next = hot((found - 1) >> 1) + ((<usize>((found - 1) & 1)) << 2) + NEXT;
    if (found === wanted) {
      store<u32>(at, load<u32>(next));
      return;
    }
    at = next;
  }
}

/*
 * Zones.
 */

/** How many connections a zone has. */
export function zoneCount(zone: u32): u32 {
  return load<u32>(zones + ((<usize>(zone & 0xffff)) << 3));
}

/** Lets a zone have at most `most` new connections; 0 for any number. */
export function limitZone(zone: u32, most: u32): void {
  store<u32>(zones + ((<usize>(zone & 0xffff)) << 3), most, 4);
}

/** Whether a zone has as many connections as it may have. */
export function isZoneFull(zone: u32): bool {
  const counter = zones + ((<usize>(zone & 0xffff)) << 3);
  const most = load<u32>(counter, 4);
  return most !== 0 && load<u32>(counter) >= most;
}

/*
 * Ranks: whom eviction takes.
 */

/** Puts a connection at the end of the list of its rank, if it is not in it. */
export function setRank(conn: u32, rank: u8): void {
  const line = hot(conn);
  const before = load<u8>(line, RANK);
  if (before === rank) return;
  const own = cold(conn);
  if (before !== RANK_ESTABLISHED) {
    const list = ranks + ((<usize>before) << 3);
    const next = load<u32>(own, RANK_NEXT);
    const previous = load<u32>(own, RANK_PREVIOUS);
    if (previous !== 0) store<u32>(cold(previous - 1), next, RANK_NEXT);
    else store<u32>(list, next);
    if (next !== 0) store<u32>(cold(next - 1), previous, RANK_PREVIOUS);
    else store<u32>(list, previous, 4);
  }
  store<u8>(line, rank, RANK);
  if (rank !== RANK_ESTABLISHED) {
    const list = ranks + ((<usize>rank) << 3);
    const last = load<u32>(list, 4);
    store<u32>(own, 0, RANK_NEXT);
    store<u32>(own, last, RANK_PREVIOUS);
    if (last !== 0) store<u32>(cold(last - 1), conn + 1, RANK_NEXT);
    else store<u32>(list, conn + 1);
    store<u32>(list, conn + 1, 4);
  }
}

/** Removes the least valuable connection, the oldest of its rank; false if all are established. */
export function evict(): bool {
  let victim = load<u32>(ranks);
  if (victim === 0) victim = load<u32>(ranks, (RANK_UNANSWERED as usize) << 3);
  if (victim === 0) return false;
  remove(victim - 1);
  return true;
}

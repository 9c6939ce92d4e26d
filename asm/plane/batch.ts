/**
 * Frames in, frames out.
 *
 *     initPlane(ports, megaflows, connections, entries, tunnels, meters): bool
 *     inputsAt(), process(count, now): consumed       outputsAt(), puntsAt() (frames.ts), then release()
 *     inject(address, length, flow, now)              a frame of the host's own, with a flow that says where it goes on
 *
 * An input, 16 bytes: physical port, address, length, (zero).  A frame lies
 * anywhere in memory with HEADROOM bytes free before it, and 16 behind it that
 * may be read; it is changed in place and belongs to the plane until `release`.
 *
 * A batch is taken in steps of STEP packets, each stage for all of them, so that
 * what one stage reads for one packet does not wait for the next one.
 */
import { reserve } from './arena';
import { backendsFull, clearBackends } from './backends';
import { ctExpire } from './census';
import { initChains } from './chains';
import { now, setNow } from './clock';
import { touchChain } from './connection';
import {
  connectionChanges,
  hasConnections,
  initConnections,
  isEntry,
  lookupConnection,
  touchEntry,
  touchSet,
  touchTracked,
} from './connections';
import { ctInit } from './conntrack';
import { countDrop, countIn, initPorts, PORT_UNDERLAY, portAt, portFlags } from './counters';
import { initTunnels, receive } from './encap';
import { findLanes, runLanes } from './express';
import { extract } from './extract';
import { initFrames, isCrowded } from './frames';
import { packetHash } from './hash';
import { hasLanes, initLanes, laneChanges } from './lanes';
import {
  B_RECIRC,
  DROP_NO_PORT,
  DROP_SHORT_FRAME,
  DROP_TOO_LONG,
  FLOW_SIZE,
  HEADROOM,
  P_FRAME,
  P_IN_PORT,
  P_INDEX,
  P_LENGTH,
  P_ROOM,
  PACKET_SIZE,
  W_CT,
  W_DATAPATH,
  W_IN,
  W_IP4,
  W_L4,
  W_TUNNEL,
} from './layout';
import { forgetEnded, takeChangedTags } from './learned';
import {
  ageMegaflows,
  initMegaflows,
  invalidateAll,
  invalidateTags,
  lookupMegaflow,
  MF_TRACKS,
  megaflowFlags,
  megaflowsCrowded,
  megaflowWay,
} from './megaflows';
import { initMeters } from './meters';
import { forward, goOn } from './run';
import { findStraight, runStraight } from './straight';
import { hasWays, initWays, learnWay } from './ways';

/** Inputs that there is room for. */
export const MAX_INPUTS: u32 = 1024;
const INPUT_SIZE: u32 = 16;
const STEP: u32 = 32;
/** A frame and the tags that may be put on it have to be counted in 16 bits. */
const LONGEST: u32 = 0xffff - 8;

/** Milliseconds after which an unused megaflow goes; and if there are too many. */
const IDLE: u32 = 10_000;
const IDLE_CROWDED: u32 = 100;
/** Megaflows and connections that are looked at on every call. */
const AGED: u32 = 16;
const AGED_CROWDED: u32 = 256;
const EXPIRED: u32 = 64;
const FORGOTTEN: u32 = 16;

const PACKETS: usize = memory.data(32 * 32, 64);
const FLOWS: usize = memory.data(32 * 256, 64);
const HASHES: usize = memory.data(32 * 4, 64);
const ENTRIES: usize = memory.data(32 * 4, 64);
const MEGAFLOWS: usize = memory.data(32 * 4, 64);
const LANES: usize = memory.data(32 * 4, 64);
const STRAIGHT: usize = memory.data(32 * 4, 64);
/** Megaflows whose ways are not known yet. */
const MET: usize = memory.data(32 * 4, 64);

let inputs: usize = 0;
/** When megaflows and what was learned were looked after. */
let agedAt: u32 = 0xffffffff;

/** Takes all memory that the plane needs, once; false if there is not so much. */
export function initPlane(ports: u32, megaflows: u32, connections: u32, entries: u32, tunnels: u32, meters: u32): bool {
  inputs = reserve(MAX_INPUTS * INPUT_SIZE);
  return (
    inputs !== 0 &&
    initPorts(ports) &&
    initFrames() &&
    initMegaflows(megaflows) &&
    initChains() &&
    initConnections(entries) &&
    initLanes(entries) &&
    initWays(ports) &&
    initTunnels(tunnels) &&
    initMeters(meters) &&
    ctInit(connections)
  );
}

/** Where the inputs are written. */
export function inputsAt(): usize {
  return inputs;
}

/**
 * Takes the first `count` inputs, at `milliseconds`.  Gives how many were taken:
 * fewer if there are so many outputs, punts or copies that they have to be
 * taken first (`release`); the rest are to be given again then.
 */
export function process(count: u32, milliseconds: u32): u32 {
  setNow(milliseconds);
  age();
  if (count > MAX_INPUTS) count = MAX_INPUTS;
  let done: u32 = 0;
  while (done < count && !isCrowded()) {
    forgetChanged();
    const left = count - done;
    const size: u32 = left < STEP ? left : STEP;
    step(done, size);
    done += size;
  }
  return done;
}

/** What has to be looked after, a little at a time; where there is room, once in a millisecond is enough. */
function age(): void {
  ctExpire(now, EXPIRED);
  const crowded = megaflowsCrowded();
  if (now === agedAt && !crowded) return;
  agedAt = now;
  ageMegaflows(crowded ? AGED_CROWDED : AGED, crowded ? IDLE_CROWDED : IDLE);
  forgetEnded(FORGOTTEN);
}

/** Drops what depends on what was learned since; not while a packet is under way. */
function forgetChanged(): void {
  const changed = takeChangedTags();
  if (changed !== 0) invalidateTags(changed);
  if (backendsFull()) {
    invalidateAll();
    clearBackends();
  }
}

function step(first: u32, count: u32): void {
  const inLanes: u32 = hasLanes ? findLanes(inputs + first * INPUT_SIZE, count, LANES) : 0;
  if (inLanes === count) {
    sendByLanes(first, count);
    return;
  }
  if (hasWays && inLanes === 0) {
    const done = runStraight(inputs + first * INPUT_SIZE, first, count);
    if (done === count) return;
    first += done;
    count -= done;
  }
  const inputsHere = inputs + first * INPUT_SIZE;
  const straight: u32 = hasWays ? findStraight(inputsHere, count, inLanes === 0 ? 0 : LANES, STRAIGHT) : 0;
  if (inLanes + straight < count) {
    for (let i: u32 = 0; i < count; i++) {
      const isKnown =
        (inLanes !== 0 && load<u32>(LANES + (i << 2)) !== 0) ||
        (straight !== 0 && load<u32>(STRAIGHT + (i << 2)) !== 0);
      if (isKnown) store<u32>(PACKETS + i * PACKET_SIZE, 0, P_LENGTH);
      else takeIn(first + i, PACKETS + i * PACKET_SIZE, FLOWS + i * FLOW_SIZE);
    }
    lookUp(count);
  }
  const changes = connectionChanges;
  const changesOfLanes = laneChanges;
  let met: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const lane: usize = inLanes === 0 ? 0 : load<u32>(LANES + (i << 2));
    if (lane !== 0) {
      const isGone = runLanes(
        inputsHere + i * INPUT_SIZE,
        first + i,
        1,
        LANES + (i << 2),
        laneChanges !== changesOfLanes,
      );
      if (isGone === 0) goTheLongWay(first + i, PACKETS + i * PACKET_SIZE, FLOWS + i * FLOW_SIZE);
      continue;
    }
    if (straight !== 0 && load<u32>(STRAIGHT + (i << 2)) !== 0) {
      // There may be no room any more: the long way counts that.
      if (runStraight(inputsHere + i * INPUT_SIZE, first + i, 1) === 0) {
        goTheLongWay(first + i, PACKETS + i * PACKET_SIZE, FLOWS + i * FLOW_SIZE);
      }
      continue;
    }
    const packet = PACKETS + i * PACKET_SIZE;
    if (load<u32>(packet, P_LENGTH) === 0) continue;
    const flow = FLOWS + i * FLOW_SIZE;
    const megaflow: usize = load<u32>(MEGAFLOWS + (i << 2));
    let entry: usize = load<u32>(ENTRIES + (i << 2));
    if (entry !== 0 && connectionChanges !== changes && !isEntry(entry, flow)) entry = 0;
    forward(packet, flow, entry, megaflow);
    if (megaflow === 0 || megaflowWay(megaflow) !== 0) continue;
    store<u32>(MET + (met << 2), megaflow as u32);
    met += 1;
  }
  // A way may take the place of another one, so not before.
  for (let i: u32 = 0; i < met; i++) learnWay(load<u32>(MET + (i << 2)));
}

/** Sends inputs that all have lanes. */
function sendByLanes(first: u32, count: u32): void {
  const changes = laneChanges;
  for (let i: u32 = 0; i < count; i++) {
    const at = inputs + (first + i) * INPUT_SIZE;
    i += runLanes(at, first + i, count - i, LANES + (i << 2), laneChanges !== changes);
    if (i < count) goTheLongWay(first + i, PACKETS + i * PACKET_SIZE, FLOWS + i * FLOW_SIZE);
  }
}

/** An input whose lane is no more, or not for it. */
function goTheLongWay(index: u32, packet: usize, flow: usize): void {
  takeIn(index, packet, flow);
  if (load<u32>(packet, P_LENGTH) === 0) return;
  forward(packet, flow, hasConnections ? lookupConnection(flow, packetHash(flow)) : 0, 0);
}

/** Reads an input; P_LENGTH is 0 if the frame is dropped. */
function takeIn(index: u32, packet: usize, flow: usize): void {
  const input = inputs + index * INPUT_SIZE;
  const port = load<u32>(input);
  const length = load<u32>(input, 8);
  store<u32>(packet, load<u32>(input, 4), P_FRAME);
  store<u32>(packet, length, P_LENGTH);
  store<u32>(packet, port, P_IN_PORT);
  store<u32>(packet, index, P_INDEX);
  store<u32>(packet, HEADROOM, P_ROOM);
  const record = portAt(port);
  if (record === 0) {
    drop(packet, DROP_NO_PORT);
    return;
  }
  countIn(record, 1, length);
  if (length > LONGEST) drop(packet, DROP_TOO_LONG);
  else if (!extract(packet, flow)) drop(packet, DROP_SHORT_FRAME);
  else if (portFlags(record) & PORT_UNDERLAY && !receive(packet, flow)) store<u32>(packet, 0, P_LENGTH);
}

function drop(packet: usize, reason: u32): void {
  countDrop(reason);
  store<u32>(packet, 0, P_LENGTH);
}

/** Looks up connections, and megaflows where there is none.  What is found may be gone when it is a packet's turn. */
function lookUp(count: u32): void {
  if (hasConnections) {
    for (let i: u32 = 0; i < count; i++) {
      const hash = packetHash(FLOWS + i * FLOW_SIZE);
      store<u32>(HASHES + (i << 2), hash);
      touchSet(hash);
    }
    for (let i: u32 = 0; i < count; i++) touchEntry(load<u32>(HASHES + (i << 2)));
    for (let i: u32 = 0; i < count; i++) {
      const entry = lookupConnection(FLOWS + i * FLOW_SIZE, load<u32>(HASHES + (i << 2)));
      store<u32>(ENTRIES + (i << 2), entry as u32);
      if (entry !== 0) touchTracked(entry);
    }
  } else {
    memory.fill(ENTRIES, 0, STEP << 2);
  }
  for (let i: u32 = 0; i < count; i++) {
    const known = load<u32>(ENTRIES + (i << 2)) !== 0 || load<u32>(PACKETS + i * PACKET_SIZE, P_LENGTH) === 0;
    const flow = FLOWS + i * FLOW_SIZE;
    const megaflow: usize = known ? 0 : lookupMegaflow(flow);
    store<u32>(MEGAFLOWS + (i << 2), megaflow as u32);
    if (megaflow !== 0 && megaflowFlags(megaflow) & MF_TRACKS) touchChainOf(flow);
  }
}

/** What conntrack will ask first about a packet of IPv4. */
function touchChainOf(flow: usize): void {
  const l4 = load<u64>(flow, W_L4 << 3);
  touchChain(load<u64>(flow, W_IP4 << 3), (l4 >> 32) as u32, (l4 as u32 & 0xff) << 16);
}

/**
 * Sends a frame of `length` bytes at `address` (HEADROOM bytes free before it)
 * on its way.  Of the flow, which is changed, W_IN (port, RECIRC), W_TUNNEL and
 * what conntrack said are taken; the rest comes from the frame.  False if the
 * frame is none.  Not while a batch is being processed.
 */
export function inject(address: usize, length: u32, flow: usize, milliseconds: u32): bool {
  setNow(milliseconds);
  forgetChanged();
  const packet = PACKETS;
  const to = FLOWS;
  const input = load<u64>(flow, W_IN << 3);
  store<u32>(packet, address as u32, P_FRAME);
  store<u32>(packet, length, P_LENGTH);
  store<u32>(packet, input as u32, P_IN_PORT);
  store<u32>(packet, 0xffffffff, P_INDEX);
  store<u32>(packet, HEADROOM, P_ROOM);
  if (length > LONGEST) {
    countDrop(DROP_TOO_LONG);
    return false;
  }
  if (!extract(packet, to)) {
    countDrop(DROP_SHORT_FRAME);
    return false;
  }
  store<u64>(to, input, W_IN << 3);
  store<u64>(to, load<u64>(flow, W_TUNNEL << 3), W_TUNNEL << 3);
  if (input >> B_RECIRC !== 0) memory.copy(to + (W_CT << 3), flow + (W_CT << 3), (W_DATAPATH - W_CT) << 3);
  goOn(packet, to);
  return true;
}

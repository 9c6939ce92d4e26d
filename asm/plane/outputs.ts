/**
 * How packets come from physical ports into logical pipelines and leave them:
 * what ovn-controller's own OpenFlow tables do (controller/physical.c; ovn-architecture(7),
 * "Architectural Physical Life Cycle of a Packet").
 */

import { commit, emit, emitHead, forgetConntrack } from './emit';
import { freeze } from './frozen';
import {
  ACTION_OPENS,
  DATAPATH_SIZE,
  DF_LOCALPORTS,
  IM_DATAPATH_KEYS,
  IM_DATAPATHS,
  IM_PHYSICAL,
  IM_PORT_KEYS,
  IM_PORTS,
  MLF_ALLOW_LOOPBACK,
  MLF_LOCAL_ONLY,
  MLF_LOCALPORT,
  MLF_NESTED_CONTAINER,
  MLF_RCV_FROM_RAMP,
  MLF_RX_FROM_TUNNEL,
  PF_LOCALPORT,
  PF_NESTED,
  PF_SHUT,
  PF_VTEP,
  PF_VXLAN,
  PH_GENEVE,
  PH_NETWORK,
  PH_NONE,
  PH_VIF,
  PH_VXLAN,
  PHYSICAL_SIZE,
  PK_BRIDGED,
  PK_BY_NETWORK,
  PK_GROUP,
  PK_NETWORK,
  PK_PATCH,
  PK_REDIRECT,
  PK_REMOTE,
  PK_VIF,
  PORT_SIZE,
  RESUME_TABLE,
} from './image';
import {
  B_ETH_TYPE,
  B_FLAGS,
  B_OUTPORT,
  B_QUEUE,
  B_TUN_OPTION,
  B_VLAN_TCI,
  DP_OUTPUT,
  DP_PUNT,
  DP_TUNNEL,
  DROP_EMPTY_GROUP,
  DROP_LOOPBACK,
  DROP_NO_PORT,
  DROP_SHUT,
  DROP_TOO_DEEP,
  KEY_WORDS,
  W_CT,
  W_DATAPATH,
  W_ETH_DST,
  W_ETH_SRC,
  W_IN,
  W_MARK,
  W_PORTS,
  W_REGISTERS,
  W_SHA,
  W_TUNNEL,
  W_ZONES,
} from './layout';
import {
  beginScope,
  datapath,
  detour,
  endScope,
  FLOW,
  fail,
  goTo,
  halted,
  image,
  noteDrop,
  step,
  visit,
  visitPhysical,
} from './translation';
import { KNOWN, look } from './wildcards';

const TCI: u64 = (<u64>0xffff) << B_VLAN_TCI;
const CFI: u64 = (<u64>0x1000) << B_VLAN_TCI;
const VID: u64 = (<u64>0x0fff) << B_VLAN_TCI;
const MAC: u64 = 0xffff_ffff_ffff;
const QUEUE: u64 = (<u64>0xffff) << B_QUEUE;
const ETH_TYPE: u64 = (<u64>0xffff) << B_ETH_TYPE;
const TYPE_RARP: u64 = 0x8035;

/** The physical port that the packet came in by, plus 1; 0 if it may leave by any. */
export const W_CAME_BY: u32 = 31;
const INGRESS: u32 = 0;
const EGRESS: u32 = 1;

/** The packet enters by its physical port.  True if it goes on where `goTo` said. */
export function enter(): bool {
  const number = load<u32>(FLOW + W_IN * 8);
  visitPhysical();
  if (!image || number >= load<u32>(image, IM_PHYSICAL)) {
    noteDrop(DROP_NO_PORT);
    return false;
  }
  const physical = image + load<u32>(image, IM_PHYSICAL + 4) + <usize>number * PHYSICAL_SIZE;
  store<u64>(FLOW + <usize>W_CAME_BY * 8, <u64>number + 1);
  const kind = load<u32>(physical);
  if (kind === PH_GENEVE || kind === PH_VXLAN) {
    return enterByTunnel(kind);
  }
  if (kind === PH_NONE) {
    noteDrop(DROP_NO_PORT);
    return false;
  }
  if (kind === PH_VIF && isShut(load<u32>(physical, 4))) return knock(portAt(load<u32>(physical, 4)));
  const record = portOfTag(physical, kind);
  if (!record) {
    noteDrop(DROP_NO_PORT);
    return false;
  }
  const port = portAt(record);
  if (<u32>load<u8>(port) === PK_NETWORK && load<u32>(port, 24)) fromChassis(image + load<u32>(port, 24));
  const flags = <u32>load<u8>(port, 1);
  let bits: u64 = 0;
  if (flags & PF_LOCALPORT) bits |= 1 << MLF_LOCALPORT;
  if (flags & PF_NESTED) bits |= 1 << MLF_NESTED_CONTAINER;
  enterLogically(port, bits);
  return true;
}

function isShut(record: u32): bool {
  return record !== 0 && (<u32>load<u8>(portAt(record), 1) & PF_SHUT) !== 0;
}

/**
 * A packet at a port that is shut: the machine is there when it sends RARP, whatever its tags, which goes its way;
 * nothing else does (controller/physical.c, `setup_rarp_activation_strategy`).
 */
function knock(port: usize): bool {
  look(W_ETH_DST, ETH_TYPE);
  if (load<u64>(FLOW + W_ETH_DST * 8) >> B_ETH_TYPE !== TYPE_RARP) {
    noteDrop(DROP_SHUT);
    return false;
  }
  enterLogically(port, 0);
  commit(FLOW);
  emitHead(DP_PUNT, 3, 0);
  emit(ACTION_OPENS);
  emit(freeze(FLOW, RESUME_TABLE | (INGRESS << 1), 0));
  return true;
}

/** The port record that a frame's tag leads to; takes the tag off if it belongs to the port. */
function portOfTag(physical: usize, kind: u32): u32 {
  const untagged = load<u32>(physical, 4);
  const count = load<u32>(physical, 12);
  if (count === 0 && kind !== PH_NETWORK) return untagged;
  look(W_ETH_SRC, CFI);
  const tci = load<u64>(FLOW + W_ETH_SRC * 8) & TCI;
  if (!(tci & CFI)) return untagged;
  look(W_ETH_SRC, VID);
  const id = <u32>((tci & VID) >> B_VLAN_TCI);
  const tags = image + load<u32>(physical, 8);
  for (let i: u32 = 0; i < count; i++) {
    const tag = tags + ((<usize>i) << 3);
    if (load<u32>(tag) !== id) continue;
    takeTag();
    return load<u32>(tag, 4);
  }
  if (kind !== PH_NETWORK) return untagged;
  if (id !== 0) return 0;
  takeTag();
  return untagged;
}

/** Takes the outermost tag off: the one behind it is the outermost now. */
function takeTag(): void {
  look(W_SHA, TCI);
  const inner = FLOW + W_SHA * 8;
  setTag(load<u64>(inner) & TCI);
  store<u64>(inner, load<u64>(inner) & ~TCI);
  store<u64>(KNOWN + W_SHA * 8, load<u64>(KNOWN + W_SHA * 8) | TCI);
}

function setTag(tci: u64): void {
  const at = FLOW + W_ETH_SRC * 8;
  store<u64>(at, (load<u64>(at) & ~TCI) | tci);
  store<u64>(KNOWN + W_ETH_SRC * 8, load<u64>(KNOWN + W_ETH_SRC * 8) | TCI);
}

function setSource(mac: u64): void {
  const at = FLOW + W_ETH_SRC * 8;
  store<u64>(at, (load<u64>(at) & ~MAC) | (mac & MAC));
  store<u64>(KNOWN + W_ETH_SRC * 8, load<u64>(KNOWN + W_ETH_SRC * 8) | MAC);
}

function source(): u64 {
  look(W_ETH_SRC, MAC);
  return load<u64>(FLOW + W_ETH_SRC * 8) & MAC;
}

/** What another chassis routed comes with that one's MAC address: the router's is put there. */
function fromChassis(macs: usize): void {
  let list = macs + 8;
  list += 4 + ((<usize>load<u32>(list)) << 3);
  const others = load<u32>(list);
  list += 4;
  const from = source();
  const router = load<u64>(list + ((<usize>others) << 3));
  for (let i: u32 = 0; i < others; i++) {
    if (load<u64>(list + ((<usize>i) << 3)) === from) setSource(router);
  }
}

/** The router whose packet leaves by a network with this chassis' MAC address instead; 0 if it leaves as it is. */
function asChassis(macs: usize): u64 {
  const from = source();
  const routers = load<u32>(macs, 8);
  for (let i: u32 = 0; i < routers; i++) {
    if (load<u64>(macs + ((<usize>i) << 3), 12) !== from) continue;
    setSource(load<u64>(macs));
    return from;
  }
  return 0;
}

/** Into the first table of the ingress pipeline of a port's datapath. */
function enterLogically(port: usize, flags: u64): void {
  store<u64>(FLOW + W_DATAPATH * 8, <u64>load<u32>(port, 4) | (flags << B_FLAGS));
  store<u64>(FLOW + W_PORTS * 8, <u64>load<u16>(port, 8));
  setZones(port);
  visit();
  goTo(INGRESS, 0);
}

/** ovn-architecture(7), "Tunnel Encapsulations"; the packet goes straight to where it leaves. */
function enterByTunnel(kind: u32): bool {
  const word = load<u64>(FLOW + W_TUNNEL * 8);
  const id = <u32>word & 0xffffff;
  const option = <u32>(word >> B_TUN_OPTION);
  let tunnelKey = id;
  let inport: u64 = 0;
  let outport: u64 = 0;
  look(W_TUNNEL, 0xffffff);
  if (kind === PH_GENEVE) {
    look(W_TUNNEL, (<u64>0x7fffffff) << B_TUN_OPTION);
    inport = (option >> 16) & 0x7fff;
    outport = option & 0xffff;
  } else {
    tunnelKey = id & 0xfff;
    outport = id >> 12;
    // The highest of twelve bits stands for that of sixteen: multicast groups.
    if (outport & 0x800) outport = (outport & 0x7ff) | 0x8000;
  }
  const number = datapathOfKey(tunnelKey);
  if (number === u32.MAX_VALUE) {
    noteDrop(DROP_NO_PORT);
    return false;
  }
  store<u64>(FLOW + W_DATAPATH * 8, <u64>number | ((<u64>1) << (MLF_RX_FROM_TUNNEL + B_FLAGS)));
  store<u64>(FLOW + W_PORTS * 8, inport | (outport << B_OUTPORT));
  visit();
  const port = findPort(<u32>outport);
  if (!port) {
    noteDrop(DROP_NO_PORT);
    return false;
  }
  return outputHere(port, true);
}

function datapathOfKey(tunnelKey: u32): u32 {
  const pairs = image + load<u32>(image, IM_DATAPATH_KEYS + 4);
  let low: u32 = 0;
  let high = load<u32>(image, IM_DATAPATH_KEYS);
  while (low < high) {
    const middle = (low + high) >> 1;
    const found = load<u32>(pairs + ((<usize>middle) << 3));
    if (found === tunnelKey) return load<u32>(pairs + ((<usize>middle) << 3), 4);
    if (found < tunnelKey) low = middle + 1;
    else high = middle;
  }
  return u32.MAX_VALUE;
}

/** The record of a port or group of the packet's datapath; 0 if it has none with that key. */
function findPort(key: u32): usize {
  const slots = load<u32>(image, IM_PORT_KEYS);
  const table = image + load<u32>(image, IM_PORT_KEYS + 4);
  const wanted = (load<u32>(FLOW + W_DATAPATH * 8) << 16) | (key & 0xffff);
  let i = (wanted * 0x9e3779b1) >> 15;
  // A quarter of the slots at least is free.
  while (true) {
    const slot = table + ((<usize>(i & (slots - 1))) << 3);
    const record = load<u32>(slot, 4);
    if (!record) return 0;
    if (load<u32>(slot) === wanted) return portAt(record);
    i++;
  }
}

function portAt(record: u32): usize {
  assert(record > 0 && record < load<u32>(image, IM_PORTS));
  return image + load<u32>(image, IM_PORTS + 4) + <usize>record * PORT_SIZE;
}

function setZones(port: usize): void {
  const zones = load<u32>(datapathOf(load<u32>(port, 4)), 8);
  const at = FLOW + W_ZONES * 8;
  store<u64>(at, (load<u64>(at) & QUEUE) | ((<u64>zones) << 16) | <u64>load<u16>(port, 10));
}

/** The queue that the packet leaves by. */
function queue(): u32 {
  return <u32>(load<u64>(FLOW + W_ZONES * 8) >> B_QUEUE);
}

function datapathOf(number: u32): usize {
  assert(number < load<u32>(image, IM_DATAPATHS));
  return image + load<u32>(image, IM_DATAPATHS + 4) + <usize>number * DATAPATH_SIZE;
}

function flag(bit: u32): bool {
  return ((load<u32>(FLOW + W_DATAPATH * 8 + 4) >> bit) & 1) !== 0;
}

function inport(): u32 {
  return <u32>load<u16>(FLOW + W_PORTS * 8);
}

function outport(): u32 {
  return <u32>load<u16>(FLOW + W_PORTS * 8 + 4);
}

export function setOutport(key: u32): void {
  store<u32>(FLOW + W_PORTS * 8 + 4, key);
}

/**
 * The `output` action of the ingress pipeline.  True if the packet goes on where
 * `goTo` said; only where `tail` allows that.
 */
export function outputFromIngress(tail: bool): bool {
  if (!step(1)) {
    fail(DROP_TOO_DEEP);
    return false;
  }
  const port = findPort(outport());
  if (!port) {
    noteDrop(DROP_NO_PORT);
    return false;
  }
  const kind = <u32>load<u8>(port);
  if (kind === PK_REMOTE || kind === PK_GROUP) {
    const stays = staysHere();
    if (kind === PK_REMOTE) {
      if (stays) noteDrop(DROP_NO_PORT);
      else {
        sendToChassis(port, load<u32>(port, 12), outport());
        sendToFurther(port);
      }
      return false;
    }
    if (!stays) sendToOthers(port);
    if (halted()) return false;
  }
  if (kind === PK_VIF && !staysHere()) sendToFurther(port);
  return outputHere(port, tail);
}

/** To further chassis that have a port. */
function sendToFurther(port: usize): void {
  if (!load<u32>(port, 24)) return;
  const list = image + load<u32>(port, 24);
  const count = load<u32>(list);
  const key = outport();
  for (let i: u32 = 0; i < count; i++) sendToChassis(port, load<u32>(list + ((<usize>i) << 2), 4), key);
}

/** Packets that other chassis do not get. */
function staysHere(): bool {
  if (flag(MLF_LOCAL_ONLY)) return true;
  if (flag(MLF_RCV_FROM_RAMP) && !flag(MLF_ALLOW_LOOPBACK)) return true;
  if (!(load<u32>(datapath()) & DF_LOCALPORTS)) return false;
  const from = findPort(inport());
  return from !== 0 && (<u32>load<u8>(from, 1) & PF_LOCALPORT) !== 0;
}

/** Members of a group that only this chassis serves, and the chassis that have others. */
function sendToOthers(group: usize): void {
  const key = outport();
  let list = image + load<u32>(group, 24);
  const members = load<u32>(list);
  for (let i: u32 = 0; i < members; i++) {
    list += 4;
    if (outputTo(load<u32>(list), false)) unreachable();
    if (halted()) return;
  }
  setOutport(key);
  list += 4;
  const tunnels = load<u32>(list);
  for (let i: u32 = 0; i < tunnels; i++) {
    list += 4;
    sendToChassis(group, load<u32>(list), key);
  }
}

/** Through a tunnel, with the metadata of which the other chassis makes the packet's ports. */
function sendToChassis(port: usize, tunnel: u32, key: u32): void {
  const flags = <u32>load<u8>(port, 1);
  const tunnelKey = load<u32>(datapath(), 4);
  commit(FLOW);
  emitHead(DP_TUNNEL, 4, queue());
  emit(tunnel);
  if (flags & PF_VTEP) {
    emit(tunnelKey);
    emit(0);
  } else if (flags & PF_VXLAN) {
    const short = key & 0x8000 ? 0x800 | (key & 0x7ff) : key & 0xfff;
    emit((tunnelKey & 0xfff) | (short << 12));
    emit(0);
  } else {
    emit(tunnelKey);
    emit((inport() << 16) | key);
  }
}

/** Table 38 of ovn-controller: to a port that is here, or that another one here stands for. */
function outputHere(start: usize, tail: bool): bool {
  let port = start;
  if (!step(1)) {
    fail(DROP_TOO_DEEP);
    return false;
  }
  let kind = <u32>load<u8>(port);
  if (kind === PK_BRIDGED) {
    sendOver(port);
    return false;
  }
  if (kind === PK_REDIRECT || kind === PK_BY_NETWORK) {
    setOutport(load<u32>(port, 12));
    // The same packet may go out by the tunnel it came by.
    if (kind === PK_REDIRECT) store<u64>(FLOW + <usize>W_CAME_BY * 8, 0);
    port = findPort(load<u32>(port, 12));
    kind = port ? <u32>load<u8>(port) : 0;
  }
  if (kind === PK_VIF || kind === PK_NETWORK || kind === PK_PATCH) {
    setZones(port);
    return toEgress(port, tail);
  }
  if (kind === PK_GROUP) return toMembers(port, tail);
  noteDrop(DROP_NO_PORT);
  return false;
}

/** Straight to the localnet port of another datapath, past that one's pipelines: put_remote_port_redirect_bridged(). */
function sendOver(port: usize): void {
  const network = portAt(load<u32>(port, 20));
  setSource(load<u64>(port, 24));
  store<u32>(FLOW + W_DATAPATH * 8, load<u32>(port, 16));
  setOutport(<u32>load<u16>(network, 8));
  visit();
  deliver(network, false);
}

/** To each member of a group that is here; the packet passes from one to the next, as in Open vSwitch. */
function toMembers(group: usize, tail: bool): bool {
  const key = outport();
  let list = image + load<u32>(group, 24);
  list += (<usize>load<u32>(list) + 1) << 2;
  list += (<usize>load<u32>(list) + 1) << 2;
  const count = load<u32>(list);
  if (count === 0) noteDrop(DROP_EMPTY_GROUP);
  for (let i: u32 = 0; i < count; i++) {
    list += 4;
    const isLast = tail && i + 1 === count;
    if (outputTo(load<u32>(list), isLast)) return true;
    if (halted()) return false;
  }
  setOutport(key);
  return false;
}

/** To one member of a group. */
function outputTo(key: u32, tail: bool): bool {
  setOutport(key);
  const port = findPort(key);
  if (!port) return false;
  const zones = FLOW + W_ZONES * 8;
  store<u64>(zones, (load<u64>(zones) & ~(<u64>0xffff)) | <u64>load<u16>(port, 10));
  return toEgress(port, tail);
}

/** Table 39: not back where the packet came from; then, without registers, into the egress pipeline. */
function toEgress(port: usize, tail: bool): bool {
  if (!step(1)) {
    fail(DROP_TOO_DEEP);
    return false;
  }
  const toNetwork = <u32>load<u8>(port) === PK_NETWORK;
  if (toNetwork && (flag(MLF_LOCALPORT) || flag(MLF_LOCAL_ONLY))) {
    noteDrop(DROP_LOOPBACK);
    return false;
  }
  if (inport() === outport() && !flag(MLF_ALLOW_LOOPBACK)) {
    noteDrop(DROP_LOOPBACK);
    return false;
  }
  clearRegisters();
  goTo(EGRESS, 0);
  if (tail) return true;
  detour(EGRESS, 0, INGRESS, 0);
  return false;
}

function clearRegisters(): void {
  memory.fill(FLOW + W_REGISTERS * 8, 0, (W_MARK - W_REGISTERS) * 8);
}

/** The `output` action of the egress pipeline.  True if the packet goes on where `goTo` said. */
export function outputFromEgress(tail: bool): bool {
  if (!step(2)) {
    fail(DROP_TOO_DEEP);
    return false;
  }
  const port = findPort(outport());
  const kind = port ? <u32>load<u8>(port) : 0;
  if (kind === PK_PATCH) {
    if (tail) {
      cross(port);
      goTo(INGRESS, 0);
      return true;
    }
    if (!beginScope()) return false;
    cross(port);
    detour(INGRESS, 0, EGRESS, 0);
    endScope();
    return false;
  }
  if (kind === PK_VIF && <u32>load<u8>(port, 1) & PF_SHUT) noteDrop(DROP_SHUT);
  else if (kind === PK_VIF || kind === PK_NETWORK)
    deliver(port, flag(MLF_ALLOW_LOOPBACK) || flag(MLF_NESTED_CONTAINER));
  else noteDrop(DROP_NO_PORT);
  return false;
}

/** Out of a physical port, with the tag of a nested port or a network; `turns`: also out of the one that it came in by. */
function deliver(port: usize, turns: bool): void {
  const physical = load<u32>(port, 12);
  const tag = load<u16>(port, 2);
  // What gets a tag is for somebody else behind the same physical port.
  if (tag === 0 && !turns && load<u64>(FLOW + <usize>W_CAME_BY * 8) === <u64>physical + 1) {
    noteDrop(DROP_LOOPBACK);
    return;
  }
  if (tag) {
    look(W_ETH_SRC, CFI);
    const tci = load<u64>(FLOW + W_ETH_SRC * 8);
    if (tci & CFI) look(W_ETH_SRC, TCI);
    setTag((tci & CFI ? tci & TCI & ~VID : CFI) | ((<u64>tag) << B_VLAN_TCI));
  }
  const macs = <u32>load<u8>(port) === PK_NETWORK ? load<u32>(port, 24) : 0;
  const router = macs ? asChassis(image + macs) : 0;
  commit(FLOW);
  emitHead(DP_OUTPUT, 2, queue());
  emit(physical);
  if (tag) takeTag();
  if (router) setSource(router);
}

/** Through a patch port: nothing of the packet's metadata passes but its mark. */
function cross(port: usize): void {
  const peer = portAt(load<u32>(port, 20));
  clearConntrack(true);
  clearRegisters();
  store<u64>(FLOW + <usize>W_CAME_BY * 8, 0);
  store<u64>(FLOW + W_DATAPATH * 8, <u64>load<u32>(peer, 4));
  store<u64>(FLOW + W_PORTS * 8, <u64>load<u16>(peer, 8));
  setZones(peer);
  visit();
}

/** `ct_clear`, if `asked`; or what is left of a packet that went to conntrack knows nothing of it. */
export function clearConntrack(asked: bool): void {
  memory.fill(FLOW + W_CT * 8, 0, (KEY_WORDS - W_CT) * 8);
  memory.fill(KNOWN + W_CT * 8, 0xff, (KEY_WORDS - W_CT) * 8);
  forgetConntrack(asked);
}

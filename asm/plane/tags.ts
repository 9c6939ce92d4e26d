/** 802.1Q tags of a frame that is the packet's own: putting one on, taking one off. */
import { setBe16 } from '../bytes';
import {
  B_VLAN_TCI,
  P_END,
  P_FRAME,
  P_L3,
  P_L4,
  P_LENGTH,
  P_PAYLOAD,
  P_ROOM,
  P_STATE,
  W_ETH_SRC,
  W_SHA,
} from './layout';

const TAG: u32 = 4;
const ADDRESSES: u32 = 12;
const TYPE_8021Q: u32 = 0x8100;
const CFI: u64 = 0x1000;
const LOW: u64 = 0xffffffffffff;
const LONGEST: u32 = 0xffff;

/** Bit of P_STATE: tags have changed, so the flow has to be read anew before it is looked up. */
export const PS_RETAGGED: u32 = 16;

/** Puts a tag in front of those there are; false if the frame would be too long.  Four bytes of P_ROOM are needed. */
export function pushTag(packet: usize, flow: usize, tci: u32): bool {
  const length = load<u32>(packet, P_LENGTH) + TAG;
  if (length > LONGEST) return false;
  assert(load<u32>(packet, P_ROOM) >= TAG);
  const frame: usize = load<u32>(packet, P_FRAME) - TAG;
  memory.copy(frame, frame + TAG, ADDRESSES);
  setBe16(frame + ADDRESSES, TYPE_8021Q);
  setBe16(frame + ADDRESSES + 2, tci & ~(CFI as u32));
  move(packet, frame, length, TAG);
  const first = load<u64>(flow, W_ETH_SRC << 3);
  const second = load<u64>(flow, W_SHA << 3);
  store<u64>(flow, (first & LOW) | (((tci as u64) | CFI) << B_VLAN_TCI), W_ETH_SRC << 3);
  store<u64>(flow, (second & LOW) | (first & ~LOW), W_SHA << 3);
  return true;
}

/** Takes the outermost tag off, if the flow says that there is one. */
export function popTag(packet: usize, flow: usize): void {
  const first = load<u64>(flow, W_ETH_SRC << 3);
  if (!((first >> B_VLAN_TCI) & CFI) || load<u32>(packet, P_LENGTH) < ADDRESSES + TAG + 2) return;
  const frame: usize = load<u32>(packet, P_FRAME);
  memory.copy(frame + TAG, frame, ADDRESSES);
  move(packet, frame + TAG, load<u32>(packet, P_LENGTH) - TAG, -(TAG as i32) as u32);
  const second = load<u64>(flow, W_SHA << 3);
  store<u64>(flow, (first & LOW) | (second & ~LOW), W_ETH_SRC << 3);
  store<u64>(flow, second & LOW, W_SHA << 3);
}

/** The frame begins elsewhere; offsets behind the tag move by `by`. */
function move(packet: usize, frame: usize, length: u32, by: u32): void {
  store<u32>(packet, frame as u32, P_FRAME);
  store<u32>(packet, length, P_LENGTH);
  store<u32>(packet, load<u32>(packet, P_ROOM) - by, P_ROOM);
  shift(packet, P_L3, by);
  shift(packet, P_L4, by);
  shift(packet, P_PAYLOAD, by);
  shift(packet, P_END, by);
  store<u32>(packet, load<u32>(packet, P_STATE) | PS_RETAGGED, P_STATE);
}

function shift(packet: usize, field: u32, by: u32): void {
  const at: u32 = load<u16>(packet + field);
  if (at !== 0) store<u16>(packet + field, (at + by) as u16);
}

/** Ethernet II, IEEE 802.1Q and 802.1ad tags, 802.2 SNAP. */
import { be16, be32, copyMac, mark } from './bytes';
import {
  ETH_DST,
  ETH_SRC,
  ETH_TYPE,
  ETH_TYPE_NONE,
  L3,
  LAYER_VLAN,
  LAYER_VLAN2,
  LAYERS,
  PROBLEM_ETHERNET_SHORT,
  PROBLEM_VLAN_MORE,
  PROBLEM_VLAN_SHORT,
  PROBLEMS,
  VLAN_TCI,
  VLAN2_TCI,
} from './layout';

/** Offsets in the header. */
const DST: u32 = 0;
const SRC: u32 = 6;
const TYPE: u32 = 12;
const HEADER: u32 = 14;

/** A tag: two bytes of type, two of TCI. */
const TAG: u32 = 4;
const TAG_TCI: u32 = 2;
const CFI: u32 = 0x1000;

/** 802.2 LLC and SNAP in front of a type: DSAP, SSAP, control, organisation. */
const SNAP: u32 = 8;
const SNAP_LLC: u32 = 0xaaaa0300;
const SNAP_TYPE: u32 = 6;

/** Values below are lengths of 802.3 frames, not types. */
const TYPE_MIN: u32 = 0x600;

export const TYPE_IP4: u32 = 0x0800;
export const TYPE_ARP: u32 = 0x0806;
export const TYPE_RARP: u32 = 0x8035;
export const TYPE_8021Q: u32 = 0x8100;
export const TYPE_IP6: u32 = 0x86dd;
export const TYPE_8021AD: u32 = 0x88a8;

/** Parses up to `tags` VLAN tags (0 to 2); says whether there is a network layer to go on with. */
export function parseEthernet(frame: usize, length: u32, out: usize, tags: u32): bool {
  if (length < HEADER) {
    mark(out + PROBLEMS, PROBLEM_ETHERNET_SHORT);
    return false;
  }
  copyMac(out + ETH_DST, frame + DST);
  copyMac(out + ETH_SRC, frame + SRC);

  let at: u32 = TYPE;
  at = parseTags(frame, length, out, tags, at);
  let type = be16(frame + at);
  at += 2;
  if (type < TYPE_MIN) {
    type = snapType(frame + at, length - at);
    if (type !== ETH_TYPE_NONE) at += SNAP;
  }
  store<u16>(out + ETH_TYPE, type as u16);
  store<u32>(out + L3, at);
  return true;
}

/** Gives the offset of the type behind the tags. */
function parseTags(frame: usize, length: u32, out: usize, tags: u32, at: u32): u32 {
  for (let n: u32 = 0; isTag(be16(frame + at)); n++) {
    if (n === tags) {
      mark(out + PROBLEMS, PROBLEM_VLAN_MORE);
      break;
    }
    if (length - at < TAG + 2) {
      mark(out + PROBLEMS, PROBLEM_VLAN_SHORT);
      break;
    }
    const tci = be16(frame + at + TAG_TCI) | CFI;
    store<u16>(out + (n === 0 ? VLAN_TCI : VLAN2_TCI), tci as u16);
    mark(out + LAYERS, n === 0 ? LAYER_VLAN : LAYER_VLAN2);
    at += TAG;
  }
  return at;
}

function isTag(type: u32): bool {
  return type === TYPE_8021Q || type === TYPE_8021AD;
}

function snapType(at: usize, length: u32): u32 {
  if (length < SNAP || be32(at) !== SNAP_LLC || be16(at + 4) !== 0) return ETH_TYPE_NONE;
  const type = be16(at + SNAP_TYPE);
  return type >= TYPE_MIN ? type : ETH_TYPE_NONE;
}

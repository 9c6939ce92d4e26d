/**
 * Connection tracking as the tracer uses it.  What the tracker knows is not in
 * the southbound database, so it can be chosen: `assumedConntrack` assumes what
 * ovn-trace assumes, `trackingConntrack` (conntrack.ts) keeps a table.
 *
 * Every method is given a copy of the packet, sets its conntrack fields and
 * translates its addresses in place; the packet then goes on in the next table.
 */

import { formatIpv4, formatIpv6 } from '../../engine/lang/addresses.ts';
import type { PortRange } from '../../engine/lang/ir.ts';
import type { Affinities } from './affinity.ts';
import { MicroflowError } from './errors.ts';
import { copyWords, ctState, etherType, fields, type Packet, type Storage, slot, writeBits } from './packet.ts';
import { ctStateBit, ctStateText } from './values.ts';

/** An address to translate to. */
export interface NatAddress {
  family: 4 | 6;
  value: bigint;
}

/** A `ct_dnat`, `ct_snat` or `ct_commit_nat` action. */
export interface Nat {
  /** Absent: of either direction, as the connection's entry says (`ct_commit_nat`). */
  direction?: 'dst' | 'src';
  /** Absent: translate as the connection's entry says. */
  address?: NatAddress;
  ports?: PortRange;
  /** In the zone that both directions share. */
  commonZone: boolean;
  /** The datapath is a gateway router. */
  onGateway: boolean;
}

/** A backend of a load balancer. */
export interface Backend extends NatAddress {
  /** 0 leaves the port. */
  port: number;
}

/** What a load balancer says of source translation. */
export type SnatFlag = 'skip_snat' | 'force_snat';

export interface Conntrack {
  /** `ct_next`: looks the packet up.  Returns the node's title. */
  lookup(packet: Packet, zone: string): string;
  /** Looks the packet up, and translates it.  Undefined if the packet goes no further by this action. */
  translate(packet: Packet, zone: string, nat: Nat): string | undefined;
  /** `ct_commit_to_zone`: remembers the connection there, and looks the packet up.  Returns the node's title. */
  commitTo(packet: Packet, zone: string, name: string): string;
  /**
   * `ct_lb` and `ct_lb_mark` (`name`): to one of the backends, without any to where the entry says.
   * `snat` is what the entry is to remember of source translation, if anything.
   */
  balance(packet: Packet, zone: string, name: string, backends: readonly Backend[], snat?: SnatFlag): BalanceResult;
  /** `ct_commit`: remembers the connection; `change` sets mark and label in a packet that has the entry's. */
  commit(packet: Packet, zone: string, change: (entry: Packet) => void): void;
  /** The packet crosses into another datapath. */
  cross(packet: Packet): void;
  /**
   * The one copy for all members of a group goes on to the next of them.  Absent where it keeps
   * what the egress pipeline of the last one left in it, as in ovn-trace.
   */
  nextMember?(packet: Packet): void;
  /**
   * The egress pipeline gets `flags` as the ingress pipeline left them, and the next datapath no register, as on a chassis
   * (controller/physical.c, OFTABLE_CHECK_LOOPBACK and patch ports).  Unless set, flags are zero in the egress
   * pipeline, and what that leaves in registers goes on, as in ovn-trace.
   */
  readonly keepsFlags?: boolean;
  /** A copy of the packet went through conntrack. Absent where the packet itself keeps what it knew, as in ovn-trace. */
  stayBehind?(packet: Packet): void;
  /**
   * Of a tracker that remembers: replies of backends that called themselves, as
   * `chk_lb_hairpin` learned them.  Absent where nothing is remembered.
   */
  readonly hairpins?: Set<string>;
  /** Of a tracker that remembers: which backends clients keep.  Absent where nothing is remembered. */
  readonly affinities?: Affinities;
}

export interface BalanceResult {
  title: string;
  /** What to say before the packet goes on. */
  error?: string;
}

/** What the user says about the connection: options of ovn-trace. */
export interface Assumptions {
  /** `--ct`: the state that each conntrack action finds, in turn; then established. */
  ct?: readonly number[];
  /** `--lb-dst`: the backend that the first load balancer that has it chooses. */
  lbDst?: Backend;
}

/**
 * Reads the flags of a `--ct` option, separated by commas or spaces: `trk,new`.
 * `trk` is set in any case.  Throws `MicroflowError` for a name that is none.
 */
export function parseCtState(text: string): number {
  let state: number = ctState.trk;
  for (const name of text.split(/[\s,]+/).filter((word) => word !== '')) {
    const bit = ctStateBit(name);
    if (bit === undefined) throw new MicroflowError(`${name}: unknown connection tracking state flag`);
    state |= bit;
  }
  return state;
}

const noteDefault = ' /* default (use --ct to customize) */';

/** ovn-trace's assumptions: ovn-trace(8), "Stateful Actions".  Good for one trace. */
export function assumedConntrack(assumptions: Assumptions = {}): Conntrack {
  const states = assumptions.ct ?? [];
  let next = 0;
  let { lbDst } = assumptions;

  const assume = (): { state: number; note: string } => {
    const state = states[next];
    if (state === undefined) return { state: ctState.est | ctState.trk, note: noteDefault };
    next++;
    return { state: state | ctState.trk, note: '' };
  };

  const chooseBackend = (family: 4 | 6, backends: readonly Backend[]): Backend | undefined => {
    const wanted = lbDst?.family === family ? lbDst : undefined;
    if (backends.length === 0) return wanted;
    const candidates = backends.filter((backend) => backend.family === family);
    const chosen = candidates.find((backend) => backend.value === wanted?.value);
    if (chosen) lbDst = undefined;
    return chosen ?? candidates[0];
  };

  return {
    lookup(packet) {
      const { state, note } = assume();
      packet.words[slot.ctState] = state;
      return `ct_next(ct_state=${ctStateText(state)}${note})`;
    },

    translate(packet, _zone, nat) {
      if (!nat.address && nat.direction === 'src' && nat.onGateway) return undefined;
      const title = translateTo(packet, nat);
      if ((packet.words[slot.ctState] as number) & ctState.trk) return title;
      const { state, note } = assume();
      packet.words[slot.ctState] = (packet.words[slot.ctState] as number) | state;
      return title + note;
    },

    commitTo(packet, _zone, name) {
      if ((packet.words[slot.ctState] as number) & ctState.trk) return name;
      const { state, note } = assume();
      packet.words[slot.ctState] = (packet.words[slot.ctState] as number) | state;
      return name + note;
    },

    balance(packet, _zone, name, backends) {
      const family = familyOf(packet);
      if (!family) return { title: name };
      const backend = chooseBackend(family, backends);
      if (backend) {
        rememberDestination(packet);
        sendTo(packet, backend);
      }
      const { state, note } = assume();
      packet.words[slot.ctState] = (packet.words[slot.ctState] as number) | state;
      const missing = !backend && backends.length > 0;
      return { title: name + note, ...(missing && { error: '*** no load balancing destination (use --lb-dst)' }) };
    },

    commit() {},
    cross() {},
  };
}

function translateTo(packet: Packet, nat: Nat): string {
  const { direction, address } = nat;
  const name = natName(nat);
  if (!direction) return `${name} /* assuming no un-nat entry, so no change */`;
  if (!address) return `${name} /* assuming no un-${direction[0]}nat entry, so no change */`;
  setAddress(packet, direction, address);
  const bit = direction === 'dst' ? ctState.dnat : ctState.snat;
  packet.words[slot.ctState] = (packet.words[slot.ctState] as number) | bit;
  return natTitle(name, direction, address);
}

/** What ovn-trace calls the action; in the common zone it leaves an underscore out. */
export function natName({ direction, commonZone }: Nat): string {
  return direction ? `ct_${direction[0]}nat${commonZone ? 'in_czone' : ''}` : 'ct_commit_nat';
}

/** `ct_dnat(ip4.dst=10.0.0.1)`. */
export function natTitle(name: string, direction: 'dst' | 'src', { family, value }: NatAddress): string {
  return `${name}(ip${family}.${direction}=${family === 4 ? formatIpv4(value) : formatIpv6(value)})`;
}

/** Replaces the packet's source or destination address. */
export function setAddress(packet: Packet, direction: 'dst' | 'src', { family, value }: NatAddress): void {
  writeBits(packet, fields[`ip${family}.${direction}`] as Storage, value);
}

/** 4 or 6; undefined for what is not IP. */
export function familyOf(packet: Packet): 4 | 6 | undefined {
  const type = packet.words[slot.ethType];
  return type === etherType.ip4 ? 4 : type === etherType.ip6 ? 6 : undefined;
}

/** Notes where the packet was going, for `chk_lb_hairpin` and `ct_snat_to_vip`. */
function rememberDestination(packet: Packet): void {
  if (familyOf(packet) === 4) copyWords(packet, slot.ctNwDst, packet, slot.nwDst, 1);
  else copyWords(packet, slot.ctIp6Dst, packet, slot.ip6Dst, 4);
  copyWords(packet, slot.ctTpDst, packet, slot.tpDst, 1);
}

/** Sends the packet to a backend. */
export function sendTo(packet: Packet, backend: Backend): void {
  setAddress(packet, 'dst', backend);
  if (backend.port) packet.words[slot.tpDst] = backend.port;
  packet.words[slot.ctState] = (packet.words[slot.ctState] as number) | ctState.dnat;
}

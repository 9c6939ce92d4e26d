/** Conntrack actions: the packet goes on in the next table with what the tracker says of it. */

import { formatFieldRef } from '../../engine/lang/fields.ts';
import type { Constant, FieldRef, NatZone } from '../../engine/lang/index.ts';
import { assign, load, move } from './assignments.ts';
import type { Nat, NatAddress } from './ct.ts';
import { append, say } from './nodes.ts';
import type { Operation } from './operations.ts';
import { ctState, fields, type Packet, readBits, type Storage, slot } from './packet.ts';
import type { Continuation, Place } from './run.ts';
import { type ActionOf, passedOn, type Step } from './step.ts';

/** A copy of the packet goes on in the next table; the actions that follow run on the packet itself. */
function fork({ run, place, packet, into }: Step, title: string, copy: Packet): Continuation {
  if (copy !== packet) run.conntrack.stayBehind?.(packet);
  const node = append(into, 'transformation', title);
  const { datapath, pipeline, table, passed } = place;
  return { place: { datapath, pipeline, table: table + 1, passed }, packet: copy, shared: false, into: node.subs };
}

/** `ct_next;` */
export function track(step: Step, { zone }: ActionOf<'ct_next'>): Continuation {
  const copy = passedOn(step);
  return fork(step, step.run.conntrack.lookup(copy, zoneOf(step, zone)), copy);
}

/** `ct_dnat;`, `ct_snat(IP);` and their kin. */
export function translate(
  step: Step,
  action: ActionOf<'ct_dnat' | 'ct_snat' | 'ct_dnat_in_czone' | 'ct_snat_in_czone' | 'ct_commit_nat'>,
): Continuation | undefined {
  const nat = natOf(action, step.place);
  const copy = passedOn(step);
  const zone = nat.direction === 'src' && !nat.commonZone ? 'snat' : 'dnat';
  const title = step.run.conntrack.translate(copy, zoneOfDatapath(step, zone, nat), nat);
  return title === undefined ? undefined : fork(step, title, copy);
}

/** `ct_commit_to_zone(ZONE);` */
export function commitToZone(step: Step, { type, zone }: { type: string; zone: NatZone }): Continuation {
  const copy = passedOn(step);
  return fork(step, step.run.conntrack.commitTo(copy, zoneOf(step, zone), `${type}(${zone})`), copy);
}

function natOf(
  action: ActionOf<'ct_dnat' | 'ct_snat' | 'ct_dnat_in_czone' | 'ct_snat_in_czone' | 'ct_commit_nat'>,
  { datapath }: Place,
): Nat {
  const common = { commonZone: action.type.endsWith('_in_czone'), onGateway: datapath.isGateway };
  if (action.type === 'ct_commit_nat') return common;
  const address = action.ip && addressOf(action.ip);
  return {
    ...common,
    direction: action.type.startsWith('ct_dnat') ? 'dst' : 'src',
    ...(address && { address }),
    ...(action.ports && { ports: action.ports }),
  };
}

/** The address that an action names; undefined if it is none. */
export function addressOf(constant: Constant): NatAddress | undefined {
  if (constant.kind !== 'bits') return undefined;
  return { family: constant.format === 'ipv6' ? 6 : 4, value: constant.value };
}

/** `ct_lb_mark(backends=...);` */
export function balance(step: Step, action: ActionOf<'ct_lb' | 'ct_lb_mark'>): Continuation {
  const copy = passedOn(step);
  const backends = action.backends.flatMap(({ ip, port }) => {
    const address = addressOf(ip);
    return address ? [{ ...address, port }] : [];
  });
  const { title, error } = step.run.conntrack.balance(copy, zoneOf(step), action.type, backends, action.flag);
  if (error !== undefined) say(step.into, 'error', error);
  return fork(step, title, copy);
}

/** `R = select(...);` ovn-trace chooses at random; here it is the first, so that traces can be compared. */
export function select(step: Step, { dst, members }: ActionOf<'select'>): Continuation | undefined {
  const wanted = members.find(({ id }) => id === step.run.selectId);
  const chosen = wanted ?? members[0];
  if (!chosen) return undefined;
  const copy = passedOn(step);
  assign(copy, dst, BigInt(chosen.id));
  const note = wanted ? '' : ' /* Randomly selected. Use --select-id to specify. */';
  return fork(step, `select: ${formatFieldRef(dst)} = ${chosen.id}${note}`, copy);
}

/** `ct_commit;`, `ct_commit(ct_mark=...);`, `ct_commit { ct_mark.blocked = 0; };` */
export function commit(step: Step, action: ActionOf<'ct_commit' | 'ct_commit_v2'>, inner: readonly Operation[]): void {
  step.run.conntrack.commit(step.packet, zoneOf(step), (entry) => {
    if (action.type === 'ct_commit') {
      setMarks(entry, action);
      return;
    }
    // Traces do not say what is done inside the braces.
    for (const { loading, copying } of inner) {
      if (loading) load(entry, [], loading);
      if (copying) move(entry, [], copying);
    }
  });
}

function setMarks(entry: Packet, { mark, label }: ActionOf<'ct_commit'>): void {
  if (mark?.kind === 'bits') entry.words[slot.ctMark] = Number(mark.value & 0xffffffffn);
  if (label?.kind !== 'bits') return;
  for (let i = 0; i < 4; i++) {
    entry.words[slot.ctLabel + i] = Number((label.value >> BigInt(32 * (3 - i))) & 0xffffffffn);
  }
}

/** Translation on a switch, of backends that call themselves, has the switch's own zone unless it is a commit. */
function zoneOfDatapath(step: Step, zone: NatZone, { direction, commonZone }: Nat): string {
  if (!direction || commonZone) return zoneOf(step, zone);
  return `${step.place.datapath.binding.uuid} ${zone}`;
}

/**
 * The zone that connections are looked up in, as ovn-controller assigns them: on
 * a switch the port's that the packet comes from or goes to, on a router one for
 * each direction of translation.
 */
function zoneOf({ place: { datapath, pipeline }, packet }: Step, ofRouter: NatZone = 'dnat'): string {
  if (datapath.binding.kind === 'router') return `${datapath.binding.uuid} ${ofRouter}`;
  const key = packet.words[pipeline === 'ingress' ? slot.inport : slot.outport] as number;
  return `${datapath.binding.uuid} ${key}`;
}

/** `R = ct_state_save();`: the packet's state if it was looked up, as far as the field holds it. */
export function saveState({ packet, into }: Step, { dst }: { dst: FieldRef }): void {
  const found = packet.words[slot.ctState] as number;
  const state = found & ctState.trk ? found & 0xff : 0;
  assign(packet, dst, BigInt(state));
  say(into, 'action', `/* ${formatFieldRef(dst)} = ${state}; */`);
}

const remembered = {
  ct_nw_dst: { ...(fields['ip4.dst'] as Storage), slot: slot.ctNwDst },
  ct_ip6_dst: { ...(fields['ip6.dst'] as Storage), slot: slot.ctIp6Dst },
  ct_tp_dst: { ...(fields['tcp.dst'] as Storage), slot: slot.ctTpDst },
} as const;

/**
 * `R = ct_nw_dst();` and its kin: where the connection's opener sent its first
 * packet.  False where nobody remembers that; like ovn-trace we then leave R as it is.
 */
export function recallDestination({ run, packet }: Step, type: keyof typeof remembered, dst: FieldRef): boolean {
  if (!run.conntrack.hairpins) return false;
  assign(packet, dst, readBits(packet, remembered[type]));
  return true;
}

/** What each action does to packets that look alike, and where it brings them. */
import { type Action, formatAction } from '../../engine/lang/index.ts';
import type { FieldRef } from '../../engine/lang/ir.ts';
import type { PacketSet } from '../../engine/sets/index.ts';
import { drop } from './ends.ts';
import { hairpin, hairpinReply, toVirtualAddress } from './hairpin.ts';
import { getNeighbor, getPortOfMac, learned, notModelled } from './lookups.ts';
import { type Certainty, matching, type Test } from './matching.ts';
import { teach } from './neighbors.ts';
import { made, madeAs } from './nested.ts';
import { output } from './output.ts';
import { choose } from './packets.ts';
import { goOn, startPipeline } from './pipelines.ts';
import { entering, type Here, numberValue, parted, type Run } from './run.ts';
import { secured } from './security.ts';
import { flowOf, limited, type State } from './state.ts';
import { at, makings, read, readRef, type Store, write, writeAll, writeRef } from './store.ts';
import { commit, track, untracked } from './tracking.ts';
import { constantOf, mapped, plus, type Value } from './value.ts';

/**
 * Runs actions from one on. What they bring elsewhere, or to an end, is noted in the run; packets that they
 * bring nowhere have been consumed.
 */
export function perform(run: Run, here: Here, start: State, actions: readonly Action[], first = 0): void {
  let state = start;
  const before = run.outcomes;
  for (let i = first; i < actions.length; i++) {
    const action = actions[i] as Action;
    if (action.type === 'nested') {
      // Those that nothing is made of go on alone: what the others came to is not theirs.
      const rest = without(run, state, nested(run, here, state, action));
      if (!rest || rest === state) continue;
      perform(run, here, rest, actions, i + 1);
      state = without(run, state, [rest]) as State;
      continue;
    }
    const next = execute(run, here, state, action);
    const [only] = next;
    if (next.length === 1 && only) {
      state = only;
      continue;
    }
    for (const one of next) perform(run, here, one, actions, i + 1);
    // Where packets ended by the action, that has been noted.
    return;
  }
  if (run.outcomes === before) drop(run, here, actions.length === 0 ? 'flow' : 'consumed', state);
}

/** Follows what is made of packets, and returns those that something is made of. */
function nested(run: Run, here: Here, state: State, { name, actions }: Action & { type: 'nested' }): State[] {
  const some = made(run, state, name);
  for (const one of some) perform(run, here, one, actions);
  return some;
}

/** The packets that are in none of the others. */
function without(run: Run, state: State, others: readonly State[]): State | undefined {
  const { space } = run;
  return limited(run, state, space.not(space.orAll(others.map(({ guard }) => guard))));
}

/** Runs one action that is none in braces: the packets as the actions behind it find them. */
function execute(run: Run, here: Here, state: State, action: Action): State[] {
  const { stores } = run;
  switch (action.type) {
    case 'next': {
      const { pipeline, table } = action;
      if (pipeline === here.pipeline) goOn(run, here, table, state);
      else startPipeline(run, here.datapath, pipeline, table, here.hops + 1, state);
      return [state];
    }
    case 'output':
      output(run, here, state);
      return [state];
    case 'load':
      return [with_(state, load(run, here, state.store, action))];
    case 'move': {
      const value = readRef(stores, state.store, action.src);
      return [value ? with_(state, writeRef(stores, state.store, action.dst, value)) : state];
    }
    case 'exchange': {
      const left = readRef(stores, state.store, action.dst);
      const right = readRef(stores, state.store, action.src);
      if (!left || !right) return [state];
      const half = writeRef(stores, state.store, action.dst, right);
      return [with_(state, writeRef(stores, half, action.src, left))];
    }
    case 'push': {
      const value = readRef(stores, state.store, action.field);
      return [{ ...state, stack: [...(state.stack ?? []), ...(value ? [value] : [])] }];
    }
    case 'pop': {
      const stack = state.stack ?? [];
      const value = stack.at(-1);
      if (!value) return [state];
      return [{ ...state, stack: stack.slice(0, -1), store: writeRef(stores, state.store, action.field, value) }];
    }
    case 'ip.ttl--':
      return lessLife(run, here, state);
    case 'ct_next':
    case 'ct_dnat':
    case 'ct_snat':
    case 'ct_dnat_in_czone':
    case 'ct_snat_in_czone':
    case 'ct_commit_nat':
    case 'ct_commit_to_zone':
    case 'ct_lb':
    case 'ct_lb_mark':
      track(run, here, state, action);
      return [state];
    case 'ct_commit':
    case 'ct_commit_v2':
      return [commit(run, here, state, markedBy(run, here, state.store, action))];
    case 'ct_clear':
      return [untracked(run, state)];
    case 'select':
      for (const [index, one] of choose(
        run,
        state,
        action.members.length,
        questionOf(run, here, state, action),
      ).entries()) {
        const member = action.members[index];
        if (!one || !member) continue;
        const id = constantOf(stores.values, action.dst.n, BigInt(member.id));
        goOn(run, here, here.table + 1, with_(one, writeRef(stores, one.store, action.dst, id)));
      }
      return [state];
    case 'fwd_group':
      forwardToOne(run, here, state, action);
      return [state];
    default:
      return results(run, here, state, action);
  }
}

/** Forwards to any of the ports of a group. Without all of its ports, on this datapath, it is none: lib/actions.c, encode_FWD_GROUP. */
function forwardToOne(run: Run, here: Here, state: State, action: Action & { type: 'fwd_group' }): void {
  const ports = action.childPorts.flatMap((name) => run.network.ports.get(name) ?? []);
  const own = ports.filter(({ datapath }) => datapath === here.datapath.datapath);
  if (own.length < action.childPorts.length) return;
  const ways = choose(run, state, own.length, questionOf(run, here, state, action));
  for (const [index, port] of own.entries()) {
    const one = ways[index];
    if (!one) continue;
    const store = write(run.stores, one.store, at.outport, numberValue(run, port.number));
    goOn(run, here, here.table + 1, with_(one, store));
  }
}

/** Actions whose result depends on more than the packet, and those that leave it as it is. */
function results(run: Run, here: Here, state: State, action: Action): State[] {
  const { stores } = run;
  switch (action.type) {
    case 'get_arp':
    case 'get_nd':
      return getNeighbor(run, here, state, action);
    case 'lookup_arp':
    case 'lookup_nd':
    case 'lookup_arp_ip':
    case 'lookup_nd_ip':
    case 'lookup_fdb':
    case 'chk_ecmp_nh':
    case 'chk_ecmp_nh_mac':
      return [learned(run, state, action.dst, questionOf(run, here, state, action))];
    case 'get_fdb':
      return getPortOfMac(run, here, state, action.dst);
    case 'check_in_port_sec':
    case 'check_out_port_sec': {
      const end = action.type === 'check_in_port_sec' ? 'inport' : 'outport';
      const [may, must] = certainties((certainty) => secured(run, here, state.store, end, certainty));
      return split(run, state, action.dst, run.space.not(must), run.space.not(may));
    }
    case 'check_pkt_larger': {
      const larger = run.space.range(at.length, BigInt(Math.min(action.bytes + 1, 0xffff)), 0xffffn);
      return split(run, state, action.dst, entering(run, state.store, larger));
    }
    case 'put_dhcp_opts':
    case 'put_dhcpv6_opts':
      return answered(run, split(run, state, action.dst, payload(run, state.store, 1n)), action.dst, 'dhcp').map(
        (one) => offered(run, one, action),
      );
    case 'put_nd_ra_opts':
      return answered(run, split(run, state, action.dst, run.space.all), action.dst, 'nd_ra');
    case 'dns_lookup':
      return answered(run, split(run, state, action.dst, payload(run, state.store, 2n)), action.dst, 'dns');
    case 'ct_state_save': {
      const saved = mapped(stores.values, run.space, read(state.store, at.ctState), ({ constant = 0n }) =>
        constantOf(stores.values, action.dst.n, (constant & 32n) === 0n ? 0n : constant & 0xffn),
      );
      return [with_(state, writeRef(stores, state.store, action.dst, saved))];
    }
    case 'ct_nw_dst':
      return [recall(run, state, action.dst, at.ctNwDst)];
    case 'ct_ip6_dst':
      return [recall(run, state, action.dst, at.ctIp6Dst)];
    case 'ct_tp_dst':
      return [recall(run, state, action.dst, at.ctTpDst)];
    case 'chk_lb_hairpin':
      return split(run, state, action.dst, ...certainties((certainty) => hairpin(run, here, state.store, certainty)));
    case 'chk_lb_hairpin_reply':
      return hairpinReplies(run, here, state, action.dst);
    case 'ct_snat_to_vip':
      return toVirtualAddress(run, here, state);
    case 'chk_lb_aff': {
      const next = learned(run, state, action.dst, questionOf(run, here, state, action));
      const isRemembered = readRef(stores, next.store, action.dst);
      const some = isRemembered && limited(run, next, setBits(run, isRemembered));
      // What is remembered is a backend that was chosen before: such connections are known without it.
      if (some) notModelled(run, here, some, formatAction(action), false);
      return split(run, state, action.dst, run.space.empty);
    }
    case 'put_arp':
    case 'put_nd':
      teach(run, state, action);
      return [state];
    case 'put_fdb':
    case 'igmp':
    case 'handle_svc_check':
    case 'handle_dhcpv6_reply':
    case 'handle_bfd_msg':
    case 'mac_cache_use':
    case 'trigger_event':
    case 'set_queue':
    case 'set_meter':
    case 'sample':
    case 'bind_vport':
    case 'commit_ecmp_nh':
    case 'commit_lb_aff':
    case 'log':
      // Learning, rates and what the chassis does for itself.
      return [state];
    default:
      notModelled(run, here, state, formatAction(action));
      return [state];
  }
}

/** What a table that learned is asked, or by what packets are spread. */
function questionOf({ stores }: Run, { datapath, flow }: Here, { store }: State, action: Action): string {
  const asked = [...('port' in action ? [action.port] : []), ...('ip' in action ? [action.ip] : [])];
  const refs = [...asked, ...('mac' in action ? [action.mac] : [])] as (FieldRef | undefined)[];
  const ids = refs.map((ref) => ref && readRef(stores, store, ref)?.id);
  const place = ids.length === 0 ? `${flow?.uuid} ${flowOf(store)}` : datapath.datapath.uuid;
  return `${action.type} ${place} ${ids.join(' ')}`;
}

const with_ = (state: State, store: Store): State => ({ ...state, store });

function setBits({ space }: Run, value: Value): number {
  const [piece] = value.pieces;
  if (value.constant !== undefined) return value.constant === 0n ? space.empty : space.all;
  if (piece?.kind !== 'input') return space.all;
  const bit = 1n << BigInt(piece.ofs);
  return space.cube([{ field: piece.field, value: bit, mask: bit }]);
}

function load(run: Run, { datapath }: Here, store: Store, { dst, imm }: Action & { type: 'load' }): Store {
  const { stores, network } = run;
  if (imm.kind === 'string') {
    const port = network.ports.get(imm.text);
    const number =
      (port?.datapath === datapath.datapath ? port.number : datapath.groupsByName.get(imm.text)?.number) ?? 0;
    return writeRef(stores, store, dst, numberValue(run, number));
  }
  const ones = (1n << BigInt(dst.n)) - 1n;
  const mask = imm.mask & ones;
  if (mask === ones) return writeRef(stores, store, dst, constantOf(stores.values, dst.n, imm.value));
  // Runs of bits that the mask has.
  let changed_ = store;
  for (let ofs = 0; ofs < dst.n; ofs++) {
    if (((mask >> BigInt(ofs)) & 1n) === 0n) continue;
    const bit = constantOf(stores.values, 1, (imm.value >> BigInt(ofs)) & 1n);
    changed_ = writeRef(stores, changed_, { symbol: dst.symbol, ofs: dst.ofs + ofs, n: 1 }, bit);
  }
  return changed_;
}

/** Packets without a hop left go no further; those of which that is not known may. What is not IP has none to lose. */
function lessLife(run: Run, here: Here, state: State): State[] {
  const { space, stores } = run;
  const parts = parted(run, state, ...certainties((certainty) => matching(space, state.store, spent, certainty)));
  for (const part of parts) if (part.is) drop(run, here, 'ttl', part.state);
  const less = mapped(stores.values, space, read(state.store, at.ttl), (plain) =>
    plain.vague ? plain : plus(stores.values, space, plain, -1),
  );
  return parts.flatMap((part) => (part.is ? [] : [with_(part.state, write(stores, part.state.store, at.ttl, less))]));
}

/** No hop is left, or the last one is about to be taken. */
const spent: Test = { type: 'bits', place: at.ttl, value: 0n, mask: 0xfen, equal: true };

/** The result is 1 for some packets, 0 for the others: for those in `must`, and for those outside of `may`. */
function split(run: Run, state: State, dst: FieldRef, may: PacketSet, must = may): State[] {
  return parted(run, state, may, must).map((part) => {
    const result = constantOf(run.stores.values, dst.n, part.is ? 1n : 0n);
    return with_(part.state, writeRef(run.stores, part.state.store, dst, result));
  });
}

/** The packets of which something may be so, and those of which it is. */
const certainties = (setOf: (certainty: Certainty) => PacketSet): [may: PacketSet, must: PacketSet] => [
  setOf('may'),
  setOf('must'),
];

/** What the chassis answers goes on as the answer. */
function answered(run: Run, states: State[], dst: FieldRef, name: (typeof makings)[number]): State[] {
  return states.map((state) => {
    const isAnswer = readRef(run.stores, state.store, dst)?.constant === 1n;
    return isAnswer ? with_(state, madeAs(run, state.store, name)) : state;
  });
}

/** DHCP's answer is for the address that it offers: pinctrl.c, pinctrl_handle_put_dhcp_opts. */
function offered(
  run: Run,
  state: State,
  { options }: Extract<Action, { type: 'put_dhcp_opts' | 'put_dhcpv6_opts' | 'put_nd_ra_opts' }>,
): State {
  const offer = options.find(({ name }) => name === 'offerip')?.values[0];
  if (offer?.kind !== 'bits' || read(state.store, at.made).constant !== BigInt(makings.indexOf('dhcp'))) return state;
  return with_(state, write(run.stores, state.store, at.ip4Dst, constantOf(run.stores.values, 32, offer.value)));
}

function payload(run: Run, store: Store, kind: bigint): number {
  return entering(run, store, run.space.cube([{ field: at.payload, value: kind, mask: 3n }]));
}

function recall({ stores }: Run, state: State, dst: FieldRef, place: number): State {
  return with_(state, writeRef(stores, state.store, dst, read(state.store, place)));
}

function hairpinReplies(run: Run, here: Here, state: State, dst: FieldRef): State[] {
  const { space, stores } = run;
  const like = hairpinReply(run, here, state.store);
  const some = limited(run, state, like);
  const others = limited(run, state, space.not(like));
  const zero = constantOf(stores.values, dst.n, 0n);
  return [
    ...(some ? [learned(run, some, dst, `hairpin reply ${here.flow?.uuid} ${flowOf(some.store)}`)] : []),
    ...(others ? [with_(others, writeRef(stores, others.store, dst, zero))] : []),
  ];
}

/** Mark and label as the action in a commit's braces leave them. */
function markedBy(run: Run, here: Here, store: Store, action: Action & { type: 'ct_commit' | 'ct_commit_v2' }): Store {
  const { stores } = run;
  if (action.type === 'ct_commit') {
    const { mark, label } = action;
    return writeAll(stores, store, [
      ...(mark?.kind === 'bits' ? [[at.ctMark, constantOf(stores.values, 32, mark.value)] as const] : []),
      ...(label?.kind === 'bits' ? [[at.ctLabel, constantOf(stores.values, 128, label.value)] as const] : []),
    ]);
  }
  let marked = store;
  for (const one of action.actions) {
    if (one.type === 'load') marked = load(run, here, marked, one);
    if (one.type === 'move') {
      const value = readRef(stores, store, one.src);
      if (value) marked = writeRef(stores, marked, one.dst, value);
    }
  }
  return marked;
}

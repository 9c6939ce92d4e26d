/**
 * The packets that actions in braces make of the one they run on, as in the
 * tracer (sim/trace/nested.ts); addresses of ARP stand where IPv4's do.
 */
import type { NestedName } from '../../engine/lang/ir.ts';
import type { PacketSet } from '../../engine/sets/index.ts';
import { matching, type Test } from './matching.ts';
import { changed } from './passage.ts';
import type { Run } from './run.ts';
import { limited, type State } from './state.ts';
import { at, makings, places, read, type Store, write, writeAll } from './store.ts';
import { forgotten, ofErrors } from './tracking.ts';
import { constantOf, replaced, sliceOf, type Value } from './value.ts';
import { isCareful } from './widening.ts';

/** The packets that `NAME { ... }` starts with; none where nothing is made of these. */
export function made(run: Run, state: State, name: NestedName): State[] {
  switch (name) {
    case 'clone':
      return [state];
    case 'arp':
      return [ofNoConnection(run, as(run, state, 'arp', arpRequest(run, state.store)))];
    case 'nd_na':
    case 'nd_na_router':
      return [as(run, state, 'nd_na', neighborAdvertisement(run, state.store))];
    case 'nd_ns':
      return [as(run, state, 'nd_ns', neighborSolicitation(run, state.store))];
    case 'icmp4':
    case 'icmp4_error':
      return icmpErrors(run, state, 4);
    case 'icmp6':
    case 'icmp6_error':
      return icmpErrors(run, state, 6);
    case 'tcp_reset':
      return [as(run, state, 'tcp_reset', reset(run, state.store))];
    case 'sctp_abort':
      return [as(run, state, 'sctp_abort', abort(run, state.store))];
    case 'reject':
      return reject(run, state);
  }
}

function as(run: Run, state: State, name: (typeof makings)[number], store: Store): State {
  return { ...forgotten(run, state), store: madeAs(run, store, name) };
}

/** Conntrack is never asked about ARP, so that connections of what it was made of are none of its own. */
const ofNoConnection = ({ passages }: Run, state: State): State => ({
  ...state,
  passage: changed(passages, state.passage, { commits: [], joined: [], isAboutError: undefined, tracked: undefined }),
});

/** The store of what was made of another packet. */
export function madeAs(run: Run, store: Store, name: (typeof makings)[number]): Store {
  return write(run.stores, store, at.made, constant(run, 8, makings.indexOf(name)));
}

const constant = ({ stores }: Run, width: number, value: number): Value =>
  constantOf(stores.values, width, BigInt(value));

function arpRequest(run: Run, store: Store): Store {
  return writeAll(run.stores, store, [
    [at.ethType, constant(run, 16, 0x806)],
    [at.arpOp, constant(run, 16, 1)],
    [at.arpSpa, read(store, at.ip4Src)],
    [at.arpTpa, read(store, at.ip4Dst)],
    [at.arpSha, read(store, at.ethSrc)],
    [at.arpTha, constant(run, 48, 0)],
    ...nothingOf(run, notOfArp),
  ]);
}

/** What no frame of ARP has, and no ICMPv6: that nothing is left of it makes many of them one. */
const notOfArp = [
  ...[at.ipProto, at.ipFrag, at.ttl, at.icmpType, at.icmpCode, at.tpSrc, at.tpDst, at.tcpFlags],
  ...[at.ip4Src, at.ip4Dst, at.ip6Src, at.ip6Dst, at.ndTarget, at.ndSll, at.ndTll],
];
const notOfNd = [at.tpSrc, at.tpDst, at.tcpFlags, at.ip4Src, at.ip4Dst];

const nothingOf = (run: Run, which: readonly number[]): [number, Value][] =>
  which.map((place) => [place, constant(run, places[place]?.width ?? 0, 0)]);

function neighborAdvertisement(run: Run, store: Store): Store {
  return writeAll(run.stores, store, [
    [at.ethSrc, read(store, at.ethDst)],
    [at.ethDst, read(store, at.ethSrc)],
    [at.ip6Dst, read(store, at.ip6Src)],
    [at.ip6Src, read(store, at.ndTarget)],
    [at.icmpType, constant(run, 8, 136)],
    [at.ndSll, constant(run, 48, 0)],
    [at.ndTll, read(store, at.ethDst)],
  ]);
}

/** The solicited-node group's Ethernet address: RFC 4861, section 4.3; RFC 2464, section 7. */
function neighborSolicitation(run: Run, store: Store): Store {
  const { values } = run.stores;
  const low = sliceOf(values, run.space, read(store, at.ip6Dst), 0, 24);
  const group = replaced(values, run.space, constantOf(values, 48, 0x3333ff000000n), 0, low);
  return writeAll(run.stores, store, [
    [at.ethDst, group],
    [at.ipProto, constant(run, 8, 58)],
    [at.icmpType, constant(run, 8, 135)],
    [at.icmpCode, constant(run, 8, 0)],
    [at.ttl, constant(run, 8, 255)],
    [at.ndTarget, read(store, at.ip6Dst)],
    [at.ndSll, read(store, at.ethSrc)],
    [at.ndTll, read(store, at.ethDst)],
    ...nothingOf(run, notOfNd),
  ]);
}

/** Destination unreachable, host unreachable, unless the actions inside say otherwise. */
function icmpError(run: Run, store: Store, family: 4 | 6): Store {
  return writeAll(run.stores, store, [
    [at.ipProto, constant(run, 8, family === 4 ? 1 : 58)],
    [at.ttl, constant(run, 8, 255)],
    [at.icmpType, constant(run, 8, family === 4 ? 3 : 1)],
    [at.icmpCode, constant(run, 8, 1)],
    [at.ipFrag, constant(run, 2, 0)],
  ]);
}

const tcpReset = 4;

function reset(run: Run, store: Store): Store {
  return writeAll(run.stores, store, [
    [at.ttl, constant(run, 8, 255)],
    [at.tcpFlags, constant(run, 12, tcpReset)],
  ]);
}

const abort = (run: Run, store: Store): Store => writeAll(run.stores, store, [[at.ttl, constant(run, 8, 255)]]);

/** In a careful run those about what surely is an ICMP error itself are told apart: conntrack takes them for invalid. */
function icmpErrors(run: Run, state: State, family: 4 | 6): State[] {
  const { space, passages } = run;
  const make = (some: State): State => as(run, some, `icmp${family}`, icmpError(run, some.store, family));
  if (!isCareful(run)) return [make(state)];
  const errors = ofErrors(run, state.store);
  const others = limited(run, state, space.not(errors));
  const again = limited(run, state, errors);
  const about = (one: State): State => ({
    ...one,
    passage: changed(passages, one.passage, { isAboutError: true }),
  });
  return [...(others ? [make(others)] : []), ...(again ? [about(make(again))] : [])];
}

/** Sends the answer where the packet came from. */
function turnedBack({ stores }: Run, answer: Store, store: Store): Store {
  return writeAll(stores, answer, [
    [at.ethDst, read(store, at.ethSrc)],
    [at.ethSrc, read(store, at.ethDst)],
    [at.ip4Dst, read(store, at.ip4Src)],
    [at.ip4Src, read(store, at.ip4Dst)],
    [at.ip6Dst, read(store, at.ip6Src)],
    [at.ip6Src, read(store, at.ip6Dst)],
  ]);
}

/** A reject of what itself is a refusal would go back and forth for ever. */
function reject(run: Run, state: State): State[] {
  const { space } = run;
  const bits = (place: number, value: number, width: number): PacketSet => {
    const test: Test = { type: 'bits', place, value: BigInt(value), mask: (1n << BigInt(width)) - 1n, equal: true };
    return matching(space, state.store, test, 'may');
  };
  const tcp = bits(at.ipProto, 6, 8);
  const sctp = bits(at.ipProto, 132, 8);
  const streams = space.or(tcp, sctp);
  const refusals = (type: number, name: 4 | 6) =>
    space.and(bits(at.icmpType, name === 4 ? 3 : 1, 8), bits(at.ethType, type, 16));
  const made_: State[] = [];
  const add = (packets: PacketSet, name: (typeof makings)[number], answer: (store: Store) => Store): void => {
    const some = limited(run, state, packets);
    if (some) made_.push(as(run, some, name, turnedBack(run, answer(some.store), some.store)));
  };
  add(space.diff(tcp, bits(at.tcpFlags, tcpReset, 12)), 'tcp_reset', (store) => reset(run, store));
  add(sctp, 'sctp_abort', (store) => abort(run, store));
  for (const [type, family] of [
    [0x800, 4],
    [0x86dd, 6],
  ] as const) {
    const icmp = bits(at.ipProto, family === 4 ? 1 : 58, 8);
    const refusal = space.and(icmp, refusals(type, family));
    const packets = space.diff(space.diff(bits(at.ethType, type, 16), streams), refusal);
    add(packets, `icmp${family}`, (store) => icmpError(run, store, family));
  }
  return made_;
}

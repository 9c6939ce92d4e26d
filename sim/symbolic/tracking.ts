/**
 * Conntrack: which states packets may be found in, and what translation makes of
 * them.  Packets of connections that are known go each way that those allow.
 */
import type { Action, Constant } from '../../engine/lang/ir.ts';
import type { PacketSet, Space } from '../../engine/sets/index.ts';
import { openers } from './fields.ts';
import { fieldsOfOpener, type KnownConnections, repliesTo, restoredValue, tellsOf } from './knowledge.ts';
import { choose, invalid, ofIcmp, setOnce } from './packets.ts';
import { changed, type Tracked, type TrackedCommit } from './passage.ts';
import { goOn } from './pipelines.ts';
import { entering, type Here, inexactly, type Run } from './run.ts';
import { flowOf, limited, only, packetsOf, type State, tuplePlaces } from './state.ts';
import { at, connectionStates, makings, plainParts, read, type Store, write, writeAll } from './store.ts';
import { unknownOnce } from './unknown.ts';
import { constantOf, mapped, replaced, sameValues, type Value } from './value.ts';
import { isCareful, isSecond } from './widening.ts';

/** Bits of ct_state: ovn-sb(5), "ct.*". */
const bit = { new: 1, est: 2, rel: 4, rpl: 8, inv: 16, trk: 32, snat: 64, dnat: 128 } as const;

/** A conntrack zone: a router's for one direction of translation, or that of a switch's port. */
interface Zone {
  readonly name: string;
  readonly port?: Value;
}

/** Packets as conntrack found them, and how they are translated. */
interface Found {
  readonly state: State;
  readonly kind: Tracked['kind'];
  /** The packet's own places, once it is translated as its connection says. */
  readonly translated: Store;
}

export type TrackingAction = Extract<
  Action,
  {
    type:
      | 'ct_next'
      | 'ct_dnat'
      | 'ct_snat'
      | 'ct_dnat_in_czone'
      | 'ct_snat_in_czone'
      | 'ct_commit_nat'
      | 'ct_commit_to_zone'
      | 'ct_lb'
      | 'ct_lb_mark';
  }
>;

/** Runs an action after which packets go on in the next table, with what conntrack says of them. */
export function track(run: Run, here: Here, state: State, action: TrackingAction): void {
  if (run.connections.kind === 'none') run.asked.push({ here, state, action });
  follow(run, here, state, action, true);
}

/** Goes on from where conntrack was asked, with the connections that are known now, as packets that belong to one. */
export function trackKnown(run: Run, here: Here, state: State, action: TrackingAction): void {
  follow(run, here, state, action, false);
}

function follow(run: Run, here: Here, state: State, action: TrackingAction, alsoNew: boolean): void {
  const zone = zoneOf(here, state, action);
  for (const found of find(run, state, zone, alsoNew)) {
    const known = { ...found, state: trackedIn(run, found, zone) };
    for (const next of act(run, known, zone, action)) goOn(run, here, here.table + 1, next);
  }
}

/** What was found is remembered in a router's zone; what another one said before is not. */
function trackedIn(run: Run, { state, kind }: Found, { name, port }: Zone): State {
  if (port) return forgotten(run, state);
  return { ...state, passage: changed(run.passages, state.passage, { tracked: { zone: name, kind } }) };
}

/** `ct_commit;` and `ct_commit { ... };`: mark and label are what `marked` has made of them. */
export function commit(run: Run, here: Here, state: State, marked: Store): State {
  const zone = zoneOf(here, state, undefined);
  const valid = limited(run, state, entering(run, state.store, trackable(run)));
  if (!valid) return state;
  const [mark, label] = [read(marked, at.ctMark), read(marked, at.ctLabel)];
  if (read(state.store, at.connection).constant === replied) return joining(run, state, zone, state.store, mark, label);
  return open(run, state, zone, state.store, state.store, mark, label);
}

function zoneOf({ datapath, pipeline }: Here, { store }: State, action: TrackingAction | undefined): Zone {
  const { uuid, kind } = datapath.datapath;
  const isSource = action?.type === 'ct_snat' || (action && 'zone' in action && action.zone === 'snat');
  const router = isSource ? 'snat' : 'dnat';
  const isNat = action?.type === 'ct_snat' || action?.type === 'ct_dnat';
  if (kind === 'router' || isNat) return { name: `${uuid} ${router}` };
  return { name: `${uuid} port`, port: read(store, pipeline === 'ingress' ? at.inport : at.outport) };
}

/**
 * What conntrack may know of the packets. Who is asked a second time in a router's zone is told what the first time was found,
 * and not translated again, unless that was cleared: lib/conntrack.c, initial_conn_lookup and handle_nat.
 */
function find(run: Run, arrived: State, zone: Zone, alsoNew: boolean): Found[] {
  const state = isStray(run, arrived) ? { ...arrived, store: inexactly(run, arrived.store) } : arrived;
  const found: Found[] = [];
  const add = (packets: PacketSet, make: (state: State) => Found): void => {
    const some = limited(run, state, packets);
    if (some) found.push(make(some));
  };
  const { connections, space } = run;
  const { tracked } = state.passage;
  if (tracked?.zone === zone.name && !state.used.wide) {
    return alsoNew ? [{ state, kind: tracked.kind, translated: state.store }] : [];
  }
  if (state.passage.isAboutError && isError(state.store)) {
    return alsoNew ? [plainFound(run, state, 'invalid', bit.inv | bit.trk)] : [];
  }
  let others = space.all;
  if (connections.kind === 'own') {
    for (const known of connections.commits) {
      const packets = space.and(others, space.and(known.packets, ownReply(run, state, known, zone)));
      add(packets, (some) => replyOf(run, some, known, 'reply'));
      if (!state.used.wide) others = space.diff(others, packets);
    }
  }
  if (connections.kind !== 'own') {
    // What the network makes of a packet passes with what the packet opened: a router's echo reply. It is nobody else's.
    for (const opened of [...state.passage.commits, ...state.passage.joined]) {
      const fit = space.and(others, ownReply(run, state, opened, zone));
      if (fit === space.empty) continue;
      const packets = space.and(fit, entering(run, opened.before, trackable(run)));
      if (alsoNew) add(packets, (some) => replyOf(run, some, opened, 'unchanged'));
      if (!state.used.wide) others = space.diff(others, packets);
    }
  }
  const rest = connections.kind === 'any' ? limited(run, state, others) : undefined;
  if (connections.kind === 'any' && rest) {
    for (const known of connections.knowledge.get(zone.name)?.values() ?? []) {
      found.push(...knownPackets(run, rest, zone, known));
    }
  }
  if (!alsoNew) return found;
  const strange = entering(run, state.store, invalid(run));
  const unfit = space.and(others, strange);
  const fresh = space.diff(others, strange);
  add(fresh, (some) => plainFound(run, some, 'new', bit.new | bit.trk));
  add(unfit, (some) => plainFound(run, some, 'invalid', bit.inv | bit.trk));
  return found;
}

/** Errors about packets of connections that others opened: without care it is not known that they belong to these, and to no other. */
const isStray = (run: Run, { store }: State): boolean =>
  isSecond(run) && !isCareful(run) && isError(store) && read(store, at.connection).constant !== 0n;

function plainFound(run: Run, state: State, kind: 'new' | 'invalid', ctState: number): Found {
  const store = known(
    run,
    state.store,
    ctState,
    constantOf(run.stores.values, 32, 0n),
    constantOf(run.stores.values, 128, 0n),
  );
  return { state: { ...state, store }, kind, translated: store };
}

/** The store with what conntrack says. */
function known({ stores }: Run, store: Store, ctState: number, mark: Value, label: Value): Store {
  return writeAll(stores, store, [
    [at.ctState, constantOf(stores.values, 32, BigInt(ctState))],
    [at.ctMark, mark],
    [at.ctLabel, label],
    [at.ctNwDst, read(store, at.ip4Dst)],
    [at.ctIp6Dst, read(store, at.ip6Dst)],
    [at.ctTpDst, read(store, at.tpDst)],
  ]);
}

/** The packets that answer a connection of their own. Of those that are followed widely all that might do so: nor is it said that they do. */
function ownReply({ space }: Run, { store, used }: State, { zone, port, after }: TrackedCommit, here: Zone): PacketSet {
  if (zone !== here.name) return space.empty;
  const same = (a: Value | undefined, b: Value | undefined): PacketSet => {
    if (!a || !b || (used.wide && (a.vague || b.vague))) return space.all;
    return surelySame(space, a, b);
  };
  const pairs: [number, number][] = [
    [at.ethType, at.ethType],
    [at.ipProto, at.ipProto],
  ];
  const ends = (a: number, b: number): [number, number][] => [
    [a, b],
    [b, a],
  ];
  const family = (type: bigint): PacketSet =>
    sameValues(space, read(store, at.ethType), constantLike(type), space.empty);
  const all = (list: readonly [number, number][]) =>
    list.reduce(
      (set, [a, b]) => (set === space.empty ? set : space.and(set, same(read(store, a), read(after, b)))),
      space.all,
    );
  const v4 = space.and(family(0x800n), all(ends(at.ip4Src, at.ip4Dst)));
  const v6 = space.and(family(0x86ddn), all(ends(at.ip6Src, at.ip6Dst)));
  const [source, destination] = portsOnWire(store);
  const crossed: [number, number][] = [
    [source, at.tpDst],
    [destination, at.tpSrc],
  ];
  const ports = space.or(ofIcmp(space, store), all(crossed));
  const header = space.and(all(pairs), space.and(space.or(v4, v6), ports));
  return header === space.empty ? header : space.and(header, same(port, here.port));
}

/** ICMP errors that the network made. Those about errors have no connection: lib/conntrack.c, extract_l4_icmp. */
const isError = (store: Store): boolean => errors.has(read(store, at.made).constant ?? 0n);
const errors: ReadonlySet<bigint> = new Set((['icmp4', 'icmp6'] as const).map((name) => BigInt(makings.indexOf(name))));

/** The packets that are ICMP errors by now. */
export const ofErrors = (run: Run, store: Store): PacketSet => icmpSets(run, store).errors;

/**
 * Where the source port and the destination port of packets stand. In TCP resets and SCTP aborts of the network they stand as
 * in what these answer, as ovn-trace has them; on the wire they have changed sides (pinctrl.c, pinctrl_handle_tcp_reset).
 */
function portsOnWire(store: Store): [source: number, destination: number] {
  const { constant = 0n } = read(store, at.made);
  return endings.has(constant) ? [at.tpDst, at.tpSrc] : [at.tpSrc, at.tpDst];
}

const endings: ReadonlySet<bigint> = new Set(
  (['tcp_reset', 'sctp_abort'] as const).map((name) => BigInt(makings.indexOf(name))),
);

/** Fields that happen to have the same value do not make an answer: that is told by where they come from. */
function surelySame(space: Space, a: Value, b: Value): PacketSet {
  if (a === b) return space.all;
  const isComparable = [a, b].some(
    ({ pieces, options }) => !options && pieces.every(({ kind }) => kind === 'constant'),
  );
  return isComparable || a.options || b.options ? comparable(space, a, b) : space.empty;
}

function comparable(space: Space, a: Value, b: Value): PacketSet {
  if (a.options) {
    return space.orAll(a.options.map(({ packets, value }) => space.and(packets, surelySame(space, value, b))));
  }
  return b.options ? comparable(space, b, a) : sameValues(space, a, b, space.empty);
}

/** A value to compare with, that is in no table. */
function constantLike(value: bigint): Value {
  return { id: -1, width: 16, pieces: [{ n: 16, kind: 'constant', value }], constant: value, vague: false };
}

/** The answer to a connection of one's own, translated back; of packets that opened it themselves, `unchanged`. */
function replyOf(
  run: Run,
  state: State,
  { before, after, mark, label }: TrackedCommit,
  connection: 'reply' | 'unchanged',
): Found {
  const { stores } = run;
  const flags = bit.est | bit.rpl | bit.trk;
  const store = known(run, state.store, flags, mark, label);
  const swap = (now: number, then: number): [number, Value] => [
    now,
    read(after, then) === read(before, then) ? read(store, now) : read(before, then),
  ];
  const [source, destination] = portsOnWire(store);
  const translated = writeAll(stores, store, [
    swap(at.ip4Dst, at.ip4Src),
    swap(at.ip6Dst, at.ip6Src),
    swap(destination, at.tpSrc),
    swap(at.ip4Src, at.ip4Dst),
    swap(at.ip6Src, at.ip6Dst),
    swap(source, at.tpDst),
  ]);
  if (connection === 'reply') return reached(run, state, store, translated, 'reply');
  return { state: { ...state, store }, kind: 'reply', translated: withNatBits(run, store, translated) };
}

/** Packets of a connection, as they are and translated. */
function reached(run: Run, state: State, store: Store, translated: Store, connection: 'established' | 'reply'): Found {
  const next = withConnection(run, { ...state, store }, connection);
  const after = withConnection(run, { ...state, store: withNatBits(run, store, translated) }, connection);
  return { state: next, kind: connection === 'reply' ? 'reply' : 'original', translated: after.store };
}

const replied = BigInt(connectionStates.indexOf('reply'));

/** Who was taken for a reply once stays one. */
function withConnection({ stores, space }: Run, state: State, connection: 'established' | 'reply'): State {
  const known = constantOf(stores.values, 2, BigInt(connectionStates.indexOf(connection)));
  const value = mapped(stores.values, space, read(state.store, at.connection), (plain) =>
    plain.constant === replied ? plain : known,
  );
  return { ...state, store: write(stores, state.store, at.connection, value) };
}

/** Bits `ct.snat` and `ct.dnat` tell what was translated. */
function withNatBits(run: Run, before: Store, after: Store): Store {
  const { stores } = run;
  const differs = (...places: number[]) => places.some((place) => read(before, place) !== read(after, place));
  const state = read(after, at.ctState).constant ?? 0n;
  const flags =
    (differs(at.ip4Src, at.ip6Src) ? BigInt(bit.snat) : 0n) | (differs(at.ip4Dst, at.ip6Dst) ? BigInt(bit.dnat) : 0n);
  return write(stores, after, at.ctState, constantOf(stores.values, 32, state | flags));
}

/** The packets that connections which others may have opened make of more than new ones. */
function knownPackets(run: Run, state: State, zone: Zone, connections: KnownConnections): Found[] {
  const { space, stores } = run;
  const { store } = state;
  const found: Found[] = [];
  const port = zone.port ?? constantOf(stores.values, 20, 0n);
  const atPort = write(stores, store, at.inport, port);
  const inZone = (set: PacketSet): PacketSet => entering(run, atPort, set);
  const icmp = ofIcmp(space, store);
  const types = icmpSets(run, store);
  const add = (packets: PacketSet, make: (some: State) => Found): void => {
    const some = limited(run, state, packets);
    if (some) found.push(make(some));
  };
  const original = inZone(connections.original);
  const asked = space.and(original, space.or(space.diff(space.all, icmp), types.requests));
  add(asked, (some) => originalOf(run, some, connections, bit.est));
  if (connections.mark.constant !== 0n || connections.label.constant !== 0n) {
    add(asked, (some) => originalOf(run, some, connections, bit.new));
  }
  const addReplies = (kind: PacketSet, set: PacketSet, flags: number): void => {
    if (kind === space.empty) return;
    found.push(...repliesOf(run, state, port, connections, kind, set, flags));
  };
  addReplies(space.or(space.diff(space.all, icmp), types.answers), connections.reply, bit.est | bit.rpl);
  // An error may come from anybody on the way: only where it goes must fit.
  const loose = (set: PacketSet) => space.forget(set, [at.ipProto, at.tpSrc, at.tpDst, at.ip4Src, at.ip6Src]);
  addReplies(types.errors, loose(connections.reply), bit.rel | bit.rpl);
  add(space.and(types.errors, inZone(loose(connections.original))), (some) =>
    originalOf(run, some, connections, bit.rel),
  );
  return found;
}

function icmpSets(run: Run, store: Store): { requests: PacketSet; answers: PacketSet; errors: PacketSet } {
  const { space } = run;
  const set = (name: string, types4: readonly number[], types6: readonly number[]) =>
    entering(
      run,
      store,
      setOnce(run, `icmp ${name}`, () =>
        space.or(icmpTypes(run, 0x800n, 1n, types4), icmpTypes(run, 0x86ddn, 58n, types6)),
      ),
    );
  return {
    requests: set('requests', [8, 13, 15], [128]),
    answers: set('answers', [0, 14, 16], [129]),
    errors: set('errors', [3, 4, 5, 11, 12], [1, 2, 3, 4]),
  };
}

function icmpTypes({ space }: Run, ethType: bigint, proto: bigint, types: readonly number[]): PacketSet {
  const base = space.cube([
    { field: at.ethType, value: ethType, mask: 0xffffn },
    { field: at.ipProto, value: proto, mask: 0xffn },
  ]);
  return space.and(base, space.oneOf(at.icmpType, types.map(BigInt)));
}

/** A further packet of a connection's opener: it is sent where the first one was. */
function originalOf(run: Run, state: State, { destination, mark, label }: KnownConnections, flag: number): Found {
  const { stores } = run;
  const store = known(run, state.store, flag | bit.trk, mark, label);
  const constant = (place: number, value: Value | undefined): [number, Value] => [
    place,
    value?.constant === undefined ? read(store, place) : value,
  ];
  const translated = writeAll(stores, store, [
    constant(at.ip4Dst, destination?.ip4),
    constant(at.ip6Dst, destination?.ip6),
    constant(at.tpDst, destination?.port),
  ]);
  return reached(run, state, store, translated, 'established');
}

/** Packets of a kind that answer known connections: those of a set of headers, as the zone knows them before they are translated back. */
function repliesOf(
  run: Run,
  state: State,
  port: Value,
  connections: KnownConnections,
  kind: PacketSet,
  set: PacketSet,
  flags: number,
): Found[] {
  const { space, stores } = run;
  const matching = ({ store }: State, headers: PacketSet) =>
    entering(run, write(stores, store, at.inport, port), headers);
  const headers = setOnce(run, `headers ${set}`, () => space.forget(set, fieldsOfOpener[0] as readonly number[]));
  const some = limited(run, state, space.and(kind, matching(state, headers)));
  if (!some) return [];
  if (connections.translated.length === 0) return [restored(run, some, connections, undefined, flags)];
  return withOpener(run, some, connections.translated).flatMap(({ state: ready, opener }) => {
    if (opener === undefined) return [restored(run, ready, connections, undefined, flags)];
    const known = setOnce(run, `replies ${set} ${opener}`, () => repliesTo(space, set, opener));
    const own = limited(run, ready, matching(ready, known));
    return own ? [restored(run, own, connections, opener, flags)] : [];
  });
}

/** The packets with fields that say who opened the next connection: those of an opener of whom nothing is remembered. */
function withOpener(
  run: Run,
  state: State,
  translated: readonly number[],
): { state: State; opener: number | undefined }[] {
  const { used } = state;
  // What is ICMP has no ports.
  const hasPorts = ofIcmp(run.space, state.store) !== run.space.all;
  const wanted = translated.filter((place) => hasPorts || (place !== at.tpSrc && place !== at.tpDst));
  if (used.openers < openers && tellsOf(used.openers, wanted)) {
    return [{ state: { ...state, used: { ...used, openers: used.openers + 1 } }, opener: used.openers }];
  }
  const { space, stores, passages } = run;
  return plainParts(stores, state.store, packetsOf(run, state)).map((part) => {
    const vague = { ...state, store: inexactly(run, part.store) };
    const opener = isSecond(run)
      ? fieldsOfOpener.findIndex((fields, n) => tellsOf(n, wanted) && !isTold(part.store, fields))
      : -1;
    if (opener < 0) return { state: { ...vague, ...only(run, part.packets) }, opener: undefined };
    const passage = changed(passages, state.passage, { commits: [] });
    const packets = space.forget(part.packets, fieldsOfOpener[opener] as readonly number[]);
    return { state: { ...vague, ...only(run, packets), passage }, opener };
  });
}

/** Whether what plain packets look like depends on one of the fields. */
const isTold = ({ values }: Store, fields: readonly number[]): boolean =>
  values.some(({ pieces }) =>
    pieces.some((piece) => (piece.kind === 'input' || piece.kind === 'plus') && fields.includes(piece.field)),
  );

/** A reply to a connection that somebody opened: the fields of `opener` say who; it is not known if there are none. */
function restored(
  run: Run,
  state: State,
  connections: KnownConnections,
  opener: number | undefined,
  flags: number,
): Found {
  const { stores } = run;
  const store = known(run, state.store, flags | bit.trk, connections.mark, connections.label);
  let translated = store;
  if (connections.translated.length === 0) return reached(run, state, store, store, 'reply');
  for (const place of connections.translated) {
    const isSaid = opener !== undefined && tellsOf(opener, [place]);
    const [mirror, value] = restoredValue(stores.values, place, isSaid ? opener : 0);
    const own = isSaid ? value : unknownOnce(run, `opener ${place}`, value.width);
    translated = write(stores, translated, mirror, own);
  }
  return reached(run, state, store, translated, 'reply');
}

/** What the action does with packets that conntrack has found so. */
function act(run: Run, found: Found, zone: Zone, action: TrackingAction): State[] {
  const { state, kind, translated } = found;
  if (action.type === 'ct_next') return [state];
  if (kind === 'invalid') return [state];
  if (kind === 'reply') return [{ ...state, store: translated }];
  switch (action.type) {
    case 'ct_commit_to_zone':
    case 'ct_commit_nat':
      return [kind === 'new' ? openAs(run, state, zone, state.store) : joinAs(run, state, zone, translated)];
    case 'ct_lb':
    case 'ct_lb_mark':
      if (kind === 'original') return [joinAs(run, state, zone, translated)];
      return balance(run, state, zone, action);
    default: {
      if (!action.ip) return [kind === 'original' ? joinAs(run, state, zone, translated) : state];
      const target = translate(run, state.store, action);
      return [kind === 'new' ? openAs(run, state, zone, target) : joinAs(run, state, zone, target)];
    }
  }
}

/** Opens the connection: its packets leave looking as `after` says. */
function openAs(run: Run, state: State, zone: Zone, after: Store): State {
  const next = open(run, state, zone, state.store, after, read(after, at.ctMark), read(after, at.ctLabel));
  return { ...next, store: after };
}

/** Goes on as a packet of the opener of a connection that is known: its packets leave looking as `after` says. */
function joinAs(run: Run, state: State, zone: Zone, after: Store): State {
  const next = joining(run, state, zone, after, read(after, at.ctMark), read(after, at.ctLabel));
  return { ...next, store: after };
}

/**
 * In a careful run packets remember the connections of routers that they belong to: what they are answered does, too. ICMP errors
 * belong to none.
 */
function joining(run: Run, state: State, zone: Zone, after: Store, mark: Value, label: Value): State {
  const isRelated = ((read(after, at.ctState).constant ?? 0n) & BigInt(bit.rel)) !== 0n;
  if (!isCareful(run) || zone.port || isRelated) return state;
  const [before, then] = [remembered(run, state.store), remembered(run, after)];
  const made: TrackedCommit = { zone: zone.name, before, after: then, mark, label };
  const others = state.passage.joined.filter((one) => one.zone !== made.zone || !isSameTuple(one, made));
  return { ...state, passage: changed(run.passages, state.passage, { joined: [...others, made] }) };
}

function open(run: Run, state: State, zone: Zone, before: Store, after: Store, mark: Value, label: Value): State {
  const { space, passages } = run;
  const made: TrackedCommit = {
    zone: zone.name,
    before: remembered(run, before),
    after: remembered(run, after),
    mark,
    label,
    ...(zone.port && { port: zone.port }),
  };
  const key = `${made.zone} ${made.port?.id} ${made.before.id} ${made.after.id} ${mark.id} ${label.id}`;
  const packets = space.and(packetsOf(run, state), entering(run, before, trackable(run)));
  if (packets === space.empty) return state;
  const known = run.opened.get(key);
  if (known) known.packets = space.or(known.packets, packets);
  else run.opened.set(key, { commit: made, packets });
  const others = state.passage.commits.filter(
    (one) => one.zone !== made.zone || one.port !== made.port || !isSameTuple(one, made),
  );
  return { ...state, passage: changed(passages, state.passage, { commits: [...others, made] }) };
}

/** What a connection knows of the packet that opened it; of the rest, which tells nothing, no two connections are told apart. */
function remembered({ stores }: Run, store: Store): Store {
  const { initial } = stores;
  return writeAll(
    stores,
    initial,
    [...tuplePlaces, at.icmpType, at.tcpFlags].map((place) => [place, read(store, place)] as const),
  );
}

/** Packets that go round meet the connection that they opened the first time. */
const isSameTuple = (a: TrackedCommit, b: TrackedCommit): boolean =>
  tuplePlaces.every(
    (place) => read(a.before, place) === read(b.before, place) && read(a.after, place) === read(b.after, place),
  );

/** IP packets that conntrack takes. */
function trackable(run: Run): PacketSet {
  const unfit = invalid(run);
  return setOnce(run, 'trackable', () => run.space.not(unfit));
}

function translate(run: Run, store: Store, { type, ip, ports }: Extract<TrackingAction, { ip?: Constant }>): Store {
  const { stores } = run;
  if (ip?.kind !== 'bits') return store;
  const isSource = type.startsWith('ct_snat');
  const isIp6 = ip.format === 'ipv6';
  const address = constantOf(stores.values, isIp6 ? 128 : 32, ip.value);
  const place = isSource ? (isIp6 ? at.ip6Src : at.ip4Src) : isIp6 ? at.ip6Dst : at.ip4Dst;
  const port = isSource ? at.tpSrc : at.tpDst;
  // A source port that is taken is exchanged for another one; of a destination's only where a range is given.
  const single = ports && ports.low === ports.high ? constantOf(stores.values, 16, BigInt(ports.low)) : undefined;
  const other = single ?? (isSource || ports ? unknownPort(run, store, port) : read(store, port));
  const translated = writeAll(stores, store, [
    [place, address],
    [port, other],
  ]);
  return withNatBits(run, store, translated);
}

/** The port that takes another one's place: the same unknown each time the same packets need one. */
function unknownPort(run: Run, store: Store, place: number): Value {
  return unknownOnce(run, `port ${place} of ${flowOf(store)}`, 16);
}

/** Marks that tell translated connections: lib/actions.c, encode_ct_lb; the bits are `ct_mark.natted` and its kin. */
function marked(
  { stores }: Run,
  store: Store,
  action: Extract<TrackingAction, { type: 'ct_lb' | 'ct_lb_mark' }>,
): Store {
  const { values, space } = stores;
  const place = action.type === 'ct_lb_mark' ? at.ctMark : at.ctLabel;
  const one = constantOf(values, 1, 1n);
  const natted = replaced(values, space, read(store, place), 1, one);
  const flag = action.flag === 'skip_snat' ? 2 : action.flag === 'force_snat' ? 3 : undefined;
  return write(stores, store, place, flag === undefined ? natted : replaced(values, space, natted, flag, one));
}

function balance(
  run: Run,
  state: State,
  zone: Zone,
  action: Extract<TrackingAction, { type: 'ct_lb' | 'ct_lb_mark' }>,
): State[] {
  const { stores } = run;
  const { backends } = action;
  if (backends.length === 0) return [state];
  return choose(run, state, backends.length, `${zone.name} ${flowOf(state.store)}`).flatMap((some, index) => {
    const backend = backends[index];
    if (!some || backend?.ip.kind !== 'bits') return [];
    const isIp6 = backend.ip.format === 'ipv6';
    const address = constantOf(stores.values, isIp6 ? 128 : 32, backend.ip.value);
    const port = backend.port ? constantOf(stores.values, 16, BigInt(backend.port)) : read(some.store, at.tpDst);
    const translated = writeAll(stores, some.store, [
      [isIp6 ? at.ip6Dst : at.ip4Dst, address],
      [at.tpDst, port],
    ]);
    return [openAs(run, some, zone, withNatBits(run, some.store, marked(run, translated, action)))];
  });
}

/** `ct_clear;`, of packets. */
export const untracked = (run: Run, state: State): State => ({
  ...forgotten(run, state),
  store: cleared(run, state.store),
});

/** Packets that conntrack has to be asked about anew: what the network makes is not tracked yet, whatever it is made of. */
export function forgotten({ passages }: Run, state: State): State {
  const { passage } = state;
  return passage.tracked ? { ...state, passage: changed(passages, passage, { tracked: undefined }) } : state;
}

/** What `ct_clear;` leaves of what conntrack said: nothing. */
export function cleared({ stores }: Run, store: Store): Store {
  const zero = (place: number, width: number): [number, Value] => [place, constantOf(stores.values, width, 0n)];
  return writeAll(stores, store, [
    zero(at.ctState, 32),
    zero(at.ctMark, 32),
    zero(at.ctLabel, 128),
    zero(at.ctNwDst, 32),
    zero(at.ctIp6Dst, 128),
    zero(at.ctTpDst, 16),
  ]);
}

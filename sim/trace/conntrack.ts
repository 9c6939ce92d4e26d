/**
 * A connection tracker that remembers: what one packet commits, the next one
 * finds.  With it a request, its replies and the errors about them can be traced
 * end to end, through address translation.
 *
 * It follows the Linux tracker as Open vSwitch shows it: a connection is new
 * until a reply was seen, then established; an ICMP error is related to the
 * connection of the packet that it quotes.  It does not follow TCP's sequence of
 * flags, and connections do not age.  Where the quoted packet is not known
 * (nobody but a nested action of the pipeline tells it), an error is taken to be
 * related to any connection that its addressee takes part in, because it could be.
 */
import {
  type Backend,
  type BalanceResult,
  type Conntrack,
  familyOf,
  type Nat,
  type NatAddress,
  natName,
  natTitle,
  type SnatFlag,
  sendTo,
  setAddress,
} from './ct.ts';
import {
  clearConntrack,
  clonePacket,
  ctState,
  fields,
  type Packet,
  protocol,
  readBits,
  type Storage,
  slot,
} from './packet.ts';
import { ctStateText } from './values.ts';

/** One end of a connection; the port is 0 for protocols without. */
interface End {
  address: bigint;
  port: number;
}

/** What a packet of one direction of a connection looks like. */
interface Tuple {
  family: 4 | 6;
  proto: number;
  src: End;
  dst: End;
}

interface Connection {
  /** What the packets of its opener look like before they are translated. */
  original: Tuple;
  /** What the replies look like before they are translated back. */
  reply: Tuple;
  replied: boolean;
  mark: number;
  label: Uint32Array;
}

interface Found {
  connection: Connection;
  isReply: boolean;
  isRelated: boolean;
  /** Both ends open the connection at once: a SYN that crosses a SYN answers nothing. */
  isCrossing?: boolean;
}

/** The connections of one zone, by the text of either tuple. */
type Table = Map<string, Connection>;

/** A tracker with an empty table; share it between the traces of one story. */
export function trackingConntrack(): Conntrack {
  const zones = new Map<string, Table>();
  const tableOf = (zone: string): Table => {
    const table = zones.get(zone) ?? new Map();
    zones.set(zone, table);
    return table;
  };
  return {
    lookup(packet, zone) {
      track(tableOf(zone), packet);
      return `ct_next(ct_state=${ctStateText(packet.words[slot.ctState] as number)})`;
    },
    translate: (packet, zone, nat) => translate(tableOf(zone), packet, nat),
    commitTo(packet, zone, name) {
      commit(tableOf(zone), packet, () => {});
      track(tableOf(zone), packet);
      return name;
    },
    balance: (packet, zone, name, backends, snat) => balance(tableOf(zone), packet, name, backends, snat),
    commit: (packet, zone, change) => commit(tableOf(zone), packet, change),
    cross: clearConntrack,
    keepsFlags: true,
    hairpins: new Set(),
    affinities: new Map(),
  };
}

/** Sets the packet's state, mark and label; returns its connection if there is one. */
function track(table: Table, packet: Packet): Found | undefined {
  const { words } = packet;
  const found = find(table, packet);
  if (found?.isReply && !found.isRelated && !found.isCrossing) found.connection.replied = true;
  words[slot.ctState] = found
    ? stateOf(found)
    : isInvalid(packet)
      ? ctState.trk | ctState.inv
      : ctState.trk | ctState.new;
  words[slot.ctMark] = found?.connection.mark ?? 0;
  words.set(found?.connection.label ?? new Uint32Array(4), slot.ctLabel);
  rememberOriginal(packet, found?.connection.original ?? tupleOf(packet));
  return found;
}

/** Where the connection's opener sent its first packet. */
function rememberOriginal({ words }: Packet, original: Tuple | undefined): void {
  words.fill(0, slot.ctNwDst, slot.ctTpDst + 1);
  if (!original) return;
  const { family, dst } = original;
  if (family === 4) words[slot.ctNwDst] = Number(dst.address);
  else
    for (let i = 0; i < 4; i++) words[slot.ctIp6Dst + i] = Number((dst.address >> BigInt(96 - 32 * i)) & 0xffffffffn);
  words[slot.ctTpDst] = dst.port;
}

function stateOf({ connection, isReply, isRelated, isCrossing }: Found): number {
  if (isCrossing) return ctState.trk | ctState.new;
  const direction = ctState.trk | (isReply ? ctState.rpl : 0);
  if (isRelated) return direction | ctState.rel;
  return direction | (connection.replied ? ctState.est : ctState.new);
}

function find(table: Table, packet: Packet): Found | undefined {
  const tuple = tupleOf(packet);
  if (!tuple) return undefined;
  if (isIcmpError(packet)) return findRelated(table, packet, tuple);
  if (isIcmp(packet) && !isIcmpOf(packet, 'requests') && !isIcmpOf(packet, 'answers')) return undefined;
  const connection = table.get(keyOf(tuple));
  if (!connection) return undefined;
  const isReply = keyOf(tuple) !== keyOf(connection.original);
  if (isReply && isIcmpOf(packet, 'requests')) return undefined;
  const isCrossing = isReply && !connection.replied && tcpFlagsOf(packet) === tcpSyn;
  return { connection, isReply, isRelated: false, isCrossing };
}

/** An error travels against the packet that it quotes. */
function findRelated(table: Table, packet: Packet, { dst }: Tuple): Found | undefined {
  const quoted = packet.inner && tupleOf(packet.inner);
  if (quoted) {
    const key = keyOf(reversed(quoted));
    const connection = table.get(key);
    return connection && { connection, isReply: key !== keyOf(connection.original), isRelated: true };
  }
  for (const connection of table.values()) {
    if (connection.reply.dst.address === dst.address) return { connection, isReply: true, isRelated: true };
    if (connection.original.dst.address === dst.address) return { connection, isReply: false, isRelated: true };
  }
  return undefined;
}

function translate(table: Table, packet: Packet, nat: Nat): string {
  const { direction, address } = nat;
  const known = track(table, packet);
  const name = natName(nat);
  const commits = !direction || address;
  if (known) return describe(name, applyEntry(packet, known));
  if (!commits || (wordAt(packet, slot.ctState) & ctState.inv) !== 0) return name;
  const opened = open(table, packet, nat);
  return describe(name, opened && applyEntry(packet, { connection: opened, isReply: false, isRelated: false }));
}

function describe(name: string, changes: readonly Change[] = []): string {
  const [change] = changes;
  return change ? natTitle(name, change.direction, change.address) : name;
}

/** Bits of `ct_mark`, of `ct_label` for `ct_lb`, that a load balancer leaves in its connections: ovn-sb(5), lib/actions.c. */
const natted = 2;
const snatBits = { skip_snat: 4, force_snat: 8 } as const;

function balance(
  table: Table,
  packet: Packet,
  name: string,
  backends: readonly Backend[],
  snat?: SnatFlag,
): BalanceResult {
  const known = track(table, packet);
  if (known) applyEntry(packet, known);
  const backend = backends.find(({ family }) => family === familyOf(packet));
  if (known || !backend) return { title: name };
  const tuple = tupleOf(packet);
  if (!tuple) return { title: name };
  const translated = { ...tuple, dst: { address: backend.value, port: backend.port || tuple.dst.port } };
  // Two services may have one backend: their clients' connections have to differ there.
  const port = hasPorts(tuple) ? freePort(table, translated) : tuple.src.port;
  const opened = insert(table, tuple, { ...translated, src: { ...tuple.src, port } });
  const bits = natted | (snat ? snatBits[snat] : 0);
  if (name === 'ct_lb') opened.label[3] = bits;
  else opened.mark = bits;
  packet.words[slot.ctMark] = opened.mark;
  packet.words.set(opened.label, slot.ctLabel);
  sendTo(packet, backend);
  packet.words[slot.tpSrc] = portField(packet, 'src', port);
  return { title: name };
}

function commit(table: Table, packet: Packet, change: (entry: Packet) => void): void {
  const found = find(table, packet);
  const tuple = tupleOf(packet);
  if (found?.isRelated || !tuple || isInvalid(packet)) return;
  const connection = found?.connection ?? insert(table, tuple, tuple);
  const entry = clonePacket(packet);
  entry.words[slot.ctMark] = connection.mark;
  entry.words.set(connection.label, slot.ctLabel);
  change(entry);
  connection.mark = wordAt(entry, slot.ctMark);
  connection.label = entry.words.slice(slot.ctLabel, slot.ctLabel + 4);
}

/** Opens a connection whose packets leave with the address that `nat` says. */
function open(table: Table, packet: Packet, { direction, address, ports }: Nat): Connection | undefined {
  const tuple = tupleOf(packet);
  if (!tuple) return undefined;
  if (!direction || !address) return insert(table, tuple, tuple);
  const translated: Tuple = { ...tuple, [direction]: { ...tuple[direction], address: address.value } };
  if (direction === 'dst') {
    if (ports && hasPorts(tuple)) translated.dst = { ...translated.dst, port: ports.low };
    return insert(table, tuple, translated);
  }
  const port = hasPorts(tuple) ? freePort(table, translated, ports) : translated.src.port;
  return insert(table, tuple, { ...translated, src: { ...translated.src, port } });
}

const hasPorts = ({ proto }: Tuple): boolean =>
  proto === protocol.tcp || proto === protocol.udp || proto === protocol.sctp;

/** The packet's own source port if its replies can be told from others', else the next one that is free. */
function freePort(table: Table, tuple: Tuple, { low, high } = { low: 1024, high: 65535 }): number {
  const isFree = (port: number) => !table.has(keyOf(reversed({ ...tuple, src: { ...tuple.src, port } })));
  const own = tuple.src.port;
  if (isFree(own)) return own;
  for (let port = Math.max(low, own + 1); port <= high; port++) if (isFree(port)) return port;
  for (let port = low; port < own; port++) if (isFree(port)) return port;
  return own;
}

function insert(table: Table, original: Tuple, translated: Tuple): Connection {
  const connection = { original, reply: reversed(translated), replied: false, mark: 0, label: new Uint32Array(4) };
  // Where packets of two connections look the same they belong to the one that was there first, as in Open vSwitch.
  for (const key of [keyOf(original), keyOf(connection.reply)]) if (!table.has(key)) table.set(key, connection);
  return connection;
}

interface Change {
  direction: 'src' | 'dst';
  address: NatAddress;
}

/** Translates the packet as its connection says; returns what changed. */
function applyEntry(packet: Packet, { connection, isReply, isRelated }: Found): Change[] {
  const { original, reply } = connection;
  const { family } = original;
  const before = isReply ? reply : original;
  const after = reversed(isReply ? original : reply);
  const changes: Change[] = [];
  for (const direction of ['src', 'dst'] as const) {
    const from = before[direction];
    const to = after[direction];
    const current = readBits(packet, addressOf(family, direction));
    if (from.address === to.address && (isRelated || from.port === to.port)) continue;
    // An error from a router on the way gets the other end's address, too: Open vSwitch's lib/conntrack.c, nat_packet.
    if (!isRelated && current !== from.address) continue;
    setAddress(packet, direction, { family, value: to.address });
    if (!isRelated) packet.words[direction === 'src' ? slot.tpSrc : slot.tpDst] = portField(packet, direction, to.port);
    const bit = direction === 'src' ? ctState.snat : ctState.dnat;
    packet.words[slot.ctState] = wordAt(packet, slot.ctState) | bit;
    changes.push({ direction, address: { family, value: to.address } });
  }
  if (isRelated && packet.inner) packet.inner = withTuple(packet.inner, isReply ? original : reply);
  return changes;
}

/** The quoted packet, translated back with the error that quotes it. */
function withTuple(quoted: Packet, { family, src, dst }: Tuple): Packet {
  const copy = clonePacket(quoted);
  setAddress(copy, 'src', { family, value: src.address });
  setAddress(copy, 'dst', { family, value: dst.address });
  copy.words[slot.tpSrc] = portField(copy, 'src', src.port);
  copy.words[slot.tpDst] = portField(copy, 'dst', dst.port);
  return copy;
}

function portField(packet: Packet, direction: 'src' | 'dst', port: number): number {
  return isIcmp(packet) ? wordAt(packet, direction === 'src' ? slot.tpSrc : slot.tpDst) : port;
}

function wordAt(packet: Packet, at: number): number {
  return packet.words[at] as number;
}

function addressOf(family: 4 | 6, direction: 'src' | 'dst'): Storage {
  return fields[`ip${family}.${direction}`] as Storage;
}

function isIcmp(packet: Packet): boolean {
  const proto = wordAt(packet, slot.nwProto);
  return proto === protocol.icmp || proto === protocol.icmp6;
}

/** Types of ICMP by what they are to Open vSwitch's tracker, which knows no others: RFC 792, RFC 4443. */
const icmpTypes = {
  4: { errors: [3, 4, 5, 11, 12], requests: [8, 13, 15], answers: [0, 14, 16] },
  6: { errors: [1, 2, 3, 4], requests: [128], answers: [129] },
} as const;

function isIcmpOf(packet: Packet, kind: 'errors' | 'requests' | 'answers'): boolean {
  const family = familyOf(packet);
  if (!family || wordAt(packet, slot.nwProto) !== (family === 4 ? protocol.icmp : protocol.icmp6)) return false;
  const types: readonly number[] = icmpTypes[family][kind];
  return types.includes(wordAt(packet, slot.tpSrc));
}

function isIcmpError(packet: Packet): boolean {
  return isIcmpOf(packet, 'errors');
}

/** What can be no connection's first packet, and what is not IP at all. */
function isInvalid(packet: Packet): boolean {
  if (!familyOf(packet)) return true;
  if (isIcmp(packet)) return !isIcmpOf(packet, 'requests');
  return wordAt(packet, slot.nwProto) === protocol.tcp && !mayOpen(tcpFlagsOf(packet) ?? 0);
}

const tcpFin = 0x01;
const tcpSyn = 0x02;
const tcpRst = 0x04;
const tcpPsh = 0x08;
const tcpAck = 0x10;
const tcpUrg = 0x20;

/** The flags that RFC 9293 defines, of a TCP packet. */
function tcpFlagsOf(packet: Packet): number | undefined {
  return wordAt(packet, slot.nwProto) === protocol.tcp ? wordAt(packet, slot.tcpFlags) & 0x3f : undefined;
}

/** Whether TCP flags may be a connection's first: its SYN, or a packet from the middle of one that was open before. */
function mayOpen(flags: number): boolean {
  const has = (flag: number): boolean => (flags & flag) !== 0;
  if (has(tcpSyn)) return !has(tcpAck) && !has(tcpRst) && !has(tcpFin) && !has(tcpPsh) && !has(tcpUrg);
  if (has(tcpAck)) return true;
  return has(tcpRst) && !has(tcpFin) && !has(tcpPsh) && !has(tcpUrg);
}

function tupleOf(packet: Packet): Tuple | undefined {
  const family = familyOf(packet);
  if (!family) return undefined;
  const end = (direction: 'src' | 'dst', port: number): End => ({
    address: readBits(packet, addressOf(family, direction)),
    port: isIcmp(packet) ? 0 : port,
  });
  return {
    family,
    proto: wordAt(packet, slot.nwProto),
    src: end('src', wordAt(packet, slot.tpSrc)),
    dst: end('dst', wordAt(packet, slot.tpDst)),
  };
}

function reversed({ family, proto, src, dst }: Tuple): Tuple {
  return { family, proto, src: dst, dst: src };
}

function keyOf({ family, proto, src, dst }: Tuple): string {
  return `${family} ${proto} ${src.address}/${src.port} ${dst.address}/${dst.port}`;
}

/** What the user says of a packet, made into one: a microflow in the match language, or a frame. */

import { LangError, type Microflow, parseMatch, parseMicroflow, VALUE_FIELDS } from '../../engine/lang/index.ts';
import type { Expr } from '../../engine/lang/ir.ts';
import { MicroflowError } from './errors.ts';
import type { WordTest } from './matcher.ts';
import { shortName } from './names.ts';
import { emptyPacket, fields, type Packet, type Storage, slot, writeBits } from './packet.ts';
import { readPlain } from './plain.ts';
import { portKey, type TraceDatapath, type TracePort, type TraceTopology } from './topology.ts';

/** A packet and where it enters. */
export interface ParsedPacket {
  datapath: TraceDatapath;
  packet: Packet;
  /** Name of the logical port that it enters by. */
  inport: string;
}

/**
 * Reads a microflow, such as `inport == "a" && eth.src == 02:00:00:00:00:01 &&
 * ip4.dst == 10.0.0.2`; fields that it does not constrain are zero.  The datapath
 * is the inport's unless given by name or UUID (or four digits or more of its
 * beginning).  A frame, where one is given, is the packet that the microflow
 * only adds to (its inport).  `ip.dscp` and `ip.ecn` of a microflow have no
 * effect, as in ovn-trace; a frame's have.  Throws `MicroflowError`.
 */
export function parsePacket(
  topology: TraceTopology,
  microflow: string,
  options: { datapath?: string; frame?: Readonly<Record<string, bigint>> } = {},
): ParsedPacket {
  if (options.datapath === undefined && options.frame === undefined) {
    const plain = parsePlain(topology, microflow);
    if (plain) return plain;
  }
  const { datapath, flow } = parseAny(topology, microflow, options.datapath);
  const packet = emptyPacket();
  for (const [name, value] of Object.entries(options.frame ?? {})) setField(packet, name, value);
  fill(packet, flow);
  packet.words[slot.inport] = keyOfName(topology, datapath, flow.strings[0] ?? '');
  packet.words[slot.outport] = keyOfName(topology, datapath, flow.strings[1] ?? '');
  const key = packet.words[slot.inport] as number;
  if (key === 0) throw new MicroflowError('microflow does not specify ingress port');
  const port = datapath.portsByKey.get(key);
  if (!port) throw new MicroflowError('the ingress port is a multicast group; packets enter by ports');
  return { datapath, packet, inport: port.binding.logicalPort };
}

/** A microflow and the datapath that it enters. */
interface PlacedMicroflow {
  datapath: TraceDatapath;
  flow: Microflow;
}

/** The bits that are decided, of the microflow being read. */
const decided = emptyPacket().words;

const startsAtPort = /^inport == "([^"\\]*)"/;

/**
 * The usual microflow, `inport == "a" && ...`, read at once.  Undefined for one
 * that takes a closer look or is wrong.
 */
function parsePlain(topology: TraceTopology, microflow: string): ParsedPacket | undefined {
  const name = startsAtPort.exec(microflow)?.[1] ?? '';
  const datapath = topology.ports.get(name)?.datapath;
  if (!datapath) return undefined;
  const plain = readPlain(microflow, (port) => portKey(topology, datapath, port));
  if (!plain) return undefined;
  const packet = emptyPacket();
  const masks = decided.fill(0);
  for (const word of plain.words) if (!isKept(word) || !constrain(packet, masks, word)) return undefined;
  for (const { alternatives } of plain.choices) {
    const open = alternatives.filter((words) => !words.some((word) => isExcluded(packet, masks, word)));
    if (open.length !== 1 || !open[0]?.every((word) => isImplied(packet, masks, word))) return undefined;
  }
  const port = datapath.portsByKey.get(packet.words[slot.inport] as number);
  return port && { datapath, packet, inport: port.binding.logicalPort };
}

/** Bits of which OVN or ovn-trace keeps less than a microflow says: the parser's to know. */
function isKept({ at, value }: WordTest): boolean {
  if (at === slot.nwTos) return false;
  return at === slot.ctState || at === slot.nwProto ? (value & ~0xff) === 0 : true;
}

/** Makes the packet one that meets the test; false if another one speaks against it. */
function constrain(packet: Packet, masks: Uint32Array, { at, mask, value }: WordTest): boolean {
  const known = masks[at] as number;
  const word = packet.words[at] as number;
  if (known & mask & (word ^ value)) return false;
  packet.words[at] = word | value;
  masks[at] = known | mask;
  return true;
}

function isImplied(packet: Packet, masks: Uint32Array, { at, mask, value }: WordTest): boolean {
  return (~(masks[at] as number) & mask) === 0 && ((packet.words[at] as number) & mask) === value;
}

function isExcluded(packet: Packet, masks: Uint32Array, { at, mask, value }: WordTest): boolean {
  return ((masks[at] as number) & mask & ((packet.words[at] as number) ^ value)) !== 0;
}

function parseAny(topology: TraceTopology, microflow: string, name: string | undefined): PlacedMicroflow {
  const expr = inLanguage(() => parseMatch(microflow, topology.environment));
  const datapath = name === undefined ? datapathOfInport(topology, expr) : findDatapath(topology, name);
  const flow = inLanguage(() => parseMicroflow(microflow, { ...topology.environment, ...keyOf(datapath) }));
  return { datapath, flow };
}

function keyOf(datapath: TraceDatapath): { datapathKey: number } {
  return { datapathKey: datapath.binding.tunnelKey };
}

function inLanguage<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof LangError) throw new MicroflowError(`error parsing flow: ${error.message}`);
    throw error;
  }
}

function datapathOfInport(topology: TraceTopology, expr: Expr): TraceDatapath {
  const names = inportsOf(expr);
  const [name] = names;
  if (name === undefined)
    throw new MicroflowError('error parsing flow: flow match expression does not match on inport');
  if (names.size > 1) throw new MicroflowError('error parsing flow: flow match expression matches on multiple inports');
  const port = topology.ports.get(name);
  if (!port) throw new MicroflowError(`unknown port "${name}"`);
  return port.datapath;
}

function inportsOf(expr: Expr): Set<string> {
  if (expr.type === 'and' || expr.type === 'or') return new Set(expr.terms.flatMap((term) => [...inportsOf(term)]));
  return new Set(expr.type === 'string' && expr.symbol.name === 'inport' && expr.relop === '==' ? [expr.value] : []);
}

/** A datapath by its name, its UUID or the beginning of its UUID, southbound or northbound. */
export function findDatapath(topology: TraceTopology, name: string): TraceDatapath {
  const all = [...topology.datapaths.values()];
  const named = all.find(({ binding }) => binding.name === name || binding.externalIds.name2 === name);
  if (named) return named;
  const matching = all.filter(({ binding }) =>
    [binding.uuid, binding.northboundUuid].some((uuid) => beginsUuid(uuid, name)),
  );
  const [only] = matching;
  if (!only) throw new MicroflowError(`unknown datapath "${name}"`);
  if (matching.length > 1) throw new MicroflowError(`name "${name}" matches multiple datapaths`);
  return only;
}

function beginsUuid(uuid: string, start: string): boolean {
  return start.length >= 4 && uuid.startsWith(start.toLowerCase());
}

/** The tunnel key that a name in a microflow stands for; here a port's other name and its UUID will do too. */
function keyOfName(topology: TraceTopology, datapath: TraceDatapath, name: string): number {
  const key = portKey(topology, datapath, name);
  if (key !== undefined) return key;
  if (topology.ports.has(name)) {
    throw new MicroflowError(`port "${name}" is no port of datapath "${datapath.binding.name}"`);
  }
  const matching = [...datapath.portsByKey.values()].filter((port) => isCalled(port, name));
  if (matching.length > 1) throw new MicroflowError(`name "${name}" matches multiple ports`);
  const [only] = matching;
  if (!only) throw new MicroflowError(`${name}: unknown logical port`);
  return only.key;
}

function isCalled({ binding, friendlyName }: TracePort, name: string): boolean {
  const names = [binding.externalIds.name, friendlyName, shortName(binding.logicalPort)];
  return names.includes(name) || beginsUuid(binding.uuid, name) || beginsUuid(binding.logicalPort, name);
}

/** Fields that ovn-trace takes from a microflow without a word, and without effect. */
const ignored: ReadonlySet<string> = new Set(['ip.dscp', 'ip.ecn']);

function fill(packet: Packet, flow: Microflow): void {
  for (const [i, value] of flow.values.entries()) {
    const name = VALUE_FIELDS[i];
    if (value !== 0n && name !== undefined && !ignored.has(name)) setField(packet, name, value);
  }
}

function setField(packet: Packet, name: string, value: bigint): void {
  const where: Storage | undefined = fields[name];
  if (where) writeBits(packet, where, value);
}

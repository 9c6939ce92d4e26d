/** Comparing traces: ours beside ovn-trace's, packet by packet. */
import type { FdbEntry, Southbound } from '../../engine/ovsdb/southbound.ts';
import {
  assumedConntrack,
  type Form,
  MicroflowError,
  parsePacket,
  prepare,
  type TraceTopology,
  traceFlow,
  traceText,
} from '../../sim/trace/index.ts';
import { ctState } from '../../sim/trace/packet.ts';
import type { Central, Learned } from './sandbox.ts';

/** One call of ovn-trace. */
export interface Probe {
  /** Absent: the inport tells. */
  datapath?: string;
  microflow: string;
  /** For each connection tracking action met, the flags that it finds: `--ct=FLAGS`. */
  ct: string[];
}

/**
 * Our southbound database ready for tracing, twice: with the flows of one
 * priority in one order and in the other.  A packet that meets the same flows in
 * both meets no two that overlap.
 */
export interface Tracer {
  forward: TraceTopology;
  backward: TraceTopology;
}

export function tracer(southbound: Southbound): Tracer {
  const reversed = { ...southbound, flows: [...southbound.flows].reverse() };
  return { forward: prepare(southbound), backward: prepare(reversed) };
}

/** Our southbound database with what chassis have learned. */
export function withLearned(southbound: Southbound, { macBindings, fdb }: Learned): Southbound {
  const keys = new Map(southbound.datapaths.map(({ uuid, tunnelKey }) => [uuid, tunnelKey]));
  const ports = new Map(southbound.ports.map((port) => [port.logicalPort, port]));
  const entries = fdb.map(({ logicalPort, mac }): FdbEntry => {
    const port = ports.get(logicalPort);
    if (!port) throw new Error(`our southbound database has no port "${logicalPort}"`);
    return { datapathKey: keys.get(port.datapath) ?? 0, portKey: port.tunnelKey, mac };
  });
  return { ...southbound, macBindings: [...southbound.macBindings, ...macBindings], fdb: entries };
}

/** What became of one comparison. */
export type Verdict =
  | { kind: 'equal'; form: Form }
  /** There is nothing to compare; why, in words that are counted. */
  | { kind: 'skipped'; reason: string }
  | { kind: 'different'; report: string };

/**
 * Traces one packet on both sides.  Where flows of one priority overlap,
 * ovn-trace takes any of them: then the minimal forms are compared, if the
 * packet's fate is the same whichever is taken.
 */
export async function compareTrace(central: Central, { forward, backward }: Tracer, probe: Probe): Promise<Verdict> {
  const one = ourTrace(forward, probe);
  const other = ourTrace(backward, probe);
  const isAmbiguous = one.flows.join() !== other.flows.join();
  if (isAmbiguous && one.text('minimal') !== other.text('minimal')) {
    return { kind: 'skipped', reason: 'flows of one priority overlap and differ in effect' };
  }
  const form: Form = isAmbiguous ? 'minimal' : 'detailed';
  const args = argumentsOf(probe, form);
  const { stdout, stderr, status } = await central.trace(args);
  if (status === 134) return { kind: 'skipped', reason: 'ovn-trace aborts' };
  if (status === 137) return { kind: 'skipped', reason: 'ovn-trace does not end' };
  const theirs = comparable(status === 0 ? stdout : stderr);
  const ours = comparable(one.text(form));
  if (theirs === ours) return { kind: 'equal', form };
  return { kind: 'different', report: [commandOf(args), ...differences(theirs, ours)].join('\n') };
}

interface OurTrace {
  /** UUIDs of the flows met, in order. */
  flows: string[];
  text(form: Form): string;
}

function ourTrace(topology: TraceTopology, { datapath: name, microflow, ct }: Probe): OurTrace {
  try {
    const options = name === undefined ? {} : { datapath: name };
    const { datapath, packet } = parsePacket(topology, microflow, options);
    const result = traceFlow(topology, datapath, packet, { conntrack: assumedConntrack({ ct: ct.map(stateOf) }) });
    return { flows: result.flows.map(({ uuid }) => uuid), text: (form) => traceText(packet, result, [form]) };
  } catch (error) {
    if (!(error instanceof MicroflowError)) throw error;
    return { flows: [], text: () => error.message };
  }
}

/** `est,rpl` as bits of ct_state. */
function stateOf(flags: string): number {
  const bits: Record<string, number> = ctState;
  return flags.split(',').reduce((state, flag) => state | (bits[flag] ?? 0), 0);
}

function argumentsOf({ datapath, microflow, ct }: Probe, form: Form): string[] {
  return [`--${form}`, ...ct.map((flags) => `--ct=${flags}`), ...(datapath === undefined ? [] : [datapath]), microflow];
}

/** The command line, to be pasted into a shell. */
function commandOf(args: string[]): string {
  return `ovn-trace ${args.map((arg) => (/^[\w=,./@:-]+$/.test(arg) ? arg : `'${arg}'`)).join(' ')}`;
}

/**
 * What must be equal: all but UUIDs, ports' tunnel keys, which ovn-northd gives
 * in an order of its own, and places in northd (see `settled` in compare.ts).
 */
function comparable(text: string): string {
  return text
    .replace(/\(northd\.c:\d+\)/g, '(northd.c)')
    .replace(/\buuid [0-9a-f]{8}\b/g, 'uuid ...')
    .replace(/^(# .*\breg1[45]=)0x[0-9a-f]+/gm, '$1...')
    .trim();
}

/** The first lines that differ, with what stands before them. */
function differences(theirs: string, ours: string): string[] {
  const [a, b] = [theirs.split('\n'), ours.split('\n')];
  const at = a.findIndex((line, index) => line !== b[index]);
  const first = at < 0 ? a.length : at;
  return [
    ...a.slice(Math.max(first - 6, 0), first).map((line) => `    ${line}`),
    ...a.slice(first, first + 8).map((line) => `  - ${line}`),
    ...b.slice(first, first + 8).map((line) => `  + ${line}`),
    '  (- ovn-trace, + lflow)',
  ];
}

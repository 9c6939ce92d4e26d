/** What the verifier says: verdicts on properties, with proof that a broken promise is broken. */
import type { Origin, Position } from '../engine/origin.ts';

/**
 * `holds`: proven for all packets.  `violated`: a packet breaks the promise, and is shown.
 * `vacuous`: the promise speaks of nothing here.  `unknown`: something it depends on was not understood.
 */
export type Verdict = 'holds' | 'violated' | 'vacuous' | 'unknown';

/** How bad it is if the property is broken: `error` counts against the network, `warning` and `info` are told. */
export type Severity = 'error' | 'warning' | 'info';

/** A logical flow that a packet met, and what caused it. */
export interface FlowMet {
  datapath: string;
  pipeline: string;
  table: number;
  stage: string;
  priority: number;
  match: string;
  actions: string;
  /** The northbound row: table and name, e.g. `ACL 3f2a...`, where it is known. */
  row?: string;
  /** The manifest that asked for that row. */
  source?: Origin;
}

/** A packet, ready to be sent. */
export interface Sent {
  /** The logical port that it enters by. */
  inport: string;
  /** The Ethernet frame, in hexadecimal digits. */
  frame: string;
  /** The packet as ovn-trace takes it. */
  microflow: string;
  /** ovn-trace's options that lead it the same way: `--ct=est,rpl`. */
  traceOptions?: string[];
  /** In words: `tcp 10.0.0.2:49152 > 10.0.1.3:443, from aa:.. to bb:..`. */
  summary: string;
}

/** A packet that breaks a promise, replayed. */
export interface Counterexample extends Sent {
  /** The logical port that it comes out of, if it does. */
  outport?: string;
  /** What it looks like there, in words and as a frame. */
  arrives?: { frame: string; summary: string };
  /** What has to be sent before it: the packets that open the connection it belongs to. */
  before?: Sent[];
  /** MAC addresses that have to be learned for it: `PORT IP MAC`. */
  neighbors?: string[];
  /** MAC addresses that switches have to have learned for it: `PORT MAC`. */
  learned?: string[];
  /** What the tracer says: the text of `ovn-trace --detailed` or of `lflow trace`. */
  trace: string;
  /** Whether the tracer and the data plane bring it where the proof says; why not is a bug of ours. */
  replayed: { tracer: boolean; plane: boolean | 'not run'; why?: string };
}

/** Something on the way of a packet that would have to change for it to arrive. */
export interface Obstacle {
  /** A sentence without a full stop. */
  what: string;
  flow?: FlowMet;
}

/** The verdict on one property about one subject. */
export interface Finding {
  id: string;
  /** What it is about: a network, a pair of VPCs, a rule's sets. */
  subject: string;
  severity: Severity;
  verdict: Verdict;
  /** Why: a sentence without a full stop at its end; always there unless `holds`. */
  reason?: string;
  method: 'proof';
  counterexample?: Counterexample;
  /** The flows that the counterexample met, in order. */
  flows?: FlowMet[];
  /** Of a promised packet that does not arrive: everything on one complete way that would have to change. */
  obstacles?: Obstacle[];
  /** The manifest lines (or the policy's) to blame, the promise's own first; empty for a database. */
  source: Position[];
  /** The finding is excused, by a policy's exception. */
  excused?: { reason: string; until?: string };
}

/** Numbers that say what was looked at. */
export interface TopologySize {
  vpcs: number;
  networks: number;
  /** Ports of interfaces. */
  interfaces: number;
  nodes: number;
  logicalFlows: number;
}

/** Who reaches whom, proven: a row for each set, in the order of the columns. */
export interface Matrix {
  names: string[];
  /**
   * `all`: every pair of their ports can talk, by some packet at least; `some`: some pairs; `none`: no packet at all.
   * With what gets through, in short words (`any`, `icmp`, `tcp/443`).
   */
  cells: { reach: 'all' | 'some' | 'none'; traffic: string }[][];
}

export interface Verification {
  /** The worst of the verdicts of severity `error` that are not excused; `vacuous` only where all are. */
  verdict: Verdict;
  topology: TopologySize;
  properties: Finding[];
  matrix?: Matrix;
  elapsedMs: number;
}

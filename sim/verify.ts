/**
 * The verdict on a topology.  In this form of it packets are sent through the
 * tracer and judged against what the manifests promise: a verdict is `probed`,
 * never a proof.
 */
import type { Position } from '../engine/origin.ts';
import type { LogicalFlow, Southbound } from '../engine/ovsdb/southbound.ts';
import type { VpcPlan } from '../engine/vpc/plan.ts';
import { frameOf } from './probe/frame.ts';
import { type Reachability, reachability } from './probe/reachability.ts';
import { openWorld, type World } from './probe/world.ts';
import { builtInProperties } from './probe/properties/index.ts';
import type { Check, Counterexample, Failure, Finding, FlowMet, Property, Verdict } from './probe/properties/property.ts';

export type { Counterexample, Finding, FlowMet, Property, Verdict } from './probe/properties/property.ts';

/** With more networks than this nobody reads a table of who reaches whom. */
const matrixLimit = 12;

/** Numbers that say what was looked at. */
export interface TopologySize {
  vpcs: number;
  networks: number;
  /** Ports of interfaces. */
  interfaces: number;
  nodes: number;
  logicalFlows: number;
}

export interface Verification {
  /** The worst of the properties' verdicts; `vacuous` only where all are. */
  verdict: Verdict;
  topology: TopologySize;
  properties: Finding[];
  /** Who reaches whom; absent where there are more networks than a table could show. */
  reachability?: Reachability;
  elapsedMs: number;
}

export interface VerifyOptions {
  properties?: readonly Property[];
  /** Told before each check, for showing progress. */
  onCheck?: (property: Property, subject: string, probes: number) => void;
  /** Milliseconds; a clock that only goes forward. */
  now?: () => number;
}

/** Checks the built-in properties of a topology. */
export function verify(southbound: Southbound, plans: readonly VpcPlan[], options: VerifyOptions = {}): Verification {
  const now = options.now ?? (() => performance.now());
  const started = now();
  const world = openWorld(southbound, plans);
  const findings: Finding[] = [];
  for (const property of options.properties ?? builtInProperties) {
    for (const check of property.checks(world)) {
      options.onCheck?.(property, check.subject, world.sent());
      findings.push(judge(world, property, check));
    }
  }
  const isSmall = plans.reduce((sum, { networks }) => sum + networks.length, 0) < matrixLimit;
  return {
    verdict: worst(findings),
    topology: sizeOf(southbound, plans),
    properties: findings,
    ...(isSmall && { reachability: reachability(world) }),
    elapsedMs: Math.round(now() - started),
  };
}

function worst(findings: readonly Finding[]): Verdict {
  const order: Verdict[] = ['violated', 'unknown', 'probed', 'vacuous'];
  return order.find((verdict) => findings.some((finding) => finding.verdict === verdict)) ?? 'vacuous';
}

function sizeOf({ flows }: Southbound, plans: readonly VpcPlan[]): TopologySize {
  const ports = plans.flatMap(({ networks }) => networks.flatMap((network) => network.ports));
  const nodes = [
    ...ports.map(({ node }) => node.name),
    ...plans.flatMap(({ gateways }) => gateways.map(({ node }) => node.name)),
  ];
  return {
    vpcs: plans.length,
    networks: plans.reduce((sum, { networks }) => sum + networks.length, 0),
    interfaces: ports.length,
    nodes: new Set(nodes).size,
    logicalFlows: flows.length,
  };
}

function judge(world: World, { id }: Property, check: Check): Finding {
  const finding = (verdict: Verdict, probes: number, rest: Partial<Finding> = {}): Finding => ({
    id,
    subject: check.subject,
    verdict,
    method: 'probe',
    probes,
    source: [placeOf(check.source)],
    ...rest,
  });
  if (check.vacuous !== undefined) return finding('vacuous', 0, { reason: check.vacuous });

  const before = world.sent();
  const known = world.gaps().length;
  for (const probe of check.probes) {
    const failure = probe();
    if (failure) return finding('violated', world.sent() - before, evidence(world, check, failure));
  }
  const probes = world.sent() - before;
  const gap = world.gaps()[known];
  if (gap !== undefined) return finding('unknown', probes, { reason: gap });
  return probes === 0 ? finding('vacuous', 0, { reason: 'there is nothing to send' }) : finding('probed', probes);
}

function evidence(world: World, check: Check, { outcome, reason, outport }: Failure): Partial<Finding> {
  const flows = outcome.flows.map((flow) => flowMet(world, flow));
  const counterexample: Counterexample = {
    inport: outcome.inport,
    frame: hex(frameOf(outcome.field)),
    microflow: outcome.microflow,
    ...(outport !== undefined && { outport }),
  };
  return {
    reason,
    counterexample,
    flows,
    source: blame([check.source, ...flows.flatMap((flow) => flow.source ?? [])]),
  };
}

function flowMet({ southbound, datapathName }: World, flow: LogicalFlow): FlowMet {
  const { pipeline, table, stage, priority, match, actions, hint } = flow;
  const source = hint === undefined ? undefined : southbound.origins.get(hint);
  return {
    datapath: datapathName(flow.datapath),
    pipeline,
    table,
    stage,
    priority,
    match,
    actions,
    ...(source && { source }),
  };
}

const placeOf = ({ file, line, column }: Position): Position => ({ file, line, column });

/** Each place once. */
function blame(positions: readonly Position[]): Position[] {
  const places = positions.map(placeOf);
  return [...new Map(places.map((place) => [`${place.file}:${place.line}:${place.column}`, place])).values()];
}

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

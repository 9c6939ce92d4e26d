/**
 * The verdict on a network, proven for all packets: the built-in properties and
 * the rules of a policy, each with what shows it where it is broken.
 *
 *     const verification = verifyNetwork({ southbound, plans });
 *     report('text', verification, { properties: propertiesOf(policy) });
 */
import type { Northbound } from '../engine/ovsdb/northbound.ts';
import type { Southbound } from '../engine/ovsdb/southbound.ts';
import { SpaceFull } from '../engine/sets/index.ts';
import type { VpcPlan } from '../engine/vpc/plan.ts';
import { findingOf, overallVerdict } from './answers/findings.ts';
import { type MatrixGroup, matrixOf, openAnswers } from './answers/index.ts';
import { excused, inventoryOf, isEnabled, type Policy } from './policy/index.ts';
import { builtInProperties } from './properties/index.ts';
import { openView } from './properties/open-view.ts';
import type { Property } from './properties/property.ts';
import type { View } from './properties/view.ts';
import { policyProperties, policyWatch } from './rules/index.ts';
import { analyse, networkOf } from './symbolic/index.ts';
import type { Finding, TopologySize, Verification } from './verdict.ts';

/** What is verified. */
export interface Subject {
  readonly southbound: Southbound;
  /** Of manifests; none for a database. */
  readonly plans?: readonly VpcPlan[];
  /** Where the southbound database was computed from it. */
  readonly northbound?: Northbound;
}

export interface VerifyOptions {
  readonly policy?: Policy;
  /** `YYYY-MM-DD`; exceptions may end. Today unless given. */
  readonly today?: string;
  /** The built-in properties to prove; all that the policy enables unless given. */
  readonly properties?: readonly Property[];
  /** Told now and then what is being done. */
  readonly onProgress?: (what: string) => void;
  /** Milliseconds; a clock that only goes forward. */
  readonly now?: () => number;
}

/** With more networks than this nobody reads a table of who reaches whom. */
const matrixLimit = 12;

const today = (): string => new Date().toISOString().slice(0, 10);

/** The properties that are proven of a network: the built-in ones that a policy does not disable, and its rules. */
export function propertiesOf(policy: Policy | undefined, day = today()): readonly Property[] {
  const builtIn = builtInProperties.filter(({ id }) => isEnabled(id, policy));
  return policy ? [...builtIn, ...policyProperties(policy, { today: day })] : builtIn;
}

/** Proves the properties of a network. */
export function verifyNetwork(
  { southbound, plans = [], northbound }: Subject,
  options: VerifyOptions = {},
): Verification {
  const { policy, onProgress, now = () => performance.now() } = options;
  const day = options.today ?? today();
  const started = now();
  const network = networkOf(southbound);
  const properties = options.properties ?? propertiesOf(policy, day);
  const analysis = withinMemory(() =>
    analyse(network, {
      watch: policy ? policyWatch(policy, network, plans) : [],
      onProgress: (done, total) => onProgress?.(`following all packets: ${done} of ${total} parts of the network`),
    }),
  );
  if (!analysis) {
    return {
      verdict: 'unknown',
      topology: { vpcs: plans.length, networks: 0, interfaces: 0, nodes: 0, logicalFlows: southbound.flows.length },
      properties: properties.map((property) => tooLarge(property, 'the network')),
      elapsedMs: Math.round(now() - started),
    };
  }
  const view = openView(analysis, plans, northbound, policy);
  const answers = openAnswers(analysis, northbound ? { northbound } : {});
  const inventory = inventoryOf(network, plans);
  const findings: Finding[] = [];
  for (const property of properties) {
    const before = findings.length;
    for (const check of property.checks(view)) {
      onProgress?.(`${property.id}: ${check.subject}`);
      const finding = withinMemory(() => findingOf(property, check, answers)) ?? tooLarge(property, check.subject);
      findings.push(policy ? excused(finding, policy, inventory, day) : finding);
    }
    if (findings.length === before) findings.push(speechless(property));
  }
  const matrix = withinMemory(() => matrixOfView(view));
  return {
    verdict: overallVerdict(findings),
    topology: sizeOf(view),
    properties: findings,
    ...(matrix && { matrix }),
    elapsedMs: Math.round(now() - started),
  };
}

/** Undefined where the sets of packets would need more memory than they are allowed. */
function withinMemory<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof SpaceFull) return undefined;
    throw error;
  }
}

function tooLarge({ id, severity }: Property, subject: string): Finding {
  const reason = 'the sets of packets of this network need more memory than the 1 GiB allowed';
  return { id, subject, severity, verdict: 'unknown', reason, method: 'proof', source: [] };
}

/** A property that has nothing to say of a network. */
function speechless({ id, severity }: Property): Finding {
  const reason = 'there is nothing here that it speaks of';
  return { id, subject: 'the network', severity, verdict: 'vacuous', reason, method: 'proof', source: [] };
}

function matrixOfView({ analysis, tenants, wires }: View): Verification['matrix'] {
  const networks = tenants.flatMap((tenant) => tenant.networks);
  if (networks.length === 0 || networks.length > matrixLimit) return undefined;
  const groups: MatrixGroup[] = [
    ...networks.map(({ name, hosts }) => ({ name, ports: hosts.map(({ port }) => port) })),
    ...wires.map(({ name, ports }) => ({ name: `outside (${name})`, ports })),
  ];
  return matrixOf(analysis, groups);
}

/** Without manifests, tenants stand for VPCs, and ports are on no node. */
function sizeOf({ southbound, tenants }: View): TopologySize {
  const networks = tenants.flatMap((tenant) => tenant.networks);
  const hosts = networks.flatMap((network) => network.hosts);
  const nodes = [
    ...hosts.flatMap(({ node }) => node ?? []),
    ...tenants.flatMap(({ plan }) => plan?.gateways.map(({ node }) => node.name) ?? []),
  ];
  return {
    vpcs: tenants.length,
    networks: networks.length,
    interfaces: hosts.length,
    nodes: new Set(nodes).size,
    logicalFlows: southbound.flows.length,
  };
}

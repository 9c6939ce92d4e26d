/**
 * The tree of resources with the conditions that the DPF controllers would
 * report of them, computed from the manifests alone: a resource that is wrong,
 * or lacks what it refers to, is not Ready and says why.
 *
 * Conditions have DPF's types and reasons: what depends on others is `Pending`
 * while they are missing, what is wrong itself is an `Error` (of something to be
 * reconciled) or a `Failure` (of something to be ready).
 */

import { groupBy } from '../group.ts';
import type { Origin } from '../origin.ts';
import { resourceName } from './kinds.ts';
import { interfaceKey } from './nodes.ts';
import type { Manifest, ReadResult, SpecProblem } from './resources.ts';
import { isRecord } from './yaml.ts';

export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
}

export interface DescribedResource {
  kind: string;
  namespace: string;
  name: string;
  origin: Origin;
  /** Ready first, then by type. */
  conditions: Condition[];
  groups: DescribedGroup[];
}

/** Resources of one kind below another, in the order of their names. */
export interface DescribedGroup {
  /** `DPUVirtualNetworks`. */
  title: string;
  resources: DescribedResource[];
}

/**
 * The tree: DPUVPCs, their networks, the interfaces of those; at its root also
 * networks and interfaces that belong to nothing.  Everything stands below the
 * DPFOperatorConfig if there is one.
 */
export function describeResources(result: ReadResult): DescribedGroup[] | DescribedResource {
  const context = contextOf(result);
  const { vpcs, networks, interfaces } = context;
  const groups = [
    group(
      'DPUVPCs',
      [...vpcs.values()].map((vpc) => describeVpc(vpc, context)),
    ),
    group(
      'DPUVirtualNetworks',
      orphans(networks, vpcs).map((network) => describeNetwork(network, undefined, context)),
    ),
    group(
      'DPUServiceInterfaces',
      orphans(interfaces, networks).map((each) => describeInterface(each, undefined, context)),
    ),
  ].flat();
  const config = result.manifests.find(({ kind }) => kind === 'DPFOperatorConfig');
  return config ? { ...described(config, statusConditions(config)), groups } : groups;
}

interface Context {
  /** By resource. */
  problems: ReadonlyMap<string, SpecProblem[]>;
  vpcs: ReadonlyMap<string, Manifest>;
  networks: ReadonlyMap<string, Manifest>;
  interfaces: ReadonlyMap<string, Manifest>;
  /** Networks by their VPC, and interfaces by their network. */
  children: ReadonlyMap<Manifest | undefined, Manifest[]>;
  /** Errors of the ServiceInterfaces that came of a DPUServiceInterface. */
  reported: ReadonlyMap<Manifest | undefined, SpecProblem[]>;
}

function contextOf({ resources, manifests, problems: all }: ReadResult): Context {
  const problems = groupBy(all, ({ resource }) => resource);
  const ofKind = (kind: string) =>
    new Map(manifests.filter((each) => each.kind === kind).map((each) => [each.origin.resource, each]));
  const vpcs = ofKind('DPUVPC');
  const networks = ofKind('DPUVirtualNetwork');
  const interfaces = ofKind('DPUServiceInterface');
  const parents = new Map([...vpcs, ...networks]);
  const children = groupBy([...networks.values(), ...interfaces.values()], (child) => parentOf(child, parents));
  const templates = new Map(resources.interfaces.map((template) => [interfaceKey(template), template.manifest]));
  const wrong = resources.serviceInterfaces.flatMap((each) =>
    (problems.get(each.origin.resource) ?? [])
      .filter(({ severity }) => severity === 'error')
      .map((problem) => ({ template: templates.get(interfaceKey(each)), problem })),
  );
  const reported = new Map(
    [...groupBy(wrong, ({ template }) => template)].map(([key, found]) => [key, found.map(({ problem }) => problem)]),
  );
  return { problems, vpcs, networks, interfaces, children, reported };
}

function parentOf(manifest: Manifest, parents: ReadonlyMap<string, Manifest>): Manifest | undefined {
  const [kind, name] = referenceOf(manifest);
  return name === undefined ? undefined : parents.get(resourceName(kind, manifest.namespace, name));
}

/** What a network or an interface belongs to; the document may be wrong in any way. */
function referenceOf({ kind, document }: Manifest): [kind: string, name: string | undefined] {
  if (kind === 'DPUVirtualNetwork') return ['DPUVPC', text(field(document, 'spec', 'vpcName'))];
  const spec = field(document, 'spec', 'template', 'spec', 'template', 'spec');
  const type = text(field(spec, 'interfaceType')) ?? '';
  return ['DPUVirtualNetwork', text(field(spec, type, 'virtualNetwork'))];
}

function field(value: unknown, ...names: string[]): unknown {
  let found = value;
  for (const name of names) found = isRecord(found) && Object.hasOwn(found, name) ? found[name] : undefined;
  return found;
}

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

function orphans(children: ReadonlyMap<string, Manifest>, parents: ReadonlyMap<string, Manifest>): Manifest[] {
  return [...children.values()].filter((child) => !parentOf(child, parents));
}

function group(title: string, resources: DescribedResource[]): DescribedGroup[] {
  const sorted = [...resources].sort((a, b) => compare(a.name, b.name) || compare(a.namespace, b.namespace));
  return sorted.length === 0 ? [] : [{ title, resources: sorted }];
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function described({ kind, namespace, name, origin }: Manifest, conditions: Condition[]): DescribedResource {
  return { kind, namespace, name, origin, conditions, groups: [] };
}

function describeVpc(vpc: Manifest, context: Context): DescribedResource {
  const own = vpcConditions(vpc, context);
  const networks = (context.children.get(vpc) ?? []).map((network) => describeNetwork(network, own, context));
  const conditions = summarized([...own, topologyCondition(vpc, own, networks, context)]);
  return { ...described(vpc, conditions), groups: group('DPUVirtualNetworks', networks) };
}

/** Complaints about a VPC, or its class, by the condition that they concern. */
const prerequisiteIds = ['isolation-class-not-found', 'isolation-class-provisioner'];
const nodeIds = ['node-in-two-vpcs', 'vpc-without-nodes'];
const topologyIds = ['external-cidr-too-small', 'join-cidr-too-small'];

/** The conditions of a VPC that its networks depend on. */
function vpcConditions(vpc: Manifest, context: Context): Condition[] {
  const own = problemsOf(vpc, context);
  const isOther = ({ id }: SpecProblem) => ![...prerequisiteIds, ...nodeIds, ...topologyIds].includes(id);
  const prerequisites = condition('PrerequisitesReady', [
    ...own.filter(({ id }) => prerequisiteIds.includes(id)),
    ...classProblems(vpc, context).filter(({ id }) => !topologyIds.includes(id)),
  ]);
  return [
    prerequisites,
    after(prerequisites, condition('DPUVPCReconciled', own.filter(isOther))),
    after(
      prerequisites,
      condition(
        'DPUNodesReconciled',
        own.filter(({ id }) => nodeIds.includes(id)),
      ),
    ),
  ];
}

function classProblems(vpc: Manifest, { problems }: Context): SpecProblem[] {
  const name = text(field(vpc.document, 'spec', 'isolationClassName')) ?? '';
  return problems.get(resourceName('IsolationClass', '', name)) ?? [];
}

/** Whether the networks of a VPC, and the addresses for its nodes, are as they should be. */
function topologyCondition(
  vpc: Manifest,
  [prerequisites]: Condition[],
  networks: DescribedResource[],
  context: Context,
): Condition {
  const type = 'TopologyReconciled';
  const all = [...problemsOf(vpc, context), ...classProblems(vpc, context)];
  const own = condition(
    type,
    all.filter(({ id }) => topologyIds.includes(id)),
  );
  const broken = networks.find(({ conditions }) => conditions.some(isBrokenNetwork));
  if (own.status !== 'True' || !broken) return after(prerequisites, own);
  const message = `the DPUVirtualNetwork ${broken.name} is not reconciled`;
  return { type, status: 'False', reason: 'Error', message };
}

const isBrokenNetwork = ({ type, status }: Condition): boolean =>
  type === 'DPUVirtualNetworkReconciled' && status === 'False';

/** A network below its VPC, of which `vpc` are the conditions; or of none. */
function describeNetwork(network: Manifest, vpc: Condition[] | undefined, context: Context): DescribedResource {
  const own = problemsOf(network, context);
  const [, vpcName] = referenceOf(network);
  const prerequisites =
    waiting('PrerequisitesReady', `the DPUVPC ${vpcName}`, vpc) ??
    condition(
      'PrerequisitesReady',
      own.filter(({ id }) => id === 'vpc-not-found'),
    );
  const reconciled = condition(
    'DPUVirtualNetworkReconciled',
    own.filter(({ id }) => id !== 'vpc-not-found'),
  );
  const conditions = summarized([prerequisites, after(prerequisites, reconciled)]);
  const interfaces = (context.children.get(network) ?? []).map((each) => describeInterface(each, conditions, context));
  return { ...described(network, conditions), groups: group('DPUServiceInterfaces', interfaces) };
}

function describeInterface(each: Manifest, network: Condition[] | undefined, context: Context): DescribedResource {
  const own = problemsOf(each, context);
  const [, networkName] = referenceOf(each);
  const prerequisites =
    waiting('ServiceInterfacePreReqsReady', `the DPUVirtualNetwork ${networkName}`, network) ??
    condition(
      'ServiceInterfacePreReqsReady',
      own.filter(({ id }) => id === 'network-not-found'),
    );
  const isPlacement = ({ id }: SpecProblem) => id === 'interface-without-nodes';
  const isOther = (problem: SpecProblem) => problem.id !== 'network-not-found' && !isPlacement(problem);
  const reported = context.reported.get(each) ?? [];
  const ready = condition('ServiceInterfaceSetReady', [...own.filter(isPlacement), ...reported]);
  const reconciled = after(prerequisites, condition('ServiceInterfaceSetReconciled', own.filter(isOther)));
  return described(each, summarized([prerequisites, reconciled, after(reconciled, ready)]));
}

/** What concerns the state of a resource: its errors, and that it stands nowhere. */
const problemsOf = ({ origin }: Manifest, { problems }: Context): SpecProblem[] =>
  (problems.get(origin.resource) ?? []).filter(
    ({ severity, id }) => severity === 'error' || id.endsWith('-without-nodes'),
  );

/** A condition that fails if there is an error among the complaints, and tells the first of them. */
function condition(type: string, problems: readonly SpecProblem[]): Condition {
  const errors = problems.filter(({ severity }) => severity === 'error');
  const told = errors.length > 0 ? errors : problems;
  const message =
    told.length === 0 ? '' : `${sentence(told[0])}${told.length > 1 ? ` (and ${told.length - 1} more)` : ''}`;
  if (errors.length === 0) return { type, status: 'True', reason: 'Success', message };
  const isMissing = errors[0].id.endsWith('-not-found');
  const reason = isMissing ? 'Pending' : type.endsWith('Ready') ? 'Failure' : 'Error';
  return { type, status: 'False', reason, message };
}

const sentence = ({ message, hint }: SpecProblem): string => (hint === undefined ? message : `${message}; ${hint}`);

/** What comes after something that failed has not been tried, unless it is wrong itself. */
function after(earlier: Condition, later: Condition): Condition {
  if (earlier.status === 'True' || later.status === 'False') return later;
  return { type: later.type, status: 'Unknown', reason: 'Pending', message: '' };
}

/** The condition of something that waits for another, if that one is not as it should be. */
function waiting(type: string, what: string, conditions: Condition[] = []): Condition | undefined {
  const failed = conditions.find(({ status }) => status !== 'True');
  return failed && { type, status: 'False', reason: 'Pending', message: `${what} is not ready` };
}

/** The conditions by type, with Ready in front: true if all are, and otherwise why not. */
function summarized(conditions: Condition[]): Condition[] {
  const sorted = [...conditions].sort((a, b) => compare(a.type, b.type));
  const failed = conditions.filter(({ status }) => status !== 'True');
  const warned = conditions.find(({ message }) => message !== '');
  if (failed.length === 0) {
    return [{ type: 'Ready', status: 'True', reason: 'Success', message: warned?.message ?? '' }, ...sorted];
  }
  const worst = failed.find(({ reason }) => reason !== 'Pending') ?? failed[0];
  const reason = worst.reason === 'Pending' ? 'Pending' : 'Failure';
  return [{ type: 'Ready', status: 'False', reason, message: worst.message }, ...sorted];
}

/** The conditions in the status of a resource whose state cannot be computed. */
function statusConditions({ document }: Manifest): Condition[] {
  const written = field(document, 'status', 'conditions');
  const conditions = (Array.isArray(written) ? written : []).flatMap((each: unknown): Condition[] => {
    const type = text(field(each, 'type'));
    const status = field(each, 'status');
    if (type === undefined || (status !== 'True' && status !== 'False' && status !== 'Unknown')) return [];
    return [{ type, status, reason: text(field(each, 'reason')) ?? '', message: text(field(each, 'message')) ?? '' }];
  });
  const rank = ({ type }: Condition) => (type === 'Ready' ? 0 : 1);
  return conditions.sort((a, b) => rank(a) - rank(b) || compare(a.type, b.type));
}

/**
 * Which nodes there are, and which interface stands on which of them.
 *
 * A node belongs to a VPC if the VPC's selector selects it.  An interface stands
 * on each node that both its own selector and its VPC's select.  Where no Node
 * is among the inputs, nodes are made up: for each set of labels that the
 * selectors ask for, so that every interface has a place to stand.
 */
import { groupBy } from '../group.ts';
import type {
  LabelSelector,
  Node,
  Resources,
  ServiceInterface,
  ServiceInterfaceTemplate,
  VirtualNetwork,
  Vpc,
} from './resources.ts';

export type Labels = Readonly<Record<string, string>>;

/** An interface that is attached to a network of a VPC, and the nodes on which it is a port. */
export interface Placement {
  interface: ServiceInterfaceTemplate;
  network: VirtualNetwork;
  vpc: Vpc;
  /** In the order of `Resources.nodes`; none where the selectors have no node in common. */
  nodes: Node[];
}

/** How many nodes are made up for each set of labels unless told. */
export const defaultNodes = 2;

/** Whether a label selector selects labels, as Kubernetes decides it: NotIn is satisfied by an absent label too. */
export function selects(selector: LabelSelector, labels: Labels): boolean {
  return requirementsOf(selector).every((requirement) => satisfies(requirement, labels));
}

/** The nodes of a VPC, in the order of `resources.nodes`. */
export function vpcNodes(vpc: Vpc, resources: Pick<Resources, 'nodes'>): Node[] {
  return nodesSelected([vpc.nodeSelector], resources.nodes);
}

/** The nodes on which an interface stands: its own selector's, of those that its VPC has if it is attached to one. */
export function interfaceNodes(
  { nodeSelector }: ServiceInterfaceTemplate,
  vpc: Vpc | undefined,
  { nodes }: Pick<Resources, 'nodes'>,
): Node[] {
  return nodesSelected(vpc ? [vpc.nodeSelector, nodeSelector] : [nodeSelector], nodes);
}

function nodesSelected(selectors: LabelSelector[], nodes: Node[]): Node[] {
  const requirements = selectors.flatMap(requirementsOf);
  const named = requirements.find(({ operator, values }) => operator === 'In' && values.length === 1);
  const candidates = named ? nodesByLabel(nodes).get(labelText(named.key, named.values[0] ?? '')) : nodes;
  return (candidates ?? []).filter(({ labels }) => requirements.every((requirement) => satisfies(requirement, labels)));
}

const labelText = (key: string, value: string): string => `${key} ${value}`;

interface LabelIndex {
  /** How many nodes there were. */
  readonly count: number;
  readonly byLabel: ReadonlyMap<string, Node[]>;
}

const indexes = new WeakMap<readonly Node[], LabelIndex>();

/** The nodes that have a label with a value: many interfaces ask the same nodes. */
function nodesByLabel(nodes: readonly Node[]): ReadonlyMap<string, Node[]> {
  const known = indexes.get(nodes);
  if (known?.count === nodes.length) return known.byLabel;
  const byLabel = new Map<string, Node[]>();
  for (const node of nodes) {
    for (const [key, value] of Object.entries(node.labels)) {
      const text = labelText(key, value);
      const list = byLabel.get(text);
      if (list) list.push(node);
      else byLabel.set(text, [node]);
    }
  }
  indexes.set(nodes, { count: nodes.length, byLabel });
  return byLabel;
}

/**
 * Every interface that is attached to a network of a VPC, in the order in which
 * it was read.  Interfaces whose network or VPC does not exist are left out.
 */
export function interfacePlacements(resources: Resources): Placement[] {
  return attachments(resources).map((attachment) => ({
    ...attachment,
    nodes: interfaceNodes(attachment.interface, attachment.vpc, resources),
  }));
}

/** The interfaces that lead to a network and on to a VPC. */
function attachments({
  interfaces,
  networks,
  vpcs,
}: Pick<Resources, 'interfaces' | 'networks' | 'vpcs'>): Omit<Placement, 'nodes'>[] {
  const networkOf = new Map(networks.map((network) => [`${network.namespace}/${network.name}`, network]));
  const vpcOf = new Map(vpcs.map((vpc) => [`${vpc.namespace}/${vpc.name}`, vpc]));
  return interfaces.flatMap((each) => {
    const network = networkOf.get(`${each.namespace}/${each.virtualNetwork}`);
    const vpc = network && vpcOf.get(`${network.namespace}/${network.vpcName}`);
    return network && vpc ? [{ interface: each, network, vpc }] : [];
  });
}

/**
 * The nodes to go on with where no Node is among the inputs: `count` for each
 * set of labels that an interface together with its VPC asks for, or a VPC
 * without interfaces by itself.  Where ServiceInterfaces name the nodes on which
 * a DPUServiceInterface came to stand, those nodes are taken instead.
 *
 * A node has the labels that were asked for and no other, so two VPCs have a
 * node in common only if the one selects what the other asks for.
 */
export function makeUpNodes(resources: Omit<Resources, 'nodes'>, count: number): Node[] {
  const wishes = wishesOf(resources);
  const reported = reportedNodes(resources, wishes);
  const wanted = new Map<string, Wish>();
  for (const wish of wishes) {
    const isServed = reported.some(({ labels }) => nodesLabelled(labels, wish.labels));
    if (!isServed && !wanted.has(wish.key)) wanted.set(wish.key, wish);
  }
  const sets = [...wanted.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  const stems = stemsOf(sets.map(({ labels }) => labels));
  const taken = new Set(reported.map(({ name }) => name));
  const madeUp = sets.flatMap(({ labels, asker }, index) => {
    const hostname = labels[hostnameLabel];
    const names = hostname ? [hostname] : freeNames(stems[index], count, taken);
    return names.map((name) => madeUpNode(name, labels, asker));
  });
  return [...reported, ...madeUp];
}

/** The label that every node has for its own: asking for it asks for that one node. */
const hostnameLabel = 'kubernetes.io/hostname';

/** A set of labels that some selectors ask for together. */
interface Wish {
  labels: Labels;
  /** The labels as text, the same for the same labels. */
  key: string;
  asker: Vpc | ServiceInterfaceTemplate;
}

function wishesOf(resources: Omit<Resources, 'nodes'>): Wish[] {
  const attached = attachments(resources);
  return resources.vpcs.flatMap((vpc) => {
    const wishes = attached.filter((attachment) => attachment.vpc === vpc).flatMap((attachment) => wishOf(attachment));
    return wishes.length > 0 ? wishes : wish(vpc, [vpc.nodeSelector]);
  });
}

const wishOf = ({ interface: each, vpc }: Omit<Placement, 'nodes'>): Wish[] =>
  wish(each, [vpc.nodeSelector, each.nodeSelector]);

function wish(asker: Vpc | ServiceInterfaceTemplate, selectors: LabelSelector[]): Wish[] {
  return labelsFor(selectors.flatMap(requirementsOf)).map((labels) => ({ labels, key: JSON.stringify(labels), asker }));
}

function nodesLabelled(labels: Labels, wanted: Labels): boolean {
  return Object.entries(wanted).every(([key, value]) => labels[key] === value);
}

/** The nodes that ServiceInterfaces name, with the labels that the interfaces seen there ask for. */
function reportedNodes(resources: Omit<Resources, 'nodes'>, wishes: Wish[]): Node[] {
  const askers = groupBy(wishes, ({ asker }) => ('attachment' in asker ? interfaceKey(asker) : ''));
  const nodes = new Map<string, Node>();
  for (const each of resources.serviceInterfaces) {
    const found = (askers.get(interfaceKey(each)) ?? []).find(
      ({ labels }) => labels[hostnameLabel] === undefined || labels[hostnameLabel] === each.node,
    );
    if (each.node === '' || !found) continue;
    const labels = { ...nodes.get(each.node)?.labels, ...found.labels };
    nodes.set(each.node, madeUpNode(each.node, labels, each));
  }
  return [...nodes.values()];
}

/** What a ServiceInterface has in common with the DPUServiceInterface that it comes from. */
export function interfaceKey({
  namespace,
  attachment,
  virtualNetwork,
}: ServiceInterface | ServiceInterfaceTemplate): string {
  return JSON.stringify([namespace, virtualNetwork, attachment]);
}

function madeUpNode(name: string, labels: Labels, asker: { origin: Node['origin'] }): Node {
  const origin = { ...asker.origin, resource: `Node/${name}` };
  return { namespace: '', name, labels: { ...labels }, annotations: {}, origin, at: () => origin, madeUp: true };
}

function freeNames(stem: string, count: number, taken: Set<string>): string[] {
  const names: string[] = [];
  for (let number = 1; names.length < count; number++) {
    const name = `${stem}-${number}`;
    if (!taken.has(name)) names.push(name);
    taken.add(name);
  }
  return names;
}

/**
 * A readable beginning of a node's name for each set of labels, all different:
 * the labels' values (`red`); with their keys where values alone are not enough.
 */
function stemsOf(sets: Labels[]): string[] {
  const short = sets.map((labels) => stem(Object.entries(labels).map(([key, value]) => valueWord(key, value))));
  const long = sets.map((labels) => stem(Object.entries(labels).flatMap(([key, value]) => [keyWord(key), value])));
  const uses = countOf(short);
  const stems = short.map((text, index) => (uses.get(text) === 1 ? text : long[index]));
  const finalUses = countOf(stems);
  return stems.map((text, index) => (finalUses.get(text) === 1 ? text : `${text}-${index + 1}`));
}

function countOf(texts: string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
}

const keyWord = (key: string): string => key.slice(key.lastIndexOf('/') + 1);

const valueWord = (key: string, value: string): string => (value === '' || value === anyValue ? keyWord(key) : value);

/** Words as a part of a Kubernetes name. */
function stem(words: string[]): string {
  const text = words
    .join('-')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 50)
    .replace(/^-+|-+$/g, '');
  return text === '' ? 'node' : text;
}

type Requirement = LabelSelector['matchExpressions'][number];

function requirementsOf({ matchLabels, matchExpressions }: LabelSelector): Requirement[] {
  const equal = Object.entries(matchLabels).map(
    ([key, value]): Requirement => ({ key, operator: 'In', values: [value] }),
  );
  return [...equal, ...matchExpressions];
}

function satisfies({ key, operator, values }: Requirement, labels: Labels): boolean {
  const isPresent = Object.hasOwn(labels, key);
  switch (operator) {
    case 'In':
      return isPresent && values.includes(labels[key]);
    case 'NotIn':
      return !isPresent || !values.includes(labels[key]);
    case 'Exists':
      return isPresent;
    case 'DoesNotExist':
      return !isPresent;
  }
}

/** The value of a label of which only its presence is asked for. */
const anyValue = 'true';

/**
 * The smallest set of labels that satisfies all requirements; several where they
 * name several nodes, none where they contradict each other.
 */
function labelsFor(requirements: Requirement[]): Labels[] {
  const keys = [...new Set(requirements.map(({ key }) => key))].sort();
  let sets: Record<string, string>[] = [{}];
  for (const key of keys) {
    const values = valuesFor(requirements.filter((requirement) => requirement.key === key));
    sets = sets.flatMap((labels) =>
      values.map((value) => (value === undefined ? labels : { ...labels, [key]: value })),
    );
  }
  return sets.filter((labels) => requirements.every((requirement) => satisfies(requirement, labels)));
}

/** The values to try for one label: `undefined` leaves it away. */
function valuesFor(requirements: Requirement[]): (string | undefined)[] {
  const named = requirements.find(({ operator }) => operator === 'In');
  if (named) {
    const fitting = named.values.filter((value) =>
      requirements.every((requirement) => satisfies(requirement, { [requirement.key]: value })),
    );
    return named.key === hostnameLabel ? fitting : fitting.slice(0, 1);
  }
  if (!requirements.some(({ operator }) => operator === 'Exists')) return [undefined];
  const refused = new Set(requirements.flatMap(({ operator, values }) => (operator === 'NotIn' ? values : [])));
  let value = anyValue;
  for (let number = 1; refused.has(value); number++) value = `${anyValue}-${number}`;
  return [value];
}

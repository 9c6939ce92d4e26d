/** What the rules ask for again and again, found once. */
import { groupBy } from '../../group.ts';
import { interfaceNodes, vpcNodes } from '../nodes.ts';
import type {
  IsolationClass,
  Manifest,
  Node,
  Resources,
  ServiceInterface,
  ServiceInterfaceTemplate,
  VirtualNetwork,
  Vpc,
} from '../resources.ts';

export interface Topology {
  resources: Resources;
  /** Every document of a known kind, by `KIND/NAMESPACE/NAME`; the first of several. */
  manifests: ReadonlyMap<string, Manifest>;
  vpcOf(network: VirtualNetwork): Vpc | undefined;
  networkOf(attached: ServiceInterface | ServiceInterfaceTemplate): VirtualNetwork | undefined;
  networksOf(vpc: Vpc): readonly VirtualNetwork[];
  interfacesOf(network: VirtualNetwork): readonly ServiceInterfaceTemplate[];
  isolationClassOf(vpc: Vpc): IsolationClass | undefined;
  /** The nodes of a VPC. */
  vpcNodes(vpc: Vpc): readonly Node[];
  /** The nodes on which an interface stands; none if its network or VPC is not known. */
  interfaceNodes(template: ServiceInterfaceTemplate): readonly Node[];
}

export function topologyOf(resources: Resources, manifests: readonly Manifest[]): Topology {
  const key = (namespace: string, name: string): string => `${namespace}/${name}`;
  const vpcs = firstBy(resources.vpcs, ({ namespace, name }) => key(namespace, name));
  const networks = firstBy(resources.networks, ({ namespace, name }) => key(namespace, name));
  const classes = firstBy(resources.isolationClasses, ({ name }) => name);
  const networksOf = groupBy(resources.networks, ({ namespace, vpcName }) => key(namespace, vpcName));
  const attached = resources.interfaces.filter(({ virtualNetwork }) => virtualNetwork !== undefined);
  const interfacesOf = groupBy(attached, ({ namespace, virtualNetwork = '' }) => key(namespace, virtualNetwork));
  const nodesOfVpc = new Map(resources.vpcs.map((vpc) => [vpc, vpcNodes(vpc, resources)]));
  const vpcOf = ({ namespace, vpcName }: VirtualNetwork) => vpcs.get(key(namespace, vpcName));
  const networkOf: Topology['networkOf'] = ({ namespace, virtualNetwork }) =>
    virtualNetwork === undefined ? undefined : networks.get(key(namespace, virtualNetwork));
  const nodesOfInterface = new Map(
    resources.interfaces.map((template) => {
      const network = networkOf(template);
      const vpc = network && vpcOf(network);
      const isLost = template.virtualNetwork !== undefined && !vpc;
      const nodes = isLost ? [] : ((vpc && nodesOfVpc.get(vpc)) ?? resources.nodes);
      return [template, interfaceNodes(template, undefined, { nodes })];
    }),
  );
  return {
    resources,
    manifests: firstBy(manifests, ({ origin }) => origin.resource),
    vpcOf,
    networkOf,
    networksOf: ({ namespace, name }) => networksOf.get(key(namespace, name)) ?? [],
    interfacesOf: ({ namespace, name }) => interfacesOf.get(key(namespace, name)) ?? [],
    isolationClassOf: ({ isolationClassName }) => classes.get(isolationClassName),
    vpcNodes: (vpc) => nodesOfVpc.get(vpc) ?? [],
    interfaceNodes: (template) => nodesOfInterface.get(template) ?? [],
  };
}

function firstBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T> {
  const first = new Map<string, T>();
  for (const item of items) if (!first.has(keyOf(item))) first.set(keyOf(item), item);
  return first;
}

/** `A, B and 3 more`: some names for a person. */
export function listNames(names: readonly string[]): string {
  if (names.length > 3) return `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`;
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

/** `1 node`, `2 nodes`. */
export const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;

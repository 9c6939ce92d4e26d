/** Where things stand: nodes of several VPCs, VPCs and interfaces without nodes, what has no effect. */
import { problemOf, quote } from '../complain.ts';
import { interfaceKey, interfaceNodes } from '../nodes.ts';
import type { Node, ServiceInterfaceTemplate, SpecProblem, VirtualNetwork, Vpc } from '../resources.ts';
import { isRecord } from '../yaml.ts';
import { count, listNames, type Topology } from './topology.ts';

export function checkPlacement(topology: Topology): SpecProblem[] {
  const { vpcs, networks, interfaces } = topology.resources;
  return [
    ...checkSharedNodes(topology),
    ...vpcs.flatMap((vpc) => checkVpc(vpc, topology)),
    ...networks.flatMap((network) => checkNetwork(network, topology)),
    ...interfaces.flatMap((template) => checkInterface(template, topology)),
    ...checkReported(topology),
  ];
}

/** A node belongs to one VPC at most; the complaint is on each VPC that shares one. */
function checkSharedNodes({ resources, vpcNodes }: Topology): SpecProblem[] {
  const vpcsOf = new Map<Node, Vpc[]>();
  for (const vpc of resources.vpcs) {
    for (const node of vpcNodes(vpc)) vpcsOf.set(node, [...(vpcsOf.get(node) ?? []).slice(0, 8), vpc]);
  }
  return resources.vpcs.flatMap((vpc) => {
    const shared = vpcNodes(vpc).filter((node) => (vpcsOf.get(node) ?? []).some((other) => other !== vpc));
    if (shared.length === 0) return [];
    const others = new Set(shared.flatMap((node) => vpcsOf.get(node) ?? []));
    others.delete(vpc);
    const names = [...others].map(({ namespace, name }) => `${namespace}/${name}`);
    const nodes = `${shared.length === 1 ? 'the node' : 'the nodes'} ${listNames(shared.map(({ name }) => name))}`;
    const message = `${nodes} ${shared.length === 1 ? 'belongs' : 'belong'} to the ${names.length === 1 ? 'DPUVPC' : 'DPUVPCs'} ${listNames(names)} too`;
    const hint = 'give the DPUVPCs nodeSelectors that select different nodes';
    return [problemOf(vpc, { id: 'node-in-two-vpcs', path: 'spec.nodeSelector', message, hint })];
  });
}

function checkVpc(vpc: Vpc, { vpcNodes }: Topology): SpecProblem[] {
  if (vpcNodes(vpc).length > 0) return [];
  const message = 'no node has the labels that the VPC selects, so it has no node';
  const hint = 'label a Node, or change nodeSelector';
  return [problemOf(vpc, { severity: 'warning', id: 'vpc-without-nodes', path: 'spec.nodeSelector', message, hint })];
}

function checkNetwork(network: VirtualNetwork, { interfacesOf, manifests }: Topology): SpecProblem[] {
  const problems: SpecProblem[] = [];
  if (Object.keys(writtenSelector(network)).length > 0) {
    const message = 'the nodeSelector of a DPUVirtualNetwork has no effect';
    const hint = 'select nodes by the DPUVPC and by the DPUServiceInterfaces';
    const complaint = { id: 'network-node-selector', path: 'spec.nodeSelector', message, hint };
    problems.push(problemOf(network, { severity: 'warning', ...complaint }));
  }
  if (!network.externallyRouted && isWritten(network, 'masquerade')) {
    const message = 'masquerade has no effect on a network that is not externally routed';
    const hint = 'remove it, or set externallyRouted: true';
    const complaint = { id: 'masquerade-without-effect', path: 'spec.masquerade', message, hint };
    problems.push(problemOf(network, { severity: 'warning', ...complaint }));
  }
  const isVpcThere = manifests.has(`DPUVPC/${network.namespace}/${network.vpcName}`);
  if (isVpcThere && interfacesOf(network).length === 0) {
    const message = 'no DPUServiceInterface is attached to the network';
    const hint = 'attach one, or remove the network';
    problems.push(problemOf(network, { severity: 'note', id: 'network-without-interfaces', path: '', message, hint }));
  }
  return problems;
}

function writtenSelector({ manifest }: VirtualNetwork): object {
  const spec = manifest?.document.spec;
  return isRecord(spec) && isRecord(spec.nodeSelector) ? spec.nodeSelector : {};
}

/** Whether a field stands in the file, and is not its schema's default. */
function isWritten(network: VirtualNetwork, field: string): boolean {
  const place = network.at(`spec.${field}`);
  const parent = network.at('spec');
  return place.line !== parent.line || place.column !== parent.column;
}

function checkInterface(template: ServiceInterfaceTemplate, topology: Topology): SpecProblem[] {
  const { attachment, virtualNetwork } = template;
  if (attachment.type === 'other') return [];
  if (virtualNetwork === undefined) {
    const path = `spec.template.spec.template.spec.${attachment.type}`;
    const message = 'the interface is attached to no virtualNetwork, so it takes no part in a VPC';
    const hint = 'add virtualNetwork: NAME';
    return [problemOf(template, { severity: 'note', id: 'interface-without-network', path, message, hint })];
  }
  const network = topology.networkOf(template);
  const vpc = network && topology.vpcOf(network);
  if (!vpc || topology.interfaceNodes(template).length > 0) return [];
  const message = `the interface lands on no node: ${reasonFor(template, vpc, topology)}`;
  const hint = 'label a Node so that both selectors select it, or change a selector';
  const complaint = { id: 'interface-without-nodes', path: 'spec.template.spec.nodeSelector', message, hint };
  return [problemOf(template, { severity: 'warning', ...complaint })];
}

function reasonFor(template: ServiceInterfaceTemplate, vpc: Vpc, { resources, vpcNodes }: Topology): string {
  const ofVpc = vpcNodes(vpc);
  if (ofVpc.length === 0) return `its DPUVPC ${quote(vpc.name)} has none`;
  const own = interfaceNodes(template, undefined, resources);
  const namesOf = (nodes: readonly Node[]) => listNames(nodes.map(({ name }) => name));
  if (own.length === 0) return 'no node has the labels that it selects';
  return `it selects ${namesOf(own)}, but its DPUVPC ${quote(vpc.name)} has ${namesOf(ofVpc)}`;
}

/** ServiceInterfaces tell what became of DPUServiceInterfaces; alone they are no ports. */
function checkReported(topology: Topology): SpecProblem[] {
  const { serviceInterfaces, interfaces, nodes } = topology.resources;
  const templates = new Map(interfaces.map((template) => [interfaceKey(template), template]));
  const names = new Set(nodes.map(({ name }) => name));
  return serviceInterfaces.flatMap((each) => {
    if (each.virtualNetwork === undefined) return [];
    const warn = (id: string, path: string, message: string, hint: string) => [
      problemOf(each, { severity: 'warning', id, path, message, hint }),
    ];
    const template = templates.get(interfaceKey(each));
    if (!template) {
      const message = 'no DPUServiceInterface describes this interface, so it becomes no port';
      return warn('service-interface-alone', '', message, 'add its DPUServiceInterface');
    }
    if (each.node === '') {
      return warn('service-interface-without-node', 'spec', 'the interface is on no node', 'add node: NAME');
    }
    if (topology.interfaceNodes(template).some(({ name }) => name === each.node)) return [];
    const reason = names.has(each.node)
      ? `is not among the ${count(topology.interfaceNodes(template).length, 'node')} of its DPUServiceInterface`
      : 'is not among the Nodes';
    const message = `the node ${quote(each.node)} ${reason}, so the interface becomes no port`;
    return warn('service-interface-without-node', 'spec.node', message, 'add or label the Node');
  });
}

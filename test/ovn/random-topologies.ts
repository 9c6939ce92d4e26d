/**
 * Random topologies as a user would write them: manifests of VPCs, networks,
 * interfaces and nodes, always valid.
 *
 * A draft holds independent random choices, so that fast-check can shrink it;
 * `manifestsOf` makes a topology of it in which they do not contradict each
 * other: node sets of VPCs are disjoint, subnets of a VPC do not overlap and
 * hold all their interfaces.
 */
import fc from 'fast-check';
import { stringify } from 'yaml';

interface InterfaceDraft {
  type: 'pf' | 'vf' | 'service';
  /** Stands on the nodes of one rack only; on all of its VPC unless given. */
  rack?: string;
  isUnknownMac: boolean;
  /** Its ServiceInterface on each node reports a MAC address, under one of both spellings. */
  mac: 'chosen' | 'annotated' | 'annotated-shortly';
}

interface NetworkDraft {
  prefixLength: number;
  /** Which of a few address pools; few, so that VPCs overlap. */
  pool: number;
  externallyRouted: boolean;
  masquerade: boolean | undefined;
  dhcp: boolean;
  /** Hosts to exclude: places within the subnet, and how many from there on. */
  excludes: { at: number; count: number }[];
  interfaces: InterfaceDraft[];
}

interface VpcDraft {
  interNetworkAccess: boolean;
  selector: 'labels' | 'expressions';
  networks: NetworkDraft[];
}

interface TopologyDraft {
  vpcs: VpcDraft[];
  /** The racks of the nodes; none given: lflow makes nodes up. */
  nodes: { rack: string; vpc: number }[];
  namespaces: number;
  parameters: Record<string, string> | undefined;
  hasIsolationClass: boolean;
}

const racks = ['a', 'b'];

const anInterface: fc.Arbitrary<InterfaceDraft> = fc.record(
  {
    type: fc.constantFrom('pf', 'vf', 'service'),
    rack: fc.constantFrom(...racks),
    isUnknownMac: fc.boolean(),
    mac: fc.constantFrom('chosen', 'annotated', 'annotated-shortly'),
  },
  { requiredKeys: ['type', 'isUnknownMac', 'mac'] },
);

const network: fc.Arbitrary<NetworkDraft> = fc.record({
  prefixLength: fc.constantFrom(16, 20, 22, 24, 25, 27, 28, 29, 30),
  pool: fc.nat(3),
  externallyRouted: fc.boolean(),
  masquerade: fc.constantFrom(undefined, true, false),
  dhcp: fc.boolean(),
  excludes: fc.array(fc.record({ at: fc.nat(1000), count: fc.integer({ min: 1, max: 4 }) }), { maxLength: 2 }),
  interfaces: fc.array(anInterface, { maxLength: 3 }),
});

const vpc: fc.Arbitrary<VpcDraft> = fc.record({
  interNetworkAccess: fc.boolean(),
  selector: fc.constantFrom('labels', 'expressions'),
  networks: fc.array(network, { minLength: 1, maxLength: 4 }),
});

const parameters: fc.Arbitrary<Record<string, string>> = fc
  .record({
    external: fc.constantFrom(
      undefined,
      { 'external-cidr': '203.0.113.0/24', 'external-gateway': '203.0.113.1' },
      { 'external-cidr': '198.51.100.0/25', 'external-gateway': '198.51.100.126' },
    ),
    others: fc.record(
      {
        'join-cidr': fc.constantFrom('100.96.0.0/20', '169.254.128.0/17'),
        'physical-network': fc.constantFrom('physnet', 'br-ovn-ext', 'external'),
        mtu: fc.integer({ min: 1280, max: 9216 }).map(String),
        'dhcp-lease-time': fc.integer({ min: 60, max: 86400 }).map(String),
        'ovn-nb-endpoint': fc.constant('tcp:10.1.1.100:30641'),
      },
      { requiredKeys: [] },
    ),
  })
  .map(({ external, others }) => ({ ...external, ...others }));

const topology: fc.Arbitrary<TopologyDraft> = fc.record({
  vpcs: fc.array(vpc, { minLength: 1, maxLength: 4 }),
  nodes: fc.oneof(
    {
      weight: 3,
      arbitrary: fc.array(fc.record({ rack: fc.constantFrom(...racks), vpc: fc.nat(3) }), {
        minLength: 1,
        maxLength: 6,
      }),
    },
    { weight: 1, arbitrary: fc.constant<TopologyDraft['nodes']>([]) },
  ),
  namespaces: fc.integer({ min: 1, max: 2 }),
  parameters: fc.option(parameters, { nil: undefined }),
  hasIsolationClass: fc.boolean(),
});

/** YAML text of a random topology. */
export const randomManifests: fc.Arbitrary<string> = topology.map(manifestsOf);

const pools = [
  [10, 0, 0, 0],
  [192, 168, 0, 0],
  [172, 16, 0, 0],
  [192, 178, 0, 0],
].map(([a = 0, b = 0, c = 0, d = 0]) => a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d);

/** Nodes that lflow makes up for each set of labels. */
const madeUpNodes = 2;

type Document = Record<string, unknown>;

function manifestsOf(draft: TopologyDraft): string {
  // Every VPC needs a node of its own, if nodes are given at all.
  const vpcs = draft.nodes.length === 0 ? draft.vpcs : draft.vpcs.slice(0, draft.nodes.length);
  const nodes = draft.nodes.map(({ rack, vpc }, at) => ({
    name: `node-${at + 1}`,
    rack,
    vpc: at < vpcs.length ? at : vpc % vpcs.length,
  }));
  const numbers = { interfaces: counter(), macs: counter() };
  const documents = [
    ...(draft.parameters || draft.hasIsolationClass ? [isolationClass(draft.parameters)] : []),
    ...nodes.map(({ name, rack, vpc }) => ({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name, labels: { 'example.com/vpc': `vpc-${vpc + 1}`, 'example.com/rack': rack } },
    })),
    ...vpcs.flatMap((vpc, at) => {
      const namespace = draft.namespaces > 1 && at % 2 === 1 ? 'tenant-b' : 'default';
      const own = nodes.filter((node) => node.vpc === at);
      return vpcDocuments(vpc, { at, namespace, isAlone: vpcs.length === 1, nodes: own, numbers });
    }),
  ];
  return documents.map((document) => stringify(document)).join('---\n');
}

function counter(): () => number {
  let next = 0;
  return () => next++;
}

interface VpcPlace {
  at: number;
  namespace: string;
  isAlone: boolean;
  nodes: { name: string; rack: string }[];
  /** For what no two interfaces of a node, or of a network, share. */
  numbers: { interfaces: () => number; macs: () => number };
}

function isolationClass(given: Record<string, string> | undefined): Document {
  return {
    apiVersion: 'vpc.dpu.nvidia.com/v1alpha1',
    kind: 'IsolationClass',
    metadata: { name: 'ovn.vpc.dpu.nvidia.com' },
    spec: { provisioner: 'ovn.vpc.dpu.nvidia.com', ...(given && { parameters: given }) },
  };
}

function vpcDocuments(vpc: VpcDraft, place: VpcPlace): Document[] {
  const { at, namespace, isAlone, nodes } = place;
  const name = `vpc-${at + 1}`;
  const label = 'example.com/vpc';
  const selectors = {
    labels: { matchLabels: { [label]: name } },
    expressions: { matchExpressions: [{ key: label, operator: 'In', values: [name] }] },
  };
  const taken: Subnet[] = [];
  return [
    {
      apiVersion: 'vpc.dpu.nvidia.com/v1alpha1',
      kind: 'DPUVPC',
      metadata: { name, namespace },
      spec: {
        tenant: `tenant-${at + 1}`,
        isolationClassName: 'ovn.vpc.dpu.nvidia.com',
        interNetworkAccess: vpc.interNetworkAccess,
        // With a VPC of its own, a node need not be selected by label.
        nodeSelector: isAlone && nodes.length > 0 ? {} : selectors[vpc.selector],
      },
    },
    ...vpc.networks.flatMap((network, index) =>
      networkDocuments(network, `${name}-net-${index + 1}`, name, taken, place),
    ),
  ];
}

interface Subnet {
  first: number;
  size: number;
}

function networkDocuments(
  network: NetworkDraft,
  name: string,
  vpcName: string,
  taken: Subnet[],
  place: VpcPlace,
): Document[] {
  const ports = network.interfaces.reduce((sum, { rack }) => sum + portsOf(rack, place), 0);
  const excluded = network.excludes.reduce((sum, { count }) => sum + count, 0);
  const subnet = subnetFor(network, ports + excluded, taken);
  taken.push(subnet);
  // The network's own address and the gateway come first, broadcast last.
  const hosts = subnet.size - 3;
  const excludeIPs = network.excludes.map(({ at, count }) => {
    const first = subnet.first + 2 + (at % Math.max(hosts - count, 1));
    const last = first + count - 1;
    return count === 1 ? { ip: dotted(first) } : { range: { start: dotted(first), end: dotted(last) } };
  });
  return [
    {
      apiVersion: 'vpc.dpu.nvidia.com/v1alpha1',
      kind: 'DPUVirtualNetwork',
      metadata: { name, namespace: place.namespace },
      spec: {
        vpcName,
        type: 'Bridged',
        externallyRouted: network.externallyRouted,
        ...(network.masquerade !== undefined && { masquerade: network.masquerade }),
        bridgedNetwork: {
          ipam: {
            ipv4: {
              dhcp: network.dhcp,
              subnet: `${dotted(subnet.first)}/${32 - Math.log2(subnet.size)}`,
              ...(excludeIPs.length > 0 && { excludeIPs }),
            },
          },
        },
      },
    },
    ...network.interfaces.flatMap((each, index) => interfaceDocuments(each, `${name}-if-${index + 1}`, name, place)),
  ];
}

/** On how many nodes an interface stands; if they are made up, at most. */
function portsOf(rack: string | undefined, { nodes }: VpcPlace): number {
  if (nodes.length === 0) return madeUpNodes * (racks.length + 1);
  return nodes.filter((node) => rack === undefined || node.rack === rack).length;
}

/** The smallest subnet of the draft's size or larger that has room for `hosts` and is free in its VPC. */
function subnetFor({ prefixLength, pool }: NetworkDraft, hosts: number, taken: Subnet[]): Subnet {
  let size = 2 ** (32 - prefixLength);
  while (size - 3 < hosts) size *= 2;
  let first = pools[pool] ?? 0;
  while (taken.some((other) => first < other.first + other.size && other.first < first + size)) first += size;
  return { first, size };
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}

function interfaceDocuments(each: InterfaceDraft, name: string, virtualNetwork: string, place: VpcPlace): Document[] {
  const { namespace, nodes, numbers } = place;
  const spec = { interfaceType: each.type, ...attachment(each.type, numbers.interfaces(), virtualNetwork) };
  const selector = each.rack === undefined ? {} : { nodeSelector: { matchLabels: { 'example.com/rack': each.rack } } };
  const annotations = { 'ovn.vpc.dpu.nvidia.com/unknown-mac': 'true' };
  const template = { ...(each.isUnknownMac && { metadata: { annotations } }), spec };
  const metadata = { name, namespace };
  const wanted = {
    apiVersion: 'svc.dpu.nvidia.com/v1alpha1',
    kind: 'DPUServiceInterface',
    metadata,
    spec: { template: { spec: { ...selector, template } } },
  };
  if (each.mac === 'chosen') return [wanted];
  const key =
    each.mac === 'annotated' ? 'ovn.vpc.dpu.nvidia.com/lsp-mac-address' : 'vpc.dpu.nvidia.com/lsp-mac-address';
  const own = nodes.filter((node) => each.rack === undefined || node.rack === each.rack);
  const reports = own.map((node) => ({
    apiVersion: 'svc.dpu.nvidia.com/v1alpha1',
    kind: 'ServiceInterface',
    metadata: { name: `${name}-${node.name}`, namespace, annotations: { [key]: macOf(numbers.macs()) } },
    spec: { node: node.name, ...spec },
  }));
  return [wanted, ...reports];
}

function attachment(type: InterfaceDraft['type'], id: number, virtualNetwork: string): Document {
  if (type === 'pf') return { pf: { pfID: id, virtualNetwork } };
  if (type === 'vf') return { vf: { pfID: 0, vfID: id, parentInterfaceRef: '', virtualNetwork } };
  return {
    service: { serviceID: `service-${id}`, network: 'default/mybrsfc', interfaceName: `if${id}`, virtualNetwork },
  };
}

function macOf(id: number): string {
  const octets = [0x0a, 0x58, 0, 0, Math.floor(id / 256), id % 256];
  return octets.map((octet) => octet.toString(16).padStart(2, '0')).join(':');
}

/** A topology of any size to measure with: the same size, the same manifests. */
import { InputError } from '../engine/origin.ts';
import { readManifests } from '../engine/spec/read.ts';
import type { Resources } from '../engine/spec/resources.ts';

export interface Size {
  vpcs: number;
  /** In each VPC. */
  networks: number;
  /** In each VPC. */
  nodes: number;
  /** Of each network, on each node. */
  interfaces: number;
}

/** 100 VPCs, 200 networks and 10 000 ports. */
export const usualSize: Size = { vpcs: 100, networks: 2, nodes: 5, interfaces: 10 };

/**
 * Manifests: every VPC has the same subnets, and each network a way outside
 * with source NAT.
 */
export function manifests(size: Size): string {
  return numbers(size.vpcs)
    .map((v) => manifestsOfVpc(v, size))
    .join('---\n');
}

/** What a file holds, as one may not hold everything: so many VPCs, or fewer if their interfaces are more than that. */
const vpcsOfFile = 100;
const interfacesOfFile = 2000;

/** The files that these manifests are in; `more` interfaces are written behind all others, of the last VPC's first network. */
export function manifestFiles(size: Size, more = 0): { file: string; text: string }[] {
  const large = Math.floor(interfacesOfFile / (size.networks * size.interfaces));
  const vpcsInFile = Math.min(vpcsOfFile, Math.max(1, large));
  return numbers(Math.ceil(size.vpcs / vpcsInFile)).map((index) => {
    const first = index * vpcsInFile;
    const here = numbers(Math.min(vpcsInFile, size.vpcs - first));
    const documents = here.map((v) => manifestsOfVpc(first + v, size));
    if (first + here.length === size.vpcs) documents.push(...moreInterfaces(size, more));
    const shared = index === 0 ? [isolationClass] : [];
    return { file: `bench${index}.yaml`, text: [...shared, ...documents].join('---\n') };
  });
}

function moreInterfaces({ vpcs, networks, interfaces }: Size, more: number): string[] {
  const network = `net-${vpcs - 1}-0`;
  return numbers(more).map((i) => vf(`${network}-vf-${interfaces + i}`, network, networks * interfaces + i));
}

function manifestsOfVpc(v: number, { networks, nodes, interfaces }: Size): string {
  const documents: string[] = [];
  for (const n of numbers(nodes)) documents.push(node(`node-${v}-${n}`, `vpc-${v}`));
  documents.push(vpc(`vpc-${v}`));
  for (const n of numbers(networks)) {
    documents.push(network(`net-${v}-${n}`, `vpc-${v}`, `10.${n}.0.0/16`));
    for (const i of numbers(interfaces))
      documents.push(vf(`net-${v}-${n}-vf-${i}`, `net-${v}-${n}`, n * interfaces + i));
  }
  return documents.join('---\n');
}

/** What the manifests of a size say. Throws InputError if the size is too large for them to be valid. */
export function resourcesOf(size: Size): Resources {
  const { resources, problems } = readManifests(manifestFiles(size));
  const errors = problems.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw new InputError(errors.slice(0, 10));
  return resources;
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, at) => at);
}

const isolationClass = `apiVersion: vpc.dpu.nvidia.com/v1alpha1
kind: IsolationClass
metadata: {name: ovn.vpc.dpu.nvidia.com}
spec: {provisioner: ovn.vpc.dpu.nvidia.com}
`;

const node = (name: string, vpcName: string) => `apiVersion: v1
kind: Node
metadata: {name: ${name}, labels: {vpc: ${vpcName}}}
`;

const vpc = (name: string) => `apiVersion: vpc.dpu.nvidia.com/v1alpha1
kind: DPUVPC
metadata: {name: ${name}, namespace: default}
spec:
  tenant: ${name}
  isolationClassName: ovn.vpc.dpu.nvidia.com
  interNetworkAccess: true
  nodeSelector: {matchLabels: {vpc: ${name}}}
`;

const network = (name: string, vpcName: string, subnet: string) => `apiVersion: vpc.dpu.nvidia.com/v1alpha1
kind: DPUVirtualNetwork
metadata: {name: ${name}, namespace: default}
spec:
  vpcName: ${vpcName}
  type: Bridged
  externallyRouted: true
  bridgedNetwork: {ipam: {ipv4: {dhcp: true, subnet: ${subnet}}}}
`;

const vf = (name: string, networkName: string, id: number) => `apiVersion: svc.dpu.nvidia.com/v1alpha1
kind: DPUServiceInterface
metadata: {name: ${name}, namespace: default}
spec:
  template:
    spec:
      template:
        spec:
          interfaceType: vf
          vf: {pfID: ${Math.floor(id / 200)}, vfID: ${id % 200}, parentInterfaceRef: "", virtualNetwork: ${networkName}}
`;

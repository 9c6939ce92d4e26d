/** Short ways to write manifests in tests. */
import { readManifests } from '../../engine/spec/read.ts';
import type { ReadResult } from '../../engine/spec/resources.ts';

type Fields = Record<string, unknown>;

const document = <F extends Fields>(group: string, kind: string, namespace: string, name: string, fields: F) => ({
  apiVersion: group === '' ? 'v1' : `${group}.dpu.nvidia.com/v1alpha1`,
  kind,
  metadata: { name, ...(namespace === '' ? {} : { namespace }) },
  ...fields,
});

export const isolationClass = (parameters: Record<string, string> = {}, name = 'ovn.vpc.dpu.nvidia.com') =>
  document('vpc', 'IsolationClass', '', name, { spec: { provisioner: 'ovn.vpc.dpu.nvidia.com', parameters } });

export const vpc = (name: string, spec: Fields = {}) =>
  document('vpc', 'DPUVPC', 'default', name, {
    spec: { tenant: name, isolationClassName: 'ovn.vpc.dpu.nvidia.com', interNetworkAccess: true, ...spec },
  });

export const network = (name: string, vpcName: string, subnet: string, spec: Fields = {}, ipv4: Fields = {}) =>
  document('vpc', 'DPUVirtualNetwork', 'default', name, {
    spec: {
      vpcName,
      type: 'Bridged',
      externallyRouted: true,
      bridgedNetwork: { ipam: { ipv4: { dhcp: true, subnet, ...ipv4 } } },
      ...spec,
    },
  });

export const labelled = (matchLabels: Record<string, string>) => ({ matchLabels });

export const anInterface = (name: string, block: Fields, nodeSelector: Fields = {}, metadata: Fields = {}) =>
  document('svc', 'DPUServiceInterface', 'default', name, {
    spec: { template: { spec: { nodeSelector, template: { metadata, spec: block } } } },
  });

export const vf = (name: string, virtualNetwork: string, vfID: number, nodeSelector: Fields = {}, more: Fields = {}) =>
  anInterface(name, { interfaceType: 'vf', vf: { pfID: 0, vfID, virtualNetwork, ...more } }, nodeSelector);

export const pf = (name: string, virtualNetwork: string, pfID: number) =>
  anInterface(name, { interfaceType: 'pf', pf: { pfID, virtualNetwork } });

export const reported = (
  name: string,
  node: string,
  virtualNetwork: string,
  vfID: number,
  annotations: Fields = {},
) => {
  const spec = { node, interfaceType: 'vf', vf: { pfID: 0, vfID, virtualNetwork } };
  const whole = document('svc', 'ServiceInterface', 'default', name, { spec });
  return { ...whole, metadata: { ...whole.metadata, annotations } };
};

export const node = (name: string, labels: Record<string, string> = {}) => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels },
});

/** A VPC with one network and one interface on all nodes. */
export const topology = (subnet = '192.168.0.0/24', spec: Fields = {}, ipv4: Fields = {}) => [
  isolationClass(),
  vpc('vpc'),
  network('net', 'vpc', subnet, spec, ipv4),
  vf('vf2', 'net', 2),
];

export function read(documents: readonly object[], nodes?: number): ReadResult {
  return readManifests([{ file: 'test.yaml', text: documents.map((each) => JSON.stringify(each)).join('\n---\n') }], {
    nodes,
  });
}

/** The ids of all complaints but notes. */
export const ids = ({ problems }: ReadResult): string[] =>
  problems.filter(({ severity }) => severity !== 'note').map(({ id }) => id);

/** The ids of all errors. */
export const errors = ({ problems }: ReadResult): string[] =>
  problems.filter(({ severity }) => severity === 'error').map(({ id }) => id);

/** Small topologies for tests, as the manifests that a user would write. */
import { readManifests } from '../engine/spec/read.ts';
import type { Resources } from '../engine/spec/resources.ts';

const metadata = (name: string) => ({ name, namespace: 'default' });
const labels = (tenant: string) => ({ matchLabels: { tenant } });

export function vpc(name: string, spec: Record<string, unknown> = {}): object {
  return {
    apiVersion: 'vpc.dpu.nvidia.com/v1alpha1',
    kind: 'DPUVPC',
    metadata: metadata(name),
    spec: {
      tenant: name,
      nodeSelector: labels(name),
      isolationClassName: 'ovn.vpc.dpu.nvidia.com',
      interNetworkAccess: true,
      ...spec,
    },
  };
}

export function network(
  name: string,
  vpcName: string,
  subnet: string,
  spec: Record<string, unknown> = {},
  ipv4: Record<string, unknown> = {},
): object {
  return {
    apiVersion: 'vpc.dpu.nvidia.com/v1alpha1',
    kind: 'DPUVirtualNetwork',
    metadata: metadata(name),
    spec: {
      vpcName,
      type: 'Bridged',
      externallyRouted: true,
      masquerade: true,
      bridgedNetwork: { ipam: { ipv4: { dhcp: true, subnet, ...ipv4 } } },
      ...spec,
    },
  };
}

/** A VF on every node of the network's VPC. */
export function vf(virtualNetwork: string, vfID: number, annotations: Record<string, string> = {}): object {
  const spec = { interfaceType: 'vf', vf: { pfID: 0, vfID, virtualNetwork } };
  return {
    apiVersion: 'svc.dpu.nvidia.com/v1alpha1',
    kind: 'DPUServiceInterface',
    metadata: metadata(`${virtualNetwork}-vf${vfID}`),
    spec: { template: { spec: { template: { metadata: { annotations }, spec } } } },
  };
}

export function node(name: string, tenant: string): object {
  return { apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { tenant } } };
}

export function isolationClass(parameters: Record<string, string>): object {
  return {
    apiVersion: 'vpc.dpu.nvidia.com/v1alpha1',
    kind: 'IsolationClass',
    metadata: { name: 'ovn.vpc.dpu.nvidia.com' },
    spec: { provisioner: 'ovn.vpc.dpu.nvidia.com', parameters },
  };
}

export const unknownMac = { 'ovn.vpc.dpu.nvidia.com/unknown-mac': 'true' };

/** The resources of manifests that have nothing wrong with them. */
export function resourcesOf(...manifests: object[]): Resources {
  const text = manifests.map((manifest) => JSON.stringify(manifest, undefined, 2)).join('\n---\n');
  const { resources, problems } = readManifests([{ file: 'test.yaml', text }]);
  const errors = problems.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw new Error(errors.map(({ message }) => message).join('\n'));
  return resources;
}

/**
 * Two tenants on four nodes: red's networks reach each other, one of them is
 * routed without masquerade; blue's are separated, one of them has an interface
 * with an unknown MAC address and no DHCP, one has no way outside.
 */
export const redAndBlue = (): Resources =>
  resourcesOf(
    vpc('red'),
    vpc('blue', { interNetworkAccess: false }),
    network('red-a', 'red', '10.1.0.0/16'),
    network('red-b', 'red', '10.2.0.0/24', { masquerade: false }),
    network('blue-a', 'blue', '10.1.0.0/16'),
    network('blue-b', 'blue', '10.3.0.0/16', {}, { dhcp: false }),
    network('blue-c', 'blue', '10.4.0.0/16', { externallyRouted: false }),
    vf('red-a', 2),
    vf('red-b', 3),
    vf('blue-a', 2),
    vf('blue-b', 3, unknownMac),
    vf('blue-c', 4),
    ...['red', 'red', 'blue', 'blue'].map((tenant, index) => node(`n${index}`, tenant)),
  );

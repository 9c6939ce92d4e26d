/**
 * `IsolationClass.spec.parameters`: what the product documents leave to the
 * implementation, with the deployment guide's examples as defaults.
 */
import type { IsolationClass } from '../spec/resources.ts';
import { ipv4, type Subnet, subnet } from './ipam.ts';

export const defaultParameters: Readonly<Record<string, string>> = {
  'external-cidr': '30.30.0.0/16',
  'external-gateway': '30.30.0.1',
  'vtep-cidr': '20.20.0.0/16',
  'join-cidr': '100.64.0.0/16',
  'physical-network': 'physnet',
  mtu: '9000',
  'dhcp-lease-time': '3600',
};

export interface Parameters {
  /** Where the nodes' external addresses come from. */
  external: Subnet;
  /** Next hop of the gateway routers' default route. */
  externalGateway: number;
  /** Where the links between a VPC's router and its gateway routers come from. */
  join: Subnet;
  /** `network_name` of the localnet ports: a key of ovn-bridge-mappings. */
  physicalNetwork: string;
  /** Bytes, announced by DHCP. */
  mtu: number;
  /** Seconds. */
  leaseTime: number;
}

/** The parameters of a validated isolation class. */
export function parametersOf(isolationClass: Pick<IsolationClass, 'parameters'>): Parameters {
  const value = (name: string): string => isolationClass.parameters[name] ?? defaultParameters[name];
  return {
    external: subnet(value('external-cidr')),
    externalGateway: ipv4(value('external-gateway')),
    join: subnet(value('join-cidr')),
    physicalNetwork: value('physical-network'),
    mtu: Number(value('mtu')),
    leaseTime: Number(value('dhcp-lease-time')),
  };
}

/**
 * `IsolationClass.spec.parameters` as numbers: what the product documents leave
 * to the implementation.
 */

import type { Cidr } from '../address.ts';
import { defaultParameters, parameterAddress, parameterCidr } from '../spec/parameters.ts';
import type { IsolationClass } from '../spec/resources.ts';

export interface Parameters {
  /** Where the nodes' external addresses come from. */
  external: Cidr;
  /** Next hop of the gateway routers' default route. */
  externalGateway: number;
  /** Where the links between a VPC's router and its gateway routers come from. */
  join: Cidr;
  /** Where the nodes' ends of tunnels come from. */
  vtep: Cidr;
  /** `network_name` of the localnet ports: a key of ovn-bridge-mappings. */
  physicalNetwork: string;
  /** Bytes, announced by DHCP. */
  mtu: number;
  /** Seconds. */
  leaseTime: number;
}

/** The parameters of an isolation class that validation has accepted; throws a RangeError for others. */
export function parametersOf({ parameters }: Pick<IsolationClass, 'parameters'>): Parameters {
  const value = (name: string): string => parameters[name] ?? defaultParameters[name];
  return {
    external: valid('external-cidr', parameterCidr(parameters, 'external-cidr')),
    externalGateway: valid('external-gateway', parameterAddress(parameters, 'external-gateway')),
    join: valid('join-cidr', parameterCidr(parameters, 'join-cidr')),
    vtep: valid('vtep-cidr', parameterCidr(parameters, 'vtep-cidr')),
    physicalNetwork: value('physical-network'),
    mtu: Number(value('mtu')),
    leaseTime: Number(value('dhcp-lease-time')),
  };
}

function valid<T>(name: string, value: T | undefined): T {
  if (value === undefined) throw new RangeError(`the parameter ${name} is not valid`);
  return value;
}

/**
 * `IsolationClass.spec.parameters`: which there are, their defaults, and what
 * is wrong with a value.
 */
import {
  type Cidr,
  contains,
  firstAddress,
  formatCidr,
  formatIpv4,
  hasHostBits,
  lastAddress,
  overlap,
  parseCidr,
  parseIpv4,
} from '../address.ts';
import { type Complaint, didYouMean, quote } from './complain.ts';
import { nearest } from './nearest.ts';
import { formatPath } from './paths.ts';

/** The provisioner whose VPCs lflow computes. */
export const ovnProvisioner = 'ovn.vpc.dpu.nvidia.com';

/** The examples of the deployment guide stand in for what is not given. */
export const defaultParameters: Readonly<Record<string, string>> = {
  'external-cidr': '30.30.0.0/16',
  'external-gateway': '30.30.0.1',
  'vtep-cidr': '20.20.0.0/16',
  'join-cidr': '100.64.0.0/16',
  'physical-network': 'physnet',
  mtu: '9000',
  'dhcp-lease-time': '3600',
};

/** What is wrong with a value, and what would be right. */
type Mistake = { id?: string; severity?: 'warning'; message: string; hint: string } | undefined;

const checks: Readonly<Record<string, (text: string) => Mistake>> = {
  'external-cidr': cidrMistake,
  'external-gateway': addressMistake,
  'vtep-cidr': cidrMistake,
  'join-cidr': cidrMistake,
  'physical-network': physicalNetworkMistake,
  mtu: (text) => numberMistake(text, 1280, 9216),
  'dhcp-lease-time': (text) => numberMistake(text, 60, 2 ** 32 - 1),
  'ovn-nb-endpoint': endpointMistake,
  'ovn-nb-reconnect-time': (text) => numberMistake(text, 1, 3600),
  'ovn-sb-endpoint': endpointMistake,
  'ovn-sb-reconnect-time': (text) => numberMistake(text, 1, 3600),
};

export const parameterPath = (name: string): string => formatPath(['spec', 'parameters', name]);

/** A subnet among the parameters, or its default; absent if what is written is none, or none of a useful size. */
export function parameterCidr(parameters: Readonly<Record<string, string>>, name: string): Cidr | undefined {
  const cidr = parseCidr(parameters[name] ?? defaultParameters[name] ?? '');
  return cidr && cidr.prefixLength >= shortestPrefix && cidr.prefixLength <= longestPrefix ? cidr : undefined;
}

const shortestPrefix = 8;
const longestPrefix = 30;

/** An address among the parameters, or its default; absent if what is written is none. */
export function parameterAddress(parameters: Readonly<Record<string, string>>, name: string): number | undefined {
  return parseIpv4(parameters[name] ?? defaultParameters[name] ?? '');
}

/** All that is wrong with the parameters of an isolation class, each by itself and together. */
export function checkParameters(parameters: Readonly<Record<string, string>>): Complaint[] {
  const single = Object.entries(parameters).flatMap(([name, text]): Complaint[] => {
    const path = parameterPath(name);
    if (!Object.hasOwn(checks, name)) {
      const message = `there is no parameter ${quote(name)}; it has no effect`;
      const hint = didYouMean(nearest(name, Object.keys(checks))) ?? `there are ${Object.keys(checks).join(', ')}`;
      return [{ severity: 'warning', id: 'parameter-unknown', path, message, hint }];
    }
    const mistake = checks[name](text);
    return mistake ? [{ id: 'parameter-invalid', path, ...mistake }] : [];
  });
  return [...single, ...gatewayMistake(parameters), ...rangeMistakes(parameters)];
}

function gatewayMistake(parameters: Readonly<Record<string, string>>): Complaint[] {
  const cidr = parameterCidr(parameters, 'external-cidr');
  const gateway = parameterAddress(parameters, 'external-gateway');
  if (!cidr || gateway === undefined) return [];
  if (contains(cidr, gateway) && gateway !== firstAddress(cidr) && gateway !== lastAddress(cidr)) return [];
  const written = 'external-gateway' in parameters ? 'external-gateway' : 'external-cidr';
  const message = `the gateway ${formatIpv4(gateway)} is no host address of external-cidr ${formatCidr(cidr)}`;
  const hint = `set external-gateway to an address such as ${formatIpv4(firstAddress(cidr) + 1)}`;
  return [{ id: 'external-gateway-outside', path: parameterPath(written), message, hint }];
}

const ranges = ['external-cidr', 'vtep-cidr', 'join-cidr'];

function rangeMistakes(parameters: Readonly<Record<string, string>>): Complaint[] {
  return ranges.flatMap((name, index) => {
    const cidr = parameterCidr(parameters, name);
    const other = ranges.slice(0, index).find((earlier) => {
      const range = parameterCidr(parameters, earlier);
      return range && cidr && overlap(range, cidr);
    });
    if (!other || !cidr) return [];
    const written = name in parameters ? name : other;
    const message = `${name} ${formatCidr(cidr)} overlaps ${other} ${parameters[other] ?? defaultParameters[other]}`;
    return [{ id: 'parameter-overlap', path: parameterPath(written), message, hint: 'give each range of its own' }];
  });
}

function cidrMistake(text: string): Mistake {
  const cidr = parseCidr(text);
  if (!cidr)
    return { message: `${quote(text)} is no IPv4 subnet`, hint: 'write ADDRESS/LENGTH, for example 30.30.0.0/16' };
  if (cidr.prefixLength > longestPrefix)
    return { message: `${text} has no room for hosts`, hint: 'use a prefix of /30 or shorter' };
  if (cidr.prefixLength < shortestPrefix)
    return { message: `${text} is too large`, hint: 'use a prefix of /8 or longer' };
  if (!hasHostBits(cidr)) return undefined;
  const message = `${text} is an address inside of the subnet ${formatCidr(cidr)}, which is taken`;
  return { severity: 'warning', id: 'parameter-host-bits', message, hint: `write ${formatCidr(cidr)}` };
}

function addressMistake(text: string): Mistake {
  if (parseIpv4(text) !== undefined) return undefined;
  return {
    message: `${quote(text)} is no IPv4 address`,
    hint: 'write four numbers from 0 to 255 with dots between them',
  };
}

function numberMistake(text: string, least: number, most: number): Mistake {
  if (/^\d{1,10}$/.test(text) && Number(text) >= least && Number(text) <= most) return undefined;
  return {
    message: `${quote(text)} is no number from ${least} to ${most}`,
    hint: `write a number from ${least} to ${most}`,
  };
}

function physicalNetworkMistake(text: string): Mistake {
  if (/^[^\s,:"\\]{1,63}$/.test(text)) return undefined;
  const hint = 'write a key of ovn-bridge-mappings: no spaces, commas, colons, quotes or backslashes';
  return { message: `${quote(text)} cannot name a physical network`, hint };
}

/** Remotes as OVN's tools take them: ovn-nbctl(8), `--db`. */
function endpointMistake(text: string): Mistake {
  const isFine = text.split(',').every((remote) => {
    const network = /^(?:tcp|ssl):(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\]):(\d{1,5})$/.exec(remote.trim());
    return network ? Number(network[1]) >= 1 && Number(network[1]) <= 65535 : /^unix:[^\s,]+$/.test(remote.trim());
  });
  if (isFine) return undefined;
  return {
    message: `${quote(text)} is no address of a database`,
    hint: 'write tcp:HOST:PORT, ssl:HOST:PORT or unix:PATH, several with commas between them',
  };
}

/** Subnets beside each other, beside the infrastructure's, and with their interfaces inside. */
import { type Cidr, firstAddress, formatCidr, formatIpv4, hostCount, lastAddress, overlap } from '../../address.ts';
import { problemOf } from '../complain.ts';
import { parameterAddress, parameterCidr } from '../parameters.ts';
import type { AddressRange, SpecProblem, VirtualNetwork, Vpc } from '../resources.ts';
import { count, type Topology } from './topology.ts';

const path = 'spec.bridgedNetwork.ipam.ipv4.subnet';

export function checkSubnets(topology: Topology): SpecProblem[] {
  const { vpcs, networks } = topology.resources;
  return [
    ...vpcs.flatMap((vpc) => checkOverlaps(vpc, topology)),
    ...vpcs.flatMap((vpc) => checkInfrastructure(vpc, topology)),
    ...checkRouted(topology),
    ...networks.flatMap((network) => checkRoom(network, topology)),
    ...networks.flatMap(checkGateway),
  ];
}

const cidrOf = ({ subnet, prefixLength }: VirtualNetwork): Cidr => ({ address: subnet, prefixLength });

/**
 * Networks of one VPC share its router, which cannot tell overlapping subnets
 * apart.  Where nothing is routed that only concerns the gateway's own answers.
 */
function checkOverlaps(vpc: Vpc, { networksOf }: Topology): SpecProblem[] {
  const networks = networksOf(vpc);
  return networks.flatMap((network, index) => {
    const other = networks.slice(0, index).find((earlier) => overlap(cidrOf(earlier), cidrOf(network)));
    if (!other) return [];
    const isRouted = vpc.interNetworkAccess || network.externallyRouted || other.externallyRouted;
    const message = `${formatCidr(cidrOf(network))} overlaps ${formatCidr(cidrOf(other))} of ${other.name} in the same VPC`;
    const complaint = { id: 'subnet-overlap', path, message, hint: 'give each network of a VPC a subnet of its own' };
    return [problemOf(network, { severity: isRouted ? 'error' : 'warning', ...complaint })];
  });
}

/** The world outside cannot tell apart what two VPCs route to it without translation. */
function checkRouted({ resources, vpcOf }: Topology): SpecProblem[] {
  const routed = resources.networks
    .filter(({ externallyRouted, masquerade }) => externallyRouted && !masquerade)
    .sort((a, b) => firstAddress(cidrOf(a)) - firstAddress(cidrOf(b)));
  let widest: VirtualNetwork | undefined;
  return routed.flatMap((network) => {
    const other = widest && overlap(cidrOf(widest), cidrOf(network)) ? widest : undefined;
    if (!widest || lastAddress(cidrOf(network)) > lastAddress(cidrOf(widest))) widest = network;
    if (!other || vpcOf(other) === vpcOf(network)) return [];
    const name = `${other.namespace}/${other.name}`;
    const message = `${formatCidr(cidrOf(network))} overlaps ${formatCidr(cidrOf(other))} of ${name} in another VPC, and both are routed without masquerade`;
    const hint = 'masquerade one of them, or give it another subnet';
    return [problemOf(network, { severity: 'warning', id: 'routed-subnet-overlap', path, message, hint })];
  });
}

function checkInfrastructure(vpc: Vpc, { networksOf, isolationClassOf }: Topology): SpecProblem[] {
  const parameters = isolationClassOf(vpc)?.parameters ?? {};
  const networks = networksOf(vpc);
  const isExternal = networks.some(({ externallyRouted }) => externallyRouted);
  const gateway = parameterAddress(parameters, 'external-gateway');
  const ranges = [
    { name: 'join-cidr', cidr: parameterCidr(parameters, 'join-cidr'), severity: 'error', applies: isExternal },
    { name: 'external-cidr', cidr: parameterCidr(parameters, 'external-cidr'), severity: 'error', applies: isExternal },
    {
      name: 'external-gateway',
      cidr: gateway === undefined ? undefined : { address: gateway, prefixLength: 32 },
      severity: 'error',
      applies: isExternal,
    },
    // Tunnels and what they carry do not meet, but people who debug them do.
    { name: 'vtep-cidr', cidr: parameterCidr(parameters, 'vtep-cidr'), severity: 'warning', applies: true },
  ] as const;
  return networks.flatMap((network) => {
    const own = cidrOf(network);
    const found = ranges.find(({ cidr, applies }) => applies && cidr && overlap(cidr, own));
    if (!found?.cidr) return [];
    const { name, cidr, severity } = found;
    const range = cidr.prefixLength === 32 ? formatIpv4(cidr.address) : formatCidr(cidr);
    const message = `${formatCidr(own)} overlaps ${name} ${range} of the isolation class`;
    const hint = `choose another subnet, or set the parameter ${name} in the IsolationClass`;
    return [problemOf(network, { severity, id: 'subnet-overlaps-infrastructure', path, message, hint })];
  });
}

function checkRoom(network: VirtualNetwork, topology: Topology): SpecProblem[] {
  const cidr = cidrOf(network);
  const templates = topology.vpcOf(network) ? topology.interfacesOf(network) : [];
  const wanted = templates.reduce((total, each) => total + topology.interfaceNodes(each).length, 0);
  const excluded = excludedHosts(network, cidr);
  const room = hostCount(cidr) - 1 - excluded;
  if (wanted === 0 || wanted <= room) return [];
  const nodes = new Set(templates.flatMap((each) => topology.interfaceNodes(each)));
  const addresses = room === 1 ? '1 address' : `${Math.max(0, room)} addresses`;
  const message =
    `${formatCidr(cidr)} has ${addresses} for ${count(wanted, 'port')}` +
    ` (${count(templates.length, 'interface')} on ${count(nodes.size, 'node')})`;
  const needed = 32 - Math.ceil(Math.log2(wanted + excluded + 3));
  const hint = `use a prefix of /${needed} or shorter${excluded > 0 ? ', or exclude less' : ''}`;
  return [problemOf(network, { id: 'network-too-small', path, message, hint })];
}

/** How many host addresses other than the gateway's are excluded. */
function excludedHosts({ excludeIPs }: VirtualNetwork, cidr: Cidr): number {
  const least = firstAddress(cidr) + 2;
  const most = lastAddress(cidr) - 1;
  let next = least;
  let total = 0;
  for (const { first, last } of [...excludeIPs].sort((a: AddressRange, b: AddressRange) => a.first - b.first)) {
    const begin = Math.max(first, next);
    const end = Math.min(last, most);
    if (begin > end) continue;
    total += end - begin + 1;
    next = end + 1;
  }
  return total;
}

function checkGateway(network: VirtualNetwork): SpecProblem[] {
  const gateway = firstAddress(cidrOf(network)) + 1;
  if (!network.excludeIPs.some(({ first, last }) => first <= gateway && gateway <= last)) return [];
  const message = `excludeIPs holds ${formatIpv4(gateway)}, the gateway's own address, which is never handed out anyway`;
  const at = 'spec.bridgedNetwork.ipam.ipv4.excludeIPs';
  return [problemOf(network, { severity: 'note', id: 'exclude-ip-gateway', path: at, message, hint: 'leave it out' })];
}

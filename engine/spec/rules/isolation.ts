/** Isolation classes: that each VPC has one that we know, its parameters, and room for the nodes in its ranges. */
import { contains, formatCidr, hostCount } from '../../address.ts';
import { groupBy } from '../../group.ts';
import { didYouMean, problemOf, quote } from '../complain.ts';
import { nearest } from '../nearest.ts';
import { checkParameters, ovnProvisioner, parameterAddress, parameterCidr, parameterPath } from '../parameters.ts';
import type { SpecProblem, Vpc } from '../resources.ts';
import { count, listNames, type Topology } from './topology.ts';

export function checkIsolation(topology: Topology): SpecProblem[] {
  const ours = topology.resources.isolationClasses.filter(({ provisioner }) => provisioner === ovnProvisioner);
  return [
    ...checkClasses(topology),
    ...ours.flatMap((each) => checkParameters(each.parameters).map((complaint) => problemOf(each, complaint))),
    ...checkExternalRoom(topology),
    ...checkJoinRoom(topology),
  ];
}

function checkClasses({ resources, manifests, isolationClassOf }: Topology): SpecProblem[] {
  const path = 'spec.isolationClassName';
  const names = [...manifests.values()].filter(({ kind }) => kind === 'IsolationClass').map(({ name }) => name);
  const isAssumed = (vpc: Vpc) => names.length === 0 && vpc.isolationClassName === ovnProvisioner;
  const assumed = resources.vpcs.find(isAssumed);
  const problems = resources.vpcs.flatMap((vpc) => {
    const wanted = vpc.isolationClassName;
    const found = isolationClassOf(vpc);
    if (found && found.provisioner !== ovnProvisioner) {
      const message = `the IsolationClass ${quote(wanted)} is provisioned by ${quote(found.provisioner)}`;
      const hint = `lflow knows the VPCs of ${ovnProvisioner}`;
      return [problemOf(vpc, { id: 'isolation-class-provisioner', path, message, hint })];
    }
    if (found || names.includes(wanted) || isAssumed(vpc)) return [];
    const candidates = names.length === 0 ? [ovnProvisioner] : names;
    const hint = didYouMean(nearest(wanted, candidates)) ?? `name one that is there: ${listNames(candidates)}`;
    const message = `there is no IsolationClass ${quote(wanted)}`;
    return [problemOf(vpc, { id: 'isolation-class-not-found', path, message, hint })];
  });
  if (!assumed) return problems;
  const message = `no IsolationClass is given, so ${ovnProvisioner} with its default parameters is assumed`;
  return [...problems, problemOf(assumed, { severity: 'note', id: 'isolation-class-assumed', path, message })];
}

const parametersOf = (vpc: Vpc, topology: Topology): Readonly<Record<string, string>> =>
  topology.isolationClassOf(vpc)?.parameters ?? {};

/** How many gateways a VPC needs: one on each node, if it may go outside. */
function gatewayCount(vpc: Vpc, topology: Topology): number {
  const isExternal = topology.networksOf(vpc).some(({ externallyRouted }) => externallyRouted);
  return isExternal ? topology.vpcNodes(vpc).length : 0;
}

function checkExternalRoom(topology: Topology): SpecProblem[] {
  const groups = groupBy(topology.resources.vpcs, ({ isolationClassName }) => isolationClassName);
  return [...groups.values()].flatMap((vpcs) => {
    const [vpc] = vpcs;
    const parameters = parametersOf(vpc, topology);
    const cidr = parameterCidr(parameters, 'external-cidr');
    const gateway = parameterAddress(parameters, 'external-gateway');
    const wanted = vpcs.reduce((total, each) => total + gatewayCount(each, topology), 0);
    if (!cidr) return [];
    const room = hostCount(cidr) - (gateway !== undefined && contains(cidr, gateway) ? 1 : 0);
    if (wanted <= room) return [];
    const message = `external-cidr ${formatCidr(cidr)} has room for ${count(room, 'node')}, not for ${wanted}`;
    return [tooSmall(vpc, topology, 'external-cidr', message, wanted + 1)];
  });
}

function checkJoinRoom(topology: Topology): SpecProblem[] {
  return topology.resources.vpcs.flatMap((vpc) => {
    const cidr = parameterCidr(parametersOf(vpc, topology), 'join-cidr');
    const wanted = gatewayCount(vpc, topology);
    if (!cidr || wanted === 0 || wanted + 1 <= hostCount(cidr)) return [];
    const message = `join-cidr ${formatCidr(cidr)} has room for ${count(hostCount(cidr) - 1, 'node')}, not for ${wanted}`;
    return [tooSmall(vpc, topology, 'join-cidr', message, wanted + 1)];
  });
}

function tooSmall(vpc: Vpc, topology: Topology, parameter: string, message: string, hosts: number): SpecProblem {
  const found = topology.isolationClassOf(vpc);
  const hint = `give ${parameter} a prefix of /${32 - Math.ceil(Math.log2(hosts + 2))} or shorter`;
  const complaint = { id: `${parameter}-too-small`, message, hint };
  if (found) return problemOf(found, { ...complaint, path: parameterPath(parameter) });
  return problemOf(vpc, { ...complaint, path: 'spec.isolationClassName' });
}

/** The rules about how resources go together: one file a family, each a pure function of the topology. */
import { problemOf } from '../complain.ts';
import type { Manifest, Resource, Resources, SpecProblem } from '../resources.ts';
import { checkFunctions } from './functions.ts';
import { checkIsolation } from './isolation.ts';
import { checkMacs } from './macs.ts';
import { checkPlacement } from './placement.ts';
import { checkReferences } from './references.ts';
import { checkSubnets } from './subnets.ts';
import { topologyOf } from './topology.ts';

/** All that is wrong with how resources go together, in no particular order. */
export function checkResources(resources: Resources, manifests: readonly Manifest[]): SpecProblem[] {
  const { first, problems } = withoutDuplicates(resources);
  const topology = topologyOf(first, manifests);
  return [
    ...problems,
    ...checkReferences(topology),
    ...checkIsolation(topology),
    ...checkPlacement(topology),
    ...checkSubnets(topology),
    ...checkFunctions(topology),
    ...checkMacs(topology),
  ];
}

/**
 * Of resources of one kind, namespace and name only the first, and complaints
 * about the others: the API server would have the last replace them all.
 */
function withoutDuplicates(resources: Resources): { first: Resources; problems: SpecProblem[] } {
  const problems: SpecProblem[] = [];
  const firstOf = <R extends Resource>(all: readonly R[]): R[] => {
    const seen = new Map<string, R>();
    return all.filter((resource) => {
      const { origin } = resource;
      const earlier = seen.get(origin.resource);
      if (earlier) problems.push(duplicate(resource, earlier));
      else seen.set(origin.resource, resource);
      return !earlier;
    });
  };
  const first: Resources = {
    isolationClasses: firstOf(resources.isolationClasses),
    vpcs: firstOf(resources.vpcs),
    networks: firstOf(resources.networks),
    interfaces: firstOf(resources.interfaces),
    serviceInterfaces: firstOf(resources.serviceInterfaces),
    nodes: firstOf(resources.nodes),
    networkAttachmentDefinitions: firstOf(resources.networkAttachmentDefinitions),
    services: firstOf(resources.services),
  };
  return { first, problems };
}

function duplicate(resource: Resource, earlier: Resource): SpecProblem {
  const { file, line } = earlier.origin;
  const message = `${resource.origin.resource} is there already, at ${file}:${line}`;
  const hint = 'remove one of them, or give it another name';
  return problemOf(resource, { id: 'duplicate-resource', path: 'metadata.name', message, hint });
}

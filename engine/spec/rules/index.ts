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
  const topology = topologyOf(resources, manifests);
  return [
    ...checkDuplicates(Object.values<Resource[]>({ ...resources }).flat()),
    ...checkReferences(topology),
    ...checkIsolation(topology),
    ...checkPlacement(topology),
    ...checkSubnets(topology),
    ...checkFunctions(topology),
    ...checkMacs(topology),
  ];
}

/** Resources of one kind, namespace and name: the API server would have the last replace the others. */
function checkDuplicates(resources: readonly Resource[]): SpecProblem[] {
  const seen = new Map<string, Resource>();
  return resources.flatMap((resource) => {
    const { origin } = resource;
    const first = seen.get(origin.resource);
    seen.set(origin.resource, first ?? resource);
    if (!first) return [];
    const message = `${origin.resource} is there already, at ${first.origin.file}:${first.origin.line}`;
    const hint = 'remove one of them, or give it another name';
    return [problemOf(resource, { id: 'duplicate-resource', path: 'metadata.name', message, hint })];
  });
}

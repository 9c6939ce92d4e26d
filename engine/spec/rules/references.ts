/** References by name that lead nowhere. */
import { didYouMean, problemOf, quote } from '../complain.ts';
import { resourceName } from '../kinds.ts';
import { nearest } from '../nearest.ts';
import type { Resource, SpecProblem } from '../resources.ts';
import type { Topology } from './topology.ts';

export function checkReferences(topology: Topology): SpecProblem[] {
  const { networks, interfaces, serviceInterfaces } = topology.resources;
  return [
    ...networks.flatMap((network) =>
      checkName(topology, network, { kind: 'DPUVPC', id: 'vpc-not-found', path: 'spec.vpcName' }, network.vpcName),
    ),
    ...interfaces.flatMap((each) => [
      ...checkNetwork(topology, each, `spec.template.spec.template.spec.${each.attachment.type}`, each.virtualNetwork),
      ...checkService(topology, each, 'spec.template.spec.template.spec.service'),
    ]),
    ...serviceInterfaces.flatMap((each) =>
      checkNetwork(topology, each, `spec.${each.attachment.type}`, each.virtualNetwork),
    ),
  ];
}

function checkNetwork(topology: Topology, resource: Resource, path: string, name: string | undefined): SpecProblem[] {
  const field = { kind: 'DPUVirtualNetwork', id: 'network-not-found', path: `${path}.virtualNetwork` };
  return name === undefined ? [] : checkName(topology, resource, field, name);
}

/** Complains if a resource names one that is not in its namespace. */
function checkName(
  { manifests }: Topology,
  resource: Resource,
  { kind, id, path }: { kind: string; id: string; path: string },
  name: string,
): SpecProblem[] {
  const { namespace } = resource;
  if (manifests.has(resourceName(kind, namespace, name))) return [];
  const message = `there is no ${kind} ${quote(name)} in the namespace ${quote(namespace)}`;
  return [problemOf(resource, { id, path, message, hint: nameHint(manifests.values(), kind, namespace, name) })];
}

function nameHint(
  manifests: Iterable<{ kind: string; namespace: string; name: string }>,
  kind: string,
  namespace: string,
  name: string,
): string {
  const candidates = [...manifests].filter((each) => each.kind === kind);
  const elsewhere = candidates.find((each) => each.name === name);
  if (elsewhere) return `the one of that name is in the namespace ${quote(elsewhere.namespace)}; put them into one`;
  const here = candidates.filter((each) => each.namespace === namespace).map((each) => each.name);
  const hint = didYouMean(nearest(name, here));
  if (hint) return hint;
  return here.length === 0
    ? `add it to the input`
    : `add it, or name one that is there: ${here.slice(0, 5).join(', ')}`;
}

/** An interface of a service names a NetworkAttachmentDefinition and a DPUService, which live in other clusters. */
function checkService(
  topology: Topology,
  template: Topology['resources']['interfaces'][number],
  path: string,
): SpecProblem[] {
  const { attachment, namespace } = template;
  const { networkAttachmentDefinitions, services } = topology.resources;
  if (attachment.type !== 'service') return [];
  const problems: SpecProblem[] = [];
  const [name = '', ofNamespace = namespace] = attachment.network.split('/').reverse();
  if (
    networkAttachmentDefinitions.length > 0 &&
    !topology.manifests.has(resourceName('NetworkAttachmentDefinition', ofNamespace, name))
  ) {
    const names = networkAttachmentDefinitions.map((each) => `${each.namespace}/${each.name}`);
    const message = `there is no NetworkAttachmentDefinition ${quote(`${ofNamespace}/${name}`)} in the input`;
    const hint = didYouMean(nearest(attachment.network, names)) ?? `there are ${names.slice(0, 5).join(', ')}`;
    const complaint = { id: 'attachment-definition-not-found', path: `${path}.network`, message, hint };
    problems.push(problemOf(template, { severity: 'warning', ...complaint }));
  }
  const ids = services.flatMap(({ manifest, name: own }) => serviceIdOf(manifest?.document) ?? own);
  if (ids.length > 0 && !ids.includes(attachment.serviceID)) {
    const message = `no DPUService in the input has the serviceID ${quote(attachment.serviceID)}`;
    const hint = didYouMean(nearest(attachment.serviceID, ids)) ?? `there are ${ids.slice(0, 5).join(', ')}`;
    const complaint = { id: 'service-not-found', path: `${path}.serviceID`, message, hint };
    problems.push(problemOf(template, { severity: 'warning', ...complaint }));
  }
  return problems;
}

function serviceIdOf(document: Readonly<Record<string, unknown>> | undefined): string | undefined {
  const spec = document?.spec;
  if (typeof spec !== 'object' || spec === null || !('serviceID' in spec)) return undefined;
  return typeof spec.serviceID === 'string' ? spec.serviceID : undefined;
}

/** Annotations about MAC addresses. */
import { macMistake } from '../../address.ts';
import { problemOf, quote } from '../complain.ts';
import { formatPath } from '../paths.ts';
import type { ServiceInterface, ServiceInterfaceTemplate, SpecProblem } from '../resources.ts';
import type { Topology } from './topology.ts';

/** Where a ServiceInterface says its MAC address: the documents have both spellings, and the first one counts. */
export const macAnnotations = ['ovn.vpc.dpu.nvidia.com/lsp-mac-address', 'vpc.dpu.nvidia.com/lsp-mac-address'];

/** Where a DPUServiceInterface says that any MAC address may be used behind it. */
export const unknownMacAnnotation = 'ovn.vpc.dpu.nvidia.com/unknown-mac';

export function checkMacs({ resources }: Topology): SpecProblem[] {
  return [
    ...resources.serviceInterfaces.flatMap(checkForm),
    ...checkUnique(resources.serviceInterfaces),
    ...resources.interfaces.flatMap(checkTemplate),
  ];
}

const annotationPath = (key: string): string => formatPath(['metadata', 'annotations', key]);

/** The annotations about the MAC address that are there, the one that counts first. */
const written = ({ annotations }: ServiceInterface): { key: string; mac: string }[] =>
  macAnnotations.flatMap((key) => (annotations[key] === undefined ? [] : [{ key, mac: annotations[key] }]));

const mistakes = {
  malformed: { message: 'is no MAC address', hint: 'write six pairs of hexadecimal digits with colons between them' },
  multicast: { message: 'is a multicast address, which no host can have', hint: 'make the first byte even' },
  zero: { message: 'is no address that a host can have', hint: 'write the address of the interface' },
} as const;

function checkForm(each: ServiceInterface): SpecProblem[] {
  const found = written(each);
  const problems = found.flatMap(({ key, mac }) => {
    const mistake = macMistake(mac);
    if (!mistake) return [];
    const { message, hint } = mistakes[mistake];
    const complaint = { path: annotationPath(key), message: `${quote(mac)} ${message}`, hint };
    return [problemOf(each, { id: mistake === 'multicast' ? 'mac-multicast' : 'mac-invalid', ...complaint })];
  });
  const [first, second] = found;
  if (second && first.mac.toLowerCase() !== second.mac.toLowerCase()) {
    const message = `${second.key} differs from ${first.key}, which counts`;
    const complaint = { id: 'mac-ambiguous', path: annotationPath(second.key), message, hint: 'remove one of them' };
    problems.push(problemOf(each, { severity: 'warning', ...complaint }));
  }
  return problems;
}

function checkUnique(serviceInterfaces: ServiceInterface[]): SpecProblem[] {
  const owners = new Map<string, ServiceInterface>();
  return serviceInterfaces.flatMap((each) => {
    const [found] = written(each);
    if (!found || each.virtualNetwork === undefined || macMistake(found.mac)) return [];
    const key = `${each.namespace}/${each.virtualNetwork} ${found.mac.toLowerCase()}`;
    const owner = owners.get(key);
    owners.set(key, owner ?? each);
    if (!owner) return [];
    const message = `${owner.origin.resource} has the MAC address ${found.mac} in the same network`;
    const hint = 'give each interface an address of its own';
    return [problemOf(each, { id: 'mac-duplicate', path: annotationPath(found.key), message, hint })];
  });
}

function checkTemplate(template: ServiceInterfaceTemplate): SpecProblem[] {
  const places = [
    { annotations: template.annotations, path: ['metadata', 'annotations'] },
    {
      annotations: template.templateAnnotations,
      path: ['spec', 'template', 'spec', 'template', 'metadata', 'annotations'],
    },
  ];
  return places.flatMap(({ annotations, path }) => [
    ...macAnnotations
      .filter((key) => annotations[key] !== undefined)
      .map((key) => {
        const message = 'a MAC address has no effect here: the interface stands on several nodes';
        const hint = 'annotate the ServiceInterface of each node';
        const complaint = { id: 'mac-without-effect', path: formatPath([...path, key]), message, hint };
        return problemOf(template, { severity: 'warning', ...complaint });
      }),
    ...checkUnknownMac(template, annotations[unknownMacAnnotation], path),
  ]);
}

function checkUnknownMac(template: ServiceInterfaceTemplate, value: string | undefined, path: string[]): SpecProblem[] {
  if (value === undefined || value === 'true' || value === 'false') return [];
  const message = `${quote(value)} is neither "true" nor "false", so it has no effect`;
  const complaint = { id: 'unknown-mac-value', path: formatPath([...path, unknownMacAnnotation]), message };
  return [problemOf(template, { severity: 'warning', ...complaint, hint: 'write "true"' })];
}

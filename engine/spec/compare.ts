/**
 * Two versions of the same manifests: what the API server would refuse because a
 * field cannot be changed (the rules with `oldSelf` in deploy/crds).
 */
import { problemOf, quote } from './complain.ts';
import { formatPath, parsePath, type Segment } from './paths.ts';
import type { Resource, Resources, SpecProblem } from './resources.ts';
import { isRecord } from './yaml.ts';

interface Rule {
  path: string;
  /** The rule's message in the CustomResourceDefinition. */
  message: string;
  /** Where the rule only applies if both versions have this field. */
  within?: string;
}

const field = (path: string): Rule => ({ path, message: `${path.slice(path.lastIndexOf('.') + 1)} is immutable` });

const virtualNetworks = (path: string): Rule[] =>
  ['pf', 'vf', 'service'].map((block) => ({
    ...field(`${path}.${block}.virtualNetwork`),
    within: `${path}.${block}`,
  }));

const rules: Readonly<Record<string, Rule[]>> = {
  IsolationClass: [{ path: 'spec.provisioner', message: 'IsolationClass spec.provisioner is immutable' }],
  DPUVPC: [field('spec.tenant'), field('spec.nodeSelector'), field('spec.isolationClassName')],
  DPUVirtualNetwork: [{ path: 'spec', message: 'DPUVirtualNetwork spec is immutable' }],
  DPUServiceInterface: virtualNetworks('spec.template.spec.template.spec'),
  ServiceInterface: virtualNetworks('spec'),
};

/**
 * The changes from `old` to `next` that cannot be made to a resource which is
 * there: one complaint for each field, at its place in `next`.  Both must come
 * from `readManifests`.
 */
export function compareVersions(old: Resources, next: Resources): SpecProblem[] {
  const before = new Map(resourcesOf(old).map((resource) => [resource.origin.resource, resource]));
  return resourcesOf(next).flatMap((resource) => {
    const previous = before.get(resource.origin.resource);
    const kind = resource.manifest?.kind ?? '';
    if (!previous?.manifest || !resource.manifest) return [];
    const versions = { old: previous.manifest.document, next: resource.manifest.document };
    return (rules[kind] ?? []).flatMap((rule) =>
      changes(rule, versions).map((path) => refuse(resource, rule, path, versions)),
    );
  });
}

const resourcesOf = ({ isolationClasses, vpcs, networks, interfaces, serviceInterfaces }: Resources): Resource[] => [
  ...isolationClasses,
  ...vpcs,
  ...networks,
  ...interfaces,
  ...serviceInterfaces,
];

interface Versions {
  old: unknown;
  next: unknown;
}

/** The paths of what differs. */
function changes({ path, within }: Rule, versions: Versions): string[] {
  if (
    within !== undefined &&
    (valueAt(versions.old, within) === undefined || valueAt(versions.next, within) === undefined)
  ) {
    return [];
  }
  return differences(valueAt(versions.old, path), valueAt(versions.next, path), parsePath(path)).map(formatPath);
}

function differences(old: unknown, next: unknown, path: Segment[]): Segment[][] {
  if (isRecord(old) && isRecord(next)) {
    const keys = new Set([...Object.keys(old), ...Object.keys(next)]);
    return [...keys].flatMap((key) => differences(old[key], next[key], [...path, key]));
  }
  return isSame(old, next) ? [] : [path];
}

function isSame(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => isSame(item, b[index]));
  }
  if (isRecord(a) && isRecord(b)) return differences(a, b, []).length === 0;
  return a === b;
}

function valueAt(document: unknown, path: string): unknown {
  let value = document;
  for (const segment of parsePath(path)) {
    if (Array.isArray(value)) value = value[Number(segment)];
    else if (isRecord(value) && Object.hasOwn(value, segment)) value = value[segment];
    else return undefined;
  }
  return value;
}

function refuse(resource: Resource, rule: Rule, path: string, versions: Versions): SpecProblem {
  const old = valueAt(versions.old, path);
  const text = old === undefined ? 'absent' : typeof old === 'object' ? 'another' : quote(String(old));
  const message = `${rule.message}, and it was ${text}`;
  const kind = resource.manifest?.kind ?? 'resource';
  const hint = `keep it, or delete the ${kind} and create it anew`;
  return problemOf(resource, { id: 'immutable-field', path, message, hint });
}

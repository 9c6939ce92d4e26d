/** The kinds of resources that we read, and how each is validated. */
import type { ValidDocument } from './documents.ts';
import { schemas } from './schemas.ts';

export type KindName = ValidDocument['kind'];

/** A JSON schema in the subset that CustomResourceDefinitions use. */
export type Schema = Readonly<Record<string, unknown>>;

export interface Kind {
  /** '' for the core group. */
  group: string;
  version: string;
  scope: 'Namespaced' | 'Cluster';
  schema: Schema;
}

const free: Schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

export const kinds: Readonly<Record<KindName, Kind>> = {
  ...schemas,
  Node: { group: '', version: 'v1', scope: 'Cluster', schema: free },
  DPFOperatorConfig: { group: 'operator.dpu.nvidia.com', version: 'v1alpha1', scope: 'Namespaced', schema: free },
};

export function isKind(name: string): name is KindName {
  return Object.hasOwn(kinds, name);
}

export const apiVersionOf = ({ group, version }: Kind): string => (group === '' ? version : `${group}/${version}`);

/** `KIND/NAMESPACE/NAME`, or `KIND/NAME` of a cluster-scoped resource. */
export const resourceName = (kind: string, namespace: string, name: string): string =>
  namespace === '' ? `${kind}/${name}` : `${kind}/${namespace}/${name}`;

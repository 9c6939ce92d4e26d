/**
 * The resources of a topology, after validation: every field that has a default
 * carries it, every reference has been checked, and every resource and leaf
 * remembers its place in the user's files.
 */
import type { Origin, Position, Problem } from '../origin.ts';

/** What all resources have. */
export interface Resource {
  /** '' for a cluster-scoped one. */
  namespace: string;
  name: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  /** Where its document starts. */
  origin: Origin;
  /**
   * The position of a field, by its path (`spec.bridgedNetwork.ipam.ipv4.subnet`);
   * of its nearest parent that is written down if the field itself is not.
   */
  at(path: string): Position;
  /** The document as it was read, with the defaults of its schema; absent where nothing was read (a made-up Node). */
  manifest?: Manifest;
}

/** A document that names itself as Kubernetes' resources do, understood or not. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  /** '' for a cluster-scoped one. */
  namespace: string;
  name: string;
  /** Its position, and `KIND/NAMESPACE/NAME` (`KIND/NAME` without a namespace). */
  origin: Origin;
  /** The whole document as plain data. */
  document: Readonly<Record<string, unknown>>;
}

/** Kubernetes' label selector; an empty one selects everything. */
export interface LabelSelector {
  matchLabels: Record<string, string>;
  matchExpressions: { key: string; operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist'; values: string[] }[];
}

export interface IsolationClass extends Resource {
  provisioner: string;
  parameters: Record<string, string>;
}

export interface Vpc extends Resource {
  tenant: string;
  nodeSelector: LabelSelector;
  isolationClassName: string;
  interNetworkAccess: boolean;
}

/** An inclusive range of IPv4 addresses, as 32-bit unsigned integers. */
export interface AddressRange {
  first: number;
  last: number;
}

export interface VirtualNetwork extends Resource {
  vpcName: string;
  externallyRouted: boolean;
  masquerade: boolean;
  dhcp: boolean;
  /** The subnet's first address (the network's own) as a 32-bit unsigned integer. */
  subnet: number;
  /** 0 to 32. */
  prefixLength: number;
  excludeIPs: AddressRange[];
}

/** What an interface is attached by; `nic` tells the NICs of a node apart where a `nicSelector` chooses one. */
export type Attachment =
  | { type: 'pf'; pfID: number; nic?: string }
  | { type: 'vf'; pfID: number; vfID: number; nic?: string }
  | { type: 'service'; serviceID: string; network: string; interfaceName: string }
  /** Types that take no part in a VPC: vlan, physical, ovn, patch. */
  | { type: 'other'; interfaceType: string };

/** A DPUServiceInterface: one port on every node that it and its VPC select. */
export interface ServiceInterfaceTemplate extends Resource {
  nodeSelector: LabelSelector;
  attachment: Attachment;
  /** Name of a DPUVirtualNetwork in the same namespace; absent where it is attached to none. */
  virtualNetwork?: string;
  /** Annotations that the ServiceInterfaces made of it carry. */
  templateAnnotations: Record<string, string>;
}

/** A ServiceInterface: what became of a DPUServiceInterface on one node. */
export interface ServiceInterface extends Resource {
  node: string;
  attachment: Attachment;
  virtualNetwork?: string;
}

/** A Node, given or made up. */
export interface Node extends Resource {
  /** Made up because no Node was among the inputs. */
  madeUp: boolean;
}

export interface NetworkAttachmentDefinition extends Resource {
  /** The CNI configuration in `spec.config`, parsed. */
  config: unknown;
}

export interface DpuService extends Resource {
  spec: unknown;
}

/** Everything that the inputs say, by kind, in the order in which it was read. */
export interface Resources {
  isolationClasses: IsolationClass[];
  vpcs: Vpc[];
  networks: VirtualNetwork[];
  interfaces: ServiceInterfaceTemplate[];
  serviceInterfaces: ServiceInterface[];
  nodes: Node[];
  networkAttachmentDefinitions: NetworkAttachmentDefinition[];
  services: DpuService[];
}

/** A complaint about manifests. */
export interface SpecProblem extends Problem {
  /** `KIND/NAMESPACE/NAME` of the resource that it is about; '' where it is about a file. */
  resource: string;
}

/** The outcome of reading manifests: what was understood, and everything that is wrong with it. */
export interface ReadResult {
  /** What could be understood; a resource that contradicts its schema is not among it. */
  resources: Resources;
  /** Every document of a kind that we know, also one that was not understood, in the order in which it was read. */
  manifests: Manifest[];
  /** In the order of the files, then of line and column. */
  problems: SpecProblem[];
}

/**
 * The documents of the kinds we read, as their schemas have let them through
 * (deploy/crds): required fields are there, defaults are set, nulls are gone.
 */

export interface Metadata {
  name: string;
  namespace?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

interface Document {
  apiVersion: string;
  kind: string;
  metadata: Metadata;
}

export interface SelectorDocument {
  matchLabels?: Record<string, string>;
  matchExpressions?: { key: string; operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist'; values?: string[] }[];
}

export interface IsolationClassDocument extends Document {
  kind: 'IsolationClass';
  spec: { provisioner: string; parameters?: Record<string, string> };
}

export interface VpcDocument extends Document {
  kind: 'DPUVPC';
  spec: { tenant: string; nodeSelector?: SelectorDocument; isolationClassName: string; interNetworkAccess: boolean };
}

export interface Ipv4Document {
  dhcp: boolean;
  subnet: string;
  excludeIPs?: { ip?: string; range?: { start: string; end: string } }[];
}

export interface VirtualNetworkDocument extends Document {
  kind: 'DPUVirtualNetwork';
  spec: {
    vpcName: string;
    type: 'Bridged';
    nodeSelector?: SelectorDocument;
    externallyRouted: boolean;
    masquerade: boolean;
    bridgedNetwork?: { ipam?: { ipv4?: Ipv4Document } };
  };
}

interface NicDocument {
  type: 'dpu' | 'pci';
  pci?: { address: string };
  controllerNumber?: number;
}

export interface InterfaceSpecDocument {
  node?: string;
  interfaceType: 'vlan' | 'physical' | 'pf' | 'vf' | 'ovn' | 'patch' | 'service';
  pf?: { pfID: number; virtualNetwork?: string; nicSelector?: NicDocument };
  vf?: { pfID: number; vfID: number; virtualNetwork?: string; nicSelector?: NicDocument };
  service?: { serviceID: string; network: string; interfaceName: string; virtualNetwork?: string };
  vlan?: object;
  physical?: object;
  ovn?: object;
  patch?: object;
}

export interface InterfaceTemplateDocument extends Document {
  kind: 'DPUServiceInterface';
  spec: {
    template: {
      spec: {
        nodeSelector?: SelectorDocument;
        template: { metadata?: { annotations?: Record<string, string> }; spec: InterfaceSpecDocument };
      };
    };
  };
}

export interface InterfaceDocument extends Document {
  kind: 'ServiceInterface';
  spec: InterfaceSpecDocument;
}

export interface ServiceDocument extends Document {
  kind: 'DPUService';
  spec: {
    serviceID?: string;
    interfaces?: string[];
    deployInCluster?: boolean;
    configPorts?: object;
    dpuClusterSelector?: object;
  };
}

export interface AttachmentDefinitionDocument extends Document {
  kind: 'NetworkAttachmentDefinition';
  spec?: { config?: string };
}

export interface NodeDocument extends Document {
  kind: 'Node';
}

export interface OperatorConfigDocument extends Document {
  kind: 'DPFOperatorConfig';
}

/** A valid document of any kind that we read. */
export type ValidDocument =
  | IsolationClassDocument
  | VpcDocument
  | VirtualNetworkDocument
  | InterfaceTemplateDocument
  | InterfaceDocument
  | ServiceDocument
  | AttachmentDefinitionDocument
  | NodeDocument
  | OperatorConfigDocument;

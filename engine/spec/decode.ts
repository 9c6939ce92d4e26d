/**
 * From valid documents to resources.  What a schema cannot say about one
 * document is checked here: addresses, label selectors, embedded JSON.
 */
import {
  type Cidr,
  contains,
  firstAddress,
  formatCidr,
  formatIpv4,
  hasHostBits,
  lastAddress,
  overlap,
  parseCidr,
  parseIpv4,
} from '../address.ts';
import { type Complain, quote } from './complain.ts';
import type {
  AttachmentDefinitionDocument,
  InterfaceDocument,
  InterfaceSpecDocument,
  InterfaceTemplateDocument,
  Ipv4Document,
  IsolationClassDocument,
  Metadata,
  NodeDocument,
  SelectorDocument,
  ServiceDocument,
  ValidDocument,
  VirtualNetworkDocument,
  VpcDocument,
} from './documents.ts';
import { checkSelector } from './metadata.ts';
import { formatPath } from './paths.ts';
import type { AddressRange, Attachment, LabelSelector, Manifest, Resource, Resources } from './resources.ts';

export const emptyResources = (): Resources => ({
  isolationClasses: [],
  vpcs: [],
  networks: [],
  interfaces: [],
  serviceInterfaces: [],
  nodes: [],
  networkAttachmentDefinitions: [],
  services: [],
});

/** Adds the resource that a document stands for, unless something about it makes that impossible. */
export function decode(
  document: ValidDocument,
  manifest: Manifest,
  at: Resource['at'],
  resources: Resources,
  complain: Complain,
): void {
  const base = resourceOf(document.metadata, manifest, at);
  switch (document.kind) {
    case 'IsolationClass':
      resources.isolationClasses.push(isolationClass(document, base));
      break;
    case 'DPUVPC':
      resources.vpcs.push(vpc(document, base, complain));
      break;
    case 'DPUVirtualNetwork':
      resources.networks.push(...virtualNetwork(document, base, complain));
      break;
    case 'DPUServiceInterface':
      resources.interfaces.push(...interfaceTemplate(document, base, complain));
      break;
    case 'ServiceInterface':
      resources.serviceInterfaces.push(...serviceInterface(document, base));
      break;
    case 'Node':
      resources.nodes.push(node(document, base));
      break;
    case 'NetworkAttachmentDefinition':
      resources.networkAttachmentDefinitions.push(...attachmentDefinition(document, base, complain));
      break;
    case 'DPUService':
      resources.services.push(service(document, base));
      break;
  }
}

function resourceOf({ labels, annotations }: Metadata, manifest: Manifest, at: Resource['at']): Resource {
  const { namespace, name, origin } = manifest;
  return { namespace, name, labels: labels ?? {}, annotations: annotations ?? {}, origin, at, manifest };
}

const isolationClass = ({ spec }: IsolationClassDocument, base: Resource) => ({
  ...base,
  provisioner: spec.provisioner,
  parameters: spec.parameters ?? {},
});

const vpc = ({ spec }: VpcDocument, base: Resource, complain: Complain) => ({
  ...base,
  tenant: spec.tenant,
  nodeSelector: selector(spec.nodeSelector, ['spec', 'nodeSelector'], complain),
  isolationClassName: spec.isolationClassName,
  interNetworkAccess: spec.interNetworkAccess,
});

function selector(written: SelectorDocument = {}, path: string[], complain: Complain): LabelSelector {
  checkSelector(written, path, complain);
  const { matchLabels = {}, matchExpressions = [] } = written;
  return { matchLabels, matchExpressions: matchExpressions.map((each) => ({ ...each, values: each.values ?? [] })) };
}

function virtualNetwork({ spec }: VirtualNetworkDocument, base: Resource, complain: Complain) {
  const { vpcName, externallyRouted, masquerade, bridgedNetwork } = spec;
  checkSelector(spec.nodeSelector ?? {}, ['spec', 'nodeSelector'], complain);
  const ipv4 = bridgedNetwork?.ipam?.ipv4;
  if (bridgedNetwork && !ipv4) {
    const hint = 'add ipam: {ipv4: {dhcp: ..., subnet: ...}}';
    complain({ id: 'subnet-missing', path: 'spec.bridgedNetwork', message: 'the network has no subnet', hint }, 'key');
  }
  const cidr = ipv4 && subnet(ipv4.subnet, complain);
  if (!ipv4 || !cidr) return [];
  const { prefixLength } = cidr;
  const excludeIPs = excluded(ipv4, cidr, complain);
  const address = firstAddress(cidr);
  return [
    { ...base, vpcName, externallyRouted, masquerade, dhcp: ipv4.dhcp, subnet: address, prefixLength, excludeIPs },
  ];
}

const ipv4Path = ['spec', 'bridgedNetwork', 'ipam', 'ipv4'];

/** The lengths of a prefix with room for the gateway and a host, and that IPAM can keep count of. */
const prefixLengths = { shortest: 8, longest: 30 };

/** What no host may have as its address: RFC 6890, and what OVN's routers drop. */
const reserved = ['0.0.0.0/8', '127.0.0.0/8', '224.0.0.0/3'].flatMap((text) => parseCidr(text) ?? []);

function subnet(text: string, complain: Complain): Cidr | undefined {
  const path = formatPath([...ipv4Path, 'subnet']);
  const cidr = parseCidr(text);
  if (!cidr) {
    const message = `${quote(text)} is no IPv4 subnet`;
    complain({ id: 'subnet-invalid', path, message, hint: subnetHint(text) });
    return undefined;
  }
  if (hasHostBits(cidr)) {
    const message = `${quote(text)} is an address inside of a subnet`;
    complain({ id: 'subnet-host-bits', path, message, hint: `write ${formatCidr(cidr)}` });
  }
  const { shortest, longest } = prefixLengths;
  if (cidr.prefixLength < shortest || cidr.prefixLength > longest) {
    const isLong = cidr.prefixLength > longest;
    const message = `/${cidr.prefixLength} is too ${isLong ? 'small' : 'large'} for a network`;
    complain({ id: 'subnet-prefix', path, message, hint: `use a prefix of /${shortest} to /${longest}` });
    return isLong ? undefined : cidr;
  }
  const found = reserved.find((range) => overlap(range, cidr));
  if (found) {
    const message = `${text} overlaps ${formatCidr(found)}, which hosts cannot have`;
    complain({ id: 'subnet-reserved', path, message, hint: 'use private addresses, for example 192.168.0.0/24' });
  }
  return cidr;
}

function subnetHint(text: string): string {
  if (text.includes(':')) return 'IPv6 is not supported; write an IPv4 subnet such as 192.168.0.0/24';
  if (parseIpv4(text) !== undefined) return `write the length of the prefix too, for example ${text}/24`;
  return 'write ADDRESS/LENGTH, for example 192.168.0.0/24';
}

function excluded({ excludeIPs = [] }: Ipv4Document, cidr: Cidr, complain: Complain): AddressRange[] {
  return excludeIPs.flatMap((entry, index) => {
    const path = [...ipv4Path, 'excludeIPs', index];
    if ((entry.ip === undefined) === (entry.range === undefined)) {
      const message =
        entry.ip === undefined ? 'neither an address nor a range is given' : 'both ip and range are given';
      complain({ id: 'exclude-ip-invalid', path: formatPath(path), message, hint: 'give either ip or range' });
      return [];
    }
    if (entry.ip !== undefined) {
      const address = excludedAddress(entry.ip, [...path, 'ip'], cidr, complain);
      return address === undefined ? [] : [{ first: address, last: address }];
    }
    const { start = '', end = '' } = entry.range ?? {};
    const first = excludedAddress(start, [...path, 'range', 'start'], cidr, complain);
    const last = excludedAddress(end, [...path, 'range', 'end'], cidr, complain);
    if (first === undefined || last === undefined) return [];
    if (first > last) {
      const message = `the range runs backwards, from ${start} to ${end}`;
      const hint = `write start: ${end} and end: ${start}`;
      complain({ id: 'exclude-ip-backwards', path: formatPath([...path, 'range']), message, hint }, 'key');
      return [];
    }
    return [{ first, last }];
  });
}

function excludedAddress(
  text: string,
  segments: (string | number)[],
  cidr: Cidr,
  complain: Complain,
): number | undefined {
  const path = formatPath(segments);
  const address = parseIpv4(text);
  if (address === undefined) {
    const hint = 'write four numbers from 0 to 255 with dots between them';
    complain({ id: 'exclude-ip-invalid', path, message: `${quote(text)} is no IPv4 address`, hint });
    return undefined;
  }
  if (contains(cidr, address)) return address;
  const message = `${text} is not in the subnet ${formatCidr(cidr)}`;
  const hint = `use addresses from ${formatIpv4(firstAddress(cidr) + 1)} to ${formatIpv4(lastAddress(cidr) - 1)}`;
  complain({ id: 'exclude-ip-outside-subnet', path, message, hint });
  return undefined;
}

function interfaceTemplate({ spec }: InterfaceTemplateDocument, base: Resource, complain: Complain) {
  const { nodeSelector, template } = spec.template.spec;
  const selected = selector(nodeSelector, ['spec', 'template', 'spec', 'nodeSelector'], complain);
  const templateAnnotations = template.metadata?.annotations ?? {};
  return attachmentOf(template.spec).map((attached) => ({
    ...base,
    nodeSelector: selected,
    templateAnnotations,
    ...attached,
  }));
}

const serviceInterface = ({ spec }: InterfaceDocument, base: Resource) =>
  attachmentOf(spec).map((attached) => ({ ...base, node: spec.node ?? '', ...attached }));

/** How an interface is attached and to which network; none if the block of its type is missing. */
function attachmentOf(spec: InterfaceSpecDocument): { attachment: Attachment; virtualNetwork?: string }[] {
  const { interfaceType: type, pf, vf, service } = spec;
  switch (type) {
    case 'pf':
      return pf ? [{ attachment: { type, pfID: pf.pfID, ...nicOf(pf) }, ...networkOf(pf) }] : [];
    case 'vf':
      return vf ? [{ attachment: { type, pfID: vf.pfID, vfID: vf.vfID, ...nicOf(vf) }, ...networkOf(vf) }] : [];
    case 'service': {
      if (!service) return [];
      const { serviceID, network, interfaceName } = service;
      return [{ attachment: { type, serviceID, network, interfaceName }, ...networkOf(service) }];
    }
    default:
      return [{ attachment: { type: 'other', interfaceType: type } }];
  }
}

const networkOf = ({ virtualNetwork }: { virtualNetwork?: string }) =>
  virtualNetwork === undefined || virtualNetwork === '' ? {} : { virtualNetwork };

/** The NIC as text: the DPU's own with its first host's functions goes without saying. */
function nicOf({ nicSelector }: NonNullable<InterfaceSpecDocument['pf']>): { nic?: string } {
  if (!nicSelector) return {};
  const nic = nicSelector.type === 'pci' ? (nicSelector.pci?.address ?? '') : 'dpu';
  const controller = nicSelector.controllerNumber ?? 1;
  return nic === 'dpu' && controller === 1 ? {} : { nic: `${nic}@${controller}` };
}

const node = (_: NodeDocument, base: Resource) => ({ ...base, madeUp: false });

const service = ({ spec }: ServiceDocument, base: Resource) => ({ ...base, spec });

function attachmentDefinition({ spec }: AttachmentDefinitionDocument, base: Resource, complain: Complain) {
  if (spec?.config === undefined) return [{ ...base, config: undefined }];
  try {
    return [{ ...base, config: JSON.parse(spec.config) as unknown }];
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const message = `the CNI configuration is not JSON: ${quote(reason).slice(1, -1)}`;
    complain({ id: 'cni-config-invalid', path: 'spec.config', message, hint: 'write a JSON object' });
    return [];
  }
}

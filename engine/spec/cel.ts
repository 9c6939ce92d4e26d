/**
 * The rules that the CustomResourceDefinitions in deploy/crds write in CEL, for
 * one version of an object; compare.ts has those about two versions.
 */
import type { Complain } from './complain.ts';
import type { InterfaceSpecDocument, ServiceDocument, ValidDocument } from './documents.ts';

/** Complains of every rule that a document breaks. */
export function checkRules(document: ValidDocument, complain: Complain): void {
  switch (document.kind) {
    case 'DPUVirtualNetwork':
      if (document.spec.bridgedNetwork === undefined) {
        const message = 'for type=Bridged, bridgedNetwork must be set';
        const hint = 'add bridgedNetwork with its subnet';
        complain({ id: 'bridged-network-missing', path: 'spec.type', message, hint });
      }
      break;
    case 'DPUServiceInterface':
      checkName(document.metadata.name, complain);
      checkInterface(document.spec.template.spec.template.spec, 'spec.template.spec.template.spec', complain);
      break;
    case 'ServiceInterface':
      checkInterface(document.spec, 'spec', complain);
      break;
    case 'DPUService':
      checkName(document.metadata.name, complain);
      checkService(document, complain);
      break;
  }
}

function checkName(name: string, complain: Complain): void {
  if (name.length <= 63) return;
  const message = "name length can't be bigger than 63 chars";
  complain({ id: 'invalid-name', path: 'metadata.name', message, hint: `shorten it by ${name.length - 63}` });
}

const blocks = ['vlan', 'physical', 'pf', 'vf', 'patch', 'service', 'ovn'] as const;

function checkInterface(spec: InterfaceSpecDocument, path: string, complain: Complain): void {
  const type = spec.interfaceType;
  if (type !== 'ovn' && spec[type] === undefined) {
    const message = `for interfaceType=${type}, ${type} must be set`;
    complain({ id: 'interface-block-missing', path: `${path}.interfaceType`, message, hint: `add ${type}: ...` });
  }
  for (const block of blocks) {
    if (block === type || spec[block] === undefined) continue;
    const message = `${block} has no effect on an interface of type ${type}`;
    const hint = 'remove it, or change interfaceType';
    complain({ severity: 'warning', id: 'interface-block-unused', path: `${path}.${block}`, message, hint }, 'key');
  }
  for (const block of ['pf', 'vf'] as const) {
    const nic = spec[block]?.nicSelector;
    if (nic?.type !== 'pci' || nic.pci !== undefined) continue;
    const message = 'for type=pci, pci must be set';
    const hint = 'add pci: {address: ...}';
    complain({ id: 'nic-selector-incomplete', path: `${path}.${block}.nicSelector.type`, message, hint });
  }
}

function checkService({ spec }: ServiceDocument, complain: Complain): void {
  if (spec.interfaces !== undefined && spec.serviceID === undefined) {
    const message = 'serviceID must be provided when interfaces are provided';
    complain({ id: 'service-id-missing', path: 'spec.interfaces', message, hint: 'add serviceID' }, 'key');
  }
  if (!spec.deployInCluster) return;
  for (const field of ['configPorts', 'dpuClusterSelector'] as const) {
    if (spec[field] === undefined) continue;
    const message = `${field} cannot be set when deployInCluster is true`;
    complain({ id: 'service-in-cluster', path: `spec.${field}`, message, hint: 'remove one of them' }, 'key');
  }
}

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { compareVersions } from '../../engine/spec/compare.ts';
import { anInterface, isolationClass, network, pf, read, reported, vf, vpc } from './manifests.ts';

interface Generator {
  schemasSource(): string;
  definitions(): object[];
}

const generatorUrl = new URL('../../deploy/crds/generate.mjs', import.meta.url).href;
const { definitions, schemasSource }: Generator = await import(generatorUrl);

test('engine/spec/schemas.ts is what deploy/crds/generate.mjs makes of the definitions', () => {
  expect(readFileSync(new URL('../../engine/spec/schemas.ts', import.meta.url), 'utf8')).toBe(schemasSource());
});

/** The messages of all rules in CEL. */
function celMessages(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(celMessages);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, field]) =>
    key === 'x-kubernetes-validations'
      ? (field as { message: string }[]).map(({ message }) => message)
      : celMessages(field),
  );
}

const service = (spec: object) => ({
  apiVersion: 'svc.dpu.nvidia.com/v1alpha1',
  kind: 'DPUService',
  metadata: { name: 'service', namespace: 'default' },
  spec: { helmChart: { source: { repoURL: 'https://charts.example.com', version: '1' } }, ...spec },
});

const withoutBlock = (interfaceType: string) => read([anInterface('one', { interfaceType })]).problems;
const changed = (old: object, next: object) => compareVersions(read([old]).resources, read([next]).resources);

/** What breaks each rule. */
const broken: Record<string, () => { message: string }[]> = {
  'IsolationClass spec.provisioner is immutable': () => {
    const next = { ...isolationClass(), spec: { provisioner: 'another' } };
    return changed(isolationClass(), next);
  },
  'tenant is immutable': () => changed(vpc('vpc'), vpc('vpc', { tenant: 'another' })),
  'nodeSelector is immutable': () => changed(vpc('vpc', { nodeSelector: {} }), vpc('vpc')),
  'isolationClassName is immutable': () => changed(vpc('vpc'), vpc('vpc', { isolationClassName: 'another' })),
  'DPUVirtualNetwork spec is immutable': () =>
    changed(network('net', 'vpc', '10.0.0.0/24'), network('net', 'vpc', '10.0.0.0/24', { masquerade: false })),
  'virtualNetwork is immutable': () => changed(vf('vf', 'net', 1), vf('vf', 'net2', 1)),
  'for type=Bridged, bridgedNetwork must be set': () =>
    read([network('net', 'vpc', '10.0.0.0/24', { bridgedNetwork: undefined })]).problems,
  'for interfaceType=vlan, vlan must be set': () => withoutBlock('vlan'),
  'for interfaceType=physical, physical must be set': () => withoutBlock('physical'),
  'for interfaceType=pf, pf must be set': () => withoutBlock('pf'),
  'for interfaceType=vf, vf must be set': () => withoutBlock('vf'),
  'for interfaceType=patch, patch must be set': () => withoutBlock('patch'),
  'for interfaceType=service, service must be set': () => withoutBlock('service'),
  'for type=pci, pci must be set': () => read([vf('vf', 'net', 1, {}, { nicSelector: { type: 'pci' } })]).problems,
  "name length can't be bigger than 63 chars": () => read([vf('v'.repeat(64), 'net', 1)]).problems,
  'serviceID must be provided when interfaces are provided': () => read([service({ interfaces: ['one'] })]).problems,
  'configPorts cannot be set when deployInCluster is true': () =>
    read([service({ deployInCluster: true, configPorts: {} })]).problems,
  'dpuClusterSelector cannot be set when deployInCluster is true': () =>
    read([service({ deployInCluster: true, dpuClusterSelector: {} })]).problems,
};

test('every rule that the definitions write in CEL is known', () => {
  expect(Object.keys(broken).sort()).toEqual([...new Set(celMessages(definitions()))].sort());
});

test.each(Object.keys(broken))('the rule is enforced: %s', (message) => {
  expect(broken[message]().filter((problem) => problem.message.startsWith(message))).not.toEqual([]);
});

test('what breaks no rule is not complained of', () => {
  const fine = [service({ interfaces: ['one'], serviceID: 'id', deployInCluster: false, configPorts: {} })];
  expect(read(fine).problems).toEqual([]);
  expect(read([anInterface('one', { interfaceType: 'ovn' })]).problems).toEqual([]);
});

test('fields that may change may change', () => {
  const old = [vpc('vpc'), vf('vf', 'net', 1), pf('pf', 'net', 0), reported('one', 'node', 'net', 1)];
  const next = [vpc('vpc', { interNetworkAccess: false }), vf('vf', 'net', 2), vf('pf', 'other', 0), vpc('another')];
  expect(compareVersions(read(old).resources, read(next).resources)).toEqual([]);
});

test('a change is told at its place, with what was there', () => {
  const old = read([network('net', 'vpc', '10.0.0.0/24', {}, { excludeIPs: [{ ip: '10.0.0.9' }] })]).resources;
  const next = read([network('net', 'vpc', '10.0.1.0/24', {}, { excludeIPs: [{ ip: '10.0.1.9' }] })]).resources;
  const [subnet, excluded] = compareVersions(old, next);
  expect(subnet).toMatchObject({
    severity: 'error',
    id: 'immutable-field',
    path: 'spec.bridgedNetwork.ipam.ipv4.subnet',
    message: 'DPUVirtualNetwork spec is immutable, and it was "10.0.0.0/24"',
    hint: 'keep it, or delete the DPUVirtualNetwork and create it anew',
    line: 1,
  });
  expect(excluded.path).toBe('spec.bridgedNetwork.ipam.ipv4.excludeIPs');
  expect(compareVersions(old, old)).toEqual([]);
  const longer = { excludeIPs: [{ ip: '10.0.0.9' }, { ip: '10.0.0.10' }] };
  const [added] = compareVersions(old, read([network('net', 'vpc', '10.0.0.0/24', {}, longer)]).resources);
  expect(added.path).toBe('spec.bridgedNetwork.ipam.ipv4.excludeIPs');
});

import { describe, expect, test } from 'vitest';
import { formatProblem } from '../../engine/origin.ts';
import { readManifests } from '../../engine/spec/read.ts';
import { isolationClass, network, read, topology, vf, vpc } from './manifests.ts';

const text = `apiVersion: vpc.dpu.nvidia.com/v1alpha1
kind: DPUVirtualNetwork
metadata:
  name: net
  labels:
    example.com/team: a
spec:
  vpcName: vpc
  type: Bridged
  nodeSelector:
  masquerade: null
  externallyRouted: true
  bridgedNetwork:
    ipam:
      ipv4:
        dhcp: true
        subnet: 192.178.0.0/16
        excludeIPs:
          - ip: 192.178.100.10
          - range: {start: 192.178.100.100, end: 192.178.100.110}
`;

const readText = (...texts: string[]) =>
  readManifests(texts.map((each, index) => ({ file: `${index}.yaml`, text: each })));
const lines = (...texts: string[]) => readText(...texts).problems.map(formatProblem);

describe('a network', () => {
  const { resources, manifests } = readText(text);
  const [network] = resources.networks;

  test('is read with its defaults, without what is null', () => {
    expect(network).toMatchObject({
      namespace: 'default',
      name: 'net',
      labels: { 'example.com/team': 'a' },
      annotations: {},
      vpcName: 'vpc',
      externallyRouted: true,
      masquerade: true,
      dhcp: true,
      subnet: 0xc0b20000,
      prefixLength: 16,
      excludeIPs: [
        { first: 0xc0b2640a, last: 0xc0b2640a },
        { first: 0xc0b26464, last: 0xc0b2646e },
      ],
      origin: { file: '0.yaml', line: 1, column: 1, resource: 'DPUVirtualNetwork/default/net' },
    });
    expect(network.manifest).toBe(manifests[0]);
    expect(manifests[0].document.spec).not.toHaveProperty('nodeSelector');
  });

  test.each([
    ['spec.bridgedNetwork.ipam.ipv4.subnet', 17, 17],
    ['spec.bridgedNetwork.ipam.ipv4.excludeIPs[1].range.end', 20, 50],
    ['metadata.labels["example.com/team"]', 6, 23],
    ['spec.masquerade', 11, 15],
    ['spec.nothing.there', 8, 3],
    ['', 1, 1],
  ])('knows the place of %s', (path, line, column) => {
    expect(network.at(path)).toEqual({ file: '0.yaml', line, column });
  });
});

test('interfaces of all types are read', () => {
  const block = (interfaceType: string, fields: object) => ({ interfaceType, [interfaceType]: fields });
  const nic = { type: 'pci', pci: { address: '0000:03:00.0' } };
  const service = { serviceID: 'id', network: 'ns/nad', interfaceName: 'sf', virtualNetwork: 'net' };
  const specs = [
    block('vf', { pfID: 1, vfID: 2, virtualNetwork: 'net', parentInterfaceRef: '' }),
    block('vf', { pfID: 1, vfID: 2, nicSelector: nic }),
    block('pf', { pfID: 1, virtualNetwork: '', nicSelector: { type: 'dpu' } }),
    block('service', service),
    block('physical', { interfaceName: 'p0' }),
  ];
  const documents = specs.map((spec, index) => ({
    ...vf(`i${index}`, 'net', 0),
    spec: { template: { spec: { template: { metadata: { annotations: { a: 'b' } }, spec } } } },
  }));
  const { interfaces } = read(documents).resources;
  expect(interfaces.map(({ attachment, virtualNetwork }) => ({ ...attachment, virtualNetwork }))).toEqual([
    { type: 'vf', pfID: 1, vfID: 2, virtualNetwork: 'net' },
    { type: 'vf', pfID: 1, vfID: 2, nic: '0000:03:00.0@1', virtualNetwork: undefined },
    { type: 'pf', pfID: 1, virtualNetwork: undefined },
    { type: 'service', serviceID: 'id', network: 'ns/nad', interfaceName: 'sf', virtualNetwork: 'net' },
    { type: 'other', interfaceType: 'physical', virtualNetwork: undefined },
  ]);
  expect(interfaces[0].templateAnnotations).toEqual({ a: 'b' });
});

describe('several resources', () => {
  test('of a list, as kubectl prints it', () => {
    const list = { apiVersion: 'v1', kind: 'List', items: topology() };
    const { resources, problems } = readText(JSON.stringify(list));
    expect(problems).toEqual([]);
    expect(resources.networks[0].name).toBe('net');
    expect(resources.networks[0].origin.column).toBeGreaterThan(100);
  });

  test('of a list of one kind, whose items do not say theirs', () => {
    const { kind: _, apiVersion, ...item } = vpc('vpc');
    const { resources } = readText(JSON.stringify({ apiVersion, kind: 'DPUVPCList', items: [item] }));
    expect(resources.vpcs[0].name).toBe('vpc');
  });

  test('of several files, complained of in the order of files and lines', () => {
    const bad = 'a: 1\n---\nb: 1\n';
    const places = readText(bad, bad, 'c: 1').problems.map(({ file, line }) => `${file}:${line}`);
    expect(places).toEqual(['0.yaml:1', '0.yaml:3', '1.yaml:1', '1.yaml:3', '2.yaml:1']);
  });

  test('of other kinds are skipped, with one note for each kind of a file', () => {
    const other = (kind: string) => ({ apiVersion: 'v1', kind, metadata: { name: 'x' } });
    const { problems } = read([...topology(), other('Pod'), other('Pod'), other('Secret')]);
    expect(problems.map(({ severity, line, message }) => `${severity} ${line} ${message}`)).toEqual([
      'note 9 2 resources of kind Pod are skipped',
      'note 13 a resource of kind Secret is skipped',
    ]);
    const chain = { apiVersion: 'svc.dpu.nvidia.com/v1alpha1', kind: 'DPUServiceChain', metadata: { name: 'x' } };
    const nad = { ...chain, kind: 'DPUServiceNAD' };
    expect(read([...topology(), chain, nad]).problems.map(({ id }) => id)).toEqual(['kind-skipped', 'kind-skipped']);
    const node = { apiVersion: 'example.com/v1', kind: 'Node', metadata: { name: 'x' } };
    expect(read([...topology(), node]).problems.map(({ id }) => id)).toEqual(['kind-skipped']);
  });
});

describe('all complaints come at once', () => {
  test('about the form of documents', () => {
    expect(lines('[1]\n---\n42\n---\nkind: Pod\n---\napiVersion: 1\nkind: Pod\n')).toEqual([
      '0.yaml:1:1: the document is not a mapping, so it is no resource; begin it with apiVersion and kind',
      '0.yaml:3:1: the document is not a mapping, so it is no resource; begin it with apiVersion and kind',
      '0.yaml:5:1: the document has no apiVersion, so it is no resource; begin it with apiVersion and kind, or leave the file out',
      '0.yaml:7:13: apiVersion: the document has no apiVersion, so it is no resource; begin it with apiVersion and kind, or leave the file out',
    ]);
  });

  test('about the fields of one', () => {
    const wrong =
      'apiVersion: vpc.dpu.nvidia.com/v1alpha1\nkind: DPUVPC\nmetadata:\n  nmae: x\nspec:\n  tenant: [a]\n  interNetworkAccess: 1\n';
    expect(lines(wrong)).toEqual([
      '0.yaml:3:1: metadata: "metadata" lacks "name"; add name: a text',
      '0.yaml:4:3: warning: metadata.nmae: there is no field "nmae" here; the API server drops it; did you mean "name"?',
      '0.yaml:5:1: spec: "spec" lacks "isolationClassName"; add isolationClassName: a text',
      '0.yaml:6:11: spec.tenant: a list is not a text; write a text',
      '0.yaml:7:23: spec.interNetworkAccess: the number 1 is neither true nor false; write true or false',
    ]);
  });

  test('and what steers a terminal is not repeated', () => {
    const [problem] = read([vpc('\u001b[31m', { '\u001b]0;x': 1 })]).problems;
    expect(formatProblem(problem)).not.toContain('\u001b');
  });
});

test('a resource that contradicts its schema is no reason to say that it is missing', () => {
  const broken = vpc('vpc', { tenant: 1 });
  const { problems } = read([isolationClass(), broken, network('net', 'vpc', '10.0.0.0/24'), vf('vf', 'net', 1)]);
  expect(problems.map(({ id }) => id)).toEqual(['wrong-type']);
});

test('without any resource there is a complaint', () => {
  expect(lines('')).toHaveLength(1);
  expect(readManifests([]).problems.map(({ id }) => id)).toEqual(['nothing-to-read']);
});

test('thousands of mistakes take no time', () => {
  const documents = Array.from({ length: 2000 }, (_, index) => vf(`vf${index}`, `nett${index}`, 1));
  const networks = Array.from({ length: 500 }, (_, index) => network(`net${index}`, `vcp${index}`, '10.0.0.0/8'));
  const { problems } = read([...documents, ...networks]);
  expect(problems.filter(({ id }) => id === 'network-not-found')).toHaveLength(2000);
  expect(problems.filter(({ id }) => id === 'vpc-not-found')).toHaveLength(500);
});

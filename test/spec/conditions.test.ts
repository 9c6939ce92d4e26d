import { describe, expect, test } from 'vitest';
import { type DescribedGroup, type DescribedResource, describeResources } from '../../engine/spec/conditions.ts';
import { isolationClass, labelled, network, node, read, reported, topology, vf, vpc } from './manifests.ts';

/** Every resource of the tree as `KIND/NAME`, with `TYPE=STATUS/REASON` of its conditions. */
function states(documents: object[]): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  const visit = ({ kind, name, conditions, groups }: DescribedResource) => {
    found[`${kind}/${name}`] = conditions.map(({ type, status, reason }) => `${type}=${status}/${reason}`);
    for (const { resources } of groups) resources.forEach(visit);
  };
  const tree = describeResources(read(documents));
  for (const resource of Array.isArray(tree) ? tree.flatMap(({ resources }) => resources) : [tree]) visit(resource);
  return found;
}

const ready = (...types: string[]) => ['Ready', ...types].map((type) => `${type}=True/Success`);
const readyVpc = ready('DPUNodesReconciled', 'DPUVPCReconciled', 'PrerequisitesReady', 'TopologyReconciled');
const readyNetwork = ready('DPUVirtualNetworkReconciled', 'PrerequisitesReady');
const readyInterface = ready(
  'ServiceInterfacePreReqsReady',
  'ServiceInterfaceSetReady',
  'ServiceInterfaceSetReconciled',
);

test('what is fine is Ready', () => {
  expect(states(topology())).toEqual({
    'DPUVPC/vpc': readyVpc,
    'DPUVirtualNetwork/net': readyNetwork,
    'DPUServiceInterface/vf2': readyInterface,
  });
});

test('what lacks its VPC waits for it, and what is attached to it waits too', () => {
  const documents = [network('net', 'vpc', '10.0.0.0/24'), vf('vf', 'net', 1)];
  expect(states(documents)).toEqual({
    'DPUVirtualNetwork/net': [
      'Ready=False/Pending',
      'DPUVirtualNetworkReconciled=Unknown/Pending',
      'PrerequisitesReady=False/Pending',
    ],
    'DPUServiceInterface/vf': [
      'Ready=False/Pending',
      'ServiceInterfacePreReqsReady=False/Pending',
      'ServiceInterfaceSetReady=Unknown/Pending',
      'ServiceInterfaceSetReconciled=Unknown/Pending',
    ],
  });
  const [group] = describeResources(read(documents)) as DescribedGroup[];
  expect(group.title).toBe('DPUVirtualNetworks');
  expect(group.resources[0].conditions[0].message).toBe(
    'there is no DPUVPC "vpc" in the namespace "default"; add it to the input',
  );
  expect(group.resources[0].groups[0].resources[0].conditions[0].message).toBe(
    'the DPUVirtualNetwork net is not ready',
  );
});

test('a VPC without its isolation class waits for it, and so does all below', () => {
  const found = states([isolationClass({}, 'other'), ...topology().slice(1)]);
  expect(found['DPUVPC/vpc']).toContain('PrerequisitesReady=False/Pending');
  expect(found['DPUVPC/vpc']).toContain('TopologyReconciled=Unknown/Pending');
  expect(found['DPUVirtualNetwork/net']).toContain('PrerequisitesReady=False/Pending');
  expect(found['DPUServiceInterface/vf2'][0]).toBe('Ready=False/Pending');
});

test('a wrong isolation class is a failure of its VPCs', () => {
  const found = states([isolationClass({ mtu: 'many' }), ...topology().slice(1)]);
  expect(found['DPUVPC/vpc']).toContain('PrerequisitesReady=False/Failure');
});

test('a network that is wrong spoils the topology of its VPC, and nothing else of it', () => {
  const found = states([...topology('30.30.0.0/16'), network('other', 'vpc', '10.0.0.0/24')]);
  expect(found['DPUVPC/vpc']).toEqual([
    'Ready=False/Failure',
    ...readyVpc.slice(1, -1),
    'TopologyReconciled=False/Error',
  ]);
  expect(found['DPUVirtualNetwork/net']).toContain('DPUVirtualNetworkReconciled=False/Error');
  expect(found['DPUVirtualNetwork/other']).toEqual(readyNetwork);
  expect(found['DPUServiceInterface/vf2'][0]).toBe('Ready=False/Pending');
});

test('a resource that contradicts its schema is there, and says why it is not Ready', () => {
  const [vpcs] = describeResources(read([...topology(), vpc('odd', { tenant: 1 })])) as DescribedGroup[];
  const odd = vpcs.resources.find(({ name }) => name === 'odd');
  expect(odd?.conditions[0]).toEqual({
    type: 'Ready',
    status: 'False',
    reason: 'Failure',
    message: 'the number 1 is not a text; put it in quotes: "1"',
  });
});

describe('nodes', () => {
  test('of two VPCs are an error of both', () => {
    const found = states([isolationClass(), vpc('a'), vpc('b')]);
    for (const each of ['DPUVPC/a', 'DPUVPC/b']) expect(found[each]).toContain('DPUNodesReconciled=False/Error');
  });

  test('that an interface does not find are told, though it is Ready as in DPF', () => {
    const documents = [...topology(), vf('vf3', 'net', 3, labelled({ rack: 'a' })), node('w')];
    expect(states(documents)['DPUServiceInterface/vf3']).toEqual(readyInterface);
    const tree = JSON.stringify(describeResources(read(documents)));
    expect(tree).toContain('the interface lands on no node: no node has the labels that it selects');
  });
});

test('a ServiceInterface that is wrong spoils its DPUServiceInterface', () => {
  const mac = { 'ovn.vpc.dpu.nvidia.com/lsp-mac-address': 'none' };
  const found = states([...topology(), reported('vf2-x', 'node-1', 'net', 2, mac)]);
  expect(found['DPUServiceInterface/vf2']).toContain('ServiceInterfaceSetReady=False/Failure');
});

test('everything stands below the DPFOperatorConfig, whose conditions are those it has', () => {
  const condition = (type: string, status = 'True') => ({ type, status, reason: 'Success', message: '' });
  const config = {
    apiVersion: 'operator.dpu.nvidia.com/v1alpha1',
    kind: 'DPFOperatorConfig',
    metadata: { name: 'config', namespace: 'dpf-operator-system' },
    status: { conditions: [condition('SystemComponentsReady'), condition('Ready'), condition('Odd', 'maybe'), 1] },
  };
  const tree = describeResources(read([...topology(), config]));
  expect(tree).toMatchObject({
    kind: 'DPFOperatorConfig',
    conditions: [{ type: 'Ready' }, { type: 'SystemComponentsReady' }],
    groups: [{ title: 'DPUVPCs', resources: [{ name: 'vpc' }] }],
  });
});

test('orphans are listed', () => {
  expect(Object.keys(states([...topology(), vf('lost', 'nowhere', 5), vf('free', '', 6)]))).toEqual([
    'DPUVPC/vpc',
    'DPUVirtualNetwork/net',
    'DPUServiceInterface/vf2',
    'DPUServiceInterface/free',
    'DPUServiceInterface/lost',
  ]);
});

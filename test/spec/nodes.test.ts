import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { interfacePlacements, selects, vpcNodes } from '../../engine/spec/nodes.ts';
import type { LabelSelector } from '../../engine/spec/resources.ts';
import {
  errors,
  ids,
  isolationClass,
  labelled,
  network,
  node,
  read,
  reported,
  topology,
  vf,
  vpc,
} from './manifests.ts';

const selector = (...matchExpressions: LabelSelector['matchExpressions']): LabelSelector => ({
  matchLabels: {},
  matchExpressions,
});

describe('selects', () => {
  const labels = { tenant: 'red', rack: '' };
  test.each<[LabelSelector, boolean]>([
    [{ matchLabels: {}, matchExpressions: [] }, true],
    [{ matchLabels: { tenant: 'red' }, matchExpressions: [] }, true],
    [{ matchLabels: { tenant: 'red', rack: 'b' }, matchExpressions: [] }, false],
    [{ matchLabels: { constructor: 'red' }, matchExpressions: [] }, false],
    [selector({ key: 'tenant', operator: 'In', values: ['blue', 'red'] }), true],
    [selector({ key: 'absent', operator: 'In', values: ['red'] }), false],
    [selector({ key: 'tenant', operator: 'NotIn', values: ['red'] }), false],
    [selector({ key: 'absent', operator: 'NotIn', values: ['red'] }), true],
    [selector({ key: 'rack', operator: 'Exists', values: [] }), true],
    [selector({ key: 'absent', operator: 'Exists', values: [] }), false],
    [selector({ key: 'constructor', operator: 'Exists', values: [] }), false],
    [selector({ key: 'rack', operator: 'DoesNotExist', values: [] }), false],
    [selector({ key: 'absent', operator: 'DoesNotExist', values: [] }), true],
  ])('%j: %s', (each, expected) => expect(selects(each, labels)).toBe(expected));
});

/** Where each interface stands. */
function places(documents: object[], nodes?: number): Record<string, string[]> {
  const placements = interfacePlacements(read(documents, nodes).resources);
  return Object.fromEntries(placements.map((each) => [each.interface.name, each.nodes.map(({ name }) => name)]));
}

describe('nodes that are made up', () => {
  test('have plain names where nothing is asked for', () => {
    expect(places(topology())).toEqual({ vf2: ['node-1', 'node-2'] });
    expect(places(topology(), 3)).toEqual({ vf2: ['node-1', 'node-2', 'node-3'] });
  });

  test('are shared by a VPC and interfaces that ask for the same, and named after it', () => {
    const red = labelled({ 'vpc.dpu.nvidia.com/tenant': 'red' });
    const documents = [
      vpc('vpc', { nodeSelector: red }),
      network('net', 'vpc', '10.0.0.0/24'),
      vf('vf', 'net', 1, red),
    ];
    expect(places(documents)).toEqual({ vf: ['red-1', 'red-2'] });
  });

  test('are there for each set of labels that interfaces ask for', () => {
    const documents = [
      ...topology(),
      vf('a', 'net', 3, labelled({ network: 'a' })),
      vf('b', 'net', 3, labelled({ network: 'b' })),
    ];
    expect(places(documents)).toEqual({
      vf2: ['a-1', 'a-2', 'b-1', 'b-2', 'node-1', 'node-2'],
      a: ['a-1', 'a-2'],
      b: ['b-1', 'b-2'],
    });
  });

  test('are there for a VPC without interfaces', () => {
    const { resources } = read([vpc('vpc', { nodeSelector: labelled({ rack: 'B7' }) })]);
    expect(vpcNodes(resources.vpcs[0], resources).map(({ name }) => name)).toEqual(['b7-1', 'b7-2']);
  });

  test('have names that tell equal values of different labels apart', () => {
    const documents = [
      ...topology().slice(0, 3),
      vf('a', 'net', 1, labelled({ 'example.com/rack': 'x' })),
      vf('b', 'net', 2, labelled({ row: 'x' })),
    ];
    expect(places(documents, 1)).toEqual({ a: ['rack-x-1'], b: ['row-x-1'] });
  });

  test('satisfy expressions', () => {
    const expressions = {
      matchExpressions: [
        { key: 'gpu', operator: 'Exists' },
        { key: 'gpu', operator: 'NotIn', values: ['true'] },
        { key: 'zone', operator: 'In', values: ['a', 'b'] },
        { key: 'zone', operator: 'NotIn', values: ['a'] },
        { key: 'old', operator: 'DoesNotExist' },
      ],
    };
    const { resources } = read([...topology().slice(0, 3), vf('vf', 'net', 1, expressions)], 1);
    expect(resources.nodes.map(({ labels }) => labels)).toEqual([{ gpu: 'true-1', zone: 'b' }]);
  });

  test('are not made up for selectors that contradict each other', () => {
    const documents = [
      vpc('vpc', { nodeSelector: labelled({ tenant: 'red' }) }),
      network('net', 'vpc', '10.0.0.0/24'),
      vf('vf', 'net', 1, labelled({ tenant: 'blue' })),
    ];
    expect(places(documents)).toEqual({ vf: [] });
    expect(ids(read([isolationClass(), ...documents]))).toEqual(['interface-without-nodes']);
  });

  test('are as many as there are host names to ask for', () => {
    const hosts = { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['w1', 'w2', 'w3'] }] };
    expect(places([...topology().slice(0, 3), vf('vf', 'net', 1, hosts)])).toEqual({ vf: ['w1', 'w2', 'w3'] });
  });

  test('are those that ServiceInterfaces name', () => {
    const red = labelled({ tenant: 'red' });
    const documents = [
      vpc('vpc', { nodeSelector: red }),
      network('net', 'vpc', '10.0.0.0/24'),
      vf('vf', 'net', 1, red),
      vf('far', 'net', 2, labelled({ rack: 'far' })),
      reported('vf-a', 'worker2', 'net', 1),
      reported('vf-b', 'worker7', 'net', 1),
    ];
    expect(places(documents)).toEqual({
      vf: ['worker2', 'worker7', 'far-red-1', 'far-red-2'],
      far: ['far-red-1', 'far-red-2'],
    });
  });

  test('are not made up where a Node is given', () => {
    expect(places([...topology(), node('worker')])).toEqual({ vf2: ['worker'] });
  });

  test('belong to two VPCs only where the one selects what the other asks for', () => {
    const tenant = (name: string) => vpc(name, { nodeSelector: labelled({ tenant: name }) });
    expect(errors(read([isolationClass(), tenant('red'), tenant('blue')]))).toEqual([]);
    expect(errors(read([isolationClass(), tenant('red'), vpc('all')]))).toEqual([
      'node-in-two-vpcs',
      'node-in-two-vpcs',
    ]);
  });

  test('are the same for the same manifests, whatever their order; everything lands somewhere', () => {
    const label = fc.record({ rack: fc.constantFrom('a', 'b', 'c') }, { requiredKeys: [] });
    const interfaces = fc.array(fc.record({ tenant: fc.constantFrom('red', 'blue'), label }), { maxLength: 6 });
    fc.assert(
      fc.property(interfaces, fc.integer({ min: 1, max: 4 }), (wanted, count) => {
        const documents = [
          isolationClass(),
          ...['red', 'blue'].flatMap((tenant) => [
            vpc(tenant, { nodeSelector: labelled({ tenant }) }),
            network(tenant, tenant, '10.0.0.0/16'),
          ]),
          ...wanted.map(({ tenant, label: labels }, index) => vf(`vf${index}`, tenant, index, labelled(labels))),
        ];
        const result = read(documents, count);
        const names = result.resources.nodes.map(({ name }) => name);
        const reversed = read([...documents].reverse(), count).resources.nodes.map(({ name }) => name);
        expect(new Set(names).size).toBe(names.length);
        expect([...reversed].sort()).toEqual([...names].sort());
        expect(errors(result)).toEqual([]);
        for (const { nodes } of interfacePlacements(result.resources))
          expect(nodes.length).toBeGreaterThanOrEqual(count);
      }),
    );
  });
});

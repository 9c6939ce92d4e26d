import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answered, answerOf } from '../answer.ts';

const example = (name: string) => new URL(`../../examples/${name}`, import.meta.url).pathname;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lflow-describe-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const describeInputs = (...args: string[]): Promise<Answered> => answerOf('describe', ...args);

function write(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

test('the listing has the form of the product document', async () => {
  const config = write(
    'config.yaml',
    `apiVersion: operator.dpu.nvidia.com/v1alpha1
kind: DPFOperatorConfig
metadata: {name: dpfoperatorconfig, namespace: dpf-operator-system}
status:
  conditions:
    - {type: SystemComponentsReady, status: "True", reason: Success, message: ""}
    - {type: Ready, status: "True", reason: Success, message: ""}
    - {type: SystemComponentsReconciled, status: "True", reason: Success, message: ""}
    - {type: ImagePullSecretsReconciled, status: "True", reason: Success, message: ""}
`,
  );
  const { answer } = await describeInputs(config, example('two-vpcs.yaml'), '--show-conditions=all');
  expect(answer).toBe(`\
NAME                                                     NAMESPACE            STATUS  REASON   SINCE  MESSAGE
DPFOperatorConfig/dpfoperatorconfig                      dpf-operator-system
│           ├─Ready                                                           True    Success  -
│           ├─ImagePullSecretsReconciled                                      True    Success  -
│           ├─SystemComponentsReady                                           True    Success  -
│           └─SystemComponentsReconciled                                      True    Success  -
└─DPUVPCs
  ├─DPUVPC/bluevpc                                       default
  │ │           ├─Ready                                                       True    Success  -
  │ │           ├─DPUNodesReconciled                                          True    Success  -
  │ │           ├─DPUVPCReconciled                                            True    Success  -
  │ │           ├─PrerequisitesReady                                          True    Success  -
  │ │           └─TopologyReconciled                                          True    Success  -
  │ └─DPUVirtualNetworks
  │   └─DPUVirtualNetwork/bluenet                        default
  │     │           ├─Ready                                                   True    Success  -
  │     │           ├─DPUVirtualNetworkReconciled                             True    Success  -
  │     │           └─PrerequisitesReady                                      True    Success  -
  │     └─DPUServiceInterfaces
  │       └─DPUServiceInterface/bluenet-vf2              default
  │                     ├─Ready                                               True    Success  -
  │                     ├─ServiceInterfacePreReqsReady                        True    Success  -
  │                     ├─ServiceInterfaceSetReady                            True    Success  -
  │                     └─ServiceInterfaceSetReconciled                       True    Success  -
  └─DPUVPC/redvpc                                        default
    │           ├─Ready                                                       True    Success  -
    │           ├─DPUNodesReconciled                                          True    Success  -
    │           ├─DPUVPCReconciled                                            True    Success  -
    │           ├─PrerequisitesReady                                          True    Success  -
    │           └─TopologyReconciled                                          True    Success  -
    └─DPUVirtualNetworks
      └─DPUVirtualNetwork/rednet                         default
        │           ├─Ready                                                   True    Success  -
        │           ├─DPUVirtualNetworkReconciled                             True    Success  -
        │           └─PrerequisitesReady                                      True    Success  -
        └─DPUServiceInterfaces
          └─DPUServiceInterface/rednet-vf2               default
                        ├─Ready                                               True    Success  -
                        ├─ServiceInterfacePreReqsReady                        True    Success  -
                        ├─ServiceInterfaceSetReady                            True    Success  -
                        └─ServiceInterfaceSetReconciled                       True    Success  -
`);
});

test('without --show-conditions Ready stands on the line of its resource', async () => {
  const { answer, status } = await describeInputs(example('single-vpc.yaml'));
  expect(status).toBe(0);
  expect(answer).toBe(`\
NAME                                        NAMESPACE  STATUS       REASON   SINCE  MESSAGE
DPUVPCs
└─DPUVPC/testvpc                            default    Ready: True  Success  -
  └─DPUVirtualNetworks
    └─DPUVirtualNetwork/testnet1            default    Ready: True  Success  -
      └─DPUServiceInterfaces
        └─DPUServiceInterface/testnet1-vf2  default    Ready: True  Success  -
`);
});

test('what is not Ready tells why, on lines of its own', async () => {
  const { answer, status } = await describeInputs(example('broken/vpc-not-found.yaml'));
  expect(status).toBe(0);
  expect(answer).toBe(`\
NAME                                         NAMESPACE      STATUS       REASON   SINCE  MESSAGE
DPUVPCs
└─DPUVPC/vpc                                 vpc-not-found  Ready: True  Success  -
DPUVirtualNetworks
└─DPUVirtualNetwork/net                      vpc-not-found
              ├─Ready                                       False        Pending  -      there is no DPUVPC "vcp" in the namespace "vpc-not-found"; did you mean "vpc"?
              ├─DPUVirtualNetworkReconciled                 Unknown      Pending  -
              └─PrerequisitesReady                          False        Pending  -      there is no DPUVPC "vcp" in the namespace "vpc-not-found"; did you mean "vpc"?
`);
});

test('a long message goes on below, between the branches of the tree', async () => {
  const { answer } = await describeInputs(example('broken/subnet-overlap.yaml'));
  const lines = answer.split('\n');
  const at = lines.findIndex((line) => line.includes('├─Ready') && line.includes('overlaps'));
  expect(lines[at + 1]).toMatch(/^ {6}│ {11}│ +of its own$/);
  expect(lines[at + 3]).toMatch(/^ {6}│ +of its own$/);
});

describe('as JSON', () => {
  test('the tree has its places in the files', async () => {
    const { answer } = await describeInputs(example('single-vpc.yaml'), '--format', 'json');
    const { resources } = JSON.parse(answer);
    expect(resources[0]).toMatchObject({
      kind: 'DPUVPC',
      namespace: 'default',
      name: 'testvpc',
      conditions: [{ type: 'Ready', status: 'True', reason: 'Success', message: '' }, {}, {}, {}, {}],
      source: { file: example('single-vpc.yaml'), column: 1 },
      children: [{ kind: 'DPUVirtualNetwork', children: [{ kind: 'DPUServiceInterface', name: 'testnet1-vf2' }] }],
    });
  });
});

describe('inputs with mistakes', () => {
  test('are described as long as they can be read', async () => {
    for (const name of ['missing-field', 'node-in-two-vpcs', 'network-too-small', 'duplicate-resource']) {
      const { status, answer } = await describeInputs(example(`broken/${name}.yaml`));
      expect(status).toBe(0);
      expect(answer).toContain('False');
    }
  });

  test('are refused where they cannot', async () => {
    const { status, said } = await describeInputs(example('broken/yaml-tab.yaml'), join(folder, 'absent.yaml'));
    expect(status).toBe(2);
    expect(said).toContain(
      'yaml-tab.yaml:9:1: not valid YAML: Tabs are not allowed as indentation; indent with spaces',
    );
    expect(said).toContain('absent.yaml:1:1: cannot be read: no such file or directory');
  });

  test('that are no part of the tree are told beside it', async () => {
    const { status, said } = await describeInputs(example('broken/mac-invalid.yaml'));
    expect(status).toBe(0);
    expect(said).toContain('"5a:19:ad:cf:61" is no MAC address');
  });

  test('such as names that steer a terminal are made harmless', async () => {
    const file = write(
      'escape.yaml',
      readFileSync(example('broken/vpc-not-found.yaml'), 'utf8').replace('name: net', 'name: "\\e[31m"'),
    );
    const { answer } = await describeInputs(file);
    expect(answer).toContain('DPUVirtualNetwork/\\u001b[31m');
    expect(answer).not.toContain('\u001b');
  });
});

test.each(['0', '-1', 'two', '10000'])('--nodes %s is refused', async (count) => {
  const { status, said } = await describeInputs(example('single-vpc.yaml'), '--nodes', count);
  expect(status).toBe(2);
  expect(said).toContain('give a number of nodes from 1 to 9999');
});

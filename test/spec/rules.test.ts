import { describe, expect, test } from 'vitest';
import {
  anInterface,
  errors,
  ids,
  isolationClass,
  labelled,
  network,
  node,
  pf,
  read,
  reported,
  topology,
  vf,
  vpc,
} from './manifests.ts';

const vpcWith = (spec: object, parameters: Record<string, string>, ...networks: object[]) => [
  isolationClass(parameters),
  vpc('vpc', { ...spec }),
  ...networks,
];

describe('subnets', () => {
  const inside = { externallyRouted: false };

  test('beside each other do not overlap', () => {
    const networks = [network('a', 'vpc', '10.0.0.0/17'), network('b', 'vpc', '10.0.128.0/17')];
    expect(ids(read(vpcWith({}, {}, ...networks)))).toEqual([]);
  });

  test('of two VPCs may be the same', () => {
    const tenant = (name: string) => [
      vpc(name, { nodeSelector: labelled({ tenant: name }) }),
      network(`${name}net`, name, '10.0.0.0/16'),
    ];
    expect(ids(read([isolationClass(), ...tenant('red'), ...tenant('blue')]))).toEqual([]);
  });

  test('that overlap in one VPC are only warned of where nothing is routed', () => {
    const networks = (spec: Record<string, boolean>) => [
      network('a', 'vpc', '10.0.0.0/16', spec),
      network('b', 'vpc', '10.0.0.0/8', spec),
    ];
    const closed = { interNetworkAccess: false };
    const severities = (documents: object[]) =>
      read(documents).problems.flatMap(({ id, severity }) => (id === 'subnet-overlap' ? [severity] : []));
    expect(severities(vpcWith({}, {}, ...networks(inside)))).toEqual(['error']);
    expect(severities(vpcWith(closed, {}, ...networks({})))).toEqual(['error']);
    expect(severities(vpcWith(closed, {}, ...networks(inside)))).toEqual(['warning']);
  });

  test.each([
    ['30.30.7.0/24', {}, ['subnet-overlaps-infrastructure']],
    ['30.30.7.0/24', inside, []],
    ['30.0.0.0/8', {}, ['subnet-overlaps-infrastructure']],
    ['100.64.0.0/16', {}, ['subnet-overlaps-infrastructure']],
    ['100.64.0.0/16', inside, []],
    ['30.31.0.0/16', {}, []],
  ])('%s %j beside the infrastructure: %j', (subnet, spec, expected) => {
    expect(errors(read(vpcWith({}, {}, network('net', 'vpc', subnet, spec))))).toEqual(expected);
  });

  test('are compared with the ranges that the isolation class gives', () => {
    const ranges = { 'external-cidr': '10.1.0.0/16', 'external-gateway': '10.1.0.1' };
    expect(errors(read(vpcWith({}, ranges, network('net', 'vpc', '30.30.0.0/16'))))).toEqual([]);
    expect(errors(read(vpcWith({}, ranges, network('net', 'vpc', '10.0.0.0/8'))))).toEqual([
      'subnet-overlaps-infrastructure',
    ]);
  });

  test("of the tunnels may be a tenant's too, with a warning", () => {
    const { problems } = read(vpcWith({}, {}, network('net', 'vpc', '20.20.0.0/16', inside)));
    expect(problems.map(({ id, severity }) => `${severity} ${id}`)).toContain('warning subnet-overlaps-infrastructure');
  });

  test.each(['0.0.0.0/8', '127.0.0.0/8', '224.0.0.0/8', '240.0.0.0/8'])('cannot be %s', (subnet) => {
    expect(errors(read(topology(subnet)))).toContain('subnet-reserved');
  });

  test.each(['10.0.0.0', '10.0.0/24', '10.0.0.0/33', '10.0.0.0/-1', '010.0.0.0/8', '10.0.0.256/24', 'fd00::/64', ''])(
    '%j is none',
    (subnet) => expect(errors(read(topology(subnet)))).toEqual(['subnet-invalid']),
  );

  test.each([
    ['10.0.0.0/7', ['subnet-prefix']],
    ['10.0.0.0/8', []],
    ['10.0.0.0/30', ['network-too-small']],
    ['10.0.0.0/31', ['subnet-prefix']],
    ['10.0.0.1/24', ['subnet-host-bits']],
  ])('%s: %j', (subnet, expected) => expect(errors(read(topology(subnet)))).toEqual(expected));
});

describe('room in a network', () => {
  // A /29 has six hosts, one of which is the gateway.
  const exclude = (...excludeIPs: object[]) => ({ excludeIPs });
  const range = (start: string, end: string) => ({ range: { start, end } });

  test.each([
    [5, {}, []],
    [6, {}, ['network-too-small']],
    [4, exclude({ ip: '10.0.0.3' }), []],
    [5, exclude({ ip: '10.0.0.3' }), ['network-too-small']],
    [4, exclude({ ip: '10.0.0.3' }, range('10.0.0.2', '10.0.0.3')), ['network-too-small']],
    [3, exclude({ ip: '10.0.0.3' }, range('10.0.0.2', '10.0.0.3'), range('10.0.0.2', '10.0.0.2')), []],
    [5, exclude({ ip: '10.0.0.0' }, { ip: '10.0.0.1' }, { ip: '10.0.0.7' }), []],
  ])('for %i nodes, %j: %j', (nodes, ipv4, expected) => {
    expect(errors(read(topology('10.0.0.0/29', {}, ipv4), nodes))).toEqual(expected);
  });

  test('is for all its interfaces', () => {
    expect(errors(read([...topology('10.0.0.0/29'), vf('vf3', 'net', 3)], 2))).toEqual([]);
    expect(errors(read([...topology('10.0.0.0/29'), vf('vf3', 'net', 3)], 3))).toEqual(['network-too-small']);
  });
});

describe('room in the ranges of an isolation class', () => {
  const external = { 'external-cidr': '30.30.0.0/29', 'external-gateway': '30.30.0.1' };

  test('outside is for the nodes of all its VPCs', () => {
    const tenant = (name: string) => [
      vpc(name, { nodeSelector: labelled({ tenant: name }) }),
      network(`${name}net`, name, '10.0.0.0/16'),
    ];
    const documents = [isolationClass(external), ...tenant('red'), ...tenant('blue')];
    expect(errors(read(documents, 2))).toEqual([]);
    expect(errors(read(documents, 3))).toEqual(['external-cidr-too-small']);
  });

  test('is not needed where nothing goes outside', () => {
    const documents = vpcWith({}, external, network('net', 'vpc', '10.0.0.0/16', { externallyRouted: false }));
    expect(errors(read(documents, 9))).toEqual([]);
  });

  test('for the links is for the nodes of one VPC', () => {
    const documents = vpcWith({}, { 'join-cidr': '100.64.0.0/29' }, network('net', 'vpc', '10.0.0.0/16'));
    expect(errors(read(documents, 5))).toEqual([]);
    expect(errors(read(documents, 6))).toEqual(['join-cidr-too-small']);
  });
});

describe('parameters', () => {
  test.each([
    ['ovn-nb-endpoint', 'tcp:10.1.1.100:30641', true],
    ['ovn-nb-endpoint', 'ssl:ovn.example.com:6641,tcp:[fd00::1]:6641,unix:/run/ovn/nb.sock', true],
    ['ovn-sb-endpoint', '10.1.1.100:30642', false],
    ['ovn-sb-endpoint', 'tcp:10.1.1.100', false],
    ['ovn-sb-endpoint', 'tcp:10.1.1.100:99999', false],
    ['ovn-nb-reconnect-time', '5', true],
    ['ovn-nb-reconnect-time', '5s', false],
    ['mtu', '1280', true],
    ['mtu', '1279', false],
    ['mtu', '9e3', false],
    ['dhcp-lease-time', '3600', true],
    ['dhcp-lease-time', '0', false],
    ['physical-network', 'physnet', true],
    ['physical-network', 'physnet:br-ex', false],
    ['join-cidr', '100.64.0.0', false],
    ['external-cidr', '30.30.0.0/31', false],
    ['external-gateway', '30.30.0', false],
  ])('%s: %s', (name, value, isFine) => {
    expect(errors(read([isolationClass({ [name]: value })]))).toEqual(isFine ? [] : ['parameter-invalid']);
  });

  test.each(['30.30.0.0', '30.30.255.255', '30.31.0.1'])('the gateway cannot be %s', (address) => {
    expect(errors(read([isolationClass({ 'external-gateway': address })]))).toEqual(['external-gateway-outside']);
  });

  test('of other provisioners are their business', () => {
    const other = isolationClass({ colour: 'red' }, 'other');
    expect(read([{ ...other, spec: { ...other.spec, provisioner: 'other' } }]).problems).toEqual([]);
  });
});

describe('isolation classes', () => {
  const said = (documents: object[]) => read(documents).problems.map(({ id }) => id);

  test('the one of OVN is assumed where none is given, with one note', () => {
    const two = [vpc('a', { nodeSelector: labelled({ t: 'a' }) }), vpc('b', { nodeSelector: labelled({ t: 'b' }) })];
    expect(said(two)).toEqual(['isolation-class-assumed']);
  });

  test('no other one is assumed', () => {
    expect(said([vpc('a', { isolationClassName: 'mine' })])).toEqual(['isolation-class-not-found']);
    expect(said([vpc('a'), isolationClass({}, 'mine')])).toEqual(['isolation-class-not-found']);
  });

  test('one that contradicts its schema is there', () => {
    const broken = { ...isolationClass(), spec: {} };
    expect(said([vpc('a'), broken])).toEqual(['missing-field']);
  });
});

describe('references', () => {
  const hints = (documents: object[]) => read(documents).problems.map(({ hint }) => hint);

  test('the nearest name is suggested', () => {
    expect(hints([...topology(), vf('vf3', 'ent', 3)])).toEqual(['did you mean "net"?']);
  });

  test('one of that name in another namespace is pointed at', () => {
    const elsewhere = vf('vf3', 'net', 3);
    const moved = { ...elsewhere, metadata: { ...elsewhere.metadata, namespace: 'other' } };
    expect(hints([...topology(), moved])).toEqual([
      'the one of that name is in the namespace "default"; put them into one',
    ]);
  });

  test('what is there is listed', () => {
    expect(hints([...topology(), vf('vf3', 'quite-different', 3)])).toEqual(['add it, or name one that is there: net']);
  });

  test('of services are followed only where there is something to find', () => {
    const service = { serviceID: 'id', network: 'ns/nad', interfaceName: 'sf', virtualNetwork: 'net' };
    expect(read([...topology(), anInterface('sf', { interfaceType: 'service', service })]).problems).toEqual([]);
  });
});

describe('functions of a node', () => {
  test("are one interface's only", () => {
    expect(errors(read([...topology(), vf('again', 'net', 2)]))).toEqual(['duplicate-function']);
    expect(errors(read([...topology(), pf('p', 'net', 0), pf('q', 'net', 0)]))).toEqual(['duplicate-function']);
  });

  test('are different on different nodes, PFs and NICs', () => {
    const documents = [
      ...topology(),
      vf('vf3', 'net', 3),
      pf('p', 'net', 2),
      vf('nic', 'net', 2, {}, { nicSelector: { type: 'dpu', controllerNumber: 2 } }),
    ];
    expect(errors(read(documents))).toEqual([]);
    const red = labelled({ tenant: 'red' });
    const blue = labelled({ tenant: 'blue' });
    expect(errors(read([...topology().slice(0, 3), vf('a', 'net', 2, red), vf('b', 'net', 2, blue)]))).toEqual([]);
  });

  test('count for interfaces that are in no VPC too', () => {
    expect(errors(read([...topology(), vf('again', '', 2)]))).toEqual(['duplicate-function']);
  });
});

describe('MAC addresses', () => {
  const key = 'ovn.vpc.dpu.nvidia.com/lsp-mac-address';
  const documents = [
    ...topology(),
    network('net2', 'vpc', '10.2.0.0/16'),
    vf('vf3', 'net2', 3),
    node('w1'),
    node('w2'),
  ];
  const macs = (...found: [node: string, net: string, vfID: number, mac: string, key?: string][]) =>
    errors(
      read([
        ...documents,
        ...found.map(([on, net, id, mac, at], index) => reported(`si${index}`, on, net, id, { [at ?? key]: mac })),
      ]),
    );

  test('may be the same in different networks', () => {
    expect(macs(['w1', 'net', 2, '0a:00:00:00:00:01'], ['w1', 'net2', 3, '0a:00:00:00:00:01'])).toEqual([]);
  });

  test('are compared whatever their case and spelling of the annotation', () => {
    const other = 'vpc.dpu.nvidia.com/lsp-mac-address';
    expect(macs(['w1', 'net', 2, '0a:00:00:00:00:0f'], ['w2', 'net', 2, '0A:00:00:00:00:0F', other])).toEqual([
      'mac-duplicate',
    ]);
  });

  test.each([
    ['0a:00:00:00:00:01', []],
    ['0a-00-00-00-00-01', ['mac-invalid']],
    ['00:00:00:00:00:00', ['mac-invalid']],
    ['01:00:5e:00:00:01', ['mac-multicast']],
    ['ff:ff:ff:ff:ff:ff', ['mac-multicast']],
  ])('%s: %j', (mac, expected) => expect(macs(['w1', 'net', 2, mac])).toEqual(expected));
});

describe('nodes', () => {
  test('of an interface that no VPC has are told with their names', () => {
    const documents = [
      isolationClass(),
      vpc('vpc', { nodeSelector: labelled({ t: 'red' }) }),
      network('net', 'vpc', '10.0.0.0/24'),
      vf('vf', 'net', 1, labelled({ rack: 'a' })),
      node('w1', { t: 'red' }),
      node('w2', { rack: 'a' }),
    ];
    const [{ id, message }] = read(documents).problems;
    expect(id).toBe('interface-without-nodes');
    expect(message).toContain('it selects w2, but its DPUVPC "vpc" has w1');
  });

  test('in many VPCs are told shortly', () => {
    const { problems } = read([isolationClass(), ...Array.from({ length: 50 }, (_, index) => vpc(`vpc${index}`))]);
    expect(problems).toHaveLength(50);
    for (const { message } of problems) expect(message.length).toBeLessThan(200);
  });
});

test('masquerade needs an external network, and may be left out without one', () => {
  expect(ids(read(topology('10.0.0.0/24', { externallyRouted: false })))).toEqual([]);
  expect(ids(read(topology('10.0.0.0/24', { externallyRouted: false, masquerade: false })))).toEqual([
    'masquerade-without-effect',
  ]);
  expect(ids(read(topology('10.0.0.0/24', { masquerade: false })))).toEqual([]);
});

test('annotations have a limit', () => {
  const long = { a: 'x'.repeat(200_000), b: 'x'.repeat(100_000) };
  expect(errors(read([...topology(), reported('si', 'node-1', 'net', 2, long)]))).toEqual(['invalid-annotation']);
});

test('manifests that are there twice are complained of once each', () => {
  const { problems } = read([...topology(), ...topology()]);
  expect(problems.map(({ id, line }) => `${line} ${id}`)).toEqual(
    [9, 11, 13, 15].map((line) => `${line} duplicate-resource`),
  );
  expect(problems[0].message).toBe('IsolationClass/ovn.vpc.dpu.nvidia.com is there already, at test.yaml:1');
});

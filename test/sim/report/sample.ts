/** Verifications made by hand, for the tests of the reports. */
import type { Finding, FlowMet, Verification } from '../../../sim/verdict.ts';

export const properties = [
  {
    id: 'tenant-isolation',
    promise: 'nothing that one VPC sends arrives in another',
    help: 'https://example.org/tenant',
  },
  { id: 'no-loop', promise: 'no packet goes round and round', help: 'docs/properties/no-loop.md' },
  { id: 'nat-unique', promise: 'an external address belongs to one owner' },
  { id: 'dhcp-served', promise: 'DHCP gives each interface its address' },
  { id: 'acl-effective', promise: 'what an ACL denies is not delivered' },
  { id: 'never-asked', promise: 'nobody asked for this' },
];

const flow = (stage: string, match: string, actions: string, rest: Partial<FlowMet> = {}): FlowMet => ({
  datapath: 'red-a',
  pipeline: 'ingress',
  table: 7,
  stage,
  priority: 50,
  match,
  actions,
  ...rest,
});

/** Of an Ethernet frame: `icmp echo request 10.1.0.2 > 10.1.0.9`. */
const frame = `020000000002020000000001080045000020000100004001${'65d4'}0a0100020a010009${'0800f7fd0001000100000000'}`;

const broken: Finding = {
  id: 'tenant-isolation',
  subject: 'red to blue',
  severity: 'error',
  verdict: 'violated',
  reason: 'a packet of red arrives in blue',
  method: 'proof',
  counterexample: {
    inport: 'red-a-vf2@n0',
    frame,
    microflow: 'inport == "red-a-vf2@n0" && eth.src == 02:00:00:00:00:01',
    traceOptions: ['--ct=new', '--ct=new'],
    summary: 'icmp echo request 10.1.0.2 > 10.1.0.9, from 02:00:00:00:00:01 to 02:00:00:00:00:02',
    outport: 'blue-a-vf2@n0',
    arrives: {
      frame,
      summary: 'icmp echo request 10.1.0.2 > 10.1.0.9, from 02:00:00:00:00:03 to 02:00:00:00:00:04, ttl 63',
    },
    before: [
      { inport: 'blue-a-vf2@n0', frame: 'ff', microflow: 'inport == "b"', summary: 'udp 10.1.0.9:53 > 30.30.0.1:53' },
    ],
    neighbors: ['red@n0+external 30.30.0.1 02:00:00:00:00:09'],
    trace: 'ingress(dp="red-a", inport="red-a-vf2@n0")\n 0. ls_in_check_port_sec\n',
    replayed: { tracer: true, plane: true },
  },
  flows: [
    flow('ls_in_pre_lb', '1', 'next;'),
    flow('ls_in_l2_lkup', 'eth.dst == 02:00:00:00:00:02', 'outport = "x"; output;', {
      row: 'Logical_Switch_Port blue-a-vf2@n0',
      source: { file: 'red.yaml', line: 12, column: 3, resource: 'DPUVPC/default/red' },
    }),
  ],
  source: [{ file: 'red.yaml', line: 12, column: 3 }],
};

const undelivered: Finding = {
  id: 'acl-effective',
  subject: 'web to db',
  severity: 'error',
  verdict: 'violated',
  reason: 'tcp to port 5432 is promised and does not arrive',
  method: 'proof',
  obstacles: [
    { what: 'the ACL "deny all" drops it', flow: flow('ls_in_acl', 'ip4', 'drop;', { row: 'ACL deny all' }) },
    { what: 'no route leads to 10.9.0.0/24' },
  ],
  source: [{ file: 'policy.yaml', line: 4, column: 5 }],
};

const finding = (rest: Partial<Finding> & Pick<Finding, 'id' | 'subject' | 'verdict'>): Finding => ({
  severity: 'error',
  method: 'proof',
  source: [],
  ...rest,
});

export const topology = { vpcs: 2, networks: 3, interfaces: 1204, nodes: 2, logicalFlows: 66000 };

export const violated: Verification = {
  verdict: 'violated',
  topology,
  properties: [
    broken,
    finding({ id: 'tenant-isolation', subject: 'blue to red', verdict: 'holds' }),
    finding({ id: 'no-loop', subject: 'all packets', verdict: 'holds' }),
    finding({ id: 'nat-unique', subject: 'all', verdict: 'vacuous', reason: 'there is no NAT' }),
    finding({ id: 'dhcp-served', subject: 'red-a', verdict: 'unknown', reason: 'put_dhcp_opts has the option "odd"' }),
    undelivered,
    finding({
      id: 'acl-effective',
      subject: 'lab',
      verdict: 'violated',
      reason: 'telnet gets through',
      excused: { reason: 'it is a lab, NET-42', until: '2027-01-31' },
    }),
    finding({
      id: 'acl-effective',
      subject: 'spare',
      verdict: 'violated',
      severity: 'warning',
      reason: 'it decides nothing',
    }),
  ],
  matrix: {
    names: ['red-a', 'blue-a', 'outside'],
    cells: [
      [
        { reach: 'all', traffic: 'any' },
        { reach: 'some', traffic: 'icmp, tcp/443' },
        { reach: 'all', traffic: 'any IPv4' },
      ],
      [
        { reach: 'none', traffic: '' },
        { reach: 'all', traffic: 'any' },
        { reach: 'all', traffic: 'any IPv4' },
      ],
      [
        { reach: 'none', traffic: '' },
        { reach: 'none', traffic: '' },
        { reach: 'none', traffic: '' },
      ],
    ],
  },
  elapsedMs: 1234,
};

export const proven: Verification = {
  verdict: 'holds',
  topology: { vpcs: 0, networks: 0, interfaces: 4, nodes: 0, logicalFlows: 1 },
  properties: [finding({ id: 'no-loop', subject: 'all packets', verdict: 'holds' })],
  elapsedMs: 40,
};

export const unknown: Verification = {
  ...proven,
  verdict: 'unknown',
  properties: [
    finding({ id: 'no-loop', subject: 'all', verdict: 'unknown', reason: 'the action "odd" is not modelled' }),
  ],
};

/** A name that would like to be markup, a command of the terminal and the end of a script. */
export const hostileName = `</script><img src=x onerror=alert(1)>&"'\`]]>\u001b[2J\u0000\u202e${'{{'}%s`;

/** All that a database may have a say in is hostile. */
export function hostile(): Verification {
  const words = new Set(['verdict', 'severity', 'method', 'frame', 'pipeline', 'reach', 'id']);
  return JSON.parse(JSON.stringify(violated), (key, value: unknown) =>
    typeof value === 'string' && !words.has(key) ? hostileName : value,
  ) as Verification;
}

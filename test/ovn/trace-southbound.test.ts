/**
 * Southbound databases written by hand, with what ovn-northd 23.03 never writes,
 * beside the real ovn-trace in its three forms.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  assumedConntrack,
  MicroflowError,
  parseCtState,
  parsePacket,
  prepare,
  type TraceTopology,
  traceFlow,
  traceText,
} from '../../sim/trace/index.ts';
import { type Central, startCentral } from '../oracle/sandbox.ts';
import { southboundOf, southboundTables } from '../oracle/southbound.ts';

interface Written {
  name: string;
  kind: 'switch' | 'router';
  /** `TABLE PRIORITY MATCH => ACTIONS`; of the egress pipeline with `egress` before it. */
  flows: string[];
  microflows: string[];
  /** How many flows neither ovn-trace nor we understand. */
  odd?: number;
}

const delivered = 'outport = "b"; output;';
const leaves = 'egress 0 0 1 => output;';
const from = 'inport == "a" && eth.src == 02:00:00:00:00:01 && eth.dst == 02:00:00:00:00:02';
const ip4 = `${from} && ip4.src == 10.0.0.1 && ip4.dst == 10.0.0.2 && ip.ttl == 64`;
const ip6 = `${from} && ip6.src == fd00::1 && ip6.dst == fd00::2 && ip.ttl == 64`;

const databases: readonly Written[] = [
  {
    name: 'push and pop',
    kind: 'switch',
    flows: [
      `0 90 ip4 && tcp => push(eth.src); push(eth.dst); pop(eth.src); pop(eth.dst); next;`,
      `0 80 ip4 && udp => push(ip4.src); push(udp.src); push(reg0); pop(udp.src); pop(reg1[0..15]); pop(ip4.dst); next;`,
      `0 70 ip4 => pop(eth.src); push(ip4.src); clone { pop(ip4.dst); push(eth.src); ${delivered} }; pop(reg0); next;`,
      `0 60 ip6 => push(xxreg0); push(ip6.src); push(ip6.dst[0..15]); pop(ip6.src[16..31]); pop(ip6.dst); pop(ip6.src); next;`,
      `0 50 arp => push(arp.spa); push(arp.op); pop(arp.op); pop(arp.tpa); push(outport); pop(inport); next;`,
      '0 0 1 => push(flags.loopback); pop(reg0[3]); pop(reg0[4]); next;',
      `1 0 1 => ${delivered}`,
      leaves,
    ],
    microflows: [
      `${ip4} && tcp.src == 5 && tcp.dst == 80`,
      `${ip4} && udp.src == 5 && udp.dst == 53`,
      `${ip4} && icmp4.type == 8`,
      `${ip6} && udp.src == 1 && udp.dst == 2`,
      `${from} && arp.op == 1 && arp.spa == 10.0.0.1 && arp.tpa == 10.0.0.2 && arp.sha == 02:00:00:00:00:01`,
      `${from} && eth.type == 0x88cc && flags.loopback == 1`,
    ],
  },
  {
    name: 'queues, and the first form of ct_commit',
    kind: 'switch',
    flows: [
      '0 90 ip4 && tcp => set_queue(7); ct_commit; next;',
      '0 80 ip4 && udp => ct_commit(ct_mark=1/1); set_queue(0); next;',
      '0 70 ip6 => ct_commit(ct_mark=0x2a, ct_label=0x1234/0xffff); ct_next;',
      '0 60 ip4 => ct_commit { ct_mark.blocked = 1; ct_label[0..15] = 5; }; ct_next;',
      '0 0 1 => set_queue(61440); next;',
      '1 50 ct.est && ct_mark == 0 => set_meter(100, 10); reg1 = 3; next;',
      '1 0 1 => next;',
      `2 10 reg1 == 3 => outport = "c"; output;`,
      `2 0 1 => ${delivered}`,
      leaves,
    ],
    microflows: [
      `${ip4} && tcp.src == 5 && tcp.dst == 80`,
      `${ip4} && udp.src == 5 && udp.dst == 53`,
      `${ip6} && udp.src == 1 && udp.dst == 2`,
      `${ip4} && icmp4.type == 8`,
      `${from} && arp.op == 2`,
      `${from}`,
    ],
  },
  {
    name: 'template variables, which ovn-trace does not know',
    kind: 'router',
    odd: 3,
    flows: [
      '0 100 ip4.dst == ^VIP && tcp => drop;',
      '0 90 inport == "a" && ip4.src == 10.0.0.1 && ip4.dst == 10.0.0.2 => reg0 = ^VALUE; next;',
      '0 80 ip4 && udp => ct_lb_mark(backends=^BACKENDS);',
      '0 70 ip4 => reg0 = 10.0.0.9; next;',
      '0 0 1 => drop;',
      '1 10 reg0 == 10.0.0.9 => outport = "c"; output;',
      `1 0 1 => ${delivered}`,
      leaves,
    ],
    microflows: [
      `${ip4} && tcp.src == 5 && tcp.dst == 80`,
      `${ip4} && udp.src == 5 && udp.dst == 53`,
      `${ip4.replace('10.0.0.2', '10.0.0.3')} && icmp4.type == 8`,
      `${from} && ip4.dst == ^VIP`,
      `inport == ^PORT`,
      `${from} && arp.op == 2`,
    ],
  },
  {
    name: 'moves, exchanges and parts of fields',
    kind: 'router',
    flows: [
      '0 90 ip4 && tcp => ip4.src <-> ip4.dst; tcp.src <-> tcp.dst; eth.src <-> eth.dst; reg0 = ip4.src; next;',
      '0 80 ip4 && udp => reg0[0..15] = udp.src; reg0[16..31] = udp.dst; udp.dst = reg0[0..15]; ip4.dst[8..15] = ip4.src[0..7]; next;',
      '0 70 ip6 => xxreg0 = ip6.src; xxreg1 = ip6.dst; ip6.src = xxreg1; xxreg0[32..95] = xxreg0[0..63]; ip6.dst = xxreg0; xreg4 = xxreg0[64..127]; next;',
      '0 60 ip4 => eth.dst[0..31] = ip4.dst; xreg0[0..47] = eth.src; eth.dst[40..47] = eth.src[0..7]; ip.ttl--; icmp4.type = 0; next;',
      '0 50 arp => arp.tha = arp.sha; arp.sha = eth.dst; arp.tpa <-> arp.spa; arp.op = 2; vlan.vid = 9; next;',
      '0 0 1 => pkt.mark = 7; reg5[3..9] = 0x7f; next;',
      '1 10 reg0 == 10.0.0.2 => outport = "c"; output;',
      '1 5 xreg0[0..47] == 02:00:00:00:00:01 => outport = "c"; output;',
      `1 0 1 => ${delivered}`,
      leaves,
    ],
    microflows: [
      `${ip4} && tcp.src == 5 && tcp.dst == 80`,
      `${ip4} && udp.src == 5 && udp.dst == 53`,
      `${ip6} && udp.src == 1 && udp.dst == 2`,
      `${ip4} && icmp4.type == 8`,
      `${ip4.replace('ip.ttl == 64', 'ip.ttl == 0')} && icmp4.type == 8`,
      `${from} && arp.op == 1 && arp.spa == 10.0.0.1 && arp.tpa == 10.0.0.2 && arp.sha == 02:00:00:00:00:01`,
      `${from}`,
    ],
  },
];

const ports = ['a', 'b', 'c'];
const line = /^(egress )?(\d+) (\d+) (.*?) => (.*)$/;

/** The rows of one database as operations of OVSDB (RFC 7047, section 5.2). */
function operationsOf({ name, kind, flows }: Written): unknown[] {
  const datapath = ['named-uuid', 'dp'];
  const of = (values: Record<string, string>) => ['map', Object.entries(values)];
  const uuid = '00000001-0000-4000-8000-000000000000';
  const insert = (table: string, row: Record<string, unknown>) => ({ op: 'insert', table, row });
  return [
    ...['Logical_Flow', 'Port_Binding', 'Datapath_Binding', 'Chassis_Template_Var'].map((table) => ({
      op: 'delete',
      table,
      where: [],
    })),
    {
      ...insert('Datapath_Binding', { tunnel_key: 1, external_ids: of({ name, [`logical-${kind}`]: uuid }) }),
      'uuid-name': 'dp',
    },
    ...ports.map((port, at) => insert('Port_Binding', { logical_port: port, datapath, tunnel_key: at + 1, type: '' })),
    insert('Chassis_Template_Var', {
      chassis: 'n1',
      variables: of({ VIP: '10.0.0.2', PORT: '"a"', VALUE: '1.2.3.4' }),
    }),
    ...flows.map((text) => {
      const [, egress, table, priority, match, actions] = line.exec(text) ?? [];
      return insert('Logical_Flow', {
        logical_datapath: datapath,
        pipeline: egress ? 'egress' : 'ingress',
        table_id: Number(table),
        priority: Number(priority),
        match,
        actions,
        external_ids: of({ 'stage-name': `stage_${egress ? 'out' : 'in'}_${table}`, source: 'hand.c:1' }),
      });
    }),
  ];
}

let central: Central;
beforeAll(async () => {
  central = await startCentral({ northd: false });
});
afterAll(() => central.stop());

const states = [[], ['trk,new'], ['trk,est,rpl'], ['trk,inv']];

describe.each(databases)('$name', (database) => {
  let topology: TraceTopology;
  beforeAll(async () => {
    const file = join(central.directory, 'operations.json');
    await writeFile(file, JSON.stringify(['OVN_Southbound', ...operationsOf(database)]));
    await central.run(`set -eu
answer=$(ovsdb-client transact "$OVN_SB_DB" "$(cat ${file})")
case $answer in *'"error"'*) echo "$answer" >&2; exit 1;; esac`);
    topology = prepare(southboundOf(await central.rows('OVN_Southbound', southboundTables)));
  });

  test.each(database.microflows)('%s', async (microflow) => {
    for (const ct of states) {
      const options = ct.map((state) => `--ct=${state}`);
      const real = await central.trace(['--all', ...options, microflow], { seconds: 10 });
      expect(real.status, real.stderr).toBe(0);
      expect(ours(topology, microflow, ct), options.join(' ')).toBe(real.stdout);
    }
  });

  test('random packets', async () => {
    const packet = fc.tuple(
      fc.constantFrom(...ports),
      fc.constantFrom('02:00:00:00:00:01', '02:00:00:00:00:02', 'ff:ff:ff:ff:ff:ff'),
      fc.constantFrom(
        'ip4 && tcp',
        'ip4 && udp',
        'ip6 && tcp',
        'ip6 && icmp6.type == 128',
        'ip4 && sctp',
        'arp',
        'rarp',
        '1',
      ),
      fc.nat(255),
    );
    await fc.assert(
      fc.asyncProperty(packet, fc.constantFrom(...states), async ([port, mac, kind, byte], ct) => {
        const more = kind.startsWith('ip') ? ` && ip.ttl == ${byte}` : '';
        const microflow = `inport == "${port}" && eth.src == ${mac} && reg0 == ${byte} && ${kind}${more}`;
        const real = await central.trace(['--all', ...ct.map((state) => `--ct=${state}`), microflow], { seconds: 10 });
        expect(real.status, real.stderr).toBe(0);
        expect(ours(topology, microflow, ct)).toBe(real.stdout);
      }),
      { numRuns: 25, seed: 3 },
    );
    expect(topology.warnings.length).toBe(database.odd ?? 0);
  });
});

function ours(topology: TraceTopology, microflow: string, ct: readonly string[]): string {
  try {
    const { datapath, packet } = parsePacket(topology, microflow);
    const result = traceFlow(topology, datapath, packet, { conntrack: assumedConntrack({ ct: ct.map(parseCtState) }) });
    return traceText(packet, result, ['detailed', 'summary', 'minimal']);
  } catch (error) {
    if (error instanceof MicroflowError) return `${error.message}\n`;
    throw error;
  }
}

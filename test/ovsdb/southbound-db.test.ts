import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { lflowList } from '../../engine/northd/lflow-list.ts';
import { databaseOf, type JsonRow } from '../../engine/ovsdb/database.ts';
import { readDatabase } from '../../engine/ovsdb/file.ts';
import { parseSchema } from '../../engine/ovsdb/file-schema.ts';
import { readSouthbound } from '../../engine/ovsdb/southbound-db.ts';
import { parsePacket, prepare, traceFlow, traceText } from '../../sim/trace/index.ts';
import { uuid } from './records.ts';

const recording = (name: string): Buffer => readFileSync(new URL(`files/${name}`, import.meta.url));

describe('a database of a real ovn-northd', () => {
  const { southbound, warnings } = readSouthbound(readDatabase(recording('ovn-sb.db')));

  test('has the flows that ovn-sbctl lists', () => {
    expect(warnings).toEqual([]);
    const squeezed = (text: string) =>
      text
        .replace(/ +(?=[,)])/g, '')
        .split('\n')
        .sort();
    expect(squeezed(lflowList(southbound))).toEqual(squeezed(recording('ovn-sb.lflow-list').toString()));
  });

  test('gives the trace that ovn-trace gives', () => {
    const [microflow = '', ...lines] = recording('ovn-sb.trace').toString().split('\n');
    const topology = prepare(southbound);
    const { datapath, packet } = parsePacket(topology, microflow);
    expect(traceText(packet, traceFlow(topology, datapath, packet), ['detailed'])).toBe(lines.join('\n'));
  });

  test('has all else that an executor needs', () => {
    expect(southbound.datapaths).toMatchObject([{ name: 'net', kind: 'switch' }]);
    expect(southbound.ports.map(({ logicalPort }) => logicalPort)).toEqual(['a', 'b']);
    expect(southbound.dhcpOptions.find(({ name }) => name === 'router')).toEqual({
      name: 'router',
      code: 3,
      type: 'ipv4',
    });
    expect(southbound.addressSets.get('svc_monitor_mac')).toEqual(['0a:00:00:00:00:01']);
    expect(southbound.flows.every(({ hint = '01234567' }) => /^[0-9a-f]{8}$/.test(hint))).toBe(true);
  });
});

const text = { type: 'string' };
const number = { type: 'integer' };
const map = { type: { key: 'string', value: 'string', min: 0, max: 'unlimited' } };
const ref = (refTable: string, min: 0 | 1, max: unknown = 1) => ({
  type: { key: { type: 'uuid', refTable }, min, max },
});
const optional = { type: { key: 'string', min: 0, max: 1 } };
const set = { type: { key: 'string', min: 0, max: 'unlimited' } };
const to = (id: number) => ['uuid', uuid(id)];

type Tables = Record<string, Record<string, unknown>>;

function southbound(tables: Tables, rows: Record<string, JsonRow[]>) {
  const schema = Object.fromEntries(Object.entries(tables).map(([name, columns]) => [name, { columns }]));
  return readSouthbound(databaseOf(parseSchema({ name: 'OVN_Southbound', version: '1', tables: schema }), rows));
}

const flow = { pipeline: text, table_id: number, priority: number, match: text, actions: text, external_ids: map };
const datapath = { tunnel_key: number, external_ids: map };

describe('releases', () => {
  test('20.03: a flow has one datapath, and there are no groups', () => {
    const read = southbound(
      { Datapath_Binding: datapath, Logical_Flow: { ...flow, logical_datapath: ref('Datapath_Binding', 1) } },
      {
        Datapath_Binding: [
          {
            _uuid: to(1),
            tunnel_key: 3,
            external_ids: [
              'map',
              [
                ['logical-router', uuid(8)],
                ['name', 'r'],
              ],
            ],
          },
        ],
        Logical_Flow: [
          {
            _uuid: to(2),
            logical_datapath: to(1),
            pipeline: 'egress',
            table_id: 1,
            priority: 5,
            match: '1',
            actions: 'output;',
          },
          {
            _uuid: to(3),
            logical_datapath: to(1),
            pipeline: 'ingress',
            match: '1',
            actions: 'next;',
            external_ids: [
              'map',
              [
                ['stage-name', 'lr_in_admission'],
                ['source', 'ovn-northd.c:1'],
                ['stage-hint', '01234567'],
              ],
            ],
          },
        ],
      },
    );
    expect(read.warnings).toEqual([]);
    expect(read.southbound.datapaths).toMatchObject([
      { kind: 'router', name: 'r', tunnelKey: 3, northboundUuid: uuid(8) },
    ]);
    expect(read.southbound.flows).toEqual([
      {
        ...{
          uuid: uuid(3),
          datapath: uuid(1),
          pipeline: 'ingress',
          table: 0,
          priority: 0,
          match: '1',
          actions: 'next;',
        },
        ...{ stage: 'lr_in_admission', source: 'ovn-northd.c:1', hint: '01234567' },
      },
      {
        ...{
          uuid: uuid(2),
          datapath: uuid(1),
          pipeline: 'egress',
          table: 1,
          priority: 5,
          match: '1',
          actions: 'output;',
        },
        ...{ stage: '', source: '' },
      },
    ]);
  });

  test('26.03: types in columns, groups of datapaths, descriptions, tags, meters', () => {
    const read = southbound(
      {
        Datapath_Binding: { ...datapath, type: optional, nb_uuid: { type: { key: 'uuid', min: 0, max: 1 } } },
        Logical_DP_Group: { datapaths: ref('Datapath_Binding', 0, 'unlimited') },
        Logical_Flow: {
          ...flow,
          logical_datapath: ref('Datapath_Binding', 0),
          logical_dp_group: ref('Logical_DP_Group', 0),
          flow_desc: optional,
          controller_meter: optional,
          tags: map,
        },
        Load_Balancer: {
          ...{ name: text, vips: map, protocol: optional, options: map },
          ls_datapath_group: ref('Logical_DP_Group', 0),
          lr_datapath_group: ref('Logical_DP_Group', 0),
        },
        Chassis: { name: text, hostname: text },
        Chassis_Template_Var: { chassis: text, variables: map },
        Port_Binding: {
          logical_port: text,
          datapath: ref('Datapath_Binding', 1),
          tunnel_key: number,
          chassis: ref('Chassis', 0),
          mac: set,
        },
        Advertised_Route: { ip_prefix: text },
      },
      {
        Datapath_Binding: [
          { _uuid: to(1), type: 'logical-router', nb_uuid: to(8), external_ids: ['map', [['name', 'r']]] },
          { _uuid: to(2), type: 'logical-switch', nb_uuid: to(9), external_ids: ['map', [['name', 's']]] },
        ],
        Logical_DP_Group: [{ _uuid: to(3), datapaths: ['set', [to(1), to(2)]] }],
        Logical_Flow: [
          {
            ...{ _uuid: to(4), logical_dp_group: to(3), pipeline: 'ingress', match: '1', actions: 'next;' },
            ...{ flow_desc: 'goes on', controller_meter: 'm', tags: ['map', [['in_out_port', 'p']]] },
          },
        ],
        Load_Balancer: [
          {
            _uuid: to(5),
            name: 'lb',
            vips: ['map', [['10.0.0.1:80', '10.0.0.2:80']]],
            protocol: 'tcp',
            ls_datapath_group: to(3),
          },
        ],
        Chassis: [{ _uuid: to(6), name: 'n1', hostname: 'node-1' }],
        Chassis_Template_Var: [{ _uuid: to(7), chassis: 'n1', variables: ['map', [['VIP', '10.0.0.9']]] }],
        Port_Binding: [
          { _uuid: to(10), logical_port: 'p', datapath: to(2), tunnel_key: 1, chassis: to(6), mac: 'unknown' },
        ],
        Advertised_Route: [{ _uuid: to(11), ip_prefix: '10.0.0.0/8' }],
      },
    );
    expect(read.warnings).toEqual([]);
    const { datapaths, flows, loadBalancers, templates, ports } = read.southbound;
    expect(datapaths).toMatchObject([
      { kind: 'router', northboundUuid: uuid(8) },
      { kind: 'switch', northboundUuid: uuid(9) },
    ]);
    const each = { uuid: uuid(4), description: 'goes on', controllerMeter: 'm', tags: { in_out_port: 'p' } };
    expect(flows).toMatchObject([
      { ...each, datapath: uuid(1) },
      { ...each, datapath: uuid(2) },
    ]);
    expect(loadBalancers).toMatchObject([{ name: 'lb', protocol: 'tcp', datapaths: [uuid(1), uuid(2)] }]);
    expect(templates?.get('n1')).toEqual({ VIP: '10.0.0.9' });
    expect(ports).toMatchObject([{ logicalPort: 'p', chassis: 'n1', mac: ['unknown'], type: '', options: {} }]);
  });

  test('of a world of its own: an empty database, and flows that belong nowhere', () => {
    expect(southbound({}, {}).southbound).toMatchObject({ datapaths: [], flows: [], fdb: [] });
    const rows = [
      { _uuid: to(1), logical_datapath: to(7), pipeline: 'ingress', match: '1', actions: 'next;' },
      { _uuid: to(2), logical_datapath: to(7), pipeline: 'sideways', match: '1', actions: 'next;' },
      { _uuid: to(3), logical_datapath: to(7), pipeline: 'egress', table_id: 1e9, match: '1', actions: 'next;' },
    ];
    const columns = { ...flow, logical_datapath: ref('Datapath_Binding', 1) };
    expect(southbound({ Logical_Flow: columns }, { Logical_Flow: rows }).warnings).toEqual([
      '2 logical flows are in no table of a pipeline; left out',
      'one logical flow is of a datapath that does not exist; left out',
    ]);
  });
});

test('groups cannot multiply flows beyond all bounds', () => {
  const datapaths = Array.from({ length: 3000 }, (_, at) => at + 1);
  const flows = Array.from({ length: 3000 }, (_, at) => at + 10_000);
  const read = () =>
    southbound(
      {
        Datapath_Binding: datapath,
        Logical_DP_Group: { datapaths: ref('Datapath_Binding', 0, 'unlimited') },
        Logical_Flow: { ...flow, logical_dp_group: ref('Logical_DP_Group', 0) },
      },
      {
        Datapath_Binding: datapaths.map((id) => ({ _uuid: to(id) })),
        Logical_DP_Group: [{ _uuid: to(9000), datapaths: ['set', datapaths.map(to)] }],
        Logical_Flow: flows.map((id) => ({ _uuid: to(id), logical_dp_group: to(9000), pipeline: 'ingress' })),
      },
    );
  expect(read).toThrow('the database is too large: more than 4000000 logical flows of all datapaths');
});

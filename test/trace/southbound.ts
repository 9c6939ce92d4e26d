/** Small southbound databases for tests, a few lines each. */
import type { DatapathBinding, LogicalFlow, Pipeline, PortBinding, Southbound } from '../../engine/ovsdb/southbound.ts';

const uuid = (n: number): string => `${n.toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`;

/** `TABLE PRIORITY MATCH => ACTIONS` of the ingress pipeline; of the egress one with `egress` before it. */
type FlowText = string;

export interface SwitchText {
  kind?: 'switch' | 'router';
  ports: Record<string, Partial<PortBinding>>;
  flows: FlowText[];
}

const line = /^(egress )?(\d+) (\d+) (.*) => (.*)$/;

/** Datapaths by name, with their ports (in order of their tunnel keys, from 1) and flows. */
export function southboundFrom(datapaths: Record<string, SwitchText>): Southbound {
  const southbound: Southbound = {
    datapaths: [],
    ports: [],
    flows: [],
    multicastGroups: [],
    addressSets: new Map(),
    portGroups: new Map(),
    dhcpOptions: [],
    dhcpv6Options: [],
    macBindings: [],
    staticMacBindings: [],
    fdb: [],
    origins: new Map(),
  };
  let next = 1;
  for (const [name, { kind = 'switch', ports, flows }] of Object.entries(datapaths)) {
    const owner = uuid(next++);
    const binding: DatapathBinding = {
      uuid: owner,
      name,
      kind,
      tunnelKey: southbound.datapaths.length + 1,
      northboundUuid: uuid(next++),
      externalIds: { name },
    };
    southbound.datapaths.push(binding);
    for (const [at, [port, given]] of Object.entries(ports).entries()) {
      southbound.ports.push({
        uuid: uuid(next++),
        logicalPort: port,
        datapath: owner,
        tunnelKey: at + 1,
        type: '',
        mac: [],
        portSecurity: [],
        options: {},
        externalIds: {},
        ...given,
      });
    }
    for (const text of flows) southbound.flows.push(flowFrom(text, owner, uuid(next++)));
  }
  return southbound;
}

function flowFrom(text: string, datapath: string, id: string): LogicalFlow {
  const [, egress, table, priority, match = '', actions = ''] = line.exec(text) ?? [];
  if (priority === undefined) throw new Error(`"${text}" is not TABLE PRIORITY MATCH => ACTIONS`);
  const pipeline: Pipeline = egress ? 'egress' : 'ingress';
  const stage = `${pipeline}_${table}`;
  return {
    uuid: id,
    datapath,
    pipeline,
    table: Number(table),
    stage,
    priority: Number(priority),
    match,
    actions,
    source: '',
  };
}

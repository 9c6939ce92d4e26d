/**
 * Recordings of the real ovn-trace: a southbound database of the real
 * ovn-northd and what ovn-trace said to microflows there, one file a topology.
 * `LFLOW_RECORD=1 npm run test:ovn -- trace` renews them.
 */
import { readFileSync } from 'node:fs';
import type { LogicalFlow, Pipeline, Southbound } from '../../engine/ovsdb/southbound.ts';

export interface RecordedTrace {
  microflow: string;
  /** `--ct` options. */
  ct: string[];
  /** What `ovn-trace --all --select-id=1` printed. */
  text: string;
}

export interface Recording {
  southbound: Southbound;
  traces: RecordedTrace[];
}

/** A flow of one or several datapaths, by their index. */
type FlowRow = [
  datapaths: number[],
  pipeline: Pipeline,
  table: number,
  stage: string,
  priority: number,
  match: string,
  actions: string,
  source: string,
  uuid: string,
];

type Written = Omit<Southbound, 'flows' | 'addressSets' | 'portGroups' | 'origins'> & {
  addressSets: [string, string[]][];
  portGroups: [string, string[]][];
  flows: FlowRow[];
  traces: RecordedTrace[];
};

export function recordingUrl(name: string): URL {
  return new URL(`recordings/${name}.json`, import.meta.url);
}

/** JSON with a row a line, so that what changed can be seen. */
export function formatRecording({ southbound, traces }: Recording): string {
  const { datapaths, flows } = southbound;
  const written: Written = {
    ...southbound,
    addressSets: [...southbound.addressSets],
    portGroups: [...southbound.portGroups],
    flows: writeFlows(flows, new Map(datapaths.map(({ uuid }, i) => [uuid, i]))),
    traces,
  };
  const parts = Object.entries(written).flatMap(([name, rows]) =>
    Array.isArray(rows) ? [`${JSON.stringify(name)}: [\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]`] : [],
  );
  return `{\n${parts.join(',\n')}\n}\n`;
}

function writeFlows(flows: readonly LogicalFlow[], indexes: ReadonlyMap<string, number>): FlowRow[] {
  const rows = new Map<string, FlowRow>();
  for (const flow of flows) {
    const index = indexes.get(flow.datapath) ?? -1;
    const { pipeline, table, stage, priority, match, actions, source, uuid } = flow;
    const row = rows.get(uuid);
    if (row) row[0].push(index);
    else rows.set(uuid, [[index], pipeline, table, stage, priority, match, actions, source, uuid]);
  }
  return [...rows.values()].sort((a, b) => a[2] - b[2] || b[4] - a[4]);
}

export function readRecording(name: string): Recording {
  const written = JSON.parse(readFileSync(recordingUrl(name), 'utf8')) as Written;
  const { traces, flows, addressSets, portGroups, ...rest } = written;
  const southbound: Southbound = {
    ...rest,
    addressSets: new Map(addressSets),
    portGroups: new Map(portGroups),
    flows: flows.flatMap(([indexes, pipeline, table, stage, priority, match, actions, source, uuid]) =>
      indexes.map((index) => {
        const datapath = written.datapaths[index]?.uuid ?? '';
        return { datapath, pipeline, table, stage, priority, match, actions, source, uuid };
      }),
    ),
    origins: new Map(),
  };
  return { southbound, traces };
}

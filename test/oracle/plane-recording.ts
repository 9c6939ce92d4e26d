/**
 * Recordings of the real data plane: a southbound database of the real ovn-northd, which ports
 * the chassis had, what was sent and what came out; one file a topology.
 * `LFLOW_RECORD=1 npm run test:ovn -- plane` renews them.
 *
 *     const { southbound, vifs, steps } = readPlaneRecording('QoS');
 *     const differences = compareSteps(steps, await replay(world, steps));
 */
import { readdirSync, readFileSync } from 'node:fs';
import type {
  ControllerServices,
  LoadBalancer,
  LogicalFlow,
  PortDetails,
  Southbound,
} from '../../engine/ovsdb/southbound.ts';
import type { Placement, PortPlacement } from '../../engine/program/index.ts';
import type { Step } from './exchange.ts';

export interface PlaneRecording {
  southbound: Southbound;
  /** Where ports are that the southbound rows do not tell of: nested ones. */
  placement: Placement;
  /** Logical ports that were bound to the chassis `peer`. */
  vifs: string[];
  /** Physical networks that it had. */
  networks: string[];
  steps: Step[];
}

/** A flow of one or several datapaths, by their index; then its columns. */
type FlowRow = [number[], ...(string | number | null)[]];

const flowColumns = [
  'uuid',
  'pipeline',
  'table',
  'stage',
  'priority',
  'match',
  'actions',
  'source',
  'hint',
  'controllerMeter',
] as const satisfies readonly (keyof LogicalFlow)[];

/** `[conversation, port, sent, [[port, received], ...], taught]`, frames in hexadecimal. */
type StepRow = [string, string, string[], [string, string][], boolean];

/** Maps as lists of their entries. */
type ServicesRow = Omit<ControllerServices, 'natAddresses' | 'ports'> & {
  natAddresses: [string, string[]][];
  ports: [string, PortDetails][];
};

const folder = new URL('recordings/', import.meta.url);

export const planeRecordingUrl = (name: string): URL => new URL(`${name.replaceAll(' ', '-')}.json`, folder);

/** The names of all recordings. */
export const planeRecordings = (): string[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.replace('.json', ''))
    .sort();

const hex = (frame: Uint8Array): string => Buffer.from(frame).toString('hex');
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));

/** JSON with a row a line, so that what changed can be seen. */
export function formatPlaneRecording({ southbound, placement, vifs, networks, steps }: PlaneRecording): string {
  const { flows, addressSets, portGroups, templates, services, origins: _, ...rest } = southbound;
  const written = {
    vifs,
    networks,
    placement: [...placement.ports],
    balancers: placement.balancers,
    ...rest,
    templates: [...(templates ?? [])],
    ...(services && { services: servicesRow(services) }),
    addressSets: [...addressSets],
    portGroups: [...portGroups],
    flows: flowRows(southbound),
    steps: steps.map(
      ({ conversation, port, sent, received, isTaught }): StepRow => [
        conversation,
        port,
        sent.map(hex),
        received.map(({ port: to, frame }) => [to, hex(frame)]),
        isTaught === true,
      ],
    ),
  };
  const parts = Object.entries(written).map(([name, rows]) => {
    if (!Array.isArray(rows)) return `${JSON.stringify(name)}: ${JSON.stringify(rows)}`;
    return `${JSON.stringify(name)}: [\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]`;
  });
  return `{\n${parts.join(',\n')}\n}\n`;
}

const servicesRow = ({ natAddresses, ports, ...services }: ControllerServices): ServicesRow => ({
  ...services,
  natAddresses: [...natAddresses],
  ports: [...ports],
});

function flowRows({ flows, datapaths }: Southbound): FlowRow[] {
  const indexes = new Map(datapaths.map(({ uuid }, index) => [uuid, index]));
  const rows = new Map<string, FlowRow>();
  for (const flow of flows) {
    const index = indexes.get(flow.datapath) ?? -1;
    const row = rows.get(flow.uuid);
    if (row) row[0].push(index);
    else rows.set(flow.uuid, [[index], ...flowColumns.map((column) => flow[column] ?? null)]);
  }
  return [...rows.values()];
}

/** Reads a recording by its name or that of its topology. */
export const readPlaneRecording = (name: string): PlaneRecording =>
  parsePlaneRecording(readFileSync(planeRecordingUrl(name), 'utf8'));

/**
 * Reads what `formatPlaneRecording` wrote; text of before it wrote templates and where ports are, too:
 * templates were an object without anything in it there.
 */
export function parsePlaneRecording(text: string): PlaneRecording {
  const written = JSON.parse(text) as Omit<
    Southbound,
    'flows' | 'addressSets' | 'portGroups' | 'origins' | 'templates' | 'services'
  > & {
    placement?: [string, PortPlacement][];
    balancers?: LoadBalancer[];
    templates?: [string, Record<string, string>][] | Record<string, never>;
    services?: ServicesRow;
    vifs: string[];
    networks: string[];
    addressSets: [string, string[]][];
    portGroups: [string, string[]][];
    flows: FlowRow[];
    steps: StepRow[];
  };
  const { vifs, networks, steps, flows, addressSets, portGroups, placement, balancers = [], ...others } = written;
  const { templates, services, ...rest } = others;
  const southbound: Southbound = {
    ...rest,
    addressSets: new Map(addressSets),
    portGroups: new Map(portGroups),
    templates: new Map(Array.isArray(templates) ? templates : []),
    ...(services && {
      services: { ...services, natAddresses: new Map(services.natAddresses), ports: new Map(services.ports) },
    }),
    flows: flows.flatMap(([indexes, ...columns]) => {
      const named = flowColumns.flatMap((column, at) => (columns[at] === null ? [] : [[column, columns[at]] as const]));
      const flow = Object.fromEntries(named) as unknown as Omit<LogicalFlow, 'datapath'>;
      return indexes.map((index) => ({ ...flow, datapath: written.datapaths[index]?.uuid ?? '' }));
    }),
    origins: new Map(),
  };
  return {
    southbound,
    placement: { ports: new Map(placement), balancers },
    vifs,
    networks,
    steps: steps.map(([conversation, port, sent, received, isTaught]) => ({
      conversation,
      port,
      sent: sent.map(bytes),
      received: received.map(([to, frame]) => ({ port: to, frame: bytes(frame) })),
      ...(isTaught && { isTaught }),
    })),
  };
}

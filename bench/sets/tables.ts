/** The flow tables of a southbound database as cubes, and the orders that their fields may have. */
import { FALSE } from '../../engine/lang/expr.ts';
import {
  annotate,
  disjuncts,
  normalize,
  parseMatch,
  resolveConditions,
  simplify,
  symbolTable,
  VALUE_FIELDS,
} from '../../engine/lang/index.ts';
import type { LogicalFlow, Southbound } from '../../engine/ovsdb/southbound.ts';
import { withoutInequalities } from '../../engine/program/exclusions.ts';
import type { SetField, Space } from '../../engine/sets/index.ts';

/** A demand of bits of a field; ports are numbers. */
export interface Demand {
  readonly field: string;
  readonly value: bigint;
  readonly mask: bigint;
}

/** A flow's match: any of its cubes. */
export interface TableFlow {
  readonly cubes: readonly (readonly Demand[])[];
  /** Whether packets go on from here. */
  readonly passes: boolean;
}

/** A table of a datapath, its flows by falling priority. */
export interface Table {
  readonly pipeline: string;
  readonly flows: readonly TableFlow[];
}

const PORT_WIDTH = 15;

/** Tables by pipeline: the ingress and the egress pipelines of all datapaths, tables in their order. */
export function pipelinesOf({ flows, addressSets, portGroups }: Southbound): Table[][] {
  const ports = new Map<string, number>();
  const known = new Map<string, TableFlow['cubes']>();
  const cubesOf = (match: string): TableFlow['cubes'] => {
    const before = known.get(match);
    if (before) return before;
    const expr = resolveConditions(annotate(parseMatch(match, { addressSets, portGroups })), () => true);
    const normal = normalize(simplify(withoutInequalities(expr) ?? FALSE)) ?? FALSE;
    const cubes = (disjuncts(normal) ?? []).map((conjunction) =>
      conjunction.map((one): Demand => {
        const shift = BigInt(one.symbol.ofs);
        if (one.type === 'comparison') {
          return { field: one.symbol.field, value: one.value << shift, mask: one.mask << shift };
        }
        const number = ports.get(one.value) ?? ports.size + 1;
        ports.set(one.value, number);
        return { field: one.symbol.field, value: BigInt(number), mask: (1n << BigInt(PORT_WIDTH)) - 1n };
      }),
    );
    known.set(match, cubes);
    return cubes;
  };
  const pipelines = new Map<string, Map<number, LogicalFlow[]>>();
  for (const flow of flows) {
    const key = `${flow.datapath} ${flow.pipeline}`;
    const tables = pipelines.get(key) ?? new Map<number, LogicalFlow[]>();
    pipelines.set(key, tables);
    const ofTable = tables.get(flow.table);
    if (ofTable) ofTable.push(flow);
    else tables.set(flow.table, [flow]);
  }
  return [...pipelines.values()].map((tables) =>
    [...tables]
      .sort(([a], [b]) => a - b)
      .map(([, ofTable]) => ({
        pipeline: ofTable[0]?.pipeline ?? '',
        flows: ofTable
          .sort((a, b) => b.priority - a.priority)
          .map(({ match, actions }) => ({ cubes: cubesOf(match), passes: /next|output/.test(actions) })),
      })),
  );
}

/** Every field that matches may name. */
export const allFields: readonly SetField[] = [
  { name: 'inport', width: PORT_WIDTH },
  { name: 'outport', width: PORT_WIDTH },
  ...VALUE_FIELDS.map((name) => ({ name, width: widthOf(name) })),
];

function widthOf(field: string): number {
  return Math.max(...[...symbolTable().values()].map((one) => (one.field === field ? one.ofs + one.width : 0)));
}

const enumerated = [
  'eth.type',
  'ip.proto',
  'ip.frag',
  'icmp4.type',
  'icmp4.code',
  'icmp6.type',
  'icmp6.code',
  'arp.op',
];
const metadata = ['flags', 'ct_state', 'ct_mark', 'ct_label', 'xxreg0', 'xxreg1', 'xreg4', 'outport', 'pkt.mark'];
const destinations = ['eth.dst', 'ip4.dst', 'arp.tpa', 'ip6.dst', 'nd.target'];
const destinationPorts = ['tcp.dst', 'udp.dst', 'sctp.dst', 'ip.ttl'];
const sources = ['eth.src', 'ip4.src', 'arp.spa', 'arp.sha', 'ip6.src', 'nd.sll'];
const sourcePorts = ['tcp.src', 'udp.src', 'sctp.src'];

/** Orders by what stands first; fields that are not named follow as they come. */
export const orders: Readonly<Record<string, readonly string[]>> = {
  'enumerated, dst, ports, inport, src': [
    ...enumerated,
    ...destinations,
    ...destinationPorts,
    'inport',
    ...sources,
    ...sourcePorts,
    ...metadata,
  ],
  'enumerated, dst, ports, src, inport': [
    ...enumerated,
    ...destinations,
    ...destinationPorts,
    ...sources,
    ...sourcePorts,
    'inport',
    ...metadata,
  ],
  'metadata, enumerated, dst, inport, src': [
    ...metadata,
    ...enumerated,
    ...destinations,
    ...destinationPorts,
    'inport',
    ...sources,
  ],
  'inport, enumerated, dst, src': ['inport', ...enumerated, ...destinations, ...destinationPorts, ...sources],
  'enumerated, inport, dst, src': [...enumerated, 'inport', ...destinations, ...destinationPorts, ...sources],
  'enumerated, inport, src, dst': [...enumerated, 'inport', ...sources, ...destinations, ...destinationPorts],
  'enumerated, src, inport, dst': [...enumerated, ...sources, 'inport', ...destinations, ...destinationPorts],
  'dst, inport, src, enumerated': [...destinations, ...destinationPorts, 'inport', ...sources, ...enumerated],
  'dst, enumerated, inport, src': [...destinations, ...destinationPorts, ...enumerated, 'inport', ...sources],
  'src, inport, dst, enumerated': [...sources, ...sourcePorts, 'inport', ...destinations, ...enumerated],
  'as they come': [],
};

/** All fields, those named first. */
export function inOrder(first: readonly string[]): SetField[] {
  const rank = (name: string) => (first.includes(name) ? first.indexOf(name) : first.length);
  return [...allFields].sort((a, b) => rank(a.name) - rank(b.name));
}

/** A table for a space: cubes as bits, each variable * 2 + value, in ascending order. */
export interface BitTable {
  readonly flows: readonly { readonly cubes: readonly Int32Array[]; readonly passes: boolean }[];
}

/** The same tables for the fields of a space. */
export function toBits(pipelines: readonly (readonly Table[])[], space: Space): BitTable[][] {
  const indices = new Map(space.fields.map(({ name }, field) => [name, field]));
  const known = new Map<TableFlow['cubes'], Int32Array[]>();
  const bitsOf = (cubes: TableFlow['cubes']): Int32Array[] => {
    const before = known.get(cubes);
    if (before) return before;
    const made = cubes.map((cube) => {
      const bits = new Set<number>();
      for (const { field, value, mask } of cube) {
        for (let bit = 0; mask >> BigInt(bit) !== 0n; bit++) {
          if (!((mask >> BigInt(bit)) & 1n)) continue;
          const variable = space.variableOf(indices.get(field) ?? -1, bit);
          bits.add(variable * 2 + Number((value >> BigInt(bit)) & 1n));
        }
      }
      return Int32Array.from(bits).sort();
    });
    known.set(cubes, made);
    return made;
  };
  return pipelines.map((tables) =>
    tables.map(({ flows }) => ({ flows: flows.map(({ cubes, passes }) => ({ cubes: bitsOf(cubes), passes })) })),
  );
}

/**
 * The program of one chassis: the logical flows of its datapaths, its ports and what else its packets need, as an
 * image for the packet plane.
 *
 *     const builder = new ProgramBuilder();
 *     const program = builder.build({ southbound, chassis: 'node1', ports: new Map([['lport', 0]]) });
 *     plane.load(program.image);
 *     ...
 *     const later = builder.build({ ... });        // numbers of what has not changed stay
 *     changedTables(program, later);               // what may be forgotten
 */
import { TABLE_HAIRPIN, TABLE_PORT_SECURITY, TABLE_PORT_SECURITY_ND } from '../../asm/plane/image.ts';
import { MAX_THRESHOLDS } from '../../asm/plane/layout.ts';
import { type Action, formatAction } from '../lang/index.ts';
import type { LogicalFlow, Pipeline } from '../ovsdb/southbound.ts';
import { type CodeContext, encodeActions } from './actions.ts';
import { hairpinFlows } from './balancers.ts';
import { type ChassisInput, type ChassisView, type LocalDatapath, type LocalPort, viewOf } from './chassis.ts';
import { CodeError } from './code.ts';
import { type Image, type NumberedDatapath, writeImage } from './image.ts';
import { portSecurityFlows } from './port-security.ts';
import { Numbers } from './registry.ts';
import {
  type CompiledFlow,
  type CompiledTables,
  TableCompiler,
  type TableEnvironment,
  type TableInput,
} from './tables.ts';

export { type ChassisInput, portsHere, type Tunnel } from './chassis.ts';
export { NO_PLACEMENT, type Placement, type PortPlacement, placementOf } from './placement.ts';

/** An action that the host does when a packet is handed to it: operand of DP_PUNT. */
export interface HostAction {
  readonly number: number;
  readonly action: Action;
  /** CoPP meter of the flows that have it; '' for none. */
  readonly meter: string;
}

/** A rate in kbit/s and a burst in kbit, 0 for none. */
export interface Meter {
  readonly number: number;
  readonly rate: bigint;
  readonly burst: bigint;
}

export interface ProgramDatapath {
  readonly number: number;
  readonly view: LocalDatapath;
  readonly zones: { readonly dnat: number; readonly snat: number };
}

export interface Program {
  /** Position-independent; asm/plane/image.ts. */
  readonly image: Uint8Array;
  readonly digests: Uint32Array;
  readonly datapaths: readonly ProgramDatapath[];
  /** Flows that packets may meet, by number; those of the chassis' own tables are among them: their stages are no northd's. */
  readonly flows: readonly CompiledFlow[];
  readonly actions: readonly HostAction[];
  readonly meters: readonly Meter[];
  /** Bit i of LONGER: the frame is longer than so many bytes. */
  readonly thresholds: readonly number[];
  /** Conntrack zone by name: a port's, or `DATAPATH_dnat` and `DATAPATH_snat` with the datapath's UUID. */
  readonly zones: ReadonlyMap<string, number>;
  readonly view: ChassisView;
  /** Sentences: what is not understood, and so drops packets or is left out. */
  readonly problems: readonly string[];
}

/** Bits of VISITED whose datapaths are not what they were; bit 63 is the physical ports. */
export function changedTables(old: Program, now: Program): bigint {
  let bits = 0n;
  for (const [bit, digest] of now.digests.entries()) {
    if (old.digests[bit] !== digest) bits |= 1n << BigInt(bit);
  }
  return bits;
}

/** A program from nothing. */
export function buildProgram(input: ChassisInput): Program {
  return new ProgramBuilder().build(input);
}

/** Builds again and again: what stays has the same numbers. */
export class ProgramBuilder {
  private readonly compiler = new TableCompiler();
  private readonly datapaths = new Numbers(0, 0xfffe);
  private readonly zones = new Numbers(1, 0xffff);
  private readonly actions = new Numbers(0, 0x7fffffff);
  private readonly meters = new Numbers(0, 0xffff);
  private readonly thresholds = new Numbers(0, MAX_THRESHOLDS - 1);

  build(input: ChassisInput): Program {
    const view = viewOf(input);
    const problems: string[] = [];
    const datapaths = this.numberDatapaths(view, problems);
    const zones = this.numberZones(datapaths, problems);
    const numbered = datapaths.map(({ number, view: local }): NumberedDatapath => {
      const { uuid } = local.binding;
      return {
        number,
        view: local,
        zones: { dnat: zones.get(`${uuid}_dnat`) ?? 0, snat: zones.get(`${uuid}_snat`) ?? 0 },
      };
    });
    const keys = new Map(numbered.map(({ number, view: local }) => [number, portKeys(local)]));
    const tables = this.compiler.compile(tableInputs(input, numbered), environmentOf(input, view, numbered, keys));
    problems.push(...tables.problems);
    const coder = new Coder(this, numbered, keys, problems);
    const code = coder.encode(tables);
    const image: Image = writeImage({
      datapaths: numbered,
      tunnels: input.tunnels?.values() ?? [],
      zoneOf: ({ binding }) => zones.get(binding.logicalPort) ?? 0,
      tables,
      code,
    });
    coder.forgetUnused();
    return {
      image: image.bytes,
      digests: image.digests,
      datapaths: numbered,
      flows: tables.flows,
      actions: [...coder.actions.values()],
      meters: [...coder.meters.values()],
      thresholds: coder.thresholds,
      zones,
      view,
      problems,
    };
  }

  private numberDatapaths(view: ChassisView, problems: string[]): { number: number; view: LocalDatapath }[] {
    this.datapaths.keep(new Set(view.datapaths.map(({ binding }) => binding.uuid)));
    return view.datapaths.flatMap((local) => {
      const number = this.datapaths.of(local.binding.uuid);
      if (number !== undefined) return [{ number, view: local }];
      problems.push(`datapath "${local.binding.name}" is left out: a chassis can have 65535 of them`);
      return [];
    });
  }

  private numberZones(datapaths: readonly { view: LocalDatapath }[], problems: string[]): ReadonlyMap<string, number> {
    const names = datapaths.flatMap(({ view }) => [
      ...view.ports.filter(hasZone).map(({ binding }) => binding.logicalPort),
      `${view.binding.uuid}_dnat`,
      `${view.binding.uuid}_snat`,
    ]);
    this.zones.keep(new Set(names));
    const zones = new Map<string, number>();
    for (const name of names) {
      const zone = this.zones.of(name);
      if (zone === undefined) problems.push(`there is no conntrack zone left for ${name}; it shares zone 0`);
      else zones.set(name, zone);
    }
    return zones;
  }

  /** Numbers of what code refers to. */
  numbersOf(kind: 'actions' | 'meters' | 'thresholds'): Numbers {
    return this[kind];
  }
}

/** Ports whose connections are tracked by themselves: controller/ovn-controller.c, `update_ct_zones`. */
const hasZone = ({ reach }: LocalPort): boolean => reach.kind === 'vif' || reach.kind === 'network';

/** Tunnel keys of a datapath's ports and groups by name; ports come before groups, and `none` is no port in any case. */
function portKeys({ ports, groups }: LocalDatapath): ReadonlyMap<string, number> {
  return new Map([
    ...groups.map(({ group }) => [group.name, group.tunnelKey] as const),
    ...ports.map(({ binding }) => [binding.logicalPort, binding.tunnelKey] as const),
    ['none', 0] as const,
    ['', 0] as const,
  ]);
}

function environmentOf(
  { southbound, chassis }: ChassisInput,
  view: ChassisView,
  datapaths: readonly NumberedDatapath[],
  keys: ReadonlyMap<number, ReadonlyMap<string, number>>,
): TableEnvironment {
  const tunnelKeys = new Map(datapaths.map(({ number, view: local }) => [number, local.binding.tunnelKey]));
  const templates = southbound.templates?.get(chassis);
  return {
    addressSets: southbound.addressSets,
    portGroups: southbound.portGroups,
    datapathKey: (number) => tunnelKeys.get(number) ?? 0,
    portKey: (number, name) => keys.get(number)?.get(name),
    isResident: (port) => view.isResident(port),
    dhcpOptions: southbound.dhcpOptions,
    dhcpv6Options: southbound.dhcpv6Options,
    ...(templates && { templates: new Map(Object.entries(templates)) }),
  };
}

/** The flows of local datapaths by table, with those of the chassis' own tables. */
function tableInputs({ southbound, placement }: ChassisInput, datapaths: readonly NumberedDatapath[]): TableInput[] {
  const numbers = new Map(datapaths.map(({ number, view }) => [view.binding.uuid, number]));
  const tables = new Map<string, { datapath: number; pipeline: Pipeline; table: number; flows: LogicalFlow[] }>();
  const add = (flow: LogicalFlow) => {
    const datapath = numbers.get(flow.datapath);
    const { pipeline, table } = flow;
    if (datapath === undefined) return;
    const key = `${datapath} ${pipeline} ${table}`;
    const input = tables.get(key);
    if (input) input.flows.push(flow);
    else tables.set(key, { datapath, pipeline, table, flows: [flow] });
  };
  for (const flow of southbound.flows) add(flow);
  const balancers = [...(southbound.loadBalancers ?? []), ...(placement?.balancers ?? [])];
  for (const { view } of datapaths) {
    const { binding, ports } = view;
    const secured = ports.filter(({ reach }) => reach.kind === 'vif').map((port) => port.binding);
    for (const flow of portSecurityFlows(secured)) add(flow);
    const own = balancers.filter((balancer) =>
      [binding.uuid, binding.northboundUuid].some((uuid) => balancer.datapaths.includes(uuid)),
    );
    for (const flow of hairpinFlows(binding.uuid, own)) add(flow);
  }
  return [...tables.values()];
}

/** Tables of the chassis' own, which counters leave out. */
export function isOwnTable(table: number): boolean {
  return table === TABLE_PORT_SECURITY || table === TABLE_PORT_SECURITY_ND || table === TABLE_HAIRPIN;
}

/** Makes the code of all flows; equal actions are encoded once unless they name ports. */
class Coder {
  readonly actions = new Map<number, HostAction>();
  readonly meters = new Map<number, Meter>();
  readonly thresholds: number[] = [];
  private readonly builder: ProgramBuilder;
  private readonly datapaths: ReadonlyMap<number, NumberedDatapath>;
  private readonly keys: ReadonlyMap<number, ReadonlyMap<string, number>>;
  private readonly problems: string[];
  private readonly cache = new Map<readonly Action[], Map<string, readonly number[]>>();
  private readonly used = { actions: new Set<string>(), meters: new Set<string>(), thresholds: new Set<string>() };
  private namesPorts = false;

  constructor(
    builder: ProgramBuilder,
    datapaths: readonly NumberedDatapath[],
    keys: ReadonlyMap<number, ReadonlyMap<string, number>>,
    problems: string[],
  ) {
    this.builder = builder;
    this.datapaths = new Map(datapaths.map((datapath) => [datapath.number, datapath]));
    this.keys = keys;
    this.problems = problems;
  }

  encode({ flows }: CompiledTables): ReadonlyMap<number, readonly number[]> {
    const code = new Map<number, readonly number[]>();
    for (const flow of flows) {
      if (flow.actions.length === 0) continue;
      try {
        code.set(flow.number, this.codeOf(flow));
      } catch (error) {
        if (!(error instanceof CodeError)) throw error;
        this.problems.push(problemOf(flow, error.message));
      }
    }
    return code;
  }

  /** Numbers of what no flow refers to any more may be given to others. */
  forgetUnused(): void {
    for (const kind of ['actions', 'meters', 'thresholds'] as const) this.builder.numbersOf(kind).keep(this.used[kind]);
  }

  private codeOf({ datapath, flow, actions }: CompiledFlow): readonly number[] {
    const isSwitch = this.datapaths.get(datapath)?.view.binding.kind === 'switch';
    const variants = this.cache.get(actions) ?? new Map<string, readonly number[]>();
    this.cache.set(actions, variants);
    const key = `${isSwitch} ${flow.controllerMeter ?? ''}`;
    const known = variants.get(key);
    if (known) return known;
    this.namesPorts = false;
    const code = encodeActions(actions, this.contextOf(datapath, flow, isSwitch));
    if (!this.namesPorts) variants.set(key, code);
    return code;
  }

  private contextOf(datapath: number, flow: LogicalFlow, isSwitch: boolean): CodeContext {
    return {
      isSwitch,
      table: flow.table,
      portKey: (name) => {
        this.namesPorts = true;
        return this.keys.get(datapath)?.get(name);
      },
      punt: (action) => this.punt(action, flow.controllerMeter ?? ''),
      threshold: (bytes) => {
        const number = this.number(
          'thresholds',
          String(bytes),
          'there are more lengths to tell apart than the packet plane can',
        );
        this.thresholds[number] = bytes;
        return number;
      },
      meter: (rate, burst) => {
        const number = this.number(
          'meters',
          `${rate} ${burst}`,
          'there are more meters than the packet plane can have',
        );
        this.meters.set(number, { number, rate, burst });
        return number;
      },
    };
  }

  private punt(action: Action, meter: string): number {
    const number = this.number('actions', `${meter} ${formatAction(action)}`, 'there are too many actions');
    if (!this.actions.has(number)) this.actions.set(number, { number, action, meter });
    return number;
  }

  private number(kind: 'actions' | 'meters' | 'thresholds', name: string, complaint: string): number {
    const number = this.builder.numbersOf(kind).of(name);
    if (number === undefined) throw new CodeError(complaint);
    this.used[kind].add(name);
    return number;
  }
}

function problemOf({ flow }: CompiledFlow, why: string): string {
  const place = flow.stage || `${flow.pipeline} table ${flow.table}`;
  return `${place}: packets that meet the flow of priority ${flow.priority} with match "${flow.match}" and actions "${flow.actions}" are dropped: ${why}`;
}

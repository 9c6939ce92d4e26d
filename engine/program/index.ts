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
import { ACTION_OPENS, TABLE_HAIRPIN, TABLE_PORT_SECURITY, TABLE_PORT_SECURITY_ND } from '../../asm/plane/image.ts';
import { MAX_THRESHOLDS } from '../../asm/plane/layout.ts';
import { type Action, formatAction } from '../lang/index.ts';
import type { LoadBalancer, LogicalFlow, PortBinding } from '../ovsdb/southbound.ts';
import { type CodeContext, encodeActions } from './actions.ts';
import { hairpinFlows } from './balancers.ts';
import {
  type ChassisInput,
  type ChassisView,
  type LocalDatapath,
  type LocalPort,
  strategyProblem,
  viewOf,
} from './chassis.ts';
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

export {
  type ChassisInput,
  type ChassisMacs,
  portsHere,
  type Tunnel,
  waitsForMachine,
  withMachine,
} from './chassis.ts';
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
  private readonly codes: CodeMemory = new WeakMap();
  private readonly secured = new SecuredPorts();
  private readonly datapaths = new Numbers(0, 0xfffe);
  private readonly zones = new Numbers(1, 0xffff);
  private readonly actions = new Numbers(0, ACTION_OPENS - 1);
  private readonly meters = new Numbers(0, 0xffff);
  private readonly thresholds = new Numbers(0, MAX_THRESHOLDS - 1);

  build(input: ChassisInput): Program {
    const view = viewOf(input);
    const problems: string[] = [];
    for (const { ports } of view.datapaths) {
      for (const { binding, reach } of ports) {
        const problem = reach.kind === 'vif' ? strategyProblem(binding, input.chassis) : undefined;
        if (problem !== undefined) problems.push(problem);
      }
    }
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
    this.secured.begin();
    const inputs = tableInputs(input, numbered, this.secured);
    const tables = this.compiler.compile(inputs, environmentOf(input, view, numbered, keys));
    problems.push(...tables.problems);
    const coder = new Coder(this, numbered, keys, problems, this.codes);
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
    ...ports.flatMap(({ binding, reach }) =>
      reach.kind === 'remote' ? [[tunnelTo(binding.logicalPort), binding.tunnelKey] as const] : [],
    ),
    ...ports.map(({ binding }) => [binding.logicalPort, binding.tunnelKey] as const),
    ['none', 0] as const,
    ['', 0] as const,
  ]);
}

/** Stands among the names of ports for the way to one that another chassis has; no port is named so. */
const tunnelTo = (name: string): string => `\u0000${name}`;

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

/** Port security of ports as flows: what ports have not changed have the same. */
class SecuredPorts {
  private before: ReadonlyMap<string, { text: string; flows: readonly LogicalFlow[] }> = new Map();
  private now = new Map<string, { text: string; flows: readonly LogicalFlow[] }>();

  begin(): void {
    this.before = this.now;
    this.now = new Map();
  }

  of(port: PortBinding): readonly LogicalFlow[] {
    const { uuid, datapath, logicalPort, portSecurity } = port;
    if (portSecurity.length === 0) return [];
    const text = `${datapath} ${logicalPort} ${portSecurity.join()}`;
    const known = this.before.get(uuid);
    const flows = known?.text === text ? known.flows : portSecurityFlows([port]);
    this.now.set(uuid, { text, flows });
    return flows;
  }
}

/** The flows of local datapaths by table, with those of the chassis' own tables. */
function tableInputs(
  { southbound, placement }: ChassisInput,
  datapaths: readonly NumberedDatapath[],
  secured: SecuredPorts,
): TableInput[] {
  const tables = new Map<string, (TableInput & { flows: LogicalFlow[] })[]>();
  for (const { view } of datapaths) tables.set(view.binding.uuid, []);
  const numbers = new Map(datapaths.map(({ number, view }) => [view.binding.uuid, number]));
  const inputs: TableInput[] = [];
  const add = (flow: LogicalFlow) => {
    const ofDatapath = tables.get(flow.datapath);
    if (!ofDatapath) return;
    const { pipeline, table } = flow;
    const index = table * 2 + (pipeline === 'ingress' ? 0 : 1);
    let input = ofDatapath[index];
    if (!input) {
      input = { datapath: numbers.get(flow.datapath) ?? 0, pipeline, table, flows: [] };
      ofDatapath[index] = input;
      inputs.push(input);
    }
    input.flows.push(flow);
  };
  for (const flow of southbound.flows) add(flow);
  const balancers = new Map<string, LoadBalancer[]>();
  for (const balancer of southbound.loadBalancers ?? placement?.balancers ?? []) {
    for (const uuid of new Set(balancer.datapaths)) balancers.set(uuid, [...(balancers.get(uuid) ?? []), balancer]);
  }
  for (const { view } of datapaths) {
    const { binding, ports } = view;
    for (const port of ports) if (port.reach.kind === 'vif') for (const flow of secured.of(port.binding)) add(flow);
    const own = new Set([binding.uuid, binding.northboundUuid].flatMap((uuid) => balancers.get(uuid) ?? []));
    for (const flow of hairpinFlows(binding.uuid, [...own])) add(flow);
  }
  return inputs;
}

/** Tables of the chassis' own, which counters leave out. */
export function isOwnTable(table: number): boolean {
  return table === TABLE_PORT_SECURITY || table === TABLE_PORT_SECURITY_ND || table === TABLE_HAIRPIN;
}

/** What a flow's actions came to, and what they refer to. */
interface Encoded {
  /** Undefined where they cannot be run, for the reason that `problem` says. */
  readonly code?: readonly number[];
  readonly problem?: string;
  readonly uses: readonly Use[];
  readonly punts: readonly HostAction[];
  readonly meters: readonly Meter[];
  readonly thresholds: readonly (readonly [number, number])[];
  /** Keys of the ports named, which mean something on one datapath only. */
  readonly ports: ReadonlyMap<string, number | undefined>;
}

type Kind = 'actions' | 'meters' | 'thresholds';

/** A number that was given out, by its name. */
type Use = readonly [kind: Kind, name: string, number: number];

/** Codes of actions by what else they depend on; actions are the same object as long as they are the same. */
type CodeMemory = WeakMap<readonly Action[], Map<string, Encoded>>;

/** Makes the code of all flows; equal actions are encoded once unless they name ports. */
class Coder {
  readonly actions = new Map<number, HostAction>();
  readonly meters = new Map<number, Meter>();
  readonly thresholds: number[] = [];
  private readonly builder: ProgramBuilder;
  private readonly datapaths: ReadonlyMap<number, NumberedDatapath>;
  private readonly keys: ReadonlyMap<number, ReadonlyMap<string, number>>;
  private readonly problems: string[];
  private readonly memory: CodeMemory;
  private readonly used: Readonly<Record<Kind, Set<string>>> = {
    actions: new Set(),
    meters: new Set(),
    thresholds: new Set(),
  };
  private readonly noted = new Set<Encoded>();

  constructor(
    builder: ProgramBuilder,
    datapaths: readonly NumberedDatapath[],
    keys: ReadonlyMap<number, ReadonlyMap<string, number>>,
    problems: string[],
    memory: CodeMemory,
  ) {
    this.builder = builder;
    this.datapaths = new Map(datapaths.map((datapath) => [datapath.number, datapath]));
    this.keys = keys;
    this.problems = problems;
    this.memory = memory;
  }

  /** Code by flow number; none for flows that drop. */
  encode({ flows, numbersEnd }: CompiledTables): readonly (readonly number[] | undefined)[] {
    const code = new Array<readonly number[] | undefined>(numbersEnd).fill(undefined);
    for (const flow of flows) {
      if (flow.actions.length === 0) continue;
      const encoded = this.encodedOf(flow);
      this.note(encoded);
      code[flow.number] = encoded.code;
      if (encoded.problem !== undefined) this.problems.push(problemOf(flow, encoded.problem));
    }
    return code;
  }

  /** Numbers of what no flow refers to any more may be given to others. */
  forgetUnused(): void {
    for (const kind of ['actions', 'meters', 'thresholds'] as const) this.builder.numbersOf(kind).keep(this.used[kind]);
  }

  /** What this refers to stays. */
  private note(encoded: Encoded): void {
    if (this.noted.has(encoded)) return;
    this.noted.add(encoded);
    for (const [kind, name] of encoded.uses) this.used[kind].add(name);
    for (const punt of encoded.punts) this.actions.set(punt.number, punt);
    for (const meter of encoded.meters) this.meters.set(meter.number, meter);
    for (const [number, bytes] of encoded.thresholds) this.thresholds[number] = bytes;
  }

  private encodedOf({ datapath, flow, actions }: CompiledFlow): Encoded {
    const isSwitch = this.datapaths.get(datapath)?.view.binding.kind === 'switch';
    let variants = this.memory.get(actions);
    if (!variants) {
      variants = new Map();
      this.memory.set(actions, variants);
    }
    const meter = flow.controllerMeter ?? '';
    const usual = `${isSwitch ? 'switch' : 'router'} ${meter}`;
    const known = variants.get(usual) ?? variants.get(`${datapath} ${meter}`);
    if (known && this.holds(known, datapath)) return known;
    const encoded = this.make(datapath, flow, actions, isSwitch);
    variants.set(encoded.ports.size > 0 ? `${datapath} ${meter}` : usual, encoded);
    return encoded;
  }

  /** Numbers that nobody used for a while may be others' by now. */
  private holds({ uses, ports, problem }: Encoded, datapath: number): boolean {
    if (problem !== undefined) return false;
    for (const [name, key] of ports) if (this.keys.get(datapath)?.get(name) !== key) return false;
    return uses.every(([kind, name, number]) => this.builder.numbersOf(kind).known(name) === number);
  }

  private make(datapath: number, flow: LogicalFlow, actions: readonly Action[], isSwitch: boolean): Encoded {
    const uses: Use[] = [];
    const punts: HostAction[] = [];
    const meters: Meter[] = [];
    const thresholds: [number, number][] = [];
    const ports = new Map<string, number | undefined>();
    const numberOf = (kind: Kind, name: string, complaint: string): number => {
      const number = this.builder.numbersOf(kind).of(name);
      if (number === undefined) throw new CodeError(complaint);
      uses.push([kind, name, number]);
      return number;
    };
    const coppMeter = flow.controllerMeter ?? '';
    const portKey = (name: string): number | undefined => {
      const key = this.keys.get(datapath)?.get(name);
      ports.set(name, key);
      return key;
    };
    const context: CodeContext = {
      isSwitch,
      table: flow.table,
      portKey,
      isBehindTunnel: (name) => portKey(tunnelTo(name)) !== undefined,
      punt: (action) => {
        const number = numberOf('actions', `${coppMeter} ${formatAction(action)}`, 'there are too many actions');
        punts.push({ number, action, meter: coppMeter });
        return number;
      },
      threshold: (bytes) => {
        const complaint = 'there are more lengths to tell apart than the packet plane can';
        const number = numberOf('thresholds', String(bytes), complaint);
        thresholds.push([number, bytes]);
        return number;
      },
      meter: (rate, burst) => {
        const complaint = 'there are more meters than the packet plane can have';
        const number = numberOf('meters', `${rate} ${burst}`, complaint);
        meters.push({ number, rate, burst });
        return number;
      },
    };
    try {
      return { code: encodeActions(actions, context), uses, punts, meters, thresholds, ports };
    } catch (error) {
      if (!(error instanceof CodeError)) throw error;
      return { problem: error.message, uses, punts, meters, thresholds, ports };
    }
  }
}

function problemOf({ flow }: CompiledFlow, why: string): string {
  const place = flow.stage || `${flow.pipeline} table ${flow.table}`;
  return `${place}: packets that meet the flow of priority ${flow.priority} with match "${flow.match}" and actions "${flow.actions}" are dropped: ${why}`;
}

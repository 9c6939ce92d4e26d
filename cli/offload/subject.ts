/**
 * What `lflow offload` is about: a node of a network, the device that it has, and the names of that device's ports.
 *
 * Manifests name VFs, so the representors' names follow (`pf0vf2`).  Of a database they are the logical ports' own
 * names unless --port says otherwise.  Ends of tunnels are those of the database's Encap rows, those of --underlay, or,
 * of networks that are not there yet, the addresses of `vtep-cidr` in the order of the nodes' names.
 */
import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { formatIpv4, parseCidr } from '../../engine/address.ts';
import { parseEthernet, parseIpv4 } from '../../engine/lang/addresses.ts';
import type { DevicePorts, TunnelEnd } from '../../engine/offload/actions.ts';
import {
  type Capabilities,
  capabilitiesOf,
  devices,
  readCapabilities,
} from '../../engine/offload/capabilities/index.ts';
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import type { Southbound } from '../../engine/ovsdb/southbound.ts';
import { readSouthboundRows } from '../../engine/ovsdb/southbound-rows.ts';
import { portsHere } from '../../engine/program/chassis.ts';
import { type Placement, placementOf } from '../../engine/program/placement.ts';
import { defaultParameters } from '../../engine/spec/parameters.ts';
import { hostAddresses, macOfName } from '../../engine/vpc/ipam.ts';
import type { PortPlan, VpcPlan } from '../../engine/vpc/plan.ts';
import { chassisNames, existing } from '../chassis.ts';
import { systemReason, UsageError } from '../command.ts';
import { openDatabase } from '../database.ts';
import { type InputOptions, nodesOption, readSources } from '../input.ts';
import { loadNetwork } from '../topology.ts';

export interface SubjectOptions extends InputOptions {
  node: string;
  device: string;
  uplink: string;
  port: string[];
  underlay?: string;
}

/** A node and its device. */
export interface Subject {
  readonly southbound: Southbound;
  readonly northbound?: Northbound;
  readonly plans: readonly VpcPlan[];
  readonly placement: Placement;
  readonly node: string;
  readonly device: DevicePorts;
  readonly capabilities: Capabilities;
}

const defaultDevice = 'bluefield-3-doca-hws';

/** Adds the options that `loadSubject` reads. */
export function subjectOptions(command: Command): Command {
  return command
    .argument('<input...>', 'YAML files, folders of them, an OVSDB file, or - for standard input')
    .requiredOption('--node <NODE>', 'the node (chassis) whose hardware it is')
    .addOption(
      new Option(
        '--device <NAME|FILE>',
        `what the hardware can do: ${devices.join(', ')}, or a capability file`,
      ).default(defaultDevice),
    )
    .addOption(
      new Option('--port <LPORT=NAME>', "the device's name of a logical port (repeatable)")
        .argParser((text: string, all: string[]) => [...all, text])
        .default([], "the representor of the VF, or the logical port's own name"),
    )
    .addOption(new Option('--uplink <NAME>', "the device's port that leads to the other nodes").default('p0'))
    .option(
      '--underlay <FILE>',
      'JSON: {"NODE": {"ip": "192.0.2.1", "mac": "02:00:00:00:00:01"}, ...}, ends of tunnels',
    )
    .addOption(nodesOption());
}

/** Reads the inputs; fails as `loadNetwork` does, and with `UsageError` where options name what there is not. */
export async function loadSubject(inputs: string[], options: SubjectOptions): Promise<Subject> {
  const { southbound, northbound, plans } = await loadNetwork(inputs, options);
  const placement = northbound ? placementOf(northbound) : placementIn(southbound);
  const nodes = chassisNames(southbound, placement);
  const { node } = options;
  if (!nodes.includes(node)) throw new UsageError(`there is no node "${node}"; ${existing('node', nodes)}`);
  const local = portsHere(southbound, node, placement);
  const ports = new Map([...defaultPorts(local, plans, node), ...namedPorts(options.port, local)]);
  const tunnels = await tunnelEnds(inputs, options, nodes, plans);
  return {
    southbound,
    ...(northbound && { northbound }),
    plans,
    placement,
    node,
    device: { ports, uplink: options.uplink, tunnels },
    capabilities: await loadDevice(options.device),
  };
}

function placementIn({ services }: Southbound): Placement {
  return { ports: services?.ports ?? new Map(), balancers: [] };
}

function defaultPorts(local: readonly string[], plans: readonly VpcPlan[], node: string): [string, string][] {
  const planned = plans.flatMap(({ networks }) => networks.flatMap(({ ports }) => ports));
  const known = new Map(planned.filter((port) => port.node.name === node).map((port) => [port.name, port]));
  return local.map((name): [string, string] => [name, representorOf(known.get(name)) ?? name]);
}

function representorOf(port: PortPlan | undefined): string | undefined {
  const attachment = port?.interface.attachment;
  if (attachment?.type === 'vf') return `pf${attachment.pfID}vf${attachment.vfID}`;
  if (attachment?.type === 'pf') return `pf${attachment.pfID}hpf`;
  return attachment?.type === 'service' ? attachment.interfaceName : undefined;
}

function namedPorts(texts: readonly string[], local: readonly string[]): [string, string][] {
  return texts.map((text) => {
    const at = text.lastIndexOf('=');
    if (at < 1 || at === text.length - 1) throw new UsageError(`--port ${text}: give LPORT=NAME, such as vm1=pf0vf2`);
    const [port, name] = [text.slice(0, at), text.slice(at + 1)];
    if (!local.includes(port)) throw new UsageError(`--port ${text}: ${existing('port', local)} of this node`);
    return [port, name];
  });
}

/** A device by its name, or by a file of the user's own. */
export async function loadDevice(nameOrFile: string): Promise<Capabilities> {
  const known = capabilitiesOf(nameOrFile);
  if (known) return known;
  const text = await readFile(nameOrFile, 'utf8').catch((error: unknown): never => {
    throw new UsageError(`--device ${nameOrFile}: ${systemReason(error)}; devices are ${devices.join(', ')}`);
  });
  const { capabilities, problems } = readCapabilities(text, nameOrFile);
  if (capabilities) return capabilities;
  const told = problems.map(
    ({ file, line, column, path, message }) => `${file}:${line}:${column}: ${path === '' ? '' : `${path}: `}${message}`,
  );
  throw new UsageError(told.join('\n'));
}

async function tunnelEnds(
  inputs: string[],
  options: SubjectOptions,
  nodes: readonly string[],
  plans: readonly VpcPlan[],
): Promise<Map<string, TunnelEnd>> {
  const ends = await registeredEnds(inputs);
  const cidr = plans[0]?.parameters.vtep ?? parseCidr(defaultParameters['vtep-cidr']);
  const addresses = cidr ? hostAddresses(cidr, new Set()) : [].values();
  for (const name of nodes) {
    const address = addresses.next().value;
    if (!ends.has(name) && address !== undefined) {
      ends.set(name, { ip: formatIpv4(address), mac: macOfName(`underlay ${name}`) });
    }
  }
  if (options.underlay !== undefined) {
    for (const [name, end] of await givenEnds(options.underlay)) ends.set(name, end);
  }
  return ends;
}

/** Those that chassis have registered in a southbound database; their MAC addresses nobody tells. */
async function registeredEnds(inputs: string[]): Promise<Map<string, TunnelEnd>> {
  const opened = inputs.includes('-') ? undefined : openDatabase(await readSources(inputs));
  if (opened?.kind !== 'southbound') return new Map();
  const { Chassis, Encap } = readSouthboundRows(opened.database);
  const ends = new Map<string, TunnelEnd>();
  for (const { name, encaps } of Chassis.values()) {
    const geneve = encaps.map((uuid) => Encap.get(uuid)).find((encap) => encap?.type === 'geneve');
    if (geneve) ends.set(name, { ip: geneve.ip, mac: macOfName(`underlay ${name}`) });
  }
  return ends;
}

async function givenEnds(file: string): Promise<[string, TunnelEnd][]> {
  const text = await readFile(file, 'utf8').catch((error: unknown): never => {
    throw new UsageError(`--underlay ${file}: ${systemReason(error)}`);
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`--underlay ${file}: it is not JSON: ${error instanceof Error ? error.message : error}`);
  }
  if (typeof value !== 'object' || value === null) throw new UsageError(`--underlay ${file}: give an object by node`);
  return Object.entries(value).map(([name, end]: [string, unknown]): [string, TunnelEnd] => {
    const ip: unknown = typeof end === 'object' && end !== null ? Reflect.get(end, 'ip') : undefined;
    const mac: unknown = typeof end === 'object' && end !== null ? Reflect.get(end, 'mac') : undefined;
    if (typeof ip !== 'string' || parseIpv4(ip) === undefined)
      throw new UsageError(`--underlay ${file}: ${name}.ip is no IPv4 address such as 192.0.2.1`);
    if (typeof mac !== 'string' || parseEthernet(mac) === undefined)
      throw new UsageError(`--underlay ${file}: ${name}.mac is no address such as 02:00:00:00:00:01`);
    return [name, { ip, mac }];
  });
}

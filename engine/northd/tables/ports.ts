/** Port_Binding: what chassis know of ports, ovn-sb(5); `bindings.ts` has the columns that executors read. */
import type { PortBinding, PortDetails, Southbound } from '../../ovsdb/southbound.ts';
import { type SouthboundRows, southboundRowUuid } from '../../ovsdb/southbound-schema.ts';
import { type Datapath, type Port, rowsOf, type SwitchDatapath, type SwitchPort, type Topology } from '../topology.ts';
import { addChassisGroup, type ChassisGroup, chassisGroup, wantedChassis } from './chassis-groups.ts';
import { natAddresses } from './nat-addresses.ts';
import { portTags } from './port-tags.ts';

/** What there is to say of ports beyond their bindings, each where there is something. */
export interface PortFacts {
  /** By binding's logical port: who may serve it. */
  readonly groups: ReadonlyMap<string, ChassisGroup>;
  readonly tags: ReadonlyMap<SwitchPort, number>;
  /** By switch port. */
  readonly natAddresses: ReadonlyMap<string, string[]>;
}

export function portFacts(topology: Topology): PortFacts {
  const groups = new Map<string, ChassisGroup>();
  const announced = new Map<string, string[]>();
  for (const dp of [...topology.switches, ...topology.routers]) {
    for (const { port, group, addresses } of remarkableIn(dp, topology)) {
      // Of ports with one name one is used.
      if (topology.ports.get(port.name) !== port) continue;
      if (group) groups.set(port.kind === 'router-port' && port.redirect ? port.redirect.name : port.name, group);
      if (addresses.length > 0) announced.set(port.name, addresses);
    }
  }
  return { groups, tags: portTags(topology.switches.filter(hasNested)), natAddresses: announced };
}

/** A port of which there is something to say. */
interface Remarkable {
  readonly port: Port;
  readonly group: ChassisGroup | undefined;
  readonly addresses: string[];
}

const remarkable = new WeakMap<Datapath, readonly Remarkable[]>();

/** By datapath, which many computations may share. */
function remarkableIn(dp: Datapath, topology: Topology): readonly Remarkable[] {
  const known = remarkable.get(dp);
  if (known) return known;
  const ports: readonly Port[] = dp.ports;
  const found = ports
    .map((port) => ({
      port,
      group: chassisGroup(topology.nb, port),
      addresses: port.kind === 'switch-port' ? natAddresses(port, topology) : [],
    }))
    .filter(({ group, addresses }) => group !== undefined || addresses.length > 0);
  remarkable.set(dp, found);
  return found;
}

const nested = new WeakMap<SwitchDatapath, boolean>();

/** Whether a switch has ports with tags, or behind others. */
function hasNested(dp: SwitchDatapath): boolean {
  const known =
    nested.get(dp) ??
    dp.ports.some(({ row }) => row.tag !== undefined || row.tag_request !== undefined || row.parent_name !== undefined);
  nested.set(dp, known);
  return known;
}

/** What a chassis knows of ports beyond their bindings, by logical port. */
export function portDetails({ groups, tags }: PortFacts, topology: Topology): Map<string, PortDetails> {
  const details = new Map<string, PortDetails>();
  const add = (name: string, more: PortDetails) => details.set(name, { ...details.get(name), ...more });
  for (const { ports } of topology.switches.filter(hasNested)) {
    for (const { name, row } of ports) if (row.parent_name) add(name, { parent: row.parent_name });
  }
  for (const [port, tag] of tags) add(port.name, { tag });
  for (const [name, group] of groups) if (group.members.length > 0) add(name, { chassis: wantedChassis(group) });
  return details;
}

/** A row for each binding, and the groups of chassis that they refer to. */
export function addPorts(facts: PortFacts, topology: Topology, southbound: Southbound, rows: SouthboundRows): void {
  const ports = new Map<string, Port>();
  for (const port of topology.ports.values()) ports.set(port.uuid, port);
  for (const binding of southbound.ports) addPort(binding, ports.get(binding.uuid), facts, topology, rows);
}

function addPort(
  binding: PortBinding,
  port: Port | undefined,
  facts: PortFacts,
  { nb }: Topology,
  rows: SouthboundRows,
): void {
  const { uuid, logicalPort, datapath, tunnelKey, type, mac, portSecurity, options, externalIds } = binding;
  if (tunnelKey === 0 || !rows.Datapath_Binding.has(datapath)) return;
  const own = port?.kind === 'switch-port' ? port : undefined;
  const group = facts.groups.get(logicalPort);
  const mirrors = own ? rowsOf(nb, 'Mirror', own.row.mirror_rules) : [];
  rows.Port_Binding.set(uuid, {
    _uuid: uuid,
    logical_port: logicalPort,
    type,
    gateway_chassis: [],
    ha_chassis_group: group && addChassisGroup(group, rows),
    options,
    datapath,
    tunnel_key: tunnelKey,
    parent_port: own?.row.parent_name,
    tag: own && facts.tags.get(own),
    virtual_parent: undefined,
    chassis: undefined,
    additional_chassis: [],
    encap: undefined,
    additional_encap: [],
    mirror_rules: mirrors.map(({ name }) => southboundRowUuid('Mirror', name)),
    mac,
    port_security: portSecurity,
    nat_addresses: facts.natAddresses.get(logicalPort) ?? [],
    up: false,
    external_ids: externalIds,
    requested_chassis: undefined,
    requested_additional_chassis: [],
  });
}

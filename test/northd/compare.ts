/** Our switch pipeline, and the rows around the flows, beside what ovn-northd wrote. */
import { computeSouthbound } from '../../engine/northd/index.ts';
import { buildSwitchFlows } from '../../engine/northd/switch/index.ts';
import { buildTopology } from '../../engine/northd/topology.ts';
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import type { Southbound } from '../../engine/ovsdb/southbound.ts';
import { compareFlows, type Flow, flowsOf } from '../oracle/compare.ts';

/** What ovn-northd wrote for one northbound database. */
export interface Answer {
  /** The flows of switches. */
  flows: Flow[];
  /** `rowLines` of the southbound database. */
  rows: string[];
}

/** The flows of switches alone. */
export function switchFlowsOnly(flows: readonly Flow[]): Flow[] {
  return flows.filter(({ stage }) => stage.startsWith('ls_'));
}

/** What differs between ovn-northd's answer to `nb` and ours; '' for nothing. */
export function differences(nb: Northbound, real: Answer): string {
  const { southbound, dynamicAddresses } = computeSouthbound(nb);
  return [
    flowDifferences(nb, real.flows, switchFlowsOnly(flowsOf(southbound))),
    rowDifferences(real.rows, rowLines(southbound, dynamicAddresses)),
  ]
    .filter((text) => text !== '')
    .join('\n');
}

/**
 * ovn-northd stores flows that are the same on several switches once, with the
 * line and the hint of the one that it meets first in a hash table: they are
 * right if any of our flows with the same content has them.
 */
function flowDifferences(nb: Northbound, real: readonly Flow[], ours: readonly Flow[]): string {
  const found = compareFlows(real, ours, [
    'pipeline',
    'table',
    'stage',
    'priority',
    'match',
    'actions',
    'controllerMeter',
  ]);
  if (found !== '') return found;
  const causes = causesOf(nb);
  const wrong = real.filter((flow) => !causes.get(contentOf(flow))?.has(causeOf(flow.source, flow.hint)));
  return wrong.map((flow) => `${flow.source}, hint ${flow.hint} is no cause of ours: ${contentOf(flow)}`).join('\n');
}

/** The lines and hints of all flows that we emit, by what they do. */
function causesOf(nb: Northbound): Map<string, Set<string>> {
  const topology = buildTopology(nb);
  const causes = new Map<string, Set<string>>();
  for (const dp of topology.switches) {
    buildSwitchFlows(dp, topology, ({ name }, priority, match, actions, line, hint) => {
      const key = contentOf({ stage: name, priority, match, actions });
      const known = causes.get(key) ?? new Set();
      causes.set(key, known.add(causeOf(`northd.c:${line}`, hint?._uuid.slice(0, 8))));
    });
  }
  return causes;
}

function contentOf({
  stage,
  priority,
  match,
  actions,
}: Pick<Flow, 'stage' | 'priority' | 'match' | 'actions'>): string {
  return `${stage} ${priority} ${match} ${actions}`;
}

function causeOf(source: string, hint: string | undefined): string {
  return `${source} ${hint ?? ''}`;
}

/** Everything but the flows, a line a row, without UUIDs and without tunnel keys that are arbitrary. */
export function rowLines(southbound: Southbound, dynamicAddresses: ReadonlyMap<string, string>): string[] {
  const datapaths = new Map(southbound.datapaths.map(({ uuid, name }) => [uuid, name]));
  const ports = new Map(southbound.ports.map(({ uuid, logicalPort }) => [uuid, logicalPort]));
  const nameOf = (datapath: string) => datapaths.get(datapath) ?? '';
  return [
    ...southbound.datapaths.map(({ kind, externalIds }) => ['Datapath_Binding', kind, sorted(externalIds)]),
    ...southbound.ports.map((port) => [
      'Port_Binding',
      port.logicalPort,
      nameOf(port.datapath),
      port.type,
      port.mac,
      port.portSecurity,
      sorted(port.options),
      sorted(port.externalIds),
    ]),
    ...southbound.multicastGroups.map((group) => [
      'Multicast_Group',
      nameOf(group.datapath),
      group.name,
      group.tunnelKey,
      group.ports.map((port) => ports.get(port)).sort(),
    ]),
    ...[...southbound.addressSets].map(([name, addresses]) => ['Address_Set', name, [...addresses].sort()]),
    ...[...wholePortGroups(southbound)].map(([name, members]) => ['Port_Group', name, members]),
    ...southbound.dhcpOptions.map(({ name, code, type }) => ['DHCP_Options', name, code, type]),
    ...southbound.dhcpv6Options.map(({ name, code, type }) => ['DHCPv6_Options', name, code, type]),
    ...southbound.staticMacBindings.map((binding) => ['Static_MAC_Binding', ...Object.values(binding)]),
    ...[...dynamicAddresses].map(([port, addresses]) => ['dynamic_addresses', port, addresses]),
  ]
    .map((row) => JSON.stringify(row))
    .sort();
}

/** The southbound database has a group once for each datapath, as `KEY_NAME`. */
function wholePortGroups({ portGroups }: Southbound): Map<string, string[]> {
  const whole = new Map<string, string[]>();
  for (const [name, members] of portGroups) {
    const plain = name.replace(/^\d+_/, '');
    whole.set(plain, [...(whole.get(plain) ?? []), ...members].sort());
  }
  return whole;
}

function sorted(map: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function rowDifferences(real: readonly string[], ours: readonly string[]): string {
  const missing = real.filter((line) => !ours.includes(line)).map((line) => `missing  ${line}`);
  const extra = ours.filter((line) => !real.includes(line)).map((line) => `too many ${line}`);
  return [...missing, ...extra].join('\n');
}

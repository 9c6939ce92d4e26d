/** An IP address and a MAC address belong to one port of a network. */
import { groupBy } from '../../engine/group.ts';
import { formatEthernet, formatIpv4, formatIpv6 } from '../../engine/lang/addresses.ts';
import type { NetworkDatapath, NetworkPort } from '../symbolic/index.ts';
import { parseSecuredAddresses } from '../trace/addresses.ts';
import { gatewayBehind } from './open-view.ts';
import { type Check, holds, type Judgement, type Property, violated } from './property.ts';
import type { View } from './view.ts';

export const addressUnique: Property = {
  id: 'address-unique',
  severity: 'error',
  promise: 'an IP address and a MAC address belong to one port of a network',
  *checks(view) {
    for (const segment of segmentsOf(view)) yield check(view, segment);
  },
};

/** Switches that share a wire outside are one network; each other one is one by itself. */
function segmentsOf(view: View): NetworkDatapath[][] {
  const switches = [...view.analysis.network.datapaths.values()].filter(({ kind }) => kind === 'switch');
  const wireOf = wiredSwitches(view);
  return [...groupBy(switches, (one) => wireOf.get(one) ?? one.uuid).values()];
}

/** Switches with ports outside, and the names of their wires. */
const wiredSwitches = ({ wires }: View): Map<NetworkDatapath, string> =>
  new Map(wires.flatMap(({ name, ports }) => ports.map(({ datapath }) => [datapath, name] as const)));

/** The addresses of those who are on wires outside: a wire and an address, in words, and on which switch it is. */
export function addressesOnWires(view: View): { readonly name: string; readonly datapath: NetworkDatapath }[] {
  return [...wiredSwitches(view)].flatMap(([datapath, wire]) =>
    datapath.ports.flatMap(owned).map(({ address }) => ({ name: `${wire}\n${address}`, datapath })),
  );
}

function check(view: View, segment: readonly NetworkDatapath[]): Check {
  const ports = segment.flatMap((one) => one.ports);
  const source = view.tenants.flatMap(({ networks }) =>
    networks.filter(({ datapath }) => segment.includes(datapath)).flatMap((network) => network.source),
  );
  return {
    subject: segment.map(({ name }) => name).join(', '),
    source,
    ...(ports.length === 0 && { vacuous: 'it has no port' }),
    judge: () => judge(view, ports),
  };
}

/** An address, in words, and the port that has it. */
interface Owned {
  readonly address: string;
  readonly port: NetworkPort;
}

function judge(view: View, ports: readonly NetworkPort[]): Judgement {
  for (const [address, owners] of groupBy(ports.flatMap(owned), (one) => one.address)) {
    const [first, second] = [...new Set(owners.map(({ port }) => port))];
    if (!first || !second) continue;
    const sentence = `${address} is ${first.name}'s and ${second.name}'s`;
    const rows = [first, second].map(({ name }) => `Logical_Switch_Port ${name}`);
    const source = [first, second].flatMap((port) => [...(view.hostOf.get(port)?.source ?? [])]);
    return violated({ kind: 'written', sentence, rows, source });
  }
  return holds;
}

/** What a host's port says it has, and what the router behind a port has. */
function owned(port: NetworkPort): Owned[] {
  const [gateway] = gatewayBehind(port);
  if (gateway) {
    const addresses = gateway.addresses.map(({ address }) => textOf(address));
    return [`MAC address ${formatEthernet(gateway.mac)}`, ...addresses].map((address) => ({ address, port }));
  }
  if (port.edge !== 'vif') return [];
  const virtual = port.binding.options['virtual-ip'];
  const entries = port.binding.mac.flatMap((entry) => parseSecuredAddresses(entry) ?? []);
  const all = entries.flatMap(({ mac, ip4, ip6 }) => [
    `MAC address ${formatEthernet(mac)}`,
    ...[...ip4, ...ip6].map(textOf),
  ]);
  return [...all, ...(virtual === undefined ? [] : [virtual])].map((address) => ({ address, port }));
}

const textOf = ({ family, value }: { family: 4 | 6; value: bigint }): string =>
  family === 4 ? formatIpv4(value) : formatIpv6(value);

/** Who is behind the ports of a network, as far as the database tells. */
import { parseEthernet, parseIpv4, parseIpv6 } from '../../engine/lang/index.ts';
import type { Network, NetworkPort } from '../symbolic/types.ts';

/** Addresses that belong together: a MAC address and the IP addresses behind it. */
export interface HostAddresses {
  readonly mac: bigint;
  readonly ip4: readonly bigint[];
  readonly ip6: readonly bigint[];
}

/** What the rows say of a port: its addresses (`MAC IP...`), or where they are not known those that port security allows. */
export function addressesOf({ binding }: NetworkPort): HostAddresses[] {
  const known = binding.mac.flatMap(parseAddresses);
  return known.length > 0 ? known : binding.portSecurity.flatMap(parseAddresses);
}

function parseAddresses(text: string): HostAddresses[] {
  const [first = '', ...rest] = text.trim().split(/\s+/);
  const mac = parseEthernet(first);
  if (mac === undefined) return [];
  const ips = rest.map((ip) => ip.split('/')[0] ?? '');
  return [{ mac, ip4: ips.flatMap((ip) => parseIpv4(ip) ?? []), ip6: ips.flatMap((ip) => parseIpv6(ip) ?? []) }];
}

/** Who can be met by whom. */
export interface Neighborhood {
  /** By MAC address, of the hosts and routers on the sender's own switch. */
  readonly onLink: readonly HostAddresses[];
  /** The routers among them. */
  readonly routers: readonly HostAddresses[];
  /** Hosts anywhere in the sender's part of the network, those near it first. */
  readonly everywhere: readonly HostAddresses[];
}

/** More hosts than this are not looked at: any of them will do for an example. */
const hostLimit = 512;

/** Who a host behind the port may want to talk to. */
export function neighborhoodOf(network: Network, port: NetworkPort): Neighborhood {
  const { ports } = port.datapath;
  const routers = ports.flatMap(({ peer }) => (peer ? addressesOf(peer) : []));
  const hosts = ports
    .filter((other) => other !== port && other.edge === 'vif')
    .slice(0, hostLimit)
    .flatMap(addressesOf);
  const others: HostAddresses[] = [];
  for (const other of network.ports.values()) {
    if (others.length >= hostLimit) break;
    // Of who is only met outside, nothing is known here: parts of a network are verified by themselves.
    const isNear = other.datapath.component === port.datapath.component && other.datapath !== port.datapath;
    if (other.edge === 'vif' && isNear) others.push(...addressesOf(other));
  }
  return { onLink: [...hosts, ...routers], routers, everywhere: [...hosts, ...others] };
}

/** A router port's addresses, as flows mention them. */
import { type Ipv4Network, type Ipv6Network, ipv6Mask, parseExactIpv4, parseExactIpv6 } from '../addresses.ts';
import type { RouterPort } from '../topology.ts';

/** `A` or `{A, B}`: the addresses as the match language's constant. */
export function addressSet(networks: readonly (Ipv4Network | Ipv6Network)[]): string {
  return networks.length === 1 ? networks[0].address : braces(networks.map((network) => network.address));
}

/** `{A, B}`, also for one. */
export function braces(constants: readonly string[]): string {
  return `{${constants.join(', ')}}`;
}

/** ` && is_chassis_resident(...)` where `port` is a distributed gateway port, else ''. */
export function onGatewayChassis(port: RouterPort): string {
  return port.redirect ? ` && is_chassis_resident(${port.redirect.quoted})` : '';
}

/**
 * Whether frames for `port` are taken on its gateway chassis only: so it is with
 * a distributed gateway port, unless a VTEP gateway on its switch brings them in elsewhere.
 */
export function isCentralized({ peer, redirect }: RouterPort): boolean {
  return redirect !== undefined && !(peer?.kind === 'switch-port' && peer.datapath.hasVtepPorts);
}

/** The address of `port` in whose network `ip` lies; undefined if there is none or `ip` is no address. */
export function addressFacing(port: RouterPort, ip: string): string | undefined {
  if (ip.includes('.')) {
    const bits = parseExactIpv4(ip);
    return bits === undefined ? undefined : port.networks.ipv4.find((own) => sameIpv4Network(own, bits))?.address;
  }
  const bits = parseExactIpv6(ip);
  return bits === undefined ? undefined : port.networks.ipv6.find((own) => sameIpv6Network(own, bits))?.address;
}

function sameIpv4Network(own: Ipv4Network, bits: number): boolean {
  return own.prefixLength === 0 || (own.bits ^ bits) >>> (32 - own.prefixLength) === 0;
}

function sameIpv6Network(own: Ipv6Network, bits: bigint): boolean {
  return (own.bits ^ bits) >> BigInt(128 - own.prefixLength) === 0n;
}

/** Whether the network is IPv6's link-local one, which says nothing about where to go. */
export function isLinkLocal({ bits, prefixLength }: Ipv6Network): boolean {
  return (bits & ipv6Mask(prefixLength)) >> 64n === 0xfe80000000000000n;
}

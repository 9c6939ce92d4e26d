/** Control plane protection: which meter limits a kind of packet on its way to ovn-controller, ovn-nb(5). */
import type { Northbound, NorthboundRow } from '../ovsdb/northbound.ts';

/** The kinds of packets, as the keys of the column `meters` of table Copp. */
export type CoppProtocol =
  | 'arp'
  | 'arp-resolve'
  | 'bfd'
  | 'dhcpv4-opts'
  | 'dhcpv6-opts'
  | 'dns'
  | 'event-elb'
  | 'icmp4-error'
  | 'icmp6-error'
  | 'igmp'
  | 'nd-na'
  | 'nd-ns'
  | 'nd-ns-resolve'
  | 'nd-ra-opts'
  | 'reject'
  | 'svc-monitor'
  | 'tcp-reset';

/** The meter of `protocol` on a datapath whose column `copp` is given, or undefined for none. */
export function coppMeter(nb: Northbound, copp: string | undefined, protocol: CoppProtocol): string | undefined {
  const name = copp === undefined ? undefined : nb.Copp.get(copp)?.meters[protocol];
  return name !== undefined && meterNamed(nb, name) ? name : undefined;
}

/** The name of meter `name` as ACL `acl` logs by it: a fair meter is one of its own for each ACL. */
export function logMeter(nb: Northbound, name: string, acl: string): string {
  return meterNamed(nb, name)?.fair ? `${name}__${acl}` : name;
}

function meterNamed(nb: Northbound, name: string): NorthboundRow<'Meter'> | undefined {
  for (const meter of nb.Meter.values()) if (meter.name === name) return meter;
  return undefined;
}

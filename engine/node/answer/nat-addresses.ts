/**
 * The addresses that a gateway announces to a physical network: an entry of
 * Port_Binding's `nat_addresses` (ovn-sb(5)).
 *
 *     80:fa:5b:06:72:b7 158.36.44.22 158.36.44.24 is_chassis_resident("foo1")
 */
import { parsePortAddresses } from '../../northd/addresses.ts';
import { gratuitousArp } from './arp.ts';
import { ipBytes, macBytes } from './compose.ts';

export interface NatAddresses {
  /** What is to be sent for each IPv4 address, by its text. */
  readonly announcements: ReadonlyMap<string, Uint8Array>;
  /** The port that must live on the chassis that announces them; without one any chassis of the port itself does. */
  readonly residentPort?: string;
}

const condition = /\bis_chassis_resident\s*\(\s*"((?:[^"\\]|\\.)*)"\s*\)/;

/** Reads an entry; undefined if it does not begin with an Ethernet address. */
export function readNatAddresses(entry: string): NatAddresses | undefined {
  const addresses = parsePortAddresses(entry)?.addresses;
  const mac = addresses && macBytes(addresses.mac);
  if (!mac) return undefined;
  const announcements = new Map<string, Uint8Array>();
  for (const { address } of addresses.ipv4) {
    const ip = ipBytes(address);
    if (ip) announcements.set(address, gratuitousArp(mac, ip));
  }
  const residentPort = condition.exec(entry)?.[1]?.replace(/\\(.)/g, '$1');
  return residentPort === undefined ? { announcements } : { announcements, residentPort };
}

/** The allocation of a network's addresses to its ports, and MAC addresses made of names. */
import { parse, v5 } from 'uuid';
import { type Cidr, firstAddress, lastAddress } from '../address.ts';
import type { AddressRange } from '../spec/resources.ts';

/** The gateway of a network: its first host address. */
export const gatewayAddress = (net: Cidr): number => firstAddress(net) + 1;

/**
 * The free host addresses of a subnet from the lowest up: without its own
 * address, the broadcast address, the `reserved` ones and the `excluded` ranges.
 */
export function* hostAddresses(
  net: Cidr,
  reserved: ReadonlySet<number>,
  excluded: readonly AddressRange[] = [],
): Generator<number, void> {
  const ranges = [...excluded].sort((a, b) => a.first - b.first);
  const end = lastAddress(net);
  let next = 0;
  for (let address = firstAddress(net) + 1; address < end; address++) {
    while (next < ranges.length && ranges[next].last < address) next++;
    if (next < ranges.length && ranges[next].first <= address) {
      address = ranges[next].last;
      continue;
    }
    if (!reserved.has(address)) yield address;
  }
}

const namespace = parse('0d3ac2f4-9f1e-5a0b-8a57-6a1f1c1f8e02');

/** A locally administered unicast MAC address made of a name: the same name, the same address. */
export function macOfName(name: string): string {
  const uuid = v5(name, namespace);
  const bytes = [0, 2, 4, 6, 9].map((at) => uuid.slice(at, at + 2));
  return `02:${bytes.join(':')}`;
}

/**
 * Gives each name a MAC address that none of `taken` has and no other name was
 * given.  A clash, rarer than one in a million networks, is settled by trying
 * the name with a number behind it.
 */
export function allocateMac(name: string, taken: Set<string>): string {
  let mac = macOfName(name);
  for (let attempt = 1; taken.has(mac); attempt++) mac = macOfName(`${name}#${attempt}`);
  taken.add(mac);
  return mac;
}

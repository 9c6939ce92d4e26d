/**
 * Port security of a chassis where it is narrower than what is followed for all packets: of a MAC address whose entry has
 * IP addresses, ovn-controller lets only IP and ARP in (controller/lflow.c, `consider_port_sec_flows`; real ones drop the
 * rest), and ovn-trace everything that is neither.  Hardware has to do as the chassis does.
 */

import { formatEthernet } from '../../engine/lang/addresses.ts';
import type { LogicalFlow, PortBinding, Southbound } from '../../engine/ovsdb/southbound.ts';
import { parseSecuredAddresses } from '../trace/addresses.ts';

/** The database with flows that drop what the chassis does: they stand before each flow that asks for port security. */
export function secured(southbound: Southbound): Southbound {
  const ports = new Map<string, string[]>();
  for (const port of southbound.ports) {
    const match = restricted(port);
    if (match !== undefined) ports.set(port.datapath, [...(ports.get(port.datapath) ?? []), match]);
  }
  const flows = southbound.flows.flatMap((flow): LogicalFlow[] => {
    if (!flow.actions.includes('check_in_port_sec')) return [flow];
    const own = (ports.get(flow.datapath) ?? []).map((match) => `(${flow.match}) && ${match}`);
    // A type cannot be asked for with `!=`: what passes stands above what does not, and both just above the flow.
    return [
      ...own.flatMap((match, index) => [
        {
          ...flow,
          uuid: `${flow.uuid} ${index} passes`,
          priority: flow.priority + 0.5,
          match: `${match} && (ip || arp)`,
        },
        { ...flow, uuid: `${flow.uuid} ${index} drops`, priority: flow.priority + 0.25, match, actions: 'drop;' },
      ]),
      flow,
    ];
  });
  return ports.size === 0 ? southbound : { ...southbound, flows };
}

/** The packets of a port that are let in if they are IP or ARP only; undefined where there are none. */
function restricted({ logicalPort, portSecurity }: PortBinding): string | undefined {
  const entries = portSecurity.map(parseSecuredAddresses).filter((entry) => entry !== undefined);
  const isOpen = ({ ip4, ip6 }: (typeof entries)[number]): boolean => ip4.length + ip6.length === 0;
  const open = new Set(entries.filter(isOpen).map(({ mac }) => mac));
  const macs = new Set(entries.map(({ mac }) => mac).filter((mac) => !open.has(mac)));
  if (macs.size === 0) return undefined;
  return `inport == ${JSON.stringify(logicalPort)} && eth.src == {${[...macs].map(formatEthernet).join(', ')}}`;
}

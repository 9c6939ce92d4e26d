/** The DHCP options that ovn-northd 23.03 registers in the southbound database: name, code, type. */
import { DHCP_OPTIONS, DHCPV6_OPTIONS } from '../lang/options.ts';
import type { DhcpOption } from '../ovsdb/southbound.ts';

/** DHCPv6 options that came with later releases. */
const later: ReadonlySet<string> = new Set(['fqdn', 'bootfile_name', 'bootfile_name_alt']);

/** Table DHCP_Options. */
export const dhcpv4Options = (): DhcpOption[] => DHCP_OPTIONS.map((option) => ({ ...option }));

/** Table DHCPv6_Options. */
export const dhcpv6Options = (): DhcpOption[] =>
  DHCPV6_OPTIONS.filter(({ name }) => !later.has(name)).map((option) => ({ ...option }));

/** Field values as Open vSwitch writes them (`mf_format`, `format_flags`). */
import { formatEthernet, formatIpv4, formatIpv6 } from '../../engine/lang/addresses.ts';
import { formatHex } from '../../engine/lang/constants.ts';
import type { ValueForm } from './packet.ts';

const tcpFlagNames = ['fin', 'syn', 'rst', 'psh', 'ack', 'urg', 'ece', 'cwr', 'ns', '[200]', '[400]', '[800]'];
const ctStateNames = ['new', 'est', 'rel', 'rpl', 'inv', 'trk', 'snat', 'dnat'];

function flagsText(value: number, names: readonly string[]): string {
  if (value === 0) return '0';
  return names.filter((_, bit) => value & (1 << bit)).join('|');
}

/** `syn|ack`, `0` for none. */
export function tcpFlagsText(value: number): string {
  return flagsText(value, tcpFlagNames);
}

/** `est|trk`, `0` for none. */
export function ctStateText(value: number): string {
  return flagsText(value, ctStateNames);
}

/** A bit of `ct_state` by its name; undefined for a name that there is not. */
export function ctStateBit(name: string): number | undefined {
  const bit = ctStateNames.indexOf(name);
  return bit < 0 ? undefined : 1 << bit;
}

/** `no`, `first` or `later`; a later fragment that is no fragment is `<error>`. */
export function fragText(value: number): string {
  if (value & 1) return value & 2 ? 'later' : 'first';
  return value & 2 ? '<error>' : 'no';
}

/** A whole field's value in that field's own form. */
export function valueText(value: bigint, form: ValueForm): string {
  switch (form) {
    case 'decimal':
      return value.toString();
    case 'hex':
      return formatHex(value);
    case 'ethernet':
      return formatEthernet(value);
    case 'ipv4':
      return formatIpv4(value);
    case 'ipv6':
      return formatIpv6(value);
    case 'frag':
      return fragText(Number(value));
    case 'tcpFlags':
      return tcpFlagsText(Number(value));
    case 'ctState':
      return ctStateText(Number(value));
  }
}

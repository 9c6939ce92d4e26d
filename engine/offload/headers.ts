/** The headers that `tunnelHeaders` of actions.ts makes, read back: for those who say the same in words of their own. */
import { formatEthernet, formatIpv4 } from '../lang/addresses.ts';

export interface TunnelHeaders {
  readonly ethDst: string;
  readonly ethSrc: string;
  readonly src: string;
  readonly dst: string;
  readonly sourcePort: number;
  readonly vni: number;
  /** The four bytes of OVN's option, in hexadecimal. */
  readonly option: string;
}

/** What the bytes say; undefined where they are no headers of Geneve with OVN's option over IPv4. */
export function readTunnelHeaders(data: string): TunnelHeaders | undefined {
  const hex = (from: number, bytes: number): string => data.slice(from * 2, (from + bytes) * 2);
  const number = (from: number, bytes: number): bigint => BigInt(`0x${hex(from, bytes)}`);
  if (!/^[0-9a-f]{116}$/.test(data) || hex(12, 2) !== '0800' || hex(36, 2) !== '17c1' || hex(50, 4) !== '01028001')
    return undefined;
  return {
    ethDst: formatEthernet(number(0, 6)),
    ethSrc: formatEthernet(number(6, 6)),
    src: formatIpv4(number(26, 4)),
    dst: formatIpv4(number(30, 4)),
    sourcePort: Number(number(34, 2)),
    vni: Number(number(46, 3)),
    option: hex(54, 4),
  };
}

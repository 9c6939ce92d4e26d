/** Addresses with ports as load balancers have them: `10.0.0.1:80`, `10.0.0.1`, `[::1]:80`, `::1`. */
import { parseIpv4, parseIpv6 } from './addresses.ts';
import { formatConstant, numberConstant } from './constants.ts';
import type { Backend } from './ir.ts';

/** The address and port, 0 where none is given; undefined if the text is not of that form. */
export function parseHostAndPort(text: string): Backend | undefined {
  const [, bracketed, plain, port = '0'] = /^(?:\[([^\]]*)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain ?? text;
  const ipv4 = parseIpv4(host);
  const ipv6 = ipv4 === undefined ? parseIpv6(host) : undefined;
  if (Number(port) > 0xffff) {
    return undefined;
  }
  if (ipv4 !== undefined) {
    return { ip: numberConstant(ipv4, 'ipv4'), port: Number(port) };
  }
  return ipv6 === undefined ? undefined : { ip: numberConstant(ipv6, 'ipv6'), port: Number(port) };
}

/** An address with its port as a load balancer's key has it: `10.0.0.1:80`, `[::1]:80`. */
export function formatBackend({ ip, port }: Backend): string {
  const address = formatConstant(ip);
  if (port === 0) {
    return address;
  }
  return ip.kind === 'bits' && ip.format === 'ipv6' ? `[${address}]:${port}` : `${address}:${port}`;
}

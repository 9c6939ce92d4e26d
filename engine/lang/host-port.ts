/** Addresses with ports as load balancers have them: `10.0.0.1:80`, `10.0.0.1`, `[::1]:80`, `::1`. */
import { parseIpv4, parseIpv6 } from './addresses.ts';
import { formatConstant, numberConstant } from './constants.ts';
import type { Backend } from './ir.ts';

/**
 * The address and port, 0 where none is given; undefined if the text is not of that
 * form.  As in OVS (lib/socket-util.c), a colon within brackets separates nothing,
 * brackets need not be closed, and a port may be empty or have a sign.
 */
export function parseHostAndPort(text: string): Backend | undefined {
  const colon = lonelyColon(text);
  const host = colon === 'several' ? text : unbracket(text.slice(0, colon));
  const port = typeof colon === 'number' ? parsePort(unbracket(text.slice(colon + 1))) : 0;
  if (port === undefined) {
    return undefined;
  }
  const ipv4 = parseIpv4(host);
  if (ipv4 !== undefined) {
    return { ip: numberConstant(ipv4, 'ipv4'), port };
  }
  const ipv6 = parseIpv6(host);
  return ipv6 === undefined ? undefined : { ip: numberConstant(ipv6, 'ipv6'), port };
}

/** Where the only colon outside brackets is. */
function lonelyColon(text: string): number | 'several' | undefined {
  let colon: number | undefined;
  let inBrackets = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '[' || c === ']') {
      inBrackets = c === '[';
    } else if (c === ':' && !inBrackets) {
      if (colon !== undefined) {
        return 'several';
      }
      colon = i;
    }
  }
  return colon;
}

function unbracket(text: string): string {
  return text.startsWith('[') ? text.slice(1, text.endsWith(']') ? -1 : undefined) : text;
}

function parsePort(text: string): number | undefined {
  if (text === '') {
    return 0;
  }
  const port = /^\s*[+-]?\d+$/.test(text) ? Number(text) : -1;
  return port >= 0 && port <= 0xffff ? Math.abs(port) : undefined;
}

/** An address with its port as a load balancer's key has it: `10.0.0.1:80`, `[::1]:80`. */
export function formatBackend({ ip, port }: Backend): string {
  const address = formatConstant(ip);
  if (port === 0) {
    return address;
  }
  return ip.kind === 'bits' && ip.format === 'ipv6' ? `[${address}]:${port}` : `${address}:${port}`;
}

/**
 * Options of put_dhcp_opts and put_dhcpv6_opts as bytes, as ovn-controller
 * writes them into a flow once and copies them into every answer.
 */
import type { Constant, OptionValue } from '../../lang/ir.ts';
import { textBytes, Writer } from './bytes.ts';

/** Codes of put_dhcp_opts with a meaning of their own; the last two are OVN's, not RFC 2132's. */
export const OFFER_IP = 0;
export const BOOTFILE_NAME = 67;
export const NEXT_SERVER = 253;
export const BOOTFILE_NAME_ALT = 254;

/**
 * DHCPv4 options, each as code, length and value (RFC 2132), without `offerip`.
 * The names of boot files and the next server come first.  A length above 255 loses its upper bits.
 */
export function dhcpv4Options(options: readonly OptionValue[]): Uint8Array {
  const written = new Writer(256);
  const special = [BOOTFILE_NAME, BOOTFILE_NAME_ALT, NEXT_SERVER].flatMap((code) => find(options, code) ?? []);
  for (const option of special) putOption(written, option);
  const offer = find(options, OFFER_IP);
  for (const option of options) {
    if (option !== offer && !special.includes(option)) putOption(written, option);
  }
  return written.done();
}

/** The address that `offerip` gives as a number; undefined without one. */
export function offeredAddress(options: readonly OptionValue[]): number | undefined {
  const offer = find(options, OFFER_IP)?.values[0];
  return offer?.kind === 'bits' ? Number(offer.value & 0xffffffffn) : undefined;
}

/** DHCPv6 options as pairs of code and value, before an answer gives them their form. */
export function dhcpv6Options(options: readonly OptionValue[]): { code: number; value: Uint8Array }[] {
  return options.map(({ code, type, values }) => {
    const value = new Writer(32);
    if (type === 'ipv6') for (const constant of values) value.bits(bitsOf(constant), 16);
    else if (type === 'mac') value.bits(bitsOf(values[0]), 6);
    else if (type === 'str') value.put(textOf(values[0]));
    return { code, value: value.done() };
  });
}

export const bitsOf = (constant: Constant | undefined): bigint => (constant?.kind === 'bits' ? constant.value : 0n);

const stringOf = (constant: Constant | undefined): string => (constant?.kind === 'string' ? constant.text : '');

const textOf = (constant: Constant | undefined): Uint8Array => textBytes(stringOf(constant));

const find = (options: readonly OptionValue[], code: number): OptionValue | undefined =>
  options.find((option) => option.code === code);

function putText(to: Writer, { code, values }: OptionValue): void {
  const text = textOf(values[0]);
  const length = text.length & 255;
  to.u8(code).u8(length).put(text.subarray(0, length));
}

const sizes: Readonly<Record<string, number>> = { bool: 1, uint8: 1, uint16: 2, uint32: 4 };

function putOption(to: Writer, option: OptionValue): void {
  const { code, type, values } = option;
  const put = (value: Uint8Array) => to.u8(code).u8(value.length).put(value);
  if (type in sizes) put(new Writer().bits(bitsOf(values[0]), sizes[type]).done());
  else if (type === 'ipv4') put(addresses(values));
  else if (type === 'static_routes') put(staticRoutes(values));
  else if (type === 'str') putText(to, option);
  else if (type === 'host_id' && values[0]?.kind === 'string') putText(to, option);
  else if (type === 'host_id') put(addresses(values.slice(0, 1)));
  else if (type === 'domains') put(domainSearchList(stringOf(values[0])));
  else put(new Uint8Array(0));
}

function addresses(values: readonly Constant[]): Uint8Array {
  const written = new Writer(4 * values.length);
  for (const value of values) written.bits(bitsOf(value), 4);
  return written.done();
}

/** Destinations and routers in turn: RFC 3442.  A destination without a router is left out. */
function staticRoutes(values: readonly Constant[]): Uint8Array {
  const written = new Writer(9 * values.length);
  for (let i = 0; i + 1 < values.length; i += 2) {
    const destination = values[i];
    const length = destination.kind === 'bits' && destination.masked ? prefixLength(destination.mask) : 32;
    const octets = Math.ceil(length / 8);
    written.u8(length).bits(bitsOf(destination) >> BigInt(32 - 8 * octets), octets);
    written.bits(bitsOf(values[i + 1]), 4);
  }
  return written.done();
}

function prefixLength(mask: bigint): number {
  let length = 0;
  for (let bits = mask & 0xffffffffn; bits > 0n; bits &= bits - 1n) length++;
  return length;
}

const DOMAIN_MAX = 255;

/**
 * Domains with commas between them, compressed: RFC 3397, RFC 1035 section 4.1.4.
 * Suffixes that were written before are pointed at.  OVN compares suffixes
 * without their last character, so two that differ there only count as one.
 * A domain above 255 bytes makes the whole option empty.
 */
function domainSearchList(list: string): Uint8Array {
  const written = new Writer(2 * list.length);
  const offsets = new Map<string, number>();
  for (const domain of list.split(',').filter((name) => name !== '')) {
    if (textBytes(domain).length > DOMAIN_MAX) return new Uint8Array(0);
    let suffix = domain.slice(0, -1);
    let rest = domain;
    let isPointer = false;
    for (;;) {
      const [whole, label] = /^\.*([^.]+)\.?/.exec(rest) ?? [];
      if (whole === undefined || label === undefined) break;
      const offset = offsets.get(suffix);
      if (offset !== undefined) {
        written.u16(0xc000 | offset);
        isPointer = true;
        break;
      }
      offsets.set(suffix, written.length);
      const bytes = textBytes(label);
      written.u8(bytes.length).put(bytes);
      rest = rest.slice(whole.length);
      suffix = rest.slice(0, -1);
    }
    if (!isPointer) written.u8(0);
  }
  return written.done();
}

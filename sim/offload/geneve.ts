/**
 * The headers that OVN puts before packets for other chassis: Geneve (RFC 8926)
 * with the logical ports in an option (ovn-architecture(7), "Tunnel
 * Encapsulations").  Addresses and keys are numbers.
 */

/** What a tunnel's headers say. */
export interface Encapsulation {
  readonly family: 4 | 6;
  readonly src: bigint;
  readonly dst: bigint;
  /** The tunnel key of the datapath that the packet is in. */
  readonly vni: number;
  /** The tunnel keys of the logical ports that it came in by and is for. */
  readonly inKey: number;
  readonly outKey: number;
}

const genevePort = 6081;
const udp = 17;
const ethernetInside = 0x6558;
/** OVN's option: class 0x0102, type 0x80, a word of data. */
const optionHeader = [0x01, 0x02, 0x80, 0x01];

/** Bytes of hexadecimal digits, as rules have them. */
export const bytesOfHex = (digits: string): number[] =>
  Array.from({ length: digits.length / 2 }, (_, index) => Number.parseInt(digits.slice(2 * index, 2 * index + 2), 16));

const number = (bytes: readonly number[]): bigint => bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);

/** Reads headers; a text says what in them is not as a tunnel of OVN has it. */
export function readEncapsulation(bytes: readonly number[]): Encapsulation | string {
  const word = (at: number) => Number(number(bytes.slice(at, at + 2)));
  const type = word(12);
  if (type !== 0x800 && type !== 0x86dd) return 'behind Ethernet stands neither IPv4 nor IPv6';
  const isV4 = type === 0x800;
  const transport = isV4 ? 34 : 54;
  if (bytes.length !== transport + 24) {
    return `they have ${bytes.length} bytes, not the ${transport + 24} of Ethernet, IP, UDP and Geneve with OVN's option`;
  }
  if (isV4 && bytes[14] !== 0x45) return 'the first byte of IPv4 is not 0x45';
  if (isV4 && (word(20) & 0x3fff) !== 0) return 'IPv4 says that the packet is a fragment';
  if (!isV4 && (bytes[14] ?? 0) >> 4 !== 6) return 'the version of IPv6 is not 6';
  if (bytes[isV4 ? 23 : 20] !== udp) return 'behind IP stands no UDP';
  if (bytes[isV4 ? 22 : 21] === 0) return 'the time to live is 0';
  if (word(transport + 2) !== genevePort) return `UDP goes to port ${word(transport + 2)}, not ${genevePort}`;
  const at = transport + 8;
  if (((bytes[at] ?? 0) & 0xff) !== 2) return "Geneve's version is not 0, or its options are not two words long";
  if (((bytes[at + 1] ?? 0) & 0x80) !== 0) return 'Geneve says that it is a control packet';
  if (word(at + 2) !== ethernetInside) return 'Geneve says that there is no Ethernet frame inside';
  if (optionHeader.some((byte, index) => bytes[at + 8 + index] !== byte)) {
    return "the option is not OVN's: class 0x0102, type 0x80, one word";
  }
  const source = isV4 ? 26 : 22;
  const length = isV4 ? 4 : 16;
  return {
    family: isV4 ? 4 : 6,
    src: number(bytes.slice(source, source + length)),
    dst: number(bytes.slice(source + length, source + 2 * length)),
    vni: Number(number(bytes.slice(at + 4, at + 7))),
    inKey: word(at + 12) & 0x7fff,
    outKey: word(at + 14),
  };
}

const digits = (value: bigint | number, bytes: number): number[] =>
  Array.from({ length: bytes }, (_, index) => Number((BigInt(value) >> BigInt(8 * (bytes - 1 - index))) & 0xffn));

/** Headers with these contents, as bytes before a frame of `inside` bytes; the MAC addresses are those given. */
export function encapsulationBytes(
  { family, src, dst, vni, inKey, outKey }: Encapsulation,
  inside = 0,
  macs: readonly [dst: bigint, src: bigint] = [0x020000000002n, 0x020000000001n],
): number[] {
  const length = 8 + 16 + inside;
  const network =
    family === 4
      ? withIpv4Checksum([
          ...[0x45, 0, ...digits(20 + length, 2), 0, 0, 0x40, 0, 64, udp, 0, 0],
          ...[...digits(src, 4), ...digits(dst, 4)],
        ])
      : [0x60, 0, 0, 0, ...digits(length, 2), udp, 64, ...digits(src, 16), ...digits(dst, 16)];
  const transport = [...digits(49152, 2), ...digits(genevePort, 2), ...digits(length, 2), 0, 0];
  const geneve = [2, 0x40, ...digits(ethernetInside, 2), ...digits(vni, 3), 0];
  const option = [...optionHeader, ...digits(inKey, 2), ...digits(outKey, 2)];
  const ethernet = [...digits(macs[0], 6), ...digits(macs[1], 6), ...digits(family === 4 ? 0x800 : 0x86dd, 2)];
  return [...ethernet, ...network, ...transport, ...geneve, ...option];
}

function withIpv4Checksum(header: number[]): number[] {
  let sum = 0;
  for (let i = 0; i < header.length; i += 2) sum += ((header[i] ?? 0) << 8) | (header[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return header.with(10, (~sum >> 8) & 0xff).with(11, ~sum & 0xff);
}

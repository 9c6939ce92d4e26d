/**
 * Random frames near to valid ones, by a seed: what a host might send by mistake or to
 * break in.  The same seed and the same frames give the same mutants.
 */
import fc from 'fast-check';
import { withChecksums } from '../../engine/frame.ts';
import { fragmentId, headersOf } from './answers.ts';
import { ip4, ip6, mac, protocols, tcpFlags, u16, u32 } from './frames.ts';

/** A frame and the port that it is sent into. */
export interface Sent {
  port: string;
  frame: Uint8Array;
}

export interface MutationSource {
  seed: number;
  /** Valid frames of the topology. */
  pool: readonly Sent[];
  macs: readonly string[];
  ip4s: readonly string[];
  ip6s: readonly string[];
  /** TCP and UDP ports that somebody looks at. */
  ports: readonly number[];
  /** Where a frame's source address is learned from any frame, and so is left as it is. */
  learningPorts: ReadonlySet<string>;
}

/** A choice: an index below `count`. */
type Choose = (count: number) => number;

type Mutation = (frame: Uint8Array, choose: Choose, source: MutationSource, port: string) => Uint8Array;

/** `count` mutants, with right checksums for most of them. */
export function mutants(source: MutationSource, count: number): Sent[] {
  const choices = fc.sample(fc.array(fc.nat(2 ** 31 - 1), { minLength: 24, maxLength: 24 }), {
    seed: source.seed,
    numRuns: count,
  });
  return choices.map((numbers, index) => {
    let at = 0;
    const choose: Choose = (limit) => numbers[at++ % numbers.length] % limit;
    const { port, frame } = source.pool[choose(source.pool.length)];
    let bytes: Uint8Array = frame.slice();
    // Often one thing is wrong, sometimes several.
    const times = [1, 1, 1, 2, 2, 3][choose(6)];
    for (let time = 0; time < times; time++) bytes = mutations[choose(mutations.length)](bytes, choose, source, port);
    if (opensConnection(bytes)) bytes = ownPort(bytes, index);
    if (fragmentId(bytes) !== undefined) bytes = ownFragmentId(bytes, index);
    if (choose(5) > 0) bytes = withChecksums(bytes);
    if (source.learningPorts.has(port)) bytes.set(frame.subarray(6, 12), 6);
    return { port, frame: bytes.length < ethernetHeader || endsController(bytes) ? frame : bytes };
  });
}

/** An MLD query, report or done without a whole address (RFC 2710 section 3) ends the process of ovn-controller 23.03, where groups are looked at. */
function endsController(frame: Uint8Array): boolean {
  const { ip } = headersOf(frame) ?? {};
  if (ip?.version !== 6 || ip.protocol !== protocols.icmp6) return false;
  return [130, 131, 132].includes(frame[ip.l4]) && ip.l4 + 24 > Math.min(ip.end, frame.length);
}

const ethernetHeader = 14;

/** With a fragment identification that no other mutant has: OVS keeps fragments for a while. */
function ownFragmentId(frame: Uint8Array, index: number): Uint8Array {
  const { ip, l3 = 0 } = headersOf(frame) ?? {};
  return ip?.version === 6
    ? written(frame, ip.l4 + 4, u32(20_000 + index))
    : written(frame, l3 + 4, u16(20_000 + index));
}

/** Whether a frame is a TCP segment with SYN and without ACK. */
export function opensConnection(frame: Uint8Array): boolean {
  const { ip } = headersOf(frame) ?? {};
  if (ip?.protocol !== protocols.tcp) return false;
  const { syn, ack } = tcpFlags;
  return (frame[ip.l4 + 13] & (syn | ack)) === syn;
}

/**
 * With a source port that no other mutant has.  Where a connection is opened again that has ended, the
 * tracker of OVS 3.1.0 fails an assertion and its process ends.
 */
function ownPort(frame: Uint8Array, index: number): Uint8Array {
  const { ip } = headersOf(frame) ?? {};
  return ip ? written(frame, ip.l4, u16(10_000 + index)) : frame;
}

const pick = <T>(from: readonly T[], choose: Choose): T | undefined => from[choose(Math.max(1, from.length))];

/** Writes bytes into a copy, as far as they fit. */
function written(frame: Uint8Array, at: number, bytes: readonly number[] | undefined): Uint8Array {
  const copy = frame.slice();
  if (bytes && at + bytes.length <= copy.length) copy.set(bytes, at);
  return copy;
}

/** Applies `change` to frames with an IP header, and leaves others as they are. */
const inIp =
  (
    change: (
      frame: Uint8Array,
      at: { l3: number; l4: number; version: number; protocol: number },
      choose: Choose,
      source: MutationSource,
    ) => Uint8Array,
  ): Mutation =>
  (frame, choose, source) => {
    const headers = headersOf(frame);
    return headers?.ip ? change(frame, { ...headers.ip, l3: headers.l3 }, choose, source) : frame;
  };

const anAddress = (version: number, choose: Choose, { ip4s, ip6s }: MutationSource): number[] | undefined => {
  const address = pick(version === 4 ? ip4s : ip6s, choose);
  return address === undefined ? undefined : version === 4 ? ip4(address) : ip6(address);
};

const oddPorts = [0, 1, 53, 67, 68, 80, 546, 547, 3784, 4789, 6081, 49152, 65535];

const mutations: readonly Mutation[] = [
  // One bit, anywhere or in the headers.
  (frame, choose) => {
    const copy = frame.slice();
    copy[choose(copy.length)] ^= 1 << choose(8);
    return copy;
  },
  (frame, choose) => {
    const copy = frame.slice();
    copy[choose(Math.min(copy.length, 74))] ^= 1 << choose(8);
    return copy;
  },
  // Other addresses of the topology.
  (frame, choose, { macs }) => written(frame, 0, mac(pick(macs, choose) ?? '02:00:00:00:00:00')),
  (frame, choose, { macs }) => written(frame, 6, mac(pick(macs, choose) ?? '02:00:00:00:00:00')),
  inIp((frame, { l3, version }, choose, source) =>
    written(frame, l3 + (version === 4 ? 16 : 24), anAddress(version, choose, source)),
  ),
  inIp((frame, { l3, version }, choose, source) =>
    written(frame, l3 + (version === 4 ? 12 : 8), anAddress(version, choose, source)),
  ),
  inIp((frame, { l3, version }, choose, source) =>
    written(frame, l3 + (version === 4 ? 16 : 24), anAddress(version, choose, source)),
  ),
  // Transport ports, and whatever stands there in other protocols.
  inIp((frame, { l4 }, choose, { ports }) => written(frame, l4 + 2, u16(pick(ports, choose) ?? 80))),
  inIp((frame, { l4 }, choose, { ports }) => written(frame, l4, u16(pick([...oddPorts, ...ports], choose) ?? 80))),
  inIp((frame, { l4 }, choose) => written(frame, l4 + 2, u16(pick(oddPorts, choose) ?? 0))),
  // TCP flags; type and code of ICMP.
  inIp((frame, { l4, protocol }, choose) =>
    protocol === protocols.tcp ? written(frame, l4 + 13, [choose(256)]) : frame,
  ),
  inIp((frame, { l4, protocol }, choose) => {
    if (protocol === protocols.icmp) return written(frame, l4, [[0, 3, 5, 8, 11, 12, 13][choose(7)], choose(5)]);
    return protocol === protocols.icmp6
      ? written(frame, l4, [[1, 2, 3, 4, 128, 129, 130, 131, 143][choose(9)], choose(5)])
      : frame;
  }),
  // Time to live, protocol, type of service, fragment bits, version and header length.
  inIp((frame, { l3, version }, choose) => written(frame, l3 + (version === 4 ? 8 : 7), [[0, 1, 2, 255][choose(4)]])),
  inIp((frame, { l3, version }, choose) =>
    written(frame, l3 + (version === 4 ? 9 : 6), [[1, 2, 6, 17, 47, 50, 58, 132, 0, 59, 44, 255][choose(12)]]),
  ),
  inIp((frame, { l3, version }, choose) => written(frame, l3 + 1, [version === 4 ? choose(256) : choose(16) << 4])),
  inIp((frame, { l3, version }, choose) =>
    version === 4 ? written(frame, l3 + 6, u16([0x2000, 0x0001, 0x00b9, 0x8000, 0x6000, 0x3fff][choose(6)])) : frame,
  ),
  inIp((frame, { l3 }, choose) => written(frame, l3, [choose(256)])),
  // Lengths that lie.
  inIp((frame, { l3, version }, choose) => {
    const at = l3 + (version === 4 ? 2 : 4);
    const length = (frame[at] << 8) | frame[at + 1];
    return written(frame, at, u16([length - 1, length + 1, 0, 65535, length - 8, choose(65536)][choose(6)] & 0xffff));
  }),
  inIp((frame, { l4, protocol }, choose) =>
    protocol === protocols.udp ? written(frame, l4 + 4, u16([0, 7, 8, 9, 65535, choose(65536)][choose(6)])) : frame,
  ),
  inIp((frame, { l4, protocol }, choose) =>
    protocol === protocols.tcp ? written(frame, l4 + 12, [choose(16) << 4]) : frame,
  ),
  // Cut off, or with more behind.
  (frame, choose) => frame.slice(0, ethernetHeader + choose(Math.max(1, frame.length - ethernetHeader))),
  (frame, choose) => Uint8Array.from([...frame, ...new Array<number>(1 + choose(60)).fill(choose(256))]),
  // With a tag.
  (frame, choose) =>
    Uint8Array.from([
      ...frame.subarray(0, 12),
      ...[...u16([0x8100, 0x88a8][choose(2)]), ...u16([0, 1, 5, 11, 0x2005, 4095][choose(6)])],
      ...frame.subarray(12),
    ]),
  // Wrong checksums, if they are left so.
  inIp((frame, { l3, version }, choose) => (version === 4 ? written(frame, l3 + 10, [choose(256)]) : frame)),
  inIp((frame, { l4, protocol }, choose) =>
    written(frame, l4 + (protocol === protocols.tcp ? 16 : protocol === protocols.udp ? 6 : 2), [choose(256)]),
  ),
];

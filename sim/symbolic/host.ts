/** How a host answers what it gets. */
import type { PacketSet } from '../../engine/sets/index.ts';
import { matching, type Test } from './matching.ts';
import type { Run } from './run.ts';
import { at, read, type Store, writeAll } from './store.ts';
import { constantOf } from './value.ts';

/** What an answer looks like, and the packets that are answered so. */
export interface Answer {
  readonly store: Store;
  readonly set: PacketSet;
}

const is = (place: number, width: number, value: bigint): Test => ({
  type: 'bits',
  place,
  value,
  mask: (1n << BigInt(width)) - 1n,
  equal: true,
});

/**
 * The answers to packets that arrived looking as the store says: addresses and ports exchanged, the time
 * to live 64; a SYN is answered by SYN-ACK, other segments of TCP by an ACK, echo requests by echo replies. What
 * nobody answers (ARP replies, ICMP errors, other protocols) is in none.
 */
export function answering(run: Run, store: Store, packets: PacketSet): Answer[] {
  const { space, stores } = run;
  const constant = (width: number, value: number) => constantOf(stores.values, width, BigInt(value));
  const set = (...tests: Test[]): PacketSet =>
    tests.reduce(
      (all, test) => (all === space.empty ? all : space.and(all, matching(space, store, test, 'must'))),
      packets,
    );
  const back = writeAll(stores, store, [
    [at.ethSrc, read(store, at.ethDst)],
    [at.ethDst, read(store, at.ethSrc)],
    [at.ip4Src, read(store, at.ip4Dst)],
    [at.ip4Dst, read(store, at.ip4Src)],
    [at.ip6Src, read(store, at.ip6Dst)],
    [at.ip6Dst, read(store, at.ip6Src)],
    [at.ttl, constant(8, 64)],
    [at.ipFrag, constant(2, 0)],
    [at.payload, constant(2, 0)],
    [at.length, constant(16, 64)],
  ]);
  const ports = writeAll(stores, back, [
    [at.tpSrc, read(store, at.tpDst)],
    [at.tpDst, read(store, at.tpSrc)],
  ]);
  const answers: Answer[] = [];
  const add = (some: PacketSet, answer: Store): void => {
    if (some !== space.empty) answers.push({ store: answer, set: some });
  };
  const ip4 = is(at.ethType, 16, 0x800n);
  const ip6 = is(at.ethType, 16, 0x86ddn);
  const ip: Test = { type: 'or', terms: [ip4, ip6] };
  const syn: Test = { type: 'bits', place: at.tcpFlags, value: 2n, mask: 0x17n, equal: true };
  const segment: Test = { type: 'bits', place: at.tcpFlags, value: 16n, mask: 0x16n, equal: true };
  const flags = (value: number) => writeAll(stores, ports, [[at.tcpFlags, constant(12, value)]]);
  add(set(ip, is(at.ipProto, 8, 6n), syn), flags(0x12));
  add(set(ip, is(at.ipProto, 8, 6n), segment), flags(0x10));
  add(set(ip, { type: 'or', terms: [is(at.ipProto, 8, 17n), is(at.ipProto, 8, 132n)] }), ports);
  const echo = (type: number) =>
    writeAll(stores, back, [
      [at.icmpType, constant(8, type)],
      [at.icmpCode, constant(8, 0)],
    ]);
  add(set(ip4, is(at.ipProto, 8, 1n), is(at.icmpType, 8, 8n)), echo(0));
  add(set(ip6, is(at.ipProto, 8, 58n), is(at.icmpType, 8, 128n)), echo(129));
  return answers;
}

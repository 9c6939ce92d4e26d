/** What packets that are made of others have of these, by itself. */
import { expect, test } from 'vitest';
import { at, read } from '../../../sim/symbolic/index.ts';
import { made } from '../../../sim/symbolic/nested.ts';
import { changed } from '../../../sim/symbolic/passage.ts';
import { type Store, writeAll } from '../../../sim/symbolic/store.ts';
import { constantOf } from '../../../sim/symbolic/value.ts';
import { trialOf } from './runs.ts';

const { run, state } = trialOf({ ports: { a: {} }, flows: ['0 0 1 => drop;'] });
const { stores, passages, space } = run;
const number = (width: number, value: number) => constantOf(stores.values, width, BigInt(value));

/** A segment from a port to an address, of packets that opened a connection. */
function segment(port: number, to: number) {
  const store: Store = writeAll(stores, stores.initial, [
    [at.ethType, number(16, 0x800)],
    [at.ipProto, number(8, 6)],
    [at.ip4Src, number(32, 1)],
    [at.ip4Dst, number(32, to)],
    [at.tpSrc, number(16, port)],
  ]);
  const commit = {
    zone: 'z',
    before: store,
    after: store,
    mark: number(32, 0),
    label: constantOf(stores.values, 128, 0n),
  };
  return { ...state(space.all, store), passage: changed(passages, passages.initial, { commits: [commit] }) };
}

test('an ARP request asks for the destination, and has nothing else of the packet', () => {
  const [request] = made(run, segment(1000, 9), 'arp');
  const [other] = made(run, segment(2000, 9), 'arp');
  const [elsewhere] = made(run, segment(1000, 8), 'arp');
  expect(request && read(request.store, at.arpTpa).constant).toBe(9n);
  expect(request && read(request.store, at.arpSpa).constant).toBe(1n);
  expect(request && read(request.store, at.tpSrc).constant).toBe(0n);
  expect(other?.store).toBe(request?.store);
  expect(elsewhere?.store).not.toBe(request?.store);
});

test('an ARP request belongs to no connection, an ICMP error to that of the packet', () => {
  const one = segment(1000, 9);
  expect(made(run, one, 'arp')[0]?.passage).toBe(passages.initial);
  expect(made(run, one, 'icmp4')[0]?.passage).toBe(one.passage);
});

test('a solicitation has nothing of ports', () => {
  const [one, other] = [1000, 2000].map((port) => made(run, segment(port, 9), 'nd_ns')[0]?.store);
  expect(one).toBe(other);
  expect(one && read(one, at.icmpType).constant).toBe(135n);
});

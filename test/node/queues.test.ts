/** Queues: what `set_queue` of ovn-sb(5) says of packets is told with them, by whichever way they go. */
import { describe, expect, test } from 'vitest';
import { createFleet, createNode, type Received } from '../../engine/node/index.ts';
import type { Southbound } from '../../engine/ovsdb/southbound.ts';
import { frame, protocols, udp } from '../oracle/frames.ts';
import { southboundFrom } from '../trace/southbound.ts';

const macOf = (n: number): string => `02:00:00:00:01:0${n}`;
const datagram = (from: number, to: number, port: number): Uint8Array =>
  frame(
    { src: macOf(from), dst: macOf(to) },
    { src: `10.0.1.${from}`, dst: `10.0.1.${to}` },
    protocols.udp,
    udp(4000, port, [1, 2, 3, 4]),
  );

function database(...flows: string[]): Southbound {
  return southboundFrom({ s: { ports: { a: {}, b: {}, far: { chassis: 'there' } }, flows } });
}

const nodeOf = (southbound: Southbound) => createNode({ southbound, chassis: 'here', bindings: ['a', 'b'] });
const queuesOf = (received: readonly Received[]) => received.map(({ port, queue }) => [port, queue]);

describe('queues', () => {
  test('a packet tells the last one that was set, and one without a queue none', () => {
    const node = nodeOf(
      database(
        '0 2 udp.dst == 1 => set_queue(61440); outport = "b"; output;',
        '0 2 udp.dst == 2 => set_queue(7); set_queue(8); outport = "b"; next;',
        '0 2 udp.dst == 3 => set_queue(7); set_queue(0); outport = "b"; output;',
        '0 1 1 => outport = "b"; output;',
        '1 0 1 => output;',
        'egress 0 1 udp.dst == 2 => set_queue(9); output;',
        'egress 0 0 1 => output;',
      ),
    );
    // By a translation, then by a megaflow and its straight way.
    for (let round = 0; round < 4; round++) {
      node.send(
        'a',
        [1, 2, 3, 4].map((port) => datagram(1, 2, port)),
      );
      expect(queuesOf(node.received())).toEqual([
        ['b', 61440],
        ['b', 9],
        ['b', undefined],
        ['b', undefined],
      ]);
    }
    expect(Number(node.stats().caches.misses)).toBe(4);
  });

  test('a copy has its own', () => {
    const node = nodeOf(
      database(
        '0 0 1 => set_queue(3); clone { set_queue(4); outport = "b"; output; }; outport = "b"; output;',
        'egress 0 0 1 => output;',
      ),
    );
    node.send('a', datagram(1, 2, 1));
    expect(queuesOf(node.received())).toEqual([
      ['b', 4],
      ['b', 3],
    ]);
  });

  test('it is kept through conntrack, and by packets of established connections', () => {
    const node = nodeOf(
      database(
        '0 1 inport == "a" => set_queue(5); ct_next;',
        '0 0 1 => outport = "a"; output;',
        '1 2 ct.new => ct_commit; outport = "b"; output;',
        '1 1 1 => outport = "b"; output;',
        'egress 0 1 outport == "a" => ct_next;',
        'egress 0 0 1 => output;',
        'egress 1 0 1 => output;',
      ),
    );
    const reply = frame(
      { src: macOf(2), dst: macOf(1) },
      { src: '10.0.1.2', dst: '10.0.1.1' },
      protocols.udp,
      udp(9, 4000, [1]),
    );
    for (let round = 0; round < 5; round++) {
      node.send('a', datagram(1, 2, 9));
      node.send('b', reply);
      expect(queuesOf(node.received())).toEqual([
        ['b', 5],
        ['a', undefined],
      ]);
    }
    expect(Number(node.stats().caches.connections)).toBeGreaterThan(4);
  });

  test('it goes with what is put into a tunnel', () => {
    const southbound = database('0 0 1 => set_queue(6); outport = "far"; output;', 'egress 0 0 1 => output;');
    const fleet = createFleet({
      southbound,
      chassis: [
        { chassis: 'here', ip: '192.0.2.1', mac: '02:00:00:00:ee:01', bindings: ['a', 'b'] },
        { chassis: 'there', ip: '192.0.2.2', mac: '02:00:00:00:ee:02', bindings: ['far'] },
      ],
    });
    fleet.send('a', datagram(1, 3, 1));
    expect(queuesOf(fleet.tunnelled())).toEqual([['here', 6]]);
    // The other chassis knows nothing of it.
    expect(queuesOf(fleet.received())).toEqual([['far', undefined]]);
  });
});

import { describe, expect, test } from 'vitest';
import { parseMegaflows, parsePmdStatistics, parsePortStatistics } from '../../../bench/peer/statistics.ts';

const thread = (core: number, packets: number, cycles: string) => `pmd thread numa_id 0 core_id ${core}:
  packets received: ${packets}
  packet recirculations: 20
  avg. datapath passes per packet: 3.00
  phwol hits: 0
  mfex opt hits: 0
  simple match hits: 0
  emc hits: 17
  smc hits: 0
  megaflow hits: 9
  avg. subtable lookups per megaflow hit: 1.00
  miss with success upcall: 3
  miss with failed upcall: 1
  avg. packets per output batch: 32.00
  idle cycles: 5 (1.00%)
  processing cycles: 500 (99.00%)
  avg cycles per packet: 612.50 (505/10)
  avg processing cycles per packet: ${cycles} (500/10)
`;
const mainThread = 'main thread:\n  packets received: 999\n  packet recirculations: 999\n';

describe('parsePmdStatistics', () => {
  test('one core, without what the main thread did', () => {
    expect(parsePmdStatistics(thread(1, 10, '600.25') + mainThread)).toEqual({
      packets: 10,
      recirculations: 20,
      emc: 17,
      megaflow: 9,
      misses: 3,
      lost: 1,
      cyclesPerPacket: 600.25,
    });
  });

  test('no cycles are told where there were no packets', () => {
    const text = thread(1, 0, '1').replace(/^.*processing cycles per packet.*\n/m, '');
    expect(parsePmdStatistics(text)).not.toHaveProperty('cyclesPerPacket');
  });

  test('cores are summed', () => {
    expect(parsePmdStatistics(thread(1, 10, '1') + thread(2, 5, '1') + mainThread)).toMatchObject({
      packets: 15,
      misses: 6,
    });
  });

  test('without a core that polls there is nothing to tell', () => {
    expect(() => parsePmdStatistics(mainThread)).toThrow('no core polls');
  });
});

test('parsePortStatistics', () => {
  const text = `netdev@ovs-netdev:
  lookups: hit:0 missed:0 lost:0
  port 0: ovs-netdev (tap)
    RX packets:0 errors:0 dropped:0 overruns:0 frame:0
    TX packets:7 errors:0 dropped:3 aborted:0 carrier:0
    collisions:0
  port 12: d0123456789ab (dpdk: configured_rx_queues=1)
    RX packets:100 errors:0 dropped:0 overruns:? frame:?
    TX packets:42 errors:0 dropped:0 aborted:? carrier:?
`;
  expect(parsePortStatistics(text)).toEqual(
    new Map([
      ['ovs-netdev', 7],
      ['d0123456789ab', 42],
    ]),
  );
});

test('parseMegaflows', () => {
  const first =
    'recirc_id(0),in_port(4), packets:3307713, bytes:198462780, used:0.000s, actions:ct(zone=3),recirc(0x2)';
  const second = 'recirc_id(0x2),in_port(4), packets:0, bytes:0, used:never, actions:drop';
  expect(parseMegaflows(`flow-dump from pmd on cpu core: 1\n${first}\n${second}\n`)).toEqual([
    { flow: first, packets: 3307713 },
    { flow: second, packets: 0 },
  ]);
});

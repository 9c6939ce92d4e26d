/** A machine that moves: `activation-strategy` of ovn-nb(5).  test/ovn/plane-activation.test.ts compares it with the real OVN. */
import { describe, expect, test } from 'vitest';
import { createFleet, createNode, type Fleet, type Node } from '../../engine/node/index.ts';
import type { Southbound } from '../../engine/ovsdb/southbound.ts';
import { broadcast, rawFrame, zeros } from '../oracle/frames.ts';
import { southboundFrom } from '../trace/southbound.ts';

const macOf = (n: number): string => `02:00:00:00:01:0${n}`;
const raw = (from: number, to: number): Uint8Array => rawFrame({ src: macOf(from), dst: macOf(to) }, 0x9000, zeros(46));
const rarp = rawFrame({ src: macOf(2), dst: broadcast }, 0x8035, zeros(46));

function database(options: Record<string, string>): Southbound {
  const made = southboundFrom({
    s: {
      ports: { still: { chassis: 'left' }, moving: { options } },
      flows: [
        `0 1 eth.dst == ${macOf(1)} => outport = "still"; output;`,
        `0 1 eth.dst == ${macOf(2)} => outport = "moving"; output;`,
        '0 1 eth.bcast => outport = "_MC_flood"; output;',
        'egress 0 0 1 => output;',
      ],
    },
  });
  const [datapath] = made.datapaths;
  const members = made.ports.map(({ uuid }) => uuid);
  made.multicastGroups.push({
    uuid: 'g',
    datapath: datapath?.uuid ?? '',
    name: '_MC_flood',
    tunnelKey: 32_768,
    ports: members,
  });
  return made;
}

const moving = { 'requested-chassis': 'left,right', 'activation-strategy': 'rarp' };

function fleetOf(southbound: Southbound): Fleet {
  return createFleet({
    southbound,
    chassis: [
      { chassis: 'left', ip: '192.0.2.1', mac: '02:00:00:00:ee:01', bindings: ['still', 'moving'] },
      { chassis: 'right', ip: '192.0.2.2', mac: '02:00:00:00:ee:02', bindings: ['moving'] },
    ],
  });
}

const nodeOf = (fleet: Fleet, name: string): Node => {
  const node = fleet.nodes.get(name);
  if (!node) throw new Error(`there is no chassis ${name}`);
  return node;
};

/** To how many ports of that name a frame came. */
function arrived(fleet: Fleet, chassis: string, port: string, frame: Uint8Array, at: string): number {
  nodeOf(fleet, chassis).send(port, frame);
  fleet.advance(1);
  return fleet.received().filter(({ port: to }) => to === at).length;
}

describe('activation-strategy=rarp', () => {
  test('a port that is shut sends and gets nothing, until its machine sends RARP', () => {
    const fleet = fleetOf(database(moving));
    expect(arrived(fleet, 'left', 'still', raw(1, 2), 'moving')).toBe(1);
    expect(arrived(fleet, 'right', 'moving', raw(2, 1), 'still')).toBe(0);
    expect(nodeOf(fleet, 'right').stats().drops).toMatchObject({ shut: 2n });
    // From where it is already it opens nothing.
    expect(arrived(fleet, 'left', 'moving', rarp, 'still')).toBe(1);
    expect(arrived(fleet, 'left', 'still', raw(1, 2), 'moving')).toBe(1);
    // RARP itself goes its way.
    expect(arrived(fleet, 'right', 'moving', rarp, 'still')).toBe(1);
    expect(arrived(fleet, 'left', 'still', raw(1, 2), 'moving')).toBe(2);
    expect(arrived(fleet, 'right', 'moving', raw(2, 1), 'still')).toBe(1);
    expect(nodeOf(fleet, 'right').learned().activated).toEqual([{ logicalPort: 'moving', chassis: 'right' }]);
    expect(nodeOf(fleet, 'left').learned().activated).toEqual([]);
  });

  test('tagged RARP opens it, too', () => {
    const fleet = fleetOf(database(moving));
    const tagged = rawFrame({ src: macOf(2), dst: broadcast, tags: [7] }, 0x8035, zeros(46));
    expect(arrived(fleet, 'right', 'moving', tagged, 'still')).toBe(1);
    expect(arrived(fleet, 'left', 'still', raw(1, 2), 'moving')).toBe(2);
  });

  test('it stays open while other things change, and waits again when its machine has left and is to come back', () => {
    const fleet = fleetOf(database(moving));
    arrived(fleet, 'right', 'moving', rarp, 'still');
    fleet.update(database({ ...moving, qos_burst: '7' }));
    expect(arrived(fleet, 'left', 'still', raw(1, 2), 'moving')).toBe(2);
    fleet.update(database({ 'requested-chassis': 'left' }));
    expect(arrived(fleet, 'left', 'still', raw(1, 2), 'moving')).toBe(1);
    fleet.update(database(moving));
    expect(arrived(fleet, 'left', 'still', raw(1, 2), 'moving')).toBe(1);
  });

  test.each([
    ['the database says that its machine came', { ...moving, 'additional-chassis-activated': 'other,right' }],
    ['there is no strategy', { 'requested-chassis': 'left,right' }],
  ])('it is open from the beginning where %s', (_, options) => {
    expect(arrived(fleetOf(database(options)), 'left', 'still', raw(1, 2), 'moving')).toBe(2);
  });

  test('a strategy that nobody knows is told, and the port is open', () => {
    const fleet = fleetOf(database({ ...moving, 'activation-strategy': 'garp' }));
    expect(arrived(fleet, 'left', 'still', raw(1, 2), 'moving')).toBe(2);
    expect(nodeOf(fleet, 'left').problems).toEqual([]);
    expect(nodeOf(fleet, 'right').problems).toEqual([
      'port "moving" is open on this chassis from the beginning: there is no activation strategy "garp", only "rarp"',
    ]);
  });

  test('what another of the same chassis was told counts', () => {
    const node = createNode({
      southbound: database(moving),
      chassis: 'right',
      bindings: ['moving'],
      tunnels: {
        type: 'geneve',
        ip: '192.0.2.2',
        mac: '02:00:00:00:ee:02',
        peers: [{ chassis: 'left', ip: '192.0.2.1', mac: '02:00:00:00:ee:01' }],
      },
    });
    const gone = (): number => {
      node.send('moving', raw(2, 1));
      return node.received().length;
    };
    expect(gone()).toBe(0);
    node.learn({ macBindings: [], fdb: [], activated: [{ logicalPort: 'moving', chassis: 'left' }] });
    expect(gone()).toBe(0);
    node.learn({ macBindings: [], fdb: [], activated: [{ logicalPort: 'moving', chassis: 'right' }] });
    expect(gone()).toBe(1);
  });
});

/** Every reason for which the plane drops a packet, each with a packet that is dropped for it and for no other. */
import { describe, expect, test } from 'vitest';
import { wasm } from '#asm/plane-checked';
import { B_RECIRC, FLOW_SIZE, W_IN } from '../../asm/plane/layout.ts';
import { createNode, type Node } from '../../engine/node/index.ts';
import { UNDERLAY } from '../../engine/node/node.ts';
import { type Bytes, frame, protocols, rawFrame, udp, zeros } from '../oracle/frames.ts';
import { southboundFrom } from '../trace/southbound.ts';

const way = { src: '02:00:00:00:00:01', dst: '02:00:00:00:00:02' };
const group = '01:00:00:00:00:01';

/** Each Ethernet type has a flow of its own; IP packets have one each for their ports and hop limits. */
const flows = [
  '0 9 eth.type == 0x9001 => drop;',
  '0 9 eth.type == 0x9002 => next;',
  '0 9 eth.type == 0x9003 => outport = ""; output;',
  '0 9 eth.type == 0x9004 => outport = inport; output;',
  '0 9 eth.type == 0x9005 => next(pipeline=ingress, table=0);',
  '0 9 eth.type == 0x9006 => set_meter(1, 1); outport = "b"; output;',
  '0 9 eth.type == 0x9007 => outport = "far"; output;',
  '0 9 eth.type == 0x9008 => outport = "_MC_nobody"; output;',
  `0 9 eth.type == 0x9009 => outport = "b"; ${Array.from({ length: 200 }, (_, at) => `eth.src = 02:00:00:00:01:${(at & 1) + 10}; output;`).join(' ')}`,
  '0 9 ip4 && udp.dst == 1 => ct_next;',
  '0 8 ip4 && udp.dst == 2 => ip.ttl--; outport = "b"; output;',
  '0 7 ip4 && ip.is_frag => ct_next;',
  '1 9 ip4 && udp.dst == 1 => next(pipeline=ingress, table=0);',
  'egress 0 0 1 => output;',
];

function chassis(): Node {
  const moving = { options: { 'requested-chassis': 'there,here', 'activation-strategy': 'rarp' } };
  const southbound = southboundFrom({ s: { ports: { a: {}, b: {}, far: { chassis: 'there' }, moving }, flows } });
  const datapath = southbound.datapaths[0]?.uuid ?? '';
  southbound.multicastGroups.push({ uuid: 'g', datapath, name: '_MC_nobody', tunnelKey: 40_000, ports: [] });
  const peers = [{ chassis: 'there', ip: '192.0.2.2', mac: '02:00:00:00:ee:02' }];
  const tunnels = { type: 'geneve', ip: '192.0.2.1', mac: '02:00:00:00:ee:01', peers } as const;
  const plane = { module: wasm, megaflows: 256, connections: 64, entries: 64, ports: 64 };
  return createNode({ southbound, chassis: 'here', bindings: ['a', 'b', 'moving'], tunnels, plane });
}

const raw = (type: number, length = 46, dst = way.dst): Uint8Array => rawFrame({ ...way, dst }, type, zeros(length));
const datagram = (port: number, { ttl = 64, fragment = 0, data = zeros(8) as Bytes } = {}): Uint8Array =>
  frame(way, { src: '10.0.0.1', dst: '10.0.0.2', ttl, fragment, id: 7 }, protocols.udp, udp(4000, port, data));
const send =
  (...frames: Uint8Array[]) =>
  (node: Node): void =>
    node.send('a', frames);

/** How to have packets dropped, and how many are. */
const cases: Record<string, { drop: (node: Node) => void; count?: bigint }> = {
  flow: { drop: send(raw(0x9001)) },
  'no-flow': { drop: send(raw(0x9002)) },
  'no-port': { drop: send(raw(0x9003)) },
  loopback: { drop: send(raw(0x9004)) },
  'too-deep': { drop: send(raw(0x9005)) },
  'too-long': { drop: send(new Uint8Array(70_000), new Uint8Array(65_530)), count: 2n },
  'short-frame': { drop: send(new Uint8Array(13)) },
  // Of 200 copies of a long frame one has no room, and there are no more.
  'no-room': { drop: send(raw(0x9009, 60_000)) },
  // A thousand bits pass.
  meter: { drop: send(...Array.from({ length: 9 }, () => raw(0x9006))), count: 7n },
  'recirc-gone': {
    drop(node) {
      const flow = new Uint8Array(FLOW_SIZE);
      new DataView(flow.buffer).setBigUint64(W_IN * 8, 12345n << BigInt(B_RECIRC), true);
      node.plane.inject(datagram(9), flow, node.now);
    },
  },
  'recirc-limit': { drop: send(datagram(1)) },
  fragment: {
    drop(node) {
      node.send('a', datagram(9, { fragment: 0x2000, data: zeros(1300) }));
      // Those whose time is over are looked for a little in every batch.
      node.advance(60_000);
      for (let batch = 0; batch < 2000; batch++) node.send('b', raw(0x9010, 46, group));
    },
  },
  'no-tunnel': {
    drop(node) {
      node.plane.setTunnel(0);
      node.plane.setTunnel(1);
      node.send('a', raw(0x9007));
    },
  },
  'tunnel-frame': {
    drop(node) {
      // A header of another version.
      const ip = { src: '192.0.2.2', dst: '192.0.2.1' };
      const outer = { src: '02:00:00:00:ee:02', dst: '02:00:00:00:ee:01' };
      const header = [0xc0, 0, 0x65, 0x58, 0, 0, 1, 0];
      node.send(UNDERLAY, frame(outer, ip, protocols.udp, udp(1, 6081, [...header, ...raw(0x9001)])));
    },
  },
  ttl: { drop: send(datagram(2, { ttl: 1 })) },
  'empty-group': { drop: send(raw(0x9008)) },
  shut: { drop: (node) => node.send('moving', raw(0x9001)) },
};

describe('drops', () => {
  test('each reason has a case', () => {
    expect(Object.keys(cases).sort()).toEqual(Object.keys(chassis().stats().drops).sort());
  });

  test.each(Object.entries(cases))('%s', (name, { drop, count = 1n }) => {
    const node = chassis();
    expect(node.problems).toEqual([]);
    drop(node);
    const counted = Object.entries(node.stats().drops).filter(([, drops]) => drops > 0n);
    expect(Object.fromEntries(counted)).toEqual({ [name]: count, ...(name === 'fragment' && { 'no-flow': 2000n }) });
  });
});

/** Frames that are neither IP nor ARP, of ports whose security names IP addresses: a chassis drops them, and so must hardware. */
import { expect, test } from 'vitest';
import { createNode } from '../../../engine/node/index.ts';
import type { Rule } from '../../../engine/offload/rules.ts';
import { openProver } from '../../../sim/offload/prove.ts';
import { type Scene, scene } from '../../offload/scene.ts';
import { rawFrame } from '../../oracle/frames.ts';

const mac = '02:00:00:00:00:01';

const withSecurity = (...entries: string[]): Scene =>
  scene((nb) => {
    for (const port of nb.Logical_Switch_Port.values()) if (port.name === 'red1') port.port_security = entries;
  });

/** Drops IPX from red1. */
const drop: Rule = {
  group: 0,
  priority: 0,
  pattern: [
    { type: 'represented_port', spec: { ethdev_port_id: 'pf0vf1' } },
    { type: 'eth', spec: { src: mac, dst: '02:00:00:00:00:02', type: 0x8137, has_vlan: 0 } },
  ],
  actions: [{ type: 'drop' }],
};

/** Whether the data plane lets it out, and the verdict about rules that drop it. */
function told({ southbound, node, rules }: Scene): [boolean, string] {
  const peers = [{ chassis: 'worker2', ip: '192.0.2.2', mac: '02:00:00:00:ee:02' }];
  const tunnels = { type: 'geneve', ip: '192.0.2.1', mac: '02:00:00:00:ee:01', peers } as const;
  const plane = createNode({ southbound, chassis: 'worker1', tunnels });
  plane.send('red1', rawFrame({ src: mac, dst: '02:00:00:00:00:02' }, 0x8137, [...Array(46).keys()]));
  const proof = openProver({ southbound }, node)({ ...rules, rules: [drop] });
  return [plane.received().length > 0, proof.verdict];
}

test.each<[string[], boolean]>([
  [[`${mac} 10.0.0.11`], false],
  [[`${mac}`], true],
  [[], true],
  [[`${mac} 10.0.0.11`, mac], true],
])(
  'port security %j lets IPX pass: %s',
  (entries, passes) => {
    expect(told(withSecurity(...entries))).toEqual([passes, passes ? 'violated' : 'holds']);
  },
  120_000,
);

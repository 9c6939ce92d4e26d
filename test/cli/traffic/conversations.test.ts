import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { manifests } from '../../../bench/topology.ts';
import { loadChassis } from '../../../cli/chassis.ts';
import { establish } from '../../../cli/traffic/conversations.ts';
import { answerTo, arpAnswer, portsOf, udpFrame } from '../../../cli/traffic/frames.ts';
import { parseFrame } from '../../../engine/frame.ts';
import { createNode } from '../../../engine/node/index.ts';
import { computeSouthbound } from '../../../engine/northd/index.ts';
import { placementOf } from '../../../engine/program/index.ts';
import { readManifests } from '../../../engine/spec/read.ts';
import { northboundOf } from '../../../engine/vpc/index.ts';
import { whoHas } from '../../oracle/frames.ts';

const example = (name: string) => fileURLToPath(new URL(`../../../examples/${name}.yaml`, import.meta.url));

test('any two of a VPC talk, and each of them with the world outside', () => {
  const text = manifests({ vpcs: 2, networks: 2, nodes: 1, interfaces: 2 }).replaceAll('vpc: vpc-1}', 'vpc: vpc-0x}');
  const { resources } = readManifests([{ file: 'a.yaml', text }]);
  const northbound = northboundOf(resources);
  const { southbound } = computeSouthbound(northbound);
  const node = createNode({ southbound, placement: placementOf(northbound), chassis: 'node-0-0' });
  const conversations = establish(node, southbound);
  const ends = new Set(conversations.map(({ opener, answer }) => `${opener.port} ${answer.port}`));
  const local = new Set(conversations.filter(({ kind }) => kind === 'local').map(({ opener }) => opener.port));
  expect(local.size).toBe(4);
  // Four interfaces, each with three others and one way out.
  expect(ends.size).toBe(4 * 3 + 4);
  expect(conversations.length).toBe(16 * Math.ceil(1000 / 16));
});

test('on a node where nobody is, nobody talks', async () => {
  const { southbound, placement, chassis } = await loadChassis([example('two-tenants')], { node: 'worker3' });
  const node = createNode({ southbound, placement, chassis, bindings: [] });
  expect(establish(node, southbound)).toEqual([]);
});

test('datagrams and their answers have right checksums', () => {
  const from = { mac: '02:00:00:00:00:0a', ip: 0x0a000001 };
  const to = { mac: '02:00:00:00:00:0b', ip: 0xc6120001 };
  const frame = udpFrame(from, to, { src: 4000, dst: 443 });
  const answer = answerTo(frame);
  for (const each of [frame, answer]) expect(parseFrame(each).problems).toEqual([]);
  expect(parseFrame(answer).fields).toMatchObject({
    'eth.src': 0x02000000000bn,
    'eth.dst': 0x02000000000an,
    'ip4.src': 0xc6120001n,
    'ip4.dst': 0x0a000001n,
    'udp.src': 443n,
    'udp.dst': 4000n,
  });
  expect(portsOf(answer)).toEqual({ src: 443, dst: 4000 });
});

test('who has, is at', () => {
  const asker = { mac: '02:00:00:00:00:0a', ip: '10.0.0.1' };
  const answer = arpAnswer(whoHas(asker, '10.0.0.2'), '02:00:00:00:00:01');
  expect(answer && parseFrame(answer).fields).toMatchObject({
    'arp.op': 2n,
    'arp.sha': 0x020000000001n,
    'arp.spa': 0x0a000002n,
    'arp.tha': 0x02000000000an,
    'arp.tpa': 0x0a000001n,
    'eth.dst': 0x02000000000an,
    'eth.src': 0x020000000001n,
  });
  expect(arpAnswer(whoHas(asker, asker.ip), '02:00:00:00:00:01')).toBeUndefined();
  expect(arpAnswer(new Uint8Array(60), '02:00:00:00:00:01')).toBeUndefined();
  expect(arpAnswer(answer ?? new Uint8Array(), '02:00:00:00:00:01')).toBeUndefined();
});

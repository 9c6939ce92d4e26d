/** `lflow offload plan --placement reactive`, and what else takes its answer. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { writeCapture } from '../../engine/capture/writer.ts';
import type { OffloadPlan } from '../../engine/offload/plan.ts';
import type { RuleSet } from '../../engine/offload/rules.ts';
import { arp, frame, protocols, udp } from '../oracle/frames.ts';
import { offload } from './command.ts';

const folder = mkdtempSync(join(tmpdir(), 'lflow-placement-'));
afterAll(() => rmSync(folder, { recursive: true }));

const reactive = ['examples/two-vpcs.yaml', '--node', 'node1', '--placement', 'reactive'] as const;
const host = 'default/bluenet-vf2@node1';
const wire = 'default/bluevpc@node1+external:localnet';

type Printed = OffloadPlan & RuleSet;

test("without captures the network's own conversations make rules, which are proven given their connections", async () => {
  const { status, answer } = await offload('plan', ...reactive, '--format', 'json');
  expect(status).toBe(0);
  const plan = JSON.parse(answer) as Printed;
  expect(plan.placement).toBe('reactive');
  expect(plan.indirect?.map(({ connection }) => connection)).toEqual([
    {
      protocol: 'udp',
      opener: { src: '192.178.0.2', dst: '198.18.0.1', srcPort: 32768, dstPort: 443 },
      reply: { src: '198.18.0.1', dst: '30.30.0.2', srcPort: 443, dstPort: 32768 },
    },
  ]);
  expect(plan.traffic.map(({ from, to, place }) => [from, ...to, place])).toEqual([
    [host, wire, 'hardware-after-first'],
    [wire, host, 'hardware-after-first'],
  ]);
  const file = join(folder, 'rules.json');
  const verify = ['verify', 'examples/two-vpcs.yaml', '--node', 'node1', '--rules', file];
  writeFileSync(file, answer);
  expect(await offload(...verify)).toMatchObject({ status: 0, answer: expect.stringContaining('HOLDS: 3 rules') });
  writeFileSync(file, answer.replace('"1e1e0002"', '"1e1e0003"'));
  const refuted = await offload(...verify);
  expect(refuted.status).toBe(1);
  expect(refuted.answer).toContain(
    'send packets of the opener of the connection on as 30.30.0.2:32768 > 198.18.0.1:443',
  );
  writeFileSync(file, answer.replace('"protocol": "udp"', '"protocol": "icmp"'));
  expect(await offload(...verify)).toMatchObject({
    status: 2,
    said: expect.stringContaining('indirect[0].connection.protocol'),
  });
});

describe('captures', () => {
  const gateway = '02:31:55:5a:13:63';
  const mac = '02:cb:20:4d:92:a5';
  const query = frame(
    { src: mac, dst: gateway },
    { src: '192.178.0.2', dst: '198.18.0.9' },
    protocols.udp,
    udp(4000, 53, [1]),
  );
  const ask = arp({ src: mac, dst: 'ff:ff:ff:ff:ff:ff' }, { op: 1, sha: mac, spa: '192.178.0.2', tpa: '192.178.0.1' });
  const file = join(folder, 'host.pcap');
  writeFileSync(
    file,
    writeCapture([ask, query, query].map((bytes, at) => ({ bytes, timestamp: BigInt(at) * 1_000_000n }))),
  );

  test('are the traffic: what software keeps is told with its reason', async () => {
    const { status, answer } = await offload('plan', ...reactive, '--capture', `${host}=${file}`, '--format', 'json');
    expect(status).toBe(0);
    const { traffic, rules } = JSON.parse(answer) as Printed;
    expect(rules).toEqual([]);
    expect(new Set(traffic.map(({ place }) => place))).toEqual(new Set(['software']));
    expect(new Set(traffic.flatMap(({ reasons }) => reasons.map(({ code }) => code)))).toContain('arp-nd');
  });

  test('are explained', async () => {
    const { status, answer } = await offload('explain', ...reactive, '--capture', `${host}=${file}`);
    expect(status).toBe(0);
    expect(answer).toContain('[arp-nd]');
  });

  test.each([
    ['a port that there is not', ['--capture', `nobody=${file}`], 'there is no port "nobody"'],
    ['a file that there is not', ['--capture', `${host}=${file}x`], `${file}x`],
    ['a time that is none', ['--idle', 'soon'], '--idle: give a whole number of seconds'],
    [
      'without reactive rules',
      ['--placement', 'proactive', '--capture', `${host}=${file}`],
      'add --placement reactive',
    ],
  ])('%s', async (_, args, said) => {
    const ran = await offload('plan', ...reactive, ...args);
    expect(ran).toMatchObject({ status: 2, answer: '' });
    expect(ran.said).toContain(said);
  });
});

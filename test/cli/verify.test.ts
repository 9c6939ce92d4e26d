import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { run } from '../../cli/program.ts';
import { parsePacket, prepare, traceFlow } from '../../sim/trace/index.ts';
import type { Verification } from '../../sim/verify.ts';

const examples = fileURLToPath(new URL('../../examples/', import.meta.url));

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lflow-verify-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What `lflow verify` prints, says, and ends with. */
async function verify(...args: string[]) {
  const file = join(folder, 'answer');
  rmSync(file, { force: true });
  let said = '';
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said += text;
    return true;
  });
  const status = await run(['verify', ...args, '-o', file]);
  stderr.mockRestore();
  return { status, said, answer: status === 2 ? '' : readFileSync(file, 'utf8') };
}

describe('every example', () => {
  test.each(readdirSync(examples).filter((name) => name.endsWith('.yaml')))('%s keeps its promises', async (name) => {
    const { status, answer } = await verify(join(examples, name));
    expect(answer).toMatch(/^PROBED: /m);
    expect(status).toBe(0);
  });
});

test('two tenants on one subnet are told apart, and both reach the outside', async () => {
  const { answer } = await verify(join(examples, 'two-tenants.yaml'), '--format', 'json');
  const { verdict, properties, topology }: Verification = JSON.parse(answer);
  expect(verdict).toBe('probed');
  expect(topology).toMatchObject({ vpcs: 2, networks: 2, interfaces: 4, nodes: 4 });
  const isolation = properties.filter(({ id }) => id === 'tenant-isolation');
  expect(isolation.map(({ subject }) => subject)).toEqual([
    'default/bluevpc → default/redvpc',
    'default/redvpc → default/bluevpc',
  ]);
  expect(isolation.every(({ probes }) => probes > 50)).toBe(true);
});

test('broken manifests are refused, all complaints at once', async () => {
  const files = ['subnet-overlap.yaml', 'vpc-not-found.yaml'].map((name) => join(examples, 'broken', name));
  const { status, said } = await verify(...files);
  expect(status).toBe(2);
  for (const file of files) expect(said).toMatch(new RegExp(`^${file}:\\d+:\\d+: \\S+: .+; .+$`, 'm'));
});

test('a folder that is not there is refused with a sentence', async () => {
  const { status, said } = await verify(join(folder, 'nothing'));
  expect(status).toBe(2);
  expect(said).toMatch(/nothing:1:1: cannot be read: no such file or directory/);
});

test('what the probes of an example send can be traced by hand', async () => {
  const { computeSouthbound, northboundOf, readManifests } = await import('../../index.ts');
  const file = join(examples, 'two-tenants.yaml');
  const { resources } = readManifests([{ file, text: readFileSync(file, 'utf8') }]);
  const topology = prepare(computeSouthbound(northboundOf(resources)).southbound);
  const { datapath, packet } = parsePacket(
    topology,
    'inport == "default/rednet-vf2@worker1" && eth.src == 02:1e:29:98:59:a8 && eth.dst == 02:02:13:1e:10:03 && ip4.src == 192.178.0.2 && ip4.dst == 192.178.0.1 && ip.ttl == 64 && icmp4.type == 8',
  );
  const { deliveries } = traceFlow(topology, datapath, packet);
  expect(deliveries.map(({ port }) => port.binding.logicalPort)).toEqual(['default/rednet-vf2@worker1']);
});

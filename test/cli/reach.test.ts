import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Reach } from '../../sim/reach/index.ts';
import { type Answered, answerOf } from '../answer.ts';

const example = (name: string): string => fileURLToPath(new URL(`../../examples/${name}.yaml`, import.meta.url));

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lflow-reach-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const reach = (...args: string[]): Promise<Answered> => answerOf('reach', ...args);

describe('a network that is routed outside', () => {
  test('reaches the outside, through its own gateway', async () => {
    const { status, answer } = await reach(example('single-vpc'), 'default/testnet1', 'outside');
    expect(status).toBe(0);
    expect(answer).toMatch(
      /^REACHABLE: packets get from default\/testnet1 to outside\n {2}any to 1\.0\.0\.0-30\.30\.0\.1, /,
    );
    expect(answer).toMatch(/^ {2}arrives as icmp echo request 30\.30\.0\.2 > 198\.51\.100\.10, .* ttl 62$/m);
    expect(answer).toContain(
      '  through default/testnet1, default/testvpc, default/testvpc+join, default/testvpc@node-1, default/testvpc@node-1+external\n',
    );
  });

  test('is not reached from there, and the policy that is in the way is named with its line', async () => {
    const { status, answer } = await reach(example('single-vpc'), 'outside (physnet)', 'default/testnet1');
    expect(status).toBe(1);
    expect(answer).toMatch(
      /^UNREACHABLE: no packet of a new connection gets from outside \(physnet\) to default\/testnet1$/m,
    );
    expect(answer).toMatch(
      /^in the way, .*:\n {2}a routing policy of default\/testvpc@node-1 \(priority 1\) drops it: 1 .*\n {4}\S+single-vpc\.yaml:7:1$/m,
    );
  });

  test('is told as JSON, port by port', async () => {
    const ports = ['default/testnet1-vf2@node-1', 'default/testnet1-vf2@node-2'] as const;
    const { status, answer } = await reach(example('single-vpc'), ...ports, '--format', 'json');
    const told: Reach = JSON.parse(answer);
    expect(status).toBe(0);
    expect(told).toMatchObject({
      verdict: 'reachable',
      from: ports[0],
      to: ports[1],
      traffic: ['any'],
      honest: true,
      sample: { inport: ports[0], outport: ports[1], replayed: { tracer: true } },
      datapaths: ['default/testnet1'],
      obstacles: [],
      doubts: [],
    });
  });
});

test('tenants with one subnet do not reach each other', async () => {
  const { status, answer } = await reach(
    example('two-tenants'),
    'default/rednet',
    'default/bluenet',
    '--format',
    'json',
  );
  const { verdict, traffic, obstacles }: Reach = JSON.parse(answer);
  expect({ status, verdict, traffic }).toEqual({ status: 1, verdict: 'unreachable', traffic: [] });
  expect(obstacles.length).toBeGreaterThan(0);
});

describe('a name that is none is refused with status 2:', () => {
  test.each([
    ['outsde', 'did you mean "outside"?'],
    ['testnet1', 'did you mean "default/testnet1"?'],
    ['default/testnet2', 'did you mean "default/testnet1"?'],
    ['x', 'there are outside, default/testnet1, outside (physnet), '],
  ])('%s', async (name, hint) => {
    const { status, said } = await reach(example('single-vpc'), 'default/testnet1', name);
    expect(status).toBe(2);
    expect(said).toContain(`lflow: no port, network or wire is called "${name}"; ${hint}`);
  });
});

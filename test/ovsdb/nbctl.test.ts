import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nbctlScript } from '../../engine/ovsdb/nbctl.ts';
import { emptyNorthbound, insertRow, type Northbound } from '../../engine/ovsdb/northbound.ts';
import { comparable, replay } from './nbctl-replay.ts';
import { randomNorthbound } from './random-northbound.ts';

/** Stands in for ovn-nbctl: notes its arguments, each ended by a NUL, and an empty one after each call. */
const recorder = `#!/bin/sh
for word in "$@"; do printf '%s\\0' "$word"; done >>"$CALLS"
printf '\\0' >>"$CALLS"
`;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lflow-nbctl-'));
  writeFileSync(join(folder, 'ovn-nbctl'), recorder, { mode: 0o755 });
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The words of each call of ovn-nbctl that a script makes. */
function callsOf(script: string, args: string[] = []): string[][] {
  const file = join(folder, 'script.sh');
  const calls = join(folder, 'calls');
  writeFileSync(file, script);
  writeFileSync(calls, '');
  const env = { PATH: `${folder}:${process.env.PATH}`, CALLS: calls };
  const output = execFileSync('sh', [file, ...args], { env, cwd: folder, encoding: 'utf8' });
  expect(output).toBe('');
  const words = readFileSync(calls, 'utf8').split('\0').slice(0, -1);
  const list: string[][] = [[]];
  // A word of ours is never empty, so an empty one ends a call.
  for (const word of words) {
    if (word === '') list.push([]);
    else list[list.length - 1]?.push(word);
  }
  return list.slice(0, -1);
}

function port(nb: Northbound, name: string, columns = {}): string {
  return insertRow(nb, 'Logical_Switch_Port', name, { name, ...columns })._uuid;
}

test('the commands, run one after the other, make the database again', () => {
  fc.assert(
    fc.property(randomNorthbound(), (nb) => {
      const again = replay(callsOf(nbctlScript(nb)));
      expect(comparable(again)).toEqual(comparable(nb));
    }),
    { numRuns: 60 },
  );
});

test('reads well', () => {
  const nb = emptyNorthbound();
  const origin = { file: 'net.yaml', line: 7, column: 3, resource: 'DPUVirtualNetwork/default/net' };
  const p1 = port(nb, 'default/vf@n1', {
    addresses: ['02:00:00:00:00:01 10.0.0.3'],
    options: { 'requested-chassis': 'n1' },
  });
  insertRow(nb, 'Logical_Switch', 'default/net', { name: 'default/net', ports: [p1] }, origin);
  const [uuid] = nb.Logical_Switch.keys();
  expect(nbctlScript(nb)).toBe(`#!/bin/sh
# Recreates a northbound database in an empty one; needs ovn-nbctl 23.03 or newer.
# Usage: sh FILE [--db=tcp:HOST:PORT] [OPTION OF ovn-nbctl...]
set -eu
exec >/dev/null

(
  # Logical_Switch default/net (net.yaml:7)
  set -- "$@" \\
    -- --id=${uuid} create Logical_Switch name=default/net ports=${p1} \\
    -- --id=${p1} create Logical_Switch_Port name=default/vf@n1 options:requested-chassis=n1 'addresses="02:00:00:00:00:01 10.0.0.3"'
  ovn-nbctl "$@"
)
`);
});

test('passes its own arguments to every ovn-nbctl', () => {
  const calls = callsOf(nbctlScript(bigSwitch(1000)), ['--db=unix:/a b', '--no-leader-only']);
  expect(calls.length).toBeGreaterThan(1);
  for (const call of calls) expect(call.slice(0, 3)).toEqual(['--db=unix:/a b', '--no-leader-only', '--']);
});

test('stops at the first command that fails', () => {
  const script = nbctlScript(bigSwitch(1000)).replace('ovn-nbctl "$@"', 'false');
  expect(() => callsOf(script)).toThrow();
  expect(readFileSync(join(folder, 'calls'), 'utf8')).toBe('');
});

function bigSwitch(ports: number): Northbound {
  const nb = emptyNorthbound();
  const addresses = Array.from({ length: ports }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
  insertRow(nb, 'Address_Set', 'all', { name: 'all', addresses });
  insertRow(nb, 'DNS', 'all', { records: Object.fromEntries(addresses.map((ip, i) => [`vf${i}.example.com`, ip])) });
  const names = addresses.map((ip, i) => port(nb, `default/vf${i}@n`, { addresses: [`02:00:00:00:00:00 ${ip}`] }));
  insertRow(nb, 'Logical_Switch', 'big', { name: 'big', ports: names });
  insertRow(nb, 'Port_Group', 'all', { name: 'all', ports: names });
  return nb;
}

test('keeps within the limits of a command line', () => {
  const nb = bigSwitch(10_000);
  const calls = callsOf(nbctlScript(nb));
  expect(comparable(replay(calls))).toEqual(comparable(nb));
  expect(calls.length).toBeLessThan(50);
  for (const call of calls) {
    expect(Buffer.byteLength(call.join(' '))).toBeLessThan(128 * 1024);
  }
});

test('what waits for a row of its own router follows it', () => {
  const nb = emptyNorthbound();
  const lrp = insertRow(nb, 'Logical_Router_Port', 'p', { name: 'p', networks: ['10.0.0.1/24'] });
  const nat = insertRow(nb, 'NAT', 'n', { type: 'snat', gateway_port: lrp._uuid });
  insertRow(nb, 'Logical_Router', 'r', { name: 'r', nat: [nat._uuid], ports: [lrp._uuid] });
  const [call] = callsOf(nbctlScript(nb));
  expect(call?.slice(-5)).toEqual(['add', 'NAT', nat._uuid, 'gateway_port', lrp._uuid]);
});

test('leaves out what OVSDB would drop', () => {
  const nb = emptyNorthbound();
  port(nb, 'orphan');
  insertRow(nb, 'Port_Group', 'g', { name: 'g', ports: ['00000000-0000-4000-8000-000000000000'] });
  const expected = emptyNorthbound();
  insertRow(expected, 'Port_Group', 'g', { name: 'g' });
  expect(comparable(replay(callsOf(nbctlScript(nb))))).toEqual(comparable(expected));
});

test('a name cannot end its comment and become a command', () => {
  const nb = emptyNorthbound();
  insertRow(nb, 'Logical_Switch', 's', { name: 'a\nfalse' });
  expect(callsOf(nbctlScript(nb))).toHaveLength(1);
});

test.each<[string, string, RegExp]>([
  ['NUL', 'a\0b', /cannot be stored in an OVSDB database/],
  ['half a surrogate pair', 'a\ud800b', /cannot be stored in an OVSDB database/],
  ['more than an argument holds', 'x'.repeat(200_000), /too long for a command line/],
])('refuses %s', (_, name, message) => {
  const nb = emptyNorthbound();
  insertRow(nb, 'Logical_Switch', 's', { name });
  expect(() => nbctlScript(nb)).toThrow(message);
});

test('an empty database needs no command', () => {
  expect(callsOf(nbctlScript(emptyNorthbound()))).toEqual([]);
});

/** `lflow verify --against`: rules that compare with another network. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { checksum } from '../../cli/database.ts';
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import { writeNorthbound } from '../../engine/ovsdb/write-databases.ts';
import { answerOf } from '../answer.ts';
import { addPort, addSwitch, northbound } from '../northd/router/build.ts';

const folder = mkdtempSync(join(tmpdir(), 'lflow-against-'));
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string, text: string | Uint8Array): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

function lan(hosts: readonly string[]): Northbound {
  const nb = northbound();
  addSwitch(nb, 'lan');
  for (const [at, name] of hosts.entries()) {
    const address = `02:00:00:00:00:0${at} 10.0.0.1${at}`;
    addPort(nb, 'lan', name, [address], { port_security: [address] });
  }
  return nb;
}

const small = file('small.db', writeNorthbound(lan(['a', 'b']), checksum));
const large = file('large.db', writeNorthbound(lan(['a', 'b', 'c']), checksum));
const policy = (claim: string): string =>
  file(
    'policy.yaml',
    `lflow: 1\nbuiltin: { enable: [address-unique] }\nrules: [{ id: same, unchanged: { to: { port: b }${claim} } }]\n`,
  );

/** What the command writes or says, and ends with. */
async function verify(...args: string[]) {
  const { status, said, answer } = await answerOf('verify', ...args);
  return { status, said: status === 2 ? said : answer };
}

describe('rules that compare', () => {
  test('hold where nothing changed, and are broken by who is new', { timeout: 60_000 }, async () => {
    const named = policy(', against: before');
    expect((await verify(small, '--policy', named, '--against', `before=${small}`)).status).toBe(0);
    const { status, said } = await verify(large, '--policy', named, '--against', `before=${small}`);
    expect(said).toContain('a packet from anybody arrives at "b", which did not in "before"');
    expect(said).toContain('inport == "c"');
    expect(status).toBe(1);
  });

  test('compare with what is given without a name', { timeout: 60_000 }, async () => {
    expect((await verify(small, '--policy', policy(''), '--against', small)).status).toBe(0);
    const { status, said } = await verify(small, '--policy', policy(''));
    expect(said).toContain('there is nothing given to compare with: lflow verify --against INPUT');
    expect(status).toBe(3);
  });

  test.each([
    ['no policy', [], [`before=${small}`], /--against is for rules "unchanged" of a policy/],
    ['another name', [', against: before'], [`befor=${small}`], /they compare with before \(did you mean before\?\)/],
    ['no name', [', against: before'], [small], /has a name for what it compares with: --against before=/],
    ['a name too many', [''], [`before=${small}`], /they have no name for it: --against .*small\.db/],
    ['a name twice', [', against: x'], [`x=${small}`, `x=${large}`], /--against says twice what x is/],
    ['a file that is not there', [', against: x'], [`x=${folder}/none.yaml`], /none\.yaml/],
  ])('%s is refused', async (_, claims, given, complaint) => {
    const policies = claims.flatMap((claim) => ['--policy', policy(claim)]);
    const { status, said } = await verify(small, ...policies, ...given.flatMap((one) => ['--against', one]));
    expect(said).toMatch(complaint);
    expect(status).toBe(2);
  });
});

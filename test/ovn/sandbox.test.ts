import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { nbctlScript } from '../../engine/ovsdb/nbctl.ts';
import { emptyNorthbound, insertRow } from '../../engine/ovsdb/northbound.ts';
import { startCentral, withCentral } from '../oracle/sandbox.ts';

/** A script that makes a switch with one port. */
function oneSwitch(name: string): string {
  const nb = emptyNorthbound();
  const port = insertRow(nb, 'Logical_Switch_Port', 'p', { name: `${name}-port`, addresses: ['unknown'] });
  insertRow(nb, 'Logical_Switch', 's', { name, ports: [port._uuid] });
  return nbctlScript(nb);
}

test('a topology takes the place of the one before it, under the same UUIDs too', async () => {
  await withCentral(async (central) => {
    for (const name of ['one', 'other', 'one']) {
      await central.load(oneSwitch(name));
      const flows = await central.flows();
      expect(flows.length).toBeGreaterThan(0);
      expect(new Set(flows.map(({ datapath }) => datapath))).toEqual(new Set([name]));
      const learned = { macBindings: [], fdb: [{ logicalPort: `${name}-port`, mac: '02:00:00:00:00:01' }] };
      await central.learn(learned);
      expect((await central.rows('OVN_Southbound', ['FDB'])).FDB).toHaveLength(1);
    }
  });
});

test('several run side by side', async () => {
  const [one, other] = await Promise.all([startCentral(), startCentral()]);
  try {
    await Promise.all([one.load(oneSwitch('one')), other.load(oneSwitch('other'))]);
    expect(await one.nbctl('ls-list')).toContain('(one)');
    expect(await other.nbctl('ls-list')).toContain('(other)');
  } finally {
    await Promise.all([one.stop(), other.stop()]);
  }
});

test('nothing stays behind, also when the test fails', async () => {
  let folder = '';
  const failing = withCentral(async (central) => {
    folder = central.directory;
    expect(existsSync(folder)).toBe(true);
    throw new Error('on purpose');
  });
  await expect(failing).rejects.toThrow('on purpose');
  expect(existsSync(folder)).toBe(false);
});

test('a script that fails says why', async () => {
  await withCentral(async (central) => {
    await expect(central.load('set -e\novn-nbctl lsp-add\n')).rejects.toThrow(/'lsp-add' command requires/);
  });
});

test('a trace that fails, as one that needs too much memory, says so', async () => {
  await withCentral(async (central) => {
    await central.load(oneSwitch('one'));
    const microflow = 'inport == "one-port"';
    expect((await central.trace([microflow])).stdout).toContain('ls_in_check_port_sec');
    expect((await central.trace([microflow], { kibibytes: 1000 })).status).not.toBe(0);
    expect((await central.trace(['--no-such-option'])).status).toBe(1);
  });
});

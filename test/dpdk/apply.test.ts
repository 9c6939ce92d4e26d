/**
 * One set of rules in the place of another: at every moment a packet meets the one or the other, also where a creation
 * fails, and where the process that does it is killed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, expect, onTestFinished, test, vi } from 'vitest';
import type { Action, Item, Rule, RuleSet } from '../../engine/offload/rules.ts';
import { ApplyError, applyRules, connectDevice, type OffloadDevice, startDevice } from '../../native/offload/index.ts';
import { frame, protocols, udp } from '../oracle/frames.ts';
import { emulated, PORTS } from './rules.ts';

const folder = mkdtempSync(join(tmpdir(), 'lflow-apply-'));
afterAll(() => rmSync(folder, { recursive: true }));

const eth: Item = { type: 'eth' };
const addresses = Array.from({ length: 6 }, (_, index) => `10.0.0.${index + 1}`);
const frames = addresses.map((dst) =>
  Buffer.from(
    frame({ src: '02:00:00:00:00:01', dst: '02:00:00:00:00:02' }, { src: '10.9.9.9', dst }, protocols.udp, udp(1, 2)),
  ).toString('hex'),
);

/**
 * Rules that send each address to a port of its own by two groups, the port moved on by `turn`: a packet that met rules
 * of two turns would leave by a wrong port, with a wrong TTL.
 */
function ruleSet(turn: number, count = addresses.length): RuleSet {
  const port = (index: number): Action => ({
    type: 'represented_port',
    ethdev_port_id: PORTS[(index + turn) % PORTS.length],
  });
  const first: Rule[] = addresses.slice(0, count).map((dst, index) => ({
    group: 0,
    priority: 1,
    pattern: [eth, { type: 'ipv4', spec: { dst } }],
    actions: [
      { type: 'set_tag', index: 0, data: index, mask: 0xffffffff },
      { type: 'set_ttl', ttl_value: 10 + turn },
      { type: 'jump', group: 3 },
    ],
    cookie: `to ${dst}`,
  }));
  const second: Rule[] = addresses.slice(0, count).map((_, index) => ({
    group: 3,
    priority: index,
    pattern: [{ type: 'tag', spec: { index: 0, data: index } }],
    actions: [{ type: 'count' }, port(index)],
  }));
  return { node: 'worker1', device: 'any', rules: [...second, ...first] };
}

/** What the device does to the frames: the port and the TTL of each; `-` where it goes to software. */
async function behaviour(device: OffloadDevice): Promise<string> {
  const fates = await device.receive('p0', frames);
  return fates
    .map(({ outputs: [first] }) =>
      !first ? 'dropped' : first.software ? '-' : `${first.port}/${first.frame.slice(44, 46)}`,
    )
    .join(' ');
}

const softwareOnly = addresses.map(() => '-').join(' ');

async function expected(turn: number): Promise<string> {
  const device = await emulated();
  await applyRules(device, ruleSet(turn));
  return behaviour(device);
}

test('a set is taken, exchanged for the next and the next, and leaves nothing behind', async () => {
  const device = await emulated();
  expect(await behaviour(device)).toBe(softwareOnly);
  let bases = new Set<number>();
  for (let turn = 0; turn < 5; turn++) {
    const applied = await applyRules(device, ruleSet(turn), 5);
    expect(applied).toMatchObject({ generation: turn + 1, created: 12, removed: turn === 0 ? 0 : 12, leftovers: 0 });
    expect(await behaviour(device)).toBe(await expected(turn));
    const rules = await device.list();
    expect(rules).toHaveLength(13);
    expect(rules.filter(({ rule }) => rule.group === 0).map(({ rule }) => rule.cookie)).toEqual([
      `generation ${turn + 1}`,
    ]);
    bases = bases.add(applied.base);
  }
  // Two places in turn, not ever further on.
  expect(bases.size).toBe(2);
});

test('a set may be smaller or larger than the one before, or empty', async () => {
  const device = await emulated();
  for (const count of [6, 1, 0, 6, 3]) {
    await applyRules(device, ruleSet(1, count));
    expect(await device.list()).toHaveLength(count * 2 + 1);
    const whole = (await expected(1)).split(' ');
    expect(await behaviour(device)).toBe(whole.map((port, index) => (index < count ? port : '-')).join(' '));
  }
});

test('what rules share goes with them', async () => {
  const device = await emulated();
  const sharing = (cir: number): RuleSet => ({
    ...ruleSet(0),
    indirect: [{ id: 5, action: { type: 'conntrack', enable: 1, liberal: 1 } }],
    meters: [{ mtr_id: 9, cir, cbs: 100_000 }],
    rules: [
      {
        group: 0,
        priority: 0,
        pattern: [eth],
        actions: [{ type: 'indirect', id: 5 }, { type: 'meter', mtr_id: 9 }, { type: 'drop' }],
      },
    ],
  });
  await applyRules(device, sharing(1000));
  await applyRules(device, sharing(2000));
  const { indirect, meters } = await device.shared();
  expect(indirect).toHaveLength(1);
  expect(meters).toEqual([expect.objectContaining({ cir: 2000 })]);
  await expect(applyRules(device, { ...sharing(1), meters: [] })).rejects.toThrow(
    'rule 0: actions[1].mtr_id: the rule set has no meter 9',
  );
  await applyRules(device, ruleSet(0));
  expect(await device.shared()).toEqual({ indirect: [], meters: [] });
});

test('what is refused is told by its place, all at once, and nothing is changed', async () => {
  const device = await emulated();
  await applyRules(device, ruleSet(0));
  const before = await device.list();
  const { rules } = ruleSet(1);
  const nowhere: Action = { type: 'represented_port', ethdev_port_id: 'pf7' };
  const bad = rules.map((rule, index) => (index % 5 === 4 ? { ...rule, actions: [nowhere] } : rule));
  const error = await applyRules(device, { ...ruleSet(1), rules: bad }).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(ApplyError);
  if (!(error instanceof ApplyError)) return;
  expect(error.refusals).toEqual([
    'rule 4: actions[0].ethdev_port_id: the device has no port "pf7"; it has p0, pf0vf0, pf0vf1, pf0vf2',
    'rule 9 (to 10.0.0.4): actions[0].ethdev_port_id: the device has no port "pf7"; it has p0, pf0vf0, pf0vf1, pf0vf2',
  ]);
  expect(await device.list()).toEqual(before);
});

test('a creation that fails takes back all others, whichever it is', async () => {
  const device = await emulated();
  await applyRules(device, ruleSet(0));
  const [old, ids] = [await behaviour(device), (await device.list()).map(({ id }) => id)];
  // 12 rules and the root.
  for (let nth = 1; nth <= 13; nth++) {
    await device.failAt(nth);
    await expect(applyRules(device, ruleSet(1), 5)).rejects.toThrow('the device was told to fail at this creation');
    expect((await device.list()).map(({ id }) => id)).toEqual(ids);
    expect(await behaviour(device)).toBe(old);
  }
  await device.failAt(0);
  await applyRules(device, ruleSet(1));
  expect(await behaviour(device)).toBe(await expected(1));
});

test('between any two requests of an exchange packets meet the old rules or the new ones', async () => {
  const inner = await emulated();
  const seen: string[] = [];
  const look = async () => void seen.push(await behaviour(inner));
  const watched: OffloadDevice = {
    ...inner,
    create: async (rules) => {
      await look();
      const outcomes = await inner.create(rules);
      await look();
      return outcomes;
    },
    destroy: async (ids) => {
      await look();
      const outcomes = await inner.destroy(ids);
      await look();
      return outcomes;
    },
  };
  for (let turn = 0; turn < 4; turn++) {
    seen.length = 0;
    await applyRules(watched, ruleSet(turn), 1);
    const old = turn === 0 ? softwareOnly : await expected(turn - 1);
    const next = await expected(turn);
    const first = seen.indexOf(next);
    expect(first).toBeGreaterThan(0);
    expect(new Set(seen.slice(0, first))).toEqual(new Set([old]));
    expect(new Set(seen.slice(first))).toEqual(new Set([next]));
  }
});

const project = fileURLToPath(new URL('../..', import.meta.url));

/** A process of its own that applies sets for ever, one rule at a time, and kills itself behind its nth request. */
function applier(socket: string, nth: number) {
  const index = JSON.stringify(pathToFileURL(join(project, 'dist/native/offload/index.js')).href);
  const script = `
    import { applyRules, connectDevice } from ${index};
    const sets = JSON.parse(process.argv[1]);
    const device = await connectDevice(process.argv[2]);
    let left = Number(process.argv[3]);
    const deadly = (ask) => (...what) => {
      const answer = ask(...what);
      if (--left === 0) process.kill(process.pid, 'SIGKILL');
      return answer;
    };
    const mortal = { ...device, create: deadly(device.create), destroy: deadly(device.destroy) };
    for (let turn = 0; ; turn = 1 - turn) await applyRules(mortal, sets[turn], 1);`;
  const sets = JSON.stringify([ruleSet(0), ruleSet(1)]);
  return spawn(process.execPath, ['--input-type=module', '-e', script, sets, socket, String(nth)], {
    stdio: 'inherit',
  });
}

test('whenever the process that applies rules is killed, packets meet the old rules or the new ones', async () => {
  const socket = join(folder, 'killed');
  const running = await startDevice(socket, { kind: 'emulated', ports: PORTS });
  onTestFinished(() => running.stop());
  const device = await connectDevice(socket);
  onTestFinished(() => device.close());
  const allowed = [softwareOnly, await expected(0), await expected(1)];
  const counts = new Set<number>();
  // A set is 12 creations, that of the root, the destruction of the old root and of 12 rules.
  for (const nth of [1, 5, 12, 13, 14, 20, 26, 27, 28, 39, 45]) {
    const child = applier(socket, nth);
    const exited = once(child, 'exit').then(() => true);
    while (!(await Promise.race([exited, false]))) expect(allowed).toContain(await behaviour(device));
    // What it had asked for last is done once the device can be claimed.
    await vi.waitFor(() => device.claim());
    const left = await device.list();
    const now = await behaviour(device);
    await device.release();
    counts.add(left.length);
    expect(allowed).toContain(now);
    // Who comes next clears up, and begins from what packets see.
    if (nth % 2 === 0) continue;
    const applied = await applyRules(device, ruleSet(2));
    const live = now === softwareOnly ? 0 : 1;
    expect(applied.leftovers + applied.removed).toBe(left.length - live);
    expect(await device.list()).toHaveLength(13);
    expect(await behaviour(device)).toBe(await expected(2));
    allowed.push(await expected(2));
  }
  // It was killed in the middle of things, and not only between them.
  expect(counts.size).toBeGreaterThan(3);
});

test('while one has claimed a device no other changes its rules, and all may look', async () => {
  const socket = join(folder, 'claimed');
  const running = await startDevice(socket, { kind: 'emulated', ports: PORTS });
  onTestFinished(() => running.stop());
  const [one, other] = [await connectDevice(socket), await connectDevice(socket)];
  onTestFinished(() => other.close());
  await one.claim();
  await one.claim();
  const busy = 'somebody else changes the rules of the device at the moment';
  await expect(other.create(ruleSet(0).rules)).rejects.toThrow(busy);
  await expect(other.flush()).rejects.toThrow(busy);
  await expect(applyRules(other, ruleSet(0))).rejects.toThrow(busy);
  await other.release();
  await expect(other.claim()).rejects.toThrow(busy);
  expect(await other.list()).toEqual([]);
  await one.close();
  await applyRules(other, ruleSet(0));
  expect(await other.list()).toHaveLength(13);
});

test('a device that has gone is told, one that was told to stop takes its socket along', async () => {
  const socket = join(folder, 'gone');
  const running = await startDevice(socket, { kind: 'emulated', ports: PORTS });
  await expect(startDevice(socket, { kind: 'emulated', ports: PORTS })).rejects.toThrow('another device listens on');
  const device = await connectDevice(socket);
  await applyRules(device, ruleSet(0));
  await running.stop();
  await expect(device.list()).rejects.toThrow(`the device at ${socket} has gone`);
  expect(existsSync(socket)).toBe(false);
  await expect(connectDevice(socket)).rejects.toThrow('no device answers at');
});

test.each([
  [{ kind: 'emulated', ports: [] }, 'an emulated device takes ports, a list of names'],
  [{ kind: 'toaster' }, 'a device is of kind emulated, dpdk or doca, not "toaster"'],
])('a device with options %j does not start, and says why', async (options, why) => {
  await expect(startDevice(join(folder, 'no'), options as never)).rejects.toThrow(why);
});

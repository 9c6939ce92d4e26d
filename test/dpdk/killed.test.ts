/**
 * `lflow offload apply` is killed at random moments while packets go through the device: each packet is treated as one of
 * both generations treats it, all of them as the same one, and whoever applies next clears up and knows what happened.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, onTestFinished, test, vi } from 'vitest';
import type { Rule, RuleSet } from '../../engine/offload/rules.ts';
import {
  applyRules,
  compareRules,
  connectDevice,
  isSame,
  type OffloadDevice,
  openDevice,
  readJournal,
  startDevice,
} from '../../native/offload/index.ts';
import { changedDatabase } from '../offload/database.ts';
import { frame, protocols, udp } from '../oracle/frames.ts';
import { seedAndRuns } from '../oracle/seed.ts';

const folder = mkdtempSync(join(tmpdir(), 'lflow-killed-'));
afterAll(() => rmSync(folder, { recursive: true }));

const project = fileURLToPath(new URL('../..', import.meta.url));
const ports = ['p0', 'a', 'b'];
const [a, b] = ['0a:00:00:00:00:01', '0a:00:00:00:00:02'];

/** The network of examples/offload/arp with both hosts on one node. */
function network(): string {
  const file = join(folder, 'network.db');
  writeFileSync(file, changedDatabase('arp', 'worker2', 'worker1'));
  return file;
}

/** Values of the IPv4 type of service: half of them are in hardware in each generation. */
const services = Array.from({ length: 16 }, (_, index) => index * 4);

/** What the flows do with some packets of a to b, in two groups: both generations are right, and of each other's packets know nothing. */
function ruleSet(turn: 0 | 1): RuleSet {
  const mine = services.filter((_, index) => index % 2 === turn);
  const rules = mine.flatMap((tos, index): Rule[] => [
    {
      group: 0,
      priority: 1 + index,
      pattern: [
        { type: 'represented_port', spec: { ethdev_port_id: 'a' } },
        { type: 'eth', spec: { src: a, dst: b, has_vlan: 0 } },
        { type: 'ipv4', spec: { src: '10.0.0.11', dst: '10.0.0.12', tos } },
      ],
      actions: [
        { type: 'set_tag', index: 0, data: tos + 1, mask: 0xffffffff },
        { type: 'jump', group: 3 },
      ],
      cookie: `in ${tos}`,
    },
    {
      group: 3,
      priority: 1 + index,
      pattern: [{ type: 'tag', spec: { index: 0, data: tos + 1 } }],
      actions: [{ type: 'count' }, { type: 'represented_port', ethdev_port_id: 'b' }],
      cookie: `out ${tos}`,
    },
  ]);
  return { node: 'worker1', device: 'connectx-6-dx-sws', rules };
}

const frames = services.map((tos) =>
  Buffer.from(
    frame({ src: a, dst: b }, { src: '10.0.0.11', dst: '10.0.0.12', tos }, protocols.udp, udp(1, 2)),
  ).toString('hex'),
);

/** Where each frame goes: the port, or `-` for software. */
async function behaviour(device: OffloadDevice): Promise<string> {
  const fates = await device.receive('a', frames);
  return fates
    .map(({ outputs }) => outputs.map(({ software, port }) => (software ? '-' : port)).join('+') || 'dropped')
    .join(' ');
}

async function expected(rules: RuleSet): Promise<string> {
  const device = await openDevice({ kind: 'emulated', ports });
  await applyRules(device, rules);
  const seen = await behaviour(device);
  await device.close();
  return seen;
}

/** A device with traffic, and the command that is killed over and over. */
interface Lane {
  readonly socket: string;
  readonly device: OffloadDevice;
}

async function lane(name: string): Promise<Lane> {
  const socket = join(folder, name);
  const running = await startDevice(socket, { kind: 'emulated', ports });
  onTestFinished(() => running.stop());
  const device = await connectDevice(socket);
  onTestFinished(() => device.close());
  return { socket, device };
}

const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

/** Numbers from 0 to 1 that the run's seed fixes. */
function randomness(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const lanes = 4;
/** Kills in each lane, unless told otherwise. */
const { seed, runs } = seedAndRuns(8);
/** The exchange of these rules takes some milliseconds. */
const exchangeMs = 25;

test(`killed at ${lanes * runs} random moments`, { timeout: 600_000 }, async () => {
  const database = network();
  const files = ([0, 1] as const).map((turn) => {
    const file = join(folder, `rules${turn}.json`);
    writeFileSync(file, JSON.stringify(ruleSet(turn)));
    return file;
  });
  const whole = [await expected(ruleSet(0)), await expected(ruleSet(1))] as const;
  expect(new Set([services.map(() => '-').join(' '), ...whole]).size).toBe(3);
  const start = (socket: string, turn: number): ChildProcess => {
    const main = join(project, 'dist/cli/main.js');
    const args = ['offload', 'apply', database, '--node', 'worker1', '--rules', files[turn] ?? '', '--socket', socket];
    return spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  };
  const halfWay = { unended: 0, leftovers: 0, old: 0, new: 0 };

  const run = async (index: number): Promise<void> => {
    const { socket, device } = await lane(`device${index}`);
    const random = randomness(seed + index);
    const ways = [device, ...(await Promise.all([1, 2].map(() => connectDevice(socket))))];
    onTestFinished(async () => void (await Promise.all(ways.slice(1).map((way) => way.close()))));
    const journal = `${socket}.journal`;
    for (let round = 0; round < runs; round++) {
      const child = start(socket, round % 2);
      const exited = once(child, 'exit').then(() => true);
      const before = sizeOf(journal);
      // Some are killed on the way to the exchange, most in it, of which the journal tells, some as soon as it was seen.
      const early = round % 6 === 5 ? performance.now() + random() * 1000 : Number.POSITIVE_INFINITY;
      const isLate = round % 3 === 1;
      const old = await behaviour(device);
      const allowed = [old, whole[round % 2 === 0 ? 0 : 1]];
      let deadline = early;
      let hasBegun = false;
      let isOver = false;
      void exited.then(() => {
        isOver = true;
      });
      // Several at once, so that packets come between any two requests of the command.
      const traffic = async (way: OffloadDevice): Promise<void> => {
        while (!isOver) {
          const seen = await behaviour(way);
          expect(allowed).toContain(seen);
          hasBegun ||= sizeOf(journal) > before;
          if (deadline === early && (isLate ? seen !== old : hasBegun)) {
            deadline = performance.now() + random() * (isLate ? 3 : exchangeMs);
          }
          if (performance.now() >= deadline) child.kill('SIGKILL');
          // Until then the processor is for the command.
          else if (!hasBegun) await new Promise((resolve) => setTimeout(resolve, 4));
        }
      };
      await Promise.all(ways.map(traffic));
      // What it asked for last is done once the device can be claimed.
      await vi.waitFor(() => device.claim());
      expect(allowed).toContain(await behaviour(device));
      const { unended } = await readJournal(journal);
      const state = await compareRules(device, ruleSet((round % 2) as 0 | 1));
      halfWay.unended += unended.length > 0 ? 1 : 0;
      halfWay.leftovers += state.outside.length + state.foreign.length > 0 ? 1 : 0;
      await device.release();
      if (round % 6 !== 4 && round !== runs - 1) continue;
      // Whoever comes next clears up.
      const last = start(socket, 0);
      let said = '';
      last.stderr?.on('data', (text: Buffer) => {
        said += text;
      });
      const [status] = await once(last, 'exit');
      expect([status, said.replace(/^generation .* was broken off: .*\n/gm, '')]).toEqual([0, '']);
      expect(isSame(await compareRules(device, ruleSet(0)))).toBe(true);
      expect(await behaviour(device)).toBe(whole[0]);
      const { entries, unended: open, problems } = await readJournal(journal);
      expect([open, problems]).toEqual([[], []]);
      for (const entry of entries) {
        if (entry.event === 'ended' && entry.outcome === 'interrupted' && entry.inForce !== 'neither') {
          halfWay[entry.inForce]++;
        }
      }
    }
  };
  await Promise.all(Array.from({ length: lanes }, (_, index) => run(index)));
  // It was killed in the middle of things, before and behind the exchange.
  expect(halfWay.unended).toBeGreaterThan(runs / 2);
  expect(halfWay.leftovers).toBeGreaterThan(0);
  expect([halfWay.old > 0, halfWay.new > 0]).toEqual([true, true]);
});

/** `lflow offload apply`, `dump` and `diff` with a device that runs. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { Item, Rule, RuleSet } from '../../engine/offload/rules.ts';
import { connectDevice, type OffloadDevice, startDevice } from '../../native/offload/index.ts';
import { offload } from '../offload/command.ts';
import { changedDatabase } from '../offload/database.ts';
import { PORTS } from './rules.ts';

const folder = mkdtempSync(join(tmpdir(), 'lflow-command-'));
afterAll(() => rmSync(folder, { recursive: true }));

const example = (name: string) => fileURLToPath(new URL(`../../examples/${name}`, import.meta.url));
/** A network that is as promised, and one that is not. */
const fine = example('offload/arp/network.db');
const broken = join(folder, 'broken.db');
writeFileSync(broken, changedDatabase('arp', '10.0.0.12', '10.0.0.11'));

let count = 0;
let socket = '';
let device: OffloadDevice;
beforeEach(async () => {
  socket = join(folder, `device${count++}`);
  const running = await startDevice(socket, { kind: 'emulated', ports: [...PORTS, 'a'] });
  device = await connectDevice(socket);
  return async () => {
    await device.close();
    await running.stop();
  };
});

/** No packet of any network is a frame of this type: whatever is done to it, the flows do nothing else. */
const drop = (type: number): Rule => ({
  group: 0,
  priority: type,
  pattern: [{ type: 'eth', spec: { type } }],
  actions: [{ type: 'count' }, { type: 'drop' }],
  cookie: `type ${type}`,
});

function fileOf(rules: readonly Rule[], node = 'worker1'): string {
  const file = join(folder, `rules${count++}.json`);
  const set: RuleSet = { node, device: 'bluefield-3-doca-hws', rules };
  writeFileSync(file, JSON.stringify(set));
  return file;
}

const to = (...more: string[]) => ['--node', 'worker1', '--socket', socket, ...more];
const journal = () =>
  readFileSync(`${socket}.journal`, 'utf8')
    .trim()
    .split('\n')
    .map((line): Record<string, unknown> => JSON.parse(line));

describe('apply', () => {
  test('does nothing while a promise is broken, and says which', async () => {
    const rules = fileOf([]);
    const { status, answer } = await offload('apply', broken, '--rules', rules, ...to());
    expect(status).toBe(1);
    expect(answer).toMatch(/^NOT APPLIED: the device is as it was\n/);
    expect(answer).toMatch(/^ {2}address-unique of .* is violated: /m);
    expect(answer).toContain('--force "WHY"');
    expect(await device.list()).toEqual([]);
    expect(existsSync(`${socket}.journal`)).toBe(false);
  });

  test('does it all the same for a reason, which stays written down', async () => {
    const rules = fileOf([drop(3)]);
    const args = ['apply', broken, '--rules', rules, ...to('--force', ' an outage is worse ')];
    const { status, answer } = await offload(...args);
    expect(status).toBe(0);
    expect(answer).toMatch(/^APPLIED: 1 rule of worker1 is in force, generation 1\n/);
    expect(answer).toMatch(/^ {2}forced: an outage is worse\n(?: {4}against: .*\n)* {4}against: address-unique of /m);
    expect(await device.list()).toHaveLength(2);
    const [intended, ended] = journal();
    expect(intended).toMatchObject({
      event: 'intended',
      generation: 1,
      before: 0,
      rules: 1,
      node: 'worker1',
      forced: {
        why: 'an outage is worse',
        against: expect.arrayContaining([expect.stringContaining('address-unique')]),
      },
    });
    expect(ended).toMatchObject({ event: 'ended', id: intended?.id, outcome: 'applied', created: 1 });
  });

  test('does what is proven without being forced, and shows a packet where rules do otherwise', async () => {
    const pattern = (src: string): Item[] => [
      { type: 'represented_port', spec: { ethdev_port_id: 'a' } },
      { type: 'eth', spec: { src: '0a:00:00:00:00:01', type: 0x800, has_vlan: 0 } },
      { type: 'ipv4', spec: { src } },
    ];
    const dropping = (src: string) =>
      fileOf([{ group: 0, priority: 0, pattern: pattern(src), actions: [{ type: 'drop' }], cookie: src }]);
    // Port security drops what others' addresses are in.
    const right = await offload('apply', fine, '--rules', dropping('10.0.0.99'), ...to());
    expect([right.status, right.said]).toEqual([0, '']);
    expect(right.answer).not.toContain('forced');
    expect(journal()[0]).not.toHaveProperty('forced');
    const wrong = await offload('apply', fine, '--rules', dropping('10.0.0.11'), ...to());
    expect(wrong.status).toBe(1);
    expect(wrong.answer).toMatch(
      /^ {2}rule 0 \(10\.0\.0\.11\): hardware drops it.*\n {4}.* 10\.0\.0\.11 > .*\n {4}frame [0-9a-f]+ into a$/m,
    );
    expect(journal()).toHaveLength(2);
    const unknown = await offload(
      'apply',
      fine,
      '--rules',
      fileOf([{ ...drop(3), actions: [{ type: 'mark', id: 1 }] }]),
      ...to(),
    );
    expect(unknown.status).toBe(1);
    expect(unknown.answer).toMatch(/^ {2}bluefield-3-doca-hws refuses /m);
  });

  test('plans where it is given no rules', async () => {
    const { status, answer } = await offload('apply', fine, ...to('--force', 'a test', '--port', 'a=pf0vf1'));
    expect(status).toBe(0);
    expect(answer).toMatch(/^APPLIED: \d+ rules of worker1 are in force, generation 1$/m);
    expect((await offload('diff', fine, ...to('--port', 'a=pf0vf1'))).status).toBe(0);
  });

  test('tells as JSON, and of who was broken off', async () => {
    const rules = fileOf([drop(3), drop(4)]);
    const force = ['--force', 'a test', '--format', 'json'];
    expect((await offload('apply', fine, '--rules', rules, ...to(...force))).status).toBe(0);
    const [first] = journal();
    const lost = { ...first, id: 'lost', generation: 2, before: 1 };
    writeFileSync(`${socket}.journal`, `${JSON.stringify(first)}\n${JSON.stringify(lost)}\n{"event":"inten`);
    const { status, answer, said } = await offload('apply', fine, '--rules', rules, ...to(...force));
    expect(status).toBe(0);
    expect(JSON.parse(answer)).toMatchObject({
      applied: true,
      generation: 2,
      removed: 2,
      interrupted: [
        { id: first?.id, inForce: 'new' },
        { id: 'lost', inForce: 'old' },
      ],
      forced: { why: 'a test' },
    });
    expect(said).toMatch(/^generation 1, .* was broken off: its rules were in force already/m);
    expect(said).toMatch(/^generation 2, .* was broken off: it had not come to the exchange/m);
    expect(said).toContain(`${socket}.journal:3: the line is not whole`);
  });

  test('tells what the device refuses, and who has it', async () => {
    const rules = fileOf([{ ...drop(3), actions: [{ type: 'represented_port', ethdev_port_id: 'pf9' }] }, drop(4)]);
    const refused = await offload('apply', fine, '--rules', rules, ...to('--force', 'a test'));
    expect(refused.status).toBe(2);
    expect(refused.said).toContain('the device refuses the rules, and has those from before:\n  rule 0 (type 3): ');
    expect(journal().at(-1)).toMatchObject({ outcome: 'refused', why: expect.stringContaining('pf9') });
    await device.claim();
    const busy = await offload('apply', fine, '--rules', fileOf([]), ...to('--force', 'a test'));
    expect(busy.status).toBe(2);
    expect(busy.said).toContain('somebody else changes the rules of the device at the moment');
    await device.release();
  });

  test.each([
    [['--force', ' '], '--force "": say why'],
    [['--rules', 'no.json'], 'the rules no.json cannot be read: no such file or directory'],
    [['--rules', example('single-vpc.yaml')], 'it is not JSON'],
    [['--journal', example('single-vpc.yaml'), '--force', 'x'], 'is no journal of rules in hardware'],
    [['--journal', '/no/such/folder', '--force', 'x'], 'its folder does not exist; --journal gives it another place'],
  ])('%j is refused', async (options, complaint) => {
    const args = options.includes('--rules') ? options : ['--rules', fileOf([drop(3)]), ...options];
    const { status, said } = await offload('apply', fine, ...args, ...to());
    expect(said).toContain(complaint);
    expect(status).toBe(2);
    expect(await device.list()).toEqual([]);
  });

  test("another node's rules are refused", async () => {
    const rules = fileOf([], 'worker2');
    const { status, said } = await offload('apply', fine, '--rules', rules, ...to());
    expect([status, said]).toEqual([2, expect.stringContaining('are for node "worker2", not for "worker1"')]);
  });
});

describe('dump', () => {
  test('of a device without rules', async () => {
    expect((await offload('dump', '--socket', socket)).answer).toBe(
      'the device has no rules: all packets go to software\n',
    );
  });

  test('tells rules, counters, who applied them, and what is of no generation', async () => {
    await offload('apply', fine, '--rules', fileOf([drop(0x88b5)]), ...to('--force', 'a test'));
    await device.receive('p0', [`${'02'.repeat(12)}88b500000000`]);
    await device.create([{ ...drop(9), group: 77 }]);
    const { status, answer } = await offload('dump', '--socket', socket);
    expect(status).toBe(0);
    const lines = answer.split('\n');
    expect(lines[0]).toMatch(/^generation 1: rules [0-9a-f]{12} of worker1, applied by .*; forced: a test$/);
    expect(lines.slice(1)).toEqual([
      'group 0: the root',
      '  0: eth → jump group 1 (cookie generation 1)',
      'group 1: group 0 of the rule set',
      '  34997: eth type is 34997 → count / drop (1 packets, 18 bytes; cookie type 34997)',
      'rules that no generation in force has; the next apply removes them',
      '  group 77 9: eth type is 9 → count / drop (0 packets, 0 bytes; cookie type 9)',
      '',
    ]);
    const json = JSON.parse((await offload('dump', '--socket', socket, '--format', 'json')).answer);
    expect(json).toMatchObject({ generation: 1, base: 1, applied: { node: 'worker1' } });
    expect(json.rules.map(({ live, packets }: { live: boolean; packets?: number }) => [live, packets])).toEqual([
      [true, 1],
      [true, undefined],
      [false, 0],
    ]);
  });
});

describe('diff', () => {
  const rules = () => fileOf([drop(3), drop(4)]);

  test('says that nothing differs, or what does, and repairs it', async () => {
    const wanted = rules();
    const args = [fine, '--rules', wanted, ...to('--force', 'a test')];
    const before = await offload('diff', ...args);
    expect(before.status).toBe(1);
    expect(before.answer).toMatch(
      /^DIFFERENT: 0 rules of generation 0 .*\n {2}missing group 0 priority 3 \(type 3\): eth type is 3 → count \/ drop$/m,
    );
    await offload('apply', ...args);
    const same = await offload('diff', ...args);
    expect([same.status, same.answer]).toEqual([0, 'SAME: generation 1 has the 2 rules and no others\n']);
    const [third] = (await device.list()).filter(({ rule }) => rule.cookie === 'type 3');
    if (!third) throw new Error('no rule');
    await device.destroy([third.id]);
    await device.create([
      { ...third.rule, actions: [{ type: 'drop' }] },
      { ...drop(5), group: 1 },
    ]);
    const different = await offload('diff', ...args);
    expect(different.status).toBe(1);
    expect(different.answer).toBe(
      [
        'DIFFERENT: 1 rules of generation 1 are as they should be',
        '  changed group 0 priority 3 (type 3): eth type is 3 → count / drop',
        '    is now (actions) group 0 priority 3 (type 3): eth type is 3 → drop',
        '  foreign group 0 priority 5 (type 5): eth type is 5 → count / drop',
        '',
      ].join('\n'),
    );
    const repaired = await offload('diff', ...args, '--repair', '--format', 'json');
    expect(repaired.status).toBe(0);
    expect(JSON.parse(repaired.answer)).toMatchObject({
      same: false,
      difference: { changed: [{ parts: ['actions'] }] },
      repair: { applied: true, generation: 2 },
    });
    expect((await offload('diff', ...args)).status).toBe(0);
    // What is right is left alone.
    expect((await offload('diff', ...args, '--repair')).answer).toMatch(/^SAME: generation 2 /);
  });

  test('does not repair what may not be applied', async () => {
    const args = [broken, '--rules', rules(), ...to('--repair')];
    const { status, answer } = await offload('diff', ...args);
    expect(status).toBe(1);
    expect(answer).toMatch(/^DIFFERENT: (.|\n)*^NOT APPLIED: /m);
    expect(await device.list()).toEqual([]);
  });
});

test('a device that is not there is told, with what to do', async () => {
  const nowhere = join(folder, 'nowhere');
  onTestFinished(() => expect(existsSync(nowhere)).toBe(false));
  const { status, said } = await offload('dump', '--socket', nowhere);
  expect(status).toBe(2);
  expect(said).toMatch(/^lflow: no device answers at .*nowhere: .*; start it: \/.*lflow-device .*binding\.md/);
});

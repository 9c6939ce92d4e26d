/** Explanations: each reason has its words and its page, and what people complained of is named by its code. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { explainPlan, planText } from '../../engine/offload/explain.ts';
import { planHtml } from '../../engine/offload/explain-html.ts';
import { type OffloadPlan, REASON_CODES, type Traffic } from '../../engine/offload/plan.ts';
import { reasonTexts, remedies } from '../../engine/offload/reasons.ts';
import { offload } from './command.ts';
import { expected, plannedCodes } from './complaints.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (file: string) => readFileSync(join(root, file), 'utf8');

describe('pages', () => {
  const pages = readdirSync(join(root, 'docs/offload/reasons'))
    .filter((name) => name !== 'README.md')
    .map((name) => name.replace(/\.md$/, ''));

  test('every code has a page, every page a code, and the index has them all', () => {
    expect([...pages].sort()).toEqual([...REASON_CODES].sort());
    const listed = [...read('docs/offload/reasons/README.md').matchAll(/^\| \[([a-z0-9-]+)\]\(\1\.md\) \|/gm)];
    expect(listed.map(([, code]) => code).sort()).toEqual([...REASON_CODES].sort());
  });

  test.each(REASON_CODES)('%s', (code) => {
    const text = read(`docs/offload/reasons/${code}.md`);
    const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading);
    expect(headings).toEqual([code, 'What it means', 'Why', 'What to do', 'How to check', 'Source']);
    const { title, why, todo, check, remedy } = reasonTexts[code];
    const plain = text.replace(/\s+/g, ' ');
    for (const part of [`**${title}**: ${remedies[remedy]}`, why, todo, check]) expect(plain).toContain(part);
    expect(text).toMatch(/## Source\n\n- \S/);
  });
});

const traffic = (id: string, more: Partial<Traffic>): Traffic => ({
  id,
  from: 'a',
  to: ['b'],
  words: 'tcp',
  place: 'hardware',
  reasons: [],
  rules: [],
  ...more,
});

const plan: OffloadPlan = {
  node: 'worker1',
  device: 'bluefield-3-doca-hws',
  placement: 'proactive',
  ruleSet: { node: 'worker1', device: 'bluefield-3-doca-hws', rules: [] },
  groups: [{ group: 0, purpose: 'who sends', rules: 7, limit: 9 }],
  traffic: [
    traffic('1', { place: 'software', reasons: [{ code: 'arp-nd', detail: 'arp <b>' }], words: 'arp', to: [] }),
    traffic('2', {
      place: 'software',
      reasons: [{ code: 'ct-icmp', detail: 'x', stage: 'ls_in_acl', flow: 'deadbeef-1' }],
    }),
    traffic('3', {
      place: 'software',
      reasons: [{ code: 'ct-icmp', detail: 'x', stage: 'ls_in_acl', flow: 'deadbeef-1' }],
    }),
    traffic('4', { place: 'hardware-after-first', reasons: [{ code: 'neighbour-unknown', detail: 'y' }] }),
    traffic('5', { place: 'hardware-after-first', reasons: [{ code: 'load-balancer', detail: 'z' }] }),
    traffic('6', { also: ['c', 'd'] }),
    traffic('7', { words: 'udp\u001b[31m' }),
    traffic('8', { words: 'igmp', to: [] }),
  ],
};

describe('a plan', () => {
  test('is grouped by place and reasons, what is mostly meant first, what needs attention before the usual', () => {
    const { groups, classes } = explainPlan(plan);
    expect(
      groups.map(({ place, reasons, members }) => [place, reasons.map(({ code }) => code), members.length]),
    ).toEqual([
      ['hardware', [], 3],
      ['hardware-after-first', ['load-balancer'], 1],
      ['hardware-after-first', ['neighbour-unknown'], 1],
      ['software', ['ct-icmp'], 2],
      ['software', ['arp-nd'], 1],
    ]);
    expect(classes).toEqual({ hardware: 3, 'hardware-after-first': 2, software: 3 });
    // What is said of several classes is said once.
    expect(groups[3]?.reasons[0]?.details).toEqual([{ detail: 'x', stage: 'ls_in_acl', flow: 'deadbeef-1' }]);
  });

  test('is told as text: every class, why, the stage and flow, what to do, how to check', () => {
    const text = planText(explainPlan(plan));
    expect(text).toContain('8 classes of traffic: 3 in hardware, 2 in hardware after the first packet, 3 in software');
    expect(text).toContain('tcp, from a and 2 more to b');
    expect(text).toMatch(/^ {2}arp, from a$/m);
    expect(text).toMatch(/^ {2}igmp, from a to nobody: dropped$/m);
    expect(text).toContain('In software: ICMP behind connection tracking (2)');
    expect(text).toContain('[ct-icmp] Connection tracking in hardware knows TCP and UDP.');
    expect(text).toContain('here: x (ls_in_acl, flow deadbeef)');
    expect(text).toContain('group 0: 7 rules of 9, who sends');
    expect(text).toContain('Use TCP, not ping');
    expect(text).toContain('dpctl/dump-flows -m');
  });

  test('is told as one page that needs nothing else, whatever names stand in it', () => {
    const html = planHtml(explainPlan(plan));
    expect(html).toMatch(/^<!doctype html>/);
    expect(html).toContain('<svg');
    expect(html).toContain('arp &lt;b&gt;');
    expect(html).toContain('\\x1b[31m');
    expect(html).not.toMatch(/<script|<link|src=|href=|@import|url\(/);
    expect(html).not.toContain('`');
  });

  test('kinds that read alike are one line, and very many receivers are counted', () => {
    const { traffic } = plan;
    const [first] = traffic;
    if (!first) throw new Error('there is traffic');
    const to = Array.from({ length: 100 }, (_, index) => `port${index}`);
    const text = planText(explainPlan({ ...plan, traffic: [first, first, { ...first, words: 'all', to }] }));
    expect(text.split('\n').filter((line) => line.includes(`  ${first.words}, from `))).toHaveLength(1);
    expect(text).toContain(' (2 kinds)');
    expect(text).toMatch(/^ {2}all, from .* to port0, .*, port7 and 92 more$/m);
  });

  test('without traffic is told, too', () => {
    const empty = { ...plan, traffic: [], groups: [] };
    expect(planText(explainPlan(empty))).toContain('0 classes of traffic\n');
    expect(planHtml(explainPlan(empty))).not.toContain('NaN');
  });
});

const folder = join(root, 'examples/offload');
const examples = readdirSync(folder);

describe.each(examples)('complaint: %s', (name) => {
  test('its flows are explained by the right codes', async () => {
    const flows = join(folder, name, 'flows.txt');
    const { status, answer, said } = await offload('explain', '--flows', flows, '--format', 'json');
    expect([status, said]).toEqual([0, '']);
    const { groups } = JSON.parse(answer) as { groups: { place: string; reasons: { code: string }[] }[] };
    const codes = groups.flatMap(({ reasons }) => reasons.map(({ code }) => code));
    expect([...new Set(codes)].sort()).toEqual([...expected(name).codes].sort());
    for (const { place, reasons } of groups) expect(reasons.length === 0).toBe(place === 'hardware');
  });

  test('its page tells where it was told and names the codes', () => {
    const text = read(`examples/offload/${name}/README.md`);
    const { codes, threads } = expected(name);
    expect(threads.length).toBeGreaterThan(0);
    for (const thread of threads) expect(text).toContain(`<${thread}>`);
    for (const code of codes) expect(text).toContain(`docs/offload/reasons/${code}.md`);
  });
});

describe('the network of a complaint is explained by the right codes before it is installed:', () => {
  // Those with a router take longer: test/ovn/offload-examples.test.ts.
  test.each(['arp', 'ping-through-acls', 'load-balancer'])('%s', { timeout: 120_000 }, async (name) => {
    expect(await plannedCodes(name)).toEqual(expect.arrayContaining([...(expected(name).planned ?? [])]));
  });
});

describe('the command', () => {
  test('tells flows as text, with shares of packets', async () => {
    const { answer } = await offload('explain', '--flows', join(folder, 'first-packet/flows.txt'));
    expect(answer).toContain('2 flows: 1 in hardware, 1 in software; 100 % of 51037 packets met flows in hardware');
    expect(answer).toContain('  line 1, 14 packets: ');
    expect(answer).toContain('[ct-new] Software has to see a connection open');
  });

  test('tells flows as a page', async () => {
    const { answer } = await offload('explain', '--flows', join(folder, 'arp/flows.txt'), '--format', 'html');
    expect(answer).toContain('<code>arp-nd</code>');
  });

  test.each([
    [[], 'give an input and --node NODE, or --flows FILE'],
    [['x.yaml'], '--node NODE says whose traffic is explained'],
    [['x.yaml', '--flows', 'y'], 'give an input or --flows FILE, not both'],
    [['--flows', 'nowhere.txt'], '--flows nowhere.txt: no such file or directory'],
    [['--flows', join(folder, 'arp/README.md')], 'there is no flow in it'],
  ])('%j is refused', async (args, complaint) => {
    const { status, said } = await offload('explain', ...args);
    expect([status, said]).toEqual([2, expect.stringContaining(complaint)]);
  });
});

/** Plans of examples: proven, told, and written as others know rules. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadSubject, type Subject } from '../../cli/offload/subject.ts';
import { capabilitiesOf } from '../../engine/offload/capabilities/index.ts';
import { checkRules, problemText } from '../../engine/offload/check.ts';
import { readDatapathFlows } from '../../engine/offload/datapath-flows.ts';
import type { OffloadPlan } from '../../engine/offload/plan.ts';
import { planText } from '../../engine/offload/plan-text.ts';
import { readRuleSet } from '../../engine/offload/read-rules.ts';
import type { Rule } from '../../engine/offload/rules.ts';
import { planOffload } from '../../sim/offload/plan.ts';
import { proveRules } from '../../sim/offload/prove.ts';
import { offload } from './command.ts';

const subjectOf = (input: string, node: string): Promise<Subject> =>
  loadSubject([input], { node, device: 'bluefield-3-doca-hws', uplink: 'p0', port: [] });

const prove = (subject: Subject, { ruleSet }: OffloadPlan) =>
  proveRules(subject, { name: subject.node, ...subject.device }, ruleSet).verdict;

describe('two networks that are routed', () => {
  let subject: Subject;
  let plan: OffloadPlan;
  beforeAll(async () => {
    subject = await subjectOf('examples/two-networks.yaml', 'testnet1-1');
    plan = planOffload(subject);
  }, 120_000);

  test('rules do what the flows do', () => {
    expect(prove(subject, plan)).toBe('holds');
  }, 120_000);

  test('neighbours of this node and of others are reached in hardware from the first packet on', () => {
    const hardware = plan.traffic.filter(({ place }) => place === 'hardware');
    const reached = new Set(hardware.flatMap(({ to }) => to));
    expect([...reached].filter((name) => name.includes('vf2')).sort()).toEqual([
      'default/testnet1-vf2@testnet1-1',
      'default/testnet1-vf2@testnet1-2',
      'default/testnet2-vf2@testnet2-1',
      'default/testnet2-vf2@testnet2-2',
    ]);
    expect(hardware.every(({ rules, reasons }) => rules.length > 0 && reasons.length === 0)).toBe(true);
    const cookies = new Set(plan.ruleSet.rules.map(({ cookie }) => cookie));
    expect(hardware.flatMap(({ rules }) => rules).every((cookie) => cookies.has(cookie))).toBe(true);
  });

  test('what is not there has a reason, and its stage', () => {
    const reasons = plan.traffic.flatMap((one) => one.reasons);
    const stagesOf = (code: string) => new Set(reasons.filter((one) => one.code === code).map(({ stage }) => stage));
    expect(stagesOf('ct-new')).toContain('lr_out_snat');
    expect(stagesOf('ct-icmp')).toContain('lr_out_snat');
    expect(stagesOf('controller-action')).toContain('ls_in_dhcp_options');
    expect(stagesOf('arp-nd')).toContain('ls_in_arp_rsp');
    expect(reasons.map(({ code }) => code)).toContain('multicast');
    const first = plan.traffic.filter(({ place }) => place === 'hardware-after-first');
    expect(first.map(({ reasons: [reason] }) => reason?.code)).toContain('ct-new');
  });

  test('groups are counted', () => {
    const counted = plan.groups.reduce((sum, { rules }) => sum + rules, 0);
    expect(counted).toBe(plan.ruleSet.rules.length);
    expect(planText(plan, 'text')).toContain(`${counted} rules for testnet1-1 on bluefield-3-doca-hws\n`);
  });

  test('packets of IP without a protocol, whose headers Open vSwitch leaves as they are, are not changed in hardware', () => {
    const taken = plan.ruleSet.rules.filter(({ pattern }) =>
      pattern.some(({ type, spec }) => type === 'ipv4' && spec && 'proto' in spec && spec.proto === 0),
    );
    expect(taken.length).toBeGreaterThan(0);
    const software = plan.groups.find(({ purpose }) => purpose === 'left to software')?.group;
    for (const { actions } of taken) expect(actions).toEqual([{ type: 'jump', group: software }]);
    expect(plan.traffic.flatMap(({ reasons }) => reasons.map(({ detail }) => detail))).toContain(
      'Open vSwitch changes no header of IP whose protocol is 0, and hardware would',
    );
  });

  test('JSON is a rule set that other commands read', () => {
    const { ruleSet, problems } = readRuleSet(planText(plan, 'json'), 'plan.json');
    expect(problems).toEqual([]);
    expect(ruleSet).toEqual(plan.ruleSet);
  });

  test('testpmd has a command a rule, and the headers of tunnels before them', () => {
    const lines = planText(plan, 'testpmd').trimEnd().split('\n');
    const commands = lines.filter((line) => line.startsWith('flow create '));
    expect(commands).toHaveLength(plan.ruleSet.rules.length);
    for (const line of commands) {
      expect(line).toMatch(
        /^flow create 0 group \d+ priority \d+ transfer pattern (\S.* \/ )?end actions \S.* \/ end$/,
      );
    }
    const encaps = lines.filter((line) => line.startsWith('set raw_encap '));
    const headers = plan.ruleSet.rules.flatMap(({ actions }) => actions.filter(({ type }) => type === 'raw_encap'));
    expect(new Set(encaps).size).toBe(new Set(headers.map((action) => JSON.stringify(action))).size);
    for (const [at, line] of lines.entries()) {
      if (!line.includes(' raw_encap index ')) continue;
      expect(line).toContain(' raw_encap index 0 / ');
      expect(lines.slice(0, at).some((before) => before.startsWith('set raw_encap 0 '))).toBe(true);
    }
    expect(encaps[0]).toMatch(/geneve-opt class is 0x0102 type is 0x80 length is 1 data is 0x[0-9a-f]{8} \/ end_set$/);
  });

  test('tc and dump-flows have a line a rule', () => {
    const rules = plan.ruleSet.rules.length;
    const filters = planText(plan, 'tc').trimEnd().split('\n').slice(1);
    expect(filters).toHaveLength(rules);
    expect(filters.filter((line) => line.startsWith('tc filter add ')).length).toBeGreaterThan(rules / 2);
    const flows = planText(plan, 'dump-flows').trimEnd().split('\n');
    const both = flows.filter((line) => line.includes('frag=first'));
    expect(flows).toHaveLength(rules + both.length);
    expect(readDatapathFlows(flows.join('\n')).problems).toEqual([]);
    for (const line of flows) {
      expect(line).toMatch(
        /^recirc_id\(0x[0-9a-f]+\),.*, packets:0, bytes:0, used:never, offloaded:yes, dp:lflow, actions:\S+$/,
      );
    }
  });

  test('where there is room for few rules, there are no more; what is left out for it is told, and those that ports have of their own are left out first', () => {
    const all = plan.ruleSet.rules.length;
    const isOwn = ({ purpose }: OffloadPlan['groups'][number]) => purpose.endsWith(' alone');
    const own = plan.groups.filter(isOwn).reduce((sum, { rules }) => sum + rules, 0);
    expect(own).toBeGreaterThan(0);
    for (const mostRules of [1, Math.floor((all - own) / 2), all - own, all - 1, all]) {
      const small = planOffload({ ...subject, mostRules });
      const { length } = small.ruleSet.rules;
      expect(length).toBeLessThanOrEqual(mostRules);
      expect(small.groups.some(isOwn)).toBe(mostRules === all);
      if (mostRules >= all - own) expect(length).toBeGreaterThanOrEqual(all - own);
      const codes = small.traffic.flatMap(({ reasons }) => reasons.map(({ code }) => code));
      expect(codes.includes('table-full')).toBe(mostRules < all);
      if (length < all) expect(prove(subject, small)).toBe('holds');
    }
  }, 240_000);

  test('a device that matches five words has rules of no more', () => {
    const capabilities = capabilitiesOf('connectx-6-dx-hws');
    if (!capabilities) throw new Error('no such device');
    const narrow = planOffload({ ...subject, capabilities });
    expect(prove(subject, narrow)).toBe('holds');
    expect(narrow.traffic.some(({ place }) => place === 'hardware')).toBe(true);
  }, 120_000);

  test('whatever a device knows, what is left to software has a group with a rule, or nothing is planned', () => {
    const { capabilities } = subject;
    const { items } = capabilities;
    const { tag: _, meta: __, mark: ___, ...noRegisters } = items;
    const eth = { ...items.eth, fields: (items.eth?.fields ?? []).filter((field) => field !== 'src'), source: '' };
    const variants = [
      { has: 'meta', device: { items: { ...noRegisters, ...(items.meta && { meta: items.meta }) } } },
      { has: 'eth', device: { items: noRegisters } },
      { has: undefined, device: { items: { ...noRegisters, eth } } },
    ];
    for (const { has, device } of variants) {
      const own = { ...capabilities, ...device };
      const made = planOffload({ ...subject, capabilities: own });
      const ports = [subject.device.uplink, ...subject.device.ports.values()];
      expect(checkRules(made.ruleSet, own, { ports }).map(problemText)).toEqual([]);
      const group = made.groups.find(({ purpose }) => purpose === 'left to software')?.group;
      const rules = made.ruleSet.rules.filter((rule) => rule.group === group);
      if (has === undefined) {
        expect(made.ruleSet.rules).toEqual([]);
        expect(made.traffic.some(({ place }) => place === 'hardware')).toBe(false);
      } else {
        expect(rules.flatMap(({ pattern }) => pattern.map(({ type }) => type))).toContain(has);
        expect(prove({ ...subject, capabilities: own }, made)).toBe('holds');
      }
    }
  }, 240_000);

  test('a device that takes nothing gets nothing', () => {
    const nothing = { device: 'none', title: 'nothing', items: {}, actions: {}, limits: {}, exclusive: [] };
    const { ruleSet, traffic } = planOffload({ ...subject, capabilities: nothing });
    const ends = ruleSet.rules.flatMap(({ actions }) => actions.map(({ type }) => type));
    expect(ends.filter((type) => type === 'represented_port')).toEqual([]);
    expect(traffic.some(({ place }) => place === 'hardware')).toBe(false);
  }, 120_000);
});

test('separated networks: rules do what the flows do', async () => {
  const subject = await subjectOf('examples/isolated-networks.yaml', 'node-1');
  expect(prove(subject, planOffload(subject))).toBe('holds');
}, 120_000);

describe('ports that may send from one address only', () => {
  let subject: Subject;
  let plan: OffloadPlan;
  beforeAll(async () => {
    subject = await subjectOf('examples/offload/arp/network.db', 'worker1');
    plan = planOffload(subject);
  }, 60_000);

  test('rules do what the flows do, also with frames whose IP header cannot be read, and with tags that software does not know', () => {
    expect(prove(subject, plan)).toBe('holds');
  });

  test('a sender is asked for his address, in place of drops for all other ones', () => {
    const addresses = plan.ruleSet.rules.flatMap(({ pattern }) =>
      pattern.flatMap((item) => (item.type === 'ipv4' && item.spec?.src !== undefined ? [item.spec.src] : [])),
    );
    expect(addresses).toContain('10.0.0.11');
    expect(plan.ruleSet.rules.length).toBeLessThan(40);
  });

  test('without the rule that leaves tagged frames to software, tags that it does not know are dropped as port security drops them', () => {
    const isTagged = ({ pattern }: Rule) => pattern.some((item) => item.type === 'eth' && item.spec?.has_vlan === 1);
    const rules = plan.ruleSet.rules.filter((rule) => !isTagged(rule));
    expect(rules).toHaveLength(plan.ruleSet.rules.length - 1);
    const proof = proveRules(subject, { name: subject.node, ...subject.device }, { ...plan.ruleSet, rules });
    // Who may send from one address only sends no frame of another type: to ovn-controller 0x9100 is one.
    expect(proof.verdict).toBe('holds');
  });
});

describe('the command', () => {
  test('prints a plan', async () => {
    const { status, answer } = await offload(
      'plan',
      'examples/single-vpc.yaml',
      '--node',
      'node-1',
      '--format',
      'json',
    );
    expect(status).toBe(0);
    const { node, rules, traffic } = JSON.parse(answer);
    expect([node, rules.length > 0, traffic.length > 0]).toEqual(['node-1', true, true]);
  }, 60_000);

  test.each([
    [['--node', 'nobody'], 'there is no node "nobody"; the nodes are'],
    [['--node', 'node-1', '--device', 'nothing'], '--device nothing: no such file or directory; devices are'],
    [['--node', 'node-1', '--port', 'x'], '--port x: give LPORT=NAME'],
    [['--node', 'node-1', '--port', 'x=y'], '--port x=y: the ports are'],
    [['--node', 'node-1', '--device', 'tsconfig.build.json'], 'tsconfig.build.json:1:1: device is missing'],
    [['--node', 'node-1', '--most-rules', 'many'], '--most-rules: give a whole number of rules'],
    [['--node', 'node-1', '--most-rules', '-1'], '--most-rules: give a whole number of rules'],
    [['--node', 'node-1', '--underlay', 'package.json'], '--underlay package.json: name.ip is no IPv4 address'],
  ])('says what is wrong with %s', async (args, sentence) => {
    const { status, said, answer } = await offload('plan', 'examples/single-vpc.yaml', ...args);
    expect([status, answer]).toEqual([2, '']);
    expect(said).toContain(sentence);
  });
});

test('the page tells all options', () => {
  const page = readFileSync('docs/offload/plan.md', 'utf8');
  for (const option of ['--node', '--device', '--port', '--uplink', '--underlay', '--most-rules', '--format'])
    expect(page).toContain(option);
});

/** Rules by hand of a node with two networks: what is right is proven, what is wrong is shown with its packet. */
import { describe, expect, test, vi } from 'vitest';
import type { Action, Item, Rule, RuleSet } from '../../../engine/offload/rules.ts';
import type { Northbound } from '../../../engine/ovsdb/northbound.ts';
import { openProver, type RuleProof, type RuleViolation } from '../../../sim/offload/prove.ts';
import { replayed, replayWords } from '../../../sim/offload/replayed.ts';
import { addPort } from '../../northd/router/build.ts';
import { addAcl, logicalSwitch } from '../../northd/topologies.ts';
import { groups } from '../../offload/rule-maker.ts';
import { type Scene, scene } from '../../offload/scene.ts';

vi.setConfig({ testTimeout: 120_000 });

const plain = scene();
const prove = openProver({ southbound: plain.southbound }, plain.node);

const red = groups.firstSwitch;
const out = (port: string): Action => ({ type: 'represented_port', ethdev_port_id: port });
/** The devices' ports of the hosts. */
const [blue1, red1] = ['pf0vf0', 'pf0vf1'];
const from = (port: string): Item => ({ type: 'represented_port', spec: { ethdev_port_id: port } });
const untagged: Item = { type: 'eth', spec: { has_vlan: 0, src: '02:00:00:00:00:01' } };

const withRules = (rules: RuleSet, ...more: readonly Rule[]): RuleSet => ({
  ...rules,
  rules: [...rules.rules, ...more],
});

/** The rules with the one of this cookie changed. */
function changed({ rules }: Scene, cookie: string, change: (rule: Rule) => Rule): RuleSet {
  expect(rules.rules.filter((rule) => rule.cookie === cookie)).toHaveLength(1);
  return { ...rules, rules: rules.rules.map((rule) => (rule.cookie === cookie ? change(rule) : rule)) };
}

function violation(proof: RuleProof): RuleViolation {
  if (proof.verdict !== 'violated') throw new Error(`${proof.verdict}: ${JSON.stringify(proof)}`);
  return proof.violations[0];
}

const sentenceOf = (rules: RuleSet): string => violation(prove(rules)).sentence;

test('rules that do what the flows do are proven; no rules at all do nothing wrong', () => {
  expect(prove(plain.rules)).toEqual({ verdict: 'holds', unmet: [] });
  expect(prove({ ...plain.rules, rules: [] }).verdict).toBe('holds');
});

describe('what is finished otherwise than the flows have it', () => {
  test('by another port', () => {
    const wrong = changed(plain, 'red1 to blue1', (rule) => ({
      ...rule,
      actions: [...rule.actions.slice(0, -1), out(red1)],
    }));
    const { sentence, packet, rule } = violation(prove(wrong));
    expect(sentence).toMatch(
      /^hardware sends it out by pf0vf1, by rules\[\d+\] .*red1 to blue1\); the logical flows send it to "blue1"$/,
    );
    expect(packet).toMatchObject({
      inport: 'red1',
      devicePort: red1,
      summary: 'icmp echo request 10.0.0.11 > 10.1.0.11, from 02:00:00:00:00:01 to 02:00:00:00:ff:00',
    });
    expect(rule?.cookie).toBe('red1 to blue1');
    const replay = packet && replayed(plain.southbound, packet);
    expect(replay && replayWords(replay)).toMatch(/^sends it to "blue1" as icmp echo request/);
  });

  test('with a hop too many', () => {
    const wrong = changed(plain, 'red1 to blue1', (rule) => ({
      ...rule,
      actions: rule.actions.filter(({ type }) => type !== 'dec_ttl'),
    }));
    expect(sentenceOf(wrong)).toContain('ip.ttl is 64, not 63; the logical flows send it there with other headers');
  });

  test('a packet without a hop left', () => {
    const wrong = changed(plain, 'red1 to blue1', (rule) => ({
      ...rule,
      pattern: rule.pattern.map((item) =>
        item.type === 'ipv4' ? { ...item, last: {}, spec: { dst: '10.1.0.11' } } : item,
      ),
    }));
    expect(sentenceOf(wrong)).toMatch(
      /hardware sends it out by pf0vf0.*the logical flows send what they make of it \(icmp4\)/,
    );
  });

  test('through a tunnel with other keys, or to another node', () => {
    const other = (at: number, value: string) =>
      changed(plain, 'red1 to red2', (rule) => ({
        ...rule,
        actions: rule.actions.map((action) =>
          action.type === 'raw_encap'
            ? {
                ...action,
                data: `${(action.data ?? '').slice(0, 2 * at)}${value}${(action.data ?? '').slice(2 * at + 2)}`,
              }
            : action,
        ),
      }));
    expect(sentenceOf(other(33, '07'))).toContain('have "red2" on worker2, which has another address');
    expect(sentenceOf(other(57, '09'))).toContain('have no port elsewhere with the key 9 in the network with the key');
    expect(sentenceOf(other(55, '09'))).toContain(
      'came to this place by another port than the one that the tunnel names',
    );
    expect(prove(other(37, '00'))).toMatchObject({
      verdict: 'unknown',
      reasons: [expect.stringContaining('UDP goes to port 5888, not 6081')],
    });
  });

  test('what the flows do not know of: frames with a VLAN tag, other ports, other traffic of the uplink', () => {
    const tagged = changed(plain, 'from red1', (rule) => ({
      ...rule,
      pattern: rule.pattern.map((item) =>
        item.type === 'eth' ? { ...item, spec: { src: '02:00:00:00:00:01' } } : item,
      ),
    }));
    expect(violation(prove(tagged)).packet?.summary).toMatch(/vlan/i);
    const anywhere: Rule = {
      group: 0,
      priority: 5,
      pattern: [{ type: 'eth', spec: { dst: '02:00:00:00:00:01' } }],
      actions: [out(red1)],
    };
    expect(sentenceOf(withRules(plain.rules, anywhere))).toContain('takes a packet that software sends');
    const uplink: Rule = { ...anywhere, pattern: [from('p0'), { type: 'eth' }], actions: [{ type: 'drop' }] };
    expect(sentenceOf(withRules(plain.rules, uplink))).toContain('know nothing of it, so that it is for software');
  });

  test('what the sender of a frame with the address of a group as its source has sent', () => {
    const loose = changed(plain, 'from red1', (rule) => ({
      ...rule,
      pattern: rule.pattern.map((item) => (item.type === 'eth' ? { ...item, spec: { has_vlan: 0 } } : item)),
    }));
    expect(sentenceOf(loose)).toMatch(
      /the logical flows drop it \(ls_in_check_port_sec, priority 100: eth\.src\[40\]\)$/,
    );
  });
});

test('a frame for everybody sent to one of them', () => {
  const three = scene((nb) => addPort(nb, 'red', 'red3', ['02:00:00:00:00:05 10.0.0.13']));
  const toRed2 = three.rules.rules.find(({ cookie }) => cookie === 'red1 to red2') as Rule;
  const pattern: Item[] = [
    from(red1),
    { type: 'eth', spec: { dst: 'ff:ff:ff:ff:ff:ff', src: '02:00:00:00:00:01', has_vlan: 0, type: 0x88b5 } },
  ];
  const rules = [{ ...toRed2, group: 0, pattern }];
  const proof = openProver({ southbound: three.southbound }, three.node)({ ...three.rules, rules });
  expect(violation(proof).sentence).toMatch(/the logical flows also send it to "red3", or may do so$/);
});

describe('what software gets', () => {
  test('it gets as it came', () => {
    const lost: Rule = {
      group: red,
      priority: 7,
      pattern: [{ type: 'eth' }],
      actions: [
        { type: 'set_mac_dst', mac_addr: '02:00:00:00:00:77' },
        { type: 'jump', group: 9 },
      ],
    };
    expect(sentenceOf(withRules(plain.rules, lost))).toMatch(
      /hands the packet to software after it has changed it, for no rule of group 9 takes it: eth.dst is 02:00:00:00:00:77, not .*; the logical flows begin with the packet as it came/,
    );
    const noted: Rule = {
      ...lost,
      actions: [
        { type: 'set_tag', index: 3, data: 7, mask: 15 },
        { type: 'jump', group: 9 },
      ],
    };
    expect(prove(withRules(plain.rules, noted)).verdict).toBe('holds');
  });

  test('comes by the port that it came by', () => {
    const handed = (port_id: string): Rule => {
      return {
        group: 0,
        priority: 0,
        pattern: [from(red1), { type: 'eth' }],
        actions: [{ type: 'port_representor', port_id }],
      };
    };
    expect(prove(withRules(plain.rules, handed(red1))).verdict).toBe('holds');
    expect(sentenceOf(withRules(plain.rules, handed(blue1)))).toContain('as if it had come by pf0vf0');
  });

  test('what it has to see is not dropped', () => {
    const arp: Rule = {
      group: 0,
      priority: 3,
      pattern: [from(red1), untagged, { type: 'arp_eth_ipv4', spec: { op: 2 } }],
      actions: [{ type: 'drop' }],
    };
    expect(sentenceOf(withRules(plain.rules, arp))).toContain('the logical flows need software to see it: put_arp');
  });
});

describe('rules of one priority', () => {
  const copy = plain.rules.rules.find(({ cookie }) => cookie === 'red1 to blue1') as Rule;

  test('that do the same are as good as one', () => {
    expect(prove(withRules(plain.rules, copy)).verdict).toBe('holds');
  });

  test('have to be right each, for any of them may take a packet', () => {
    const rival: Rule = { ...copy, actions: [out(blue1)] };
    expect(sentenceOf(withRules(plain.rules, rival))).toMatch(
      /rules\[\d+\] of the same priority may take it as well; the logical flows/,
    );
    expect(prove(withRules(plain.rules, { ...rival, priority: copy.priority + 1 })).verdict).toBe('holds');
  });
});

test('groups that lead round, ports by their number, tags that there are not', () => {
  const jump = (group: number, to: number): Rule => {
    return { group, priority: 8, pattern: [from(red1), { type: 'eth' }], actions: [{ type: 'jump', group: to }] };
  };
  expect(sentenceOf(withRules(plain.rules, jump(0, 20), jump(20, 21), jump(21, 20)))).toContain('more than 256 groups');
  const numbered: Rule = {
    group: 0,
    priority: 8,
    pattern: [{ type: 'eth' }],
    actions: [{ type: 'represented_port', ethdev_port_id: 1 }],
  };
  expect(prove(withRules(plain.rules, numbered)).verdict).toBe('unknown');
});

describe('an ACL that looks at a port of TCP', () => {
  const secure = scene((nb: Northbound) =>
    addAcl(nb, logicalSwitch(nb, 'blue'), 'to-lport', 1001, 'tcp.dst == 443', 'drop'),
  );
  const proveSecure = openProver({ southbound: secure.southbound }, secure.node);
  const base = secure.rules.rules.find(({ cookie }) => cookie === 'red1 to blue1') as Rule;
  const arrival = secure.rules.rules.find(({ cookie }) => cookie === 'tunnel to blue1') as Rule;
  // What leaves blue passes the ACL as well, on its way to the router.
  const others = secure.rules.rules.filter(
    (rule) => rule !== base && rule !== arrival && !rule.cookie?.startsWith('blue1 to'),
  );
  const web: Rule = {
    ...base,
    priority: 0,
    pattern: [...base.pattern, { type: 'tcp', spec: { dst: 443 } }],
    actions: [{ type: 'drop' }],
  };
  const whole = (rule: Rule): Rule => ({
    ...rule,
    pattern: rule.pattern.map((item) =>
      item.type === 'ipv4'
        ? { ...item, spec: { ...item.spec, fragment_offset: 0 }, mask: { fragment_offset: 0x3fff } }
        : item,
    ),
  });

  test('does not let a rule pass that does not', () => {
    const { sentence, packet, flow } = violation(proveSecure({ ...secure.rules, rules: [...others, base] }));
    expect(sentence).toMatch(/the logical flows drop it \(ls_out_acl/);
    expect(packet?.microflow).toContain('tcp.dst == 443');
    expect(flow?.match).toContain('tcp.dst == 443');
  });

  test('nor one for fragments, of which hardware sees no port', () => {
    const { packet } = violation(proveSecure({ ...secure.rules, rules: [...others, web, base] }));
    expect(packet?.microflow).toMatch(/ip.frag/);
    expect(proveSecure({ ...secure.rules, rules: [...others, web, whole(base)] }).verdict).toBe('holds');
  });

  test('is the other node’s affair where packets go there through a tunnel, and not where they come by one', () => {
    expect(proveSecure({ ...secure.rules, rules: [...others, web, whole(base)] }).verdict).toBe('holds');
    const { packet } = violation(proveSecure({ ...secure.rules, rules: [...others, arrival] }));
    expect(packet).toMatchObject({ devicePort: 'p0', summary: expect.stringMatching(/:443.* in a tunnel$/) });
  });
});

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readPolicy } from '../../../sim/policy/index.ts';
import { builtInProperties } from '../../../sim/properties/index.ts';
import { openView } from '../../../sim/properties/open-view.ts';
import { unknown } from '../../../sim/properties/property.ts';
import { policyProperties, policyWatch } from '../../../sim/rules/index.ts';
import type { Analysis } from '../../../sim/symbolic/index.ts';
import {
  balanced,
  example,
  firewall,
  hairpin,
  judgements,
  lineOf,
  type Made,
  policyOf,
  shop,
  viewFor,
  wire,
} from './networks.ts';

const folder = new URL('../../../examples/policies/', import.meta.url);
const policyFile = (name: string) => readFileSync(new URL(`${name}.yaml`, folder), 'utf8');

/** The rules with what becomes of them, as lines. */
function lines(network: Made, text: string, name: string): Record<string, string> {
  const found = judgements(network, policyOf(text), name);
  return Object.fromEntries([...found].map(([id, judgement]) => [id, lineOf(judgement)]));
}

describe('the policies in examples/policies:', () => {
  const tenants = example('two-tenants');

  test('all promises about two tenants hold', () => {
    const found = lines(tenants, policyFile('two-tenants'), 'two-tenants');
    expect(Object.entries(found).filter(([, line]) => line !== 'holds')).toEqual([]);
    expect(Object.keys(found)).toHaveLength(9);
  }, 120_000);

  test('what is broken of two tenants is told', () => {
    expect(lines(tenants, policyFile('two-tenants-broken'), 'two-tenants')).toEqual({
      'no-telnet': 'violated goes: a packet from red arrives at "default/redvpc@worker1+external:localnet", of world',
      'web-only':
        'violated goes: a packet from red arrives at "default/redvpc@worker1+external:localnet", of world, and is not tcp/80 or tcp/443',
      'red-to-blue': 'violated missing: icmp from red does not arrive at tenant blue',
      'one-address':
        'violated goes: tcp/443 from red arrives at "default/redvpc@worker2+external:localnet" not as src 30.30.0.4',
      typo: 'violated written: the rule speaks of nothing: there is no vpc "bleuvpc"; did you mean "bluevpc"?; add allow-empty: true if that is fine',
      later: 'vacuous: there is no vpc "greenvpc"',
      frozen:
        'unknown: there is nothing given to compare with as "last-release": lflow verify --against last-release=INPUT',
      'policy-exceptions':
        'violated written: the exception to tenant-isolation ended on 2026-01-31, and excuses nothing any more',
    });
  }, 120_000);

  test('all promises about two networks hold', () => {
    expect(lines(example('two-networks'), policyFile('two-networks'), 'two-networks')).toEqual({
      'front-to-back': 'holds',
      'back-to-front': 'holds',
      'nothing-else': 'vacuous: no port is in others',
      'short-way': 'holds',
    });
  }, 120_000);

  test('all promises about a database hold', () => {
    expect(lines(shop(), policyFile('database'), 'shop')).toEqual({
      'database-only': 'holds',
      database: 'holds',
      'no-scans': 'holds',
    });
  });

  test('commands take them, with the names of built-in properties known', () => {
    const builtIns = builtInProperties.map(({ id }) => id);
    const problems = readdirSync(folder).flatMap(
      (name) => readPolicy(name, policyFile(name.replace('.yaml', '')), { builtIns }).problems,
    );
    expect(problems).toEqual([]);
  });

  test('each is tried above', () => {
    expect(readdirSync(folder).sort()).toEqual(
      ['database', 'two-networks', 'two-tenants-broken', 'two-tenants'].map((name) => `${name}.yaml`),
    );
  });
});

describe('rules about two switches on a router', () => {
  const network = shop();
  const judge = (claim: string) => lines(network, `lflow: 1\nrules:\n  - {id: rule, ${claim}}\n`, 'shop').rule;
  const db = '{port: db1}';
  const web = '{switch: front}';

  test.each([
    // Traffic that is let through, some that is not, and nothing at all.
    [
      `never: {from: ${web}, to: ${db}, traffic: tcp/5432}`,
      'violated goes: a packet from switch front arrives at "db1"',
    ],
    [`never: {from: ${web}, to: ${db}, traffic: tcp/5431}`, 'holds'],
    [`never: {from: ${web}, to: ${db}, traffic: {not: tcp/5432}}`, 'holds'],
    [`only: {from: ${web}, to: ${db}, traffic: tcp/5000-6000}`, 'holds'],
    [
      `only: {from: ${web}, to: ${db}, traffic: tcp/5000-5431}`,
      'violated goes: a packet from switch front arrives at "db1", and is not tcp/5000-5431',
    ],
    // What hosts send with forged addresses counts.
    [`never: {from: ${db}, to: ${web}}`, 'violated goes: a packet from port db1 arrives at "web1", of switch front'],
    [`never: {from: ${db}, to: ${web}, traffic: "ip4.src == 10.2.0.0/24"}`, 'holds'],
    // Promises are about honest hosts.
    [`always: {from: ${web}, to: ${db}, traffic: tcp/5432}`, 'holds'],
    [
      `always: {from: ${web}, to: ${db}, traffic: tcp/5432-5433}`,
      'violated missing: tcp/5432-5433 from switch front does not arrive at port db1',
    ],
    [
      `always: {from: ${web}, to: ${db}, traffic: tcp/5432, both-ways: true}`,
      'violated unanswered: what "db1" answers to tcp/5432 from switch front does not come back',
    ],
    [`some: {from: ${web}, to: ${db}}`, 'holds'],
    [`some: {from: ${db}, to: ${web}}`, 'violated missing: nothing of what from port db1 arrives at switch front'],
    [`always: {from: ${web}, to: ${web}}`, 'holds'],
    [
      `always: {from: ${web}, to: ${db}, traffic: arp}`,
      'violated written: the rule speaks of nothing: no honest host begins with arp; add allow-empty: true if that is fine',
    ],
    // The way.
    [
      `never: {from: ${web}, to: ${db}, through: {router: r}}`,
      'violated goes: a packet from switch front arrives at "db1", through router r',
    ],
    [`never: {from: ${web}, to: ${db}, not-through: {router: r}}`, 'holds'],
    [`never: {from: ${web}, to: ${web}, through: {switch: data}}`, 'holds'],
    [`always: {from: ${web}, to: ${db}, traffic: tcp/5432, through: {port: r-data}}`, 'holds'],
    [
      `always: {from: ${web}, to: ${db}, traffic: tcp/5432, not-through: {port: r-data}}`,
      'violated goes: tcp/5432 from switch front arrives at "db1" by way of r-data',
    ],
    // Addresses.
    [
      `never: {from: ${web}, to: {cidr: 10.2.0.0/24}}`,
      'violated goes: a packet from switch front arrives at "db1", of cidr 10.2.0.0/24',
    ],
    [`never: {from: ${web}, to: {cidr: 10.3.0.0/24}}`, 'holds'],
    [`never: {from: {cidr: 10.1.0.12}, to: ${db}, traffic: udp}`, 'holds'],
    [`always: {from: {cidr: 10.1.0.12}, to: {cidr: 10.2.0.0/16}, traffic: tcp/5432}`, 'holds'],
    [
      `always: {from: ${web}, to: {cidr: 10.2.0.99}, traffic: tcp/5432}`,
      'violated missing: tcp/5432 from switch front does not arrive at cidr 10.2.0.99',
    ],
    // Names.
    [
      `never: {from: {switch: frnt}, to: ${db}}`,
      'violated written: the rule speaks of nothing: there is no switch "frnt"; did you mean "front"?; add allow-empty: true if that is fine',
    ],
    [
      `never: {from: {not: {switch: frnt}}, to: ${db}}`,
      'violated written: the rule speaks of nothing: there is no switch "frnt"; did you mean "front"?; add allow-empty: true if that is fine',
    ],
    [
      `never: {from: {tenant: a}, to: ${db}}`,
      'violated written: the rule speaks of nothing: a database knows no tenant, and so not "a"; select by switch, router or port; add allow-empty: true if that is fine',
    ],
    [
      `never: {from: {external: true}, to: ${db}}`,
      'violated written: the rule speaks of nothing: no port is in the outside; add allow-empty: true if that is fine',
    ],
    [`never: {from: {external: true}, to: ${db}, allow-empty: true}`, 'vacuous: no port is in the outside'],
  ])('%s', (claim, line) => {
    expect(judge(claim)).toBe(line);
  });

  test('a port whose address is not known leaves a promise unproven, not kept', () => {
    const open = shop((nb) => {
      for (const port of nb.Logical_Switch_Port.values()) if (port.name === 'web2') port.addresses = ['unknown'];
    });
    const text = `lflow: 1\nrules:\n  - {id: rule, always: {from: ${web}, to: ${db}, traffic: tcp/5432}}\n`;
    expect(lines(open, text, 'open').rule).toBe(
      'unknown: the addresses of port "web2" are not known, so what it sends and gets is not either',
    );
  });

  test('flows that are not understood make what depends on them unknown', () => {
    const strange = shop();
    for (const flow of strange.network.southbound.flows) {
      if (flow.stage === 'lr_in_ip_routing' && flow.match.includes('10.2.0.0/24'))
        flow.actions = 'strange_action(1); next;';
    }
    const text = `lflow: 1
rules:
  - {id: never, never: {from: ${web}, to: ${db}, traffic: tcp/5431}}
  - {id: always, always: {from: ${web}, to: ${db}, traffic: tcp/5432}}
  - {id: apart, always: {from: ${web}, to: ${web}}}
  - {id: other, never: {from: ${web}, to: ${db}, traffic: arp}}
`;
    const found = lines(strange, text, 'strange');
    expect(found.never).toMatch(/^unknown: .*\(r, lr_in_ip_routing, priority \d+: .*10\.2\.0\.0\/24.*\)$/);
    expect(found.always).toMatch(/^unknown: .*\(r, lr_in_ip_routing/);
    expect(found.apart).toBe('holds');
    expect(found.other).toBe('holds');
  });
});

describe('what was not modelled exactly is no proof, of neither', () => {
  const policy = policyOf(`lflow: 1
rules:
  - {id: never, never: {from: {port: web1}, to: {port: db1}, traffic: tcp/5432}}
  - {id: always, always: {from: {port: web1}, to: {port: db1}, traffic: tcp/5432}}
  - {id: some, some: {from: {port: web1}, to: {port: db1}, traffic: tcp/5432}}
  - {id: missing, always: {from: {port: web1}, to: {port: db1}, traffic: tcp/5431}}
`);
  const { analysis } = viewFor(shop(), policy, 'shop');
  const judge = (changed: Partial<Analysis>): string[] =>
    policyProperties(policy, { today: '2026-11-21' }).flatMap((property) =>
      [...property.checks(openView({ ...analysis, ...changed }))].map((check) => check.judge().verdict),
    );

  test('as it is', () => {
    expect(judge({})).toEqual(['violated', 'holds', 'holds', 'violated']);
  });

  test('classes that are not exact', () => {
    const classes = analysis.classes.map((one) => ({ ...one, exact: false }));
    expect(judge({ classes })).toEqual(['unknown', 'unknown', 'unknown', 'violated']);
  });

  test('packets that met what was not understood', () => {
    const [flow] = analysis.met;
    const [datapath] = analysis.network.datapaths.values();
    if (!flow || !datapath) throw new Error('no flow was met');
    const gap = { datapath, flow, reason: 'the action is not modelled', packets: analysis.space.all };
    expect(judge({ gaps: [gap] })).toEqual(['unknown', 'unknown', 'unknown', 'unknown']);
  });
});

describe('rules about a stateful firewall', () => {
  const network = firewall();
  const judge = (claim: string) => lines(network, `lflow: 1\nrules:\n  - {id: rule, ${claim}}\n`, 'firewall').rule;

  test.each([
    ['always: {from: {port: a}, to: {port: b}, traffic: tcp/443}', 'holds'],
    ['always: {from: {port: a}, to: {port: b}, traffic: udp/53, both-ways: true}', 'holds'],
    ['some: {from: {port: a}, to: {port: b}, both-ways: true}', 'holds'],
    ['only: {from: {port: a}, to: {port: b}, traffic: [tcp/443, udp/53, {not: ip}]}', 'holds'],
    ['never: {from: {port: b}, to: {port: a}, traffic: ip}', 'holds'],
    [
      'never: {from: {port: b}, to: {port: a}, traffic: ip, state: any}',
      'violated goes: a packet from port b arrives at "a"',
    ],
    ['never: {from: {port: b}, to: {port: a}, traffic: arp}', 'violated goes: a packet from port b arrives at "a"'],
  ])('%s', (claim, line) => {
    expect(judge(claim)).toBe(line);
  });
});

describe('rules about hosts that share a wire outside', () => {
  const network = wire();
  const apart = wire((nb) => {
    for (const port of nb.Logical_Switch_Port.values()) {
      if (port.name === 'right-out') port.options.network_name = 'another';
    }
  });
  const rule = (claim: string) => `lflow: 1\nrules:\n  - {id: rule, ${claim}}\n`;

  test.each([
    [
      'never: {from: {port: a}, to: {port: b}}',
      'violated crosses: a packet from port a arrives at "b", over the wire outside',
    ],
    [
      'never: {from: {port: a}, to: {port: b}, traffic: tcp/23}',
      'violated crosses: a packet from port a arrives at "b", over the wire outside',
    ],
    [
      'only: {from: {port: a}, to: {port: b}, traffic: tcp/23}',
      'violated crosses: a packet from port a arrives at "b", and is not tcp/23, over the wire outside',
    ],
    ['never: {from: {port: a}, to: {port: b}, traffic: "ip4.src == 10.0.0.99"}', 'holds'],
    [
      'never: {from: {port: a}, to: {port: b}, not-through: {switch: left}}',
      'unknown: a packet from port a arrives at "b", without passing switch left, over the wire outside, as far as it was modelled, which is not exact',
    ],
    [
      'never: {from: {port: a}, to: {external: true}, traffic: "ip4.dst == 192.0.2.1"}',
      'violated goes: a packet from port a arrives at "left-out", of the outside',
    ],
    [
      'never: {from: {external: true}, to: {port: a}, traffic: "eth.src == 02:00:00:00:00:0a"}',
      'violated goes: a packet from the outside arrives at "a"',
    ],
    // Who is honest does not send from a group's MAC address, which OVN drops.
    ['always: {from: {port: left-out}, to: {port: a}, traffic: tcp}', 'holds'],
    ['never: {from: {port: left-out}, to: {port: a}, traffic: "eth.src[40]"}', 'holds'],
  ])('%s', (claim, line) => {
    expect(lines(network, rule(claim), 'wire').rule).toBe(line);
  });

  test('and about those that do not', () => {
    expect(lines(apart, rule('never: {from: {port: a}, to: {port: b}}'), 'apart').rule).toBe('holds');
  });
});

describe('rules about the outside on both sides of a port', () => {
  const network = hairpin();
  const judge = (traffic: string) =>
    lines(
      network,
      `lflow: 1\nrules:\n  - {id: rule, never: {from: {external: true}, to: {external: true}, traffic: "${traffic}"}}\n`,
      'hairpin',
    ).rule;

  test('what passes from one host there to another counts', () => {
    expect(judge('ip4.dst == 192.0.2.1 && ip4.src == 198.51.100.1')).toBe(
      'violated goes: a packet from the outside arrives at "out", of the outside',
    );
  });

  test('answers of the router do not', () => {
    expect(judge('ip4.dst == 172.16.0.2 && ip4.src == 198.51.100.1 && icmp4.type == 8')).toBe('holds');
  });
});

describe('rules about a load balancer', () => {
  const network = balanced();
  const judge = (claim: string) => lines(network, `lflow: 1\nrules:\n  - {id: rule, ${claim}}\n`, 'balanced').rule;

  test.each([
    // Who asks for the published address reaches it, though what arrives has another.
    [
      'never: {from: {port: a}, to: {cidr: 10.0.0.100}}',
      'violated goes: a packet from port a arrives at "b", of cidr 10.0.0.100',
    ],
    ['never: {from: {port: a}, to: {cidr: 10.0.0.101}}', 'holds'],
    ['never: {from: {port: a}, to: {cidr: 10.0.0.100}, traffic: {not: tcp/80}}', 'holds'],
    ['always: {from: {port: a}, to: {cidr: 10.0.0.100}, traffic: tcp/80}', 'holds'],
    [
      'always: {from: {port: a}, to: {cidr: 10.0.0.100}, traffic: tcp/80, seen-as: {dst: 10.0.0.11, dst-port: 8080}}',
      'holds',
    ],
    [
      'always: {from: {port: a}, to: {cidr: 10.0.0.100}, traffic: tcp/80, seen-as: {dst-port: 80}}',
      'violated goes: tcp/80 from port a arrives at "b" not as dst port 80',
    ],
    [
      'always: {from: {port: a}, to: {cidr: 10.0.0.100}, traffic: tcp/81}',
      'violated missing: tcp/81 from port a does not arrive at cidr 10.0.0.100',
    ],
  ])('%s', (claim, line) => {
    expect(judge(claim)).toBe(line);
  });
});

test('each of several backends has to be there', () => {
  const claim = 'from: {port: a}, to: {cidr: 10.0.0.100}, traffic: tcp/80';
  const text = `lflow: 1\nrules:\n  - {id: always, always: {${claim}}}\n  - {id: some, some: {${claim}}}\n`;
  expect(lines(balanced('10.0.0.99:8080'), text, 'half balanced')).toEqual({
    always: 'violated missing: tcp/80 from port a does not arrive at cidr 10.0.0.100',
    some: 'holds',
  });
});

describe('unchanged', () => {
  const text = 'lflow: 1\nrules:\n  - {id: rule, unchanged: {to: {port: a}, against: before}}\n';

  test('is decided by whoever can compare', () => {
    const policy = policyOf(text);
    const asked: string[] = [];
    const found = judgements(firewall(), policy, 'firewall', {
      compare: ({ rule, to }) => {
        asked.push(`${rule.against} ${to.text}`);
        return unknown('it is not looked at');
      },
    });
    expect(lineOf(found.get('rule'))).toBe('unknown: it is not looked at');
    expect(asked).toEqual(['before port a']);
  });
});

test('what rules want to be watched is named, and nothing else', () => {
  const { network } = shop();
  const watched = (claim: string) =>
    policyWatch(policyOf(`lflow: 1\nsets: {s: {switch: [data, front]}}\nrules: [{id: r, never: ${claim}}]`), network);
  expect(watched('{to: {port: db1}}')).toEqual([]);
  expect(watched('{to: {port: db1}, through: {router: r}, not-through: s}')).toEqual(['r', 'data', 'front']);
  expect(watched('{to: {port: db1}, through: {port: r-data}}')).toEqual(['r-data']);
});

test('a violation comes with packets that are in its class and of the rule', () => {
  const policy = policyOf(
    'lflow: 1\nrules: [{id: r, never: {from: {port: web1}, to: {port: db1}, traffic: tcp/5432}}]',
  );
  const { analysis } = viewFor(shop(), policy, 'shop');
  const judgement = judgements(shop(), policy, 'shop').get('r');
  if (judgement?.verdict !== 'violated' || judgement.violation.kind !== 'goes') throw new Error(lineOf(judgement));
  const { packets, class: one } = judgement.violation;
  const packet = analysis.space.pick(packets) ?? [];
  const value = (name: string) => packet[analysis.space.fields.findIndex((field) => field.name === name)];
  expect(value('tp.dst')).toBe(5432n);
  expect(value('inport')).toBe(BigInt(analysis.network.ports.get('web1')?.number ?? 0));
  expect(analysis.space.contains(one.packets, packet)).toBe(true);
});

/** Rules where the flows track connections: a rule for all packets is refused, one for a connection is held against what the flows do with its packets. */
import { describe, expect, test, vi } from 'vitest';
import type { Action, Item, Rule, RuleSet } from '../../../engine/offload/rules.ts';
import { openProver } from '../../../sim/offload/prove.ts';
import { addAcl, logicalSwitch } from '../../northd/topologies.ts';
import { scene } from '../../offload/scene.ts';

vi.setConfig({ testTimeout: 120_000 });

const tracked = scene((nb) => {
  addAcl(nb, logicalSwitch(nb, 'red'), 'from-lport', 1001, 'ip4 && tcp.dst == 80', 'allow-related');
  addAcl(nb, logicalSwitch(nb, 'red'), 'from-lport', 1000, 'ip4', 'drop');
});
const prove = openProver({ southbound: tracked.southbound }, tracked.node);

/** What the rules do from red1 to blue1, for packets that a pattern takes. */
const forward = tracked.rules.rules.find(({ cookie }) => cookie === 'red1 to blue1') as Rule;
const fiveTuple = (dst: number, src = 40000): readonly Item[] => [
  { type: 'represented_port', spec: { ethdev_port_id: 'pf0vf1' } },
  { type: 'eth', spec: { src: '02:00:00:00:00:01', dst: '02:00:00:00:ff:00', has_vlan: 0 } },
  { type: 'ipv4', spec: { src: '10.0.0.11', dst: '10.1.0.11', ttl: 2 }, last: { ttl: 255 } },
  { type: 'tcp', spec: { src, dst } },
];
const established: Action = { type: 'conntrack', enable: 1, is_orig: 1, live: 1, state: 1, liberal: 1 };
const valid: Item = { type: 'conntrack', spec: { flags: 1 }, mask: { flags: 1 } };

const connection = (
  pattern: readonly Item[],
  actions: readonly Action[],
  asked: readonly Item[] = [valid],
): RuleSet => ({
  ...tracked.rules,
  indirect: [{ id: 1, action: established }],
  rules: [
    { group: 0, priority: 0, pattern: [{ type: 'eth' }], actions: [{ type: 'jump', group: 1 }] },
    {
      group: 1,
      priority: 0,
      pattern,
      actions: [
        { type: 'indirect', id: 1 },
        { type: 'jump', group: 2 },
      ],
      cookie: 'look',
    },
    { group: 2, priority: 0, pattern: [...asked, { type: 'eth' }], actions, cookie: 'go' },
  ],
});

const sentenceOf = (rules: RuleSet): string => {
  const proof = prove(rules);
  return proof.verdict === 'violated' ? proof.violations[0].sentence : `${proof.verdict} ${JSON.stringify(proof)}`;
};

test('no rule for all packets does what flows with connections do', () => {
  const all: RuleSet = { ...tracked.rules, rules: [{ ...forward, group: 0, pattern: fiveTuple(80) }] };
  expect(sentenceOf(all)).toMatch(/open a connection with it, which hardware does not know|or may do so/);
});

test('nor where all packets pass, but the first of a connection opens it', () => {
  const open = scene((nb) => addAcl(nb, logicalSwitch(nb, 'red'), 'from-lport', 1001, 'ip4', 'allow-related'));
  const pattern = fiveTuple(80).map((item): Item => (item.type === 'tcp' ? { type: 'udp', spec: { dst: 53 } } : item));
  const proof = openProver(
    { southbound: open.southbound },
    open.node,
  )({
    ...open.rules,
    rules: [{ ...forward, group: 0, pattern }],
  });
  const [{ sentence } = { sentence: '' }] = proof.verdict === 'violated' ? proof.violations : [];
  expect(sentence).toContain('the logical flows open a connection with it, which hardware does not know');
});

describe('a rule of a connection', () => {
  test('that the flows may have opened is right', () => {
    expect(prove(connection(fiveTuple(80), forward.actions)).verdict).toBe('holds');
  });

  test('is wrong where no such connection can be opened', () => {
    expect(sentenceOf(connection(fiveTuple(81), forward.actions))).toContain(
      'do that with no packet of an opener of a connection',
    );
  });

  test('is wrong where it sends the packets elsewhere or with other headers', () => {
    const elsewhere: Action[] = [
      ...forward.actions.slice(0, -1),
      { type: 'represented_port', ethdev_port_id: 'pf0vf1' },
    ];
    expect(sentenceOf(connection(fiveTuple(80), elsewhere))).toContain('do that with no packet of an opener');
    const hops = forward.actions.filter(({ type }) => type !== 'dec_ttl');
    expect(sentenceOf(connection(fiveTuple(80), hops))).toContain('do that with no packet of an opener');
  });

  test('is for one connection', () => {
    const several = fiveTuple(80).map((item) =>
      item.type === 'tcp' ? { ...item, spec: { dst: 80 } } : item,
    ) as Item[];
    expect(sentenceOf(connection(several, forward.actions))).toContain(
      'have more than one connection in these packets',
    );
  });

  test('is for packets that belong to it', () => {
    expect(sentenceOf(connection(fiveTuple(80), forward.actions, []))).toMatch(/open a connection|or may do so/);
  });
});

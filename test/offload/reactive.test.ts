/** Rules that are made of megaflows are proven given the connections that they stand on; damaged ones are refuted with a packet. */
import { describe, expect, test } from 'vitest';
import { createNode, type Node } from '../../engine/node/index.ts';
import { computeSouthbound } from '../../engine/northd/index.ts';
import { capabilitiesOf } from '../../engine/offload/capabilities/index.ts';
import { checkRules } from '../../engine/offload/check.ts';
import { openReactive, type Reactive, withTunnels } from '../../engine/offload/reactive.ts';
import type { Action, Item, Rule, RuleSet } from '../../engine/offload/rules.ts';
import { openProver, type Prover } from '../../sim/offload/prove.ts';
import { masqueraded } from '../networks.ts';
import { addAcl, logicalSwitch } from '../northd/topologies.ts';
import { frame, protocols, tcp, tcpFlags, udp } from '../oracle/frames.ts';
import { nodeOf } from './rule-maker.ts';
import { scene } from './scene.ts';

const { syn, ack } = tcpFlags;
const bluefield = capabilitiesOf('bluefield-3-doca-hws');
const connectx = capabilitiesOf('connectx-6-dx-sws');
if (!bluefield || !connectx) throw new Error('no such device');

/** A node that learns from what is sent. */
interface Learner {
  readonly node: Node;
  readonly table: Reactive;
  readonly prove: Prover;
  say(port: string, bytes: Uint8Array): void;
}

function learner(southbound: Parameters<typeof nodeOf>[0], chassis: string, capabilities = bluefield): Learner {
  const { ports, uplink, tunnels } = nodeOf(southbound, chassis);
  const ends = new Map([...tunnels].map(([name, { ip }], index) => [name, { ip, mac: `02:00:00:00:aa:0${index}` }]));
  const device = { ports, uplink, tunnels: ends };
  const node = createNode(withTunnels({ southbound, chassis }, device));
  const table = openReactive(node, chassis, { device, capabilities: capabilities as NonNullable<typeof bluefield> });
  let prover: Prover | undefined;
  return {
    node,
    table,
    prove(rules) {
      prover ??= openProver({ southbound }, { name: chassis, ...device });
      return prover(rules);
    },
    say(port, bytes) {
      node.send(port, bytes);
      table.learn(port, bytes);
    },
  };
}

const way = { src: '02:00:00:00:00:01', dst: '02:00:00:00:ff:00' };
const back = { src: '02:00:00:00:00:03', dst: '02:00:00:00:ff:01' };
const there = { src: '10.0.0.11', dst: '10.1.0.11' };
const here = { src: '10.1.0.11', dst: '10.0.0.11' };

const sentenceOf = (prove: Prover, rules: RuleSet): string => {
  const proof = prove(rules);
  if (proof.verdict === 'unknown') return proof.reasons.join('; ');
  if (proof.verdict === 'holds') return 'holds';
  expect(proof.violations[0].packet).toBeDefined();
  return proof.violations[0].sentence;
};

const filtered = scene((nb) => {
  addAcl(nb, logicalSwitch(nb, 'red'), 'from-lport', 1001, 'inport == "red1" && ip4 && (tcp || udp)', 'allow-related');
  addAcl(nb, logicalSwitch(nb, 'red'), 'to-lport', 1000, 'outport == "red1" && ip4', 'drop');
});

/** A conversation of UDP, and one of TCP as long as the device tracks it. */
function talk({ say }: Learner): void {
  for (let i = 0; i < 2; i++) {
    say('red1', frame(way, there, protocols.udp, udp(40000, 53, [1])));
    say('blue1', frame(back, here, protocols.udp, udp(53, 40000, [2])));
  }
  const opener = (flags: number, seq: number, more: number): Uint8Array =>
    frame(way, there, protocols.tcp, tcp({ src: 40001, dst: 80, flags, seq, ack: more }));
  const reply = (flags: number, seq: number, more: number): Uint8Array =>
    frame(back, here, protocols.tcp, tcp({ src: 80, dst: 40001, flags, seq, ack: more }));
  say('red1', opener(syn, 1000, 0));
  say('blue1', reply(syn | ack, 5000, 1001));
  say('red1', opener(ack, 1001, 5001));
  say('blue1', reply(ack, 5001, 1001));
}

describe.each([
  ['bluefield-3-doca-hws', bluefield, 4, 4],
  ['connectx-6-dx-sws', connectx, 4, 2],
] as const)('rules of connections on %s', (_, capabilities, all, connections) => {
  const known = learner(filtered.southbound, 'worker1', capabilities);
  talk(known);
  const rules = known.table.ruleSet();

  test('hold, and the device takes them', () => {
    expect(known.table.placed()).toHaveLength(connections);
    expect(rules.rules).toHaveLength(all + 1);
    expect(checkRules(rules, capabilities)).toEqual([]);
    expect(sentenceOf(known.prove, rules)).toBe('holds');
  });

  /** The rules of connections that rewrite. */
  const changed = (change: (rule: Rule) => Rule, which: (rule: Rule) => boolean): RuleSet => {
    const index = rules.rules.findIndex(which);
    expect(index).toBeGreaterThan(0);
    return { ...rules, rules: rules.rules.map((rule, at) => (at === index ? change(rule) : rule)) };
  };
  const ends = (rule: Rule): boolean => rule.actions.some(({ type }) => type === 'represented_port');
  const looks = ({ actions }: Rule): boolean => actions.some(({ type }) => type === 'indirect');
  const withAction = (change: (action: Action) => Action[]) => (rule: Rule) => ({
    ...rule,
    actions: rule.actions.flatMap(change),
  });
  const withItem = (change: (item: Item) => Item) => (rule: Rule) => ({ ...rule, pattern: rule.pattern.map(change) });
  const isHost = ({ pattern }: Rule): boolean => pattern.some(({ type }) => type === 'represented_port');

  test.each<[string, RuleSet]>([
    [
      'another port out',
      changed(
        withAction((a) => (a.type === 'represented_port' ? [{ ...a, ethdev_port_id: 'p0' }] : [a])),
        ends,
      ),
    ],
    [
      'no hop less',
      changed(
        withAction((a) => (a.type === 'dec_ttl' || (a.type === 'modify_field' && a.op === 'add') ? [] : [a])),
        ends,
      ),
    ],
    ['another port translated to', changed(({ actions, ...rule }) => ({ ...rule, actions: inserted(actions) }), ends)],
    [
      'all ports',
      changed(
        withItem((i) =>
          i.type === 'udp' || i.type === 'tcp' ? ({ ...i, spec: { dst: i.spec?.dst ?? 0 } } as Item) : i,
        ),
        (r) => isHost(r) && looks(r),
      ),
    ],
    [
      'the replies’ rule for the opener',
      changed(
        withAction((a) => (a.type === 'indirect' ? [{ ...a, reply: 1 - (a.reply ?? 0) }] : [a])),
        looks,
      ),
    ],
  ])('do not hold with %s', (_what, damaged) => {
    expect(sentenceOf(known.prove, damaged)).toMatch(/^hardware .*; the logical flows /);
  });

  test('do not hold where they stand for no connection that is known', () => {
    const strangers = (rules.indirect ?? []).map((each) => ({
      ...each,
      ...(each.connection && { connection: { ...each.connection, opener: { ...each.connection.opener, srcPort: 1 } } }),
    }));
    expect(sentenceOf(known.prove, { ...rules, indirect: strangers })).toContain('the logical flows ');
  });
});

/** A port is written before the packet goes out. */
function inserted(actions: readonly Action[]): Action[] {
  const write: Action = {
    type: 'modify_field',
    op: 'set',
    dst_type: 'udp_port_src',
    src_type: 'value',
    src_value: '0001',
    width: 16,
  };
  const tcpWrite: Action = { ...write, dst_type: 'tcp_port_src' };
  return [...actions.slice(0, -1), write, tcpWrite, ...actions.slice(-1)];
}

test('rules of TCP leave what opens and ends a connection to software', () => {
  const known = learner(filtered.southbound, 'worker1', connectx);
  talk(known);
  const rules = known.table.ruleSet();
  const blind = rules.rules.map((rule) => ({
    ...rule,
    pattern: rule.pattern.map((item): Item => {
      if (item.type !== 'tcp') return item;
      const { flags: _, ...spec } = item.spec ?? {};
      const { flags: __, ...mask } = item.mask ?? {};
      return { type: 'tcp', spec, mask };
    }),
  }));
  expect(sentenceOf(known.prove, { ...rules, rules: blind })).toContain(
    'have to see in software what opens or ends a connection',
  );
});

test('packets are software’s where a neighbour that was learned decides, or a fragment is one', () => {
  const nb = masqueraded();
  for (const router of nb.Logical_Router.values()) router.nat = [];
  const { southbound } = computeSouthbound(nb);
  for (const port of southbound.ports) if (port.logicalPort === 'host') port.options['requested-chassis'] = 'here';
  const { node, table } = learner(southbound, 'here');
  node.learn({ macBindings: [{ logicalPort: 'gateway-outside', ip: '30.30.0.1', mac: home.src, since: 0 }], fdb: [] });
  const learned = (header: object): string | undefined => {
    const bytes = frame(out, { src: '10.0.0.11', dst: '8.8.8.8', ...header }, protocols.udp, udp(40000, 53, [1]));
    node.send('host', bytes);
    expect(node.received()).toHaveLength(1);
    return table.learn('host', bytes).reason?.code;
  };
  expect(learned({})).toBe('neighbour-unknown');
  expect(learned({ fragment: 0x2000 })).toBe('fragment');
  expect(table.placed()).toEqual([]);
});

test('a connection whose packets hardware carries goes on, wherever its sequence numbers are by then', () => {
  const known = learner(filtered.southbound, 'worker1', connectx);
  const { node, table, say } = known;
  talk(known);
  const answer = frame(
    back,
    here,
    protocols.tcp,
    tcp({ src: 80, dst: 40001, flags: ack, seq: 9_000_000, ack: 1001, data: [7] }),
  );
  const passes = (bytes: Uint8Array): boolean => {
    node.received();
    node.send('blue1', bytes);
    return node.received().length > 0;
  };
  expect(passes(answer)).toBe(false);
  const numbers = table.placed().map(({ number }) => number);
  expect(numbers.map((number) => table.carried(number))).toEqual(numbers.map(() => true));
  expect(passes(answer)).toBe(true);
  say(
    'red1',
    frame(way, there, protocols.tcp, tcp({ src: 40001, dst: 80, flags: tcpFlags.rst | ack, seq: 77, ack: 1 })),
  );
  table.stale();
  expect(table.placed()).toEqual([]);
  expect(numbers.map((number) => table.carried(number))).toEqual(numbers.map(() => false));
});

test('and as long as they come', () => {
  const known = learner(filtered.southbound, 'worker1');
  const { node, table } = known;
  talk(known);
  const reply = frame(back, here, protocols.udp, udp(53, 40000, [3]));
  for (let i = 0; i < 4; i++) {
    node.advance(20_000);
    for (const { number, connection } of table.placed()) if (connection !== undefined) table.carried(number);
  }
  node.received();
  node.send('blue1', reply);
  expect(node.received()).toHaveLength(1);
  node.advance(40_000);
  node.send('blue1', reply);
  expect(node.received()).toHaveLength(0);
});

const out = { src: '02:00:00:00:00:01', dst: '02:00:00:00:ff:01' };
const home = { src: '02:00:00:00:aa:01', dst: '02:00:00:00:ff:02' };

test('a translation has to be the one that was chosen', () => {
  const { southbound } = computeSouthbound(masqueraded());
  for (const port of southbound.ports) if (port.logicalPort === 'host') port.options['requested-chassis'] = 'here';
  const known = learner(southbound, 'here');
  const query = frame(out, { src: '10.0.0.11', dst: '8.8.8.8' }, protocols.udp, udp(40000, 53, [1]));
  const answer = frame(home, { src: '8.8.8.8', dst: '30.30.0.2' }, protocols.udp, udp(53, 40000, [2]));
  known.node.learn({
    macBindings: [{ logicalPort: 'gateway-outside', ip: '30.30.0.1', mac: home.src, since: 0 }],
    fdb: [],
  });
  for (let i = 0; i < 2; i++) {
    known.say('host', query);
    known.say('wire', answer);
  }
  const rules = known.table.ruleSet();
  expect(known.table.placed()).toHaveLength(2);
  expect(sentenceOf(known.prove, rules)).toBe('holds');
  const text = JSON.stringify(rules.rules);
  const elsewhere = {
    ...rules,
    rules: JSON.parse(
      text.replaceAll('"1e1e0002"', '"1e1e0003"').replaceAll('"ipv4_addr":"30.30.0.2"', '"ipv4_addr":"30.30.0.3"'),
    ) as Rule[],
  };
  expect(JSON.stringify(elsewhere.rules)).not.toBe(text);
  expect(sentenceOf(known.prove, elsewhere)).toContain(
    'send packets of the opener of the connection on as 30.30.0.2:40000 > 8.8.8.8:53',
  );
});

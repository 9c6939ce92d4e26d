/** Conntrack by itself: what it finds of packets, what translation makes of them, and how answers are translated back. */
import { describe, expect, test } from 'vitest';
import { formatIpv4 } from '../../../engine/address.ts';
import { answerTo, openerOf, withFields } from '../../../sim/answers/story.ts';
import { matchSet } from '../../../sim/policy/packets.ts';
import { type Analysis, analyse, at, fieldIndex, packetFields, read } from '../../../sim/symbolic/index.ts';
import { knowledgeOf } from '../../../sim/symbolic/knowledge.ts';
import { made } from '../../../sim/symbolic/nested.ts';
import type { Run } from '../../../sim/symbolic/run.ts';
import { packetsOf, type State } from '../../../sim/symbolic/state.ts';
import { write } from '../../../sim/symbolic/store.ts';
import { cleared, commit, type TrackingAction, track, trackKnown, untracked } from '../../../sim/symbolic/tracking.ts';
import { constantOf, inputOf } from '../../../sim/symbolic/value.ts';
import { trackingConntrack } from '../../../sim/trace/index.ts';
import { type SwitchText, southboundFrom } from '../../trace/southbound.ts';
import { trialOf } from './runs.ts';
import { asTracer, type Fields, isSaid, linesOf, networkOf, packetText, prepare, trace } from './traced.ts';

const patch = (peer: string) => ({ type: 'patch', options: { peer } });
const [host, server, published] = [0x0a000005, 0x09090909, 0x07070707];

type Kind = 'snat' | 'dnat' | 'both';
const isDnat = (kind: Kind): boolean => kind !== 'snat';
const isSnat = (kind: Kind): boolean => kind !== 'dnat';

/** What a router has its packets come from. */
const address = (n: number): number => 0x64400002 + 256 * n;

/** A router that lets nothing in but answers; `to` is where it sends who asks for `from`. */
const router = (n: number, kind: Kind, from: string, to: string): SwitchText => {
  const [inside, outside] = [`r${n}-i`, `r${n}-o`];
  return {
    kind: 'router',
    ports: { [inside]: patch(n === 0 ? 's-r' : `r${n - 1}-o`), [outside]: patch('') },
    flows: [
      `0 50 inport == "${outside}" => ct_snat;`,
      ...(isDnat(kind) ? [`0 40 inport == "${inside}" && ip4.dst == ${from} => ct_dnat(${to});`] : []),
      '0 0 1 => next;',
      `1 50 inport == "${outside}" && ct.rpl => outport = "${inside}"; output;`,
      ...(isSnat(kind) ? [] : [`1 40 inport == "${outside}" && ip4.src == ${to} => outport = "${inside}"; output;`]),
      `1 30 inport == "${outside}" => drop;`,
      `1 0 1 => outport = "${outside}"; output;`,
      ...(isSnat(kind) ? [`egress 0 50 outport == "${outside}" => ct_snat(${formatIpv4(address(n))});`] : []),
      ...(isDnat(kind) ? [`egress 0 40 outport == "${inside}" => ct_dnat;`] : []),
      'egress 0 0 1 => next;',
      'egress 1 0 1 => output;',
    ],
  };
};

const through = (inside: string, outside: string, guard = '1'): string[] => [
  `0 50 inport == "${inside}" && ${guard} => outport = "${outside}"; output;`,
  `0 40 inport == "${outside}" => outport = "${inside}"; output;`,
  'egress 0 0 1 => output;',
];

/** A host behind routers one after the other, and whoever is outside. */
function chain(kinds: readonly Kind[]) {
  const last = kinds.length - 1;
  const asked = (n: number) => formatIpv4(kinds.slice(0, n).some(isDnat) ? server : published);
  const routers = kinds.map((kind, n) => {
    const made = router(n, kind, asked(n), formatIpv4(server));
    const peer = n === last ? 'o-r' : `r${n + 1}-i`;
    return [`r${n}`, { ...made, ports: { ...made.ports, [`r${n}-o`]: patch(peer) } }] as const;
  });
  return southboundFrom({
    s: { ports: { a: {}, 's-r': patch('r0-i') }, flows: through('a', 's-r', `ip4.src == ${formatIpv4(host)}`) },
    ...Object.fromEntries(routers),
    o: { ports: { u: {}, 'o-r': patch(`r${last}-o`) }, flows: through('u', 'o-r') },
  });
}

const values: Readonly<Record<string, number>> = {
  'eth.type': 0x800,
  'ip.proto': 17,
  'ip.ttl': 64,
  'ip4.src': host,
  'tp.src': 1000,
  'tp.dst': 53,
};

const packetFrom = ({ network }: Analysis, port: string, fields: Readonly<Record<string, number>>): Fields => {
  const all: Readonly<Record<string, number>> = { ...values, ...fields, inport: network.ports.get(port)?.number ?? 0 };
  return asTracer(packetFields.map(({ name }) => BigInt(all[name] ?? 0)));
};

/** All that the fields of openers may say, with these for addresses. */
function tellings(sources: readonly number[], destinations: readonly number[]): Record<string, bigint>[] {
  const one = (name: string) =>
    sources.flatMap((src4) =>
      destinations.map((dst4) => ({
        [`${name}.src4`]: BigInt(src4),
        [`${name}.dst4`]: BigInt(dst4),
        [`${name}.sport`]: 1000n,
        [`${name}.dport`]: 53n,
      })),
    );
  const third = destinations.map((dst4) => ({ 'opener.2.dst4': BigInt(dst4) }));
  return one('opener').flatMap((first) =>
    one('opener.1').flatMap((second) => third.map((last) => ({ ...first, ...second, ...last }))),
  );
}

describe.each<[string, Kind[], 'exactly' | 'may']>([
  ['source NAT', ['snat'], 'exactly'],
  ['destination NAT', ['dnat'], 'exactly'],
  ['source NAT twice', ['snat', 'snat'], 'exactly'],
  ['both, by one router', ['both'], 'exactly'],
  ['both, by two routers', ['dnat', 'snat'], 'exactly'],
  ['source NAT three times', ['snat', 'snat', 'snat'], 'may'],
  ['source NAT four times', ['snat', 'snat', 'snat', 'snat'], 'may'],
  ['source NAT twice behind destination NAT', ['dnat', 'snat', 'snat'], 'exactly'],
  ['source NAT before and behind destination NAT', ['snat', 'both', 'snat'], 'may'],
])('%s', (_, kinds, certainty) => {
  const southbound = chain(kinds);
  const analysis = analyse(networkOf(southbound));
  const topology = prepare(southbound);
  const ip = kinds.some(isDnat) ? published : server;
  const asking = packetFrom(analysis, 'a', { 'ip4.dst': ip });
  const conntrack = trackingConntrack();
  const [asked] = trace(topology, analysis, asking, conntrack).delivered;
  const answer = asked && answerTo(asked);
  const traced = answer ? trace(topology, analysis, answer, conntrack) : undefined;

  test('is undone for the answer, which arrives', () => {
    expect(traced?.lines).toHaveLength(1);
    const [line = ''] = traced?.lines ?? [];
    expect(line).toMatch(new RegExp(`^a: .* ip4.src=${ip.toString(16)} ip4.dst=${host.toString(16)} `));
    const told = tellings([host, ...kinds.map((_kind, n) => address(n))], [server, published]);
    const isExact = certainty === 'exactly';
    const replies = analysis.classes.filter(({ connection, exact }) => connection === 'reply' && exact === isExact);
    const lines = told.flatMap((fields) => linesOf(analysis, replies, withFields(answer ?? [], fields)));
    expect(isSaid(lines, [line]), `${packetText(answer ?? [])}\n${lines}\n${line}`).toBe(true);
    expect(analysis.gaps).toEqual([]);
  });

  if (certainty === 'exactly')
    test('says who asked', () => {
      const { space } = analysis;
      const arriving = analysis.classes.filter(
        ({ end, connection }) => end.kind === 'port' && end.port.name === 'a' && connection === 'reply',
      );
      const asWanted = `udp && ip4.src == ${formatIpv4(ip)} && ip4.dst == ${formatIpv4(host)} && udp.dst == 1000`;
      const packets = arriving.flatMap(({ store, packets: all }) => {
        const packet = space.pick(space.and(all, matchSet(space, asWanted, store, 'must')));
        return packet ? [packet] : [];
      });
      expect(packets).not.toEqual([]);
      for (const packet of packets) {
        const opener = { 'ip4.src': BigInt(host), 'ip4.dst': BigInt(ip), 'tp.src': 1000n };
        expect(openerOf(packet, true), packetText(packet)).toMatchObject(opener);
      }
    });

  test('of what nobody asked for, nothing arrives', () => {
    const strange = packetFrom(analysis, 'u', { 'ip4.src': 0x08080808, 'ip4.dst': address(kinds.length - 1) });
    const arriving = analysis.classes.filter(
      ({ end, packets, connection }) =>
        end.kind === 'port' &&
        end.port.name === 'a' &&
        connection === 'new' &&
        analysis.space.contains(packets, strange),
    );
    expect(arriving).toEqual([]);
  });
});

describe('one step', () => {
  const { run, here, state, is } = trialOf({ ports: { a: {}, b: {} }, flows: ['0 0 1 => drop;'] });
  const { space, stores } = run;
  const tcpOpening = is('tcp.flags', 2);
  const all = (...sets: number[]) => sets.reduce((x, y) => space.and(x, y), space.all);
  const udp = all(is('eth.type', 0x800), is('ip.proto', 17));
  const tcp = all(is('eth.type', 0x800), is('ip.proto', 6));
  const number = (width: number, value: number | bigint) => constantOf(stores.values, width, BigInt(value));

  /** A run of its own, and what waits after the action: states of the next table. */
  function stepped(
    action: TrackingAction,
    start: State,
    datapath = here.datapath,
    connections = run.connections,
  ): { run: Run; next: State[] } {
    const own: Run = { ...run, levels: [], opened: new Map(), asked: [], connections };
    track(own, { ...here, datapath }, start, action);
    const next = own.levels.flatMap((level) =>
      [...(level?.values() ?? [])].flatMap(({ tables }) => [...(tables.get(1) ?? [])]),
    );
    return { run: own, next };
  }

  const opensOf = (own: Run) => knowledgeOf(stores, own.opened.values());

  /** An action of the language, by its text. */
  function actionOf(text: string): TrackingAction {
    const { here: there } = trialOf({ ports: { a: {} }, flows: [`0 0 udp => ${text};`] });
    const [action] = there.datapath.tables.ingress[0]?.flows[0]?.actions ?? [];
    if (!action?.type.startsWith('ct_')) throw new Error(`conntrack is not asked by ${text}`);
    return action as TrackingAction;
  }
  const ctNext = actionOf('ct_next');
  const snat = actionOf('ct_snat(1.2.3.4)');
  const byState = (states: readonly State[]) =>
    new Map(states.map((one) => [Number(read(one.store, at.ctState).constant), packetsOf(run, one)]));

  test('finds packets that may open a connection new, and the rest invalid', () => {
    const found = byState(stepped(ctNext, state()).next);
    expect([...found.keys()].sort()).toEqual([33, 48]);
    const [fresh, unfit] = [found.get(33) ?? 0, found.get(48) ?? 0];
    expect(space.or(fresh, unfit)).toBe(space.all);
    expect(space.intersects(fresh, unfit)).toBe(false);
    expect(space.isSubset(udp, fresh)).toBe(true);
    expect(space.isSubset(space.and(tcp, tcpOpening), fresh)).toBe(true);
    expect(space.isSubset(all(tcp, is('tcp.flags', 0x12)), unfit)).toBe(true);
    expect(space.isSubset(is('eth.type', 0x806), unfit)).toBe(true);
    const icmp = all(is('eth.type', 0x800), is('ip.proto', 1));
    expect([
      space.isSubset(all(icmp, is('icmp.type', 8)), fresh),
      space.isSubset(all(icmp, is('icmp.type', 0)), unfit),
    ]).toEqual([true, true]);
  });

  test('remembers where packets were going', () => {
    const [one] = stepped(ctNext, state(udp)).next;
    expect(one && read(one.store, at.ctNwDst)).toBe(read(stores.initial, at.ip4Dst));
    expect(one && read(one.store, at.ctTpDst)).toBe(read(stores.initial, at.tpDst));
  });

  test('asks where connections are known only in the first pass', () => {
    expect(stepped(ctNext, state()).run.asked).toHaveLength(1);
    const known: Run = {
      ...run,
      levels: [],
      asked: [],
      connections: { kind: 'any', knowledge: new Map(), isSecond: true },
    };
    trackKnown(known, here, state(), ctNext);
    expect([known.asked.length, known.levels.length]).toEqual([0, 0]);
    track(known, here, state(), ctNext);
    expect([known.asked.length, known.levels.length]).toEqual([0, 1]);
  });

  test('translates what is new, opens it, and leaves what is invalid', () => {
    const { run: own, next } = stepped(snat, state(space.or(udp, is('eth.type', 0x806))));
    const translated = next.filter(({ store }) => read(store, at.ip4Src).constant === 0x01020304n);
    expect(translated.map((one) => packetsOf(run, one))).toEqual([udp]);
    const [one] = translated;
    expect(one && read(one.store, at.tpSrc).vague).toBe(true);
    expect(one && (read(one.store, at.ctState).constant ?? 0n) & 64n).toBe(64n);
    expect(one?.passage.commits).toHaveLength(1);
    const [opened, ...more] = [...own.opened.values()];
    expect([opened?.packets, more.length]).toEqual([udp, 0]);
    expect(opened && read(opened.commit.after, at.ip4Src).constant).toBe(0x01020304n);
    expect(opened && read(opened.commit.before, at.ip4Src)).toBe(read(stores.initial, at.ip4Src));
    const others = next.filter((each) => !translated.includes(each));
    expect(others.map((each) => [packetsOf(run, each), each.passage.commits.length])).toEqual([
      [is('eth.type', 0x806), 0],
    ]);
  });

  test('commits with mark and label, once for a connection; not what is invalid, nor replies', () => {
    const own: Run = { ...run, opened: new Map() };
    const marked = write(stores, stores.initial, at.ctMark, number(32, 5));
    const once = commit(own, here, state(space.or(udp, is('eth.type', 0x806))), marked);
    const twice = commit(own, here, once, marked);
    expect(twice.passage).toBe(once.passage);
    expect(once.passage.commits.map(({ mark }) => mark.constant)).toEqual([5n]);
    expect([...own.opened.values()].map(({ packets }) => packets)).toEqual([udp]);
    const arp = state(is('eth.type', 0x806));
    expect(commit(own, here, arp, marked)).toBe(arp);
    const reply = state(udp, write(stores, stores.initial, at.connection, number(2, 2)));
    expect(commit(own, here, reply, marked)).toBe(reply);
  });

  /** What a router answers to an echo request that was translated, and the run that opened the connection. */
  const answered = () => {
    const opening = state(all(is('eth.type', 0x800), is('ip.proto', 1), is('icmp.type', 8)));
    const { next, run: opened } = stepped(snat, opening);
    const [one] = next.filter(({ passage }) => passage.commits.length > 0);
    if (!one) throw new Error('nothing was opened');
    const answer = [
      [at.ip4Src, read(one.store, at.ip4Dst)],
      [at.ip4Dst, read(one.store, at.ip4Src)],
      [at.icmpType, number(8, 0)],
    ] as const;
    const store = answer.reduce((made, [place, value]) => write(stores, made, place, value), one.store);
    return { own: untracked(run, { ...one, store }), opened };
  };

  test('knows the answer that the network makes of a packet by the connection that the packet opened', () => {
    const { own } = answered();
    const back = stepped(actionOf('ct_snat'), own).next;
    expect(back.map((each) => read(each.store, at.ip4Dst))).toEqual([read(stores.initial, at.ip4Src)]);
    expect(back.map((each) => read(each.store, at.ctState).constant)).toEqual([32n + 8n + 2n + 128n]);
  });

  test('tells who asks a zone again what it found the first time, until that is cleared', () => {
    const plain = actionOf('ct_snat');
    const known: Run['connections'] = {
      kind: 'any',
      knowledge: opensOf(stepped(snat, state(udp)).run),
      isSecond: true,
    };
    const toAddress = write(stores, stores.initial, at.ip4Dst, number(32, 0x01020304));
    const asked = (start: State): State[] => stepped(plain, start, here.datapath, known).next;
    const first = asked(state(udp, toAddress));
    const states = (all: readonly State[]) => all.map((one) => read(one.store, at.ctState).constant);
    expect(states(first)).toEqual([32n + 2n, 32n + 8n + 2n + 128n, 32n + 1n]);
    for (const one of first) {
      expect(asked(one)).toEqual([expect.objectContaining({ store: one.store, passage: one.passage })]);
      expect(asked(untracked(run, { ...one, store: toAddress }))).toHaveLength(3);
    }
    const fresh = first.at(-1) as State;
    const [opening, ...more] = stepped(snat, fresh, here.datapath, known).next;
    expect([opening?.passage.commits.length, more.length]).toEqual([1, 0]);
  });

  test('finds resets, whose ports change sides on the wire, by the connection of what they answer', () => {
    const [one] = stepped(snat, state(all(tcp, tcpOpening))).next;
    if (!one) throw new Error('nothing was opened');
    const [reset] = made(run, untracked(run, one), 'tcp_reset');
    if (!reset) throw new Error('no reset');
    const turned = [
      [at.ip4Src, read(one.store, at.ip4Dst)],
      [at.ip4Dst, read(one.store, at.ip4Src)],
    ] as const;
    const store = turned.reduce((changed, [place, value]) => write(stores, changed, place, value), reset.store);
    const [back, ...others] = stepped(actionOf('ct_snat'), { ...reset, store }).next;
    expect(others).toEqual([]);
    expect([at.ip4Dst, at.tpSrc, at.tpDst].map((place) => back && read(back.store, place))).toEqual([
      read(stores.initial, at.ip4Src),
      read(stores.initial, at.tpSrc),
      read(stores.initial, at.tpDst),
    ]);
    expect(back && read(back.store, at.ctState).constant).toBe(32n + 8n + 2n + 128n);
  });

  test('knows the third opener of ICMP errors about IPv4 by its addresses, and of others no third one', () => {
    const known: Run['connections'] = {
      kind: 'any',
      knowledge: opensOf(stepped(snat, state(udp)).run),
      isSecond: true,
    };
    const toAddress = write(stores, stores.initial, at.ip4Dst, number(32, 0x01020304));
    const twice = { ...state(space.all).used, openers: 2 };
    const replies = (packets: number) =>
      stepped(actionOf('ct_snat'), { ...state(packets, toAddress), used: twice }, here.datapath, known).next.filter(
        ({ store }) => ((read(store, at.ctState).constant ?? 0n) & 8n) !== 0n,
      );
    const error = state(all(is('eth.type', 0x800), is('ip.proto', 1), is('icmp.type', 3)));
    const plain = write(stores, toAddress, at.ipProto, number(8, 1));
    const [third] = stepped(
      actionOf('ct_snat'),
      { ...error, store: write(stores, plain, at.icmpType, number(8, 3)), used: twice },
      here.datapath,
      known,
    ).next;
    const told = inputOf(stores.values, fieldIndex('opener.2.src4'), 32);
    expect(third && [read(third.store, at.ip4Dst), read(third.store, at.inexact).constant]).toEqual([told, 0n]);
    for (const one of replies(udp)) {
      expect(read(one.store, at.ip4Dst)).not.toBe(told);
      expect(read(one.store, at.inexact).constant).toBe(1n);
    }
    expect(replies(udp)).not.toEqual([]);
  });

  test('does not take what answers the own connection of packets for an answer to others', () => {
    const { own, opened } = answered();
    const known: Run['connections'] = { kind: 'any', knowledge: opensOf(opened), isSecond: true };
    expect(stepped(actionOf('ct_snat'), own, here.datapath, known).next).toHaveLength(1);
    const stranger = { ...own, passage: run.passages.initial };
    expect(stepped(actionOf('ct_snat'), stranger, here.datapath, known).next).toHaveLength(2);
    const again: Run = { ...run, levels: [], connections: known };
    trackKnown(again, here, own, actionOf('ct_snat'));
    expect(again.levels).toEqual([]);
  });

  describe('in a careful run', () => {
    const opener = stepped(snat, state(udp)).run;
    const careful: Run['connections'] = {
      kind: 'any',
      knowledge: opensOf(opener),
      isSecond: true,
      isCareful: true,
    };
    const plain = { ...careful, isCareful: false };
    const established = (one: State): boolean => read(one.store, at.ctState).constant === 32n + 2n + 64n;
    const further = (connections: Run['connections']): State => {
      const [one] = stepped(snat, state(udp), here.datapath, connections).next.filter(established);
      if (!one) throw new Error('nothing is established');
      return untracked(run, one);
    };
    const turnedBack = (one: State): State => {
      const turned = [
        [at.ip4Src, at.ip4Dst],
        [at.ip4Dst, at.ip4Src],
        [at.tpSrc, at.tpDst],
        [at.tpDst, at.tpSrc],
      ] as const;
      return {
        ...one,
        store: turned.reduce((all_, [to, by]) => write(stores, all_, to, read(one.store, by)), one.store),
      };
    };

    test('what a packet of a known connection is answered belongs to that connection, and to no other', () => {
      const [answer, ...others] = stepped(
        actionOf('ct_snat'),
        turnedBack(further(careful)),
        here.datapath,
        careful,
      ).next;
      expect([answer && read(answer.store, at.ip4Dst), others]).toEqual([read(stores.initial, at.ip4Src), []]);
      expect(further(careful).passage.commits).toEqual([]);
      const any = stepped(actionOf('ct_snat'), turnedBack(further(plain)), here.datapath, plain).next;
      expect(any.length).toBeGreaterThan(1);
    });

    test('replies that are committed remember that, and open nothing', () => {
      const reply = state(udp, write(stores, stores.initial, at.connection, number(2, 2)));
      const trial = trialOf({ kind: 'router', ports: { a: {} }, flows: ['0 0 1 => drop;'] });
      const there = { ...here, datapath: trial.here.datapath };
      const own: Run = { ...run, opened: new Map(), connections: careful };
      const { passage } = commit(own, there, reply, reply.store);
      expect([passage.joined.length, passage.commits.length, own.opened.size]).toEqual([1, 0, 0]);
      expect(commit({ ...own, connections: plain }, there, reply, reply.store)).toBe(reply);
    });

    test('errors about errors are invalid, whatever is known; others may be related', () => {
      const icmp = all(is('eth.type', 0x800), is('ip.proto', 1));
      const own: Run = { ...run, connections: careful };
      const toAddress = write(stores, stores.initial, at.ip4Dst, number(32, 0x01020304));
      const errors = made(own, state(space.or(udp, icmp), toAddress), 'icmp4');
      expect(errors).toHaveLength(2);
      const [others, about] = errors as [State, State];
      const types = [3, 4, 5, 11, 12].map((type) => is('icmp.type', type));
      expect(packetsOf(run, about)).toBe(space.and(icmp, space.orAll(types)));
      const states = (one: State) =>
        stepped(actionOf('ct_snat'), one, here.datapath, careful).next.map(
          ({ store }) => read(store, at.ctState).constant,
        );
      expect(states(about)).toEqual([48n]);
      expect(states(others)).toContain(32n + 8n + 4n + 128n);
      expect(made(run, state(space.or(udp, icmp)), 'icmp4')).toHaveLength(1);
    });
  });

  test('spreads packets over backends, each to one, and marks them', () => {
    const action = actionOf('ct_lb_mark(backends=10.0.0.1:8080,10.0.0.2:8080; force_snat)');
    const { next } = stepped(action, state(udp));
    expect(
      next.map(({ store }) => [at.ip4Dst, at.tpDst, at.ctMark].map((place) => read(store, place).constant)),
    ).toEqual([
      [0x0a000001n, 8080n, 10n],
      [0x0a000002n, 8080n, 10n],
    ]);
    const sets = next.map((one) => packetsOf(run, one));
    expect(space.orAll(sets)).toBe(udp);
    expect(space.intersects(sets[0] ?? 0, sets[1] ?? 0)).toBe(false);
  });

  test('clears what conntrack said, and nothing else', () => {
    const [one] = stepped(snat, state(udp)).next;
    const labelled = write(stores, one?.store ?? stores.initial, at.ctLabel, number(128, 7));
    const store = cleared(run, write(stores, labelled, at.ctMark, number(32, 7)));
    expect(
      [at.ctState, at.ctMark, at.ctLabel, at.ctNwDst, at.ctTpDst].map((place) => read(store, place).constant),
    ).toEqual([0n, 0n, 0n, 0n, 0n]);
    expect(read(store, at.ip4Src).constant).toBe(0x01020304n);
  });
});

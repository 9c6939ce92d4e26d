/** What conntrack zones know: the headers of both ways of the connections that packets opened, and of whom they are. */
import { describe, expect, test } from 'vitest';
import { at, fieldIndex } from '../../../sim/symbolic/index.ts';
import { isKnown, type Knowledge, knowledgeOf, repliesTo, restoredValue } from '../../../sim/symbolic/knowledge.ts';
import type { TrackedCommit } from '../../../sim/symbolic/passage.ts';
import type { Opened } from '../../../sim/symbolic/run.ts';
import { type Store, write } from '../../../sim/symbolic/store.ts';
import { choiceOf, constantOf, inputOf, unknownOf, type Value } from '../../../sim/symbolic/value.ts';
import { trialOf } from './runs.ts';

const { run, is } = trialOf({ ports: { a: {} }, flows: ['0 0 1 => drop;'] });
const { space, stores } = run;
const { values, initial } = stores;
const [inside, server, nat] = [0x0a000005, 0x09090909, 0x64400002];

const all = (...sets: number[]) => sets.reduce((a, b) => space.and(a, b), space.all);
const with_ = (store: Store, place: number, width: number, value: number) =>
  write(stores, store, place, constantOf(values, width, BigInt(value)));
const number = (width: number, value: number): Value => constantOf(values, width, BigInt(value));

const udp = all(is('eth.type', 0x800), is('ip.proto', 17));
const sent = all(udp, is('ip4.src', inside), is('ip4.dst', server), is('tp.src', 1000), is('tp.dst', 53));

const opened = (packets: number, after: Store, commit: Partial<TrackedCommit> = {}): Opened => ({
  packets,
  commit: { zone: 'r snat', before: initial, after, mark: number(32, 0), label: number(128, 0), ...commit },
});

const zoneOf = (knowledge: Knowledge, zone = 'r snat') => {
  const groups = [...(knowledge.get(zone)?.values() ?? [])];
  expect(groups).toHaveLength(1);
  return groups[0] as (typeof groups)[number];
};

describe('a connection', () => {
  test('is known by its header alone: of both ways, without what else was in the packet that opened it', () => {
    const packets = all(sent, is('eth.src', 5), is('ip.ttl', 64), is('neighbor.0.known', 1));
    const { original, reply, translated, destination } = zoneOf(knowledgeOf(stores, [opened(packets, initial)]));
    const port = is('inport', 0);
    expect(original).toBe(all(sent, port));
    const back = all(udp, is('ip4.src', server), is('ip4.dst', inside), is('tp.src', 53), is('tp.dst', 1000));
    expect(reply).toBe(all(back, port));
    expect(translated).toEqual([]);
    expect(destination).toBeUndefined();
  });

  test('whose source is translated has replies to the translated one, that say who opened it', () => {
    const after = with_(initial, at.ip4Src, 32, nat);
    const { original, reply, translated, destination } = zoneOf(knowledgeOf(stores, [opened(sent, after)]));
    expect(original).toBe(all(sent, is('inport', 0)));
    const back = all(udp, is('ip4.src', server), is('ip4.dst', nat), is('tp.src', 53), is('tp.dst', 1000));
    expect(reply).toBe(all(back, is('opener.src4', inside), is('inport', 0)));
    expect(translated).toEqual([at.ip4Src]);
    expect(destination).toBeUndefined();
  });

  test('whose port is chosen anew has replies to any port, and says which it was', () => {
    const chosen = write(stores, with_(initial, at.ip4Src, 32, nat), at.tpSrc, unknownOf(values, 16));
    const { reply } = zoneOf(knowledgeOf(stores, [opened(sent, chosen)]));
    const back = all(udp, is('ip4.src', server), is('ip4.dst', nat), is('tp.src', 53));
    expect(reply).toBe(all(back, is('opener.src4', inside), is('opener.sport', 1000), is('inport', 0)));
  });

  test('whose destination is translated says where its packets go, and what was asked', () => {
    const after = with_(with_(initial, at.ip4Dst, 32, nat), at.tpDst, 16, 5353);
    const { reply, destination } = zoneOf(knowledgeOf(stores, [opened(sent, after)]));
    expect(destination?.ip4.constant).toBe(BigInt(nat));
    expect(destination?.port.constant).toBe(5353n);
    const back = all(udp, is('ip4.src', nat), is('ip4.dst', inside), is('tp.src', 5353), is('tp.dst', 1000));
    expect(reply).toBe(all(back, is('opener.dst4', server), is('opener.dport', 53), is('inport', 0)));
  });

  test('in the zone of a port is known there', () => {
    const { original, reply } = zoneOf(knowledgeOf(stores, [opened(sent, initial, { port: number(20, 7) })]));
    expect(space.isSubset(original, is('inport', 7))).toBe(true);
    expect(space.isSubset(reply, is('inport', 7))).toBe(true);
  });
});

describe('connections of a zone', () => {
  const later = all(udp, is('ip4.src', inside + 1), is('ip4.dst', server));

  test('that are alike are known together', () => {
    const { original } = zoneOf(knowledgeOf(stores, [opened(sent, initial), opened(later, initial)]));
    expect(space.isSubset(space.or(sent, later), space.forget(original, [at.inport]))).toBe(true);
  });

  test.each<[string, Partial<TrackedCommit>]>([
    ['marks', { mark: number(32, 2) }],
    ['labels', { label: number(128, 9) }],
  ])('with other %s are known apart', (_, commit) => {
    const knowledge = knowledgeOf(stores, [opened(sent, initial), opened(later, initial, commit)]);
    expect(knowledge.get('r snat')?.size).toBe(2);
  });

  test('whose mark differs from packet to packet are known by it', () => {
    const mark = choiceOf(values, space, [
      { packets: is('ip4.src', inside), value: number(32, 1) },
      { packets: space.not(is('ip4.src', inside)), value: number(32, 2) },
    ]);
    const groups = [...(knowledgeOf(stores, [opened(space.or(sent, later), initial, { mark })]).get('r snat') ?? [])];
    const byMark = new Map(groups.map(([, group]) => [group.mark.constant, group.original]));
    expect(byMark.get(1n)).toBe(all(sent, is('inport', 0)));
    expect(byMark.get(2n)).toBe(all(later, is('inport', 0)));
  });

  test('of another zone are others', () => {
    const knowledge = knowledgeOf(stores, [opened(sent, initial), opened(later, initial, { zone: 'q dnat' })]);
    expect([...knowledge.keys()].sort()).toEqual(['q dnat', 'r snat']);
    expect(zoneOf(knowledge).original).toBe(all(sent, is('inport', 0)));
  });

  test('are settled when nothing is new in any zone', () => {
    const few = knowledgeOf(stores, [opened(sent, initial)]);
    const more = knowledgeOf(stores, [opened(sent, initial), opened(later, initial)]);
    const other = knowledgeOf(stores, [opened(sent, initial, { zone: 'q dnat' })]);
    expect(isKnown(space, few, more)).toBe(true);
    expect(isKnown(space, more, few)).toBe(false);
    expect(isKnown(space, few, other)).toBe(false);
    expect(isKnown(space, more, more)).toBe(true);
    const [key = ''] = few.get('r snat')?.keys() ?? [];
    const answered: Knowledge = new Map([['r snat', new Map([[key, { ...zoneOf(few), reply: space.all }]])]]);
    expect([isKnown(space, few, answered), isKnown(space, answered, few)]).toEqual([true, false]);
  });
});

describe('a reply', () => {
  test('tells of the next opener by fields of its own, and nothing of the first', () => {
    const after = with_(initial, at.ip4Src, 32, nat);
    const { reply } = zoneOf(knowledgeOf(stores, [opened(sent, after)]));
    expect(repliesTo(space, reply, 0)).toBe(reply);
    const next = repliesTo(space, reply, 1);
    const header = space.forget(reply, [fieldIndex('opener.src4')]);
    expect(next).toBe(all(header, is('opener.1.src4', inside)));
  });

  test('gets back where its opener has what was translated', () => {
    const [mirror, value] = restoredValue(values, at.ip4Src, 0);
    expect([mirror, value]).toEqual([at.ip4Dst, inputOf(values, fieldIndex('opener.src4'), 32)]);
    const [port, own] = restoredValue(values, at.tpDst, 1);
    expect([port, own]).toEqual([at.tpSrc, inputOf(values, fieldIndex('opener.1.dport'), 16)]);
  });
});

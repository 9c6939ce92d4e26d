import { expect, test } from 'vitest';
import type { Rewrite } from '../../../engine/sets/index.ts';
import { openOutside } from '../../../sim/jobs/alike/crowds.ts';
import { outlineOf } from '../../../sim/jobs/outline.ts';
import { outsideOf, type WireSummary } from '../../../sim/jobs/wires.ts';
import { matchSet } from '../../../sim/policy/packets.ts';
import { fieldIndex, packetSpace } from '../../../sim/symbolic/index.ts';

/** A part on the wire `w`: what it sends, what gets to its hosts, and one kind of answer. */
function part(sends: string, takes: string, reaction?: { to: string; rewrites: readonly Rewrite[] }): WireSummary {
  const space = packetSpace();
  const set = (match: string): number => (match === '' ? space.empty : matchSet(space, match));
  return {
    wires: [{ name: 'w', physical: 'w', vlan: 0 }],
    reactions: reaction ? [{ from: 0, to: 0, rewrites: reaction.rewrites }] : [],
    sets: space.save([set(sends), set(takes), set(takes), ...(reaction ? [set(reaction.to)] : [])]),
  };
}

const copied = (field: string, from: string): Rewrite => ({
  field: fieldIndex(field),
  ofs: 0,
  n: 32,
  kind: 'copy',
  from: fieldIndex(from),
  fromOfs: 0,
});

const web = 'ip4.dst == 10.0.0.1 && tcp.dst == 80 && !vlan.present';
const mail = 'ip4.dst == 10.0.0.1 && tcp.dst == 25 && !vlan.present';
const other = 'ip4.dst == 10.0.0.2 && !vlan.present';
const asks = 'arp.op == 1 && arp.tpa == 10.0.0.9 && !vlan.present';

/** The sender of a question is answered: its address is no field of outlines. */
const answers = {
  to: asks,
  rewrites: [copied('ip4.dst', 'arp.spa'), { field: fieldIndex('arp.spa'), ofs: 0, n: 32, kind: 'any' } as const],
};

const networks: Readonly<Record<string, readonly WireSummary[]>> = {
  'nothing in common': [part(web, other), part(web, asks)],
  'an address in common, and no port': [part(web, ''), part('', mail)],
  'packets in common': [part(web, ''), part('', web)],
  'an answer in common': [part(asks, ''), part('', web, answers)],
  'a question that two answer': [part('', '', answers), part('', '', answers)],
};

test.each(Object.keys(networks))('%s: what outlines leave open is decided by all fields', (name) => {
  const parts = networks[name] as readonly WireSummary[];
  const numbers = parts.map((_, index) => index);
  const exact = outsideOf(packetSpace(), parts);
  const found = openOutside(parts.map((summary) => ({ summary })));
  expect(numbers.map((one) => found?.isEntangled(one))).toEqual(numbers.map((one) => exact.isEntangled(one)));
  for (const address of ['10.0.0.9', '10.0.0.8']) {
    expect(numbers.map((one) => found?.isAnsweredBesides(one, address))).toEqual(
      numbers.map((one) => exact.isAnsweredBesides(one, address)),
    );
  }
});

test('an outline is more than the part is, never less', () => {
  const space = packetSpace();
  for (const one of Object.values(networks).flat()) {
    const [own, outline] = [space.load(one.sets), space.load(outlineOf(one).sets)];
    for (const [index, set] of own.entries()) expect(space.isSubset(set, outline[index] ?? space.empty)).toBe(true);
  }
  const [sent = 0] = space.load(outlineOf(part(web, '')).sets);
  expect(sent).toBe(matchSet(space, 'ip4.dst == 10.0.0.1 && tcp && !vlan.present'));
  const [first] = outlineOf(part('', '', answers)).reactions;
  expect(first?.rewrites).toEqual([{ field: fieldIndex('ip4.dst'), ofs: 0, n: 32, kind: 'any' }]);
});

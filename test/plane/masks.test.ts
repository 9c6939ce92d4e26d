/**
 * What a megaflow does not look at makes no difference, through the whole plane: packets are drawn that are met by
 * no other megaflows than a first one is, in all passes, and leave by the same ports, the same but for the fields in
 * which they differ from the first one; and as they do from a chassis that translates every packet.
 */
import { afterAll, expect, test } from 'vitest';
import { wasm } from '#asm/plane-checked';
import { parseFrame, withChecksums } from '../../engine/frame.ts';
import { createNode, type Node, type Received } from '../../engine/node/index.ts';
import { fragmentId, headersOf } from '../oracle/answers.ts';
import { protocols } from '../oracle/frames.ts';
import { seedAndRuns } from '../oracle/seed.ts';
import { onOneChassis } from '../program/traced.ts';
import { nodeWithoutCaches, planeRecordings, recorded } from './networks.ts';

const { seed, runs } = seedAndRuns(60);

const tally = { drawn: 0, outputs: 0, several: 0, translated: 0 };
afterAll(() => {
  expect(tally.drawn).toBeGreaterThan(500);
  expect(tally.outputs).toBeGreaterThan(300);
  expect(tally.several).toBeGreaterThan(100);
  expect(tally.translated).toBeGreaterThan(20);
});

/** Numbers below `count`, the same for the same seed. */
function choices(start: number): (count: number) => number {
  let state = start >>> 0 || 1;
  return (count) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % count;
  };
}

/** Bytes of a field: where, how many. */
type Place = readonly [at: number, length: number];

/** Fields of a frame that may be others and leave it a frame of the same form; of TCP not the flags, which say what a connection is. */
function placesOf(frame: Uint8Array): Place[] {
  const { ip, arp, l3 } = headersOf(frame) ?? {};
  const places: Place[] = [
    [3, 3],
    [9, 3],
  ];
  if (arp && l3 !== undefined) places.push([l3 + 8, 6], [l3 + 14, 4], [l3 + 18, 6], [l3 + 24, 4]);
  if (!ip || l3 === undefined) return places;
  if (ip.version === 4) places.push([l3 + 1, 1], [l3 + 8, 1], [l3 + 12, 4], [l3 + 15, 1], [l3 + 16, 4], [l3 + 19, 1]);
  else places.push([l3 + 1, 3], [l3 + 7, 1], [l3 + 8, 16], [l3 + 23, 1], [l3 + 24, 16], [l3 + 39, 1]);
  const hasPorts = [protocols.tcp, protocols.udp, protocols.sctp].some((protocol) => protocol === ip.protocol);
  if (hasPorts) places.push([ip.l4, 2], [ip.l4 + 2, 2]);
  return places.filter(([at, length]) => at + length <= frame.length);
}

/** The frame with other bits in some fields. */
function drawn(frame: Uint8Array, places: readonly Place[], choose: (count: number) => number): Uint8Array {
  const other = frame.slice();
  for (const [at, length] of places) {
    for (let i = at; i < at + length; i++) other[i] = (other[i] ?? 0) ^ choose(256);
  }
  return withChecksums(other);
}

/** What a frame causes as the first one of its connection, and how it was found. */
function probe(node: Node, port: string, frame: Uint8Array) {
  node.forgetConnections();
  const before = node.plane.cacheCounters();
  node.send(port, frame);
  const after = node.plane.cacheCounters();
  return {
    received: node.received(),
    misses: after.misses - before.misses,
    punts: after.punts - before.punts,
    unkept: after.unkept - before.unkept,
  };
}

const textOf = (received: readonly Received[]): string[] =>
  received.map(({ port, frame }) => `${port} ${Buffer.from(frame).toString('hex')}`);

/** Fields that follow from others. */
const isDerived = (name: string): boolean => /checksum|^ip\.|reply|^eth\.type$/.test(name);

/** Outputs differ as the packets do: a field that is not the same in both is what came in. */
function compare(one: Uint8Array, other: Uint8Array, ours: readonly Received[], theirs: readonly Received[]): void {
  const where = `${Buffer.from(one).toString('hex')} and ${Buffer.from(other).toString('hex')}`;
  expect(
    theirs.map(({ port }) => port),
    where,
  ).toEqual(ours.map(({ port }) => port));
  const [a, b] = [parseFrame(one).fields, parseFrame(other).fields];
  for (const [i, { frame }] of ours.entries()) {
    const beside = theirs[i]?.frame ?? new Uint8Array();
    expect(beside.length, where).toBe(frame.length);
    const [c, d] = [parseFrame(frame), parseFrame(beside)];
    expect([...c.problems, ...d.problems], where).toEqual([]);
    expect(Object.keys(d.fields), where).toEqual(Object.keys(c.fields));
    for (const [name, value] of Object.entries(c.fields)) {
      if (d.fields[name] !== value && !isDerived(name)) {
        expect([name, value, d.fields[name]], where).toEqual([name, a[name], b[name]]);
      }
      if (value !== a[name]) tally.translated++;
    }
    tally.outputs++;
  }
}

test.each(planeRecordings())('%s', (name) => {
  const { options, steps } = recorded(name);
  // Which of several backends or next hops is taken depends on more than the mask.
  const one = { ...options, southbound: onOneChassis(options.southbound), chassis: 'here' };
  const node = createNode({ ...one, plane: { ...one.plane, module: wasm } });
  const plain = nodeWithoutCaches(one);
  const choose = choices(seed);
  const pool = steps.flatMap(({ port, sent }) => sent.map((frame) => ({ port, frame })));
  for (let run = 0; run < runs; run++) {
    const { port, frame: picked } = pool[choose(pool.length)] ?? { port: '', frame: new Uint8Array() };
    if (!node.ports.some((each) => each.name === port || each.network === port)) continue;
    const frame = withChecksums(picked);
    const { problems } = parseFrame(frame);
    // What becomes of a fragment depends on others.
    if (problems.length > 0 || fragmentId(frame) !== undefined) continue;
    const exports = node.plane.exports;
    /** What the frame causes, with its megaflows and no others behind it. */
    const anew = () => {
      exports.invalidateAll();
      const found = probe(node, port, frame);
      // So that both are told the same.
      probe(plain, port, frame);
      return found;
    };
    const first = anew();
    // What the host answers has more to it than fields.
    if (first.punts > 0n || first.unkept > 0n) continue;
    const beside = (places: readonly Place[]): boolean => {
      const other = drawn(frame, places, choose);
      const { received, misses, punts } = probe(node, port, other);
      const plainly = probe(plain, port, other).received;
      expect(textOf(received), `${port} ${Buffer.from(other).toString('hex')}`).toEqual(textOf(plainly));
      const isMet = misses === 0n && punts === 0n;
      if (isMet) {
        compare(frame, other, first.received, received);
        tally.drawn++;
      } else anew();
      return isMet;
    };
    // Each field alone, then all that make no difference at once.
    const free = placesOf(frame).filter((place) => beside([place]));
    if (free.length > 1 && beside(free)) tally.several++;
  }
});

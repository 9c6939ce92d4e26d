/** The comparison of two worlds notices what differs, and nothing else. */
import { describe, expect, test } from 'vitest';
import { parseFrame } from '../../engine/frame.ts';
import { headersOf, icmpError, tcpAnswer, udpAnswer } from './answers.ts';
import { type Conversation, compareRepeated, compareSteps, isUnasked, play, replay } from './exchange.ts';
import { withoutHash } from './fabric.ts';
import { frameText } from './frame-text.ts';
import { arp, echo, frame, isAt, protocols, tcp, tcpFlags, text, u16, udp, whoHas } from './frames.ts';
import { mutants } from './mutations.ts';
import type { PacketWorld, Received } from './packet-world.ts';

const way = { src: '02:00:00:00:00:01', dst: '02:00:00:00:00:02' };
const ip = { src: '10.0.0.1', dst: '10.0.0.2' };
const request = echo(way, ip);

/** A world in which everything that goes in by a port comes out of another, as `change` makes it. */
function worldWith(change: (frame: Uint8Array, sent: number) => Received[]): PacketWorld {
  const seen: Received[] = [];
  let sent = 0;
  const nothing = async (): Promise<void> => {};
  return {
    bind: nothing,
    localnet: nothing,
    ready: nothing,
    learn: nothing,
    forgetConnections: nothing,
    stop: nothing,
    async send(_, frames) {
      for (const each of frames instanceof Uint8Array ? [frames] : frames) seen.push(...change(each, sent++));
    },
    received: () => seen.splice(0),
  };
}

const conversations: Conversation[] = ['first', 'second'].map((name) => ({
  name,
  async play(stage) {
    await stage.send('in', request);
    await stage.teach('in', request, echo(way, ip, { sequence: 2 }));
  },
}));

const out = (bytes: Uint8Array, port = 'out'): Received[] => [{ port, frame: bytes }];
const plain = worldWith((bytes) => out(bytes));

describe('two worlds', () => {
  test('that do the same do not differ, nor does one that is sent what was recorded', async () => {
    const steps = await play(plain, conversations);
    expect(steps.map(({ sent, isTaught }) => [sent.length, isTaught])).toEqual([
      [1, undefined],
      [2, true],
      [1, undefined],
      [2, true],
    ]);
    expect(compareSteps(steps, await play(plain, conversations))).toEqual([]);
    expect(compareSteps(steps, await replay(plain, steps))).toEqual([]);
  });

  test('may answer in any order', async () => {
    const backwards = worldWith((bytes) => [...out(bytes, 'b'), ...out(bytes, 'a')]);
    const forwards = worldWith((bytes) => [...out(bytes, 'a'), ...out(bytes, 'b')]);
    expect(compareSteps(await play(forwards, conversations), await play(backwards, conversations))).toEqual([]);
  });

  const flipped = (bytes: Uint8Array): Uint8Array => bytes.map((byte, at) => (at === 22 ? byte - 1 : byte));
  test.each([
    ['a byte', (bytes: Uint8Array) => out(flipped(bytes))],
    ['a port', (bytes: Uint8Array) => out(bytes, 'elsewhere')],
    ['a frame that is lost', (bytes: Uint8Array, at: number) => (at === 5 ? [] : out(bytes))],
    ['a frame twice', (bytes: Uint8Array, at: number) => (at === 5 ? [...out(bytes), ...out(bytes)] : out(bytes))],
  ])('that differ by %s are told apart', async (_, change) => {
    const steps = await play(plain, conversations);
    const differences = compareSteps(steps, await play(worldWith(change), conversations));
    expect(differences.length).toBeGreaterThan(0);
    expect(differences.at(-1)).toMatch(/^second, step [12]: sent into in:/);
    expect(differences.at(-1)).toContain('icmp 8/0');
  });

  const losing = (...lost: number[]): PacketWorld => worldWith((bytes, at) => (lost.includes(at) ? [] : out(bytes)));

  test('of three, one may do in each conversation what two others do not', async () => {
    const told = async (...worlds: PacketWorld[]): Promise<string[]> => {
      const [first, second, third] = await Promise.all(worlds.map((world) => play(world, conversations)));
      return compareRepeated([first, second, third]);
    };
    expect(await told(losing(), losing(), losing())).toEqual([]);
    expect(await told(losing(), losing(0), losing(5))).toEqual([]);
    expect(await told(losing(0), losing(5), losing())).toEqual([]);
    expect(await told(losing(0), losing(1), losing())).toEqual([expect.stringMatching(/^first, step 1/)]);
    expect(await told(losing(5), losing(4), losing(3))).toEqual([expect.stringMatching(/^second, step 2/)]);
  });

  test('of three, each may let go of other fragments, and of nothing else', async () => {
    const fragment = request.slice();
    fragment.set([0x20, 0], 20);
    const dropping = (...lost: number[]): PacketWorld =>
      worldWith((bytes, at) => [...out(bytes), ...(lost.includes(at) ? [] : out(fragment))]);
    const both = (...lost: number[]): PacketWorld =>
      worldWith((bytes, at) => (lost.includes(at) ? [] : [...out(bytes), ...out(fragment)]));
    const told = async (...worlds: PacketWorld[]): Promise<string[]> => {
      const [first, second, third] = await Promise.all(worlds.map((world) => play(world, conversations)));
      return compareRepeated([first, second, third]);
    };
    expect(await told(dropping(5), dropping(4), dropping(3))).toEqual([]);
    expect(await told(both(5), both(4), both(3))).toEqual([expect.stringMatching(/^second, step 2/)]);
  });

  test('of which one goes on are told apart, and what each noted', async () => {
    const steps = await play(plain, conversations);
    expect(compareSteps(steps, steps.slice(0, 3))[0]).toMatch(/^second, step 2: only the first world goes on/);
    const noting = (note: string): Promise<Awaited<ReturnType<typeof play>>> =>
      play(plain, [{ name: 'notes', play: async (stage) => stage.note(note) }]);
    expect(compareSteps(await noting('a, b'), await noting('a'))[0]).toContain('expected: a, b');
  });
});

test('what nobody asked for is known, and what somebody sent is not taken for it', async () => {
  const gratuitous = arp({ ...way, dst: 'ff:ff:ff:ff:ff:ff' }, { op: 1, sha: way.src, spa: ip.src, tpa: ip.src });
  expect(isUnasked(gratuitous)).toBe(true);
  expect(isUnasked(whoHas({ mac: way.src, ip: ip.src }, ip.dst))).toBe(false);
  expect(isUnasked(isAt({ mac: way.src, ip: 'fd00::1' }, { mac: way.dst, ip: 'fd00::2' }))).toBe(false);
  const says = (...frames: Uint8Array[]): Promise<Received[]> =>
    play(
      worldWith(() => out(gratuitous)),
      [{ name: 'x', play: (stage) => stage.send('in', ...frames).then(() => {}) }],
    ).then(([step]) => step.received);
  expect(await says(request)).toEqual([]);
  expect(await says(gratuitous)).toHaveLength(1);
});

test('an error that quotes more than there was ends where the packet ended', async () => {
  const lying = request.slice();
  lying.set([2, 0], 16);
  const quoting = (garbage: number): Uint8Array =>
    icmpError(Uint8Array.from([...lying, ...new Array(40).fill(garbage)]), 'unreachable');
  const steps = (garbage: number): ReturnType<typeof play> =>
    play(
      worldWith(() => out(quoting(garbage))),
      [{ name: 'x', play: (stage) => stage.send('in', lying).then(() => {}) }],
    );
  expect(quoting(1)).not.toEqual(quoting(2));
  expect(compareSteps(await steps(1), await steps(2))).toEqual([]);
});

test('a reset that acknowledges what was not there may acknowledge anything, and no other', async () => {
  const segment = frame(way, ip, protocols.tcp, tcp({ src: 0, dst: 0, flags: tcpFlags.ack, seq: 7 }));
  const reset = (ack: number): Uint8Array =>
    frame(
      way,
      { src: ip.dst, dst: ip.src },
      protocols.tcp,
      tcp({ src: 0, dst: 0, flags: tcpFlags.rst | tcpFlags.ack, ack }),
    );
  const isToldApart = async (...sent: Uint8Array[]): Promise<boolean> => {
    const [one, other] = [1, 2].map((ack) => {
      let answers = 0;
      const world = worldWith(() => (answers++ === 0 ? out(reset(ack)) : []));
      return play(world, [{ name: 'x', play: (stage) => stage.send('in', ...sent).then(() => {}) }]);
    });
    return compareSteps(await one, await other).length > 0;
  };
  const cut = segment.subarray(0, 14 + 20 + 7);
  const whole = segment.subarray(0, 14 + 20 + 8);
  const elsewhere = frame(
    way,
    { ...ip, dst: '10.0.0.3' },
    protocols.tcp,
    tcp({ src: 0, dst: 0, flags: tcpFlags.ack }),
  ).subarray(0, 14 + 27);
  expect(await isToldApart(cut)).toBe(false);
  expect(await isToldApart(cut, cut)).toBe(false);
  expect(await isToldApart(whole)).toBe(true);
  expect(await isToldApart(cut, whole)).toBe(true);
  expect(await isToldApart(elsewhere)).toBe(true);
});

test('tunnels are compared without what is a hash', () => {
  const tunnel = (source: number, inner: string): Received => ({
    port: 'underlay of left',
    frame: frame(way, { ...ip, id: source }, protocols.udp, udp(source, 6081, text(inner))),
  });
  expect(withoutHash(tunnel(1, 'same'))).toEqual(withoutHash(tunnel(2, 'same')));
  expect(withoutHash(tunnel(1, 'same'))).not.toEqual(withoutHash(tunnel(1, 'other')));
});

test('answers fit what arrived', () => {
  const { syn, ack, psh } = tcpFlags;
  const opening = frame(way, ip, protocols.tcp, tcp({ src: 4000, dst: 80, flags: syn, seq: 1000 }));
  const second = tcpAnswer(opening, syn | ack);
  const third = tcpAnswer(second, ack | psh, text('hello'));
  const fourth = tcpAnswer(third, ack);
  expect([second, third, fourth].map((bytes) => parseFrame(bytes).problems)).toEqual([[], [], []]);
  const numbers = (bytes: Uint8Array): number[] => [38, 42].map((at) => Buffer.from(bytes).readUInt32BE(at));
  expect([second, third, fourth].map(numbers)).toEqual([
    [5000, 1001],
    [1001, 5001],
    [5001, 1006],
  ]);
  expect(headersOf(fourth)).toMatchObject({ eth: { src: way.dst, dst: way.src }, ip: { src: ip.dst, dst: ip.src } });
  const question = frame(way, { src: 'fd00::1', dst: 'fd00::2' }, protocols.udp, udp(5, 53));
  const answer = udpAnswer(question, text('yes'));
  expect(parseFrame(answer).problems).toEqual([]);
  expect(frameText(answer)).toContain('fd00::2 > fd00::1, ttl 64, udp 53 > 5, 65 bytes');
});

test('mutants are the same for the same seed, and many', () => {
  const syn = frame(way, ip, protocols.tcp, tcp({ src: 4000, dst: 80, flags: tcpFlags.syn }));
  const source = {
    seed: 5,
    pool: [request, syn].map((bytes) => ({ port: 'p', frame: bytes })),
    macs: ['02:00:00:00:00:03'],
    ip4s: ['10.0.0.3'],
    ip6s: ['fd00::3'],
    ports: [8080],
    learningPorts: new Set<string>(),
  };
  const some = mutants(source, 300);
  expect(mutants(source, 300)).toEqual(some);
  expect(new Set(some.map(({ frame: bytes }) => Buffer.from(bytes).toString('hex'))).size).toBeGreaterThan(200);
  expect(some.filter(({ frame: bytes }) => bytes.length < 14)).toEqual([]);
  // No connection is opened twice by the same ports.
  const openings = some.flatMap(({ frame: bytes }) => {
    const at = headersOf(bytes)?.ip;
    const isOpening = at?.protocol === protocols.tcp && (bytes[at.l4 + 13] & 0x12) === 2 && bytes.length >= at.l4 + 14;
    return isOpening ? [[...bytes.subarray(at.l4, at.l4 + 2)].join()] : [];
  });
  expect(openings.length).toBeGreaterThan(20);
  expect(new Set(openings).size).toBe(openings.length);
  expect(openings).not.toContain(u16(4000).join());
});

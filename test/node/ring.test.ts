/** A ring of frames in shared memory: whatever the sizes and whoever is faster, what goes in comes out. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Ring, ringMemory } from '../../engine/node/workers/ring.ts';

test('what is pushed comes out, in order, with whatever others do in between', () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.nat(120).map((length) => ({ do: 'push' as const, length })) },
    { weight: 2, arbitrary: fc.constant({ do: 'publish' as const }) },
    { weight: 2, arbitrary: fc.nat(300).map((most) => ({ do: 'take' as const, most })) },
    { weight: 2, arbitrary: fc.constant({ do: 'free' as const }) },
  );
  let rounds = 0;
  let full = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 100, maxLength: 300 }), (steps) => {
      const memory = ringMemory(512);
      const [writer, reader] = [new Ring(memory), new Ring(memory)];
      const sent: string[] = [];
      const got: string[] = [];
      let published = 0;
      let bytes = 0;
      const note = (port: number, frame: Uint8Array) => `${port} ${Buffer.from(frame).toString('hex')}`;
      for (const each of steps) {
        if (each.do === 'push') {
          const frame = Uint8Array.from({ length: each.length }, (_, i) => i + sent.length);
          const isPushed = writer.push(sent.length, frame);
          if (isPushed) sent.push(note(sent.length, frame));
          if (isPushed) bytes += frame.length;
          else full++;
        } else if (each.do === 'publish') {
          writer.publish();
          published = sent.length;
        } else if (each.do === 'take') {
          const before = got.length;
          for (const { port, frame } of reader.take(each.most + 1)) got.push(note(port, frame));
          // There was something, so something came.
          if (published > before) expect(got.length).toBeGreaterThan(before);
        } else {
          reader.free();
        }
        expect(got).toEqual(sent.slice(0, got.length));
        expect(got.length).toBeLessThanOrEqual(published);
      }
      writer.publish();
      for (;;) {
        const frames = reader.take(64);
        if (frames.length === 0) break;
        for (const { port, frame } of frames) got.push(note(port, frame));
      }
      expect(got).toEqual(sent);
      reader.free();
      expect(reader.isEmpty).toBe(true);
      rounds += Math.floor(bytes / 512);
    }),
  );
  expect(rounds).toBeGreaterThan(100);
  expect(full).toBeGreaterThan(100);
});

test('a frame is held wherever the last one ended, if it is said to be', () => {
  const ring = new Ring(ringMemory(1024));
  expect(ring.holds(512 - 19)).toBe(true);
  expect(ring.holds(512)).toBe(false);
  for (let i = 0; i < 200; i++) {
    expect(ring.push(1, new Uint8Array(512 - 19 - (i % 8)))).toBe(true);
    ring.publish();
    expect(ring.take(1)).toHaveLength(1);
    ring.free();
  }
});

test('what was taken and not freed is not overwritten', () => {
  const memory = ringMemory(128);
  const [writer, reader] = [new Ring(memory), new Ring(memory)];
  for (let i = 0; i < 4; i++) expect(writer.push(i, new Uint8Array(20))).toBe(true);
  writer.publish();
  expect(reader.take(1000)).toHaveLength(4);
  expect(writer.push(4, new Uint8Array(8))).toBe(false);
  expect(reader.isEmpty).toBe(false);
  reader.free();
  expect(writer.push(4, new Uint8Array(8))).toBe(true);
});

test('the queue of a frame comes out with it', () => {
  const ring = new Ring(ringMemory(256));
  ring.push(1, new Uint8Array(3), 61_440);
  ring.push(2, new Uint8Array(3));
  ring.publish();
  expect(ring.take(1000).map(({ port, queue }) => [port, queue])).toEqual([
    [1, 61_440],
    [2, 0],
  ]);
});

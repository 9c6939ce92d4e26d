import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Line, readLines } from '../../cli/lines.ts';

async function* cut(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(bytes: Buffer, size = 4): Promise<Line[]> {
  const lines: Line[] = [];
  for await (const batch of readLines(cut(bytes, size))) lines.push(...batch);
  return lines;
}

const texts = async (text: string) => (await read(Buffer.from(text))).map((line) => line.text);

test('the last line needs no end, an empty one counts', async () => {
  expect(await texts('')).toEqual([]);
  expect(await texts('\n')).toEqual(['']);
  expect(await texts('a')).toEqual(['a']);
  expect(await texts('a\n')).toEqual(['a']);
  expect(await texts('a\r\n\r\n\nb\r')).toEqual(['a', '', '', 'b']);
});

test('wherever the stream is cut', async () => {
  const text = fc.array(fc.constantFrom('a', 'größer', '\n', '\n', '\r\n', '😀', '\0'), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(text, fc.integer({ min: 1, max: 9 }), async (parts, size) => {
      const whole = parts.join('');
      const expected = whole.split('\n').map((line) => line.replace(/\r$/, ''));
      if (whole.endsWith('\n') || whole === '') expected.pop();
      expect(await read(Buffer.from(whole), size)).toEqual(expected.map((line) => ({ text: line, valid: true })));
    }),
  );
});

test('bytes that are not UTF-8 spoil their own line only', async () => {
  expect(await read(Buffer.from('a\n\xff\xfe\nc\n', 'latin1'))).toEqual([
    { text: 'a', valid: true },
    { text: '\ufffd\ufffd', valid: false },
    { text: 'c', valid: true },
  ]);
});

test('a line without end is not kept without end', async () => {
  async function* endless() {
    yield Buffer.from('first\n');
    for (const block = Buffer.alloc(1 << 20); ; ) yield block;
  }
  const reading = async () => {
    for await (const _ of readLines(endless()));
  };
  await expect(reading).rejects.toThrow(new RangeError('line 2 is longer than 64 MiB'));
});

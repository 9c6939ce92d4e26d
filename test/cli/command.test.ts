import { describe, expect, test } from 'vitest';
import { conclude, formatOption, status, systemReason, takeConclusion } from '../../cli/command.ts';
import { failed, run } from '../../cli/program.ts';
import { InputError } from '../../engine/origin.ts';

/** Runs something and gives what it wrote to standard error. */
async function complaints(action: () => Promise<unknown>): Promise<string> {
  const { write } = process.stderr;
  let text = '';
  process.stderr.write = (chunk: string | Uint8Array) => {
    text += chunk;
    return true;
  };
  try {
    await action();
  } finally {
    process.stderr.write = write;
  }
  return text;
}

describe('conclude', () => {
  test('is fine unless told, and counts once', () => {
    takeConclusion();
    conclude(status.unknown);
    conclude(status.violated);
    expect(takeConclusion()).toBe(1);
    expect(takeConclusion()).toBe(0);
  });

  test('of a command before does not last', async () => {
    conclude(status.violated);
    await complaints(async () => expect(await run(['no-such-command'])).toBe(2));
    expect(takeConclusion()).toBe(0);
  });
});

test('an InputError is printed as it is', async () => {
  const problem = {
    file: 'a.yaml',
    line: 3,
    column: 7,
    path: 'spec',
    severity: 'error',
    id: 'x',
    message: 'is wrong',
  } as const;
  const text = await complaints(async () => expect(failed(new InputError([problem, problem]))).toBe(2));
  expect(text).toBe('a.yaml:3:7: spec: is wrong\na.yaml:3:7: spec: is wrong\n');
});

test('formatOption: the first form unless told', () => {
  const option = formatOption(['text', 'json']);
  expect(option.defaultValue).toBe('text');
  expect(option.argChoices).toEqual(['text', 'json']);
});

test('systemReason: in words where there are some, as it is where not', () => {
  expect(systemReason(Object.assign(new Error('EACCES: ...'), { code: 'EACCES' }))).toBe('permission denied');
  expect(systemReason(new Error('something else'))).toBe('something else');
  expect(systemReason('no error at all')).toBe('no error at all');
});

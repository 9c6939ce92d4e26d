/** A command run in this process: what it writes and says. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';
import type { Status } from '../cli/command.ts';
import { run } from '../cli/program.ts';

export interface Answered {
  readonly status: Status;
  /** What stood on standard error. */
  readonly said: string;
  /** What `-o` wrote; '' where nothing was. */
  readonly answer: string;
}

/** What a command (`verify`, ...) writes with `-o`, says, and ends with. */
export async function answerOf(...args: string[]): Promise<Answered> {
  const folder = mkdtempSync(join(tmpdir(), 'lflow-answer-'));
  const file = join(folder, 'answer');
  let said = '';
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said += text;
    return true;
  });
  try {
    const status = await run([...args, '-o', file]);
    return { status, said, answer: existsSync(file) ? readFileSync(file, 'utf8') : '' };
  } finally {
    stderr.mockRestore();
    rmSync(folder, { recursive: true });
  }
}

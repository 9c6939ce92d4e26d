/** `lflow offload` as a test calls it. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished, vi } from 'vitest';
import { run } from '../../cli/program.ts';

/** What a command prints, says on standard error, and ends with. */
export interface Ran {
  readonly status: number;
  readonly said: string;
  /** '' where it printed nothing. */
  readonly answer: string;
}

/** Runs `lflow offload ...`. */
export async function offload(...args: string[]): Promise<Ran> {
  const folder = mkdtempSync(join(tmpdir(), 'lflow-offload-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'answer');
  let said = '';
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said += text;
    return true;
  });
  try {
    const status = await run(['offload', ...args, '-o', file]);
    return { status, said, answer: textOf(file) };
  } finally {
    stderr.mockRestore();
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

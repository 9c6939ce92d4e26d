import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { watchFiles } from '../../cli/watch.ts';

const folder = mkdtempSync(join(tmpdir(), 'lflow-watch-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('a file that is written or replaced has changed, and its neighbours do not matter', async () => {
  const file = join(folder, 'one.yaml');
  writeFileSync(file, 'a');
  const watched = await watchFiles([file]);
  let changes = 0;
  const seen = async () => {
    await watched.changed();
    changes += 1;
  };
  try {
    const first = seen();
    writeFileSync(join(folder, 'other.yaml'), 'b');
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(changes).toBe(0);
    writeFileSync(file, 'c');
    await first;
    const second = seen();
    writeFileSync(join(folder, 'new'), 'd');
    renameSync(join(folder, 'new'), file);
    await second;
    expect(changes).toBe(2);
  } finally {
    watched.close();
  }
});

test('a folder has changed when something in it has', async () => {
  const inner = join(folder, 'vpcs');
  mkdirSync(inner);
  const watched = await watchFiles([inner]);
  try {
    const next = watched.changed();
    writeFileSync(join(inner, 'red.yaml'), 'a');
    await next;
  } finally {
    watched.close();
  }
});

test('what is no file is refused with a sentence', async () => {
  await expect(watchFiles([join(folder, 'nothing')])).rejects.toThrow(
    /nothing cannot be watched: no such file or directory; --watch is for files and folders$/,
  );
});

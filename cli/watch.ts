/** Files that are looked at again whenever they change. */
import { type FSWatcher, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { systemReason, UsageError } from './command.ts';

/** Milliseconds in which nothing may change any more: editors write a file in several steps. */
const quietMs = 150;

export interface Watched {
  /** Resolves with the next change of any of the files; at once if there was one since the last time. */
  changed(): Promise<void>;
  close(): void;
}

/** Watches files, and folders with all that is in them. Rejects with `UsageError` for what is none. */
export async function watchFiles(paths: readonly string[]): Promise<Watched> {
  let isChanged = false;
  let wake = (): void => {};
  let timer: NodeJS.Timeout | undefined;
  const changed = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      isChanged = true;
      wake();
    }, quietMs);
  };
  const watchers: FSWatcher[] = [];
  try {
    for (const path of paths) watchers.push(await watcherOf(path, changed));
  } catch (error) {
    for (const watcher of watchers) watcher.close();
    throw error;
  }
  return {
    async changed() {
      if (!isChanged)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      isChanged = false;
    },
    close() {
      clearTimeout(timer);
      for (const watcher of watchers) watcher.close();
    },
  };
}

async function watcherOf(path: string, changed: () => void): Promise<FSWatcher> {
  try {
    if ((await stat(path)).isDirectory()) return watch(path, { recursive: true }, changed);
    // A file that is replaced is another one: its folder knows.
    return watch(dirname(path), (_, name) => {
      if (name === null || name === basename(path)) changed();
    });
  } catch (error) {
    throw new UsageError(`${path} cannot be watched: ${systemReason(error)}; --watch is for files and folders`);
  }
}

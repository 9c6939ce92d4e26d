/** One line on standard error that says what is going on, where a person is looking and the work is long. */

export interface Progress {
  /** Replaces what is shown. */
  show(text: string): void;
  /** Takes the line away. */
  close(): void;
}

/** Work shorter than this shows nothing. */
const patienceMs = 1000;
const intervalMs = 100;

/** Shows nothing unless standard error is a terminal. */
export function openProgress(stream: NodeJS.WriteStream = process.stderr): Progress {
  if (!stream.isTTY) return { show() {}, close() {} };
  const started = performance.now();
  let shown = started;
  let visible = false;
  return {
    show(text) {
      const now = performance.now();
      if (now - started < patienceMs || now - shown < intervalMs) return;
      shown = now;
      visible = true;
      stream.write(`\r\u001b[K${text.slice(0, Math.max(20, stream.columns - 1))}`);
    },
    close() {
      if (visible) stream.write('\r\u001b[K');
      visible = false;
    },
  };
}

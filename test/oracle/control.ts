/**
 * The control socket of an OVS or OVN daemon (ovs-appctl(8)): JSON-RPC 1.0 on a
 * unix socket.  Questions may be asked before earlier ones are answered; a daemon
 * answers them in their order.
 */
import { createConnection } from 'node:net';

export interface Control {
  /** What `ovs-appctl METHOD PARAMS` prints; rejects with the daemon's words if it refuses, or when it ends. */
  ask(method: string, ...params: string[]): Promise<string>;
  /** Asks so many times in one message, one time or more, and gives the last answer: cheaper than as many `ask`. */
  askTimes(times: number, method: string, ...params: string[]): Promise<string>;
  close(): void;
}

interface Answer {
  result: string | null;
  error: string | null;
}

interface Waiting {
  resolve: (answer: string) => void;
  reject: (error: Error) => void;
  /** How many answers are still to come. */
  left: number;
  refused?: string;
}

/** Connects to the socket at `path`; rejects if nobody listens there. */
export async function connectControl(path: string): Promise<Control> {
  const socket = createConnection(path);
  const waiting: Waiting[] = [];
  const fail = (error: Error): void => {
    for (const each of waiting.splice(0)) each.reject(error);
  };
  const answers = answerReader(({ result, error }) => {
    const first = waiting[0];
    if (first === undefined) return;
    if (error !== null) first.refused ??= error.trim();
    if (--first.left > 0) return;
    waiting.shift();
    if (first.refused !== undefined) first.reject(new Error(first.refused));
    else first.resolve(result ?? '');
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  socket.on('error', fail);
  socket.on('close', () => fail(new Error('the daemon has ended')));
  socket.on('data', (data) => answers(data.toString('utf8')));
  const askTimes = (times: number, method: string, ...params: string[]): Promise<string> =>
    new Promise((resolve, reject) => {
      waiting.push({ resolve, reject, left: times });
      // Questions that are asked at once leave at once.
      socket.cork();
      socket.write(JSON.stringify({ method, params, id: 0 }).repeat(times));
      process.nextTick(() => socket.uncork());
    });
  return {
    ask: (method, ...params) => askTimes(1, method, ...params),
    askTimes,
    close: () => socket.destroy(),
  };
}

/** Cuts a stream of JSON objects into objects; what it is given may end anywhere. */
function answerReader(take: (answer: Answer) => void): (text: string) => void {
  let pending = '';
  let depth = 0;
  let at = 0;
  let isInString = false;
  return (text) => {
    pending += text;
    for (; at < pending.length; at++) {
      const character = pending[at];
      if (isInString) {
        if (character === '\\') at++;
        else if (character === '"') isInString = false;
      } else if (character === '"') isInString = true;
      else if (character === '{') depth++;
      else if (character === '}' && --depth === 0) {
        take(JSON.parse(pending.slice(0, at + 1)) as Answer);
        pending = pending.slice(at + 1);
        at = -1;
      }
    }
  };
}

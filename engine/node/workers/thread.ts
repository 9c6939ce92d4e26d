/** A worker: one chassis of its own in a thread, that does what main says and sleeps meanwhile. */
import { receiveMessageOnPort, workerData } from 'node:worker_threads';
import { createNode, type Node } from '../node.ts';
import {
  type Answer,
  BLOCKED,
  CONTROL_WORDS,
  type Command,
  type Learned,
  OBEYED,
  portNames,
  SENT,
  type Start,
  WAKE,
} from './messages.ts';
import { Ring } from './ring.ts';
import { Steering } from './steering.ts';

/** Bytes of frames that are processed at once: main takes what came of them meanwhile. */
const PORTION = 1 << 16;

const { options, worker, workers, messages, ...shared } = workerData as Start;
const control = new Int32Array(shared.control, 0, CONTROL_WORDS);
const signal = new Int32Array(shared.signal, 0, 1);
const inputs = new Ring(shared.input);
const outputs = new Ring(shared.output);
const steering = new Steering(workers, shared.answers);
const known = new Set<string>();
let names: string[] = [];
let numbers = new Map<string, number>();
let punts = -1n;

function run(): void {
  const node = createNode(options);
  usePorts(node);
  for (;;) {
    const seen = Atomics.load(control, WAKE);
    const isBusy = process(node) || obey(node);
    if (!isBusy) Atomics.wait(control, WAKE, seen);
  }
}

function usePorts(node: Node): void {
  names = portNames(node.ports);
  numbers = new Map(names.map((name, number) => [name, number]));
}

/** Processes the next portion of frames; false if there is none. */
function process(node: Node): boolean {
  const frames = inputs.take(PORTION);
  if (frames.length === 0) return false;
  node.sendAll(
    frames.flatMap(({ port: number, frame }) => {
      const port = names[number];
      return port === undefined ? [] : [{ port, frame }];
    }),
  );
  handOver(node);
  const learned = newlyLearned(node);
  if (learned) say({ learned });
  inputs.free();
  gotOn();
  return true;
}

/** Carries out the next command; false if there is none. */
function obey(node: Node): boolean {
  const command = receiveMessageOnPort(messages)?.message as Command | undefined;
  if (!command) return false;
  const answer = carryOut(node, command);
  handOver(node);
  const learned = newlyLearned(node);
  say({ ...answer, ...(learned && { learned }) });
  Atomics.add(control, OBEYED, 1);
  gotOn();
  return true;
}

function say(answer: Answer): void {
  messages.postMessage(answer);
  Atomics.add(control, SENT, 1);
}

/** Wakes main, which may wait for this. */
function gotOn(): void {
  Atomics.add(signal, 0, 1);
  Atomics.notify(signal, 0);
}

function carryOut(node: Node, command: Command): Answer {
  switch (command.type) {
    case 'start':
      return { ports: node.ports, problems: node.problems };
    case 'advance':
      node.advance(command.milliseconds);
      return {};
    case 'update':
      node.update(command.southbound, command.placement);
      usePorts(node);
      return { ports: node.ports, problems: node.problems };
    case 'learn':
      note(command.learned);
      node.learn(command.learned);
      return {};
    case 'forget':
      node.forgetConnections();
      return {};
    case 'stats':
      return { stats: node.stats() };
  }
}

/** Hands over what ports were sent, and waits for room where there is none. */
function handOver(node: Node): void {
  for (const { port, frame, queue = 0 } of node.received()) {
    const number = numbers.get(port);
    if (number === undefined) continue;
    // Where answers belong must be known before anybody can answer.
    steering.sent(frame, worker);
    while (!outputs.push(number, frame, queue)) waitForRoom(frame.length);
  }
  outputs.publish();
}

function waitForRoom(length: number): void {
  if (!outputs.holds(length)) throw new Error(`a frame of ${length} bytes does not fit in the memory between threads`);
  outputs.publish();
  const seen = Atomics.load(control, WAKE);
  Atomics.store(control, BLOCKED, 1);
  gotOn();
  Atomics.wait(control, WAKE, seen);
  Atomics.store(control, BLOCKED, 0);
}

/** What this worker learned that others do not know; only what the host was asked can teach anything. */
function newlyLearned(node: Node): Learned | undefined {
  const now = node.plane.cacheCounters().punts;
  if (now === punts) return undefined;
  punts = now;
  const { macBindings, fdb, activated = [] } = node.learned();
  const news = {
    macBindings: macBindings.filter((each) => !known.has(keyOf(each))),
    fdb: fdb.filter((each) => !known.has(keyOf(each))),
    activated: activated.filter((each) => !known.has(keyOf(each))),
  };
  note(news);
  return news.macBindings.length + news.fdb.length + news.activated.length > 0 ? news : undefined;
}

function note({ macBindings, fdb, activated = [] }: Learned): void {
  for (const each of [...macBindings, ...fdb, ...activated]) known.add(keyOf(each));
}

type Row = Learned['macBindings'][number] | Learned['fdb'][number] | NonNullable<Learned['activated']>[number];

/** Of what is known at a place: who learned it, and when, does not matter. */
function keyOf(row: Row): string {
  if ('chassis' in row) return `${row.logicalPort} ${row.chassis}`;
  return 'ip' in row ? `${row.logicalPort} ${row.ip} ${row.mac}` : `${row.datapathKey} ${row.mac} ${row.portKey}`;
}

try {
  run();
} catch (error) {
  say({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  gotOn();
}

/** A worker: one chassis of its own in a thread, that does what main says and sleeps meanwhile. */
import { receiveMessageOnPort, workerData } from 'node:worker_threads';
import { createNode, type Node } from '../node.ts';
import { Batch, COMMAND, CONTROL_WORDS, COUNT, FAILED, FRAMES, GO_ON, IDLE, MORE, STATE } from './batch.ts';
import { type Answer, type Command, type Learned, portNames, type Start } from './messages.ts';

const { options, control: shared, input, output, messages } = workerData as Start;
const control = new Int32Array(shared, 0, CONTROL_WORDS);
const inputs = new Batch(input);
const outputs = new Batch(output);
const known = new Set<string>();
let names: string[] = [];
let numbers = new Map<string, number>();
let punts = -1n;

function run(): void {
  const node = createNode(options);
  usePorts(node);
  for (;;) {
    const state = Atomics.load(control, STATE);
    if (state === FRAMES) process(node);
    else if (state === COMMAND) obey(node);
    else Atomics.wait(control, STATE, state);
  }
}

function usePorts(node: Node): void {
  names = portNames(node.ports);
  numbers = new Map(names.map((name, number) => [name, number]));
}

/** Frames of one port after the other are one batch of the plane's. */
function process(node: Node): void {
  let frames: Uint8Array[] = [];
  let from = -1;
  const flush = () => {
    const name = names[from];
    if (name !== undefined && frames.length > 0) node.send(name, frames);
    frames = [];
  };
  for (const { port, frame } of inputs.read(Atomics.load(control, COUNT))) {
    if (port !== from) flush();
    from = port;
    frames.push(frame);
  }
  flush();
  const learned = newlyLearned(node);
  if (learned) messages.postMessage({ learned } satisfies Answer);
  done(node);
}

function obey(node: Node): void {
  const command = receiveMessageOnPort(messages)?.message as Command;
  const answer = carryOut(node, command);
  const learned = newlyLearned(node);
  messages.postMessage({ ...answer, ...(learned && { learned }) });
  done(node);
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

/** Hands over what ports were sent, in portions if it is too much. */
function done(node: Node): void {
  outputs.clear();
  for (const { port, frame } of node.received()) {
    const number = numbers.get(port);
    if (number === undefined || outputs.push(number, frame)) continue;
    handOver(MORE);
    for (let state = MORE; state !== GO_ON; state = Atomics.load(control, STATE)) Atomics.wait(control, STATE, MORE);
    outputs.clear();
    outputs.push(number, frame);
  }
  handOver(IDLE);
}

function handOver(state: number): void {
  Atomics.store(control, COUNT, outputs.count);
  Atomics.store(control, STATE, state);
  Atomics.notify(control, STATE);
}

/** What this worker learned that others do not know; only what the host was asked can teach anything. */
function newlyLearned(node: Node): Learned | undefined {
  const now = node.plane.cacheCounters().punts;
  if (now === punts) return undefined;
  punts = now;
  const { macBindings, fdb } = node.learned();
  const news = {
    macBindings: macBindings.filter((each) => !known.has(keyOf(each))),
    fdb: fdb.filter((each) => !known.has(keyOf(each))),
  };
  note(news);
  return news.macBindings.length + news.fdb.length > 0 ? news : undefined;
}

function note({ macBindings, fdb }: Learned): void {
  for (const each of [...macBindings, ...fdb]) known.add(keyOf(each));
}

/** Of what is known at a place: who learned it, and when, does not matter. */
function keyOf(row: Learned['macBindings'][number] | Learned['fdb'][number]): string {
  return 'ip' in row ? `${row.logicalPort} ${row.ip} ${row.mac}` : `${row.datapathKey} ${row.mac} ${row.portKey}`;
}

try {
  run();
} catch (error) {
  messages.postMessage({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  handOver(FAILED);
}

/** `lflow bench`: packets a second through the data plane of a node. */
import { Command } from 'commander';
import { createNode, type Node } from '../../engine/node/index.ts';
import { type ChassisTopology, loadChassis } from '../chassis.ts';
import { emit, formatOption, type OutputOptions, outputOption, UsageError } from '../command.ts';
import { nodesOption } from '../input.ts';
import { portCaptures, portOption, readFrames } from '../traffic/captures.ts';
import { type Conversation, establish } from '../traffic/conversations.ts';
import { type BenchResult, measureLoad, type Stream } from '../traffic/load.ts';
import { plotSvg, tickText } from '../traffic/plot.ts';
import { tableText } from '../traffic/table.ts';

const explanation = `
Without --port the traffic is the network's own: conversations between any two interfaces of the node that
may talk, and from each of them to the world outside.  With it, the captures' frames come in over and over.
One core does all the work; what others do on it at the same time makes the result smaller.`;

interface Options extends OutputOptions {
  node?: string;
  nodes?: number;
  port?: string[];
  seconds: number;
  format: 'text' | 'json' | 'svg';
}

export default function define(): Command {
  return new Command('bench')
    .description('Measures the data plane of a node: packets a second, latency, new connections, the cost of a miss.')
    .argument('<input...>', 'YAML files, folders of them, an OVSDB file, or - for standard input')
    .option('--node <NODE>', 'the node (chassis) whose data plane it is; may be left out if there is only one')
    .addOption(portOption())
    .option('--seconds <S>', 'how long packets are counted; the rest takes as long again', parseSeconds, 3)
    .addOption(nodesOption())
    .addOption(formatOption(['text', 'json', 'svg']))
    .addOption(outputOption())
    .addHelpText('after', explanation)
    .action(async (inputs: string[], options: Options) => {
      await emit(await bench(inputs, options), options);
    });
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (!(seconds > 0 && seconds <= 3600)) {
    throw new UsageError(`--seconds ${text}: give a number of seconds above 0, up to 3600`);
  }
  return seconds;
}

/** What the load was made of. */
interface Traffic {
  streams: Stream[];
  /** Different frames. */
  frames: number;
  conversations?: { local: number; outside: number };
}

async function bench(inputs: string[], options: Options): Promise<string> {
  const topology = await loadChassis(inputs, options);
  const { southbound, placement, chassis } = topology;
  const node = createNode({ southbound, placement, chassis, plane: { connections: 1 << 18, entries: 1 << 17 } });
  for (const problem of node.problems) process.stderr.write(`${problem}\n`);
  const traffic = options.port ? await captured(node, chassis, options.port) : conversing(node, topology);
  const result = measureLoad(node, traffic.streams, options.seconds);
  const { frames, conversations } = traffic;
  const about = { node: chassis, frames, ...(conversations && { conversations }) };
  if (options.format === 'json') return `${JSON.stringify({ ...about, ...result }, null, 2)}\n`;
  return options.format === 'svg' ? svgOf(chassis, result) : textOf(chassis, traffic, result);
}

async function captured(node: Node, chassis: string, values: readonly string[]): Promise<Traffic> {
  const names = node.ports.filter(({ kind }) => kind !== 'tunnel').map(({ name }) => name);
  const streams: Stream[] = [];
  for (const { port, file } of portCaptures(values, names, chassis)) {
    const frames = await readFrames(file, (sentence) => process.stderr.write(`${sentence}\n`));
    if (frames.length === 0) throw new UsageError(`${file} has no frames to bench with`);
    streams.push({ port, frames: frames.map(({ bytes }) => bytes) });
  }
  return { streams, frames: streams.reduce((sum, { frames }) => sum + frames.length, 0) };
}

function conversing(node: Node, { southbound, chassis }: ChassisTopology): Traffic {
  const conversations = establish(node, southbound);
  if (conversations.length === 0) {
    throw new UsageError(
      `on node "${chassis}" there are no interfaces with an IPv4 address that may talk to anybody; give captures with --port`,
    );
  }
  const count = (kind: Conversation['kind']) => conversations.filter((each) => each.kind === kind).length;
  return {
    streams: streamsOf(conversations),
    frames: 2 * conversations.length,
    conversations: { local: count('local'), outside: count('outside') },
  };
}

/** What both ends of all conversations send, by the port that it comes in by. */
function streamsOf(conversations: readonly Conversation[]): Stream[] {
  const byPort = new Map<string, Uint8Array[]>();
  for (const { port, frame } of conversations.flatMap(({ opener, answer }) => [opener, answer])) {
    const frames = byPort.get(port);
    if (frames) frames.push(frame);
    else byPort.set(port, [frame]);
  }
  return [...byPort].map(([port, frames]) => ({ port, frames }));
}

const nanoseconds = (value: number): string =>
  value >= 1e6
    ? `${(value / 1e6).toFixed(2)} ms`
    : value >= 1e4
      ? `${(value / 1e3).toFixed(1)} us`
      : `${value.toFixed(0)} ns`;

function textOf(chassis: string, { frames, conversations }: Traffic, result: BenchResult): string {
  const { mpps, packets, seconds, cyclesPerPacket, latency, connectionsPerSecond, missCost } = result;
  const what = conversations
    ? `${conversations.local} conversations between interfaces, ${conversations.outside} with the world outside`
    : `${frames} frames of captures`;
  const rows = [
    ['packets', `${tickText(packets)} in ${seconds.toFixed(2)} s`],
    ['speed', `${mpps.toFixed(3)} Mpps`],
    ...(cyclesPerPacket === undefined ? [] : [['cycles', `${cyclesPerPacket.toFixed(0)} a packet`]]),
    [
      `batch of ${latency.batch}`,
      `${nanoseconds(latency.p50)} at the median, 90% ${nanoseconds(latency.p90)}, 99% ${nanoseconds(latency.p99)}, 99.9% ${nanoseconds(latency.p999)}, most ${nanoseconds(latency.max)}`,
    ],
    [
      'new connections',
      connectionsPerSecond === undefined ? 'none are tracked' : `${tickText(connectionsPerSecond)} a second`,
    ],
    ['a miss', nanoseconds(missCost)],
    ['delivered', `${((100 * result.delivered) / packets).toFixed(1)}%`],
    ['dropped', `${((100 * result.dropped) / packets).toFixed(1)}%`],
    ['by connection', share(result.caches.connections, packets)],
    ['by megaflow', share(result.caches.megaflows, packets)],
    ['misses', share(result.caches.misses, packets)],
  ];
  const flows = result.byFrames.map((each) => [String(each.frames), each.mpps.toFixed(3)]);
  return `Node ${chassis}: ${what}\n\n${tableText(rows, [0, 1])}\n${tableText([['frames', 'Mpps'], ...flows], [])}`;
}

const share = (count: number, packets: number): string => `${(count / packets).toFixed(3)} for each packet`;

function svgOf(chassis: string, { mpps, latency, byFrames }: BenchResult): string {
  const { p50, p90, p99, p999 } = latency;
  return plotSvg(`${chassis}: ${mpps.toFixed(2)} Mpps`, [
    {
      title: 'Speed by the number of different frames',
      x: { title: 'frames', scale: 'log' },
      y: { title: 'Mpps', scale: 'linear' },
      points: byFrames.map(({ frames, mpps: speed }) => ({ x: frames, y: speed })),
    },
    {
      title: `Time for a batch of ${latency.batch}`,
      x: { title: 'one batch of so many takes longer', scale: 'log' },
      y: { title: 'microseconds', scale: 'log' },
      points: [
        { x: 2, y: p50 / 1000 },
        { x: 10, y: p90 / 1000 },
        { x: 100, y: p99 / 1000 },
        { x: 1000, y: p999 / 1000 },
      ],
    },
  ]);
}

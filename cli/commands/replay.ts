/** `lflow replay`: captures in by the ports of a chassis, captures out of them. */
import { Command } from 'commander';
import type { CapturedFrame } from '../../engine/capture/index.ts';
import { createNode, type Node } from '../../engine/node/index.ts';
import { type ChassisTopology, loadChassis } from '../chassis.ts';
import { emit, formatOption, type OutputOptions, outputOption, UsageError } from '../command.ts';
import { nodesOption } from '../input.ts';
import { openProgress } from '../progress.ts';
import { CaptureFolder } from '../traffic/capture-folder.ts';
import { mergedArrivals, portCaptures, portOption } from '../traffic/captures.ts';
import { type Statistics, statisticsOf, statisticsText } from '../traffic/statistics.ts';
import { tableText } from '../traffic/table.ts';

const explanation = `
Frames come in by their ports in the order of their time stamps, which are the time on the node.
DIR/LPORT.pcap has what a port was sent; in the name, all but letters, digits and -._~ is written as %XX.
A localnet port's capture is what the physical network sends and is sent.`;

interface Options extends OutputOptions {
  node?: string;
  nodes?: number;
  port: string[];
  out: string;
  stats?: boolean;
  format: 'text' | 'json';
}

export default function define(): Command {
  return new Command('replay')
    .description('Runs captures through the data plane of a node, and writes what each of its ports was sent.')
    .argument('<input...>', 'YAML files, folders of them, an OVSDB file, or - for standard input')
    .option('--node <NODE>', 'the node (chassis) whose data plane it is; may be left out if there is only one')
    .addOption(portOption().makeOptionMandatory())
    .requiredOption('--out <DIR>', 'the folder that captures are written to; made if it is not there')
    .option('--stats', 'tell which flows met how many packets, what asked for them, and what was dropped')
    .addOption(nodesOption())
    .addOption(formatOption(['text', 'json']))
    .addOption(outputOption())
    .addHelpText('after', explanation)
    .action(async (inputs: string[], options: Options) => {
      await emit(await replay(inputs, options), options);
    });
}

async function replay(inputs: string[], options: Options): Promise<string> {
  const topology = await loadChassis(inputs, options);
  const { southbound, northbound, placement, chassis } = topology;
  const node = createNode({ southbound, placement, chassis });
  for (const problem of node.problems) process.stderr.write(`${problem}\n`);
  const names = node.ports.filter(({ kind }) => kind !== 'tunnel').map(({ name }) => name);
  const captures = portCaptures(options.port, names, chassis);
  const folder = new CaptureFolder(options.out);
  folder.refuse(
    captures.map(({ file }) => file),
    names,
  );
  const run = new Run(node, folder);
  try {
    await run.play(mergedArrivals(captures, (sentence) => process.stderr.write(`${sentence}\n`)));
    await folder.finish(names);
  } finally {
    await folder.abandon();
  }
  const statistics = options.stats ? statisticsOf(node.stats(), southbound, northbound) : undefined;
  const report = run.report(topology);
  return options.format === 'json' ? jsonOf(report, statistics) : textOf(report, statistics);
}

interface Report {
  node: string;
  frames: { in: number; out: number };
  ports: { port: string; in: number; out: number; file?: string }[];
}

/** Nanoseconds. */
const millisecond = 1_000_000n;
/** The longest time that passes at once, so that what the node does by itself is written with its time. */
const longestStep = 100;
/** In so many steps the longest pause is over. */
const mostSteps = 10_000;

/** Frames in, frames out. */
class Run {
  private readonly node: Node;
  private readonly folder: CaptureFolder;
  private readonly counts = new Map<string, { in: number; out: number }>();
  private frames = 0;
  private cut = 0;
  /** Time stamp of the node's beginning, and milliseconds since. */
  private begin = 0n;
  private elapsed = 0;

  constructor(node: Node, folder: CaptureFolder) {
    this.node = node;
    this.folder = folder;
  }

  async play(arrivals: AsyncIterable<{ port: string; frame: CapturedFrame }>): Promise<void> {
    const progress = openProgress();
    try {
      for await (const { port, frame } of arrivals) {
        if (this.frames === 0) this.begin = frame.timestamp;
        this.pass(frame.timestamp);
        if (frame.originalLength > frame.bytes.length) this.cut += 1;
        this.frames += 1;
        this.countOf(port).in += 1;
        this.node.send(port, frame.bytes);
        this.collect(frame.timestamp);
        if (this.frames % 1024 === 0) progress.show(`${this.frames} frames`);
        await this.folder.relieve();
      }
    } finally {
      progress.close();
    }
    if (this.frames === 0) process.stderr.write('note: the captures have no frames\n');
    if (this.cut > 0) {
      const were = this.cut === 1 ? '1 frame was' : `${this.cut} frames were`;
      process.stderr.write(`note: ${were} cut off when captured, and went in without the rest\n`);
    }
  }

  report({ chassis }: ChassisTopology): Report {
    const ports = [...this.counts].sort(([a], [b]) => (a < b ? -1 : 1));
    return {
      node: chassis,
      frames: { in: this.frames, out: ports.reduce((sum, [, { out }]) => sum + out, 0) },
      ports: ports.map(([port, counts]) => ({
        port,
        ...counts,
        ...(counts.out > 0 && { file: this.folder.pathOf(port) }),
      })),
    };
  }

  /** Has the node's clock reach a time stamp; it never goes back. */
  private pass(timestamp: bigint): void {
    const until = Number((timestamp - this.begin) / millisecond);
    const step = Math.max(longestStep, Math.ceil((until - this.elapsed) / mostSteps));
    while (this.elapsed < until) {
      const passed = Math.min(step, until - this.elapsed);
      this.elapsed += passed;
      this.node.advance(passed);
      this.collect(this.begin + BigInt(this.elapsed) * millisecond);
    }
  }

  private collect(timestamp: bigint): void {
    for (const { port, frame } of this.node.received()) {
      this.countOf(port).out += 1;
      try {
        this.folder.add(port, { bytes: frame, timestamp });
      } catch (error) {
        if (error instanceof RangeError) throw new UsageError(`what ${port} was sent cannot be kept: ${error.message}`);
        throw error;
      }
    }
  }

  private countOf(port: string): { in: number; out: number } {
    const known = this.counts.get(port);
    if (known) return known;
    const fresh = { in: 0, out: 0 };
    this.counts.set(port, fresh);
    return fresh;
  }
}

function jsonOf(report: Report, statistics: Statistics | undefined): string {
  return `${JSON.stringify({ ...report, ...statistics }, null, 2)}\n`;
}

function textOf({ node, frames, ports }: Report, statistics: Statistics | undefined): string {
  const rows = ports.map(({ port, in: received, out, file }) => [port, String(received), String(out), file ?? '-']);
  const head = `Node ${node}: ${frames.in} frames in, ${frames.out} out.\n\n`;
  const table = rows.length === 0 ? '' : tableText([['port', 'in', 'out', 'file'], ...rows], [0, 3]);
  return `${head}${table}${statistics ? `\n${statisticsText(statistics).trimEnd()}\n` : ''}`;
}

/** What the benchmarks share: options, statistics, tables. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Size, usualSize } from './topology.ts';

export interface Options extends Size {
  /** How often each thing is measured. */
  runs: number;
  /** One of the benchmark's own parts, in a process of its own. */
  part?: string;
}

/** Reads `--vpcs N --networks N --nodes N --interfaces N --runs N`; sizes that are not given are as `usual`. */
export function readOptions(runs: number, usual: Size = usualSize): Options {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: { vpcs: text, networks: text, nodes: text, interfaces: text, runs: text, part: text },
  });
  const number = (name: keyof Size | 'runs', otherwise: number): number => {
    const given = values[name];
    if (given === undefined) return otherwise;
    if (!/^[1-9]\d*$/.test(given)) throw new Error(`--${name} ${given}: give a number of 1 or more`);
    return Number(given);
  };
  return {
    vpcs: number('vpcs', usual.vpcs),
    networks: number('networks', usual.networks),
    nodes: number('nodes', usual.nodes),
    interfaces: number('interfaces', usual.interfaces),
    runs: number('runs', runs),
    ...(values.part !== undefined && { part: values.part }),
  };
}

/** The options as arguments again, for a process of the benchmark's own. */
export function argumentsOf({ vpcs, networks, nodes, interfaces, runs }: Options, part: string): string[] {
  const values = Object.entries({ vpcs, networks, nodes, interfaces, runs, part });
  return values.flatMap(([name, value]) => [`--${name}`, String(value)]);
}

export function sizeText({ vpcs, networks, nodes, interfaces }: Size): string {
  const ports = vpcs * networks * nodes * interfaces;
  return `${vpcs} VPCs, ${vpcs * networks} networks, ${vpcs * nodes} nodes, ${ports} ports`;
}

/** Milliseconds that `work` takes. */
export function timed(work: () => unknown): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

/** Milliseconds that `work` takes until its promise is resolved. */
export async function timedAsync(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** A figure of /proc/PID/status in MB, e.g. `VmHWM`, the most memory that the process ever had. */
export function processMegabytes(pid: number | 'self', figure: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${figure}:\\s*(\\d+) kB$`, 'm').exec(status)?.[1]) / 1024;
}

/** Milliseconds of CPU that a process has used, in steps of 10: proc(5), `utime` and `stime`. */
export function processCpu(pid: number): number {
  // The program's name stands in brackets and may hold anything.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** Rows of cells as lines, in columns. */
export function tableText(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join('  ');
  return rows.map((row) => `${line(row).trimEnd()}\n`).join('');
}

/** `12.3 ms`, `1.23 s`. */
export function duration(milliseconds: number): string {
  if (milliseconds >= 1000) return `${(milliseconds / 1000).toFixed(2)} s`;
  return milliseconds >= 10 ? `${milliseconds.toFixed(0)} ms` : `${milliseconds.toFixed(2)} ms`;
}

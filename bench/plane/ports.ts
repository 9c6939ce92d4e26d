/** How fast lflow is with many ports in its program: the same thousand flows, beside more and more that is not asked for. */

import { plotSvg } from '../../cli/traffic/plot.ts';
import { median, processMegabytes } from '../measure.ts';
import { eastWestBeside } from '../peer/scenarios.ts';
import { measurePlane } from './run.ts';

const chassis = 'here';
const flows = 1000;

/** What was measured with so many ports. */
export interface PortsPoint {
  readonly ports: number;
  /** Millions of packets a second: of all runs, of the time that the core was ours, and of the best run. */
  readonly mpps: number;
  readonly ofCoreTime: number;
  readonly best: number;
  /** Seconds of CPU from the manifests to the first packet. */
  readonly seconds: number;
  /** Memory of the process by then. */
  readonly megabytes: number;
}

/** Measures with 10 ports, 100, ... up to `most`. */
export function measurePorts(most: number, effort: { seconds: number; runs: number }): PortsPoint[] {
  const points: PortsPoint[] = [];
  for (let ports = 10; ports <= most; ports *= 10) {
    const begin = process.cpuUsage();
    const loaded = { seconds: 0, megabytes: 0 };
    const measured = measurePlane(eastWestBeside(flows, chassis, ports), chassis, effort, () => {
      const { user, system } = process.cpuUsage(begin);
      loaded.seconds = (user + system) / 1e6;
      loaded.megabytes = processMegabytes('self', 'VmRSS');
    });
    const ofCoreTime = measured.map(({ packets, coreSeconds }) => packets / coreSeconds / 1e6);
    const point = {
      ports,
      mpps: median(measured.map(({ mpps }) => mpps)),
      ofCoreTime: median(ofCoreTime),
      best: Math.max(...ofCoreTime),
      ...loaded,
    };
    points.push(point);
    process.stderr.write(`${rowOf(point).join('  ')}\n`);
  }
  return points;
}

const rowOf = ({ ports, mpps, ofCoreTime, best, seconds, megabytes }: PortsPoint): string[] => [
  String(ports),
  ...[mpps, ofCoreTime, best].map((speed) => speed.toFixed(1)),
  ...[seconds.toFixed(1), megabytes.toFixed(0)],
];

/** The points as rows of a table. */
export function portsTable(points: readonly PortsPoint[]): string[][] {
  return [['ports', 'Mpps', 'of core time', 'best run', 'CPU until the first packet, s', 'MB'], ...points.map(rowOf)];
}

/** The points as a picture. */
export function portsSvg(points: readonly PortsPoint[]): string {
  const x = { title: 'ports in the program', scale: 'log' } as const;
  const panel = (title: string, unit: string, scale: 'linear' | 'log', figure: (point: PortsPoint) => number) => ({
    title,
    x,
    y: { title: unit, scale },
    points: points.map((point) => ({ x: point.ports, y: figure(point) })),
  });
  return plotSvg(`${flows} flows east-west, beside ports that nothing is sent to`, [
    panel('speed', 'millions of packets a second, best run', 'linear', ({ best }) => best),
    panel('from manifests to the first packet', 'seconds of CPU', 'log', ({ seconds }) => seconds),
  ]);
}

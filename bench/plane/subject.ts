/**
 * lflow's packet plane as the benchmarks use it: one chassis with the program of
 * a northbound database, its ports, and what it knows of neighbours.
 *
 *     const subject = new Subject(northbound, { chassis: 'peer', neighbours });
 *     subject.feed([{ port: 'lport', frames }]);       // they come in for ever
 *     subject.send(1_000_000);                         // so many of them, from where it stopped
 */
import { LEARNED_NEIGHBOR } from '../../asm/plane/image.ts';
import type { WrittenFrame } from '../../engine/capture/index.ts';
import { Plane, type PlaneOptions } from '../../engine/node/plane.ts';
import { computeSouthbound } from '../../engine/northd/index.ts';
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import { type Program, ProgramBuilder, placementOf, portsHere } from '../../engine/program/index.ts';
import { otherChassis } from '../peer/scenarios.ts';

export interface Neighbour {
  logicalPort: string;
  /** IPv4. */
  ip: string;
  mac: string;
}

export interface SubjectOptions extends PlaneOptions {
  chassis: string;
  neighbours: readonly Neighbour[];
}

/** Frames in a batch: as many as OVS takes at once. */
export const batchSize = 32;

export class Subject {
  readonly plane: Plane;
  readonly program: Program;
  /** Physical ports by name. */
  readonly ports: ReadonlyMap<string, number>;
  private readonly exports: Plane['exports'];
  private readonly begin = performance.now();

  constructor(northbound: Northbound, { chassis, neighbours, ...options }: SubjectOptions) {
    const { southbound } = computeSouthbound(northbound);
    const placement = placementOf(northbound);
    this.ports = new Map(portsHere(southbound, chassis, placement).map((name, index) => [name, index]));
    const tunnel = { number: 0, port: this.ports.size, type: 'geneve' } as const;
    const tunnels = new Map([[otherChassis, tunnel]]);
    this.program = new ProgramBuilder().build({ southbound, placement, chassis, ports: this.ports, tunnels });
    if (this.program.problems.length > 0) throw new Error(this.program.problems.join('\n'));
    this.plane = new Plane({ ports: Math.max(this.ports.size + 1, 64), ...options });
    this.exports = this.plane.exports;
    this.plane.load(this.program.image, undefined, this.program.thresholds);
    for (const port of this.ports.values()) this.plane.addPort(port);
    for (const neighbour of neighbours) this.learn(neighbour);
  }

  /** Puts in a row of MAC_Binding; throws if there is no such port. */
  private learn({ logicalPort, ip, mac }: Neighbour): void {
    for (const { number, view } of this.program.datapaths) {
      const port = view.ports.find(({ binding }) => binding.logicalPort === logicalPort);
      if (!port) continue;
      this.exports.learnedKey(LEARNED_NEIGHBOR, number, 0, port.binding.tunnelKey, 0n, addressNumber(ip), 4n, 0n);
      this.exports.learn(BigInt(`0x${mac.replaceAll(':', '')}`), 0n, 0, 0);
      return;
    }
    throw new Error(`there is no port ${logicalPort} on this chassis`);
  }

  /** Number of a port's; throws if it has none. */
  portOf(name: string): number {
    const port = this.ports.get(name);
    if (port === undefined) throw new Error(`${name} is not on this chassis`);
    return port;
  }

  /** Replaces what comes in: the frames of each input in turn, over and over. */
  feed(inputs: readonly { port: string; frames: readonly WrittenFrame[] }[]): void {
    this.exports.clearCaptures();
    for (const { port, frames } of inputs) {
      this.plane.addCapture(
        this.portOf(port),
        frames.map(({ bytes }) => bytes),
      );
    }
  }

  /** Takes in about so many frames, a whole number of batches; gives how many. */
  send(frames: number): number {
    const batches = Math.ceil(frames / batchSize);
    return this.exports.replay(batches, batchSize, Math.round(performance.now() - this.begin));
  }

  /** Forgets all tracked connections. */
  forgetConnections(): void {
    this.exports.ctFlush(-1);
  }

  /** Forgets all megaflows. */
  forgetMegaflows(): void {
    this.exports.invalidateAll();
  }

  connections(): number {
    return this.exports.ctCount(-1);
  }

  /** Packets sent to a port so far. */
  sentTo(name: string): number {
    return Number(this.plane.portCounters(this.portOf(name)).packetsOut);
  }
}

function addressNumber(ip: string): bigint {
  return ip.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n);
}

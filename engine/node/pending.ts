/**
 * Packets that wait for a neighbour's MAC address (controller/pinctrl.c,
 * `pinctrl_handle_buffered_packets`): the last three to each, for ten seconds.
 */
import { B_ETH_TYPE, W_ETH_DST } from '../../asm/plane/layout.ts';
import { type Asked, type Chassis, portByKey, type Timed } from './chassis.ts';
import { outportOf, wordOf } from './flow.ts';
import type { Address } from './learned.ts';

/** How many packets wait for one neighbour, and for how many of these. */
const MAX_PACKETS = 3;
const MAX_NEIGHBORS = 1000;
const PATIENCE = 10_000;

interface Waiting {
  readonly packets: Asked[];
  until: number;
}

export class PendingPackets implements Timed {
  private readonly chassis: Chassis;
  private readonly byNeighbor = new Map<string, Waiting>();

  constructor(chassis: Chassis) {
    this.chassis = chassis;
  }

  /** Keeps a packet until the neighbour with that address on the packet's outport is known. */
  keep(asked: Asked, address: Address): void {
    const port = this.outport(asked);
    if (port === undefined) return;
    const key = keyOf(port, address);
    const waiting = this.byNeighbor.get(key) ?? { packets: [], until: 0 };
    if (waiting.packets.length === 0 && this.byNeighbor.size >= MAX_NEIGHBORS) return;
    this.byNeighbor.set(key, waiting);
    waiting.until = this.chassis.now + PATIENCE;
    waiting.packets.push(asked);
    if (waiting.packets.length > MAX_PACKETS) waiting.packets.shift();
  }

  /** A neighbour on a router's port is known now: what waited for it leaves. */
  found(logicalPort: string, address: Address, mac: bigint): void {
    const key = keyOf(logicalPort, address);
    const waiting = this.byNeighbor.get(key);
    if (!waiting) return;
    this.byNeighbor.delete(key);
    for (const asked of waiting.packets) {
      const frame = asked.frame.slice();
      for (let i = 0; i < 6; i++) frame[i] = Number((mac >> BigInt(40 - 8 * i)) & 0xffn);
      const high = wordOf(asked.flow, W_ETH_DST) >> BigInt(B_ETH_TYPE);
      asked.flow[W_ETH_DST] = (high << BigInt(B_ETH_TYPE)) | mac;
      this.chassis.output(asked, frame);
    }
  }

  due(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...[...this.byNeighbor.values()].map(({ until }) => until));
  }

  run(): void {
    for (const [key, { until }] of this.byNeighbor) if (until <= this.chassis.now) this.byNeighbor.delete(key);
  }

  /** The port whose neighbours answer: a distributed port stands for the one that redirects to it. */
  private outport({ flow, datapath }: Asked): string | undefined {
    const port = portByKey(datapath, outportOf(flow));
    return port && (port.options['distributed-port'] ?? port.logicalPort);
  }
}

const keyOf = (port: string, { family, value }: Address): string => `${family} ${value} ${port}`;

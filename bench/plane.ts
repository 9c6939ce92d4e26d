/**
 * The packet plane by itself, with megaflows written by hand: what a packet
 * costs from its arrival to its output, without translations.
 *
 *     node build/bench/bench/plane.js [--seconds S]
 *
 * Frames are copied from memory into slots, as a receive ring would put them
 * there; outputs are counted and dropped.  Times are of the processor, so that
 * other work on the machine disturbs them less.
 */
import { cpuUsage } from 'node:process';
import { parseArgs } from 'node:util';
import * as layout from '../asm/plane/layout.ts';
import { withChecksums } from '../engine/frame.ts';
import { Plane } from '../engine/node/plane.ts';
import { tableText } from './measure.ts';

class HandMade extends Plane {
  private readonly scratch = this.reserve(65536);

  /** A megaflow for packets like `frame`; `state`: W_CT, which is matched as far as it says something. */
  install(frame: Uint8Array, port: number, recirc: number, state: number, program: readonly number[]): void {
    const [packet, flow, mask, code, at] = [0, 64, 512, 1024, 4096].map((offset) => this.scratch + offset) as [
      number,
      number,
      number,
      number,
      number,
    ];
    this.memory().set(frame, at);
    const view = this.data();
    view.setUint32(packet + layout.P_FRAME, at, true);
    view.setUint32(packet + layout.P_LENGTH, frame.length, true);
    view.setUint32(packet + layout.P_IN_PORT, port, true);
    this.exports.extract(packet, flow);
    view.setUint32(flow + 8 * layout.W_IN + 4, recirc, true);
    view.setBigUint64(flow + 8 * layout.W_CT, BigInt(state), true);
    // What a router looks at: type, addresses of Ethernet, destination, TTL, protocol.
    const all = (1n << 64n) - 1n;
    const words: Record<number, bigint> = { [layout.W_ETH_DST]: all, [layout.W_L4]: 0x0300ffffn, [layout.W_CT]: 0xffn };
    for (let i = 0; i < layout.KEY_WORDS; i++) view.setBigUint64(mask + 8 * i, words[i] ?? 0n, true);
    for (const [i, word] of program.entries()) view.setUint32(code + 4 * i, word, true);
    if (!this.exports.installMegaflow(flow, mask, code, program.length, 0n, 0n, code, 0)) throw new Error('no room');
  }

  /** Nanoseconds of the processor that a frame takes. */
  measure(seconds: number): number {
    this.exports.replay(4000, 32, 10);
    const start = cpuUsage();
    let frames = 0;
    let used = 0;
    while (used < seconds * 1e6) {
      frames += this.exports.replay(4000, 32, 10);
      const { user, system } = cpuUsage(start);
      used = user + system;
    }
    return (used * 1000) / frames;
  }
}

const set = (word: number, value: bigint, mask: bigint) => [
  layout.DP_SET | (5 << 8) | (word << 16),
  ...[value, mask].flatMap((wide) => [Number(wide & 0xffffffffn), Number(wide >> 32n)]),
];
const rewrite = [
  ...set(layout.W_ETH_DST, 0x020000000002n, 0xffffffffffffn),
  ...set(layout.W_ETH_SRC, 0x0200000000fen, 0xffffffffffffn),
  ...set(layout.W_L4, 63n << 8n, 0xff00n),
];
const output = (port: number) => [layout.DP_OUTPUT | (2 << 8), port];
const recirc = (id: number) => [layout.DP_RECIRC | (2 << 8), id];

function track(zone: number, flags: number, address = [0, 0, 0, 0]): number[] {
  const words = Array.from({ length: layout.DP_CT_WORDS }, () => 0);
  words[0] = layout.DP_CT | (layout.DP_CT_WORDS << 8) | (zone << 16);
  words[1] = flags;
  words[12] = new DataView(Uint8Array.from(address).buffer).getUint32(0, true);
  return words;
}

/** A UDP packet of 60 bytes; `i` tells flows apart by address and port. */
function datagram(i: number, back: boolean): Uint8Array {
  const frame = new Uint8Array(60);
  const view = new DataView(frame.buffer);
  frame.set([2, 0, 0, 0, 0, 0xff, 2, 0, 0, 0, 0, back ? 2 : 1, 8, 0, 0x45]);
  frame.set([64, 17], 22);
  view.setUint16(16, 46);
  const far = 0x08080000 + (i >> 8);
  view.setUint32(26, back ? far : 0x0a000001);
  view.setUint32(30, back ? 0x1e1e0001 : far);
  view.setUint16(34, back ? 80 : 1024 + (i & 255));
  view.setUint16(36, back ? 1024 + (i & 255) : 80);
  view.setUint16(38, 26);
  return withChecksums(frame);
}

const datagrams = (flows: number, back: boolean) => Array.from({ length: flows }, (_, i) => datagram(i, back));

function newPlane(flows: number): HandMade {
  const room = Math.max(1024, 4 * flows);
  const plane = new HandMade({ ports: 8, megaflows: 1024, connections: room, entries: room });
  plane.addPort(1);
  plane.addPort(2);
  return plane;
}

function routed(flows: number, seconds: number): number {
  const plane = newPlane(flows);
  plane.install(datagram(0, false), 1, 0, 0, [...rewrite, ...output(2)]);
  plane.addCapture(1, datagrams(flows, false));
  return plane.measure(seconds);
}

/** Inside is port 1, outside port 2; a zone each, source NAT in the second. */
function translated(flows: number, seconds: number): number {
  const plane = newPlane(flows);
  const { CS_NEW, CS_EST, CS_RPL, CS_TRK, CS_SNAT, CS_DNAT } = layout;
  const there = datagram(0, false);
  const back = datagram(0, true);
  plane.install(there, 1, 0, 0, [...track(3, layout.CT_COMMIT), ...recirc(1)]);
  plane.install(back, 2, 0, 0, [...track(4, layout.CT_NAT), ...recirc(3)]);
  for (const state of [CS_NEW | CS_TRK, CS_EST | CS_TRK]) {
    const nat = track(4, layout.CT_COMMIT | layout.CT_NAT_SRC, [30, 30, 0, 1]);
    plane.install(there, 1, 1, state, [...nat, ...recirc(2)]);
    for (const natted of [0, CS_SNAT]) plane.install(there, 1, 2, state | natted, [...rewrite, ...output(2)]);
  }
  for (const natted of [0, CS_SNAT, CS_DNAT]) {
    plane.install(back, 2, 3, CS_EST | CS_RPL | CS_TRK | natted, [...track(3, 0), ...recirc(4)]);
  }
  plane.install(back, 2, 4, CS_EST | CS_RPL | CS_TRK, [...rewrite, ...output(1)]);
  const outlet = { output: () => {}, punt: () => {} };
  const sendAll = (port: number, frames: readonly Uint8Array[]) => {
    for (const frame of frames) {
      if (plane.push(port, frame)) continue;
      plane.process(10, outlet);
      plane.push(port, frame);
    }
    plane.process(10, outlet);
  };
  const frames = datagrams(flows, false);
  sendAll(1, frames);
  sendAll(2, datagrams(flows, true));
  sendAll(1, frames);
  plane.addCapture(1, frames);
  const found = plane.measure(seconds);
  const { connections, megaflows } = plane.cacheCounters();
  if (connections < megaflows) throw new Error(`only ${connections} packets went by their connections' entries`);
  return found;
}

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '1' } } });
const seconds = Number(values.seconds);
if (!(seconds > 0)) throw new Error(`--seconds ${values.seconds}: give a number above 0`);
const rows = [['work', 'flows', 'ns a packet', 'Mpps']];
for (const [name, run] of [
  ['routed, 60-byte UDP', routed],
  ['established, source NAT', translated],
] as const) {
  for (const flows of [1, 1000, 100_000]) {
    const ns = run(flows, seconds);
    rows.push([name, String(flows), ns.toFixed(1), (1000 / ns).toFixed(2)]);
  }
}
process.stdout.write(tableText(rows));

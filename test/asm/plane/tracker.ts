/** The plane's connection tracker by itself: frames in, frames and what conntrack says of them out. */
import { instantiateSync } from '@assemblyscript/loader';
import { wasm as checkedWasm } from '#asm/plane-checked';
import * as layout from '../../../asm/plane/layout.ts';
import type { PlaneExports } from '../../../engine/node/plane-exports.ts';

/** One `ct` action. */
export interface CtAction {
  zone: number;
  commit?: boolean;
  force?: boolean;
  /** `known`: as the connection says; `kept`: the source to what it is, as OVN's `ct_commit` has it. */
  nat?: 'known' | 'kept' | { to: 'src' | 'dst'; address?: string; ports?: [number, number]; random?: boolean };
  backends?: { address: string; port: number; weight: number }[];
  mark?: [value: number, mask: number];
  label?: [value: bigint, mask: bigint];
}

/** A packet after its actions. */
export interface Tracked {
  frame: Uint8Array;
  /** ct_state, as `CS_...`. */
  state: number;
  mark: number;
  label: bigint;
  proto: number;
  port: number;
  /** ct_nw_dst, or ct_ipv6_dst. */
  address: bigint;
  /** What a cache would keep of it. */
  conn: number;
  version: number;
  direction: number;
}

export interface Described {
  zone: number;
  proto: number;
  family: number;
  mark: number;
  left: number;
  states: [number, number];
  translated: number;
  label: bigint;
  tuples: { src: string; dst: string; ports: number }[];
}

const frameRoom = 65_536 + layout.HEADROOM;
const go = 0;
const held = 1;

/** Bytes of an address, IPv4 or IPv6 in its full or shortened form. */
export function addressBytes(text: string): number[] {
  if (!text.includes(':')) return text.split('.').map(Number);
  const [head = '', tail] = text.split('::');
  const words = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const before = words(head);
  const after = tail === undefined ? [] : words(tail);
  const all = [...before, ...Array(8 - before.length - after.length).fill('0'), ...after];
  return all.flatMap((word) => [Number.parseInt(word, 16) >> 8, Number.parseInt(word, 16) & 255]);
}

export class Tracker {
  readonly plane: PlaneExports;
  private readonly packet: number;
  private readonly flow: number;
  private readonly frame: number;
  private readonly op: number;
  private readonly list: number;
  private readonly out: number;
  now = 0;

  constructor(max = 1000, wasm: Uint8Array<ArrayBuffer> = checkedWasm) {
    this.plane = instantiateSync<PlaneExports & Record<string, unknown>>(wasm).exports;
    const { plane } = this;
    if (!plane.ctInit(max)) throw new Error(`there is no room for ${max} connections`);
    this.packet = plane.reserve(layout.PACKET_SIZE);
    this.flow = plane.reserve(layout.FLOW_SIZE);
    this.op = plane.reserve(layout.DP_CT_WORDS * 4);
    this.list = plane.reserve(4096);
    this.out = plane.reserve(128);
    this.frame = plane.reserve(frameRoom) + layout.HEADROOM;
  }

  private get view(): DataView {
    return new DataView(this.plane.memory.buffer);
  }

  /** Lets time pass: milliseconds, and how many connections may be looked at. */
  wait(milliseconds: number, budget = 1_000_000): number {
    this.now += milliseconds;
    return this.plane.ctExpire(this.now, budget);
  }

  /** Puts a frame where the plane sees it, and its flow. */
  load(frame: Uint8Array): void {
    const { view, packet } = this;
    new Uint8Array(this.plane.memory.buffer).set(frame, this.frame);
    for (let i = 0; i < layout.PACKET_SIZE; i += 4) view.setUint32(packet + i, 0, true);
    view.setUint32(packet + layout.P_FRAME, this.frame, true);
    view.setUint32(packet + layout.P_LENGTH, frame.length, true);
    view.setUint32(packet + layout.P_ROOM, layout.HEADROOM, true);
    for (let i = 0; i < layout.FLOW_SIZE; i += 8) view.setBigUint64(this.flow + i, 0n, true);
    this.plane.extract(packet, this.flow);
  }

  /**
   * Sends a frame through actions, one after the other.  Gives the packets that come out: none if it
   * was taken into custody, several if it completed a datagram.
   */
  send(frame: Uint8Array, actions: readonly CtAction[]): Tracked[] {
    this.load(frame);
    return this.run(this.packet, this.flow, actions);
  }

  /** The same where one packet is to come out. */
  one(frame: Uint8Array, ...actions: CtAction[]): Tracked {
    const [tracked, ...others] = this.send(frame, actions);
    if (!tracked || others.length > 0) throw new Error('one packet was expected');
    return tracked;
  }

  private run(packet: number, flow: number, actions: readonly CtAction[], depth = 0): Tracked[] {
    const [action, ...rest] = actions;
    if (!action) return [this.read(packet, flow)];
    this.write(action);
    const { plane, view } = this;
    // Each action but the first comes after a recirculation of its own.
    view.setUint32(flow + layout.W_IN * 8 + 4, depth, true);
    const result = plane.ctProcess(packet, flow, this.op);
    if (result === held) return [];
    const [from, to] = result === go ? [0, 0] : [plane.ctReleasedFrom.value, plane.ctReleasedTo.value];
    const tracked = this.run(packet, flow, rest, depth + 1);
    for (let id = from; id < to; id++) {
      const released = plane.ctReleased(id);
      tracked.push(...this.run(released, released + layout.PACKET_SIZE, rest, depth + 1));
    }
    return tracked;
  }

  /** What `ctTouch` and `ctTranslate` make of a frame; undefined if they leave it. */
  touch(frame: Uint8Array, known: Tracked, translates: boolean): Tracked | undefined {
    this.load(frame);
    const { plane, packet, flow } = this;
    if (!plane.ctTouch(known.conn, known.version, known.direction, packet, flow)) return undefined;
    if (translates) plane.ctTranslate(known.conn, known.direction, packet, flow);
    return { ...this.read(packet, flow), conn: known.conn, version: known.version, direction: known.direction };
  }

  private read(packet: number, flow: number): Tracked {
    const { view, plane } = this;
    const word = (index: number): bigint => view.getBigUint64(flow + index * 8, true);
    const at = view.getUint32(packet + layout.P_FRAME, true);
    const length = view.getUint32(packet + layout.P_LENGTH, true);
    const state = word(layout.W_CT);
    const tuple = word(layout.W_CT_TUPLE);
    const address6 = (word(layout.W_CT_IP6_DST) << 64n) | word(layout.W_CT_IP6_DST + 1);
    return {
      frame: new Uint8Array(plane.memory.buffer).slice(at, at + length),
      state: Number(state & 0xffn),
      mark: Number(state >> 32n),
      label: (word(layout.W_CT_LABEL) << 64n) | word(layout.W_CT_LABEL + 1),
      proto: Number((tuple >> 48n) & 0xffn),
      port: Number((tuple >> 32n) & 0xffffn),
      address: address6 === 0n ? tuple & 0xffffffffn : address6,
      conn: plane.ctConn.value,
      version: plane.ctVersion.value,
      direction: plane.ctDirection.value,
    };
  }

  /** Writes an action as a DP_CT instruction. */
  private write(action: CtAction): void {
    const { view, op, list } = this;
    for (let i = 0; i < layout.DP_CT_WORDS; i++) view.setUint32(op + i * 4, 0, true);
    let flags = (action.commit ? layout.CT_COMMIT : 0) | (action.force ? layout.CT_FORCE | layout.CT_COMMIT : 0);
    view.setUint32(op, layout.DP_CT | (layout.DP_CT_WORDS << 8) | (action.zone << 16), true);
    const { nat, backends, mark, label } = action;
    if (nat) flags |= nat === 'kept' ? layout.CT_UNCHANGED : layout.CT_NAT;
    if (typeof nat === 'object') {
      flags |= nat.to === 'src' ? layout.CT_NAT_SRC : layout.CT_NAT_DST;
      if (nat.random) flags |= layout.CT_NAT_RANDOM;
      if (nat.address?.includes(':')) flags |= layout.CT_NAT_V6;
      for (const [i, byte] of addressBytes(nat.address ?? '0.0.0.0').entries()) view.setUint8(op + 48 + i, byte);
      if (nat.ports) view.setUint32(op + 64, nat.ports[0] | (nat.ports[1] << 16), true);
    }
    if (backends) {
      flags |= layout.CT_NAT | layout.CT_NAT_DST | layout.CT_BACKENDS;
      if (backends[0]?.address.includes(':')) flags |= layout.CT_NAT_V6;
      view.setUint32(op + 68, list, true);
      view.setUint32(list, backends.length, true);
      for (const [i, backend] of backends.entries()) {
        const at = list + 4 + i * 24;
        for (let byte = 0; byte < 16; byte++) view.setUint8(at + byte, addressBytes(backend.address)[byte] ?? 0);
        view.setUint32(at + 16, backend.port, true);
        view.setUint32(at + 20, backend.weight, true);
      }
    }
    if (mark || label) flags |= layout.CT_SET;
    view.setUint32(op + 8, mark?.[0] ?? 0, true);
    view.setUint32(op + 12, mark?.[1] ?? 0, true);
    for (const [i, value] of [label?.[0] ?? 0n, label?.[1] ?? 0n].entries()) {
      view.setBigUint64(op + 16 + i * 16, value & 0xffffffffffffffffn, true);
      view.setBigUint64(op + 24 + i * 16, value >> 64n, true);
    }
    view.setUint32(op + 4, flags, true);
  }

  /** All connections. */
  connections(): Described[] {
    const { plane, out } = this;
    const found: Described[] = [];
    for (let conn = plane.ctNext(0); conn !== 0; conn = plane.ctNext(conn)) {
      if (!plane.ctDescribe(conn, out)) throw new Error(`connection ${conn} is gone`);
      const { view } = this;
      const bytes = new Uint8Array(plane.memory.buffer, out, 128);
      const family = bytes[3] ?? 0;
      const text = (at: number): string =>
        family === 4
          ? [...bytes.subarray(at + 12, at + 16)].join('.')
          : Array.from({ length: 8 }, (_, i) => view.getUint16(out + at + i * 2).toString(16)).join(':');
      found.push({
        zone: view.getUint16(out, true),
        proto: bytes[2] ?? 0,
        family,
        mark: view.getUint32(out + 4, true),
        left: view.getUint32(out + 8, true),
        states: [bytes[12] ?? 0, bytes[13] ?? 0],
        translated: bytes[14] ?? 0,
        label: (view.getBigUint64(out + 16, true) << 64n) | view.getBigUint64(out + 24, true),
        tuples: [32, 72].map((at) => ({
          src: text(at),
          dst: text(at + 16),
          ports: view.getUint32(out + at + 32, true),
        })),
      });
    }
    return found;
  }
}

/** The names of the bits of a ct_state, as ovs-fields(7) has them. */
export function stateText(state: number): string {
  const names = ['new', 'est', 'rel', 'rpl', 'inv', 'trk', 'snat', 'dnat'];
  return names.filter((_, bit) => state & (1 << bit)).join('|');
}

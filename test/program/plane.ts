/**
 * The packet plane's translation for tests: a program loaded into a module of its own, flows made of the
 * tracer's packets, and datapath programs run step by step on flows alone, without frames.
 */
import { instantiateSync } from '@assemblyscript/loader';
import { wasm } from '#asm/plane-checked';
import { RESUME_TABLE } from '../../asm/plane/image.ts';
import {
  B_LONGER,
  B_RECIRC,
  B_TCP_FLAGS,
  CS_DNAT,
  CS_EST,
  CS_SNAT,
  CS_TRK,
  CT_BACKENDS,
  CT_NAT_DST,
  CT_NAT_SRC,
  CT_NAT_V6,
  DP_CLONE,
  DP_CT,
  DP_CT_CLEAR,
  DP_DROP,
  DP_END,
  DP_METER,
  DP_OUTPUT,
  DP_POP_VLAN,
  DP_PUNT,
  DP_PUSH_VLAN,
  DP_RECIRC,
  DP_SET,
  DP_TUNNEL,
  FLOW_SIZE,
  FLOW_WORDS,
  KEY_WORDS,
  PACKET_WORDS,
  W_CT,
  W_DATAPATH,
  W_DERIVED,
  W_ETH_DST,
  W_ETH_SRC,
  W_IN,
  W_IP4,
  W_IP6_DST,
  W_IP6_LABEL,
  W_IP6_SRC,
  W_L4,
  W_ND_TARGET,
  W_PORTS,
  W_TUNNEL,
} from '../../asm/plane/layout.ts';
import type { PlaneExports } from '../../engine/node/plane-exports.ts';
import { storagePieces } from '../../engine/program/fields.ts';
import type { Program } from '../../engine/program/index.ts';
import { emptyPacket, fields, type Packet, readBits, writeBits } from '../../sim/trace/index.ts';

/** A packet's flow: FLOW_WORDS words. */
export type Flow = BigUint64Array;

export interface Translation {
  /** 0, or why nothing can be remembered. */
  failure: number;
  program: Uint32Array;
  mask: BigUint64Array;
  flows: Uint32Array;
  tags: bigint;
  visited: bigint;
}

/** Something that a program does for somebody to see. */
export type Effect =
  | { readonly type: 'output'; readonly port: number; readonly flow: Flow }
  | {
      readonly type: 'tunnel';
      readonly tunnel: number;
      readonly id: number;
      readonly option: number;
      readonly flow: Flow;
    }
  | { readonly type: 'punt'; readonly action: number; readonly recirc: number; readonly flow: Flow }
  | { readonly type: 'drop'; readonly reason: number };

/** More passes are not made: what the host answers may come back to it for as long as the packet has hops. */
export const MAX_PASSES = 64;

/** What came of a packet. */
export interface Outcome {
  effects: Effect[];
  /** Numbers of the flows met, in all passes. */
  flows: number[];
  passes: Translation[];
}

/** An instruction that somebody else notices, and the packet as it comes there. */
export interface Step {
  code: number[];
  flow: Flow;
}

/** Instructions that show in the packet, and those around others; copies that nothing is done with may be left out. */
const CHANGES: readonly number[] = [DP_SET, DP_PUSH_VLAN, DP_POP_VLAN, DP_CT_CLEAR, DP_CLONE, DP_END];

export class TestPlane {
  readonly exports: PlaneExports;
  /** Plays the host: what it makes of a packet that is handed to it, with its metadata; undefined for nothing. */
  host: (action: number, flow: Flow) => Flow | undefined = () => undefined;
  private readonly flowAt: number;
  private readonly packetAt: number;

  constructor(program?: Program) {
    this.exports = instantiateSync<PlaneExports & Record<string, unknown>>(wasm, {}).exports;
    this.flowAt = this.exports.reserve(FLOW_SIZE);
    this.packetAt = this.exports.reserve(64);
    if (program) this.load(program);
  }

  load({ image }: Program): void {
    const at = this.exports.reserve(image.length);
    new Uint8Array(this.exports.memory.buffer, at, image.length).set(image);
    if (!this.exports.loadImage(at, image.length)) throw new Error('the module does not take the image');
  }

  translate(flow: Flow): Translation {
    const { exports } = this;
    new BigUint64Array(exports.memory.buffer, this.flowAt, FLOW_WORDS).set(flow);
    const failure = exports.translate(this.packetAt, this.flowAt);
    const { buffer } = exports.memory;
    return {
      failure,
      program: new Uint32Array(buffer, exports.translatedProgram(), exports.translatedWords()).slice(),
      mask: new BigUint64Array(buffer, exports.translatedMask(), KEY_WORDS).slice(),
      flows: new Uint32Array(buffer, exports.translatedFlows(), exports.translatedFlowCount()).slice(),
      tags: exports.translatedTags(),
      visited: exports.translatedVisited(),
    };
  }

  /** The flow of a packet that is in the first table of a datapath's ingress pipeline, having come in by any of its ports. */
  enterBy(flow: Flow, datapath: number, key: number): Flow {
    const entering = flow.slice();
    entering[W_DATAPATH] = BigInt(datapath);
    entering[W_PORTS] = BigInt(key);
    new BigUint64Array(this.exports.memory.buffer, this.flowAt, FLOW_WORDS).set(entering);
    const id = this.exports.freeze(this.flowAt, RESUME_TABLE, 0);
    flow.fill(0n, KEY_WORDS);
    entering.fill(0n, KEY_WORDS);
    entering[W_IN] = BigInt(id) << BigInt(B_RECIRC);
    return entering;
  }

  /** Translates and runs, pass by pass. */
  send(flow: Flow): Outcome {
    const outcome: Outcome = { effects: [], flows: [], passes: [] };
    this.pass(flow.slice(), outcome);
    return outcome;
  }

  /**
   * What a program by itself does with a packet, step by step: with each its flow before it, and nothing of what
   * comes of it in later passes.  Changes of the packet show in the flows.
   */
  stepsOf(program: Uint32Array, flow: Flow): Step[] {
    const steps: Step[] = [];
    this.run(program, flow.slice(), { effects: [], flows: [], passes: [] }, steps);
    return steps;
  }

  private pass(flow: Flow, outcome: Outcome): void {
    if (outcome.passes.length === MAX_PASSES) return;
    const translation = this.translate(flow);
    outcome.passes.push(translation);
    outcome.flows.push(...translation.flows);
    if (translation.failure === 0) this.run(translation.program, flow, outcome);
  }

  private punt(action: number, recirc: number, flow: Flow, outcome: Outcome): void {
    const { exports } = this;
    const full = flow.slice();
    const metadata = exports.frozenMetadata(exports.findFrozen(recirc));
    full.set(new BigUint64Array(exports.memory.buffer, metadata, FLOW_WORDS - KEY_WORDS), KEY_WORDS);
    const answer = this.host(action, full);
    if (!answer) return;
    new BigUint64Array(exports.memory.buffer, this.flowAt, FLOW_WORDS).set(answer);
    const id = exports.refreeze(recirc, this.flowAt);
    const next = answer.slice().fill(0n, KEY_WORDS);
    next[W_IN] = BigInt.asUintN(B_RECIRC, flow[W_IN] as bigint) | (BigInt(id) << BigInt(B_RECIRC));
    this.pass(next, outcome);
  }

  /** With `steps` they are written down, and nobody else takes part. */
  private run(program: Uint32Array, flow: Flow, outcome: Outcome, steps?: Step[]): void {
    for (let at = 0; at < program.length; ) {
      const head = program[at] as number;
      const words = (head >>> 8) & 0xff;
      const argument = head >>> 16;
      const operand = (index: number) => program[at + index] as number;
      const long = (index: number) => BigInt(operand(index)) | (BigInt(operand(index + 1)) << 32n);
      if (steps && !CHANGES.includes(head & 0xff))
        steps.push({ code: [...program.subarray(at, at + words)], flow: flow.slice() });
      switch (head & 0xff) {
        case DP_END:
          return;
        case DP_SET:
          flow[argument] = ((flow[argument] as bigint) & ~long(3)) | long(1);
          break;
        case DP_OUTPUT:
          outcome.effects.push({ type: 'output', port: operand(1), flow: flow.slice() });
          break;
        case DP_TUNNEL:
          outcome.effects.push({
            type: 'tunnel',
            tunnel: operand(1),
            id: operand(2),
            option: operand(3),
            flow: flow.slice(),
          });
          break;
        case DP_PUSH_VLAN:
          flow[W_ETH_SRC] = BigInt.asUintN(48, flow[W_ETH_SRC] as bigint) | (BigInt(argument) << 48n);
          break;
        case DP_POP_VLAN:
          flow[W_ETH_SRC] = BigInt.asUintN(48, flow[W_ETH_SRC] as bigint);
          break;
        case DP_CT:
          track(program.subarray(at, at + words), this.exports.memory.buffer, flow);
          break;
        case DP_CT_CLEAR:
          flow.fill(0n, W_CT, KEY_WORDS);
          break;
        case DP_RECIRC: {
          if (steps) return;
          const next = flow.slice();
          next[W_IN] = BigInt.asUintN(B_RECIRC, flow[W_IN] as bigint) | (BigInt(operand(1)) << BigInt(B_RECIRC));
          this.pass(next, outcome);
          return;
        }
        case DP_CLONE: {
          const body = operand(1);
          this.run(program.subarray(at + words, at + words + body), flow.slice(), outcome, steps);
          at += body;
          break;
        }
        case DP_PUNT:
          outcome.effects.push({ type: 'punt', action: operand(1), recirc: operand(2), flow: flow.slice() });
          if (!steps) this.punt(operand(1), operand(2), flow, outcome);
          break;
        case DP_DROP:
          outcome.effects.push({ type: 'drop', reason: argument });
          break;
        case DP_METER:
          break;
        default:
          throw new Error(`the program has an instruction ${head & 0xff}`);
      }
      at += words;
    }
  }
}

/** Every packet belongs to an established connection; of backends it is the first one's. */
function track(words: Uint32Array, buffer: ArrayBuffer, flow: Flow): void {
  const flags = words[1] as number;
  flow.fill(0n, W_CT, KEY_WORDS);
  let state = CS_EST | CS_TRK;
  let address = addressOf(words, 12);
  let port = 0;
  let direction = flags & (CT_NAT_SRC | CT_NAT_DST);
  if (flags & CT_BACKENDS) {
    const list = new Uint32Array(buffer, words[17], 7);
    address = addressOf(list, 1);
    port = list[5] as number;
    direction = CT_NAT_DST;
  }
  if (direction !== 0) {
    const isSource = direction === CT_NAT_SRC;
    state |= isSource ? CS_SNAT : CS_DNAT;
    if (flags & CT_NAT_V6) {
      const at = isSource ? W_IP6_SRC : W_IP6_DST;
      flow[at] = address >> 64n;
      flow[at + 1] = BigInt.asUintN(64, address);
    } else {
      const shift = isSource ? 32n : 0n;
      flow[W_IP4] = ((flow[W_IP4] as bigint) & ~(0xffffffffn << shift)) | ((address >> 96n) << shift);
    }
    if (port !== 0) flow[W_L4] = ((flow[W_L4] as bigint) & ~(0xffffn << 32n)) | (BigInt(port) << 32n);
  }
  flow[W_CT] = BigInt(state);
}

/** 128 bits of an address whose bytes are in the order of the wire. */
function addressOf(words: Uint32Array, at: number): bigint {
  const bytes = new DataView(words.slice(at, at + 4).buffer);
  return (bytes.getBigUint64(0) << 64n) | bytes.getBigUint64(8);
}

/** Fields that come with a frame; others share their places. */
const HEADER_FIELDS = [
  ...['eth.src', 'eth.dst', 'eth.type', 'vlan.tci', 'ip4.src', 'ip4.dst', 'ip6.src', 'ip6.dst', 'ip6.label'],
  ...['ip.frag', 'ip.dscp', 'ip.ecn', 'ip.ttl', 'ip.proto', 'nd.target', 'arp.sha', 'arp.tha', 'tcp.flags'],
  ...['tcp.src', 'tcp.dst'],
];

/** The flow of a packet of the tracer's that comes in by a physical port. */
export function flowOf(packet: Packet, inPort: number): Flow {
  const flow = new BigUint64Array(FLOW_WORDS);
  for (const name of HEADER_FIELDS) {
    const storage = fields[name];
    if (!storage) throw new Error(`the tracer has no field ${name}`);
    const value = readBits(packet, storage);
    for (const { word, bit, width, ofs } of storagePieces(name) ?? []) {
      flow[word] = (flow[word] as bigint) | (BigInt.asUintN(width, value >> BigInt(ofs)) << BigInt(bit));
    }
  }
  flow[W_IN] = BigInt(inPort);
  return flow;
}

/** The tracer's packet of a flow's header words. */
export function packetOf(flow: Flow): Packet {
  const packet = emptyPacket();
  for (const name of HEADER_FIELDS) {
    const storage = fields[name];
    if (!storage) throw new Error(`the tracer has no field ${name}`);
    let value = 0n;
    for (const { word, bit, width, ofs } of storagePieces(name) ?? []) {
      value |= BigInt.asUintN(width, (flow[word] as bigint) >> BigInt(bit)) << BigInt(ofs);
    }
    writeBits(packet, storage, value);
  }
  return packet;
}

/** The header words of a flow as text, for comparisons: without what is derived, and where it came in. */
export function headerText(flow: Flow): string {
  const ports = (flow[W_L4] as bigint) >> 32n;
  const isIcmp6 = (flow[W_ETH_DST] as bigint) >> 48n === 0x86ddn && BigInt.asUintN(8, flow[W_L4] as bigint) === 58n;
  const isNeighbor = isIcmp6 && (ports === 135n << 16n || ports === 136n << 16n);
  const shown = (word: bigint, i: number): bigint => {
    if (i === W_IN || i === W_TUNNEL) return 0n;
    if (i === W_DERIVED) return BigInt.asUintN(B_LONGER, word) >> BigInt(B_TCP_FLAGS);
    // Others have no such field, whatever stands there.
    return i >= W_ND_TARGET && i < W_IP6_LABEL && !isNeighbor ? 0n : word;
  };
  return [...flow.subarray(0, PACKET_WORDS)].map((word, i) => shown(word, i).toString(16)).join(' ');
}

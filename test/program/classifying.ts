/** Tables in the checked module's memory, and packets given as words or as fields. */
import { instantiateSync } from '@assemblyscript/loader';
import { wasm } from '#asm/plane-checked';
import { FLOW_WORDS, KEY_WORDS } from '../../asm/plane/layout.ts';
import { createMicroflow, type Microflow, VALUE_FIELDS } from '../../engine/lang/index.ts';
import type { PlaneExports } from '../../engine/node/plane-exports.ts';
import type { LogicalFlow } from '../../engine/ovsdb/southbound.ts';
import { storagePieces } from '../../engine/program/fields.ts';
import { compileTables, type TableEnvironment } from '../../engine/program/tables.ts';

/** Words of a flow. */
export type Words = BigUint64Array;

/** What a look-up said: the rank of the flow met, and the bits looked at. */
export interface Found {
  rank: number;
  wc: Words;
}

/** A module of its own, to look into tables with. */
export class Plane {
  private readonly asm = instantiateSync<PlaneExports & Record<string, unknown>>(wasm).exports;
  private readonly flow = this.asm.reserve(FLOW_WORDS * 8);

  /** Puts a blob into memory. */
  place(blob: Uint8Array): number {
    const at = this.asm.reserve(blob.length);
    new Uint8Array(this.asm.memory.buffer).set(blob, at);
    return at;
  }

  lookup(table: number, flow: Words, known: Words = new BigUint64Array(FLOW_WORDS)): Found {
    const memory = new BigUint64Array(this.asm.memory.buffer);
    const [wc, knownAt] = [this.asm.WC.value >> 3, this.asm.KNOWN.value >> 3];
    memory.fill(0n, wc, wc + KEY_WORDS);
    memory.set(known, knownAt);
    memory.set(flow, this.flow >> 3);
    const rank = this.asm.lookup(table, this.flow);
    return { rank, wc: memory.slice(wc, wc + KEY_WORDS) };
  }

  /** Look-ups of the flow, one after the other, as many as asked for. */
  repeat(table: number, flow: Words, times: number): void {
    new BigUint64Array(this.asm.memory.buffer).set(flow, this.flow >> 3);
    for (let i = 0; i < times; i++) {
      this.asm.lookup(table, this.flow);
    }
  }
}

/** Words with fields as given, e.g. `{ 'ip4.src': 1n }`; ports by their keys. */
export function words(fields: Readonly<Record<string, bigint>>): Words {
  const out = new BigUint64Array(FLOW_WORDS);
  for (const [field, value] of Object.entries(fields)) {
    for (const { word, bit, width, ofs } of storagePieces(field) ?? []) {
      const mask = BigInt.asUintN(width, -1n) << BigInt(bit);
      const bits = BigInt.asUintN(width, value >> BigInt(ofs)) << BigInt(bit);
      out[word] = ((out[word] ?? 0n) & ~mask) | bits;
    }
  }
  return out;
}

/** The bits of a field in words. */
export function fieldOf(flow: Words, field: string): bigint {
  let value = 0n;
  for (const { word, bit, width, ofs } of storagePieces(field) ?? []) {
    value |= BigInt.asUintN(width, (flow[word] ?? 0n) >> BigInt(bit)) << BigInt(ofs);
  }
  return value;
}

/** The packet as the language sees it; a port that has no name is called by its number. */
export function microflow(flow: Words, nameOf: (key: number) => string | undefined): Microflow {
  const packet = createMicroflow();
  for (const [slot, field] of VALUE_FIELDS.entries()) {
    packet.values[slot] = fieldOf(flow, field);
  }
  packet.strings = ['inport', 'outport'].map((field) => {
    const key = Number(fieldOf(flow, field));
    return nameOf(key) ?? `#${key}`;
  });
  return packet;
}

/** An environment without names but ports, by key. */
export function environment(
  ports: Readonly<Record<string, number>> = {},
  more: Partial<TableEnvironment> = {},
): TableEnvironment {
  return {
    addressSets: new Map(),
    portGroups: new Map(),
    datapathKey: () => 1,
    portKey: (_, name) => ports[name],
    isResident: () => false,
    ...more,
  };
}

/** A flow of a switch's first table. */
export function flowOf(priority: number, match: string, more: Partial<LogicalFlow> = {}): LogicalFlow {
  return {
    uuid: `${priority} ${match}`,
    datapath: 'dp',
    pipeline: 'ingress',
    table: 0,
    stage: 'ls_in_check_port_sec',
    priority,
    match,
    actions: 'next;',
    source: 'northd.c:1',
    ...more,
  };
}

/** A look-up in one table of these flows: gives the flow, and what was looked at. */
export function classifierOf(
  flows: readonly LogicalFlow[],
  env: TableEnvironment = environment(),
): (flow: Words, known?: Words) => { flow: LogicalFlow | undefined; wc: Words } {
  const plane = new Plane();
  const {
    blobs,
    tables,
    flows: compiled,
  } = compileTables([{ datapath: 0, pipeline: 'ingress', table: 0, flows }], env);
  const [use] = tables;
  if (!use) throw new Error('one table makes one table');
  const byNumber = new Map(compiled.map(({ number, flow }) => [number, flow]));
  const blob = blobs[use.blob];
  if (!blob) return () => ({ flow: byNumber.get(use.always), wc: new BigUint64Array(KEY_WORDS) });
  const at = plane.place(blob);
  return (flow, known) => {
    const { rank, wc } = plane.lookup(at, flow, known);
    return { flow: byNumber.get(use.numbers[rank] ?? -1), wc };
  };
}

/** Packets in hardware: what they look like by now, in terms of the packet that entered, and what hardware notes of them. */
import type { PacketSet, Space } from '../../engine/sets/index.ts';
import { headerFields, packetFields } from '../symbolic/fields.ts';
import { places } from '../symbolic/store.ts';
import { constantOf, inputOf, type Value, type Values } from '../symbolic/value.ts';
import type { Kinds } from './fields.ts';
import type { Encapsulation } from './geneve.ts';

/** How many tags (registers) are followed. */
export const tags = 32;

/** What a packet has beyond the places of logical flows: the first ones are those. */
const own = [
  /** The Ethernet type of the tag; 0 where it is the one that the packet came with. */
  { name: 'tpid', width: 16 },
  { name: 'meta', width: 32 },
  { name: 'mark', width: 32 },
  { name: 'conntrack', width: 32 },
  ...Array.from({ length: tags }, (_, n) => ({ name: `tag.${n}`, width: 32 })),
] as const;

const names = new Map<string, number>([
  ...places.slice(0, headerFields).map(({ name }, index): [string, number] => [name, index]),
  ...own.map(({ name }, index): [string, number] => [name, headerFields + index]),
]);

/** Where a value is kept, by its name; throws for a name that is none. */
export function hardwarePlace(name: string): number {
  const place = names.get(name);
  if (place === undefined) throw new Error(`packets in hardware have no place called ${name}`);
  return place;
}

/** A look at a connection: whose it is, and the field that tells what it found. */
export interface Tracking {
  /** Of the rule set's `indirect`; undefined for a connection of one rule alone. */
  readonly id?: number;
  readonly reply: boolean;
  readonly field: number;
}

/** How a packet is wrapped: `inside` one that came in by a tunnel and still has its headers. */
export type Wrapping = 'none' | 'inside' | Encapsulation;

export interface HardwareState {
  /** The packets as they entered. */
  readonly packets: PacketSet;
  /** By place. */
  readonly values: readonly Value[];
  readonly wrapping: Wrapping;
  readonly tracked: readonly Tracking[];
}

/** What all steps of one execution share. */
export interface Hardware {
  readonly space: Space;
  readonly values: Values;
  readonly kinds: Kinds;
  /** By name of a device's port: the values of `inport` that mean it. */
  readonly ports: ReadonlyMap<string, readonly number[]>;
  /** Set where all packets come in by this port of the device, whatever `inport` says: by a tunnel. */
  readonly arrivesBy?: string;
  /** Of tunnels: the address that they come to and its family, and the tunnel keys of ports by their number. */
  readonly outerFamily?: 4 | 6;
  readonly outerAddress?: bigint;
  readonly inKeys?: ReadonlyMap<number, number>;
}

/** Packets that have just come in; `prepared` places have other values than the packet's own. */
export function entering(
  { values }: Hardware,
  packets: PacketSet,
  wrapping: Wrapping,
  prepared: ReadonlyMap<number, Value> = new Map(),
): HardwareState {
  const header = Array.from(
    { length: headerFields },
    (_, field) => prepared.get(field) ?? inputOf(values, field, packetFields[field]?.width ?? 0),
  );
  return {
    packets,
    values: [...header, ...own.map(({ width }) => constantOf(values, width, 0n))],
    wrapping,
    tracked: [],
  };
}

export const valueAt = ({ values }: HardwareState, name: string): Value => values[hardwarePlace(name)] as Value;

/** States that differ by their packets alone have one key. */
export function stateKey({ values, wrapping, tracked }: HardwareState): string {
  const wrapped =
    typeof wrapping === 'string'
      ? wrapping
      : `${wrapping.src} ${wrapping.dst} ${wrapping.vni} ${wrapping.inKey} ${wrapping.outKey}`;
  const connections = tracked.map(({ id, reply, field }) => `${id}.${reply}.${field}`).join();
  return `${values.map(({ id }) => id).join()} ${wrapped} ${connections}`;
}

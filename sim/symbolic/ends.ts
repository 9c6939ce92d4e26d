/** Packets that come to an end, which makes classes of them; and those that are not followed to theirs, which makes gaps. */
import type { PacketSet } from '../../engine/sets/index.ts';
import { copiesOf, packetsOfParts } from './parts.ts';
import type { Here, Run } from './run.ts';
import type { State } from './state.ts';
import { at, connectionStates, makings, plainParts, read } from './store.ts';
import type { ClassPart, End, TrafficClass } from './types.ts';

/** Packets have come to an end. */
export function end(run: Run, where: End, state: State): void {
  run.outcomes++;
  for (const { store, packets } of plainParts(run.stores, state.store, state.guard, endPlaces)) {
    if (run.space.intersects(state.lineage.packets, packets)) endPart(run, where, { ...state, store, guard: packets });
  }
}

/** A class in the making. */
export interface Ended {
  readonly one: TrafficClass;
  readonly parts: ClassPart[];
}

/** What has ended. */
export const endedOf = ({ ended }: Run): TrafficClass[] => [...ended.values()].map(({ one }) => one);

const endPlaces = [at.made, at.connection, at.inexact];

function endPart(run: Run, where: End, { store, passage, lineage, guard, used }: State): void {
  const made = makings[Number(read(store, at.made).constant)];
  const connection = connectionStates[Number(read(store, at.connection).constant)] ?? 'new';
  const exact = read(store, at.inexact).constant === 0n;
  const looks = where.kind === 'drop' ? '' : `${store.id} ${passage.id} ${used.copies}`;
  const key = `${endText(where)} ${made} ${connection} ${exact} ${looks}`;
  const known = run.ended.get(key);
  if (known) {
    known.parts.push({ lineage, guard });
    return;
  }
  const { commits, passed } = passage;
  const parts = [{ lineage, guard }];
  const fate = { end: where, store, connection, exact, commits, passed, ...(made !== undefined && { made }) };
  run.ended.set(key, { one: classOf(run, fate, parts), parts });
}

/** The class of these parts, which must not change any more once its packets were asked for. */
function classOf(
  { space }: Run,
  fate: Omit<TrafficClass, 'packets' | 'copies' | 'parts'>,
  parts: ClassPart[],
): TrafficClass {
  let copies: PacketSet | undefined;
  let packets: PacketSet | undefined;
  return {
    ...fate,
    parts,
    get copies() {
      copies ??= copiesOf(space, parts);
      return copies;
    },
    get packets() {
      packets ??= packetsOfParts(space, parts);
      return packets;
    },
  };
}

function endText(where: End): string {
  switch (where.kind) {
    case 'port':
      return `port ${where.port.number}`;
    case 'drop':
      return `drop ${where.datapath.uuid} ${where.pipeline} ${where.table} ${where.flow?.uuid} ${where.why}`;
    case 'loop':
      return `loop ${where.datapaths.map(({ uuid }) => uuid).join(' ')}`;
    case 'sender':
      return 'sender';
  }
}

/** Packets are dropped here. */
export function drop(run: Run, here: Here, why: (End & { kind: 'drop' })['why'], state: State): void {
  const { pipeline, table, flow } = here;
  end(run, { kind: 'drop', datapath: here.datapath.datapath, pipeline, table, why, ...(flow && { flow }) }, state);
}

/**
 * Something here was not understood, or is not followed on: what is said of these packets is no proof. `opening`: nor is what
 * they may open known.
 */
export function gap(run: Run, { datapath, flow }: Here, reason: string, packets: PacketSet, opening = true): void {
  const { gaps, space } = run;
  if (packets === space.empty || !flow) return;
  run.opensUnknown ||= opening;
  const key = `${flow.uuid} ${reason}`;
  const known = gaps.get(key);
  if (known) known.packets = space.or(known.packets, packets);
  else {
    const isSecond = run.connections.kind === 'any' && run.connections.isSecond;
    gaps.set(key, { datapath: datapath.datapath, flow, reason, packets, ...(isSecond && { connections: true }) });
  }
}

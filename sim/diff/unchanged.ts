/** Parts of a network that are written the same on both sides: nothing can differ there, so nobody needs to follow packets. */
import type { Network, NetworkDatapath } from '../symbolic/index.ts';

/** The components of each network that the other one has not, letter by letter. */
export function changedComponents(old: Network, now: Network): { old: number[]; now: number[] } {
  const all = { old: [...old.components.keys()], now: [...now.components.keys()] };
  if (sharedText(old) !== sharedText(now)) return all;
  const texts = {
    old: old.components.map((one) => textOf(old, one)),
    now: now.components.map((one) => textOf(now, one)),
  };
  const known = { old: new Set(texts.old), now: new Set(texts.now) };
  return {
    old: all.old.filter((index) => !known.now.has(texts.old[index] ?? '')),
    now: all.now.filter((index) => !known.old.has(texts.now[index] ?? '')),
  };
}

/** Everything that flows of any datapath may look at. */
function sharedText({ southbound }: Network): string {
  const { datapaths: _, ports: __, flows: ___, multicastGroups: ____, origins: _____, ...shared } = southbound;
  return JSON.stringify(shared, (_key, value: unknown) =>
    value instanceof Map ? [...value] : typeof value === 'bigint' ? `${value}` : value,
  );
}

/** A component with all that is only in it; UUIDs of flows and northbound rows, and where flows come from, do not matter. */
function textOf({ southbound }: Network, component: readonly NetworkDatapath[]): string {
  const own = new Set(component.map(({ uuid }) => uuid));
  const isOwn = ({ datapath }: { datapath: string }): boolean => own.has(datapath);
  const lines = [
    ...southbound.datapaths.filter(({ uuid }) => own.has(uuid)),
    ...southbound.ports.filter(isOwn).map(({ northboundUuid: _, ...port }) => port),
    ...southbound.flows.filter(isOwn).map(({ uuid: _, hint: __, source: ___, ...flow }) => flow),
    ...southbound.multicastGroups.filter(isOwn),
  ].map((row) => JSON.stringify(row));
  return lines.sort().join('\n');
}

/** A run over a small network with nothing under way: to try single steps of it. */
import type { Southbound } from '../../../engine/ovsdb/southbound.ts';
import { newRun } from '../../../sim/symbolic/analyse.ts';
import { readDatapaths } from '../../../sim/symbolic/flows.ts';
import { fieldIndex, networkOf, openWorkshop } from '../../../sim/symbolic/index.ts';
import type { Here, Run } from '../../../sim/symbolic/run.ts';
import { noTrail, nothingUsed, only, type State } from '../../../sim/symbolic/state.ts';
import type { Store } from '../../../sim/symbolic/store.ts';
import { type SwitchText, southboundFrom } from '../../trace/southbound.ts';
import { packetFields } from './traced.ts';

export interface Trial {
  readonly run: Run;
  readonly here: Here;
  /** Packets, all unless given, that look as a store says, as they came in unless given. */
  state(packets?: number, store?: Store): State;
  /** The set of one value of a field. */
  is(field: string, value: bigint | number): number;
}

/** A switch called `s`, as a database or by its ports and flows. */
export function trialOf(given: SwitchText | Southbound): Trial {
  const southbound = 'datapaths' in given ? given : southboundFrom({ s: given });
  const network = networkOf(southbound);
  const workshop = openWorkshop(network);
  const datapaths = readDatapaths(network, [...network.datapaths.values()], workshop.texts);
  const run = newRun(workshop, datapaths, { kind: 'none' }, 64);
  const [datapath] = datapaths.values();
  const [flow] = southbound.flows;
  if (!datapath || !flow) throw new Error('a trial needs a datapath and a flow');
  const { space } = run;
  return {
    run,
    here: { datapath, pipeline: 'ingress', table: 0, hops: 0, flow },
    state: (packets = space.all, store = run.stores.initial) => ({
      store,
      ...only({ space }, packets),
      passage: run.passages.initial,
      used: nothingUsed,
      trail: noTrail,
    }),
    is(field, value) {
      const index = fieldIndex(field);
      const mask = (1n << BigInt(packetFields[index]?.width ?? 0)) - 1n;
      return space.cube([{ field: index, value: BigInt(value), mask }]);
    },
  };
}

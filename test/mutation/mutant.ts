/** One change to a network: what mutants of rows (rows.ts) and of flows (flows.ts) have in common. */
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import type { LogicalFlow, Southbound } from '../../engine/ovsdb/southbound.ts';

interface Named {
  /** What is done to what: `ACL removed`, `flow widened to 1`. */
  readonly kind: string;
  /** To which one: a row or a flow, as a reader finds it. */
  readonly what: string;
}

/** Of the northbound database, from which the flows are computed again. */
export interface RowMutant extends Named {
  readonly of: 'rows';
  /** Changes a copy of the database. */
  readonly damage: (nb: Northbound) => void;
}

/** Of the logical flows alone, as if ovn-northd had written them so. */
export interface FlowMutant extends Named {
  readonly of: 'flows';
  readonly flow: LogicalFlow;
  /** What stands in its place; nothing if it is dropped. */
  readonly instead?: LogicalFlow;
}

export type Mutant = RowMutant | FlowMutant;

/** The southbound database with the change of a flow. */
export function withFlow(southbound: Southbound, { flow, instead }: FlowMutant): Southbound {
  const flows = southbound.flows.flatMap((one) => (one !== flow ? [one] : instead ? [instead] : []));
  return { ...southbound, flows };
}

/**
 * Logical flows, table by table, made ready for the packet plane: a *blob* a
 * table, which `lookup` of asm/plane/classify.ts searches, and a number a flow.
 *
 * A blob knows its flows by their *rank*, 0 for the one that is tried first:
 * by falling priority, those of the same priority in the order given.  So tables
 * of different datapaths that match alike share one blob, however different
 * their actions; `TableUse.numbers` leads from rank to flow number.
 */
import type { Action, MatchEnvironment } from '../lang/index.ts';
import type { DhcpOption, LogicalFlow, Pipeline } from '../ovsdb/southbound.ts';

/** The flows of one table of one datapath. */
export interface TableInput {
  /** Number of the datapath in the program (DATAPATH of a packet's flow), not its tunnel key. */
  readonly datapath: number;
  readonly pipeline: Pipeline;
  readonly table: number;
  readonly flows: readonly LogicalFlow[];
}

/** What flows refer to by name. */
export interface TableEnvironment extends Omit<MatchEnvironment, 'datapathKey'> {
  /** Tunnel key of a datapath, by its number. */
  datapathKey(datapath: number): number;
  /** Tunnel key of a port or multicast group of that datapath; undefined if it has none of that name. */
  portKey(datapath: number, name: string): number | undefined;
  /** Whether `is_chassis_resident` holds for the port. */
  isResident(port: string): boolean;
  /** Names that `put_dhcp_opts` knows; OVN's own unless given. */
  readonly dhcpOptions?: readonly DhcpOption[];
  readonly dhcpv6Options?: readonly DhcpOption[];
}

/** A flow with its number and what it does. */
export interface CompiledFlow {
  /** Dense, from 0; stable from one compilation to the next as long as the flow stays the same. */
  readonly number: number;
  /** Number of its datapath. */
  readonly datapath: number;
  readonly flow: LogicalFlow;
  /** Flows of the same pipeline, table and action text share one array. */
  readonly actions: readonly Action[];
}

/** The table that packets of a datapath look into. */
export interface TableUse {
  readonly datapath: number;
  readonly pipeline: Pipeline;
  readonly table: number;
  /** Index in `CompiledTables.blobs`; -1 where no look-up is needed: see `always`. */
  readonly blob: number;
  /** Where `blob` is -1: number of the flow that every packet meets, -1 if none can match. */
  readonly always: number;
  /** Flow numbers by rank: `lookup` returns an index of this. */
  readonly numbers: Uint32Array;
}

export interface CompiledTables {
  /** Position-independent, a multiple of 8 bytes long, to be put at a multiple of 8. `lookup` writes into its own part of it. */
  readonly blobs: readonly Uint8Array[];
  /** In the order of the input. */
  readonly tables: readonly TableUse[];
  /** All flows that were understood, in the order of the input. */
  readonly flows: readonly CompiledFlow[];
  /** Numbers are below this. */
  readonly numbersEnd: number;
  /** Sentences about flows that were left out. */
  readonly problems: readonly string[];
}

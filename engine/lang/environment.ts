/** What a match may refer to by name. */
import type { Release } from './symbols.ts';

/** The names that `$set` and `@group` stand for, and whose language is spoken. */
export interface MatchEnvironment {
  /** Southbound Address_Set rows: name to addresses. */
  readonly addressSets: ReadonlyMap<string, readonly string[]>;
  /** Southbound Port_Group rows: name to logical ports. */
  readonly portGroups: ReadonlyMap<string, readonly string[]>;
  /** Tunnel key of the datapath: `@group` then is first looked for as `KEY_group`, northd's name for it. */
  readonly datapathKey?: number;
  /** What the chassis' template variables `^NAME` stand for. */
  readonly templates?: ReadonlyMap<string, string>;
  /** OVN 23.03 and everything newer unless given. */
  readonly release?: Release;
}

/** No sets and no groups. */
export const EMPTY_ENVIRONMENT: MatchEnvironment = { addressSets: new Map(), portGroups: new Map() };

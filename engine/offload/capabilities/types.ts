/** What a device can do with rules: the shape of the files in this folder, which schema.json tells for editors. */
import type { ActionType, ItemType, ModifiableField } from '../rules.ts';

/** Something that a device has or has not. */
export interface Ability {
  /** Why the device has it not, and what to do in its place; absent where it has it. */
  readonly unsupported?: string;
  /** Of an item the fields that are looked at, all if absent; of `modify_field` those that are written. */
  readonly fields?: readonly string[];
  /** Of `modify_field`. */
  readonly operations?: readonly ('set' | 'add' | 'sub')[];
  /** Where that is written, or that it is inferred. */
  readonly source: string;
}

/** The most of something; null where nobody tells. */
export interface Limit {
  readonly value: number | null;
  readonly source: string;
}

/** Limits, in the units that schema.json tells. */
export type LimitName =
  | 'matchDwords'
  | 'items'
  | 'actions'
  | 'modifyCommands'
  | 'modifyCommandsRoot'
  | 'tags'
  | 'priorities'
  | 'groups'
  | 'rules'
  | 'counters'
  | 'meters'
  | 'connections'
  | 'encapBytes'
  | 'geneveOptionDwords'
  | 'geneveOptions'
  | 'vlanTags'
  | 'outputs';

export interface Capabilities {
  /** The name that rule sets and the option --device use. */
  readonly device: string;
  readonly title: string;
  /** What is not listed is not known, and so not used. */
  readonly items: { readonly [T in ItemType]?: Ability };
  readonly actions: { readonly [T in ActionType]?: Ability };
  readonly limits: { readonly [N in LimitName]?: Limit };
  /** Items that the rules of one device cannot use together. */
  readonly exclusive: readonly {
    readonly items: readonly (readonly ItemType[])[];
    readonly reason: string;
    readonly source: string;
  }[];
  /** Which connections are tracked; absent where none are. */
  readonly conntrack?: {
    readonly protocols: readonly ('tcp' | 'udp')[];
    /** Not in rules of group 0. */
    readonly notInRoot?: boolean;
    readonly source: string;
  };
  /** Steps in which a rule has its actions; what is of one step may stand in any order. */
  readonly order?: { readonly actions: readonly (readonly ActionType[])[]; readonly source: string };
}

/** Why a device cannot match such an item, or a field of it; undefined where it can. */
export function whyNotItem(capabilities: Capabilities, type: ItemType, field?: string): string | undefined {
  return whyNot(capabilities.items[type], 'item', type, field);
}

/** Why a device cannot do such an action, or write that field with `modify_field`; undefined where it can. */
export function whyNotAction(
  capabilities: Capabilities,
  type: ActionType,
  field?: ModifiableField,
): string | undefined {
  return whyNot(capabilities.actions[type], 'action', type, field);
}

function whyNot(ability: Ability | undefined, what: string, type: string, field?: string): string | undefined {
  if (!ability) return `nothing is known of the ${what} ${type}`;
  if (ability.unsupported !== undefined) return `${type}: ${ability.unsupported} (${ability.source})`;
  if (field === undefined || !ability.fields || ability.fields.includes(field)) return undefined;
  return `${type} has no ${field} there (${ability.source})`;
}

/** How dropped packets are sampled for debugging: NB_Global options:debug_drop_*, ovn-nb(5). */

/** The actions of flows that drop. */
export interface DropActions {
  /** Where a flow exists to drop. */
  readonly drop: string;
  /** Where an ACL's other actions end without `next;`. */
  readonly implicitDrop: string;
}

/** The drop actions that `options` of NB_Global ask for. */
export function dropActions(options: Readonly<Record<string, string>>): DropActions {
  const collectorSet = unsigned(options.debug_drop_collector_set);
  const domain = unsigned(options.debug_drop_domain_id);
  if (collectorSet === 0 || domain >= 255) return { drop: 'drop;', implicitDrop: '/* drop */' };
  // ovn-northd prints the unsigned identifier as a signed one.
  const set = collectorSet | 0;
  const sample = `sample(probability=65535,collector_set=${set},obs_domain=${domain},obs_point=$cookie); /* drop */`;
  return { drop: sample, implicitDrop: sample };
}

function unsigned(text: string | undefined): number {
  if (text === undefined || !/^\s*\+?\d+$/.test(text)) return 0;
  const value = Number(text);
  return value < 2 ** 32 ? value : 0;
}

/**
 * What changes when one network takes another's place: exactly the traffic that is
 * newly allowed and newly denied, with a packet for each.
 *
 *     const { verdict, changes } = diffNetworks({ southbound: before }, { southbound: after });
 */
export { type DiffOptions, diffNetworks } from './diff.ts';
export { type Groups, groupsOf } from './groups.ts';
export { diffText } from './text.ts';
export type { Change, DiffSide, Doubt, NetworkDiff, PortNote } from './types.ts';

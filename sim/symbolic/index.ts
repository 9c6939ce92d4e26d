/**
 * All packets at once: what the logical flows do with every packet that may
 * enter, as classes of packets that have one fate.
 */
export { analyse, inportIn, openWorkshop, packetSpace, type Workshop } from './analyse.ts';
export { bundlesOf, packetsIn } from './bundles.ts';
export { fieldIndex, headerFields, packetFields } from './fields.ts';
export { gapsOf } from './gaps.ts';
export { type Certainty, matching, testOf } from './matching.ts';
export { type NetworkOptions, networkOf, numbersOf } from './network.ts';
export { at, headerRewrites, placeIndex, places, read, readNamed, type Store } from './store.ts';
export type * from './types.ts';
export type { Piece, Value } from './value.ts';

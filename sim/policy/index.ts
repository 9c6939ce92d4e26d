/** Policies: what a user promises of a network, and tells of it (docs/policy.md); sim/rules proves it. */
export { excused, isEnabled, isExpired } from './exceptions.ts';
export { type ExplainedPort, type ExplainedSet, explainSet, explanationText } from './explain.ts';
export { type EdgePlace, type HostAddress, type Inventory, inventoryIn, inventoryOf, type Place } from './inventory.ts';
export type * from './policy.ts';
export { type PolicyReading, type ReadPolicyOptions, readPolicy } from './read.ts';
export { type Condition, type Extent, extentOf, isMember, meets, unknownNames } from './select.ts';

/** Policies: a user's own promises about a network (docs/policy.md). */
export { type Claim, claimOf, inventoryIn } from './claim.ts';
export { excused, isEnabled, isExpired } from './exceptions.ts';
export { type ExplainedPort, type ExplainedSet, explainSet, explanationText } from './explain.ts';
export { type EdgePlace, type Inventory, inventoryOf, type Place } from './inventory.ts';
export type * from './policy.ts';
export { exceptionsId, type PolicyOptions, policyProperties, policyWatch } from './properties.ts';
export { type PolicyReading, type ReadPolicyOptions, readPolicy } from './read.ts';
export { type Extent, extentOf } from './select.ts';

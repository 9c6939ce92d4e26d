/** The rules of policies, proven: docs/policy.md. */
export { type Claim, claimOf } from './claim.ts';
export { exceptionsId, type PolicyOptions, policyProperties, policyWatch } from './properties.ts';
export { comparison, type OtherNetwork } from './unchanged.ts';

/**
 * Rules in hardware: devices that take the rules of engine/offload/rules.ts, and the exchange of one set of rules for
 * another without a moment between them.  docs/offload/binding.md tells how the parts fit.
 */
export { type Applied, ApplyError, applyRules, type Intent } from './apply.ts';
export { type Changed, compareRules, type Difference, isSame } from './compare.ts';
export { connectDevice, type OffloadDevice, openDevice } from './device.ts';
export { type State, stateOf } from './generations.ts';
export { type Forced, type Intended, readJournal } from './journal.ts';
export { applyJournaled, type Interrupted, type Journaled } from './journaled.ts';
export type { DeviceOptions, Fate, IndirectAction, InstalledRule, Outcome, Port } from './protocol.ts';
export { type DeviceProcess, deviceProgram, startDevice } from './remote.ts';

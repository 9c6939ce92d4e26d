/** What the module of the packet plane exports. */
export { giveBack, reserve, reserved } from './arena';
export { backendsFull, clearBackends } from './backends';
export { initPlane, inject, inputsAt, process } from './batch';
export { ctCarry, ctCurrent } from './carried';
export {
  CT_DESCRIPTION,
  ctCount,
  ctDescribe,
  ctExpire,
  ctFlush,
  ctLimit,
  ctNext,
} from './census';
export { lookup } from './classify';
export { dropConnections } from './connections';
export { ctConn, ctDirection, ctInit, ctProcess, ctSeed, ctVersion } from './conntrack';
export { cacheCounters, dropCounters, flowCounter, portRecord, setPort } from './counters';
export { addEnd, clearEnds, endAddresses, tunnelRecord } from './encap';
export { extract, setThresholds, thresholdsAt, wantHash } from './extract';
export { ctFragments, ctReleased, ctReleasedFrom, ctReleasedTo } from './fragments';
export { outputsAt, outputsCount, puntsAt, puntsCount, release } from './frames';
export { findFrozen, freeze, frozenFlow, frozenMetadata, frozenPlace, refreeze } from './frozen';
export { equalMember, groupHash, memberByScore, memberOf, symmetricGroupHash } from './groups';
export { packetHash, setSeed, symmetricHash } from './hash';
export { setTagLimit } from './headers';
export {
  forget,
  forgetAll,
  forgetEnded,
  key as learnedKey,
  learn,
  learnedChanges,
  learnedCount,
  nextLearned,
  takeChangedTags,
} from './learned';
export {
  ageMegaflows,
  installMegaflow,
  invalidateAll,
  invalidateTables,
  invalidateTags,
  lookupMegaflow,
  megaflowCount,
  megaflowFrom,
  megaflowNumber,
  pushAllCounters,
} from './megaflows';
export { meterDrops, setMeter } from './meters';
export { addCapture, clearCaptures, replay } from './replay';
export { setWord } from './rewrite';
export { popTag, pushTag } from './tags';
export { ctTouch, ctTranslate } from './touching';
export {
  loadImage,
  translate,
  translatedFlowCount,
  translatedFlows,
  translatedMask,
  translatedProgram,
  translatedTags,
  translatedVisited,
  translatedWords,
} from './walk';
export { allowWays } from './ways';
export { KNOWN, WC } from './wildcards';

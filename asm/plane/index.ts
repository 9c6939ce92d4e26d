/** What the module of the packet plane exports. */
export { reserve, reserved } from './arena';
export { backendsFull, clearBackends } from './backends';
export { lookup } from './classify';
export {
  CT_DESCRIPTION,
  ctConn,
  ctCount,
  ctDescribe,
  ctDirection,
  ctExpire,
  ctFlush,
  ctInit,
  ctLimit,
  ctNext,
  ctProcess,
  ctSeed,
  ctTouch,
  ctTranslate,
  ctVersion,
} from './conntrack';
export { extract } from './extract';
export { findFrozen, freeze, frozenFlow, frozenMetadata, frozenPlace } from './frozen';
export {
  forget,
  forgetAll,
  forgetEnded,
  key as learnedKey,
  learn,
  learnedCount,
  nextLearned,
  takeChangedTags,
} from './learned';
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
export { KNOWN, WC } from './wildcards';

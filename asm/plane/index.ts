/** What the module of the packet plane exports. */
export { reserve, reserved } from './arena';
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
export { KNOWN, WC } from './wildcards';

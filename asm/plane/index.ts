/** What the module of the packet plane exports. */
export { reserve, reserved } from './arena';
export { lookup } from './classify';
export { KNOWN, WC } from './wildcards';

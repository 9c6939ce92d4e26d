/** What the module of the packet plane exports. */
export { reserve, reserved } from './arena';

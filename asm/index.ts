/** What the module exports. */
export { checksum, update16, update32 } from './checksum';
export { fillChecksums, parseFrame } from './frame';

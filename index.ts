/** The public API of `lflow`: the engine and the simulator, for Node.js and for browsers. */
export { type FrameOptions, type ParsedFrame, parseFrame, parseHex, withChecksums } from './engine/frame.ts';
export { formatProblem, InputError, type Origin, type Position, type Problem } from './engine/origin.ts';

/** `lflow offload` as a test calls it. */
import { type Answered, answerOf } from '../answer.ts';

/** Runs `lflow offload ...`. */
export const offload = (...args: string[]): Promise<Answered> => answerOf('offload', ...args);

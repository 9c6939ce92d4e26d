/** The options that make ovn-trace, which remembers nothing, go the way of a packet whose connection is known. */
import { ctStateText } from '../trace/values.ts';
import type { Choice } from './traced.ts';

/** `--ct=est,rpl` for each state that conntrack found, in turn, and `--select-id` for the members that choices took. */
export function ctOptions(states: readonly number[], choice: Choice | undefined): string[] {
  const found = states.map((state) => `--ct=${ctStateText(state).replaceAll('|', ',') || 'trk'}`);
  return [...found, ...(choice?.selectId === undefined ? [] : [`--select-id=${choice.selectId}`])];
}

/** What nothing is known of. */
import type { Run } from './run.ts';
import { unknownOf, type Value } from './value.ts';

/** What nothing is known of: the same for who asks for the same, so that packets that go round look alike at last. */
export function unknownOnce({ memory, stores }: Pick<Run, 'memory' | 'stores'>, what: string, width: number): Value {
  let value = memory.unknowns.get(what);
  if (!value) {
    value = unknownOf(stores.values, width);
    memory.unknowns.set(what, value);
  }
  return value;
}

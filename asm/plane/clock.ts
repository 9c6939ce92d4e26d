/** The time that everything in the plane goes by: milliseconds since the engine started. */

/** Milliseconds; wraps after 49 days, so compare by difference. */
export let now: u32 = 0;

/** Sets the time; called once a batch. */
export function setNow(milliseconds: u32): void {
  now = milliseconds;
}

/** What comes into force a while after it was found out: what chassis learn passes through the southbound database. */
import type { Chassis, Timed } from './chassis.ts';

interface Pending {
  readonly at: number;
  act: () => void;
}

export class Delayed implements Timed {
  private readonly chassis: Pick<Chassis, 'now'>;
  private readonly delay: number;
  private readonly pending = new Map<string, Pending>();

  /** `delay` in milliseconds. */
  constructor(chassis: Pick<Chassis, 'now'>, delay: number) {
    this.chassis = chassis;
    this.delay = delay;
  }

  /** Does it after the delay, at once if there is none; what was to be done under the same key is not. */
  soon(key: string, act: () => void): void {
    if (this.delay === 0) {
      act();
      return;
    }
    const known = this.pending.get(key);
    if (known) known.act = act;
    else this.pending.set(key, { at: this.chassis.now + this.delay, act });
  }

  due(): number {
    // They come in the order of their times.
    const [first] = this.pending.values();
    return first?.at ?? Number.POSITIVE_INFINITY;
  }

  run(): void {
    for (const [key, { at, act }] of this.pending) {
      if (at > this.chassis.now) return;
      this.pending.delete(key);
      act();
    }
  }
}

/** Limits of what flows may ask of the controller (CoPP, `controller_meter`): a token bucket a meter, by the node's clock. */
import type { MeterSettings } from '../ovsdb/southbound.ts';

interface Bucket {
  readonly settings: MeterSettings;
  /** Packets or bits that may pass, in thousandths of the unit. */
  tokens: number;
  at: number;
}

export class Limits {
  private buckets = new Map<string, Bucket>();

  /** Meters that stay the same keep what they have counted. */
  use(meters: readonly MeterSettings[], now: number): void {
    const old = this.buckets;
    this.buckets = new Map(
      meters.map((settings) => {
        const known = old.get(settings.name);
        const isSame = known && JSON.stringify(known.settings) === JSON.stringify(settings);
        return [settings.name, isSame ? known : { settings, tokens: fullOf(settings), at: now }];
      }),
    );
  }

  /** Whether a packet of so many bytes passes the meter; all pass one that nobody has set. */
  pass(meter: string, bytes: number, now: number): boolean {
    const bucket = meter === '' ? undefined : this.buckets.get(meter);
    if (!bucket || bucket.settings.rate === 0) return true;
    const { settings } = bucket;
    bucket.tokens = Math.min(fullOf(settings), bucket.tokens + (now - bucket.at) * settings.rate);
    bucket.at = now;
    // Thousandths of packets, and bits of kilobits.
    const cost = settings.unit === 'pktps' ? 1000 : bytes * 8;
    if (bucket.tokens < cost) return false;
    bucket.tokens -= cost;
    return true;
  }
}

/** A bucket holds the burst, or without one what a second lets through. */
const fullOf = ({ rate, burst }: MeterSettings): number => 1000 * (burst === 0 ? rate : burst);

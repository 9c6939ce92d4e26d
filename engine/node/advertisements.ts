/** Router advertisements that router ports send by themselves (controller/pinctrl.c, `send_ipv6_ras`; ovn-sb(5), `ipv6_ra_...`). */
import { type PeriodicAdvertisement, periodicAdvertisement } from './answer/index.ts';
import type { Chassis, Timed } from './chassis.ts';

interface Sender {
  advertisement: PeriodicAdvertisement;
  /** The switch port that the frame comes in by. */
  peer: string;
  at: number;
}

export class Advertisements implements Timed {
  private readonly chassis: Chassis;
  private readonly senders = new Map<string, Sender>();

  constructor(chassis: Chassis) {
    this.chassis = chassis;
  }

  /** The database or the program is another one. */
  update(): void {
    const seen = new Set<string>();
    for (const { view } of this.chassis.program.datapaths) {
      for (const { binding } of view.ports) {
        const { options, logicalPort } = binding;
        if (options.ipv6_ra_send_periodic !== 'true' || options.peer === undefined) continue;
        const advertisement = periodicAdvertisement(options);
        if (typeof advertisement === 'string') continue;
        seen.add(logicalPort);
        const known = this.senders.get(logicalPort);
        const isSame =
          known?.advertisement.minInterval === advertisement.minInterval &&
          known.advertisement.maxInterval === advertisement.maxInterval;
        const at = known && isSame ? known.at : this.next(advertisement);
        this.senders.set(logicalPort, { advertisement, peer: options.peer, at });
      }
    }
    for (const name of this.senders.keys()) if (!seen.has(name)) this.senders.delete(name);
  }

  due(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...[...this.senders.values()].map(({ at }) => at));
  }

  run(): void {
    for (const sender of this.senders.values()) {
      if (sender.at > this.chassis.now) continue;
      const place = this.chassis.placeOf(sender.peer);
      if (place) this.chassis.enter(place, sender.advertisement.frame, { localOnly: true });
      sender.at = this.next(sender.advertisement);
    }
  }

  private next({ minInterval, maxInterval }: PeriodicAdvertisement): number {
    const spread = 1000 * (maxInterval - minInterval);
    return this.chassis.now + Math.max(1, 1000 * minInterval + this.chassis.random(Math.max(1, spread)));
  }
}

/**
 * What was learned is forgotten after a while where the database says so:
 * `mac_binding_age_threshold` of routers and `fdb_age_threshold` of switches, in seconds
 * (ovn-nb(5); Datapath_Binding's `external_ids` since OVN 23.09).
 */
import type { Chassis, Timed } from './chassis.ts';
import type { Neighbors } from './neighbors.ts';

export class Ageing implements Timed {
  private readonly chassis: Chassis;
  private readonly neighbors: Neighbors;

  constructor(chassis: Chassis, neighbors: Neighbors) {
    this.chassis = chassis;
    this.neighbors = neighbors;
  }

  due(): number {
    const { bindings, addresses } = this.neighbors;
    if (bindings.size + addresses.size === 0 || !this.isAsked()) return Number.POSITIVE_INFINITY;
    return Math.min(...this.ends().map(({ at }) => at));
  }

  run(): void {
    let isNews = false;
    for (const { at, forget } of this.ends()) {
      if (at > this.chassis.now) continue;
      forget();
      isNews = true;
    }
    if (isNews) this.neighbors.tell();
  }

  private isAsked(): boolean {
    return this.chassis.program.datapaths.some(({ view: { binding } }) =>
      ['mac_binding_age_threshold', 'fdb_age_threshold'].some((name) => thresholdOf(binding.externalIds[name]) > 0),
    );
  }

  /** When each thing that was learned ends. */
  private ends(): { at: number; forget: () => void }[] {
    const { bindings, addresses } = this.neighbors;
    const views = this.chassis.program.datapaths.map(({ view }) => view.binding);
    const byUuid = new Map(views.map((binding) => [binding.uuid, binding.externalIds]));
    const byKey = new Map(views.map((binding) => [binding.tunnelKey, binding.externalIds]));
    const end = (since: number, threshold: number): number => (threshold > 0 ? since + 1000 * threshold : Infinity);
    return [
      ...[...bindings].map(([key, { logicalPort, since }]) => {
        const datapath = this.chassis.placeOf(logicalPort)?.binding.datapath ?? '';
        const threshold = thresholdOf(byUuid.get(datapath)?.mac_binding_age_threshold);
        return { at: end(since, threshold), forget: () => bindings.delete(key) };
      }),
      ...[...addresses].map(([key, { datapathKey, since }]) => {
        const threshold = thresholdOf(byKey.get(datapathKey)?.fdb_age_threshold);
        return { at: end(since, threshold), forget: () => addresses.delete(key) };
      }),
    ];
  }
}

/** Seconds; of a list by networks the one that holds for all others. */
function thresholdOf(text: string | undefined): number {
  const whole = (text ?? '').split(';').findLast((part) => !part.includes(':')) ?? '';
  const seconds = Number.parseInt(whole, 10);
  return Number.isNaN(seconds) ? 0 : seconds;
}

/**
 * What was learned is forgotten after a while where the database says so:
 * `mac_binding_age_threshold` of routers and `fdb_age_threshold` of switches, in seconds
 * (ovn-nb(5); Datapath_Binding's `external_ids` since OVN 23.09).
 *
 * What ends first stands first in a heap.  What was learned once more since ends later than it says there: that
 * is seen when its turn comes.
 */
import type { DatapathBinding } from '../ovsdb/southbound.ts';
import type { Program } from '../program/index.ts';
import type { Chassis, Timed } from './chassis.ts';
import { Heap } from './heap.ts';
import type { LearnedKey, Neighbors } from './neighbors.ts';

export class Ageing implements Timed {
  private readonly chassis: Chassis;
  private readonly neighbors: Neighbors;
  private readonly ends = new Heap<LearnedKey>();
  /** The program whose datapaths the times are of, and the seconds that they say. */
  private program: Program | undefined;
  private byUuid: ReadonlyMap<string, number> = new Map();
  private byKey: ReadonlyMap<number, number> = new Map();

  constructor(chassis: Chassis, neighbors: Neighbors) {
    this.chassis = chassis;
    this.neighbors = neighbors;
    neighbors.whenLearned((learned) => this.add(learned));
  }

  due(): number {
    this.use(this.chassis.program);
    for (;;) {
      const [at, learned] = this.ends.first() ?? [];
      if (at === undefined || !learned) return Number.POSITIVE_INFINITY;
      const end = this.endOf(learned);
      if (end === at) return at;
      this.ends.shift();
      this.ends.push(end, learned);
    }
  }

  run(): void {
    while (this.due() <= this.chassis.now) {
      const [, learned] = this.ends.shift() ?? [];
      if (learned) this.neighbors.forget(learned);
    }
  }

  /** Another program has other datapaths, which may say other times. */
  private use(program: Program): void {
    if (program === this.program) return;
    this.program = program;
    const bindings = program.datapaths.map(({ view }) => view.binding);
    const timed = (name: string): DatapathBinding[] =>
      bindings.filter(({ externalIds }) => thresholdOf(externalIds[name]) > 0);
    const bindingName = 'mac_binding_age_threshold';
    const addressName = 'fdb_age_threshold';
    this.byUuid = new Map(timed(bindingName).map((each) => [each.uuid, thresholdOf(each.externalIds[bindingName])]));
    this.byKey = new Map(
      timed(addressName).map((each) => [each.tunnelKey, thresholdOf(each.externalIds[addressName])]),
    );
    this.ends.clear();
    if (this.byUuid.size > 0) for (const key of this.neighbors.bindings.keys()) this.push({ kind: 'binding', key });
    if (this.byKey.size > 0) for (const key of this.neighbors.addresses.keys()) this.push({ kind: 'address', key });
  }

  private add(learned: LearnedKey): void {
    const isAsked = learned.kind === 'binding' ? this.byUuid.size > 0 : this.byKey.size > 0;
    if (isAsked) this.push(learned);
  }

  private push(learned: LearnedKey): void {
    this.ends.push(this.endOf(learned), learned);
  }

  /** When it is to be forgotten; Infinity if never, or if it is already. */
  private endOf({ kind, key }: LearnedKey): number {
    if (kind === 'binding') {
      const binding = this.neighbors.bindings.get(key);
      const datapath = binding && this.chassis.placeOf(binding.logicalPort)?.binding.datapath;
      return endAfter(binding?.since, this.byUuid.get(datapath ?? ''));
    }
    const address = this.neighbors.addresses.get(key);
    return endAfter(address?.since, address && this.byKey.get(address.datapathKey));
  }
}

const endAfter = (since: number | undefined, seconds: number | undefined): number =>
  since === undefined || seconds === undefined ? Number.POSITIVE_INFINITY : since + 1000 * seconds;

/** Seconds; of a list by networks the one that holds for all others. */
function thresholdOf(text: string | undefined): number {
  const whole = (text ?? '').split(';').findLast((part) => !part.includes(':')) ?? '';
  const seconds = Number.parseInt(whole, 10);
  return Number.isNaN(seconds) ? 0 : seconds;
}

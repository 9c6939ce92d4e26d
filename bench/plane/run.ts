/**
 * A scenario of the peer's on lflow's packet plane: prepared, measured, and
 * looked at whether it was what it is called.
 */
import type { CacheCounters } from '../../engine/node/plane.ts';
import { type Scenario, type ScenarioKind, scenarioText } from '../peer/scenarios.ts';
import { Subject } from './subject.ts';

/** What lflow did in a while. */
export interface PlaneMeasurement {
  packets: number;
  seconds: number;
  /** Seconds of CPU that this process had. */
  coreSeconds: number;
  mpps: number;
  /** Packets that were sent to the scenario's ports. */
  delivered: number;
  /** Connections that were opened. */
  opened: number;
  caches: Record<keyof CacheCounters, number>;
  /** Packets dropped. */
  drops: number;
}

/** Frames between two looks at the clock. */
const chunk = 32_768;

/** Measures a scenario, some runs one after the other; throws if it was another.  `loaded` is called before the first packet. */
export function measurePlane(
  scenario: Scenario,
  chassis: string,
  effort: { seconds: number; runs: number },
  loaded: () => void = () => {},
): PlaneMeasurement[] {
  const subject = prepare(scenario, chassis, effort.seconds, loaded);
  const measured: PlaneMeasurement[] = [];
  for (let run = 0; run < effort.runs; run++) {
    const measurement = measure(subject, scenario, effort.seconds);
    const complaints = complaintsOf(scenario, measurement);
    if (complaints.length > 0) throw new Error(`${scenarioText(scenario)}: ${complaints.join('; ')}`);
    measured.push(measurement);
  }
  return measured;
}

/** A plane that has seen everything, and whose code has run for about so long that it is compiled well. */
export function prepare(scenario: Scenario, chassis: string, seconds: number, loaded = () => {}): Subject {
  const subject = new Subject(scenario.northbound, {
    chassis,
    neighbours: scenario.neighbours,
    megaflows: 1 << 16,
    connections: 1 << 20,
    entries: 1 << 18,
  });
  loaded();
  const { input, replies } = scenario;
  const frames = input.frames();
  if (replies) {
    // Requests and replies by turns: each connection is answered before it is used again.
    subject.feed([
      { port: input.port, frames },
      { port: replies.port, frames: replies.frames() },
    ]);
    subject.send(8 * frames.length);
  }
  subject.feed([{ port: input.port, frames }]);
  subject.send(Math.max(4 * frames.length, 2_000_000 * Math.min(seconds, 1)));
  return subject;
}

function measure(subject: Subject, { kind, count, outputs }: Scenario, seconds: number): PlaneMeasurement {
  const delivered = () => outputs.reduce((sum, port) => sum + subject.sentTo(port), 0);
  const before = { caches: cachesOf(subject), drops: dropsOf(subject), delivered: delivered() };
  let packets = 0;
  let opened = 0;
  let elapsed = 0;
  let core = 0;
  while (elapsed < seconds * 1000) {
    if (kind === 'new-connections') subject.forgetConnections();
    const cpu = process.cpuUsage();
    const begin = performance.now();
    // Forgetting megaflows is part of the work: the peer's are forgotten by another core.
    if (kind === 'misses') subject.forgetMegaflows();
    packets += subject.send(kind === 'new-connections' || kind === 'misses' ? count : chunk);
    elapsed += performance.now() - begin;
    const used = process.cpuUsage(cpu);
    core += used.user + used.system;
    if (kind === 'new-connections') opened += subject.connections() / zonesOfConnection;
  }
  const after = cachesOf(subject);
  const caches = { ...after };
  for (const name of Object.keys(after) as (keyof CacheCounters)[]) caches[name] -= before.caches[name];
  return {
    packets,
    seconds: elapsed / 1000,
    coreSeconds: core / 1e6,
    mpps: packets / elapsed / 1000,
    delivered: delivered() - before.delivered,
    opened,
    caches,
    drops: dropsOf(subject) - before.drops,
  };
}

/** Zones of a gateway router that OVN commits a connection to: for DNAT and for SNAT. */
const zonesOfConnection = 2;

function cachesOf({ plane }: Subject): Record<keyof CacheCounters, number> {
  const counters = plane.cacheCounters();
  return Object.fromEntries(Object.entries(counters).map(([name, count]) => [name, Number(count)])) as Record<
    keyof CacheCounters,
    number
  >;
}

const dropsOf = ({ plane }: Subject): number => Number(plane.dropCounters().reduce((sum, count) => sum + count, 0n));

/** Least and most of each figure, for each packet that came in. */
const everywhere = { delivered: [1, 1], drops: [0, 0] } as const;
const expected = {
  'east-west': { ...everywhere, misses: [0, 0.001], opened: [0, 0] },
  'source-nat': { ...everywhere, misses: [0, 0.001], opened: [0, 0], connections: [0.9, 1] },
  'new-connections': { ...everywhere, misses: [0, 0.001], opened: [0.98, 1], recirculations: [1.98, 2.02] },
  misses: { ...everywhere, misses: [0.98, 1.02], opened: [0, 0] },
} as const satisfies Record<ScenarioKind, Readonly<Record<string, readonly [least: number, most: number]>>>;

/** Why a measurement is not of what the scenario is called. */
export function complaintsOf({ kind }: Pick<Scenario, 'kind'>, measurement: PlaneMeasurement): string[] {
  const { packets, delivered, drops, opened, caches } = measurement;
  if (packets === 0) return ['no packets came in'];
  const figures: Readonly<Record<string, number>> = { ...caches, delivered, drops, opened };
  return Object.entries(expected[kind]).flatMap(([figure, [least, most]]) => {
    const share = (figures[figure] ?? Number.NaN) / packets;
    return share >= least && share <= most
      ? []
      : [`${figure}: ${share.toFixed(4)} for each packet, not ${least} to ${most}`];
  });
}

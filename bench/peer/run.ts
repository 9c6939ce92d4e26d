/**
 * A scenario on real OVN: prepared, measured, and looked at whether it was
 * what it is called, for a switch that drops everything is fast.
 */
import { writeCapture } from '../../engine/capture/index.ts';
import { nbctlScript } from '../../engine/ovsdb/nbctl.ts';
import type { Central } from '../../test/oracle/sandbox.ts';
import { type DpdkPeer, type Measurement, startDpdkPeer } from './dpdk.ts';
import { type Scenario, scenarioText } from './scenarios.ts';

export interface Effort {
  /** How long a run takes at least. */
  seconds: number;
  runs: number;
  /** The peer keeps packets on huge pages, if the machine has any. */
  hugePages: boolean;
}

/** What was seen besides the measurement itself. */
export interface Sighting extends Measurement {
  /** Packets that opened a connection, of those that were tracked. */
  opened: number;
}

/** Measures a scenario on a chassis of its own, some runs one after the other; rejects if it was another. */
export async function measurePeer(central: Central, scenario: Scenario, effort: Effort): Promise<Sighting[]> {
  await central.load(nbctlScript(scenario.northbound));
  await central.learn({ macBindings: [...scenario.neighbours], fdb: [] });
  const peer = await startDpdkPeer(central, effort);
  try {
    await prepare(peer, scenario);
    const sightings: Sighting[] = [];
    for (let run = 0; run < effort.runs; run++) {
      const sighting = await (scenario.kind === 'new-connections' ? openConnections : watch)(peer, effort.seconds);
      const complaints = complaintsOf(scenario, sighting);
      if (complaints.length > 0) {
        const flows = (await peer.megaflows()).slice(0, 20).map(({ flow }) => flow);
        throw new Error([`${scenarioText(scenario)}: ${complaints.join('; ')}`, ...flows].join('\n'));
      }
      sightings.push(sighting);
    }
    return sightings;
  } finally {
    await peer.stop();
  }
}

async function prepare(peer: DpdkPeer, scenario: Scenario): Promise<void> {
  const { input, replies, outputs, physicalNetwork, northbound } = scenario;
  const localnets = [...northbound.Logical_Switch_Port.values()].filter(({ type }) => type === 'localnet');
  await peer.localnet(physicalNetwork);
  for (const port of outputs) if (localnets.every(({ name }) => name !== port)) await peer.bind(port);
  await peer.bind(input.port);
  await peer.ready();
  if (scenario.kind === 'misses') {
    // Megaflows go as soon as they may: a tenth of a second after their last packet.
    await peer.configure('max-idle', '100');
    await peer.configure('max-revalidator', '100');
  }
  await peer.bind(input.port, writeCapture(input.frames()));
  await peer.ready();
  if (replies) {
    await peer.localnet(physicalNetwork, writeCapture(replies.frames()));
    await peer.ready();
    await settle(peer, scenario);
    await peer.localnet(physicalNetwork);
    await peer.ready();
  }
  await settle(peer, scenario);
}

/** Waits until the switch knows all flows, where it can, and does what it will go on doing. */
async function settle(peer: DpdkPeer, { kind }: Scenario): Promise<void> {
  const deadline = performance.now() + 60_000;
  for (let calm = 0; calm < 3; ) {
    const { packets, misses, delivered } = await peer.measure(1);
    const isCalm = packets > 0 && delivered > 0 && (kind === 'misses' || misses < packets / 1e4);
    calm = isCalm ? calm + 1 : 0;
    if (performance.now() > deadline) throw new Error(`${kind}: the switch does not come to rest`);
  }
}

/** Measures what goes on.  Megaflows tell packets of connections that no reply was seen of. */
async function watch(peer: DpdkPeer, seconds: number): Promise<Sighting> {
  const before = await openingPackets(peer);
  const measurement = await peer.measure(seconds);
  const after = await openingPackets(peer);
  return { ...measurement, opened: Math.max(after - before, 0) };
}

async function openingPackets(peer: DpdkPeer): Promise<number> {
  const flows = (await peer.megaflows()).filter(({ flow }) => /ct_state\(\+new/.test(flow));
  return Math.max(0, ...flows.map(({ packets }) => packets));
}

/** Shorter than it takes until packets come in for the second time. */
const openingSeconds = 0.4;

/** Zones of a gateway router that OVN 23.03 commits a connection to: for DNAT and for SNAT. */
const zonesOfConnection = 2;

/**
 * Measures a while after all connections were forgotten, again and again: each
 * packet opens one, as its kind has not come in since.
 */
async function openConnections(peer: DpdkPeer, seconds: number): Promise<Sighting> {
  let sum: Sighting | undefined;
  while (sum === undefined || sum.seconds < seconds) {
    await peer.forgetConnections();
    const measurement = await peer.measure(openingSeconds);
    const opened = Math.min((await peer.connections()) / zonesOfConnection, measurement.packets);
    sum = sumOf({ ...measurement, opened }, sum);
  }
  return sum;
}

function sumOf(one: Sighting, other?: Sighting): Sighting {
  if (!other) return one;
  const packets = one.packets + other.packets;
  const seconds = one.seconds + other.seconds;
  const cycles = ({ cyclesPerPacket = Number.NaN, packets }: Sighting) => cyclesPerPacket * packets;
  return {
    packets,
    seconds,
    coreSeconds: one.coreSeconds + other.coreSeconds,
    mpps: packets / seconds / 1e6,
    delivered: one.delivered + other.delivered,
    opened: one.opened + other.opened,
    recirculations: one.recirculations + other.recirculations,
    emc: one.emc + other.emc,
    megaflow: one.megaflow + other.megaflow,
    misses: one.misses + other.misses,
    lost: one.lost + other.lost,
    cyclesPerPacket: (cycles(one) + cycles(other)) / packets,
  };
}

/** Least and most of each figure, for each packet that came in. */
const everywhere = { delivered: [0.9, 1.1], lost: [0, 0.01], opened: [0, 0.01] } as const;
const untouched = { ...everywhere, misses: [0, 0.001], recirculations: [0, 0.02] } as const;
const translated = { ...everywhere, misses: [0, 0.001], recirculations: [1.98, 2.02] } as const;

const expected: Readonly<
  Record<Scenario['kind'], Partial<Record<keyof Sighting, readonly [least: number, most: number]>>>
> = {
  'east-west': untouched,
  'source-nat': translated,
  'new-connections': { ...translated, opened: [0.98, 1] },
  misses: { ...untouched, misses: [0.98, 1.02] },
};

/** Why a measurement is not of what the scenario is called. */
export function complaintsOf({ kind }: Pick<Scenario, 'kind'>, sighting: Sighting): string[] {
  if (sighting.packets === 0) return ['no packets came in'];
  return (Object.keys(expected[kind]) as (keyof Sighting)[]).flatMap((figure) => {
    const [least, most] = expected[kind][figure] ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    const share = (sighting[figure] ?? Number.NaN) / sighting.packets;
    return share >= least && share <= most
      ? []
      : [`${figure}: ${share.toFixed(4)} for each packet, not ${least} to ${most}`];
  });
}

/** Every packet of small domains, one by one through the tracer, is where the classes of all packets have it: no more, no less. */
import { describe, expect, test } from 'vitest';
import { computeSouthbound } from '../../../engine/northd/index.ts';
import { northboundOfPlan, planTopology } from '../../../engine/vpc/index.ts';
import { analyse, fieldIndex, packetFields } from '../../../sim/symbolic/index.ts';
import { network, node, resourcesOf, vf, vpc } from '../../topology.ts';
import { asTracer, classLines, type Fields, networkOf, packetText, prepare, sayTheSame, trace } from './traced.ts';

const plans = planTopology(
  resourcesOf(
    vpc('red', { interNetworkAccess: false }),
    network('red-a', 'red', '10.1.0.0/24', { externallyRouted: false }),
    network('red-b', 'red', '10.2.0.0/24', { externallyRouted: false }),
    vf('red-a', 2),
    vf('red-a', 3),
    vf('red-b', 4),
    node('n0', 'red'),
  ),
);
const { southbound } = computeSouthbound(northboundOfPlan(plans));
const analysis = analyse(networkOf(southbound));
const { space } = analysis;
const topology = prepare(southbound);

const ports = [...analysis.network.ports.values()].filter(({ edge }) => edge !== undefined);
const [red] = plans;
const macOf = (text: string): bigint => BigInt(`0x${text.replaceAll(':', '')}`);
const hosts = (red?.networks ?? []).flatMap((one) => one.ports.map(({ mac, address = 0 }) => ({ mac, address })));
const [gateway] = red?.networks ?? [];
const macs = [...hosts.slice(0, 2).map(({ mac }) => mac), gateway?.gateway.mac ?? ''].map(macOf);
const addresses = [...hosts.map(({ address }) => address), gateway?.gateway.address ?? 0].map(BigInt);

const kinds: readonly Readonly<Record<string, bigint>>[] = [
  { 'eth.type': 0x800n, 'ip.proto': 1n, 'icmp.type': 8n },
  { 'eth.type': 0x800n, 'ip.proto': 17n, 'tp.src': 1000n, 'tp.dst': 53n },
  { 'eth.type': 0x800n, 'ip.proto': 17n, 'tp.src': 1000n, 'tp.dst': 67n },
  { 'eth.type': 0x806n, 'arp.op': 1n },
];

/** The packets of all combinations of these ports, addresses and kinds. */
function* domain(): Generator<Fields, void> {
  for (const port of ports)
    for (const kind of kinds)
      for (const ethSrc of macs.slice(0, 2))
        for (const ethDst of [...macs, 0xffffffffffffn])
          for (const src of addresses)
            for (const dst of addresses) yield packet(port.number, kind, ethSrc, ethDst, src, dst);
}

function packet(
  port: number,
  kind: Readonly<Record<string, bigint>>,
  ethSrc: bigint,
  ethDst: bigint,
  src: bigint,
  dst: bigint,
): Fields {
  const isArp = kind['eth.type'] === 0x806n;
  const named: Readonly<Record<string, bigint>> = {
    ...kind,
    inport: BigInt(port),
    'eth.src': ethSrc,
    'eth.dst': ethDst,
    ...(isArp
      ? { 'arp.spa': src, 'arp.tpa': dst, 'arp.sha': ethSrc }
      : { 'ip4.src': src, 'ip4.dst': dst, 'ip.ttl': 64n }),
  };
  return asTracer(packetFields.map(({ name }) => named[name] ?? 0n));
}

const cubeOf = (fields: Fields): number =>
  space.cube(
    fields.map((value, field) => ({ field, value, mask: (1n << BigInt(packetFields[field]?.width ?? 0)) - 1n })),
  );

describe('a domain of packets', () => {
  const packets = [...domain()];

  test('arrives at each port exactly as the tracer says', { timeout: 120_000 }, () => {
    const traced = new Map<string, number[]>();
    let delivered = 0;
    for (const one of packets) {
      const { lines, gaps } = trace(topology, analysis, one);
      expect(gaps).toEqual([]);
      if (lines.length > 0) delivered++;
      const own = classLines(analysis, one);
      if (!sayTheSame(own, lines)) expect(own, packetText(one)).toEqual(lines);
      for (const name of new Set(lines.map((line) => line.split(': ')[0] ?? ''))) {
        traced.set(name, [...(traced.get(name) ?? []), cubeOf(one)]);
      }
    }
    expect(delivered).toBeGreaterThan(packets.length / 10);
    const all = space.orAll(packets.map(cubeOf));
    for (const port of ports) {
      const sender = space.cube([{ field: fieldIndex('inport'), value: BigInt(port.number), mask: 0xfffffn }]);
      const arriving = analysis.classes.flatMap(({ end, connection, packets: some }) => {
        if (connection !== 'new') return [];
        if (end.kind === 'sender') return [space.and(some, sender)];
        return end.kind === 'port' && end.port === port ? [some] : [];
      });
      // Sets that are equal have the same number.
      expect(space.and(space.orAll(arriving), all), port.name).toBe(space.orAll(traced.get(port.name) ?? []));
    }
  });

  test('is in one class each, or in one for each copy', () => {
    const classes = analysis.classes.filter(({ connection }) => connection === 'new');
    expect(analysis.ambiguous).toEqual([]);
    let copied = 0;
    for (const one of packets) {
      const own = classes.filter((each) => space.contains(each.packets, one));
      expect(own.length, packetText(one)).toBeGreaterThan(0);
      if (own.length === 1) continue;
      copied++;
      expect(
        own.every((each) => each.copies !== each.packets),
        packetText(one),
      ).toBe(true);
    }
    expect(copied).toBeLessThan(packets.length / 2);
  });
});

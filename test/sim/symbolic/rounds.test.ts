/** Packets that go round: those who come a second way, those whose life ends on the way, and those that are given up. */
import { describe, expect, test } from 'vitest';
import type { Southbound } from '../../../engine/ovsdb/southbound.ts';
import { type Analysis, analyse, type Gap, networkOf, packetFields } from '../../../sim/symbolic/index.ts';
import { southboundFrom } from '../../trace/southbound.ts';
import { asTracer, classLines, type Fields, prepare, trace } from './traced.ts';

const patch = (peer: string) => ({ type: 'patch', options: { peer } });
const out = 'egress 0 0 1 => output;';

function packetFrom(analysis: Analysis, port: string, fields: Record<string, number>): Fields {
  const inport = analysis.network.ports.get(port)?.number ?? 0;
  const all: Record<string, number> = { 'eth.type': 0x800, 'ip.proto': 17, 'ip.ttl': 64, ...fields, inport };
  return asTracer(packetFields.map(({ name }) => BigInt(all[name] ?? 0)));
}

/** Where a packet comes out, as the classes have it, and what the tracer says; only the ports. */
function outcomes(southbound: Southbound, port: string, fields: Record<string, number>) {
  const analysis = analyse(networkOf(southbound));
  const packet = packetFrom(analysis, port, fields);
  const portsOf = (lines: readonly string[]) => [...new Set(lines.map((line) => line.split(':')[0]))];
  return {
    classes: portsOf(classLines(analysis, packet)),
    tracer: portsOf(trace(prepare(southbound), analysis, packet).lines),
    gaps: gapsOf(analysis, packet),
  };
}

const gapsOf = ({ gaps, space }: Analysis, packet: Fields): string[] =>
  gaps.filter((gap: Gap) => space.contains(gap.packets, packet)).map(({ reason }) => reason);

/** A host's switch, and routers that send everything to each other. */
const circle = (routers: number, guard = '1'): Southbound => {
  const names = Array.from({ length: routers }, (_, n) => `r${n}`);
  const error = 'icmp4 { ip4.dst <-> ip4.src; ip.ttl = 255; icmp4.type = 11; icmp4.code = 0; flags.loopback = 1;';
  return southboundFrom({
    s: {
      ports: { h: {}, 's-r0': patch('r0-s') },
      flows: [
        `0 60 inport == "h" && ${guard} => outport = "s-r0"; output;`,
        '0 50 inport == "s-r0" => outport = "h"; output;',
        out,
      ],
    },
    ...Object.fromEntries(
      names.map((name, n) => {
        const [next, last] = [(n + 1) % routers, (n + routers - 1) % routers];
        const home = n === 0 ? 'r0-s' : `${name}-r${last}`;
        return [
          name,
          {
            kind: 'router' as const,
            ports: {
              ...(n === 0 && { 'r0-s': patch('s-r0') }),
              [`${name}-r${next}`]: patch(`r${next}-${name}`),
              [`${name}-r${last}`]: patch(`r${last}-${name}`),
            },
            flows: [
              `0 90 icmp4.type == 11 => outport = "${home}"; flags.loopback = 1; output;`,
              `0 80 ip.ttl == {0, 1} => ${error} outport = "${home}"; output; };`,
              `0 0 ip => ip.ttl--; outport = "${name}-r${next}"; flags.loopback = 1; output;`,
              out,
            ],
          },
        ];
      }),
    ),
  });
};

describe('a loop of routers', () => {
  test.each([2, 3, 5])('%i of them: who sends is told when its packet has no hop left', (routers) => {
    for (const ttl of [1, 2, 5, 64, 255]) {
      const { classes, tracer, gaps } = outcomes(circle(routers), 'h', { 'ip.ttl': ttl, 'ip.proto': 17 });
      expect(tracer).toEqual(['h']);
      expect([...classes, ...gaps], `ttl ${ttl}`).not.toEqual([]);
      if (routers === 2) expect(classes).toEqual(['h']);
    }
  });

  test('where only fresh packets come in, they are told, too', () => {
    const { classes, tracer } = outcomes(circle(2, 'ip.ttl == 64'), 'h', { 'ip.ttl': 64 });
    expect(tracer).toEqual(['h']);
    expect(classes).toEqual(['h']);
  });
});

/** Conntrack by itself: what it finds of packets, what translation makes of them, and how answers are translated back. */
import { describe, expect, test } from 'vitest';
import { formatIpv4 } from '../../../engine/address.ts';
import { answerTo, openerOf, withFields } from '../../../sim/answers/story.ts';
import { matchSet } from '../../../sim/policy/packets.ts';
import { type Analysis, analyse, packetFields } from '../../../sim/symbolic/index.ts';
import { trackingConntrack } from '../../../sim/trace/index.ts';
import { type SwitchText, southboundFrom } from '../../trace/southbound.ts';
import { asTracer, type Fields, isSaid, linesOf, networkOf, packetText, prepare, trace } from './traced.ts';

const patch = (peer: string) => ({ type: 'patch', options: { peer } });
const [host, server, published] = [0x0a000005, 0x09090909, 0x07070707];

type Kind = 'snat' | 'dnat' | 'both';
const isDnat = (kind: Kind): boolean => kind !== 'snat';
const isSnat = (kind: Kind): boolean => kind !== 'dnat';

/** What a router has its packets come from. */
const address = (n: number): number => 0x64400002 + 256 * n;

/** A router that lets nothing in but answers; `to` is where it sends who asks for `from`. */
const router = (n: number, kind: Kind, from: string, to: string): SwitchText => {
  const [inside, outside] = [`r${n}-i`, `r${n}-o`];
  return {
    kind: 'router',
    ports: { [inside]: patch(n === 0 ? 's-r' : `r${n - 1}-o`), [outside]: patch('') },
    flows: [
      `0 50 inport == "${outside}" => ct_snat;`,
      ...(isDnat(kind) ? [`0 40 inport == "${inside}" && ip4.dst == ${from} => ct_dnat(${to});`] : []),
      '0 0 1 => next;',
      `1 50 inport == "${outside}" && ct.rpl => outport = "${inside}"; output;`,
      ...(isSnat(kind) ? [] : [`1 40 inport == "${outside}" && ip4.src == ${to} => outport = "${inside}"; output;`]),
      `1 30 inport == "${outside}" => drop;`,
      `1 0 1 => outport = "${outside}"; output;`,
      ...(isSnat(kind) ? [`egress 0 50 outport == "${outside}" => ct_snat(${formatIpv4(address(n))});`] : []),
      ...(isDnat(kind) ? [`egress 0 40 outport == "${inside}" => ct_dnat;`] : []),
      'egress 0 0 1 => next;',
      'egress 1 0 1 => output;',
    ],
  };
};

const through = (inside: string, outside: string, guard = '1'): string[] => [
  `0 50 inport == "${inside}" && ${guard} => outport = "${outside}"; output;`,
  `0 40 inport == "${outside}" => outport = "${inside}"; output;`,
  'egress 0 0 1 => output;',
];

/** A host behind routers one after the other, and whoever is outside. */
function chain(kinds: readonly Kind[]) {
  const last = kinds.length - 1;
  const asked = (n: number) => formatIpv4(kinds.slice(0, n).some(isDnat) ? server : published);
  const routers = kinds.map((kind, n) => {
    const made = router(n, kind, asked(n), formatIpv4(server));
    const peer = n === last ? 'o-r' : `r${n + 1}-i`;
    return [`r${n}`, { ...made, ports: { ...made.ports, [`r${n}-o`]: patch(peer) } }] as const;
  });
  return southboundFrom({
    s: { ports: { a: {}, 's-r': patch('r0-i') }, flows: through('a', 's-r', `ip4.src == ${formatIpv4(host)}`) },
    ...Object.fromEntries(routers),
    o: { ports: { u: {}, 'o-r': patch(`r${last}-o`) }, flows: through('u', 'o-r') },
  });
}

const values: Readonly<Record<string, number>> = {
  'eth.type': 0x800,
  'ip.proto': 17,
  'ip.ttl': 64,
  'ip4.src': host,
  'tp.src': 1000,
  'tp.dst': 53,
};

const packetFrom = ({ network }: Analysis, port: string, fields: Readonly<Record<string, number>>): Fields => {
  const all: Readonly<Record<string, number>> = { ...values, ...fields, inport: network.ports.get(port)?.number ?? 0 };
  return asTracer(packetFields.map(({ name }) => BigInt(all[name] ?? 0)));
};

/** All that the fields of both openers may say, with these for addresses. */
function tellings(sources: readonly number[], destinations: readonly number[]): Record<string, bigint>[] {
  const one = (name: string) =>
    sources.flatMap((src4) =>
      destinations.map((dst4) => ({
        [`${name}.src4`]: BigInt(src4),
        [`${name}.dst4`]: BigInt(dst4),
        [`${name}.sport`]: 1000n,
        [`${name}.dport`]: 53n,
      })),
    );
  return one('opener').flatMap((first) => one('opener.1').map((second) => ({ ...first, ...second })));
}

describe.each<[string, Kind[], 'exactly' | 'may']>([
  ['source NAT', ['snat'], 'exactly'],
  ['destination NAT', ['dnat'], 'exactly'],
  ['source NAT twice', ['snat', 'snat'], 'exactly'],
  ['both, by one router', ['both'], 'exactly'],
  ['both, by two routers', ['dnat', 'snat'], 'exactly'],
  ['source NAT three times', ['snat', 'snat', 'snat'], 'may'],
  ['source NAT four times', ['snat', 'snat', 'snat', 'snat'], 'may'],
  ['source NAT twice behind destination NAT', ['dnat', 'snat', 'snat'], 'may'],
  ['source NAT before and behind destination NAT', ['snat', 'both', 'snat'], 'may'],
])('%s', (_, kinds, certainty) => {
  const southbound = chain(kinds);
  const analysis = analyse(networkOf(southbound));
  const topology = prepare(southbound);
  const ip = kinds.some(isDnat) ? published : server;
  const asking = packetFrom(analysis, 'a', { 'ip4.dst': ip });
  const conntrack = trackingConntrack();
  const [asked] = trace(topology, analysis, asking, conntrack).delivered;
  const answer = asked && answerTo(asked);
  const traced = answer ? trace(topology, analysis, answer, conntrack) : undefined;

  test('is undone for the answer, which arrives', () => {
    expect(traced?.lines).toHaveLength(1);
    const [line = ''] = traced?.lines ?? [];
    expect(line).toMatch(new RegExp(`^a: .* ip4.src=${ip.toString(16)} ip4.dst=${host.toString(16)} `));
    const told = tellings([host, ...kinds.map((_kind, n) => address(n))], [server, published]);
    const isExact = certainty === 'exactly';
    const replies = analysis.classes.filter(({ connection, exact }) => connection === 'reply' && exact === isExact);
    const lines = told.flatMap((fields) => linesOf(analysis, replies, withFields(answer ?? [], fields)));
    expect(isSaid(lines, [line]), `${packetText(answer ?? [])}\n${lines}\n${line}`).toBe(true);
    expect(analysis.gaps).toEqual([]);
  });

  if (certainty === 'exactly')
    test('says who asked', () => {
      const { space } = analysis;
      const arriving = analysis.classes.filter(
        ({ end, connection }) => end.kind === 'port' && end.port.name === 'a' && connection === 'reply',
      );
      const asWanted = `udp && ip4.src == ${formatIpv4(ip)} && ip4.dst == ${formatIpv4(host)} && udp.dst == 1000`;
      const packets = arriving.flatMap(({ store, packets: all }) => {
        const packet = space.pick(space.and(all, matchSet(space, asWanted, store, 'must')));
        return packet ? [packet] : [];
      });
      expect(packets).not.toEqual([]);
      for (const packet of packets) {
        const opener = { 'ip4.src': BigInt(host), 'ip4.dst': BigInt(ip), 'tp.src': 1000n };
        expect(openerOf(packet, true), packetText(packet)).toMatchObject(opener);
      }
    });

  test('of what nobody asked for, nothing arrives', () => {
    const strange = packetFrom(analysis, 'u', { 'ip4.src': 0x08080808, 'ip4.dst': address(kinds.length - 1) });
    const arriving = analysis.classes.filter(
      ({ end, packets, connection }) =>
        end.kind === 'port' &&
        end.port.name === 'a' &&
        connection === 'new' &&
        analysis.space.contains(packets, strange),
    );
    expect(arriving).toEqual([]);
  });
});

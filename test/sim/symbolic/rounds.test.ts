/** Packets that go round: those who come a second way, those whose life ends on the way, and those that are given up. */
import { describe, expect, test } from 'vitest';
import type { Southbound } from '../../../engine/ovsdb/southbound.ts';
import {
  type AnalyseOptions,
  type Analysis,
  analyse,
  fieldIndex,
  type Gap,
  networkOf,
  packetFields,
} from '../../../sim/symbolic/index.ts';
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

const cubeOf = (space: Analysis['space'], fields: Fields): number =>
  space.cube(
    fields.map((value, field) => ({ field, value, mask: (1n << BigInt(packetFields[field]?.width ?? 0)) - 1n })),
  );

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

/** What arrives at `h` of what `a` sends, and the gaps that the packet is in. */
function fateOf(southbound: Southbound, options: AnalyseOptions = {}, fields: Record<string, number> = {}) {
  const analysis = analyse(networkOf(southbound), options);
  const packet = packetFrom(analysis, 'a', fields);
  const arriving = analysis.classes.filter(
    ({ end, packets }) => end.kind === 'port' && end.port.name === 'h' && analysis.space.contains(packets, packet),
  );
  return { analysis, arriving, gaps: gapsOf(analysis, packet) };
}

describe('ways that meet again', () => {
  // A copy goes round by x and comes back looking as it did; what has come to t goes on to h.
  const roundabout = southboundFrom({
    s: { ports: { a: {}, 's-t': patch('t-s') }, flows: ['0 0 1 => outport = "s-t"; output;', out] },
    t: {
      ports: { 't-s': patch('s-t'), h: {}, 't-x': patch('x-t') },
      flows: [
        '0 50 inport == "t-x" => inport = "t-s"; next(pipeline=ingress, table=2);',
        '0 0 1 => next(pipeline=ingress, table=2);',
        // Back in table 1 it is in a pipeline that it has been in.
        '2 0 1 => next(pipeline=ingress, table=1);',
        '1 0 1 => clone { flags.loopback = 1; outport = "t-x"; output; }; outport = "h"; output;',
        out,
      ],
    },
    x: {
      ports: { 'x-t': patch('t-x') },
      flows: ['0 0 1 => flags.loopback = 1; outport = "x-t"; output;', out],
    },
  });

  test('are different ways if only one passes a port that is asked about', () => {
    const { arriving, gaps } = fateOf(roundabout, { watch: ['x-t'] });
    expect(gaps).toEqual([]);
    expect(new Set(arriving.map(({ passed }) => passed.join()))).toEqual(new Set(['', 'x-t']));
  });

  test('are one where nobody asks', () => {
    expect(fateOf(roundabout).arriving.map(({ passed }) => passed)).toEqual([[]]);
  });
});

/** Each round adds one to a field until it is full; then the packet goes to `h`. */
const counting = (rounds: number): Southbound =>
  southboundFrom({
    s: {
      ports: { a: {}, h: {}, 's-t': patch('t-s') },
      flows: [
        `0 90 ip.dscp == ${rounds} => outport = "h"; output;`,
        ...Array.from(
          { length: rounds },
          (_, n) => `0 50 ip.dscp == ${n} => ip.dscp = ${n + 1}; flags.loopback = 1; outport = "s-t"; output;`,
        ),
        out,
      ],
    },
    t: { ports: { 't-s': patch('s-t') }, flows: ['0 0 1 => flags.loopback = 1; outport = "t-s"; output;', out] },
  });

describe('a long way', () => {
  test('is followed to its end', () => {
    expect(fateOf(counting(15)).arriving).toHaveLength(1);
  });

  test('that is longer than packets are followed exactly is followed widely to its end: no gap, nothing surely a loop', () => {
    const { arriving, gaps, analysis } = fateOf(counting(40));
    expect(arriving.map(({ exact }) => exact)).toEqual([false]);
    expect(gaps).toEqual([]);
    expect(analysis.classes.filter(({ end, exact }) => end.kind === 'loop' && exact)).toEqual([]);
  });

  test('through more tables than packets are looked up in is a gap', () => {
    const { arriving, gaps } = fateOf(counting(15), { mostLookups: 20 });
    expect(arriving).toEqual([]);
    expect(gaps).toEqual(['packets go more ways than are followed']);
    expect(fateOf(counting(15), { mostLookups: 1000 }).gaps).toEqual([]);
  });
});

/**
 * What a opens is known where h's packets come by, but only at the end of a way: of `rounds` rounds, and of choices, so that
 * nobody knows which way packets went.
 */
const behind = (rounds: number, choices: number): Southbound =>
  southboundFrom({
    s: {
      ports: { a: {}, h: {}, 's-t': patch('t-s') },
      flows: [
        '0 95 inport == "a" => drop;',
        '0 97 inport == "h" => ct_next(dnat);',
        `0 80 ip.dscp == ${rounds} => outport = "h"; output;`,
        ...Array.from(
          { length: rounds },
          (_, n) =>
            `0 ${n === 0 ? 96 : 50} ip.dscp == ${n} => ip.dscp = ${n + 1}; flags.loopback = 1; ${
              n < choices ? 'reg1 = 0; reg0 = select(1=100, 2=100);' : 'outport = "s-t"; output;'
            }`,
        ),
        '1 90 inport == "h" && ct.est && ct.rpl => outport = "a"; output;',
        '1 80 inport == "h" => drop;',
        '1 0 1 => flags.loopback = 1; outport = "s-t"; output;',
        'egress 0 50 outport == "h" => ct_next(dnat);',
        'egress 1 50 ct.new => ct_commit { }; output;',
        'egress 0 0 1 => output;',
      ],
    },
    t: { ports: { 't-s': patch('s-t') }, flows: ['0 0 1 => flags.loopback = 1; outport = "t-s"; output;', out] },
  });

describe('what is not followed', () => {
  /** Of packets from h that look like answers to what a sent: whether they may come to a, and what is not known of them. */
  function answersOf(southbound: Southbound, options: AnalyseOptions = {}) {
    const analysis = analyse(networkOf(southbound), options);
    const packet = packetFrom(analysis, 'h', { 'ip4.src': 2, 'ip4.dst': 1, 'tp.src': 53, 'tp.dst': 1000 });
    const arrives = analysis.classes.some(
      ({ end, packets }) => end.kind === 'port' && end.port.name === 'a' && analysis.space.contains(packets, packet),
    );
    return { arrives, gaps: gapsOf(analysis, packet), known: analysis.gaps.filter((gap) => gap.connections).length };
  }

  test('nothing: the answer arrives', () => {
    expect(answersOf(behind(2, 0))).toEqual({ arrives: true, gaps: [], known: 0 });
  });

  test.each<[string, Southbound]>([
    ['the way is too long', behind(40, 0)],
    ['it is not known exactly', behind(12, 6)],
  ])('exactly, for %s: the answer may arrive', (_, southbound) => {
    expect(answersOf(southbound)).toEqual({ arrives: true, gaps: [], known: 0 });
  });

  test('at all, for there are too many ways: nothing is proven of who may belong to connections that it opens', () => {
    const southbound = behind(10, 0);
    const options = { mostLookups: 30 };
    const { arrives, gaps, known } = answersOf(southbound, options);
    expect(arrives).toBe(false);
    expect(gaps).toContain('packets may belong to connections that were not followed to their end');
    expect(known).toBeGreaterThan(0);
  });
});

test('of three flows of one priority each takes some of its own packets, and all are taken', () => {
  const southbound = southboundFrom({
    s: {
      ports: { a: {}, h: {}, i: {} },
      flows: [
        '0 50 ip4 && ip.ttl == 1 => outport = "h"; output;',
        '0 50 ip4 && ip.proto == 17 => drop;',
        '0 50 ip4 => outport = "i"; output;',
        out,
      ],
    },
  });
  const { analysis } = fateOf(southbound);
  const ends = (fields: Record<string, number>): string[] => {
    const packet = packetFrom(analysis, 'a', fields);
    const { space, classes } = analysis;
    const whatever = space.forget(cubeOf(space, packet), [fieldIndex('choice.0')]);
    const own = classes.filter(
      ({ packets, connection }) => connection === 'new' && space.intersects(packets, whatever),
    );
    expect(space.isSubset(whatever, space.orAll(own.map(({ packets }) => packets)))).toBe(true);
    return own.map(({ end }) => (end.kind === 'port' ? end.port.name : end.kind)).sort();
  };
  expect(ends({ 'ip.ttl': 1 })).toEqual(['drop', 'h', 'i']);
  expect(ends({ 'ip.ttl': 2 })).toEqual(['drop', 'i']);
  expect(ends({ 'ip.ttl': 1, 'ip.proto': 6 })).toEqual(['h', 'i']);
  expect(ends({ 'ip.ttl': 2, 'ip.proto': 6 })).toEqual(['i']);
});

test('flows of one priority that do different things: packets take either, and nothing that they say decides which', () => {
  const southbound = southboundFrom({
    s: {
      ports: { a: {}, h: {} },
      flows: ['0 50 ip4 => outport = "h"; output;', '0 50 ip.proto == 17 => drop;', out],
    },
  });
  const { analysis } = fateOf(southbound);
  const { space, classes } = analysis;
  const chosen = fieldIndex('choice.0');
  const sent = packetFrom(analysis, 'a', {});
  const fates = (choice: bigint, fields: Fields): string[] => {
    const packet = fields.map((value, field) => (field === chosen ? choice : value));
    const own = classes.filter(({ packets, connection }) => connection === 'new' && space.contains(packets, packet));
    return own.map(({ end, exact }) => `${end.kind}${exact ? '' : ', maybe'}`);
  };
  expect([0n, 1n, 255n].map((choice) => fates(choice, sent))).toEqual([['port'], ['drop'], ['drop']]);
  const tcp = packetFrom(analysis, 'a', { 'ip.proto': 6 });
  expect([0n, 1n].map((choice) => fates(choice, tcp))).toEqual([['port'], ['port']]);
  expect(analysis.ambiguous).toHaveLength(1);
});

test.each([
  ['are not followed on', '1 50 ip4 => outport = "h"; output;', 1],
  ['may belong to connections that were not followed', '1 50 ip4 => ct_next;', 2],
])('packets that %s do so whatever was answered on their way', (reason, flow, mostLookups) => {
  const southbound = southboundFrom({
    s: {
      ports: { a: {}, h: {} },
      flows: ['0 50 ip4 => next;', '0 50 ip.proto == 17 => drop;', flow, '2 50 ip4 => outport = "h"; output;', out],
    },
  });
  const { analysis } = fateOf(southbound, { mostLookups });
  const { space } = analysis;
  const gaps = analysis.gaps.filter(({ connections }) => (connections ?? false) === reason.includes('connections'));
  const chosen = fieldIndex('choice.0');
  const sent = packetFrom(analysis, 'a', {});
  const isIn = (choice: bigint): boolean =>
    gaps.some(({ packets }) => space.contains(packets, sent.with(chosen, choice)));
  expect([gaps.length, isIn(0n), isIn(1n)]).toEqual([1, true, true]);
});

test('a flow that is not understood concerns the packets that match it, and no others', () => {
  const flows = ['0 50 ip.proto == 17 => nonsense;', '0 0 ip => outport = "h"; output;', out];
  const southbound = southboundFrom({ s: { ports: { a: {}, h: {} }, flows } });
  expect(fateOf(southbound).gaps).toHaveLength(1);
  expect(fateOf(southbound, {}, { 'ip.proto': 6 }).gaps).toEqual([]);
  const unread = southboundFrom({
    s: { ports: { a: {}, h: {} }, flows: ['0 50 nonsense => drop;', ...flows.slice(1)] },
  });
  expect(fateOf(unread, {}, { 'ip.proto': 6 }).gaps).toHaveLength(1);
});

test('answers that are not followed may come out anywhere', () => {
  const there = southboundFrom({
    s: {
      ports: { a: {}, h: {} },
      flows: [
        '0 50 inport == "a" => outport = "h"; output;',
        '0 40 inport == "h" && ip.proto == 6 => outport = "a"; output;',
        '0 30 inport == "h" => mirror("a"); drop;',
        out,
      ],
    },
  });
  const own = analyse(networkOf(there));
  const [one] = own.classes.filter(({ end }) => end.kind === 'port' && end.port.name === 'h');
  if (!one) throw new Error('nothing arrives');
  const answers = own.answers([{ one, packets: one.packets }]);
  const udp = packetFrom(own, 'a', {});
  const found = answers.filter(({ packets }) => own.space.contains(packets, udp));
  expect(new Set(found.map(({ end }) => (end.kind === 'port' ? end.port.name : end.kind)))).toEqual(
    new Set(['a', 'h', 'drop']),
  );
  expect(found.filter(({ end }) => end.kind === 'port').some(({ exact }) => exact)).toBe(false);
});

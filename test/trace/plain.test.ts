/** Matches read without the parser beside the parser's. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { annotate, LangError, parseMatch, symbolTable } from '../../engine/lang/index.ts';
import { type ParsedPacket, parsePacket, prepare } from '../../sim/trace/index.ts';
import { allOf, compileMatch, meets } from '../../sim/trace/matcher.ts';
import { emptyPacket, slot } from '../../sim/trace/packet.ts';
import { readPlain } from '../../sim/trace/plain.ts';
import { portKey } from '../../sim/trace/topology.ts';
import { microflows } from './microflows.ts';
import { readRecording } from './recording.ts';

const keys = new Map([
  ['a', 1],
  ['b', 2],
]);
const context = { portKey: (name: string) => keys.get(name), isResident: () => true };

const constant = fc.oneof(
  fc.nat(300).map(String),
  fc.constantFrom('1', '0', '6', '17', '58', '135', '255', '2048', '0x800', '0x86dd', '0x806', '0xFFFF', '0x123456789'),
  fc.constantFrom(
    '10.0.0.1',
    '10.0.0.0/8',
    '10.0.0.1/0',
    '10.0.0.7/32',
    '10.0.0.0/33',
    '1.2.3',
    '01.2.3.4',
    '1.2.3.256',
  ),
  fc.constantFrom('02:00:00:00:00:01', 'ff:ff:ff:ff:ff:ff', '02:00:00:00:00:1', '02-00-00-00-00-01', '2:0:0:0:0:0:0:1'),
  fc.constantFrom('fd00::1', 'ff02::1', '::', 'fd00::/8', '::1.2.3.4', '1.2.3.4/255.0.0.0', '4294967295', '4294967296'),
  fc.constantFrom('{10.0.0.1, 10.0.0.0/16}', '{10.0.0.1}', '{6,17}', '{1, 6, 17, 58, 132, 135, 255, 2, 3, 4}', '{1 2}'),
  fc.constantFrom(
    '{fd00::1, fd00::/8}',
    '{02:00:00:00:00:01, ff:ff:ff:ff:ff:ff}',
    '{1,}',
    '{ }',
    '{10.0.0.0/0}',
    'fd00::1/64',
  ),
  fc.constantFrom('"a"', '"b"', '"c"', '"a\\"', '{1, 2}', '$set', '007', '12345678901', '0x', 'x', '^T'),
);
const names = fc.constantFrom(...symbolTable().keys(), 'nonsense', 'ip.nonsense');
const field = fc.oneof(
  { weight: 5, arbitrary: names },
  fc.tuple(names, fc.nat(40), fc.nat(40)).map(([name, low, more]) => `${name}[${low}..${low + more}]`),
  fc.tuple(names, fc.nat(40)).map(([name, bit]) => `${name}[${bit}]`),
);
const spaced = fc.constantFrom(' ', ' ', ' ', '', '\t', '\n', '\u00a0', ' /* c */ ');
const term = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(field, constant).map(([name, value]) => `${name} == ${value}`) },
  { weight: 2, arbitrary: field },
  fc.tuple(field, constant).map(([name, value]) => `${name} != ${value}`),
  field.map((name) => `!${name}`),
);
const text = fc
  .array(fc.tuple(spaced, term, spaced), { minLength: 1, maxLength: 4 })
  .map((terms) => terms.map((parts) => parts.join('')).join('&&'));

/** Words that meet what plain matches ask for now and then: few values in the places that they look at. */
const words = fc.array(fc.constantFrom(0, 0, 1, 2, 6, 17, 58, 135, 255, 0x800, 0x86dd, 0x806, 0x0a000001, -1), {
  minLength: emptyPacket().words.length,
  maxLength: emptyPacket().words.length,
});

test('what is read without the parser is what the parser reads', () => {
  let plain = 0;
  let matched = 0;
  fc.assert(
    fc.property(text, fc.array(words, { minLength: 3, maxLength: 3 }), (match, packets) => {
      const read = readPlain(match, context.portKey);
      if (!read) return;
      const compiled = compileMatch(annotate(parseMatch(match)), context);
      plain++;
      const condition = { required: read.words, rest: allOf(read.choices.map((choice) => choice.test)) };
      for (const values of packets) {
        const random = Uint32Array.from(values);
        const meeting = random.slice();
        for (const { at, mask, value } of read.words) meeting[at] = ((meeting[at] as number) & ~mask) | value;
        for (const packet of [random, meeting]) {
          const expected = typeof compiled === 'boolean' ? compiled : compiled(packet);
          expect(meets(condition, packet), match).toBe(expected);
          if (expected) matched++;
        }
      }
    }),
    { numRuns: 10_000, seed: 11 },
  );
  expect(plain).toBeGreaterThan(150);
  expect(matched).toBeGreaterThan(100);
});

test.each([
  'inport == "a" && eth.src == 02:00:00:00:00:01 && ip4.src == 10.0.0.1 && ip4.dst == 10.0.0.0/8 && ip.ttl == 64',
  'icmp4.type == 8',
  'ip && tcp.dst == 80',
  'outport == "b" && reg0 == 10.0.0.32',
  'reg8[0..15] == 0',
  'ip4.dst == {255.255.255.255, 10.0.0.1} && udp.dst == 67',
  'ip6.dst == fd00::/64 && ip.ttl == {0, 1}',
  'ip6.dst == fd00::1 && nd_ns',
  'ip4.dst == 0.0.0.0/0',
  'reg0 == 10.0.0.0/8 && ip6.src == ::/0',
])('%s is plain, and what the parser reads', (match) => {
  const read = readPlain(match, context.portKey);
  const compiled = compileMatch(annotate(parseMatch(match)), context);
  fc.assert(
    fc.property(words, fc.constantFrom(0x800, 0x86dd), (values, type) => {
      const packet = Uint32Array.from(values);
      packet[slot.ethType] = type;
      const condition = { required: read?.words ?? [], rest: allOf(read?.choices.map((choice) => choice.test) ?? []) };
      expect(read && meets(condition, packet)).toBe(typeof compiled === 'boolean' ? compiled : compiled(packet));
    }),
    { numRuns: 200, seed: 1 },
  );
});

test.each([
  'inport == "c"',
  'inport == {"a", "b"}',
  '!ip4',
  'ip4 || ip6',
  'tcp.dst > 80',
  'ip4.src == 10.0.0.1 &&',
  'ip4.src == 10.0.0.1 && || ip6',
  'ip.ttl == 256',
  'is_chassis_resident("a")',
  '',
  '1',
])('%s is left to the parser', (match) => {
  expect(readPlain(match, context.portKey)).toBeUndefined();
});

describe.each(['gateways', 'firewall', 'balanced'])('in %s', (name) => {
  const { southbound } = readRecording(name);
  const topology = prepare(southbound);

  test('most matches are plain, and mean the same', () => {
    let plain = 0;
    const [datapath] = topology.datapaths.values();
    if (!datapath) throw new Error('the recording has no datapath');
    const local = {
      portKey: (port: string) => portKey(topology, datapath, port),
      isResident: () => true,
    };
    for (const match of new Set(southbound.flows.map((flow) => flow.match))) {
      const read = readPlain(match, local.portKey);
      if (!read) continue;
      plain++;
      const whole = compileMatch(annotate(parseMatch(match, topology.environment)), local);
      const packet = emptyPacket().words;
      for (const { at, mask, value } of read.words) packet[at] = ((packet[at] as number) & ~mask) | value;
      const condition = { required: read.words, rest: allOf(read.choices.map((choice) => choice.test)) };
      expect(meets(condition, packet), match).toBe(typeof whole === 'boolean' ? whole : whole(packet));
    }
    expect(plain).toBeGreaterThan(20);
  });

  test('microflows make the same packets, or the same mistakes', () => {
    let packets = 0;
    fc.assert(
      fc.property(microflows(southbound), fc.option(term), (microflow, odd) => {
        const said = odd === null ? microflow : `${microflow} && ${odd}`;
        const quick = outcome(() => parsePacket(topology, said));
        if (typeof quick === 'string') return;
        packets++;
        const parsed = outcome(() => parsePacket(topology, said, { datapath: quick.datapath.binding.name }));
        expect(parsed, said).toEqual(quick);
      }),
      { numRuns: 300, seed: 5 },
    );
    expect(packets).toBeGreaterThan(60);
  });

  test('microflows that are no packets are refused by both ways', () => {
    fc.assert(
      fc.property(microflows(southbound), fc.array(term, { maxLength: 3 }), (microflow, odd) => {
        const said = [microflow, ...odd].join(' && ');
        const port = topology.ports.get(/^inport == "([^"]*)"/.exec(microflow)?.[1] ?? '');
        if (!port) return;
        const parsed = outcome(() => parsePacket(topology, said, { datapath: port.datapath.binding.name }));
        const quick = outcome(() => parsePacket(topology, said));
        if (typeof parsed === 'string') expect(typeof quick, said).toBe('string');
        else expect(quick, said).toEqual(parsed);
      }),
      { numRuns: 300, seed: 6 },
    );
  });
});

function outcome(parse: () => ParsedPacket): ParsedPacket | string {
  try {
    return parse();
  } catch (error) {
    if (error instanceof LangError || !(error instanceof Error)) throw error;
    return error.message;
  }
}

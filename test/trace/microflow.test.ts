import { describe, expect, test } from 'vitest';
import { fields, parsePacket, prepare, readBits } from '../../sim/trace/index.ts';
import type { Storage } from '../../sim/trace/packet.ts';
import { southboundFrom } from './southbound.ts';

const southbound = southboundFrom({
  one: { ports: { a: {}, b: { externalIds: { name: 'nice' } } }, flows: [] },
  two: { kind: 'router', ports: { c: {} }, flows: [] },
});
const topology = prepare(southbound);
const parse = (microflow: string, datapath?: string) => parsePacket(topology, microflow, datapath ? { datapath } : {});

test('the port decides the datapath', () => {
  expect(parse('inport == "c" && ip4').datapath.binding.name).toBe('two');
  expect(parse('inport == "b"').inport).toBe('b');
});

describe('a datapath by', () => {
  const [one] = southbound.datapaths;
  test.each([
    ['its name', 'one'],
    ['its UUID', one?.uuid],
    ['the beginning of its UUID', one?.uuid.slice(0, 8)],
    ['its northbound UUID', one?.northboundUuid],
  ])('%s', (_, name) => {
    expect(parse('inport == "a"', name).datapath.binding.name).toBe('one');
  });
});

test.each([
  ['inport == "x"', undefined, 'unknown port "x"'],
  ['inport == "x"', 'one', 'x: unknown logical port'],
  ['inport == "c"', 'one', 'port "c" is no port of datapath "one"'],
  ['inport == "a"', 'three', 'unknown datapath "three"'],
  ['inport == "a"', '0000', 'name "0000" matches multiple datapaths'],
  ['ip4', 'one', 'microflow does not specify ingress port'],
  ['ip4', undefined, 'error parsing flow: flow match expression does not match on inport'],
  ['inport == {"a", "b"}', undefined, 'error parsing flow: flow match expression matches on multiple inports'],
  ['inport == "a" && foo', undefined, "error parsing flow: Syntax error at `foo' expecting field name."],
  ['inport == "a" && ip4 && ip6', undefined, 'error parsing flow: Constraints are contradictory.'],
  ['', undefined, 'error parsing flow: Syntax error at end of input expecting constant.'],
  [
    'inport == "a" && ip4 && tcp.src > 1024',
    undefined,
    'error parsing flow: Constraints are ambiguous: inport == "a" && eth.type == 0x800 && tcp.src > 0x400 && ip.proto == 0x6 && (eth.type == 0x800 || eth.type == 0x86dd).',
  ],
])('%s on %s: %s', (microflow, datapath, message) => {
  expect(() => parse(microflow, datapath)).toThrow(expect.objectContaining({ name: 'MicroflowError', message }));
});

test('a port may be called by its other name, if the datapath is given', () => {
  expect(parse('inport == "nice"', 'one').inport).toBe('b');
});

test('a frame is the packet, and the microflow only adds to it', () => {
  const frame = { 'eth.src': 0x0a0000000001n, 'eth.type': 0x800n, 'ip.dscp': 46n, 'ip.ttl': 9n };
  const { packet } = parsePacket(topology, 'inport == "a" && ip4.dst == 10.0.0.9', { frame });
  const read = (name: string): bigint => readBits(packet, fields[name] as Storage);
  expect([read('eth.src'), read('ip.dscp'), read('ip.ttl'), read('ip4.dst')]).toEqual([
    0x0a0000000001n,
    46n,
    9n,
    0x0a000009n,
  ]);
});

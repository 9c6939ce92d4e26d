/** Compiled matches beside the language's own evaluation, on real flows. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  annotate,
  type Expr,
  evaluate,
  findSymbol,
  type LangSymbol,
  type MatchEnvironment,
  type Microflow,
  parseMatch,
  parseMicroflow,
} from '../../engine/lang/index.ts';
import { parsePacket, prepare } from '../../sim/trace/index.ts';
import { compileMatch, conditionOf, type MatchContext, meets, type WordTest } from '../../sim/trace/matcher.ts';
import { portKey } from '../../sim/trace/topology.ts';
import { microflows } from './microflows.ts';
import { readRecording } from './recording.ts';

/** Whether a packet meets a match in its two parts, and in the parts that indexes are made of. */
function meetsParts(expr: Expr, names: MatchContext, words: Uint32Array): [boolean, boolean] {
  const condition = conditionOf(expr, names);
  const { required, choices, remainder } = condition;
  const holds = ({ at, mask, value }: WordTest) => ((words[at] as number) & mask) === value;
  const inIndex = required.every(holds) && choices.every((all) => all.some((tests) => tests.every(holds)));
  return [meets(condition, words), inIndex && (typeof remainder === 'boolean' ? remainder : remainder(words))];
}

describe.each(['gateways', 'firewall'])('the flows of %s', (name) => {
  const { southbound } = readRecording(name);
  const topology = prepare(southbound);
  const environment: MatchEnvironment = topology.environment;

  test('match the same packets', () => {
    let matched = 0;
    fc.assert(
      fc.property(microflows(southbound), (microflow) => {
        let flow: Microflow;
        try {
          flow = parseMicroflow(microflow, environment);
        } catch {
          return;
        }
        // What no port has been chosen for yet goes to "none".
        flow.strings = flow.strings.map((port) => port || 'none');
        const { datapath, packet } = parsePacket(topology, microflow);
        for (const { match } of southbound.flows.filter((one) => one.datapath === datapath.binding.uuid)) {
          const expr = annotate(parseMatch(match, { ...environment, datapathKey: datapath.binding.tunnelKey }));
          const names: MatchContext = {
            portKey: (port) => portKey(topology, datapath, port),
            isResident: () => true,
          };
          const compiled = compileMatch(expr, names);
          const expected = evaluate(expr, flow, () => true);
          expect(typeof compiled === 'boolean' ? compiled : compiled(packet.words), match).toBe(expected);
          expect(meetsParts(expr, names, packet.words), match).toEqual([expected, expected]);
          if (expected) matched++;
        }
      }),
      { numRuns: 60, seed: 7 },
    );
    expect(matched).toBeGreaterThan(100);
  });
});

const context = {
  portKey: (port: string) => (port === 'a' ? 1 : undefined),
  isResident: (port: string) => port === 'a',
};
const decide = (match: string, microflow: string): boolean => {
  const compiled = compileMatch(annotate(parseMatch(match)), context);
  const flow = parseMicroflow(microflow);
  const { packet } = parsePacket(one, `inport == "a" && ${microflow}`);
  const result = typeof compiled === 'boolean' ? compiled : compiled(packet.words);
  expect(result, match).toBe(evaluate(annotate(parseMatch(match)), flow, context.isResident));
  expect(meetsParts(annotate(parseMatch(match)), context, packet.words), match).toEqual([result, result]);
  return result;
};
const { southbound } = readRecording('odd');
const one = prepare({
  ...southbound,
  ports: southbound.ports.slice(0, 1).map((port) => ({ ...port, logicalPort: 'a', tunnelKey: 1 })),
});

test.each([
  ['ip.ttl == 0', 'ip4 && ip.ttl == 0', true],
  ['tcp.dst >= 80 && tcp.dst < 443', 'ip4 && tcp.dst == 80', true],
  ['tcp.dst >= 80 && tcp.dst < 443', 'ip4 && tcp.dst == 443', false],
  ['ip6.src > 2001:db8::ffff', 'ip6 && ip6.src == 2001:db8::1:0', true],
  ['ip6.src <= 2001:db8::ffff', 'ip6 && ip6.src == 2001:db8::1:0', false],
  ['ip4.src != {10.0.0.0/8, 192.168.0.0/16}', 'ip4.src == 10.1.2.3', false],
  ['ip4.dst[28..31] == 0xe', 'ip4.dst == 239.0.0.1', true],
  ['xxreg0[64..95] == 7', 'reg1 == 7', true],
  ['eth.dst[40]', 'eth.dst == ff:ff:ff:ff:ff:ff', true],
  ['nd || nd_ra || arp', 'arp.op == 1', true],
  ['nd || nd_ra || arp', 'ip4.dst == 10.0.0.1', false],
  ['vlan.present || eth.src[40]', 'eth.src == 01:00:00:00:00:00', true],
  ['vlan.present || eth.src[40]', 'eth.src == 02:00:00:00:00:00', false],
  ['ip4.dst == {10.0.0.1, 10.0.0.2} && (tcp || udp)', 'ip4.dst == 10.0.0.2 && udp.dst == 9', true],
  ['ip4.dst == {10.0.0.1, 10.0.0.2} && (tcp || udp)', 'ip4.dst == 10.0.0.3 && udp.dst == 9', false],
  ['is_chassis_resident("a")', '1', true],
  ['!is_chassis_resident("b")', '1', true],
])('%s of %s is %s', (match, microflow, expected) => {
  expect(decide(match, microflow)).toBe(expected);
});

test('a port of another datapath never matches', () => {
  expect(compileMatch(annotate(parseMatch('inport == "b"')), context)).toBe(false);
  const symbol = findSymbol('inport') as LangSymbol;
  expect(compileMatch({ type: 'string', symbol, relop: '!=', value: 'b' }, context)).toBe(false);
});

/** Answers and further packets of connections: the classes say what the tracer does that remembers who opened them. */
import { describe, expect, test } from 'vitest';
import { formatIpv4 } from '../../../engine/address.ts';
import { computeSouthbound } from '../../../engine/northd/index.ts';
import { northboundOfPlan, planTopology } from '../../../engine/vpc/index.ts';
import { answerTo, withFields } from '../../../sim/answers/story.ts';
import { matchSet } from '../../../sim/policy/packets.ts';
import { analyse, fieldIndex, headerFields, type TrafficClass } from '../../../sim/symbolic/index.ts';
import { trackingConntrack } from '../../../sim/trace/index.ts';
import { network, node, resourcesOf, vf, vpc } from '../../topology.ts';
import { asTracer, classLines, type Fields, isSaid, linesOf, networkOf, packetText, prepare, trace } from './traced.ts';

const plans = planTopology(
  resourcesOf(vpc('red'), network('red-a', 'red', '10.1.0.0/24'), vf('red-a', 2), vf('red-a', 3), node('n0', 'red')),
);
const { southbound } = computeSouthbound(northboundOfPlan(plans));
const analysis = analyse(networkOf(southbound));
const { space } = analysis;

const mac = '02:00:5e:00:53:01';
const [plan] = plans;
const nextHop = formatIpv4(plan?.parameters.externalGateway ?? 0);
/** The gateway knows its next hop, and nothing else is known. */
const topology = prepare({
  ...southbound,
  macBindings: [{ logicalPort: 'default/red@n0+external', ip: nextHop, mac }],
});

const settled = space.cube(
  space.fields.flatMap(({ name, width }, field) => {
    if (!/^(neighbor|choice|chance|opener|copy)/.test(name)) return [];
    const values: Readonly<Record<string, bigint>> = {
      'neighbor.0.known': 1n,
      'neighbor.0.mac': BigInt(`0x${mac.replaceAll(':', '')}`),
    };
    return [{ field, value: values[name] ?? 0n, mask: (1n << BigInt(width)) - 1n }];
  }),
);

interface Opening {
  readonly one: TrafficClass;
  readonly packet: Fields;
}

/** A packet of each class of connections that hosts open, of each kind. */
function openings(text: string): Opening[] {
  const honest = matchSet(
    space,
    `${text} && ip.ttl == 64 && !ip.is_frag && !vlan.present && ip4.src == {10.1.0.2, 10.1.0.3} && !eth.mcast`,
  );
  return analysis.classes.flatMap((one): Opening[] => {
    if (one.connection !== 'new' || one.made !== undefined || one.end.kind !== 'port') return [];
    const packet = space.pick(space.and(space.and(one.packets, settled), honest));
    return packet ? [{ one, packet: asKnown(packet) }] : [];
  });
}

const known = [fieldIndex('neighbor.0.known'), fieldIndex('neighbor.0.mac')];

/** As the tracer has it, but for the neighbour that is known. */
const asKnown = (packet: readonly bigint[]): Fields =>
  asTracer(packet).map((value, field) => (known.includes(field) ? (packet[field] ?? 0n) : value));

const kinds = ['udp', 'tcp && tcp.flags == 2', 'icmp4.type == 8 && icmp4.code == 0'];

describe.each(kinds)('what %s opens', (text) => {
  const all = openings(text);

  test('is answered as the tracer answers it', { timeout: 60_000 }, () => {
    let compared = 0;
    for (const { one, packet } of all) {
      const conntrack = trackingConntrack();
      const asked = trace(topology, analysis, packet, conntrack);
      const came = asked.delivered.find(
        (each) => one.end.kind === 'port' && Number(each[inport]) === one.end.port.number,
      );
      const answer = came && answerTo(came);
      if (!answer) continue;
      const { lines } = trace(topology, analysis, answer, conntrack);
      // What is not the packet's to say is left open: the answer may be told something, too.
      const single = space.cube(
        packet.slice(0, headerFields).map((value, field) => ({ field, value, mask: maskOf(field) })),
      );
      const own = linesOf(analysis, analysis.answers([{ one, packets: single }]), packet);
      expect(isSaid(own, lines) && lines.length === own.length, `${packetText(packet)}\n${own}\n${lines}`).toBe(true);
      const opener = withFields(answer, openerFields(packet));
      const replies = linesOf(analysis, classesOf(one, 'reply'), opener);
      expect(isSaid(replies, lines), packetText(opener)).toBe(true);
      compared++;
    }
    expect(compared).toBeGreaterThan(1);
  });

  test('goes on as the tracer lets it go on', { timeout: 60_000 }, () => {
    for (const { one, packet } of all) {
      const conntrack = trackingConntrack();
      const first = trace(topology, analysis, packet, conntrack);
      expect(isSaid(classLines(analysis, packet), first.lines), packetText(packet)).toBe(true);
      const { lines } = trace(topology, analysis, packet, conntrack);
      const established = linesOf(analysis, classesOf(one, 'established'), packet);
      expect(isSaid(established, lines), packetText(packet)).toBe(true);
    }
  });
});

/** Of what belongs to a connection that was opened; where none is, packets are new for ever. */
const classesOf = ({ commits }: TrafficClass, known: 'reply' | 'established'): TrafficClass[] =>
  analysis.classes.filter(({ connection }) => connection === (commits.length > 0 ? known : 'new'));

const inport = fieldIndex('inport');
const maskOf = (field: number): bigint => (1n << BigInt(space.fields[field]?.width ?? 0)) - 1n;

/** What a reply's classes say of who opened its connection. */
function openerFields(packet: Fields): Record<string, bigint> {
  const read = (name: string): bigint => packet[fieldIndex(name)] ?? 0n;
  return {
    'opener.src4': read('ip4.src'),
    'opener.dst4': read('ip4.dst'),
    'opener.sport': read('tp.src'),
    'opener.dport': read('tp.dst'),
  };
}

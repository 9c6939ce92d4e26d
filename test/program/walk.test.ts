import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  B_ETH_TYPE,
  DROP_TTL,
  FLOW_WORDS,
  KEY_WORDS,
  PACKET_WORDS,
  W_ETH_DST,
  W_IN,
  W_L4,
} from '../../asm/plane/layout.ts';
import { computeSouthbound } from '../../engine/northd/index.ts';
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import { isOwnTable, placementOf } from '../../engine/program/index.ts';
import {
  MicroflowError,
  type ParsedPacket,
  parsePacket,
  prepare,
  type TracePort,
  type TraceTopology,
  traceFlow,
} from '../../sim/trace/index.ts';
import { slot } from '../../sim/trace/packet.ts';
import { randomSwitches, northboundOf as switchesOf } from '../northd/random.ts';
import {
  addLocalnet,
  addPort,
  addRouter,
  addRouterPort,
  addSwitch,
  attach,
  northbound,
} from '../northd/router/build.ts';
import { randomRouters, northboundOf as routersOf } from '../northd/router/random.ts';
import { topologies as routerTopologies } from '../northd/router/topologies.ts';
import { addAcl, logicalSwitch, switchTopologies } from '../northd/topologies.ts';
import { microflows } from '../trace/microflows.ts';
import { type Flow, flowOf, headerText, MAX_PASSES, type Outcome } from './plane.ts';
import { alwaysEstablished, type Machine, machineOf, physicalTypes } from './traced.ts';

/** A packet of the tracer's as it comes in, without metadata; undefined for a microflow that is no packet. */
function packetIn(topology: TraceTopology, microflow: string): ParsedPacket | undefined {
  try {
    const parsed = parsePacket(topology, microflow);
    const { words } = parsed.packet;
    const key = words[slot.inport] as number;
    words.fill(0, slot.reg0, slot.ethDst);
    words[slot.inport] = key;
    // A packet on its last hop goes on in ovn-trace where Open vSwitch ends it, should no flow catch it before.
    if (words[slot.nwTtl] === 2) words[slot.nwTtl] = 64;
    return parsed;
  } catch (error) {
    if (error instanceof MicroflowError) return undefined;
    throw error;
  }
}

/** The packet's flow where it enters; undefined where it does not reach the logical network. */
function entering({ plane, program, ports }: Machine, { datapath, packet, inport }: ParsedPacket): Flow | undefined {
  const physical = ports.get(inport);
  const flow = flowOf(packet, physical ?? 0);
  // A switch that has nobody on the chassis is not there.
  const number = program.datapaths.find(({ view }) => view.binding.uuid === datapath.binding.uuid)?.number;
  if (number === undefined) return undefined;
  if (physical === undefined) return plane.enterBy(flow, number, packet.words[slot.inport] as number);
  const binding = datapath.portsByKey.get(packet.words[slot.inport] as number)?.binding;
  // ovn-trace's port security takes neighbour discovery, and what is neither IP nor ARP, more lightly than ovn-controller's.
  const isNeighbor = [135, 136].includes(packet.words[slot.tpSrc] as number) && packet.words[slot.nwProto] === 58;
  const isPlain = [0x800, 0x806, 0x86dd].includes(packet.words[slot.ethType] as number) && !isNeighbor;
  if (!isPlain && binding && binding.portSecurity.length > 0) return undefined;
  const type = binding?.type;
  // What a localport sends does not leave by a network (controller/physical.c); ovn-trace does not know that.
  const hasNetwork = [...datapath.portsByKey.values()].some((port) => port.binding.type === 'localnet');
  if (type === 'localport' && hasNetwork) return undefined;
  // Tagged frames do not come in from a network that has no tag.
  return packet.words[slot.vlanTci] !== 0 && type !== '' && type !== 'localport' ? undefined : flow;
}

interface Result {
  outputs: string[];
  flows: string[];
}

function traced(topology: TraceTopology, { datapath, packet }: ParsedPacket): Result | undefined {
  const { gaps, deliveries, flows } = traceFlow(topology, datapath, packet, {
    conntrack: alwaysEstablished,
    securedNetworks: 'as-network',
  });
  if (gaps.length > 0) return undefined;
  return {
    outputs: deliveries
      .filter(({ port }) => physicalTypes.includes(port.binding.type))
      .map(({ port, packet: out }) => `${port.binding.logicalPort}: ${headerText(flowOf(out, 0))}`)
      .sort(),
    flows: flows.map(({ uuid }) => uuid).sort(),
  };
}

function made({ program, ports }: Machine, { effects, flows }: Outcome): Result {
  const names = new Map([...ports].map(([name, number]) => [number, name]));
  const byNumber = new Map(program.flows.map(({ number, flow }) => [number, flow]));
  return {
    outputs: effects
      .flatMap((effect) => (effect.type === 'output' ? [`${names.get(effect.port)}: ${headerText(effect.flow)}`] : []))
      .sort(),
    flows: flows
      .map((number) => byNumber.get(number))
      .flatMap((flow) => (flow && !isOwnTable(flow.table) ? [flow.uuid] : []))
      .sort(),
  };
}

function machineOfNorthbound(nb: Northbound): { machine: Machine; topology: TraceTopology } {
  const machine = machineOf(computeSouthbound(nb).southbound, placementOf(nb));
  const topology = prepare(machine.southbound);
  // ovn-trace serves the members of a group by name; on a chassis those for every chassis come first, then all by UUID.
  const order = ({ binding }: TracePort) => `${['patch', 'localport'].includes(binding.type) ? 0 : 1} ${binding.uuid}`;
  for (const { groupsByKey } of topology.datapaths.values()) {
    for (const { ports } of groupsByKey.values()) ports.sort((a, b) => (order(a) < order(b) ? -1 : 1));
  }
  return { machine, topology };
}

/** How often a packet and its copies were a hop further. */
function hopsOf({ program }: Machine, { flows }: Outcome): number {
  const routing = new Set(
    program.flows.flatMap(({ number, flow }) => (/ip\.ttl--/.test(flow.actions) ? [number] : [])),
  );
  return flows.filter((number) => routing.has(number)).length;
}

/** Sends a microflow both ways; how many packets there were to compare. */
function compare({ machine, topology }: ReturnType<typeof machineOfNorthbound>, microflow: string): number {
  const parsed = packetIn(topology, microflow);
  const expected = parsed && traced(topology, parsed);
  const flow = parsed && entering(machine, parsed);
  if (!expected || !flow) return 0;
  // The IP header of protocol 0 stays as it is in Open vSwitch, and changes in ovn-trace.
  const type = (flow[W_ETH_DST] ?? 0n) >> BigInt(B_ETH_TYPE);
  if ((type === 0x800n || type === 0x86ddn) && ((flow[W_L4] ?? 0n) & 0xffn) === 0n) return 0;
  const outcome = machine.plane.send(flow);
  // A packet without a hop left goes on in ovn-trace. A program that did something before that does not say so.
  const isExpired = outcome.effects.some((effect) => effect.type === 'drop' && effect.reason === DROP_TTL);
  const hops = hopsOf(machine, outcome);
  const isSpent = isExpired || (hops > 0 && hops >= (parsed.packet.words[slot.nwTtl] as number));
  if (isSpent || outcome.passes.length === MAX_PASSES) return 0;
  expect(made(machine, outcome)).toEqual(expected);
  return 1;
}

describe('the packet plane and the tracer', () => {
  // Routers alone are on no chassis; the tracer does not understand the multicast of the other.
  const silent = ['multicast', 'policies', 'bfd', 'advertisements', 'routes'];
  for (const [name, make] of Object.entries({ ...switchTopologies, ...routerTopologies })) {
    test(`agree on ${name}`, () => {
      const both = machineOfNorthbound(make());
      let compared = 0;
      fc.assert(
        fc.property(microflows(both.machine.southbound), (microflow) => {
          compared += compare(both, microflow);
        }),
        { numRuns: 150 },
      );
      expect(compared > 0).toBe(!silent.includes(name));
    });
  }

  test('agree on what chassis and ovn-trace do differently, where it can be told', () => {
    const nb = northbound();
    addSwitch(nb, 's');
    addLocalnet(nb, 's', 'z');
    addAcl(nb, logicalSwitch(nb, 's'), 'to-lport', 1, 'ip4', 'allow-related');
    addPort(nb, 's', 'a', ['02:00:00:00:00:0a fd00::a'], { port_security: ['02:00:00:00:00:0a fd00::a'] });
    for (const name of ['b', 'y']) addPort(nb, 's', name, ['unknown']);
    addPort(nb, 's', 'l', ['02:00:00:00:00:0c'], { type: 'localport' });
    addRouter(nb, 'r');
    addRouterPort(nb, 'r', 'r:s', '02:00:00:00:00:01', ['10.0.0.1/24']);
    attach(nb, 's', 'r:s', { port_security: ['02:00:00:00:00:01 10.0.0.1'] });
    const both = machineOfNorthbound(nb);
    expect(both.machine.program.problems).toEqual([]);
    const sends = (from: string, mac: string, rest: string) =>
      compare(both, `inport == "${from}" && eth.src == ${mac} && ${rest}`);
    const all = 'eth.dst == ff:ff:ff:ff:ff:ff';
    const dhcp = `${all} && ip4.src == 0.0.0.0 && ip4.dst == 255.255.255.255 && udp.src == 68 && udp.dst == 67`;
    const report = 'eth.dst == 33:33:00:00:00:16 && ip6.src == :: && ip6.dst == ff02::16 && icmp6.type == 143';
    // Port security of an entry that has IPv6 addresses only.
    expect(sends('a', '02:00:00:00:00:0a', dhcp)).toBe(1);
    expect(sends('a', '02:00:00:00:00:0a', `${report} && icmp6.code == 0`)).toBe(1);
    // A group, whose members get neither the registers nor the connection of the one before; port security to a router.
    expect(sends('b', '02:00:00:00:00:0b', dhcp)).toBe(1);
    const toNobody = 'eth.dst == 02:00:00:00:00:99 && ip4.src == 10.0.0.2 && ip4.dst == 10.0.0.99 && ip.ttl == 64';
    expect(sends('b', '02:00:00:00:00:0b', `${toNobody} && udp`)).toBe(1);
    const toRouter = 'eth.dst == 02:00:00:00:00:01 && ip4.src == 10.0.0.2 && ip4.dst == 10.0.0.99 && ip.ttl == 64';
    expect(sends('b', '02:00:00:00:00:0b', `${toRouter} && udp`)).toBe(1);
    // What a localport sends does not leave by the network.
    expect(sends('l', '02:00:00:00:00:0c', dhcp)).toBe(0);
  });

  test('agree on random switches and routers', () => {
    const northbounds = fc.oneof(randomSwitches.map(switchesOf), randomRouters.map(routersOf));
    let compared = 0;
    fc.assert(
      fc.property(northbounds, fc.integer(), (nb, seed) => {
        const both = machineOfNorthbound(nb);
        // What is not understood is left out by chassis, and met by the tracer.
        if (both.machine.program.problems.length > 0) return;
        // Somebody has to have an address, for packets to come from and go to.
        const { ports } = both.machine.southbound;
        if (!ports.some(({ type, mac }) => type !== 'chassisredirect' && mac.join().includes(':'))) return;
        for (const microflow of fc.sample(microflows(both.machine.southbound), { numRuns: 20, seed })) {
          compared += compare(both, microflow);
        }
      }),
      { numRuns: 40 },
    );
    expect(compared).toBeGreaterThan(100);
  });
});

/** A flow that agrees with another on the bits of a mask, and has its other bits from `noise`. */
function variant(flow: Flow, mask: BigUint64Array, noise: readonly bigint[]): Flow {
  const changed = flow.slice();
  for (let i = 0; i < KEY_WORDS; i++) {
    const kept = mask[i] as bigint;
    changed[i] = ((flow[i] as bigint) & kept) | ((noise[i] as bigint) & ~kept);
  }
  // A packet that comes in has no conntrack state; after that the recirculation number vouches for it.
  if ((flow[W_IN] as bigint) >> 32n === 0n) changed.fill(0n, PACKET_WORDS, FLOW_WORDS);
  return changed;
}

describe('megaflows', () => {
  const noise = fc.array(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), { minLength: KEY_WORDS, maxLength: KEY_WORDS });

  for (const [name, make] of Object.entries({ ...switchTopologies, ...routerTopologies })) {
    test(`are sound on ${name}`, () => {
      const { machine, topology } = machineOfNorthbound(make());
      const { plane, southbound } = machine;
      fc.assert(
        fc.property(microflows(southbound), fc.array(noise, { minLength: 4, maxLength: 4 }), (microflow, noises) => {
          const parsed = packetIn(topology, microflow);
          const flow = parsed && entering(machine, parsed);
          if (!flow) return;
          const first = plane.translate(flow);
          for (const bits of noises) {
            const packet = variant(flow, first.mask, bits);
            const other = plane.translate(packet);
            expect(other.flows).toEqual(first.flows);
            // Programs need not be equal: which bits prove that a key differs, and when they were looked at, is a
            // matter of the packet, and what was looked at before is not set again. But they do the same.
            expect(plane.stepsOf(first.program, packet)).toEqual(plane.stepsOf(other.program, packet));
          }
        }),
        { numRuns: 60 },
      );
    });
  }
});

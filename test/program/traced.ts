/** A southbound database all of whose ports are on one chassis, for the tracer and for the packet plane alike. */
import { LEARNED_FDB, LEARNED_NEIGHBOR } from '../../asm/plane/image.ts';
import { PACKET_WORDS } from '../../asm/plane/layout.ts';
import { parseEthernet, parseIpv4, parseIpv6 } from '../../engine/lang/index.ts';
import type { PortBinding, Southbound } from '../../engine/ovsdb/southbound.ts';
import { fieldPieces } from '../../engine/program/fields.ts';
import { buildProgram, type Placement, type Program } from '../../engine/program/index.ts';
import type { Conntrack } from '../../sim/trace/index.ts';
import { fields, writeBits } from '../../sim/trace/index.ts';
import { nestedPacket } from '../../sim/trace/nested.ts';
import { clearConntrack, slot } from '../../sim/trace/packet.ts';
import { type Flow, flowOf, packetOf, TestPlane } from './plane.ts';

export const chassis = 'here';

/** Ports that are reached otherwise than by a physical port of their own, which logical flows do not tell. */
const elsewhere = ['remote', 'vtep', 'virtual', 'external'];

/**
 * The database with all ports bound to the one chassis, and all that packets are delivered to plain VIFs.
 * Patch ports without a peer that knows them lead nowhere on a chassis; the tracer takes them for ports all the same.
 */
export function onOneChassis(southbound: Southbound): Southbound {
  const peers = new Map(southbound.ports.map(({ logicalPort, options }) => [logicalPort, options.peer]));
  const leadsOn = ({ type, logicalPort, options }: PortBinding) =>
    !['patch', 'l3gateway'].includes(type) || peers.get(options.peer ?? '') === logicalPort;
  return {
    ...southbound,
    ports: southbound.ports.filter(leadsOn).map((port) => ({
      ...port,
      chassis,
      type: elsewhere.includes(port.type) ? '' : port.type,
      // ovn-controller secures the ports of machines, ovn-trace those of networks and to routers as well.
      portSecurity: ['localnet', 'l2gateway', 'patch', 'l3gateway'].includes(port.type) ? [] : port.portSecurity,
    })),
  };
}

/** Types of ports that have a physical port. */
export const physicalTypes: readonly string[] = ['', 'localnet', 'localport', 'l2gateway'];

export interface Machine {
  southbound: Southbound;
  program: Program;
  plane: TestPlane;
  /** Physical ports by logical port. */
  ports: ReadonlyMap<string, number>;
}

/** Builds the program and loads it, with the neighbours and addresses that the database knows. */
export function machineOf(made: Southbound, placed: Placement): Machine {
  // Nested ports and tags are no matter of logical pipelines.
  const placement: Placement = { ...placed, ports: new Map() };
  const southbound = onOneChassis(made);
  const physical = southbound.ports.filter(({ type }) => physicalTypes.includes(type));
  const ports = new Map(physical.map(({ logicalPort }, index) => [logicalPort, index]));
  const program = buildProgram({ southbound, chassis, ports, placement });
  const plane = new TestPlane(program);
  learnAll(plane, program, southbound);
  plane.host = (number, flow) => answerOf(program, number, flow);
  return { southbound, program, plane, ports };
}

/** The host answers as the tracer assumes: every request for an address is one that is answered. */
function answerOf(program: Program, number: number, flow: Flow): Flow | undefined {
  const action = program.actions.find((one) => one.number === number)?.action;
  if (!action) throw new Error(`the program has no action ${number}`);
  const answer = flow.slice();
  switch (action.type) {
    case 'put_dhcp_opts':
    case 'put_dhcpv6_opts':
    case 'put_nd_ra_opts':
      for (const { word, bit } of fieldPieces(action.dst)) {
        answer[word] = (answer[word] as bigint) | (1n << BigInt(bit));
      }
      return answer;
    case 'nested': {
      const made = nestedPacket(action.name, packetOf(flow));
      if (!made) return undefined;
      answer.set(flowOf(made.packet, 0).subarray(0, PACKET_WORDS));
      return answer;
    }
    default:
      return undefined;
  }
}

function learnAll({ exports }: TestPlane, program: Program, southbound: Southbound): void {
  const bindings = new Map(southbound.ports.map((port) => [port.logicalPort, port]));
  const byUuid = new Map(program.datapaths.map(({ number, view }) => [view.binding.uuid, number]));
  for (const { logicalPort, ip, mac } of southbound.macBindings) {
    const port = bindings.get(logicalPort);
    const datapath = byUuid.get(port?.datapath ?? '');
    const v4 = parseIpv4(ip);
    const address = v4 ?? parseIpv6(ip);
    const value = parseEthernet(mac);
    if (!port || datapath === undefined || address === undefined || value === undefined) continue;
    const family = v4 === undefined ? 6n : 4n;
    const low = BigInt.asUintN(64, address);
    exports.learnedKey(LEARNED_NEIGHBOR, datapath, 0, port.tunnelKey, address >> 64n, low, family, 0n);
    exports.learn(value, 0n, 0, 0);
  }
  const byKey = new Map(program.datapaths.map(({ number, view }) => [view.binding.tunnelKey, number]));
  for (const { datapathKey, portKey, mac } of southbound.fdb) {
    const datapath = byKey.get(datapathKey);
    const value = parseEthernet(mac);
    if (datapath === undefined || value === undefined) continue;
    exports.learnedKey(LEARNED_FDB, datapath, 0, 0, 0n, 0n, 0n, 0n);
    exports.learn(1n, 0n, 0, 0);
    exports.learnedKey(LEARNED_FDB, datapath, 0, 0, value, 0n, 0n, 0n);
    exports.learn(BigInt(portKey), 0n, 0, 0);
  }
}

/** What `track` of plane.ts makes of connections, for the tracer. */
export const alwaysEstablished: Conntrack = {
  lookup(packet) {
    clearConntrack(packet);
    packet.words[slot.ctState] = 0x22;
    return 'ct_next';
  },
  translate(packet, _zone, { direction, address }) {
    clearConntrack(packet);
    packet.words[slot.ctState] = 0x22;
    if (direction && address) {
      const where = fields[`ip${address.family}.${direction}`];
      if (where) writeBits(packet, where, address.value);
      packet.words[slot.ctState] = direction === 'src' ? 0x62 : 0xa2;
    }
    return 'ct';
  },
  balance(packet, _zone, name, backends) {
    clearConntrack(packet);
    packet.words[slot.ctState] = 0x22;
    const [backend] = backends;
    if (backend) {
      const where = fields[`ip${backend.family}.dst`];
      if (where) writeBits(packet, where, backend.value);
      if (backend.port) packet.words[slot.tpDst] = backend.port;
      packet.words[slot.ctState] = 0xa2;
    }
    return { title: name };
  },
  commitTo(packet, _zone, name) {
    clearConntrack(packet);
    packet.words[slot.ctState] = 0x22;
    return name;
  },
  // What conntrack says reaches only what follows it in another table (ovs-actions(7), ct).
  commit: clearConntrack,
  // Of a packet's metadata nothing passes a patch port: controller/physical.c.
  cross(packet) {
    clearConntrack(packet);
    packet.words.fill(0, slot.reg0, slot.flags + 1);
  },
  // Flags are a register that a chassis keeps between the pipelines (controller/physical.c), and ovn-trace does not.
  keepsFlags: true,
  // Open vSwitch forgets it for all that comes after the action: ovs-actions(7), ct.
  stayBehind: clearConntrack,
  // Each member's egress pipeline begins with registers that are zero: controller/physical.c, OFTABLE_CHECK_LOOPBACK.
  nextMember(packet) {
    packet.words.fill(0, slot.reg0, slot.flags);
  },
};

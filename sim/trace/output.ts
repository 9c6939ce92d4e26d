/** The `output` action: from the ingress pipeline into the egress one, from there to the port and beyond. */
import { append, type TraceNode } from './nodes.ts';
import { clonePacket, type Packet, slot } from './packet.ts';
import { type Continuation, nameOfKey, type Run } from './run.ts';
import type { Step } from './step.ts';
import type { TraceDatapath, TraceGroup, TracePort } from './topology.ts';

const loopback = 1;
const omitting = '/* omitting output because inport == outport && !flags.loopback */';

/** Sends the packet to the port or group in its `outport`. */
export function output({ run, place: { datapath, pipeline }, packet, into }: Step): Continuation | undefined {
  const key = (packet.words[slot.outport] as number) & 0xffff;
  if (key === 0) {
    append(into, 'error', '*** output to null logical port');
    return undefined;
  }
  const port = datapath.portsByKey.get(key);
  const group = datapath.groupsByKey.get(key);
  if (!port && !group) append(into, 'error', `*** unknown port or multicast group ${key}`);
  if (pipeline === 'egress') return deliver(run, datapath, packet, port, port?.friendlyName ?? group?.name, into);
  if (!group) return toEgress(datapath, packet, port, into);
  replicate(run, datapath, packet, group, into);
  return undefined;
}

/** The end of the egress pipeline: the port's peer takes the packet over, or somebody outside. */
function deliver(
  run: Run,
  datapath: TraceDatapath,
  packet: Packet,
  port: TracePort | undefined,
  name = '(unnamed)',
  into: TraceNode[],
): Continuation | undefined {
  append(into, 'output', `/* output to "${name}", type "${port?.binding.type ?? ''}" */`);
  if (!port?.peer) {
    append(into, 'modify', `output("${name}")`);
    if (port) run.result.deliveries.push({ datapath, port, packet: clonePacket(packet) });
    return undefined;
  }
  const { peer } = port;
  const title = `ingress(dp="${peer.datapath.friendlyName}", inport="${peer.friendlyName}")`;
  const node = append(into, 'pipeline', title);
  const entering = clonePacket(packet);
  entering.words[slot.inport] = peer.key;
  entering.words[slot.outport] = 0;
  run.conntrack.cross(entering);
  return { place: { datapath: peer.datapath, pipeline: 'ingress', table: 0 }, packet: entering, into: node.subs };
}

/** The packet as the egress pipeline gets it: registers do not pass, but for the two ports. */
function egressPacket(packet: Packet): Packet {
  const copy = clonePacket(packet);
  const { words } = copy;
  const inport = words[slot.inport] as number;
  const outport = words[slot.outport] as number;
  words.fill(0, slot.reg0, slot.reg0 + 16);
  words[slot.inport] = inport;
  words[slot.outport] = outport;
  return copy;
}

function mayLoop(packet: Packet): boolean {
  return ((packet.words[slot.flags] as number) & loopback) !== 0;
}

function replicate(run: Run, datapath: TraceDatapath, packet: Packet, group: TraceGroup, into: TraceNode[]): void {
  const title = `multicast(dp="${datapath.friendlyName}", mcgroup="${group.name}")`;
  const copies = append(into, 'pipeline', title);
  const inKey = (packet.words[slot.inport] as number) & 0xffff;
  const inport = nameOfKey(datapath, inKey);
  // ovn-trace sends one copy from port to port: what one egress pipeline changes, the next one gets.
  const copy = egressPacket(packet);
  for (const port of group.ports) {
    const node = append(
      copies.subs,
      'pipeline',
      `egress(dp="${datapath.friendlyName}", inport="${inport}", outport="${port.friendlyName}")`,
    );
    if (port.key !== inKey || mayLoop(packet)) {
      node.alwaysIndent = true;
      copy.words[slot.outport] = port.key;
      run.walk({ place: { datapath, pipeline: 'egress', table: 0 }, packet: copy, into: node.subs });
    } else {
      append(node.subs, 'output', omitting);
    }
  }
}

function toEgress(
  datapath: TraceDatapath,
  packet: Packet,
  port: TracePort | undefined,
  into: TraceNode[],
): Continuation | undefined {
  const copy = egressPacket(packet);
  let target = port;
  if (port?.binding.type === 'chassisredirect') {
    if (!port.distributedPort) {
      const text = `*** output to type "${port.binding.type}" port "${port.friendlyName}"`;
      append(into, 'error', `${text} with no or invalid distributed port`);
      return undefined;
    }
    target = port.distributedPort;
    const names = `outport "${port.friendlyName}" with distributed port "${target.friendlyName}"`;
    append(into, 'output', `/* Replacing type "${port.binding.type}" ${names}. */`);
    copy.words[slot.outport] = target.key;
  }
  const inKey = (packet.words[slot.inport] as number) & 0xffff;
  if (mayLoop(packet) || (target && target.key !== inKey)) {
    const ports = `inport="${nameOfKey(datapath, inKey)}", outport="${target?.friendlyName ?? '(unnamed)'}"`;
    const node = append(into, 'pipeline', `egress(dp="${datapath.friendlyName}", ${ports})`);
    return { place: { datapath, pipeline: 'egress', table: 0 }, packet: copy, into: node.subs };
  }
  append(into, 'output', omitting);
  return undefined;
}

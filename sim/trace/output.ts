/** The `output` action: from the ingress pipeline into the egress one, from there to the port and beyond. */
import { formatAction } from '../../engine/lang/index.ts';
import { append, say } from './nodes.ts';
import { clonePacket, type Packet, slot } from './packet.ts';
import { addGap, type Continuation, nameOfKey, type Place } from './run.ts';
import { type ActionOf, passedOn, type Step } from './step.ts';
import type { TraceDatapath, TraceGroup, TracePort } from './topology.ts';

const loopback = 1;
const omitting = '/* omitting output because inport == outport && !flags.loopback */';

/** Sends the packet to the port or group in its `outport`. */
export function output(step: Step): Continuation | undefined {
  const { datapath, pipeline } = step.place;
  const key = keyIn(step.packet, 'outport');
  if (key === 0) {
    say(step.into, 'error', '*** output to null logical port');
    return undefined;
  }
  const port = datapath.portsByKey.get(key);
  const group = datapath.groupsByKey.get(key);
  if (!port && !group) say(step.into, 'error', `*** unknown port or multicast group ${key}`);
  if (pipeline === 'egress') return deliver(step, port, port?.friendlyName ?? group?.name ?? '(unnamed)');
  if (!group) return toEgress(step, port);
  replicate(step, group);
  return undefined;
}

/**
 * `fwd_group(childports=...);` ovn-trace goes nowhere.  On a chassis one of the ports gets the packet; here it is the first
 * one, or the one that was told.  Without all of its ports, on this datapath, the group is none: lib/actions.c, encode_FWD_GROUP.
 */
export function forward(step: Step, action: ActionOf<'fwd_group'>): Continuation | undefined {
  const { run, place, packet } = step;
  if (!run.onChassis) {
    addGap(run, `the action ${formatAction(action)} is not modelled`);
    return undefined;
  }
  const { childPorts } = action;
  const keys = childPorts.flatMap((name) => {
    const port = run.topology.ports.get(name);
    return port?.datapath === place.datapath ? port.key : [];
  });
  const chosen = keys[(run.selectId ?? 1) - 1] ?? keys[0];
  if (chosen === undefined || keys.length < childPorts.length) return undefined;
  packet.words[slot.outport] = chosen;
  return output(step);
}

function keyIn(packet: Packet, register: 'inport' | 'outport'): number {
  return (packet.words[slot[register]] as number) & 0xffff;
}

/** The first table of a datapath's pipeline. */
function startOf(datapath: TraceDatapath, pipeline: Place['pipeline'], before: Place): Place {
  return { datapath, pipeline, table: 0, passed: before.passed + 1 };
}

/** The end of the egress pipeline: the port's peer takes the packet over, or somebody outside. */
function deliver(step: Step, port: TracePort | undefined, name: string): Continuation | undefined {
  const { run, place, into } = step;
  say(into, 'output', `/* output to "${name}", type "${port?.binding.type ?? ''}" */`);
  if (!port?.peer) {
    say(into, 'modify', `output("${name}")`);
    if (port) run.result.deliveries.push({ datapath: place.datapath, port, packet: passedOn(step) });
    return undefined;
  }
  const { peer } = port;
  const title = `ingress(dp="${peer.datapath.friendlyName}", inport="${peer.friendlyName}")`;
  const node = append(into, 'pipeline', title);
  const entering = passedOn(step);
  // ovn-trace keeps them; on a chassis nothing passes from one datapath to the next.
  if (run.conntrack.keepsFlags) entering.words.fill(0, slot.reg0, slot.reg0 + 16);
  entering.words[slot.inport] = peer.key;
  entering.words[slot.outport] = 0;
  run.conntrack.cross(entering);
  return { place: startOf(peer.datapath, 'ingress', place), packet: entering, shared: false, into: node.subs };
}

/** Makes the packet what the egress pipeline gets: registers do not pass, but for the two ports, and on a chassis `flags`. */
function forgetRegisters({ run }: Step, packet: Packet): Packet {
  const { words } = packet;
  const [inport, outport] = [words[slot.inport] as number, words[slot.outport] as number];
  const flags = run.conntrack.keepsFlags ? (words[slot.flags] as number) : 0;
  words.fill(0, slot.reg0, slot.reg0 + 16);
  words[slot.inport] = inport;
  words[slot.outport] = outport;
  words[slot.flags] = flags;
  return packet;
}

function egressTitle({ datapath }: Place, packet: Packet, outport: string): string {
  const inport = nameOfKey(datapath, keyIn(packet, 'inport'));
  return `egress(dp="${datapath.friendlyName}", inport="${inport}", outport="${outport}")`;
}

/** A packet does not go back where it came from, unless the flows say that it may. */
function mayLeaveBy(packet: Packet, port: TracePort | undefined): boolean {
  const mayLoop = ((packet.words[slot.flags] as number) & loopback) !== 0;
  return mayLoop || (port !== undefined && port.key !== keyIn(packet, 'inport'));
}

function replicate(step: Step, group: TraceGroup): void {
  const { run, place, packet, into } = step;
  const { datapath } = place;
  const copies = append(into, 'pipeline', `multicast(dp="${datapath.friendlyName}", mcgroup="${group.name}")`);
  // ovn-trace sends one copy from port to port: what one egress pipeline changes, the next one gets.
  const copy = forgetRegisters(step, clonePacket(packet));
  for (const port of group.ports) {
    const node = append(copies.subs, 'pipeline', egressTitle(place, packet, port.friendlyName));
    if (mayLeaveBy(packet, port)) {
      node.alwaysIndent = true;
      run.conntrack.nextMember?.(copy);
      copy.words[slot.outport] = port.key;
      run.walk({ place: startOf(datapath, 'egress', place), packet: copy, shared: true, into: node.subs });
    } else {
      say(node.subs, 'output', omitting);
    }
  }
}

function toEgress(step: Step, port: TracePort | undefined): Continuation | undefined {
  const { place, packet, into } = step;
  let target = port;
  if (port?.binding.type === 'chassisredirect') {
    target = port.distributedPort;
    if (!target) {
      const text = `*** output to type "${port.binding.type}" port "${port.friendlyName}"`;
      say(into, 'error', `${text} with no or invalid distributed port`);
      return undefined;
    }
    const names = `outport "${port.friendlyName}" with distributed port "${target.friendlyName}"`;
    say(into, 'output', `/* Replacing type "${port.binding.type}" ${names}. */`);
  }
  if (!mayLeaveBy(packet, target)) {
    say(into, 'output', omitting);
    return undefined;
  }
  const node = append(into, 'pipeline', egressTitle(place, packet, target?.friendlyName ?? '(unnamed)'));
  const copy = forgetRegisters(step, passedOn(step));
  if (target && target !== port) copy.words[slot.outport] = target.key;
  return { place: startOf(place.datapath, 'egress', place), packet: copy, shared: false, into: node.subs };
}

/** `flood_remote;`: a copy goes to every other chassis; no port stands for what is behind them. */
export function floodRemote({ run, into }: Step): void {
  say(into, 'output', '/* Flood to all remote chassis */');
  addGap(run, 'the action flood_remote sends copies to other chassis, which were not followed');
}

/** What becomes of the traffic of a node, noted while its rules are made. */
import type { PacketSet, Space } from '../sets/index.ts';
import type { Capabilities } from './capabilities/types.ts';
import type { Exit, NodePort, NodeTraffic, SoftwarePart } from './classes.ts';
import { fieldNames } from './families.ts';
import type { Place, Reason, Traffic } from './plan.ts';
import type { Rule } from './rules.ts';

/** A set of packets in words, and one of them as a microflow. */
export type Describe = (packets: PacketSet) => { readonly words: string; readonly sample?: string };

export interface Ledger {
  /** Software has these packets, from the beginning. */
  leave(parts: readonly SoftwarePart[]): void;
  /** These would have been for hardware, but for the reason. */
  fail(packets: PacketSet, reason: Reason): void;
  /** Hardware handles what these send of the classes, by rules of the groups; what is told together has the same `base`. */
  handle(senders: PacketSet, classes: readonly Handled[], groups: readonly number[], base: number): void;
  handleArriving(port: NodePort, group: number): void;
  failArriving(port: NodePort, reason: Reason): void;
  /** There are rules that look behind the IP header. */
  fragments(): void;
  traffic(rules: readonly Rule[]): Traffic[];
}

/** Packets of classes that leave in one kind of way, whoever sends them. */
export interface Handled {
  readonly set: PacketSet;
  /** Where each class leaves. */
  readonly exits: readonly Exit[];
}

/** What is told as one. */
interface Told {
  packets: PacketSet;
  readonly to: Set<string>;
  readonly groups: Set<number>;
  readonly isTunnelled: boolean;
}

export function createLedger(
  traffic: NodeTraffic,
  { capabilities, describe = () => ({ words: '' }) }: { capabilities: Capabilities; describe?: Describe },
): Ledger {
  const { space } = traffic;
  const handled = new Map<string, Told>();
  const left = new Map<string, { packets: PacketSet; reason: Reason }>();
  const arriving = new Map<string, { ports: NodePort[]; groups: Set<number> }>();
  const notArriving = new Map<string, { ports: NodePort[]; reason: Reason }>();
  let hasFragments = false;

  const leaveOne = ({ packets, reason }: SoftwarePart): void => {
    const key = `${reason.code} ${reason.stage ?? ''} ${reason.stage === undefined ? reason.detail : ''}`;
    const known = left.get(key);
    if (known) known.packets = space.or(known.packets, packets);
    else left.set(key, { packets, reason });
  };

  const portsOf = (packets: PacketSet): NodePort[] => portsIn(traffic, packets);

  const toTraffic = (rules: readonly Rule[]): Traffic[] => {
    const cookies = cookiesOf(rules);
    const list: Omit<Traffic, 'id'>[] = [];
    for (const one of handled.values()) {
      const packets = space.diff(one.packets, traffic.returning);
      const ports = portsOf(packets);
      if (ports.length === 0) continue;
      const taken = [...one.groups].flatMap((group) => cookies(group, one.isTunnelled));
      list.push({
        ...from(ports),
        to: [...one.to].sort(),
        ...describe(packets),
        place: 'hardware',
        reasons: [],
        rules: taken,
      });
    }
    for (const { ports, groups } of arriving.values()) {
      const taken = [...groups].flatMap((group) => cookies(group, false));
      const words = 'what other nodes send to hosts of this one';
      const to = ports.map(({ name }) => name).sort();
      list.push({ from: 'tunnel', to, words, place: 'hardware', reasons: [], rules: taken });
    }
    for (const { ports, reason } of notArriving.values()) {
      const to = ports.map(({ name }) => name).sort();
      const words = 'what other nodes send to hosts of this one';
      list.push({ from: 'tunnel', to, words, place: 'software', reasons: [reason], rules: [] });
    }
    for (const part of left.values()) {
      for (const { packets, reason, place } of byPlace(traffic, capabilities, part)) {
        const ports = portsOf(packets);
        if (ports.length === 0) continue;
        list.push({ ...from(ports), to: [], ...describe(packets), place, reasons: [reason], rules: [] });
      }
    }
    for (const { port, reason } of traffic.unplanned) {
      list.push({ from: port, to: [], words: 'everything', place: 'software', reasons: [reason], rules: [] });
    }
    const [first] = traffic.ports;
    if (hasFragments && first) {
      const detail = 'some rules look at ports of TCP or UDP, which fragments do not have';
      const reason: Reason = { code: 'fragment', detail };
      const ports = from(traffic.ports);
      list.push({
        ...ports,
        to: [],
        words: 'fragments of such packets',
        place: 'software',
        reasons: [reason],
        rules: [],
      });
    }
    return list.map((one, index) => ({ id: `${traffic.node}-${index + 1}`, ...one }));
  };

  return {
    leave: (parts) => parts.forEach(leaveOne),
    fail: (packets, reason) => leaveOne({ packets, reason }),
    handle(senders, classes, groups, base) {
      for (const isTunnelled of [false, true]) {
        const some = classes.filter(({ exits }) => (exits[0]?.kind === 'tunnel') === isTunnelled);
        if (some.length === 0) continue;
        const key = `${base} ${isTunnelled}`;
        const one = handled.get(key) ?? { packets: space.empty, to: new Set(), groups: new Set(), isTunnelled };
        handled.set(key, one);
        const packets = space.and(senders, space.orAll(some.map(({ set }) => set)));
        one.packets = space.or(one.packets, packets);
        for (const { port } of some.flatMap(({ exits }) => exits)) one.to.add(port);
        for (const group of groups) one.groups.add(group);
      }
    },
    handleArriving(port, group) {
      const one = arriving.get('all') ?? { ports: [], groups: new Set() };
      arriving.set('all', one);
      if (!one.ports.includes(port)) one.ports.push(port);
      one.groups.add(group);
    },
    failArriving(port, reason) {
      const key = `${reason.code} ${reason.detail}`;
      const one = notArriving.get(key) ?? { ports: [], reason };
      notArriving.set(key, one);
      if (!one.ports.includes(port)) one.ports.push(port);
    },
    fragments() {
      hasFragments = true;
    },
    traffic: toTraffic,
  };
}

function from(ports: readonly NodePort[]): Pick<Traffic, 'from' | 'also'> {
  const [first, ...more] = ports.map(({ name }) => name);
  return { from: first ?? '', ...(more.length > 0 && { also: more }) };
}

function portsIn({ space, ports }: NodeTraffic, packets: PacketSet): NodePort[] {
  const names = fieldNames(space);
  const inports = space.forget(packets, names.without(['inport']));
  return ports.filter(({ number }) => space.intersects(inports, space.cube([names.literal('inport', BigInt(number))])));
}

/** The cookies of a group's rules that finish packets. */
function cookiesOf(rules: readonly Rule[]): (group: number, isTunnelled: boolean) => string[] {
  const byGroup = new Map<number, Rule[]>();
  for (const rule of rules) {
    const known = byGroup.get(rule.group);
    if (known) known.push(rule);
    else byGroup.set(rule.group, [rule]);
  }
  return (group, isTunnelled) =>
    (byGroup.get(group) ?? []).flatMap(({ actions, cookie }) => {
      const ends = actions.some(({ type }) => type === 'represented_port');
      const isTunnel = actions.some(({ type }) => type === 'raw_encap');
      return ends && isTunnel === isTunnelled && cookie !== undefined ? [cookie] : [];
    });
}

interface Placed extends SoftwarePart {
  readonly place: Place;
}

/** What waits for a connection, by whether a device may take its packets over once there is one. */
function byPlace({ space }: NodeTraffic, { conntrack }: Capabilities, part: SoftwarePart): Placed[] {
  const { packets, reason } = part;
  if (reason.code === 'neighbour-unknown') return [{ ...part, place: 'hardware-after-first' }];
  if (reason.code !== 'ct-new' && reason.code !== 'load-balancer') return [{ ...part, place: 'software' }];
  const proto = (value: bigint): PacketSet => protocol(space, value);
  const tracked = (conntrack?.protocols ?? []).map((name) => proto(name === 'tcp' ? 6n : 17n));
  const able = space.and(packets, space.orAll(tracked));
  const icmp = space.and(packets, space.or(proto(1n), proto(58n)));
  const sctp = space.and(packets, proto(132n));
  const rest = space.diff(packets, space.orAll([able, icmp, sctp]));
  const parts: Placed[] = [
    { packets: able, reason, place: 'hardware-after-first' },
    {
      packets: icmp,
      reason: { ...reason, code: 'ct-icmp', detail: `${reason.detail}; hardware tracks no ICMP` },
      place: 'software',
    },
    {
      packets: sctp,
      reason: { ...reason, code: 'sctp', detail: `${reason.detail}; hardware tracks no SCTP` },
      place: 'software',
    },
    { packets: rest, reason, place: 'software' },
  ];
  return parts.filter((one) => one.packets !== space.empty);
}

function protocol(space: Space, value: bigint): PacketSet {
  const names = fieldNames(space);
  const ip = [0x800n, 0x86ddn].map((type) =>
    space.cube([names.literal('eth.type', type), names.literal('ip.proto', value)]),
  );
  return space.orAll(ip);
}

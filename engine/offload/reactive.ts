/**
 * Reactive placement: rules for packets whose twins software has handled, made of the megaflows of a data plane that runs.
 *
 *     const table = openReactive(node, { device, capabilities });
 *     node.send('red/vm1', frame);
 *     const { added } = table.learn('red/vm1', frame);        // rules for packets like this one, if there are to be any
 *     for (const gone of table.stale()) ...                   // what does not hold any more
 *     table.ruleSet();                                        // all of them, with the connections that they stand on
 *
 * What is made holds as long as the program, what was learned and the connection stay what they are: `stale` finds what
 * does not, and is to be asked after everything that the node did.  reactive-loop.ts does all that beside a device.
 */
import { FIRST_TUNNEL, type Node, type NodeOptions, UNDERLAY } from '../node/node.ts';
import type { DevicePorts } from './actions.ts';
import type { Capabilities } from './capabilities/types.ts';
import type { Exit } from './classes.ts';
import { innerOf } from './geneve-frame.ts';
import type { Reason } from './plan.ts';
import { type FollowedFrame, openFollower, type Way } from './reactive-follow.ts';
import {
  type Entrance,
  entryRules,
  laidOut,
  type RuleTarget,
  rulesOfWay,
  trackingAction,
  type WayRules,
} from './reactive-rules.ts';
import type { KnownConnection, Rule, RuleSet, Tuple } from './rules.ts';

export interface ReactiveOptions {
  /** The node's own tunnel end and those of others, the names of the device's ports. */
  readonly device: DevicePorts;
  readonly capabilities: Capabilities;
  /** Seconds without a packet after which a rule goes; 10 without it, as a megaflow does. */
  readonly idle?: number;
  /** Rules that there may be at once; without it what the device takes, or 100 000. */
  readonly mostRules?: number;
}

/** Rules for packets that go one way. */
export interface Placed {
  readonly number: number;
  /** The logical port that the packets come in by; UNDERLAY for tunnels. */
  readonly from: string;
  /** The logical port, or none where they are dropped. */
  readonly to: readonly string[];
  /** The one that packets meet first in front. */
  readonly rules: readonly Rule[];
  /** The number of the shared action of its connection, where it has one. */
  readonly connection?: number;
}

export interface Learning {
  /** Rules that were not there before. */
  readonly added?: Placed;
  /** Those that there were already. */
  readonly known?: Placed;
  /** Why packets like this are software's. */
  readonly reason?: Reason;
}

export interface Reactive {
  /** Makes rules for packets like one that software has just handled; `port` is the logical port, or UNDERLAY. */
  learn(port: string, frame: Uint8Array): Learning;
  /** Takes out what does not hold any more, and gives it. */
  stale(): Placed[];
  /** Packets went by these rules in hardware: their connection goes on.  False where it is over. */
  carried(number: number): boolean;
  /** Takes rules out: they were not used, or the device did not take them. */
  remove(number: number): Placed | undefined;
  /** The rules that lead to the others, which stand for good. */
  readonly entry: readonly Rule[];
  /** All that there are. */
  placed(): Placed[];
  ruleSet(): RuleSet;
}

interface Entry extends Placed {
  readonly way: Way;
  readonly key: string;
}

interface Shared {
  readonly id: number;
  readonly key: string;
  readonly connection: KnownConnection;
  users: number;
}

const idleSeconds = 10;
const manyRules = 100_000;

/** The options of a node that goes with a device: with its tunnels. */
export function withTunnels(options: NodeOptions, { tunnels }: DevicePorts): NodeOptions {
  const own = tunnels.get(options.chassis);
  const peers = peersOf(tunnels, options.chassis);
  if (!own || peers.length === 0) return options;
  return { ...options, tunnels: { type: 'geneve', ...own, peers, checksum: false } };
}

const peersOf = (tunnels: DevicePorts['tunnels'], own: string) =>
  [...tunnels].filter(([name]) => name !== own).map(([chassis, end]) => ({ chassis, ...end }));

/** Rules for a node, which was made with the options of `withTunnels`.  They are none at first. */
export function openReactive(node: Node, chassis: string, options: ReactiveOptions): Reactive {
  const { capabilities, idle = idleSeconds } = options;
  const mostRules = options.mostRules ?? capabilities.limits.rules?.value ?? manyRules;
  const follower = openFollower(node.plane);
  const peers = peersOf(options.device.tunnels, chassis);
  const own = options.device.tunnels.get(chassis);
  const entries = new Map<string, Entry>();
  const byNumber = new Map<number, Entry>();
  const connections = new Map<string, Shared>();
  let numbers = 0;
  let sharedNumbers = 0;
  let ruleCount = 0;
  let epoch = epochOf();

  /** What all ways depend on. */
  function epochOf(): readonly unknown[] {
    return [node.program, node.plane.exports.learnedChanges.value];
  }

  /** The node's network, if it is joined to one alone: then the uplink leads there. */
  const networkOf = (): string | undefined => {
    const networks = node.ports.filter(({ kind }) => kind === 'localnet');
    return networks.length === 1 ? networks[0]?.name : undefined;
  };

  function target(): RuleTarget {
    const network = networkOf();
    const { device } = options;
    const hosts = node.ports
      .filter(({ kind }) => kind === 'vif')
      .flatMap(({ name }): [string, string][] => {
        const port = device.ports.get(name);
        return port === undefined ? [] : [[name, port]];
      });
    const ports = new Map(network === undefined ? hosts : [...hosts, [network, device.uplink] as const]);
    return { device: { ...device, ports, node: chassis }, capabilities, idle };
  }

  /** Where a frame comes from, for the plane and for rules; why rules do not know, otherwise. */
  function entranceOf(port: string, frame: Uint8Array): { followed: FollowedFrame; from: Entrance } | Reason {
    if (port === UNDERLAY) {
      const inner = own && innerOf(frame, own.ip);
      if (!inner) return { code: 'not-modelled', detail: "the frame is no tunnel with OVN's option alone" };
      const at = peers.findIndex(({ ip }) => ip === inner.src);
      const { vni, option } = inner;
      const followed = { port: FIRST_TUNNEL + at, frame: inner.frame, tunnel: { vni, option } };
      if (at < 0) return { code: 'not-modelled', detail: `no other node has the address ${inner.src}` };
      const keys = { inKey: option >>> 16, outKey: option & 0xffff };
      return { followed, from: { kind: 'tunnel', chassis: peers[at]?.chassis ?? '', vni, ...keys } };
    }
    const number = node.physicalPort(port);
    const devicePort = target().device.ports.get(port);
    if (number === undefined || devicePort === undefined) {
      return { code: 'unsupported-match', detail: `the device has no port that stands for ${port} alone` };
    }
    const isNetwork = node.ports.some(({ name, kind }) => name === port && kind === 'localnet');
    return { followed: { port: number, frame }, from: { kind: 'port', devicePort, isNetwork } };
  }

  function exitOf({ out }: Way): Exit | 'drop' | undefined {
    if (out.kind === 'drop') return 'drop';
    if (out.kind === 'port') {
      const name = node.ports.find((port) => node.physicalPort(port.name) === out.port)?.name;
      return name === undefined ? undefined : { kind: 'port', port: name };
    }
    const peer = peers[out.tunnel];
    if (!peer) return undefined;
    const keys = { datapathKey: out.vni, inKey: out.option >>> 16, outKey: out.option & 0xffff };
    return { kind: 'tunnel', chassis: peer.chassis, port: '', ...keys };
  }

  function learn(port: string, frame: Uint8Array): Learning {
    const entrance = entranceOf(port, frame);
    if ('code' in entrance) return { reason: entrance };
    const way = follower.follow(entrance.followed);
    if ('reason' in way) return way;
    const exit = exitOf(way);
    if (exit === undefined)
      return { reason: { code: 'software-port', detail: 'it leaves by a port that is not the device’s' } };
    const rules = rulesOfWay(way, entrance.from, exit, target());
    if ('reason' in rules) return rules;
    const known = entries.get(rules.key);
    if (known && follower.holds(known.way)) return { known };
    if (known) return { reason: { code: 'ct-new', detail: 'rules of another connection are still there' } };
    return add({ port, way, rules, exit });
  }

  function add({ port, way, rules, exit }: { port: string; way: Way; rules: WayRules; exit: Exit | 'drop' }): Learning {
    const needed = laidOut(rules, { number: 0, connection: 0 }, capabilities).length;
    if (ruleCount + needed > mostRules) {
      return {
        reason: { code: 'table-full', detail: `there are ${ruleCount} rules, and the device takes ${mostRules}` },
      };
    }
    const shared = rules.connection && sharedOf(way, rules.connection);
    if (rules.connection && !shared) {
      return { reason: { code: 'ct-new', detail: 'its two directions do not answer each other' } };
    }
    const number = numbers++;
    if (shared) shared.users++;
    const to = exit === 'drop' ? [] : [exit.kind === 'port' ? exit.port : exit.chassis];
    const placed: Entry = {
      number,
      from: port,
      to,
      rules: laidOut(rules, { number, connection: shared?.id ?? 0 }, capabilities),
      ...(shared && { connection: shared.id }),
      way,
      key: rules.key,
    };
    entries.set(rules.key, placed);
    byNumber.set(number, placed);
    ruleCount += needed;
    return { added: placed };
  }

  /** The connection's shared action; undefined where the other direction is not this one, turned round. */
  function sharedOf(way: Way, found: NonNullable<WayRules['connection']>): Shared | undefined {
    const key = way.tracked
      .map(({ connection, version }) => `${connection}.${version}`)
      .sort()
      .join(' ');
    const { protocol, direction, coming, leaving } = found;
    const opener = direction === 'opener' ? coming : turned(leaving);
    const reply = direction === 'opener' ? turned(leaving) : coming;
    const connection: KnownConnection = { protocol, opener, reply };
    const known = connections.get(key);
    if (known) return JSON.stringify(known.connection) === JSON.stringify(connection) ? known : undefined;
    const shared: Shared = { id: sharedNumbers++, key, connection, users: 0 };
    connections.set(key, shared);
    return shared;
  }

  function remove(number: number): Placed | undefined {
    const found = byNumber.get(number);
    if (!found) return undefined;
    byNumber.delete(number);
    entries.delete(found.key);
    ruleCount -= found.rules.length;
    for (const [key, shared] of connections) {
      if (shared.id !== found.connection) continue;
      shared.users--;
      if (shared.users === 0) connections.delete(key);
    }
    return found;
  }

  return {
    learn,
    remove,
    stale() {
      const now = epochOf();
      const isSame = now.every((each, index) => each === epoch[index]);
      epoch = now;
      const gone = [...byNumber.values()].filter(({ way }) =>
        isSame ? !follower.isCurrent(way) : !follower.holds(way),
      );
      return gone.flatMap(({ number }) => remove(number) ?? []);
    },
    carried(number) {
      const found = byNumber.get(number);
      return found !== undefined && follower.carried(found.way);
    },
    get entry() {
      return entryRules(target());
    },
    placed: () => [...byNumber.values()],
    ruleSet() {
      const rules = [...byNumber.values()].flatMap((each) => each.rules);
      const filled = new Set(rules.map(({ group }) => group));
      const entry = entryRules(target()).filter(({ actions }) =>
        actions.every((action) => action.type !== 'jump' || filled.has(action.group ?? 0)),
      );
      const indirect = [...connections.values()].map(({ id, connection }) => ({
        id,
        action: trackingAction,
        connection,
      }));
      return {
        node: chassis,
        device: capabilities.device,
        ...(indirect.length > 0 && { indirect }),
        rules: [...entry, ...rules],
      };
    },
  };
}

const turned = ({ src, dst, srcPort, dstPort }: Tuple): Tuple => ({
  src: dst,
  dst: src,
  srcPort: dstPort,
  dstPort: srcPort,
});

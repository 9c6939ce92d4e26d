/**
 * IGMP and MLD snooping: who has joined which group, and behind which ports
 * routers are (OVS's lib/mcast-snooping.c, as controller/pinctrl.c uses it);
 * and the queries that a chassis sends (`IP_Multicast`, ovn-sb(5)).
 */
import { formatIpv4, formatIpv6 } from '../lang/index.ts';
import type { MulticastSettings } from '../ovsdb/southbound.ts';
import { igmpQuery, ipBytes, macBytes, mldQuery, type Querier, readMembership } from './answer/index.ts';
import { type Asked, type Chassis, portByKey, type Timed } from './chassis.ts';
import { inportOf } from './flow.ts';

/** A group of a datapath and the ports where somebody is in it. */
export interface JoinedGroup {
  /** UUID of the datapath. */
  readonly datapath: string;
  /** Address of the group. */
  readonly address: string;
  /** UUIDs of Port_Bindings. */
  readonly ports: readonly string[];
}

/** Ports of a datapath that are known as ones to routers. */
export interface RouterPorts {
  readonly datapath: string;
  readonly ports: readonly string[];
}

export interface SnoopedPorts {
  readonly joined: readonly JoinedGroup[];
  readonly routers: readonly RouterPorts[];
}

const DEFAULT_SIZE = 2048;
const DEFAULT_IDLE = 300;
const DEFAULT_RESPONSE = 1;
const MIN_INTERVAL = 1;
/** Milliseconds that a router's port is one after its last query. */
const ROUTER_IDLE = 180_000;
/** `_MC_flood`, `_MC_mrouter_flood` and `_MC_flood_l2`: lib/mcast-group-index.h. */
const FLOOD = 32768;
const ROUTERS = 32770;
const FLOOD_L2 = 32772;

interface Membership {
  /** By UUID of the port: when it ends. */
  readonly ports: Map<string, number>;
}

interface Snoop {
  settings: MulticastSettings;
  readonly groups: Map<string, Membership>;
  readonly routers: Map<string, number>;
  queryAt: number;
}

export class Snooping implements Timed {
  private readonly chassis: Chassis;
  private readonly changed: () => void;
  /** By UUID of the datapath; of those only that are here and snoop. */
  private readonly snoops = new Map<string, Snoop>();

  /** `changed` is called when groups are not what they were. */
  constructor(chassis: Chassis, changed: () => void) {
    this.chassis = chassis;
    this.changed = changed;
  }

  /** The database or the program is another one. */
  update(): void {
    const local = new Set(this.chassis.program.datapaths.map(({ view }) => view.binding.uuid));
    const wanted = this.chassis.services.multicast.filter(({ datapath, enabled }) => enabled && local.has(datapath));
    for (const datapath of this.snoops.keys()) {
      if (!wanted.some((settings) => settings.datapath === datapath)) this.snoops.delete(datapath);
    }
    for (const settings of wanted) {
      const snoop = this.snoops.get(settings.datapath);
      if (snoop) snoop.settings = settings;
      else {
        const fresh = { settings, groups: new Map(), routers: new Map(), queryAt: this.chassis.now };
        this.snoops.set(settings.datapath, fresh);
      }
    }
  }

  /** Learns from a message that a host or a router sent, and passes it on: reports to routers, queries to all. */
  hear(asked: Asked): void {
    const { frame, flow, datapath } = asked;
    const snoop = this.snoops.get(datapath.view.binding.uuid);
    const port = portByKey(datapath, inportOf(flow));
    const message = snoop && port && readMembership(frame);
    if (!message) return;
    const group = message.kind === 'query' ? FLOOD_L2 : ROUTERS;
    this.chassis.deliver(datapath.number, group, frame, port.tunnelKey);
    let isNews = false;
    if (message.isRouter) {
      isNews = !snoop.routers.has(port.uuid);
      snoop.routers.set(port.uuid, this.chassis.now + ROUTER_IDLE);
    }
    for (const { address, joins } of message.groups) {
      const text = addressText(address);
      if (joins ? this.join(snoop, text, port.uuid) : leave(snoop, text, port.uuid)) isNews = true;
    }
    if (isNews) this.changed();
  }

  /** All groups that have members, in the order in which they came, and all ports to routers. */
  ports(): SnoopedPorts {
    const all = [...this.snoops];
    return {
      joined: all.flatMap(([datapath, { groups }]) =>
        [...groups].map(([address, { ports }]) => ({ datapath, address, ports: [...ports.keys()] })),
      ),
      routers: all
        .filter(([, { routers }]) => routers.size > 0)
        .map(([datapath, { routers }]) => ({ datapath, ports: [...routers.keys()] })),
    };
  }

  due(): number {
    const times = [...this.snoops.values()].flatMap((snoop) => [
      ...[...snoop.groups.values()].flatMap(({ ports }) => [...ports.values()]),
      ...snoop.routers.values(),
      ...(queriersOf(snoop.settings).length > 0 ? [snoop.queryAt] : []),
    ]);
    return Math.min(Number.POSITIVE_INFINITY, ...times);
  }

  run(): void {
    const { now } = this.chassis;
    let isNews = false;
    for (const snoop of this.snoops.values()) {
      for (const [address, { ports }] of snoop.groups) {
        for (const [port, until] of ports) if (until <= now) isNews = ports.delete(port) || isNews;
        if (ports.size === 0) snoop.groups.delete(address);
      }
      for (const [port, until] of snoop.routers) if (until <= now) isNews = snoop.routers.delete(port) || isNews;
      if (snoop.queryAt <= now) this.query(snoop);
    }
    if (isNews) this.changed();
  }

  private join(snoop: Snoop, address: string, port: string): boolean {
    // What a router says of itself would make its port a member of everything.
    if ((snoop.routers.get(port) ?? 0) > this.chassis.now) return false;
    const known = snoop.groups.get(address);
    const group = known ?? { ports: new Map<string, number>() };
    const isNews = !group.ports.has(port);
    group.ports.set(port, this.chassis.now + 1000 * (snoop.settings.idleTimeout ?? DEFAULT_IDLE));
    // The group that was heard of longest ago makes room.
    snoop.groups.delete(address);
    if (snoop.groups.size >= (snoop.settings.tableSize ?? DEFAULT_SIZE)) {
      const [oldest] = snoop.groups.keys();
      if (oldest !== undefined) snoop.groups.delete(oldest);
    }
    snoop.groups.set(address, group);
    return isNews;
  }

  private query(snoop: Snoop): void {
    const { settings } = snoop;
    const idle = settings.idleTimeout ?? DEFAULT_IDLE;
    const interval = settings.queryInterval ?? Math.max(MIN_INTERVAL, Math.floor(idle / 2));
    snoop.queryAt = this.chassis.now + 1000 * Math.max(MIN_INTERVAL, interval);
    const datapath = this.chassis.program.datapaths.find(({ view }) => view.binding.uuid === settings.datapath);
    if (!datapath) return;
    for (const frame of queriersOf(settings)) this.chassis.deliver(datapath.number, FLOOD, frame);
  }
}

function leave(snoop: Snoop, address: string, port: string): boolean {
  const group = snoop.groups.get(address);
  const isNews = group?.ports.delete(port) ?? false;
  if (group?.ports.size === 0) snoop.groups.delete(address);
  return isNews;
}

/** The queries that a datapath's settings ask for. */
function queriersOf(settings: MulticastSettings): Uint8Array[] {
  const ethSrc = macBytes(settings.ethSrc);
  if (!settings.querier || !ethSrc) return [];
  const maxResponse = settings.queryMaxResponse ?? DEFAULT_RESPONSE;
  const querier = (text: string, length: number): Querier[] => {
    const src = ipBytes(text);
    return src?.length === length ? [{ ethSrc, src, maxResponse }] : [];
  };
  return [...querier(settings.ip4Src, 4).map(igmpQuery), ...querier(settings.ip6Src, 16).map(mldQuery)];
}

function addressText(bytes: Uint8Array): string {
  const value = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return bytes.length === 4 ? formatIpv4(value) : formatIpv6(value);
}

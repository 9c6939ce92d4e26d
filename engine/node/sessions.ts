/** BFD sessions of router ports: controller/pinctrl.c, `bfd_monitor_run`; RFC 5880. */
import { parsePortAddresses } from '../northd/addresses.ts';
import type { BfdSession } from '../ovsdb/southbound.ts';
import { type BfdState, type BfdWay, bfdControl, ipBytes, macBytes, readBfd } from './answer/index.ts';
import type { Asked, Chassis, Timed } from './chassis.ts';

/** Milliseconds without a packet after which a session is down, before the other side has said so itself. */
const FIRST_PATIENCE = 30_000;

interface Session {
  row: BfdSession;
  readonly way: BfdWay;
  state: BfdState;
  yourDiscriminator: number;
  /** What the other side can take. */
  remoteMinRx: number;
  isDemand: boolean;
  sendAt: number;
  heardAt: number;
  patience: number;
}

export class Sessions implements Timed {
  private readonly chassis: Chassis;
  private readonly changed: (row: BfdSession, state: BfdState) => void;
  private readonly sessions = new Map<string, Session>();

  /** `changed` is called when a session has another state. */
  constructor(chassis: Chassis, changed: (row: BfdSession, state: BfdState) => void) {
    this.chassis = chassis;
    this.changed = changed;
  }

  /** The database or the program is another one. */
  update(): void {
    const seen = new Set<string>();
    const { now } = this.chassis;
    for (const row of this.chassis.services.bfd) {
      const way = this.wayOf(row);
      if (!way) continue;
      const key = `${row.dstIp} ${row.srcPort}`;
      seen.add(key);
      const known = this.sessions.get(key);
      const state = row.status === 'admin_down' ? 'admin_down' : 'down';
      if (!known) {
        const fresh = { yourDiscriminator: 0, remoteMinRx: 1, isDemand: false, patience: FIRST_PATIENCE };
        this.sessions.set(key, { ...fresh, row, way, state, sendAt: now, heardAt: now });
        continue;
      }
      known.row = row;
      if ((known.state === 'admin_down') !== (state === 'admin_down')) {
        known.state = state;
        known.yourDiscriminator = 0;
      }
    }
    for (const key of this.sessions.keys()) if (!seen.has(key)) this.sessions.delete(key);
  }

  due(): number {
    const times = [...this.sessions.values()].flatMap((session) => {
      if (session.state === 'admin_down') return [];
      const ends = session.state === 'down' ? [] : [session.heardAt + session.patience];
      return isSilent(session) ? ends : [session.sendAt, ...ends];
    });
    return Math.min(Number.POSITIVE_INFINITY, ...times);
  }

  run(): void {
    const { now } = this.chassis;
    for (const session of this.sessions.values()) {
      if (session.state === 'admin_down') continue;
      if (session.state !== 'down' && session.heardAt + session.patience <= now) this.enter(session, 'down');
      if (session.sendAt > now || isSilent(session)) continue;
      this.send(session, false);
      const interval = Math.max(session.row.minTx, session.remoteMinRx, 1);
      // Up to a quarter earlier: RFC 5880 section 6.8.7.
      session.sendAt = now + Math.max(1, interval - this.chassis.random(Math.max(1, Math.floor(interval / 4))));
    }
  }

  /** The other side says something. */
  hear({ frame }: Asked): void {
    const heard = readBfd(frame);
    if (typeof heard === 'string') return;
    for (const session of this.sessions.values()) {
      const { row, way } = session;
      if (row.discriminator !== heard.yourDiscriminator || way.dst.join() !== heard.from.join()) continue;
      session.yourDiscriminator = heard.myDiscriminator;
      session.remoteMinRx = heard.minRx;
      session.patience = heard.multiplier * Math.max(heard.minTx, row.minRx);
      session.heardAt = this.chassis.now;
      const next = stateAfter(session.state, heard.state);
      if (next !== session.state) this.enter(session, next);
      if (session.state === 'up' && heard.isDemand) session.isDemand = true;
      if (heard.isPoll) this.send(session, true);
    }
  }

  private enter(session: Session, state: BfdState): void {
    session.state = state;
    if (state === 'down') {
      session.yourDiscriminator = 0;
      session.isDemand = false;
    }
    this.changed(session.row, state);
  }

  private send({ row, way, state, yourDiscriminator }: Session, isFinal: boolean): void {
    const place = this.chassis.placeOf(row.logicalPort);
    if (!place) return;
    const { multiplier, discriminator: myDiscriminator, minTx, minRx } = row;
    const control = { state, isFinal, multiplier, myDiscriminator, yourDiscriminator, minTx, minRx };
    this.chassis.enter(place, bfdControl(way, control));
  }

  /** Undefined if the port is not this chassis' to speak for, or has no address of the neighbour's family. */
  private wayOf({ logicalPort, dstIp, srcPort }: BfdSession): BfdWay | undefined {
    const place = this.chassis.placeOf(logicalPort);
    const dst = ipBytes(dstIp);
    if (!place || !dst || place.binding.options.peer === undefined) return undefined;
    const { view } = this.chassis.program;
    const isHere = place.binding.type === 'l3gateway' || view.isResident(`cr-${logicalPort}`);
    if (!isHere) return undefined;
    for (const text of place.binding.mac) {
      const addresses = parsePortAddresses(text)?.addresses;
      const ethSrc = addresses && macBytes(addresses.mac);
      const own = dst.length === 16 ? addresses?.ipv6[0]?.address : addresses?.ipv4[0]?.address;
      const src = ipBytes(own ?? '');
      if (ethSrc && src) return { ethSrc, src, dst, srcPort };
    }
    return undefined;
  }
}

const isSilent = ({ isDemand, remoteMinRx }: Session): boolean => isDemand || remoteMinRx === 0;

/** RFC 5880 section 6.2. */
function stateAfter(own: BfdState, theirs: BfdState): BfdState {
  if (own === 'admin_down') return own;
  if (theirs === 'admin_down') return 'down';
  if (own === 'down') return theirs === 'down' ? 'init' : theirs === 'init' ? 'up' : own;
  if (own === 'init') return theirs === 'init' || theirs === 'up' ? 'up' : own;
  return theirs === 'down' ? 'down' : own;
}

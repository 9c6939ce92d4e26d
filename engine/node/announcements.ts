/**
 * Announcements of addresses on physical networks: gratuitous ARP, or reverse
 * ARP of ports without an IPv4 address, five times, one, two, four, eight and
 * sixteen seconds apart (controller/pinctrl.c, `send_garp_rarp`).
 */
import { parsePortAddresses } from '../northd/addresses.ts';
import { gratuitousArp, ipBytes, macBytes, readNatAddresses, reverseArp } from './answer/index.ts';
import type { Chassis, LocalPlace, Timed } from './chassis.ts';

/** Milliseconds before the first announcement, and the last pause. */
const FIRST = 1000;
const LAST_PAUSE = 16_000;

interface Announcement {
  /** The switch port that the frame comes in by. */
  port: string;
  readonly frame: Uint8Array;
  at: number;
  pause: number;
}

export class Announcements implements Timed {
  private readonly chassis: Chassis;
  private readonly announcements = new Map<string, Announcement>();

  constructor(chassis: Chassis) {
    this.chassis = chassis;
  }

  /** The database or the program is another one: addresses that are new are announced. */
  update(): void {
    const wanted = this.wanted();
    for (const name of this.announcements.keys()) if (!wanted.has(name)) this.announcements.delete(name);
    for (const [name, { port, frame }] of wanted) {
      const known = this.announcements.get(name);
      if (known) known.port = port;
      else this.announcements.set(name, { port, frame, at: this.chassis.now + FIRST, pause: 1000 });
    }
  }

  due(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...[...this.announcements.values()].map(({ at }) => at));
  }

  run(): void {
    const { now } = this.chassis;
    for (const each of this.announcements.values()) {
      if (each.at > now) continue;
      const place = this.chassis.placeOf(each.port);
      if (place) this.chassis.enter(place, each.frame);
      each.at = each.pause < LAST_PAUSE ? now + each.pause * 2 : Number.POSITIVE_INFINITY;
      each.pause *= 2;
    }
  }

  private wanted(): Map<string, { port: string; frame: Uint8Array }> {
    const wanted = new Map<string, { port: string; frame: Uint8Array }>();
    for (const { number, view } of this.chassis.program.datapaths) {
      if (!view.ports.some(({ reach }) => reach.kind === 'network')) continue;
      for (const { binding, reach } of view.ports) {
        if (reach.kind === 'vif' && binding.type === '') {
          for (const [name, frame] of this.ofVif({ binding, datapath: number })) {
            wanted.set(name, { port: binding.logicalPort, frame });
          }
        }
        if (reach.kind !== 'patch') continue;
        for (const [name, frame] of this.ofGateway({ binding, datapath: number })) {
          wanted.set(name, { port: binding.logicalPort, frame });
        }
      }
    }
    return wanted;
  }

  private ofVif({ binding }: LocalPlace): [string, Uint8Array][] {
    for (const text of binding.mac) {
      const addresses = parsePortAddresses(text)?.addresses;
      const mac = addresses && macBytes(addresses.mac);
      if (!mac) continue;
      const ip = ipBytes(addresses.ipv4[0]?.address ?? '');
      return [[binding.logicalPort, ip ? gratuitousArp(mac, ip) : reverseArp(mac)]];
    }
    return [];
  }

  /** `nat_addresses`: a port's own, if it is resident here, and those that name the port they are resident with. */
  private ofGateway({ binding }: LocalPlace): [string, Uint8Array][] {
    const { program, services } = this.chassis;
    const name = binding.logicalPort;
    return (services.natAddresses.get(name) ?? []).flatMap((text): [string, Uint8Array][] => {
      const entry = readNatAddresses(text);
      if (!entry) return [];
      const { residentPort, announcements } = entry;
      const isHere = residentPort === undefined ? binding.type !== 'patch' : program.view.isResident(residentPort);
      return isHere ? [...announcements].map(([address, frame]) => [`${name}-${address}`, frame]) : [];
    });
  }
}

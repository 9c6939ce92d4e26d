/**
 * A chassis that is never left in peace: its program is exchanged, ports come and go, hosts appear and move,
 * short connections open by the thousand, all while some connections are kept open for good.
 *
 *     const churn = new Churn();
 *     for (...) churn.round();
 *     churn.lost, churn.memory()
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { withChecksums } from '../../engine/frame.ts';
import { createNode, type Node, type Received } from '../../engine/node/index.ts';
import { computeSouthbound } from '../../engine/northd/index.ts';
import { emptyNorthbound, insertRow, type NorthboundColumns } from '../../engine/ovsdb/northbound.ts';
import type { Southbound } from '../../engine/ovsdb/southbound.ts';
import { type Placement, placementOf } from '../../engine/program/index.ts';

const chassis = 'here';
const hosts = 8;
/** Connections that stay open. */
const lasting = 48;
const shortOnes = 1000;
const roundTime = 500;
const gateway = [2, 0, 0, 0, 1, 0xfe];
const outsideRouter = [2, 0, 0, 0, 9, 0xfe];
const outsideHost = [2, 0, 0, 0, 9, 0x99];
const far = [198, 51, 100, 7];

export interface Memory {
  /** Bytes given out of the plane's memory. */
  readonly plane: number;
  /** Bytes of live objects. */
  readonly heap: number;
}

interface Connection {
  readonly host: number;
  readonly port: number;
  /** As it is translated. */
  translated: number;
  seq: number;
  ack: number;
}

interface Variant {
  readonly southbound: Southbound;
  readonly placement: Placement;
}

const macOf = (host: number): number[] => [2, 0, 0, 0, 1, host + 1];

/** A switch with hosts, a gateway router that translates, a switch with a localnet port; `extra` ports more, and an ACL. */
export function variantOf(extra: number): Variant {
  const nb = emptyNorthbound();
  const inside = insertRow(nb, 'Logical_Switch', 'in', { name: 'in' });
  const outside = insertRow(nb, 'Logical_Switch', 'out', { name: 'out' });
  const router = insertRow(nb, 'Logical_Router', 'r', { name: 'r', options: { chassis } });
  insertRow(nb, 'NB_Global', 'global', {
    options: { mac_prefix: '0a:00:00', svc_monitor_mac: '0a:00:00:00:00:01' },
  });
  const port = (to: { ports: string[] }, name: string, row: Partial<NorthboundColumns<'Logical_Switch_Port'>>) => {
    to.ports.push(insertRow(nb, 'Logical_Switch_Port', name, { name, ...row })._uuid);
  };
  const text = (bytes: readonly number[]) => bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
  for (let host = 0; host < hosts; host++) {
    port(inside, `h${host}`, { addresses: [`${text(macOf(host))} 10.0.1.${host + 1}`] });
  }
  for (let i = 0; i < extra; i++) port(inside, `x${i}`, { addresses: [`02:00:00:00:05:0${i} 10.0.1.${100 + i}`] });
  port(inside, 'stranger', { addresses: ['unknown'] });
  port(outside, 'ln', { type: 'localnet', addresses: ['unknown'], options: { network_name: 'physnet' } });
  const leg = (to: { ports: string[] }, name: string, mac: readonly number[], networks: string[]) => {
    router.ports.push(insertRow(nb, 'Logical_Router_Port', name, { name, mac: text(mac), networks })._uuid);
    port(to, `to-${name}`, { type: 'router', addresses: ['router'], options: { 'router-port': name } });
  };
  leg(inside, 'r-in', gateway, ['10.0.1.254/24']);
  leg(outside, 'r-out', outsideRouter, ['10.0.9.1/24']);
  const route = insertRow(nb, 'Logical_Router_Static_Route', 'r 0', { ip_prefix: '0.0.0.0/0', nexthop: '10.0.9.99' });
  router.static_routes.push(route._uuid);
  const nat = { type: 'snat', external_ip: '10.0.9.1', logical_ip: '10.0.1.0/24' } as const;
  router.nat.push(insertRow(nb, 'NAT', 'r 0', nat)._uuid);
  if (extra % 2 === 1) {
    const acl = { direction: 'from-lport', priority: 1000, match: 'udp.dst == 9', action: 'drop' } as const;
    inside.acls.push(insertRow(nb, 'ACL', 'a', acl)._uuid);
  }
  const { southbound } = computeSouthbound(nb);
  const macBindings = [{ logicalPort: 'r-out', ip: '10.0.9.99', mac: text(outsideHost) }, ...southbound.macBindings];
  const ports = southbound.ports.map((each) => (each.type === '' ? { ...each, chassis } : each));
  return { southbound: { ...southbound, ports, macBindings }, placement: placementOf(nb) };
}

const u16 = (value: number) => [(value >> 8) & 255, value & 255];
const u32 = (value: number) => [...u16(value >>> 16), ...u16(value)];

function packet(dst: number[], src: number[], from: number[], to: number[], protocol: number, rest: number[]) {
  const header = [0x45, 0, ...u16(20 + rest.length), 0, 1, 0x40, 0, 64, protocol, 0, 0, ...from, ...to];
  return withChecksums(Uint8Array.from([...dst, ...src, 8, 0, ...header, ...rest]));
}

const tcp = (src: number, dst: number, seq: number, ack: number, flags: number, data: number[]) => [
  ...[...u16(src), ...u16(dst), ...u32(seq), ...u32(ack), 0x50, flags, 0xff, 0xff, 0, 0, 0, 0],
  ...data,
];
const udp = (src: number, dst: number) => [...u16(src), ...u16(dst), ...u16(12), 0, 0, 1, 2, 3, 4];
const inside = (host: number) => [10, 0, 1, host + 1];
const outsideAddress = [10, 0, 9, 1];

export class Churn {
  readonly node: Node;
  /** Sentences: established connections that did not pass. */
  readonly lost: string[] = [];
  opened = 0;
  rounds = 0;
  swaps = 0;
  private readonly variants = [0, 1, 2, 3].map(variantOf);
  private readonly connections: Connection[] = [];
  private readonly collect: () => void;

  constructor() {
    const [first] = this.variants;
    if (!first) throw new Error('there is no variant of the network');
    setFlagsFromString('--expose-gc');
    this.collect = runInNewContext('gc') as () => void;
    const plane = { megaflows: 4096, connections: 1 << 15, entries: 1 << 12, ports: 64 };
    this.node = createNode({ ...first, chassis, plane, seed: 3n });
    for (let i = 0; i < lasting; i++) this.open(i % hosts, 20_000 + i);
  }

  /** One of everything; some thousand packets. */
  round(): void {
    this.rounds++;
    this.swap();
    this.openShort();
    this.meetStrangers();
    this.node.advance(roundTime);
    this.node.received();
    // The first two of each direction are translated and remembered, the third goes by heart.
    for (let time = 0; time < 3; time++) for (const connection of this.connections) this.keepUp(connection);
  }

  memory(): Memory {
    this.collect();
    return { plane: this.node.plane.exports.reserved() >>> 0, heap: process.memoryUsage().heapUsed };
  }

  /** Another program; three rounds of four the ports are others too. */
  private swap(): void {
    const variant = this.variants[this.rounds % this.variants.length];
    if (!variant) return;
    this.node.update(variant.southbound, variant.placement);
    this.swaps++;
  }

  private openShort(): void {
    for (let first = 0; first < shortOnes; first += 250) {
      const frames = Array.from({ length: 250 }, (_, i) => {
        const n = this.opened + i;
        const to = [203, 0, 113, n & 255];
        return packet(gateway, macOf(n % hosts), inside(n % hosts), to, 17, udp(1024 + (n % 60_000), 7 + (n % 3)));
      });
      for (let host = 0; host < hosts; host++) {
        this.node.send(
          `h${host}`,
          frames.filter((_, i) => (this.opened + i) % hosts === host),
        );
      }
      this.opened += 250;
      // Every fourth is answered.
      const out = this.node.received().filter(({ port }, i) => port === 'ln' && i % 4 === 0);
      this.node.send(
        'physnet',
        out.map(({ frame }) => answerTo(frame)),
      );
      this.node.received();
    }
  }

  /** Addresses that are learned, and move from port to port. */
  private meetStrangers(): void {
    const mac = [2, 0, 0, 0, 7, this.rounds % 200];
    const all = [255, 255, 255, 255, 255, 255];
    this.node.send('stranger', packet(all, mac, [10, 0, 1, 200], [10, 0, 1, 255], 17, udp(67, 68)));
    // An address outside that is another host's by now.
    const ip = [10, 0, 9, 150 + (this.rounds % 50)];
    const arp = [0, 1, 8, 0, 6, 4, 0, 2, ...mac, ...ip, ...outsideRouter, ...outsideAddress];
    this.node.send('physnet', Uint8Array.from([...outsideRouter, ...mac, 8, 6, ...arp]));
  }

  private open(host: number, port: number): void {
    const connection: Connection = { host, port, translated: 0, seq: 1000, ack: 0 };
    const syn = this.outwards(connection, 2, []);
    if (!syn) throw new Error(`a connection from port ${port} does not open`);
    connection.translated = (syn[34] ?? 0) * 256 + (syn[35] ?? 0);
    connection.seq++;
    if (!this.inwards(connection, 0x12, 5000, [])) throw new Error(`port ${port} is not answered`);
    connection.ack = 5001;
    this.outwards(connection, 0x10, []);
    this.connections.push(connection);
  }

  /** A segment each way, which must arrive. */
  private keepUp(connection: Connection): void {
    const { host, port, translated } = connection;
    const out = this.outwards(connection, 0x18, [1, 2]);
    connection.seq += 2;
    const now = out ? (out[34] ?? 0) * 256 + (out[35] ?? 0) : 0;
    const answered = this.inwards(connection, 0x18, connection.ack, [3]);
    connection.ack += 1;
    if (!out) this.lose(`round ${this.rounds}: nothing of port ${port} of host ${host} left`);
    else if (now !== translated) this.lose(`round ${this.rounds}: port ${port} became ${now} instead of ${translated}`);
    if (!answered) this.lose(`round ${this.rounds}: no answer reached port ${port} of host ${host}`);
  }

  private lose(what: string): void {
    if (this.lost.length < 100) this.lost.push(what);
  }

  /** As it leaves by the localnet port. */
  private outwards({ host, port, seq, ack }: Connection, flags: number, data: number[]): Uint8Array | undefined {
    this.node.send(
      `h${host}`,
      packet(gateway, macOf(host), inside(host), far, 6, tcp(port, 443, seq, ack, flags, data)),
    );
    return found(this.node.received(), 'ln');
  }

  /** As it reaches the host. */
  private inwards(
    { host, translated, seq }: Connection,
    flags: number,
    from: number,
    data: number[],
  ): Uint8Array | undefined {
    const segment = tcp(443, translated, from, seq, flags, data);
    this.node.send('physnet', packet(outsideRouter, outsideHost, far, outsideAddress, 6, segment));
    return found(this.node.received(), `h${host}`);
  }
}

/** A datagram to a far host, from a host's port. */
export const datagramFrom = (host: number, port: number): Uint8Array =>
  packet(gateway, macOf(host), inside(host), far, 17, udp(port, 53));

const found = (received: readonly Received[], port: string): Uint8Array | undefined =>
  received.find((each) => each.port === port)?.frame;

/** A datagram back to where one came from. */
function answerTo(frame: Uint8Array): Uint8Array {
  const at = (from: number, to: number) => [...frame.subarray(from, to)];
  const ports = [...at(36, 38), ...at(34, 36)];
  return packet(at(6, 12), at(0, 6), at(30, 34), at(26, 30), 17, [...ports, ...u16(12), 0, 0, 1, 2, 3, 4]);
}

/** What memory did: sentences, none if it stayed as it was. */
export function growth(before: Memory, after: Memory): string[] {
  const megabytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MB`;
  const complaints: string[] = [];
  if (after.plane > before.plane) complaints.push(`the plane took ${megabytes(after.plane - before.plane)} more`);
  if (after.heap > before.heap + MOST_HEAP) complaints.push(`the heap grew by ${megabytes(after.heap - before.heap)}`);
  return complaints;
}

/** What live objects may come to more from one look to another: what is compiled meanwhile, caches of parsed text. */
const MOST_HEAP = 8 << 20;

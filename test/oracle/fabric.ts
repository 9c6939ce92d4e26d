/**
 * Several chassis as one world: what one of them sends into the underlay network comes in at
 * the other.  Encapsulated frames are received, too, under the name of the chassis that sent them.
 */
import { type Headers, headersOf, macAt } from './answers.ts';
import type { PacketPeer } from './packet-peer.ts';
import type { PacketWorld, Received } from './packet-world.ts';

/** The port of a chassis where encapsulated frames go in and out. */
export const underlay = 'underlay';

/** A chassis on the underlay network. */
export interface Member {
  name: string;
  ip: string;
  mac: string;
  world: PacketWorld;
  /** Its logical ports, and physical networks that it has. */
  ports: readonly string[];
}

/** Under which port the encapsulated frames of a chassis are received. */
export const underlayOf = (name: string): string => `${underlay} of ${name}`;

/**
 * The members as one world; `bind` and `localnet` are theirs, and were called before.  What one of them sends into a
 * network of `shared` comes in at the others that have it.
 */
export function joined(members: readonly Member[], shared: readonly string[] = []): PacketWorld {
  const seen: Received[] = [];
  const membersAt = (port: string): Member[] => {
    const found = members.filter(({ ports }) => ports.includes(port));
    if (found.length === 0) throw new Error(`no chassis has the port "${port}"`);
    return shared.includes(port) ? found : found.slice(0, 1);
  };
  const carry = async (): Promise<void> => {
    for (let isQuiet = false; !isQuiet; ) {
      isQuiet = true;
      for (const member of members) {
        const { name, world } = member;
        const received = world.received();
        seen.push(...received.map(({ port, frame }) => ({ port: port === underlay ? underlayOf(name) : port, frame })));
        const leaving = received.filter(({ port }) => port === underlay).map(({ frame }) => frame);
        if (leaving.length > 0) isQuiet = false;
        for (const { mac, world: to } of members) {
          const arriving = leaving.filter((frame) => macAt(frame, 0) === mac);
          if (arriving.length > 0) await to.send(underlay, arriving);
        }
        for (const network of shared) {
          const frames = received.filter(({ port }) => port === network).map(({ frame }) => frame);
          if (frames.length === 0) continue;
          isQuiet = false;
          for (const other of membersAt(network)) if (other !== member) await other.world.send(network, frames);
        }
      }
    }
  };
  const each = async (act: (world: PacketWorld) => Promise<void>): Promise<void> => {
    for (const { world } of members) await act(world);
    await carry();
  };
  return {
    async bind() {},
    async localnet() {},
    ready: () => each((world) => world.ready()),
    async send(port, frames) {
      for (const { world } of membersAt(port)) await world.send(port, frames);
      await carry();
    },
    learn: () => each((world) => world.learn()),
    forgetConnections: () => each((world) => world.forgetConnections()),
    received: () => seen.splice(0),
    stop: () => each((world) => world.stop()),
  };
}

/** Gives a real chassis an underlay network with these members: a bridge with the address of its tunnels. */
export async function connectUnderlay(peer: PacketPeer, own: Member, members: readonly Member[]): Promise<void> {
  const bridge = 'br-under';
  const settings = ['datapath_type=dummy', `other-config:hwaddr="${own.mac}"`];
  await peer.vsctl('--', 'add-br', bridge, '--', 'set', 'bridge', bridge, ...settings);
  await peer.addDevice(bridge, underlay);
  await peer.appctl('netdev-dummy/ip4addr', bridge, `${own.ip}/24`);
  await peer.appctl('ovs/route/add', `${own.ip}/24`, bridge);
  for (const { ip, mac } of members) if (ip !== own.ip) await peer.appctl('tnl/neigh/set', bridge, ip, mac);
}

const geneve = 6081;
const vxlan = 4789;

/**
 * An encapsulated frame without what no rule fixes: the source port of UDP, which is a hash that makes
 * routers on the way spread flows, and so the checksum over it; the identification of IPv4.
 */
export function withoutHash(received: Received): Received {
  const { ip, l3 = 0 }: Partial<Headers> = headersOf(received.frame) ?? {};
  if (!received.port.startsWith(underlay) || ip?.version !== 4 || ip.protocol !== 17) return received;
  const port = received.frame[ip.l4 + 2] * 256 + received.frame[ip.l4 + 3];
  if (port !== geneve && port !== vxlan) return received;
  const frame = received.frame.slice();
  frame.fill(0, l3 + 4, l3 + 6);
  frame.fill(0, l3 + 10, l3 + 12);
  frame.fill(0, ip.l4, ip.l4 + 2);
  // Whether there is a checksum is still seen.
  if (frame[ip.l4 + 6] !== 0 || frame[ip.l4 + 7] !== 0) frame.fill(0xff, ip.l4 + 6, ip.l4 + 8);
  return { port: received.port, frame };
}

/**
 * Rules by hand for hosts on switches that one router joins: what a node may do
 * in hardware of IPv4 between them, and nothing else.  Written without a look at
 * logical flows, for tests of what holds rules against flows.
 */
import type { Action, Item, Rule, RuleSet } from '../../engine/offload/rules.ts';
import type { Southbound } from '../../engine/ovsdb/southbound.ts';
import { encapsulationBytes } from '../../sim/offload/geneve.ts';
import type { OffloadNode } from '../../sim/offload/node.ts';

/** A host behind a logical port. */
export interface Host {
  readonly port: string;
  readonly datapath: string;
  readonly vni: number;
  readonly key: number;
  readonly mac: string;
  readonly ip: string;
  readonly chassis: string;
}

/** A router's port on a switch: its MAC address, and the key of the switch's port that leads to it. */
export interface Gateway {
  readonly mac: string;
  readonly key: number;
}

/** Groups of the rules: where packets begin, what comes by tunnels, and one a switch. */
export const groups = { root: 0, tunnel: 1, firstSwitch: 2 } as const;

/** The hosts that have one address each, in the order of the database. */
export function hostsOf({ ports, datapaths }: Southbound): Host[] {
  const vnis = new Map(datapaths.map(({ uuid, tunnelKey }) => [uuid, tunnelKey]));
  return ports.flatMap((port): Host[] => {
    const [mac = '', ip = ''] = (port.mac[0] ?? '').split(' ');
    if (port.type !== '' || !/^[0-9a-f:]{17}$/.test(mac) || ip === '') return [];
    const chassis = port.chassis ?? port.options['requested-chassis'] ?? '';
    const { logicalPort, datapath, tunnelKey: key } = port;
    return [{ port: logicalPort, datapath, vni: vnis.get(datapath) ?? 0, key, mac, ip, chassis }];
  });
}

/** The router's port on each switch, by the switch's UUID. */
export function gatewaysOf({ ports, datapaths }: Southbound): Map<string, Gateway> {
  const switches = new Set(datapaths.filter(({ kind }) => kind === 'switch').map(({ uuid }) => uuid));
  const byName = new Map(ports.map((port) => [port.logicalPort, port]));
  return new Map(
    ports.flatMap((port): [string, Gateway][] => {
      const peer = byName.get(port.options.peer ?? '');
      if (port.type !== 'patch' || !peer || !switches.has(port.datapath)) return [];
      return [[port.datapath, { mac: (peer.mac[0] ?? '').split(' ')[0] ?? '', key: port.tunnelKey }]];
    }),
  );
}

const byHex = (bytes: readonly number[]): string => bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
const ipNumber = (ip: string): bigint => ip.split('.').reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);

/** A host is plugged in by the device's port of this name. */
export const devicePortOf = (index: number): string => `pf0vf${index}`;

/** The node of this name, with its hosts plugged in one after the other, and tunnels to the chassis of all hosts. */
export function nodeOf(southbound: Southbound, name: string): OffloadNode {
  const hosts = hostsOf(southbound);
  const local = hosts.filter(({ chassis }) => chassis === name);
  const chassis = [...new Set(hosts.map((host) => host.chassis))].sort();
  return {
    name,
    ports: new Map(local.map(({ port }, index) => [port, devicePortOf(index)])),
    uplink: 'p0',
    tunnels: new Map(chassis.map((each, index) => [each, { ip: `192.0.2.${index + 1}` }])),
  };
}

/** Rules for a node. */
export function rulesFor(southbound: Southbound, node: OffloadNode): RuleSet {
  const hosts = hostsOf(southbound);
  const gateways = gatewaysOf(southbound);
  const switches = [...new Set(hosts.map(({ datapath }) => datapath))];
  const local = hosts.filter(({ chassis }) => chassis === node.name);
  const own = node.tunnels.get(node.name)?.ip ?? '';
  const groupOf = (datapath: string) => groups.firstSwitch + switches.indexOf(datapath);
  const portOf = (host: Host) => node.ports.get(host.port) ?? '';
  const guards = local.map((host): Rule => {
    const pattern: Item[] = [
      { type: 'represented_port', spec: { ethdev_port_id: portOf(host) } },
      { type: 'eth', spec: { src: host.mac, has_vlan: 0 } },
      { type: 'ipv4', spec: { src: host.ip } },
    ];
    const actions: Action[] = [
      { type: 'set_tag', index: 0, data: host.key, mask: 0xffff },
      { type: 'jump', group: groupOf(host.datapath) },
    ];
    return { group: groups.root, priority: 1, pattern, actions, cookie: `from ${host.port}` };
  });
  const entrance: Rule = {
    group: groups.root,
    priority: 0,
    pattern: [
      { type: 'represented_port', spec: { ethdev_port_id: node.uplink } },
      { type: 'eth', spec: { has_vlan: 0 } },
      { type: 'ipv4', spec: { dst: own } },
      { type: 'udp', spec: { dst: 6081 } },
      { type: 'geneve' },
    ],
    actions: [{ type: 'jump', group: groups.tunnel }],
    cookie: 'tunnels',
  };
  const arrivals = local.map((host): Rule => {
    const data = host.key.toString(16).padStart(8, '0');
    const pattern: Item[] = [
      { type: 'eth' },
      { type: 'ipv4' },
      { type: 'udp' },
      { type: 'geneve', spec: { vni: host.vni } },
      {
        type: 'geneve_opt',
        spec: { class: 0x102, type: 0x80, data },
        mask: { class: 0xffff, type: 0xff, data: '0000ffff' },
      },
      { type: 'eth', spec: { dst: host.mac } },
    ];
    const actions: Action[] = [
      { type: 'raw_decap', data: '' },
      { type: 'represented_port', ethdev_port_id: portOf(host) },
    ];
    return { group: groups.tunnel, priority: 0, pattern, actions, cookie: `tunnel to ${host.port}` };
  });
  const deliver = (host: Host, inKey: number): Action[] => {
    if (host.chassis === node.name) return [{ type: 'represented_port', ethdev_port_id: portOf(host) }];
    const [src, dst] = [ipNumber(own), ipNumber(node.tunnels.get(host.chassis)?.ip ?? '')];
    const header = encapsulationBytes({ family: 4, src, dst, vni: host.vni, inKey, outKey: host.key });
    return [
      { type: 'raw_encap', data: byHex(header) },
      { type: 'represented_port', ethdev_port_id: node.uplink },
    ];
  };
  const forwarding = local.flatMap((from) =>
    hosts
      .filter((to) => to.port !== from.port)
      .map((to): Rule => {
        const group = groupOf(from.datapath);
        const tag: Item = { type: 'tag', spec: { index: 0, data: from.key }, mask: { index: 0xff, data: 0xffff } };
        const cookie = `${from.port} to ${to.port}`;
        if (to.datapath === from.datapath) {
          const pattern: Item[] = [tag, { type: 'eth', spec: { dst: to.mac } }, { type: 'ipv4', spec: { dst: to.ip } }];
          return { group, priority: 0, pattern, actions: deliver(to, from.key), cookie };
        }
        const there = gateways.get(to.datapath);
        const pattern: Item[] = [
          tag,
          { type: 'eth', spec: { dst: gateways.get(from.datapath)?.mac ?? '' } },
          { type: 'ipv4', spec: { dst: to.ip, ttl: 2 }, last: { ttl: 255 } },
        ];
        const actions: Action[] = [
          { type: 'set_mac_src', mac_addr: there?.mac ?? '' },
          { type: 'set_mac_dst', mac_addr: to.mac },
          { type: 'dec_ttl' },
          ...deliver(to, there?.key ?? 0),
        ];
        return { group, priority: 1, pattern, actions, cookie };
      }),
  );
  return { node: node.name, device: 'connectx-6-dx-sws', rules: [entrance, ...guards, ...arrivals, ...forwarding] };
}

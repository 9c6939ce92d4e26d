/**
 * What becomes of packets as actions of a rule, in a form and an order that a
 * device takes: changes of headers, the headers of a tunnel, the way out.
 */
import { formatEthernet, formatIpv4, formatIpv6, parseEthernet, parseIpv4 } from '../lang/addresses.ts';
import { type Capabilities, whyNotAction } from './capabilities/types.ts';
import type { Change, Exit } from './classes.ts';
import type { Reason } from './plan.ts';
import type { Action, ModifiableField } from './rules.ts';

/** Where a node is on the underlay: IPv4, and the MAC address of its interface, or of the router on the way there. */
export interface TunnelEnd {
  readonly ip: string;
  readonly mac: string;
}

/** Names of the device's ports, and the ends of tunnels. */
export interface DevicePorts {
  /** By logical port: the name of the representor. */
  readonly ports: ReadonlyMap<string, string>;
  /** The port that leads to the other nodes. */
  readonly uplink: string;
  /** By name of the chassis, the node's own among them. */
  readonly tunnels: ReadonlyMap<string, TunnelEnd>;
}

/** Actions, or why there are none. */
export type Made = { readonly actions: readonly Action[] } | { readonly reason: Reason };

/** What is known of packets that a rule takes. */
export interface Known {
  /** `eth.type`, where all have the same. */
  readonly type?: bigint;
  /** `ip.proto`, where all have the same. */
  readonly proto?: bigint;
}

const IP4 = 0x800n;
const IP6 = 0x86ddn;

/** The fields that may be changed, as `modify_field` names them for packets like these. */
function modifiable(field: string, { type, proto }: Known): ModifiableField | undefined {
  const isIp4 = type === IP4;
  if (!isIp4 && type !== IP6 && !field.startsWith('eth.')) return undefined;
  switch (field) {
    case 'eth.dst':
      return 'mac_dst';
    case 'eth.src':
      return 'mac_src';
    case 'ip4.src':
      return 'ipv4_src';
    case 'ip4.dst':
      return 'ipv4_dst';
    case 'ip6.src':
      return 'ipv6_src';
    case 'ip6.dst':
      return 'ipv6_dst';
    case 'ip.ttl':
      return isIp4 ? 'ipv4_ttl' : 'ipv6_hoplimit';
    case 'ip.dscp':
      return isIp4 ? 'ipv4_dscp' : 'ipv6_dscp';
    case 'tp.src':
      return proto === 6n ? 'tcp_port_src' : proto === 17n ? 'udp_port_src' : undefined;
    case 'tp.dst':
      return proto === 6n ? 'tcp_port_dst' : proto === 17n ? 'udp_port_dst' : undefined;
    default:
      return undefined;
  }
}

const widths: Partial<Record<ModifiableField, number>> = {
  ...{ mac_dst: 48, mac_src: 48, ipv4_src: 32, ipv4_dst: 32, ipv6_src: 128, ipv6_dst: 128, ipv4_ttl: 8 },
  ...{ ipv6_hoplimit: 8, ipv4_dscp: 6, ipv6_dscp: 6 },
  ...{ tcp_port_src: 16, tcp_port_dst: 16, udp_port_src: 16, udp_port_dst: 16 },
};

/** The action that says the same in one word, where a device takes that. */
function setAction(field: ModifiableField, value: bigint): Action | undefined {
  switch (field) {
    case 'mac_src':
      return { type: 'set_mac_src', mac_addr: formatEthernet(value) };
    case 'mac_dst':
      return { type: 'set_mac_dst', mac_addr: formatEthernet(value) };
    case 'ipv4_src':
      return { type: 'set_ipv4_src', ipv4_addr: formatIpv4(value) };
    case 'ipv4_dst':
      return { type: 'set_ipv4_dst', ipv4_addr: formatIpv4(value) };
    case 'ipv6_src':
      return { type: 'set_ipv6_src', ipv6_addr: formatIpv6(value) };
    case 'ipv6_dst':
      return { type: 'set_ipv6_dst', ipv6_addr: formatIpv6(value) };
    case 'ipv4_ttl':
    case 'ipv6_hoplimit':
      return { type: 'set_ttl', ttl_value: Number(value) };
    case 'tcp_port_src':
    case 'udp_port_src':
      return { type: 'set_tp_src', port: Number(value) };
    case 'tcp_port_dst':
    case 'udp_port_dst':
      return { type: 'set_tp_dst', port: Number(value) };
    default:
      return undefined;
  }
}

function modify(capabilities: Capabilities, op: 'set' | 'add' | 'sub', field: ModifiableField, value: bigint): Made {
  const width = widths[field] ?? 0;
  const why = whyNotAction(capabilities, 'modify_field', field);
  const { operations } = capabilities.actions.modify_field ?? {};
  if (why !== undefined) return refused(why);
  if (operations && !operations.includes(op)) return refused(`modify_field does not ${op} there`);
  const digits = Math.ceil(width / 8) * 2;
  const src_value = BigInt.asUintN(width, value).toString(16).padStart(digits, '0');
  return { actions: [{ type: 'modify_field', op, dst_type: field, src_type: 'value', src_value, width }] };
}

const refused = (detail: string): Made => ({ reason: { code: 'unsupported-action', detail } });

/** One change of a header. */
export function changeAction(capabilities: Capabilities, change: Change, known: Known): Made {
  if (change.kind === 'other') return refused(`${change.field} is not a constant: ${change.what}`);
  const field = modifiable(change.field, known);
  if (!field) return refused(`no action writes ${change.field} of such packets`);
  if (change.kind === 'less') {
    if (whyNotAction(capabilities, 'dec_ttl') === undefined) {
      return { actions: Array.from({ length: change.amount }, () => ({ type: 'dec_ttl' }) as const) };
    }
    return modify(capabilities, 'add', field, BigInt(-change.amount));
  }
  const plain = setAction(field, change.value);
  if (plain && whyNotAction(capabilities, plain.type) === undefined) return { actions: [plain] };
  return modify(capabilities, 'set', field, change.value);
}

/** Bytes of the headers that `tunnelHeaders` puts before a packet. */
export const tunnelBytes = 58;

/**
 * Ethernet, IPv4, UDP, and Geneve with OVN's option (ovn-architecture(7), "Tunnel Encapsulations"; RFC 8926), in
 * hexadecimal.  Lengths are zero, for they are the device's to fill in, and so is the UDP checksum.  Throws a RangeError
 * for addresses that are none.
 */
export function tunnelHeaders(from: TunnelEnd, to: TunnelEnd, vni: number, inKey: number, outKey: number): string {
  const mac = (text: string): string => {
    const value = parseEthernet(text);
    if (value === undefined) throw new RangeError(`"${text}" is no Ethernet address of a tunnel`);
    return value.toString(16).padStart(12, '0');
  };
  const ip = (text: string): string => {
    const value = parseIpv4(text);
    if (value === undefined) throw new RangeError(`"${text}" is no IPv4 address of a tunnel`);
    return value.toString(16).padStart(8, '0');
  };
  const number = (value: number, bytes: number): string => value.toString(16).padStart(bytes * 2, '0');
  const source = 32768 + ((vni * 7919 + inKey * 31 + outKey) % 28232);
  return [
    ...[mac(to.mac), mac(from.mac), '0800'],
    ...['45000000', '00004000', '40110000', ip(from.ip), ip(to.ip)],
    ...[number(source, 2), number(6081, 2), '00000000'],
    ...['02406558', number(vni, 3), '00', '01028001', number(optionOf(inKey, outKey), 4)],
  ].join('');
}

/** The four bytes of OVN's option. */
export const optionOf = (inKey: number, outKey: number): number => inKey * 0x10000 + outKey;

/** What a rule does with packets of a class; `inKey` is the tunnel key of the port that they came in by. */
export function classActions(
  capabilities: Capabilities,
  device: DevicePorts & { readonly node: string },
  exit: Exit,
  changes: readonly Change[],
  known: Known,
  inKey: number,
): Made {
  const actions: Action[] = [];
  if (whyNotAction(capabilities, 'count') === undefined) actions.push({ type: 'count' });
  for (const change of changes) {
    const made = changeAction(capabilities, change, known);
    if ('reason' in made) return made;
    actions.push(...made.actions);
  }
  const way = exitActions(device, exit, inKey);
  if ('reason' in way) return way;
  actions.push(...way.actions);
  for (const action of actions) {
    const why = whyNotAction(capabilities, action.type);
    if (why !== undefined) return refused(why);
  }
  const commands = actions.reduce((sum, action) => sum + commandsOf(action), 0);
  const most = capabilities.limits.modifyCommands?.value ?? null;
  if (most !== null && commands > most) {
    const detail = `${commands} changes of headers are needed, and a rule has at most ${most}`;
    return { reason: { code: 'too-many-rewrites', detail } };
  }
  return { actions: inOrder(capabilities, actions) };
}

/** Whether rules can write the headers of a tunnel that ends there: over IPv4. */
export const isUsable = ({ ip, mac }: TunnelEnd): boolean =>
  parseIpv4(ip) !== undefined && parseEthernet(mac) !== undefined;

function exitActions(device: DevicePorts & { readonly node: string }, exit: Exit, inKey: number): Made {
  if (exit.kind === 'port') {
    const ethdev_port_id = device.ports.get(exit.port);
    if (ethdev_port_id === undefined) return refused(`no port of the device is known for ${exit.port}`);
    return { actions: [{ type: 'represented_port', ethdev_port_id }] };
  }
  const [from, to] = [device.tunnels.get(device.node), device.tunnels.get(exit.chassis)];
  if (!from || !to) return refused(`the address of the tunnel to ${exit.chassis} is not known`);
  if (!isUsable(from) || !isUsable(to)) return refused(`the tunnel to ${exit.chassis} is none over IPv4`);
  const data = tunnelHeaders(from, to, exit.datapathKey, exit.inKey === 'sender' ? inKey : exit.inKey, exit.outKey);
  return {
    actions: [
      { type: 'raw_encap', data },
      { type: 'represented_port', ethdev_port_id: device.uplink },
    ],
  };
}

/** Changes of a rule as capability files count them. */
function commandsOf(action: Action): number {
  if (action.type === 'modify_field') return Math.ceil((action.width ?? 0) / 32);
  if (action.type.startsWith('set_ipv6_s') || action.type.startsWith('set_ipv6_dst')) return 4;
  if (action.type.startsWith('set_mac')) return 2;
  return action.type.startsWith('set_') || action.type === 'dec_ttl' ? 1 : 0;
}

/** In the order of the device's steps; as they are where it has none. */
export function inOrder({ order }: Capabilities, actions: readonly Action[]): readonly Action[] {
  if (!order) return actions;
  const step = ({ type }: Action): number => order.actions.findIndex((types) => types.includes(type));
  return actions.toSorted((a, b) => step(a) - step(b));
}

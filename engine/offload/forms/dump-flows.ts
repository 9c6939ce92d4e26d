/**
 * Rules in the form of `ovs-appctl dpctl/dump-flows -m`, so that they can be read, and compared, beside those of Open
 * vSwitch (its lib/odp-util.c and lib/dpctl.c): a group is a recirculation id, ports have their names, packets of
 * tunnels come by `genev_sys_6081`.  A register that rules use is `skb_mark`.
 */
import { formatIpv4, formatIpv6 } from '../../lang/addresses.ts';
import { readTunnelHeaders } from '../headers.ts';
import type { Action, Item, Rule, RuleSet } from '../rules.ts';

/** What a device has counted. */
export interface FlowCounters {
  readonly packets: number;
  readonly bytes: number;
  /** Seconds since the last packet; undefined where there was none, or nobody knows. */
  readonly used?: number;
}

const nothing: FlowCounters = { packets: 0, bytes: 0 };
/** The port by which packets come out of tunnels, and go into them. */
const tunnelPort = 'genev_sys_6081';

/** A line a rule; two for one that takes all fragments, for a flow is for the first or for later ones. */
export const flowDump = ({ rules }: RuleSet): string =>
  rules.flatMap((rule) => flowLines(rule).map((line) => `${line}\n`)).join('');

/** The lines for one rule. */
export function flowLines({ group, pattern, actions }: Rule, counters: FlowCounters = nothing): string[] {
  const { packets, bytes, used } = counters;
  const last = used === undefined ? 'never' : `${used.toFixed(3)}s`;
  const told = `packets:${packets}, bytes:${bytes}, used:${last}, offloaded:yes, dp:lflow`;
  const done = steps(actions, isTunnel(pattern)).join(',');
  const fragments = pattern.some((item) => item.type === 'ipv4' && item.last?.fragment_offset !== undefined);
  return (fragments ? ['first', 'later'] : ['no']).map(
    (which) => `recirc_id(0x${group.toString(16)}),${keys(pattern, which).join(',')}, ${told}, actions:${done}`,
  );
}

const isTunnel = (pattern: readonly Item[]): boolean => pattern.some(({ type }) => type === 'geneve_opt');

type Values = Readonly<Record<string, unknown>>;

function keys(pattern: readonly Item[], fragment: string): string[] {
  const last = pattern.findLastIndex(({ type }) => type === 'geneve_opt' || type === 'geneve');
  const inner = isTunnel(pattern) ? pattern.slice(last + 1) : pattern;
  const port = pattern.find(({ type }) => type === 'represented_port');
  const name = isTunnel(pattern) ? tunnelPort : port && Reflect.get(port.spec ?? {}, 'ethdev_port_id');
  const told = inner.flatMap((item) => keysOf(item, fragment));
  return [
    ...told.filter((key) => key.startsWith('skb_mark')),
    ...(isTunnel(pattern) ? [tunnelKey(pattern)] : []),
    ...(name === undefined ? [] : [`in_port(${name})`]),
    ...(told.some((key) => key.startsWith('eth(')) ? [] : ['eth()']),
    ...told.filter((key) => !key.startsWith('skb_mark')),
  ];
}

/** Fields as `name=value/mask`. */
function fieldsText(item: Item, names: Readonly<Record<string, string>>): string {
  const spec: Values = item.spec ?? {};
  const mask: Values = item.mask ?? {};
  return Object.entries(names)
    .filter(([field]) => spec[field] !== undefined)
    .map(([field, name]) => `${name}=${spec[field]}${mask[field] === undefined ? '' : `/${mask[field]}`}`)
    .join(',');
}

function keysOf(item: Item, fragment: string): string[] {
  const spec: Values = item.spec ?? {};
  const mask: Values = item.mask ?? {};
  const hex = (value: unknown): string => `0x${Number(value).toString(16).padStart(4, '0')}`;
  switch (item.type) {
    case 'eth': {
      const fields = fieldsText(item, { src: 'src', dst: 'dst' });
      const type =
        spec.type === undefined
          ? []
          : [`eth_type(${hex(spec.type)}${mask.type === undefined ? '' : `/${hex(mask.type)}`})`];
      const tag = spec.has_vlan === 1 ? ['eth_type(0x8100)', 'vlan(vid=0/0x0,pcp=0/0x0)', 'encap()'] : type;
      return [...(fields === '' ? [] : [`eth(${fields})`]), ...tag];
    }
    case 'ipv4': {
      const fields = fieldsText(item, { src: 'src', dst: 'dst', proto: 'proto', tos: 'tos', ttl: 'ttl' });
      const frag = spec.fragment_offset === undefined ? '' : `frag=${fragment}`;
      return ['eth_type(0x0800)', `ipv4(${[fields, frag].filter((text) => text !== '').join(',')})`];
    }
    case 'ipv6':
      return [
        'eth_type(0x86dd)',
        `ipv6(${fieldsText(item, { src: 'src', dst: 'dst', flow: 'label', proto: 'proto', tc: 'tclass', hop: 'hlimit' })})`,
      ];
    case 'tcp':
    case 'udp':
      return [`${item.type}(${fieldsText(item, { src: 'src', dst: 'dst' })})`];
    case 'icmp':
      return [`icmp(${fieldsText(item, { type: 'type', code: 'code' })})`];
    case 'icmp6':
      return [`icmpv6(${fieldsText(item, { type: 'type', code: 'code' })})`];
    case 'represented_port':
    case 'geneve':
      return [];
    case 'tag':
      return [`skb_mark(0x${Number(spec.data).toString(16)})`];
    default:
      return [`${item.type}()`];
  }
}

function tunnelKey(pattern: readonly Item[]): string {
  const geneve = pattern.find(({ type }) => type === 'geneve');
  const option = pattern.find(({ type }) => type === 'geneve_opt');
  const id = `tun_id=0x${Number(Reflect.get(geneve?.spec ?? {}, 'vni') ?? 0).toString(16)}`;
  if (!option) return `tunnel(${id})`;
  const data = Reflect.get(option.spec ?? {}, 'data');
  const mask = Reflect.get(option.mask ?? {}, 'data');
  return `tunnel(${id},geneve({class=0x102,type=0x80,len=4,0x${data}${mask === undefined ? '' : `/0x${mask}`}}))`;
}

function steps(actions: readonly Action[], isFromTunnel: boolean): string[] {
  const isIntoTunnel = actions.some(({ type }) => type === 'raw_encap');
  const told: string[] = [];
  const written = new Map<string, string[]>();
  const write = (): void => {
    for (const [header, fields] of written) told.push(`set(${header}(${fields.join(',')}))`);
    written.clear();
  };
  for (const action of actions) {
    const change = changeOf(action);
    if (change) {
      written.set(change.header, [...(written.get(change.header) ?? []), change.field].sort().reverse());
      continue;
    }
    write();
    told.push(...stepOf(action, { isFromTunnel, isIntoTunnel }));
  }
  write();
  return told.length === 0 ? ['drop'] : told;
}

interface Tunnelled {
  readonly isFromTunnel: boolean;
  readonly isIntoTunnel: boolean;
}

function stepOf(action: Action, { isFromTunnel, isIntoTunnel }: Tunnelled): string[] {
  switch (action.type) {
    case 'count':
      return [];
    case 'drop':
      return ['drop'];
    case 'jump':
      return [`recirc(0x${Number(action.group).toString(16)})`];
    case 'represented_port':
      return [isIntoTunnel ? tunnelPort : String(action.ethdev_port_id)];
    case 'raw_decap':
      return isFromTunnel ? [] : [`tnl_pop(${tunnelPort})`];
    case 'raw_encap':
      return [encapStep(action.data ?? '')];
    case 'dec_ttl':
      return ['dec_ttl(le_1(drop))'];
    case 'modify_field':
      if (action.op === 'add' && /^ff$/.test(action.src_value ?? '')) return ['dec_ttl(le_1(drop))'];
      return [`set(${action.dst_type}(${action.op}=0x${action.src_value ?? ''}))`];
    default:
      return [action.type];
  }
}

/** A header's field that is given a value, as odp-util.c names both. */
function changeOf(action: Action): { readonly header: string; readonly field: string } | undefined {
  if (action.type === 'set_mac_dst') return { header: 'eth', field: `dst=${action.mac_addr}` };
  if (action.type === 'set_mac_src') return { header: 'eth', field: `src=${action.mac_addr}` };
  if (action.type !== 'modify_field' || action.op !== 'set') return undefined;
  const { dst_type, src_value = '' } = action;
  const number = BigInt(`0x${src_value === '' ? '0' : src_value}`);
  const [, protocol, side = ''] = /^(mac|ipv4|ipv6|tcp_port|udp_port)_(src|dst)$/.exec(dst_type ?? '') ?? [];
  switch (protocol) {
    case 'mac':
      return { header: 'eth', field: `${side}=${src_value.match(/../g)?.join(':')}` };
    case 'ipv4':
      return { header: 'ipv4', field: `${side}=${formatIpv4(number)}` };
    case 'ipv6':
      return { header: 'ipv6', field: `${side}=${formatIpv6(number)}` };
    case 'tcp_port':
    case 'udp_port':
      return { header: protocol.slice(0, 3), field: `${side}=${number}` };
    default:
      return undefined;
  }
}

function encapStep(data: string): string {
  const headers = readTunnelHeaders(data);
  if (!headers) return 'tnl_push()';
  const { src, dst, vni, option } = headers;
  const key = `tun_id=0x${vni.toString(16)},src=${src},dst=${dst},ttl=64,tp_dst=6081`;
  return `set(tunnel(${key},geneve({class=0x102,type=0x80,len=4,0x${option}}),flags(df|key)))`;
}

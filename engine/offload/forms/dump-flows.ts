/**
 * Rules in the form of `ovs-appctl dpctl/dump-flows -m`, so that they can be
 * read, and compared, beside those of Open vSwitch: a group is a recirculation
 * id, ports have their names (Open vSwitch, lib/odp-util.c).
 */
import { readTunnelHeaders } from '../headers.ts';
import type { Action, Item, Rule, RuleSet } from '../rules.ts';

/** A line a rule. */
export function flowDump({ rules }: RuleSet): string {
  return rules.map((rule) => `${flowLine(rule)}\n`).join('');
}

function flowLine(rule: Rule): string {
  const { group, pattern, actions } = rule;
  const counters = 'packets:0, bytes:0, used:never, offloaded:yes, dp:lflow';
  return `recirc_id(0x${group.toString(16)}),${keys(pattern).join(',')}, ${counters}, actions:${steps(actions).join(',')}`;
}

type Values = Readonly<Record<string, unknown>>;

function keys(pattern: readonly Item[]): string[] {
  const last = pattern.findLastIndex(({ type }) => type === 'geneve_opt' || type === 'geneve');
  const inner = pattern.slice(last + 1);
  const port = pattern.find(({ type }) => type === 'represented_port');
  const fragment = inner.flatMap(fragmentOf);
  return [
    ...(last < 0 ? [] : [tunnelKey(pattern)]),
    `in_port(${port ? Reflect.get(port.spec ?? {}, 'ethdev_port_id') : '*'})`,
    ...inner.flatMap(keysOf),
    ...fragment,
  ].filter((key) => key !== '');
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

function keysOf(item: Item): string[] {
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
      return [...(fields === '' ? [] : [`eth(${fields})`]), ...type];
    }
    case 'ipv4':
      return [
        'eth_type(0x0800)',
        `ipv4(${fieldsText(item, { src: 'src', dst: 'dst', proto: 'proto', tos: 'tos', ttl: 'ttl' })})`,
      ];
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
      return [];
    case 'tag':
      return [`skb_mark(0x${Number(spec.data).toString(16)})`];
    default:
      return [`${item.type}()`];
  }
}

function fragmentOf(item: Item): string[] {
  if (item.type !== 'ipv4' || item.spec?.fragment_offset === undefined) return [];
  return [item.last?.fragment_offset === undefined ? 'frag(no)' : 'frag(yes)'];
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

function steps(actions: readonly Action[]): string[] {
  const told = actions.flatMap(stepOf);
  return told.length === 0 ? ['drop'] : told;
}

function stepOf(action: Action): string[] {
  switch (action.type) {
    case 'count':
      return [];
    case 'drop':
      return ['drop'];
    case 'jump':
      return [`recirc(0x${Number(action.group).toString(16)})`];
    case 'represented_port':
      return [String(action.ethdev_port_id)];
    case 'raw_decap':
      return ['tnl_pop(genev_sys_6081)'];
    case 'raw_encap':
      return [encapStep(action.data ?? '')];
    case 'set_mac_dst':
      return [`set(eth(dst=${action.mac_addr}))`];
    case 'set_mac_src':
      return [`set(eth(src=${action.mac_addr}))`];
    case 'modify_field': {
      const value = action.src_value ?? '';
      const mac = value.match(/../g)?.join(':');
      if (action.dst_type === 'mac_dst') return [`set(eth(dst=${mac}))`];
      if (action.dst_type === 'mac_src') return [`set(eth(src=${mac}))`];
      if (action.op === 'add' && value === 'ff') return ['dec_ttl'];
      return [`set(${action.dst_type}(${action.op}=0x${value}))`];
    }
    default:
      return [action.type];
  }
}

function encapStep(data: string): string {
  const headers = readTunnelHeaders(data);
  if (!headers) return 'tnl_push()';
  const { src, dst, vni, option } = headers;
  const key = `tun_id=0x${vni.toString(16)},src=${src},dst=${dst},ttl=64,tp_dst=6081`;
  return `set(tunnel(${key},geneve({class=0x102,type=0x80,len=4,0x${option}}),flags(df|key)))`;
}

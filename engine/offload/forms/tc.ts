/**
 * Rules as commands of tc(8): filters of tc-flower(8), a chain a group.  What
 * comes by a port has its filters there; those of other chains, where packets of
 * all ports come to, are in the shared block 1, which ports join by
 * `tc qdisc add dev PORT ingress_block 1 clsact`.
 */
import { readTunnelHeaders } from '../headers.ts';
import type { Action, Item, Rule, RuleSet } from '../rules.ts';

/** The device that the kernel has for Geneve where a collector of metadata was made: `ip link add ... type geneve external`. */
const tunnelDevice = 'genev_sys_6081';

/** Commands that create the rules; a rule that flower cannot say is a comment that tells why. */
export function tcScript({ node, rules }: RuleSet): string {
  return [`# rules of ${node}`, ...rules.map(command), ''].join('\n');
}

class Unsaid extends Error {}

function command(rule: Rule): string {
  try {
    const { group, priority, pattern, actions } = rule;
    const isTunnel = pattern.some(({ type }) => type === 'geneve');
    if (!isTunnel && pattern.some((item) => item.type === 'udp' && item.spec?.dst === 6081))
      throw new Unsaid(`the kernel takes tunnels off itself: packets come by ${tunnelDevice}`);
    const port = pattern.find(({ type }) => type === 'represented_port');
    const place = isTunnel
      ? `dev ${tunnelDevice} ingress`
      : port
        ? `dev ${text(port, 'ethdev_port_id')} ingress`
        : 'block 1';
    const keys = isTunnel ? tunnelKeys(pattern) : matchKeys(pattern);
    const head = `tc filter add ${place} chain ${group} prio ${priority + 1} protocol ${protocolOf(pattern)} flower skip_sw`;
    return [head, ...keys, actions.flatMap((action) => actionWords(action, pattern)).join(' pipe ')].join(' ');
  } catch (error) {
    if (!(error instanceof Unsaid)) throw error;
    return `# ${rule.cookie ?? `group ${rule.group} priority ${rule.priority}`}: ${error.message}`;
  }
}

type Values = Readonly<Record<string, unknown>>;

const text = ({ spec }: Item, name: string): string => String(Reflect.get(spec ?? {}, name));

function protocolOf(pattern: readonly Item[]): string {
  const inner = insideOf(pattern);
  if (inner.some(({ type }) => type === 'ipv4')) return 'ip';
  if (inner.some(({ type }) => type === 'ipv6')) return 'ipv6';
  const eth = inner.find(({ type }) => type === 'eth');
  const type: unknown = eth && Reflect.get(eth.spec ?? {}, 'type');
  if (eth?.mask && Reflect.get(eth.mask, 'type') !== undefined)
    throw new Unsaid('tc matches no part of an Ethernet type');
  return typeof type === 'number' ? `0x${type.toString(16)}` : 'all';
}

/** The items behind those of a tunnel. */
function insideOf(pattern: readonly Item[]): readonly Item[] {
  const at = pattern.findIndex(({ type }) => type === 'geneve_opt' || type === 'geneve');
  const last = pattern.findLastIndex(({ type }) => type === 'geneve_opt' || type === 'geneve');
  return at < 0 ? pattern : pattern.slice(last + 1);
}

function tunnelKeys(pattern: readonly Item[]): string[] {
  const geneve = pattern.find(({ type }) => type === 'geneve');
  const option = pattern.find(({ type }) => type === 'geneve_opt');
  const { vni, optlen }: Values = geneve?.spec ?? {};
  // With an option its length is asked for, too; without one there is no word for it.
  if (optlen !== undefined && !option) throw new Unsaid('tc-flower does not ask how long the options of Geneve are');
  const keys = geneve ? [...(vni === undefined ? [] : [`enc_key_id ${vni}`]), 'enc_dst_port 6081'] : [];
  if (option) {
    const mask = Reflect.get(option.mask ?? {}, 'data') ?? 'ffffffff';
    keys.push(`geneve_opts 0102:80:${text(option, 'data')}/ffff:ff:${mask}`);
  }
  return [...keys, ...matchKeys(insideOf(pattern))];
}

function matchKeys(pattern: readonly Item[]): string[] {
  return pattern.flatMap((item): string[] => {
    const spec: Values = item.spec ?? {};
    const mask: Values = item.mask ?? {};
    const key = (name: string, field: string): string[] =>
      spec[field] === undefined ? [] : [`${name} ${spec[field]}${mask[field] === undefined ? '' : `/${mask[field]}`}`];
    const hex = (name: string, field: string): string[] => {
      const text = (value: unknown): string => Number(value).toString(16);
      return spec[field] === undefined
        ? []
        : [`${name} ${text(spec[field])}${mask[field] === undefined ? '' : `/${text(mask[field])}`}`];
    };
    switch (item.type) {
      case 'represented_port':
        return [];
      case 'eth':
        // `protocol` says the type; frames with tags have protocol 802.1Q.
        return [...key('dst_mac', 'dst'), ...key('src_mac', 'src')];
      case 'ipv4':
        return [
          ...protocolKey(item, pattern),
          ...key('src_ip', 'src').map(prefixed),
          ...key('dst_ip', 'dst').map(prefixed),
          ...hex('ip_ttl', 'ttl'),
          ...hex('ip_tos', 'tos'),
          ...fragmentKey(item),
        ];
      case 'ipv6':
        return [
          ...protocolKey(item, pattern),
          ...key('src_ip', 'src'),
          ...key('dst_ip', 'dst'),
          ...hex('ip_ttl', 'hop'),
          ...hex('ip_tos', 'tc'),
          ...(spec.has_frag_ext === undefined ? [] : [`ip_flags ${spec.has_frag_ext === 1 ? 'frag' : 'nofrag'}`]),
        ];
      case 'tcp':
      case 'udp':
        return [`ip_proto ${item.type}`, ...key('src_port', 'src'), ...key('dst_port', 'dst')];
      case 'icmp':
      case 'icmp6':
        return [...key('type', 'type'), ...key('code', 'code')];
      default:
        throw new Unsaid(`tc-flower has nothing like the item ${item.type}`);
    }
  });
}

/** `ip_proto`, unless an item behind says it. */
function protocolKey({ spec, mask }: Item & { type: 'ipv4' | 'ipv6' }, pattern: readonly Item[]): string[] {
  if (spec?.proto === undefined || pattern.some(({ type }) => type === 'tcp' || type === 'udp')) return [];
  if (mask?.proto !== undefined) throw new Unsaid('tc-flower takes whole protocols only');
  const isIcmp = pattern.some(({ type }) => type === 'icmp' || type === 'icmp6');
  // tc reads numbers of protocols as hexadecimal ones.
  return isIcmp ? [`ip_proto ${spec.proto === 1 ? 'icmp' : 'icmpv6'}`] : [`ip_proto ${spec.proto.toString(16)}`];
}

/** A mask of an address as the length of a prefix, where it is one. */
function prefixed(key: string): string {
  const [, before, mask] = /^(.*)\/(\d+\.\d+\.\d+\.\d+)$/.exec(key) ?? [];
  if (before === undefined || mask === undefined) return key;
  const bits = mask
    .split('.')
    .map((byte) => Number(byte).toString(2).padStart(8, '0'))
    .join('');
  if (!/^1*0*$/.test(bits)) throw new Unsaid('tc-flower takes prefixes of addresses only');
  return `${before}/${bits.indexOf('0') < 0 ? 32 : bits.indexOf('0')}`;
}

function fragmentKey({ spec, last }: Item & { type: 'ipv4' }): string[] {
  if (spec?.fragment_offset === undefined) return [];
  return [`ip_flags ${last?.fragment_offset === undefined ? 'nofrag' : 'frag'}`];
}

function actionWords(action: Action, pattern: readonly Item[]): string[] {
  switch (action.type) {
    // tc counts by itself.
    case 'count':
      return [];
    case 'jump':
      return [`action goto chain ${action.group}`];
    case 'drop':
      return ['action drop'];
    case 'represented_port':
      return [`action mirred egress redirect dev ${action.ethdev_port_id}`];
    case 'raw_decap':
      return ['action tunnel_key unset'];
    case 'raw_encap':
      return encapWords(action.data ?? '');
    case 'set_mac_dst':
      return [`action pedit ex munge eth dst set ${action.mac_addr}`];
    case 'set_mac_src':
      return [`action pedit ex munge eth src set ${action.mac_addr}`];
    case 'dec_ttl':
      return [ttlWords(pattern, 0xff)];
    case 'modify_field':
      return [modifyWords(action, pattern)];
    default:
      throw new Unsaid(`tc has nothing like the action ${action.type}`);
  }
}

const ttlWords = (pattern: readonly Item[], amount: number): string => {
  const isIp6 = insideOf(pattern).some(({ type }) => type === 'ipv6');
  const what = isIp6 ? 'ip6 hoplimit' : 'ip ttl';
  return `action pedit ex munge ${what} add 0x${amount.toString(16)} pipe action csum ${isIp6 ? 'ip6' : 'ip'}`;
};

function modifyWords({ op, dst_type, src_value }: Action & { type: 'modify_field' }, pattern: readonly Item[]): string {
  const value = src_value ?? '';
  const mac = value.match(/../g)?.join(':');
  if (dst_type === 'mac_dst' && op === 'set') return `action pedit ex munge eth dst set ${mac}`;
  if (dst_type === 'mac_src' && op === 'set') return `action pedit ex munge eth src set ${mac}`;
  if ((dst_type === 'ipv4_ttl' || dst_type === 'ipv6_hoplimit') && op === 'add')
    return ttlWords(pattern, Number.parseInt(value, 16));
  throw new Unsaid(`tc is not told to ${op} ${dst_type}`);
}

function encapWords(data: string): string[] {
  const headers = readTunnelHeaders(data);
  if (!headers) throw new Unsaid('these bytes are no header of a tunnel that tc makes');
  const { src, dst, vni, option } = headers;
  const key = `action tunnel_key set id ${vni} src_ip ${src} dst_ip ${dst} dst_port 6081 ttl 64 nocsum`;
  return [`${key} geneve_opts 0102:80:${option}`, `action mirred egress redirect dev ${tunnelDevice}`];
}

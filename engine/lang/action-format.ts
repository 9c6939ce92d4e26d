/** Actions in OVN's canonical text. */
import { formatConstant, formatConstantSet, formatHex } from './constants.ts';
import { formatFieldRef } from './fields.ts';
import { formatBackend } from './host-port.ts';
import type { ActionBody, Backend, Constant, OptionValue } from './ir.ts';
import type { Release } from './symbols.ts';

/** A sequence as OVN prints it on one line; `drop;` if it is empty. */
export function formatActions(actions: readonly ActionBody[], release: Release = '23.03'): string {
  return actions.length === 0 ? 'drop;' : actions.map((action) => formatAction(action, release)).join(' ');
}

/** One action, with its semicolon. */
export function formatAction(action: ActionBody, release: Release = '23.03'): string {
  return `${formatBody(action, release)};`;
}

function formatBody(action: ActionBody, release: Release): string {
  switch (action.type) {
    case 'next':
      return formatNext(action);
    case 'load':
      return formatLoad(action);
    case 'move':
      return `${formatFieldRef(action.dst)} = ${formatFieldRef(action.src)}`;
    case 'exchange':
      return `${formatFieldRef(action.dst)} <-> ${formatFieldRef(action.src)}`;
    case 'push':
    case 'pop':
      return `${action.type}(${formatFieldRef(action.field)})`;
    case 'nested':
      return `${action.name} { ${formatActions(action.actions, release)} }`;
    case 'ct_next':
    case 'ct_commit_nat':
      return release === '23.03' && action.zone === 'dnat' ? action.type : `${action.type}(${action.zone})`;
    case 'ct_commit_to_zone':
      return `ct_commit_to_zone(${action.zone})`;
    case 'ct_commit':
      return formatOldCommit(action);
    case 'ct_commit_v2':
      return action.actions.length === 0 ? 'ct_commit' : `ct_commit { ${formatActions(action.actions, release)} }`;
    case 'ct_dnat':
    case 'ct_snat':
    case 'ct_dnat_in_czone':
    case 'ct_snat_in_czone':
      return formatNat(action);
    case 'ct_lb':
    case 'ct_lb_mark':
      return formatLb(action);
    case 'select':
      return formatSelect(action);
    case 'check_in_port_sec':
    case 'check_out_port_sec':
    case 'dns_lookup':
    case 'chk_lb_hairpin':
    case 'chk_lb_hairpin_reply':
    case 'chk_lb_aff':
    case 'chk_ecmp_nh':
    case 'chk_ecmp_nh_mac':
    case 'ct_nw_dst':
    case 'ct_ip6_dst':
    case 'ct_tp_dst':
    case 'ct_state_save':
      return `${formatFieldRef(action.dst)} = ${action.type}()`;
    case 'get_arp':
    case 'get_nd':
      return `${action.type}(${formatFieldRef(action.port)}, ${formatFieldRef(action.ip)})`;
    case 'put_arp':
    case 'put_nd':
      return `${action.type}(${fields(action.port, action.ip, action.mac)})`;
    case 'lookup_arp':
    case 'lookup_nd':
    case 'lookup_arp_ip':
    case 'lookup_nd_ip': {
      const { type, dst, port, ip, mac } = action;
      return `${formatFieldRef(dst)} = ${type}(${mac ? fields(port, ip, mac) : fields(port, ip)})`;
    }
    case 'chk_evpn_arp':
      return `${formatFieldRef(action.dst)} = chk_evpn_arp(${fields(action.ip)})`;
    case 'put_fdb':
      return `put_fdb(${fields(action.port, action.mac)})`;
    case 'get_fdb':
      return `${formatFieldRef(action.dst)} = get_fdb(${fields(action.mac)})`;
    case 'lookup_fdb':
      return `${formatFieldRef(action.dst)} = lookup_fdb(${fields(action.port, action.mac)})`;
    case 'put_dhcp_opts':
    case 'put_dhcpv6_opts':
    case 'put_nd_ra_opts':
      return `${formatFieldRef(action.dst)} = ${action.type}(${action.options.map(formatOption).join(', ')})`;
    case 'dhcp_relay_req_chk':
    case 'dhcp_relay_resp_chk': {
      const { dst, type, relay, server } = action;
      return `${formatFieldRef(dst)} = ${type}(${formatConstant(relay)}, ${formatConstant(server)})`;
    }
    case 'check_pkt_larger':
      return `${formatFieldRef(action.dst)} = check_pkt_larger(${action.bytes})`;
    case 'set_queue':
      return `set_queue(${action.queue})`;
    case 'set_meter':
      return `set_meter(${action.rate}${action.burst === 0n ? '' : `, ${action.burst}`})`;
    case 'log':
      return formatLog(action);
    case 'trigger_event':
      return `trigger_event(event = "${action.event}"${action.options.map((o) => `, ${formatOption(o)}`).join('')})`;
    case 'bind_vport':
      return `bind_vport("${action.vport}", ${formatFieldRef(action.parent)})`;
    case 'handle_svc_check':
      return `handle_svc_check(${formatFieldRef(action.port)})`;
    case 'handle_bfd_msg':
      return 'handle_bfd_msg()';
    case 'fwd_group':
      return formatFwdGroup(action);
    case 'commit_ecmp_nh':
      return `commit_ecmp_nh(ipv6 = ${action.ipv6}, proto = ${action.protocol})`;
    case 'commit_lb_aff':
      return formatLbAff(action);
    case 'sample':
      return formatSample(action);
    case 'mirror':
      return `mirror("${action.port}")`;
    default:
      return action.type;
  }
}

type BodyOf<A, T> = A extends { readonly type: infer U } ? (T extends U ? A : never) : never;
type Body<T extends ActionBody['type']> = BodyOf<ActionBody, T>;

function fields(...refs: readonly Parameters<typeof formatFieldRef>[0][]): string {
  return refs.map(formatFieldRef).join(', ');
}

function formatNext({ pipeline, table, fromPipeline, fromTable }: Body<'next'>): string {
  if (pipeline !== fromPipeline) {
    return `next(pipeline=${pipeline}, table=${table})`;
  }
  return table === fromTable + 1 ? 'next' : `next(${table})`;
}

/** The MTU fields, which only ovn-controller knows, are printed in decimal, 16 bits of them. */
function formatLoad({ dst, imm }: Body<'load'>): string {
  const isMtu = dst.symbol.name === 'icmp4.frag_mtu' || dst.symbol.name === 'icmp6.frag_mtu';
  const value = isMtu && imm.kind === 'bits' ? String(imm.value & 0xffffn) : formatConstant(imm);
  return `${formatFieldRef(dst)} = ${value}`;
}

function formatOldCommit({ mark, label }: Body<'ct_commit'>): string {
  const parts = [
    ...(mark ? [`ct_mark=${formatHexConstant(mark, 32)}`] : []),
    ...(label ? [`ct_label=${formatHexConstant(label, 128)}`] : []),
  ];
  return parts.length === 0 ? 'ct_commit' : `ct_commit(${parts.join(', ')})`;
}

function formatHexConstant(constant: Constant, width: number): string {
  if (constant.kind === 'string') {
    return formatConstant(constant);
  }
  const whole = constant.mask === BigInt.asUintN(width, -1n);
  return `${formatHex(constant.value)}${whole ? '' : `/${formatHex(constant.mask)}`}`;
}

function formatNat({ type, ip, ports }: Body<'ct_dnat'>): string {
  if (!ip) {
    return type;
  }
  const range = ports ? `,${ports.low}${ports.high === ports.low ? '' : `-${ports.high}`}` : '';
  return `${type}(${formatConstant(ip)}${range})`;
}

function formatLb({ type, backends, hashFields, flag }: Body<'ct_lb'>): string {
  if (backends.length === 0) {
    return type;
  }
  const hash = hashFields === undefined ? '' : `; hash_fields="${hashFields}"`;
  return `${type}(backends=${backends.map(formatBackend).join(',')}${hash}${flag ? `; ${flag}` : ''})`;
}

function formatSelect({ dst, members, hashFields }: Body<'select'>): string {
  const list = members.map(({ id, weight }) => `${id}=${weight}`).join(', ');
  const values = hashFields === undefined ? list : `values=(${list}); hash_fields="${hashFields}"`;
  return `${formatFieldRef(dst)} = select(${values})`;
}

function formatOption({ name, values, inCurlies }: OptionValue): string {
  return `${name} = ${formatConstantSet({ values, inCurlies })}`;
}

function formatLog({ verdict, severity, name, meter }: Body<'log'>): string {
  const named = name === undefined ? '' : `name="${name}", `;
  return `log(${named}verdict=${verdict}, severity=${severity}${meter === undefined ? '' : `, meter="${meter}"`})`;
}

function formatFwdGroup({ liveness, childPorts }: Body<'fwd_group'>): string {
  const ports = childPorts.length === 0 ? '' : `childports=${childPorts.map((port) => `"${port}"`).join(', ')}`;
  return `fwd_group(${liveness ? 'liveness="true", ' : ''}${ports})`;
}

/** IPv6 addresses stand in brackets here even without a port. */
function formatAffinityEnd({ ip, port }: Backend): string {
  const address = formatConstant(ip);
  const host = ip.kind === 'bits' && ip.format === 'ipv6' ? `[${address}]` : address;
  return `"${host}${port === 0 ? '' : `:${port}`}"`;
}

function formatLbAff({ vip, backend, protocol, timeout }: Body<'commit_lb_aff'>): string {
  const transport = protocol ? `, proto = ${protocol}` : '';
  const ends = `vip = ${formatAffinityEnd(vip)}, backend = ${formatAffinityEnd(backend)}`;
  return `commit_lb_aff(${ends}${transport}, timeout = ${timeout})`;
}

function formatSample({ probability, collectorSet, obsDomain, obsPoint }: Body<'sample'>): string {
  const point = typeof obsPoint === 'object' ? formatFieldRef(obsPoint) : obsPoint === 'cookie' ? '$cookie' : obsPoint;
  return `sample(probability=${probability},collector_set=${collectorSet},obs_domain=${obsDomain},obs_point=${point})`;
}

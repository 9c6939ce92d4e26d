/**
 * The flows of a running Open vSwitch, as `ovs-appctl dpctl/dump-flows` prints them, with `-m` or without (lib/dpctl.c and
 * lib/odp-util.c): which of them are in hardware, and why the others are not.
 *
 * Only `-m` tells of hardware, by `offloaded:yes`; a flow of which it tells nothing is in software.
 */
import type { Place, Reason, ReasonCode } from './plan.ts';

/** An action; `inner` is what stands in its parentheses, '' where it has none. */
export interface DatapathAction {
  readonly name: string;
  readonly inner: string;
}

export interface DatapathFlow {
  /** The line of the text, counted from 1. */
  readonly line: number;
  /** What is matched, by the names of odp-util.c; what is matched not at all (a mask of 0) is left out. */
  readonly keys: ReadonlyMap<string, string>;
  readonly actions: readonly DatapathAction[];
  readonly packets: number;
  readonly bytes: number;
  /** `yes`, `partial`, or undefined. */
  readonly offloaded: string | undefined;
  /** `ovs`, `tc`, `dpdk`, `doca`; undefined without `-m`. */
  readonly layer: string | undefined;
  /** What the datapath says besides: `dp-extra-info`, `dp-offload-info`. */
  readonly info: string;
}

export interface DatapathFlows {
  readonly flows: readonly DatapathFlow[];
  /** Sentences on lines that are no flows. */
  readonly problems: readonly string[];
}

/** A flow, and what becomes of its packets. */
export interface Judged {
  readonly flow: DatapathFlow;
  /** Undefined where nothing was told, without `-m`. */
  readonly place: Place | undefined;
  /** Why it is not in hardware; without `-m` why it will not be. */
  readonly reasons: readonly Reason[];
}

/** Reads what was printed.  It never throws. */
export function readDatapathFlows(text: string): DatapathFlows {
  const flows: DatapathFlow[] = [];
  const problems: string[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const content = raw.trim();
    if (content === '' || /^flow-dump from /.test(content) || content.startsWith('#')) continue;
    const flow = flowOf(content, index + 1);
    if (typeof flow === 'string') problems.push(`line ${index + 1}: ${flow}`);
    else flows.push(flow);
  }
  return { flows, problems };
}

/** One flow, or why it is none. */
function flowOf(content: string, line: number): DatapathFlow | string {
  const tokens = split(content);
  if (!tokens) return 'its parentheses do not match; give the lines as they were printed';
  const at = tokens.findIndex((token) => token.startsWith('actions:'));
  if (at < 0) return 'it has no actions; give what "ovs-appctl dpctl/dump-flows -m" prints';
  const isInfo = (token: string) => /^dp-[a-z-]+:/.test(token);
  const end = tokens.findIndex((token, index) => index > at && isInfo(token));
  const acts = [tokens[at]?.slice('actions:'.length) ?? '', ...tokens.slice(at + 1, end < 0 ? undefined : end)];
  const before = tokens.slice(0, at);
  const told = (name: string) => before.find((token) => token.startsWith(`${name}:`))?.slice(name.length + 1);
  const keys = new Map<string, string>();
  for (const token of before) {
    const found = /^([a-z_0-9]+)\((.*)\)$/s.exec(token);
    const [, name = '', inner = ''] = found ?? [];
    const matched = found && (name === 'encap' ? inner : matchedPart(inner));
    if (matched !== null && matched !== undefined) keys.set(name, matched);
    if (name === 'encap') for (const [key, value] of encapsulated(inner)) keys.set(key, value);
  }
  if (keys.size === 0) return 'it matches nothing that is known';
  return {
    line,
    keys,
    actions: acts.map(actionOf),
    packets: Number(told('packets') ?? 0),
    bytes: Number(told('bytes') ?? 0),
    offloaded: told('offloaded'),
    // `ufid:` comes with -m alone, in which a flow of no other layer is one of Open vSwitch's own.
    layer: told('dp') ?? (told('ufid') === undefined ? undefined : 'ovs'),
    info: (end < 0 ? [] : tokens.slice(end)).map((token) => token.replace(/^dp-[a-z-]+:/, '')).join('; '),
  };
}

function encapsulated(inner: string): [string, string][] {
  return (split(inner) ?? []).flatMap((token): [string, string][] => {
    const [, name, content = ''] = /^([a-z_0-9]+)\((.*)\)$/s.exec(token) ?? [];
    const matched = name === undefined ? undefined : matchedPart(content);
    return name === undefined || matched === undefined ? [] : [[name, matched]];
  });
}

/** Splits at commas outside of parentheses, braces and quotes; undefined where those do not match. */
function split(text: string): string[] | undefined {
  const parts: string[] = [];
  let depth = 0;
  let quote = '';
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charAt(i);
    if (quote !== '') {
      if (c === quote) quote = '';
    } else if (c === "'" || c === '"') quote = c;
    else if (c === '(' || c === '{') depth++;
    else if (c === ')' || c === '}') depth--;
    else if (c === ',' && depth === 0) {
      parts.push(text.slice(start, i).trim());
      start = i + 1;
    }
    if (depth < 0) return undefined;
  }
  parts.push(text.slice(start).trim());
  return depth === 0 ? parts.filter((part) => part !== '') : undefined;
}

/** What of a key is looked at; undefined where that is nothing (`0/0`, `src=0.0.0.0/0.0.0.0`). */
function matchedPart(inner: string): string | undefined {
  const parts = (split(inner) ?? [inner]).filter((part) => !/\/(?:0x)?[0:.]+$/.test(part));
  return parts.length === 0 && inner !== '' ? undefined : parts.join(',');
}

function actionOf(token: string): DatapathAction {
  const [, name = token, inner = ''] = /^([a-z_0-9]+)\((.*)\)$/s.exec(token) ?? [];
  return { name, inner };
}

/** What becomes of a flow's packets, and why. */
export function judgeFlow(flow: DatapathFlow): Judged {
  const { offloaded, layer, info } = flow;
  if (offloaded === 'yes') return { flow, place: 'hardware', reasons: [] };
  const place = layer === undefined && offloaded === undefined ? undefined : 'software';
  const found = [...infoReasons(info), ...matchReasons(flow), ...actionReasons(flow), ...layerReasons(flow)];
  const once = found.filter(({ code }, index) => found.findIndex((other) => other.code === code) === index);
  return { flow, place, reasons: once.length > 0 || place === undefined ? once : [setupReason(flow)] };
}

const reason = (code: ReasonCode, detail: string): Reason => ({ code, detail });

/** Flags of connection tracking that are asked to be set: `-new+est+trk` or `0x22/0x23` (lib/odp-util.c). */
export function trackedFlags(state: string): ReadonlySet<string> {
  const names = ['new', 'est', 'rel', 'rpl', 'inv', 'trk', 'snat', 'dnat'];
  const [value = '', mask] = state.split('/');
  if (/^(0x)?[0-9a-f]+$/i.test(value)) {
    const bits = Number(value) & (mask === undefined ? 0xff : Number(mask));
    const order = { new: 0x01, est: 0x02, rel: 0x04, rpl: 0x08, inv: 0x10, trk: 0x20, snat: 0x40, dnat: 0x80 };
    return new Set(Object.entries(order).flatMap(([name, bit]) => ((bits & bit) !== 0 ? [name] : [])));
  }
  return new Set([...state.matchAll(/\+([a-z]+)/g)].flatMap(([, name = '']) => (names.includes(name) ? [name] : [])));
}

/** A field of a key, such as `proto` of `ipv4`. */
function field(flow: DatapathFlow, key: string, name: string): string | undefined {
  const found = split(flow.keys.get(key) ?? '')?.find((part) => part.startsWith(`${name}=`));
  return found?.slice(name.length + 1).split('/')[0];
}

function protocolOf(flow: DatapathFlow): number | undefined {
  const text = field(flow, 'ipv4', 'proto') ?? field(flow, 'ipv6', 'proto');
  return text === undefined ? undefined : Number(text);
}

/** Keys that neither tc-flower nor rte_flow has, with what they are to a person. */
const strange: Readonly<Record<string, string>> = {
  skb_mark: 'a mark of the kernel',
  skb_priority: 'a priority of the kernel',
  packet_type: 'packets without Ethernet header',
  nsh: 'network service headers',
  ct_tuple4: 'the addresses from before translation',
  ct_tuple6: 'the addresses from before translation',
};

function matchReasons(flow: DatapathFlow): Reason[] {
  const { keys } = flow;
  const found: Reason[] = [];
  const protocol = protocolOf(flow);
  const flags = trackedFlags(keys.get('ct_state') ?? '');
  const isTracked = flags.has('trk') || flow.actions.some(({ name }) => name === 'ct');
  if (keys.has('arp') || /^0x0?806/.test(keys.get('eth_type') ?? '') || isDiscovery(flow)) {
    found.push(reason('arp-nd', 'it matches ARP or neighbour discovery'));
  }
  if (isTracked && (protocol === 1 || protocol === 58) && !isDiscovery(flow)) {
    found.push(reason('ct-icmp', 'it is ICMP behind connection tracking'));
  }
  if (protocol === 132) found.push(reason('sctp', 'it is SCTP'));
  if (flags.has('new')) found.push(reason('ct-new', 'it takes the first packet of each connection (ct_state +new)'));
  if (flags.has('rel') || flags.has('inv')) {
    found.push(reason('ct-related', 'it takes packets that belong to no connection, or only are related to one'));
  }
  if (flags.has('snat') || flags.has('dnat')) {
    found.push(reason('ct-snat-dnat-match', 'it asks whether the connection was translated (ct_state +snat, +dnat)'));
  }
  if (/^(first|later|yes)$/.test(field(flow, 'ipv4', 'frag') ?? ''))
    found.push(reason('fragment', 'it takes fragments'));
  if (/^(first|later|yes)$/.test(field(flow, 'ipv6', 'frag') ?? '')) {
    found.push(reason('ipv6-fragment', 'it takes IPv6 fragments'));
  }
  if (keys.has('dp_hash')) found.push(reason('load-balancer', 'it matches a hash that chose a backend (dp_hash)'));
  const options = keys.get('tunnel')?.match(/geneve\((.*?)\)/)?.[1] ?? '';
  if ((options.match(/\{/g) ?? []).length > 1 || /,(?:0x)?0+(?:\/|\})/.test(options)) {
    found.push(reason('geneve-option-profile', 'it matches several Geneve options, or one that is 0'));
  }
  for (const [key, what] of Object.entries(strange)) {
    if (keys.has(key)) found.push(reason('unsupported-match', `it matches ${what} (${key})`));
  }
  return found;
}

/** Neighbour discovery: ICMPv6 types 133 to 137 (RFC 4861). */
function isDiscovery(flow: DatapathFlow): boolean {
  const type = Number(field(flow, 'icmpv6', 'type') ?? 0);
  return flow.keys.has('nd') || (type >= 133 && type <= 137);
}

/** Actions that no hardware does, by their names in odp-util.c. */
const foreign: Readonly<Record<string, readonly [ReasonCode, string]>> = {
  clone: ['clone', 'it sends a copy on its own way (clone)'],
  check_pkt_len: ['check-pkt-larger', 'it asks how long the packet is (check_pkt_len)'],
  meter: ['meter', 'it bounds a rate (meter)'],
  hash: ['load-balancer', 'it chooses a backend by a hash (hash)'],
  lb_output: ['unsupported-action', 'it chooses a member of a bond (lb_output)'],
  sample: ['unsupported-action', 'it takes samples (sample)'],
  trunc: ['unsupported-action', 'it cuts packets off (trunc)'],
  dec_ttl: ['unsupported-action', 'it lowers the TTL in a way that hardware is not given (dec_ttl)'],
  push_eth: ['unsupported-action', 'it puts an Ethernet header on (push_eth)'],
  pop_eth: ['unsupported-action', 'it takes the Ethernet header off (pop_eth)'],
  push_nsh: ['unsupported-action', 'it puts a network service header on (push_nsh)'],
  pop_nsh: ['unsupported-action', 'it takes a network service header off (pop_nsh)'],
  tnl_pop: ['unsupported-action', 'it opens a tunnel in user space (tnl_pop)'],
};

/** tc-flower takes no more actions (lib/tc.h, TCA_ACT_MAX_NUM). */
const mostActions = 16;

function actionReasons({ actions }: DatapathFlow): Reason[] {
  const found = actions.flatMap(({ name, inner }): Reason[] => {
    const [code, detail] = foreign[name] ?? [];
    if (code !== undefined && detail !== undefined) return [reason(code, detail)];
    if (name === 'userspace') return [userspaceReason(inner)];
    if (name === 'ct' && inner.includes('helper=')) {
      return [reason('unsupported-action', 'it watches a protocol for connections that belong together (ct helper)')];
    }
    if (/^set/.test(name) && /^(arp|nd|nd_ext)\(/.test(inner))
      return [reason('arp-nd', 'it rewrites ARP or neighbour discovery')];
    return [];
  });
  const tracked = actions.findIndex(({ name }) => name === 'ct');
  const rewrites = actions.findIndex(({ name, inner }) => /^set/.test(name) && /^ipv[46]\(.*?(src|dst)=/.test(inner));
  if (rewrites >= 0 && rewrites < tracked) {
    found.push(reason('stateless-nat-before-ct', 'it rewrites an address and then tracks the connection'));
  }
  if (actions.length > mostActions) {
    found.push(reason('too-many-rewrites', `it has ${actions.length} actions, and tc takes ${mostActions}`));
  }
  return found;
}

function userspaceReason(inner: string): Reason {
  if (/sFlow|ipfix|flow_sample/i.test(inner)) return reason('unsupported-action', 'it sends samples to a collector');
  const [, slow] = /slow_path\(([^)]*)\)/.exec(inner) ?? [];
  return reason(
    'controller-action',
    slow === undefined ? 'it sends packets to ovn-controller' : `it sends packets to ovs-vswitchd (slow path: ${slow})`,
  );
}

/** Names of ports that only software has: a bridge itself, a veth pair's end, a tap. */
const softwarePort = /^(LOCAL|br[-_a-z0-9]*|veth.*|tap.*|docker.*|cni.*|ovn-k8s-mp.*|ovs-netdev)$/;

function layerReasons(flow: DatapathFlow): Reason[] {
  const { keys, actions, layer, offloaded } = flow;
  const found: Reason[] = [];
  const input = keys.get('in_port') ?? '';
  const outputs = actions.flatMap(({ name, inner }) => (inner === '' ? [name] : []));
  const software = [input, ...outputs].find((name) => softwarePort.test(name));
  if (software !== undefined) found.push(reason('software-port', `its port ${software} is one that only software has`));
  const isBehind = /^(0x)?0*[1-9a-f]/.test(keys.get('recirc_id') ?? '0');
  if (layer === 'dpdk' && (isBehind || actions.some(({ name }) => name === 'ct' || name === 'recirc'))) {
    found.push(
      reason('recirculation', 'it is one of several flows that a packet meets in turn, which OVS-DPDK cannot offload'),
    );
  }
  if (layer === 'dpdk' && offloaded === 'partial') {
    found.push(
      reason('unsupported-action', 'the card recognises its packets, and software does the rest (offloaded:partial)'),
    );
  }
  return found;
}

/** What the datapath itself says. */
function infoReasons(info: string): Reason[] {
  if (/ct_state=?[^,]*\+new/.test(info)) return [reason('ct-new', `the datapath says: ${info}`)];
  if (/ct_state=?[^,]*\+[sd]nat/.test(info)) return [reason('ct-snat-dnat-match', `the datapath says: ${info}`)];
  if (/eswitch|port id/i.test(info)) return [reason('device-setup', `the datapath says: ${info}`)];
  if (/recirc_id sharing/.test(info)) return [reason('recirculation', `the datapath says: ${info}`)];
  if (/match/.test(info)) return [reason('unsupported-match', `the datapath says: ${info}`)];
  return /action|unsupported/.test(info) ? [reason('unsupported-action', `the datapath says: ${info}`)] : [];
}

function setupReason({ layer }: DatapathFlow): Reason {
  if (layer === 'tc') return reason('device-setup', 'the kernel has it in tc, and the card did not take it from there');
  return reason('device-setup', 'nothing in it keeps it out of hardware');
}

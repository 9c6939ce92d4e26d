/**
 * Port security as flows of the chassis' own tables: `check_in_port_sec` and
 * `check_out_port_sec` look them up.  The rules are ovn-controller's
 * (controller/lflow.c, `consider_port_sec_flows`; ovn-nb(5), `port_security`): in a
 * flow's actions `output;` allows, `drop;` denies and `next` leads to the rules about ARP and
 * neighbour discovery; what meets no flow is allowed.
 */
import { TABLE_PORT_SECURITY, TABLE_PORT_SECURITY_ND } from '../../asm/plane/image.ts';
import { formatEthernet, formatIpv6, parseEthernet, parseIpv4, parseIpv6 } from '../lang/index.ts';
import type { LogicalFlow, Pipeline, PortBinding } from '../ovsdb/southbound.ts';

const ALLOW = 'output;';
const DENY = 'drop;';
const ADVANCE = 'next(pipeline=ingress, table=1);';

/** The flows of all tables for these ports of one datapath. */
export function portSecurityFlows(ports: readonly PortBinding[]): LogicalFlow[] {
  return ports.flatMap((port) => {
    const entries = port.portSecurity.map(parseEntry).filter((entry) => entry !== undefined);
    if (entries.length === 0) return [];
    const rules = [...inDefaults, ...entries.flatMap(inRules), outDefault, ...entries.flatMap(outRules)];
    return rules.map((rule, index) => flowOf(port, rule, index));
  });
}

interface Rule {
  pipeline: Pipeline;
  table: number;
  priority: number;
  /** '' for every packet of the port. */
  match: string;
  actions: string;
}

interface Network {
  /** As the match language writes it. */
  text: string;
  /** Of a host named with its network: where that network's broadcasts go. */
  broadcast?: string;
}

interface Entry {
  mac: string;
  linkLocal: string;
  ip4: Network[];
  ip6: Network[];
}

function flowOf(port: PortBinding, { pipeline, table, priority, match, actions }: Rule, index: number): LogicalFlow {
  const end = pipeline === 'ingress' ? 'inport' : 'outport';
  const name = JSON.stringify(port.logicalPort);
  return {
    uuid: `${port.uuid} ${index}`,
    datapath: port.datapath,
    pipeline,
    table,
    stage: pipeline === 'ingress' ? 'in_port_sec' : 'out_port_sec',
    priority,
    match: match === '' ? `${end} == ${name}` : `${end} == ${name} && ${match}`,
    actions,
    source: '',
  };
}

const inRule = (priority: number, match: string, actions: string): Rule => {
  return { pipeline: 'ingress', table: TABLE_PORT_SECURITY, priority, match, actions };
};

const neighborRule = (priority: number, match: string, actions = ALLOW): Rule => {
  return { pipeline: 'ingress', table: TABLE_PORT_SECURITY_ND, priority, match, actions };
};

const outRule = (priority: number, match: string, actions = ALLOW): Rule => {
  return { pipeline: 'egress', table: TABLE_PORT_SECURITY, priority, match, actions };
};

const inDefaults: readonly Rule[] = [
  inRule(80, '', DENY),
  inRule(95, 'arp', ADVANCE),
  neighborRule(80, 'arp', DENY),
  neighborRule(80, 'icmp6.type == 136 && ip.ttl == 255', DENY),
  neighborRule(80, 'icmp6.type == 135 && ip.ttl == 255', ALLOW),
];

const outDefault: Rule = outRule(80, '', DENY);

function inRules({ mac, linkLocal, ip4, ip6 }: Entry): Rule[] {
  const from = `eth.src == ${mac}`;
  const rules: Rule[] = [];
  if (ip4.length + ip6.length === 0) rules.push(inRule(90, from, ADVANCE));
  if (ip4.length > 0) {
    for (const { text } of ip4) rules.push(inRule(90, `${from} && ip4.src == ${text}`, ALLOW));
    const dhcp = 'ip4.src == 0.0.0.0 && ip4.dst == 255.255.255.255 && udp.src == 68 && udp.dst == 67';
    rules.push(inRule(90, `${from} && ${dhcp}`, ALLOW));
  }
  const arp = `${from} && arp.sha == ${mac}`;
  if (ip4.length + ip6.length === 0) rules.push(neighborRule(90, arp));
  for (const { text } of ip4) rules.push(neighborRule(90, `${arp} && arp.spa == ${text}`));
  if (ip6.length > 0) {
    for (const source of [...ip6.map(({ text }) => text), linkLocal]) {
      rules.push(inRule(90, `${from} && ip6.src == ${source}`, ADVANCE));
    }
    const unset = `${from} && ip6.src == :: && ip6.dst == ff02::/16 && icmp6.code == 0`;
    rules.push(inRule(90, `${unset} && icmp6.type == {131, 143}`, ALLOW));
    rules.push(inRule(90, `${unset} && icmp6.type == 135`, ADVANCE));
  }
  rules.push(neighborRule(90, `nd_ns && nd.sll == {00:00:00:00:00:00, ${mac}}`));
  const lla = ip6.length > 0 ? ` && nd.target == ${linkLocal}` : '';
  rules.push(neighborRule(90, `nd_na && nd.tll == {00:00:00:00:00:00, ${mac}}${lla}`));
  for (const { text } of ip6) {
    rules.push(neighborRule(90, `${from} && nd_na && nd.tll == {00:00:00:00:00:00, ${mac}} && nd.target == ${text}`));
  }
  return rules;
}

function outRules({ mac, linkLocal, ip4, ip6 }: Entry): Rule[] {
  const to = `eth.dst == ${mac}`;
  const rules = [outRule(85, to)];
  if (ip4.length + ip6.length === 0) return rules;
  rules.push(outRule(90, `${to} && ip4`, DENY), outRule(90, `${to} && ip6`, DENY));
  if (ip4.length > 0) {
    const hosts = ip4.flatMap(({ text, broadcast }) => (broadcast === undefined ? [text] : [text, broadcast]));
    for (const host of [...hosts, '255.255.255.255', '224.0.0.0/4']) {
      rules.push(outRule(95, `${to} && ip4.dst == ${host}`));
    }
  }
  if (ip6.length > 0) {
    for (const host of [...ip6.map(({ text }) => text), linkLocal, 'ff00::/8']) {
      rules.push(outRule(95, `${to} && ip6.dst == ${host}`));
    }
  }
  return rules;
}

/** `MAC [IP[/LENGTH]]...`; undefined if it begins with no MAC address.  What follows something unreadable is left out. */
function parseEntry(text: string): Entry | undefined {
  const [first = '', ...rest] = text.trim().split(/\s+/);
  const mac = parseEthernet(first);
  if (mac === undefined) return undefined;
  const entry: Entry = { mac: formatEthernet(mac), linkLocal: formatIpv6(linkLocalOf(mac)), ip4: [], ip6: [] };
  for (const word of rest) {
    if (!addNetwork(entry, word)) break;
  }
  return entry;
}

/** Host bits beside a prefix name one host: ovn-nb(5), `port_security`. */
function addNetwork({ ip4, ip6 }: Entry, text: string): boolean {
  const [address = '', length] = text.split('/');
  const v4 = parseIpv4(address);
  const value = v4 ?? parseIpv6(address);
  if (value === undefined) return false;
  const bits = v4 === undefined ? 128 : 32;
  const prefix = length === undefined ? bits : Number(length);
  if (!Number.isInteger(prefix) || prefix < 0 || prefix > bits) return false;
  const hostBits = (1n << BigInt(bits - prefix)) - 1n;
  const isHost = prefix === bits || (value & hostBits) !== 0n;
  const network: Network = { text: isHost ? address : `${address}/${prefix}` };
  if (v4 !== undefined && isHost && prefix < 32) network.broadcast = dotted(v4 | hostBits);
  (v4 === undefined ? ip6 : ip4).push(network);
  return true;
}

const dotted = (value: bigint): string => [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.');

/** RFC 4291, appendix A. */
function linkLocalOf(mac: bigint): bigint {
  const upper = (mac >> 24n) ^ 0x020000n;
  return (0xfe80n << 112n) | (upper << 40n) | (0xfffen << 24n) | (mac & 0xffffffn);
}

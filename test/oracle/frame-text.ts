/** A frame as a person reads it: a line with what its headers say, and its bytes. */
import { parseFrame } from '../../engine/frame.ts';
import { macText } from './world/read.ts';

const ip4Text = (address: bigint): string =>
  [24n, 16n, 8n, 0n].map((shift) => String((address >> shift) & 0xffn)).join('.');

/** With the longest run of zero groups left out (RFC 5952). */
function ip6Text(address: bigint): string {
  const groups = Array.from({ length: 8 }, (_, at) => Number((address >> BigInt(16 * (7 - at))) & 0xffffn));
  const run = (from: number): number => {
    const end = groups.findIndex((group, at) => at >= from && group !== 0);
    return (end < 0 ? 8 : end) - from;
  };
  const at = groups.reduce((best, _, from) => (run(from) > run(best) ? from : best), 0);
  const text = (part: number[]): string => part.map((group) => group.toString(16)).join(':');
  return run(at) < 2 ? text(groups) : `${text(groups.slice(0, at))}::${text(groups.slice(at + run(at)))}`;
}

const flagNames = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR', 'NS'];

/** `02:..:01 > 02:..:fe, 10.0.1.1 > 10.0.2.1, ttl 64, tcp 49152 > 80 SYN, 54 bytes: HEX`. */
export function frameText(frame: Uint8Array): string {
  const { fields, problems } = parseFrame(frame, { vlanLimit: 2 });
  const field = (name: string): bigint => fields[name] ?? 0n;
  const words = [`${macText(field('eth.src'))} > ${macText(field('eth.dst'))}`];
  if ('vlan.tci' in fields) words.push(`vlan ${field('vlan.tci') & 0xfffn}`);
  if ('arp.op' in fields) {
    const asked = `${macText(field('arp.sha'))} ${ip4Text(field('arp.spa'))}`;
    words.push(`arp ${field('arp.op')}: ${asked} > ${macText(field('arp.tha'))} ${ip4Text(field('arp.tpa'))}`);
  } else if ('ip4.src' in fields) words.push(`${ip4Text(field('ip4.src'))} > ${ip4Text(field('ip4.dst'))}`);
  else if ('ip6.src' in fields) words.push(`${ip6Text(field('ip6.src'))} > ${ip6Text(field('ip6.dst'))}`);
  else words.push(`type 0x${field('eth.type').toString(16)}`);
  if ('ip.ttl' in fields) words.push(`ttl ${field('ip.ttl')}`);
  if (field('ip.dscp') !== 0n) words.push(`dscp ${field('ip.dscp')}`);
  if (field('ip.frag') !== 0n) words.push(field('ip.frag') === 1n ? 'first fragment' : 'later fragment');
  words.push(...transportWords(fields));
  words.push(`${frame.length} bytes`, ...problems);
  return `${words.join(', ')}: ${Buffer.from(frame).toString('hex')}`;
}

function transportWords(fields: Record<string, bigint>): string[] {
  for (const protocol of ['tcp', 'udp', 'sctp']) {
    if (!(`${protocol}.src` in fields)) continue;
    const flags = fields['tcp.flags'] ?? 0n;
    const names = flagNames.filter((_, bit) => (flags >> BigInt(bit)) & 1n);
    return [[protocol, fields[`${protocol}.src`], '>', fields[`${protocol}.dst`], ...names].join(' ')];
  }
  if ('icmp4.type' in fields) return [`icmp ${fields['icmp4.type']}/${fields['icmp4.code']}`];
  if ('icmp6.type' in fields) return [`icmp6 ${fields['icmp6.type']}/${fields['icmp6.code']}`];
  return 'ip.proto' in fields ? [`protocol ${fields['ip.proto']}`] : [];
}

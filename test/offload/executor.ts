/**
 * A device of tests: it runs the rules of test/offload/rule-maker.ts on bytes,
 * knowing nothing of sets of packets.  What it does not know it throws at.
 */
import type { Action, Item, Rule, RuleSet } from '../../engine/offload/rules.ts';

/** Where a frame came out: `software` where no rule took it. */
export type Fate =
  | { readonly kind: 'port'; readonly port: string; readonly frame: string }
  | { readonly kind: 'software'; readonly frame: string }
  | { readonly kind: 'drop' };

interface Packet {
  bytes: number[];
  readonly port: string;
  readonly tags: number[];
  readonly bySoftware: boolean;
}

type Spec = Readonly<Record<string, string | number | undefined>>;

/** The fates that a frame may have: more than one where rules of one priority compete. */
export function run(ruleSet: RuleSet, port: string, frame: readonly number[], bySoftware = false): Fate[] {
  return inGroup(ruleSet.rules, 0, { bytes: [...frame], port, bySoftware, tags: [0, 0, 0, 0] }, 0);
}

const hex = (bytes: readonly number[]): string => bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');

function inGroup(rules: readonly Rule[], group: number, packet: Packet, depth: number): Fate[] {
  if (depth > 16) return [{ kind: 'drop' }];
  const taking = rules.filter((rule) => rule.group === group && takes(rule, packet));
  const least = Math.min(...taking.map(({ priority }) => priority));
  const first = taking.filter(({ priority }) => priority === least);
  if (first.length === 0) return [{ kind: 'software', frame: hex(packet.bytes) }];
  return first.flatMap((rule) =>
    act(rules, rule.actions, { ...packet, bytes: [...packet.bytes], tags: [...packet.tags] }, depth),
  );
}

function act(rules: readonly Rule[], actions: readonly Action[], packet: Packet, depth: number): Fate[] {
  for (const action of actions) {
    switch (action.type) {
      case 'jump':
        return inGroup(rules, action.group ?? 0, packet, depth + 1);
      case 'drop':
        return [{ kind: 'drop' }];
      case 'represented_port':
        return [{ kind: 'port', port: String(action.ethdev_port_id), frame: hex(packet.bytes) }];
      default:
        change(action, packet);
    }
  }
  throw new Error('no action ends the way');
}

function change(action: Action, packet: Packet): void {
  switch (action.type) {
    case 'set_tag': {
      const { index = 0, data = 0, mask = 0 } = action;
      packet.tags[index] = ((packet.tags[index] ?? 0) & ~mask) | (data & mask);
      return;
    }
    case 'set_mac_src':
      put(packet, 6, macBytes(action.mac_addr ?? ''));
      return;
    case 'set_mac_dst':
      put(packet, 0, macBytes(action.mac_addr ?? ''));
      return;
    case 'set_ipv4_dst':
      if (layers(packet.bytes).ip !== undefined)
        put(packet, (layers(packet.bytes).ip ?? 0) + 16, ipBytes(action.ipv4_addr ?? ''));
      return;
    case 'dec_ttl': {
      const { ip } = layers(packet.bytes);
      if (ip !== undefined) put(packet, ip + 8, [((packet.bytes[ip + 8] ?? 0) + 255) % 256]);
      return;
    }
    case 'raw_decap': {
      const { inner } = layers(packet.bytes);
      if (inner !== undefined) packet.bytes = packet.bytes.slice(inner);
      return;
    }
    case 'raw_encap':
      packet.bytes = [...bytesOf(action.data ?? ''), ...packet.bytes];
      return;
    default:
      throw new Error(`the tests' device does not know ${action.type}`);
  }
}

function put(packet: Packet, at: number, bytes: readonly number[]): void {
  for (const [index, byte] of bytes.entries()) packet.bytes[at + index] = byte;
}

const bytesOf = (digits: string): number[] =>
  Array.from({ length: digits.length / 2 }, (_, index) => Number.parseInt(digits.slice(2 * index, 2 * index + 2), 16));
const macBytes = (text: string): number[] => text.split(':').map((part) => Number.parseInt(part, 16));
const ipBytes = (text: string): number[] => text.split('.').map(Number);

/** Where headers stand: IPv4, UDP behind it, Geneve behind that, and the frame inside. */
interface Layers {
  readonly tags: number;
  readonly type: number;
  readonly ip?: number;
  readonly udp?: number;
  readonly geneve?: number;
  readonly inner?: number;
}

function layers(bytes: readonly number[]): Layers {
  const word = (at: number) => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  let at = 12;
  let tags = 0;
  while ([0x8100, 0x88a8, 0x9100].includes(word(at))) {
    at += 4;
    tags++;
  }
  const type = word(at);
  const ip = at + 2;
  const length = ((bytes[ip] ?? 0) & 15) * 4;
  if (type !== 0x800 || bytes.length < ip + 20 || (bytes[ip] ?? 0) >> 4 !== 4 || length < 20) return { tags, type };
  const udp = ip + length;
  if ((word(ip + 6) & 0x3fff) !== 0 || bytes[ip + 9] !== 17 || bytes.length < udp + 8) return { tags, type, ip };
  const geneve = udp + 8;
  if (word(udp + 2) !== 6081 || bytes.length < geneve + 8) return { tags, type, ip, udp };
  return { tags, type, ip, udp, geneve, inner: geneve + 8 + ((bytes[geneve] ?? 0) & 63) * 4 };
}

function takes({ pattern }: Rule, packet: Packet): boolean {
  let bytes: readonly number[] = packet.bytes;
  let passed: string | undefined;
  for (const item of pattern) {
    if (item.type === 'eth' && passed === 'geneve') {
      bytes = bytes.slice(layers(bytes).inner ?? 0);
      passed = undefined;
    }
    if (!fits(item, packet, bytes)) return false;
    if (item.type === 'geneve') passed = 'geneve';
  }
  return true;
}

function fits(item: Item, packet: Packet, bytes: readonly number[]): boolean {
  const spec = (item.spec ?? {}) as Spec;
  const mask = (item.mask ?? {}) as Spec;
  const last = (item.last ?? {}) as Spec;
  const found = layers(bytes);
  const at = (name: string, is: bigint, value: (text: string | number) => bigint): boolean => {
    const wanted = spec[name];
    if (wanted === undefined) return true;
    const bits = mask[name] === undefined ? (1n << 128n) - 1n : value(mask[name]);
    const [low, now] = [value(wanted) & bits, is & bits];
    const high = last[name] === undefined || value(last[name]) === 0n ? low : value(last[name]) & bits;
    return low <= now && now <= high;
  };
  const number = (from: number, length: number): bigint =>
    bytes.slice(from, from + length).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  const ofMac = (text: string | number) => BigInt(`0x${String(text).replaceAll(':', '')}`);
  const ofIp = (text: string | number) => ipBytes(String(text)).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  const ofNumber = (value: string | number) => BigInt(value);
  switch (item.type) {
    case 'represented_port':
      return !packet.bySoftware && (spec.ethdev_port_id ?? packet.port) === packet.port;
    case 'tag':
      return at('data', BigInt(packet.tags[item.spec?.index ?? 0] ?? 0), ofNumber);
    case 'eth':
      return (
        at('dst', number(0, 6), ofMac) &&
        at('src', number(6, 6), ofMac) &&
        at('type', BigInt(found.type), ofNumber) &&
        at('has_vlan', found.tags > 0 ? 1n : 0n, ofNumber)
      );
    case 'ipv4': {
      const { ip } = found;
      return (
        ip !== undefined &&
        at('src', number(ip + 12, 4), ofIp) &&
        at('dst', number(ip + 16, 4), ofIp) &&
        at('ttl', number(ip + 8, 1), ofNumber) &&
        at('proto', number(ip + 9, 1), ofNumber)
      );
    }
    case 'udp':
      return (
        found.udp !== undefined &&
        at('src', number(found.udp, 2), ofNumber) &&
        at('dst', number(found.udp + 2, 2), ofNumber)
      );
    case 'geneve':
      return found.geneve !== undefined && at('vni', number(found.geneve + 4, 3), ofNumber);
    case 'geneve_opt': {
      const option = (found.geneve ?? 0) + 8;
      const ofHex = (text: string | number) => BigInt(`0x${text}`);
      return (
        found.geneve !== undefined &&
        (found.inner ?? 0) > option &&
        at('class', number(option, 2), ofNumber) &&
        at('type', number(option + 2, 1), ofNumber) &&
        at('data', number(option + 4, 4), ofHex)
      );
    }
    default:
      throw new Error(`the tests' device does not know ${item.type}`);
  }
}

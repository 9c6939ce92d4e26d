/**
 * ovn-northd's own address management: the ports of switches with
 * other_config:subnet, ipv6_prefix or mac_only that have `dynamic` among their
 * addresses, ovn-nb(5).
 */
import { formatIpv4, netmask } from '../address.ts';
import {
  eui64Address,
  formatIpv6,
  ipv6Mask,
  isDynamicAddress,
  macFromNumber,
  macToNumber,
  type PortAddresses,
  parseIpv4,
  parseIpv4Cidr,
  parseIpv6,
  parseIpv6Cidr,
  parseMac,
  parsePortAddresses,
} from './addresses.ts';
import { booleanOption, sortedSet } from './options.ts';
import type { SwitchDatapath, SwitchPort, Topology } from './topology.ts';
import { type NorthdWarning, warn } from './warning.ts';

/**
 * Fills in the addresses of the ports that ask for dynamic ones.
 *
 * ovn-northd reacts to what it wrote itself: an address that turns out to be
 * taken is replaced when it looks again.  So do we, until nothing changes.
 */
export function assignDynamicAddresses(topology: Topology): void {
  for (const dp of topology.switches) checkConfiguration(dp, topology.warnings);
  const wishes = topology.switches.flatMap((dp) => wishesOf(dp, topology.warnings));
  if (wishes.length === 0) return;
  let chosen = new Map(
    wishes.flatMap(({ port: { name, row } }) => (row.dynamic_addresses ? [[name, row.dynamic_addresses]] : [])),
  );
  let warnings: NorthdWarning[] = [];
  for (let round = 0; round < 4; round++) {
    warnings = [];
    const next = assign(topology, wishes, chosen, warnings);
    const stable = wishes.every(({ port }) => next.get(port.name) === chosen.get(port.name));
    chosen = next;
    if (stable) break;
  }
  for (const warning of warnings) topology.warnings.push(warning);
  for (const { port } of wishes) {
    const text = chosen.get(port.name);
    const parsed = text === undefined ? undefined : parsePortAddresses(text);
    if (!parsed) continue;
    port.dynamicAddresses = text;
    port.addresses.push(parsed.addresses);
  }
}

/** A port and what it asks for. */
interface Wish {
  port: SwitchPort;
  /** `02:..` of `02:.. dynamic`. */
  mac?: string;
  ipv4?: number;
  ipv6?: bigint;
}

/** In the order in which ovn-northd serves them: that of their UUIDs. */
function wishesOf(dp: SwitchDatapath, warnings: NorthdWarning[]): Wish[] {
  if (!managesAddresses(dp)) return [];
  const wishes: Wish[] = [];
  for (const port of dp.ports) {
    if (port.peer) {
      // What its column has been given earlier stays there.
      port.dynamicAddresses = port.row.dynamic_addresses;
      continue;
    }
    const dynamic = sortedSet(port.row.addresses).filter(isDynamicAddress);
    if (dynamic.length === 0) continue;
    if (dynamic.length > 1) {
      const message = `Switch port "${port.name}" asks for more than one dynamic address; only the first is given`;
      warn(warnings, port.row, 'several-dynamic-addresses', message);
    }
    wishes.push({ port, ...parseWish(dynamic[0]) });
  }
  return wishes.sort((a, b) => (a.port.row._uuid < b.port.row._uuid ? -1 : 1));
}

function parseWish(text: string): Omit<Wish, 'port'> {
  const [first, ...rest] = text.split(' ');
  if (first !== 'dynamic') return { mac: parseMac(first) };
  const ipv4 = parseIpv4(rest[0] ?? '');
  return { ipv4, ipv6: parseIpv6(rest[ipv4 === undefined ? 0 : 1] ?? '') };
}

function managesAddresses({ row: { other_config } }: SwitchDatapath): boolean {
  const { subnet, ipv6_prefix } = other_config;
  if (subnet === undefined && ipv6_prefix === undefined) return booleanOption(other_config, 'mac_only', false);
  return parseSubnet(subnet) !== undefined || parsePrefix(ipv6_prefix) !== undefined;
}

/** What is left to give out on one switch. */
interface Pool {
  ipv4?: AddressPool;
  /** The /64 that IPv6 addresses are made in. */
  ipv6?: bigint;
}

/** One look at the database: addresses that are still right are kept before others are given out. */
function assign(
  topology: Topology,
  wishes: readonly Wish[],
  current: ReadonlyMap<string, string>,
  warnings: NorthdWarning[],
): Map<string, string> {
  const macs = new MacPool(topology.macPrefix);
  const pools = new Map(topology.switches.map((dp) => [dp, poolOf(dp)]));
  claimStaticAddresses(topology, macs, pools);
  const steps = wishes.map((wish) => {
    const pool = pools.get(wish.port.datapath) ?? {};
    const had = current.get(wish.port.name);
    const old = had === undefined ? undefined : (parsePortAddresses(had)?.addresses ?? nothing);
    const plan = old ? revise(wish, old, pool, topology.macPrefix) : begin(wish, pool);
    if (old && plan.mac === 'keep') macs.claim(old.mac);
    if (old?.ipv4[0] && plan.ipv4 === 'keep') pool.ipv4?.claim(old.ipv4[0].bits);
    return { wish, plan, old, pool };
  });
  return new Map(
    steps.map(({ wish, plan, old, pool }) => [wish.port.name, carryOut(plan, wish, old, pool, macs, warnings)]),
  );
}

/** What a text that is not a port's addresses is read as. */
const nothing: PortAddresses = { mac: '00:00:00:00:00:00', ipv4: [], ipv6: [] };

/** For each part: keep what it was, give what was asked for, make a new one, or have none. */
type Decision = 'keep' | 'asked' | 'new' | 'none';

interface Plan {
  mac: Decision;
  ipv4: Decision;
  ipv6: Decision;
}

function begin(wish: Wish, pool: Pool): Plan {
  const ipv4 = pool.ipv4 ? 'new' : 'none';
  const ipv6 = pool.ipv6 === undefined ? 'none' : 'new';
  return {
    mac: wish.mac === undefined ? 'new' : 'asked',
    ipv4: wish.ipv4 === undefined ? ipv4 : 'asked',
    ipv6: wish.ipv6 === undefined ? ipv6 : 'asked',
  };
}

function revise(wish: Wish, old: PortAddresses, pool: Pool, macPrefix: string): Plan {
  const mac = reviseMac(wish, old, macPrefix);
  return { mac, ipv4: reviseIpv4(wish, old, pool.ipv4), ipv6: reviseIpv6(wish, old, pool.ipv6, mac) };
}

function reviseMac(wish: Wish, old: PortAddresses, macPrefix: string): Decision {
  if (wish.mac !== undefined) return wish.mac === old.mac ? 'keep' : 'asked';
  return old.mac.startsWith(macPrefix) ? 'keep' : 'new';
}

function reviseIpv4(wish: Wish, old: PortAddresses, pool: AddressPool | undefined): Decision {
  if (!pool) return old.ipv4.length > 0 ? 'none' : 'keep';
  if (old.ipv4.length === 0 || !pool.isFree(old.ipv4[0].bits)) return 'new';
  if (wish.ipv4 === undefined || wish.ipv4 === old.ipv4[0].bits) return 'keep';
  return pool.isFree(wish.ipv4) ? 'asked' : 'new';
}

function reviseIpv6(wish: Wish, old: PortAddresses, prefix: bigint | undefined, mac: Decision): Decision {
  if (prefix === undefined) return old.ipv6.length > 0 ? 'none' : 'keep';
  if (old.ipv6.length === 0 || wish.mac !== undefined) return 'new';
  if (wish.ipv6 === undefined) return mac === 'keep' ? 'keep' : 'new';
  if ((wish.ipv6 & prefix) !== prefix) return 'new';
  return wish.ipv6 === old.ipv6[0].bits ? 'keep' : 'asked';
}

function carryOut(
  plan: Plan,
  wish: Wish,
  old: PortAddresses | undefined,
  pool: Pool,
  macs: MacPool,
  warnings: NorthdWarning[],
): string {
  const { port } = wish;
  let ipv4: number | undefined;
  if (plan.ipv4 === 'keep') ipv4 = old?.ipv4[0]?.bits;
  else if (plan.ipv4 === 'asked') ipv4 = wish.ipv4;
  else if (plan.ipv4 === 'new') {
    ipv4 = pool.ipv4?.take();
    if (ipv4 === undefined) {
      const message = `No address of subnet ${port.datapath.row.other_config.subnet} is left for port "${port.name}"`;
      warn(warnings, port.row, 'subnet-exhausted', message);
    }
  }

  let mac: string | undefined;
  if (plan.mac === 'keep') mac = old?.mac;
  else if (plan.mac === 'asked') mac = wish.mac;
  mac ??= macs.take(ipv4 ?? 0);
  macs.claim(mac);

  let ipv6: bigint | undefined;
  if (plan.ipv6 === 'keep') ipv6 = old?.ipv6[0]?.bits;
  else if (plan.ipv6 === 'asked') ipv6 = wish.ipv6;
  else if (plan.ipv6 === 'new' && pool.ipv6 !== undefined) ipv6 = eui64Address(pool.ipv6, mac);

  const words = [mac];
  if (ipv4) {
    pool.ipv4?.claim(ipv4);
    words.push(formatIpv4(ipv4));
  }
  if (ipv6) words.push(formatIpv6(ipv6));
  return words.join(' ');
}

function claimStaticAddresses(topology: Topology, macs: MacPool, pools: ReadonlyMap<SwitchDatapath, Pool>): void {
  for (const port of topology.ports.values()) {
    if (port.kind === 'switch-port') {
      for (const { mac, ipv4 } of port.addresses.slice(0, port.ownAddresses)) {
        macs.claim(mac);
        for (const { bits } of ipv4) pools.get(port.datapath)?.ipv4?.claim(bits);
      }
      continue;
    }
    macs.claim(port.networks.mac);
    if (port.peer?.kind !== 'switch-port') continue;
    for (const { bits } of port.networks.ipv4) pools.get(port.peer.datapath)?.ipv4?.claim(bits);
  }
}

function poolOf({ row: { other_config } }: SwitchDatapath): Pool {
  const subnet = parseSubnet(other_config.subnet);
  const ipv6 = parsePrefix(other_config.ipv6_prefix);
  if (!subnet) return { ipv6 };
  const ipv4 = new AddressPool(subnet.first, subnet.total);
  excludeAddresses(ipv4, other_config.exclude_ips ?? '');
  return { ipv4, ipv6 };
}

function checkConfiguration({ name, row }: SwitchDatapath, warnings: NorthdWarning[]): void {
  const { subnet: subnetText, ipv6_prefix, exclude_ips } = row.other_config;
  const complain = (id: string, option: string, value: string, what: string) =>
    warn(warnings, row, id, `other_config:${option} "${value}" of switch "${name}" is not ${what}`);
  const subnet = parseSubnet(subnetText);
  if (subnetText !== undefined && !subnet) complain('bad-subnet', 'subnet', subnetText, 'an IPv4 network');
  if (ipv6_prefix !== undefined && parsePrefix(ipv6_prefix) === undefined) {
    complain('bad-ipv6-prefix', 'ipv6_prefix', ipv6_prefix, 'an IPv6 /64');
  }
  if (!subnet || exclude_ips === undefined) return;
  if (!excludeAddresses(new AddressPool(subnet.first, subnet.total), exclude_ips)) {
    complain('bad-exclude-ips', 'exclude_ips', exclude_ips, 'a list of addresses and ranges in its subnet');
  }
}

/** The first host's address, and how many follow the network's own, the broadcast address included. */
function parseSubnet(text: string | undefined): { first: number; total: number } | undefined {
  const network = text === undefined ? undefined : parseIpv4Cidr(text);
  if (!network || network.prefixLength === 32) return undefined;
  const mask = netmask(network.prefixLength);
  return { first: ((network.bits & mask) >>> 0) + 1, total: ~mask >>> 0 };
}

function parsePrefix(text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  const network = parseIpv6Cidr(text.includes('/') ? text : `${text}/64`);
  return network?.prefixLength === 64 ? network.bits & ipv6Mask(64) : undefined;
}

/** Reads `ADDRESS` and `ADDRESS..ADDRESS`, up to the first thing that is neither; false if something was wrong. */
function excludeAddresses(pool: AddressPool, text: string): boolean {
  let fine = true;
  for (const item of text.replaceAll(/\s*\.\.\s*/g, '..').split(/\s+/)) {
    if (item === '') continue;
    const [from, to = from] = item.split('..');
    const first = parseIpv4(from);
    if (first === undefined) return false;
    const last = parseIpv4(to);
    if (last === undefined) return false;
    if (!pool.exclude(first, last)) fine = false;
  }
  return fine;
}

/** The IPv4 addresses of one subnet. */
class AddressPool {
  readonly #first: number;
  readonly #total: number;
  readonly #taken = new Set<number>();
  readonly #excluded: { first: number; last: number }[] = [];
  #next: number;

  constructor(first: number, total: number) {
    this.#first = first;
    this.#total = total;
    this.#next = first;
    // The first host's address is the gateway's.
    this.#taken.add(first);
  }

  claim(ip: number): void {
    this.#taken.add(ip);
  }

  /** Whether some of the range lies in the subnet. */
  exclude(from: number, to: number): boolean {
    const first = Math.max(from, this.#first);
    const last = Math.min(to, this.#first + this.#total - 1);
    if (last < first) return false;
    this.#excluded.push({ first, last });
    return true;
  }

  isFree(ip: number): boolean {
    const inside = ip >= this.#first && ip < this.#first + this.#total - 1;
    return inside && !this.#taken.has(ip) && !this.#exclusion(ip);
  }

  /** The lowest free address, which then is not free any more. */
  take(): number | undefined {
    const end = this.#first + this.#total - 1;
    for (let ip = this.#next; ip < end; ip++) {
      const range = this.#exclusion(ip);
      if (range) ip = range.last;
      else if (!this.#taken.has(ip)) {
        this.#next = ip + 1;
        this.#taken.add(ip);
        return ip;
      }
    }
    this.#next = end;
    return undefined;
  }

  #exclusion(ip: number): { first: number; last: number } | undefined {
    return this.#excluded.find(({ first, last }) => ip >= first && ip <= last);
  }
}

/** The MAC addresses under one prefix, of all switches. */
class MacPool {
  readonly #prefix: string;
  readonly #base: number;
  readonly #taken = new Set<string>();

  constructor(prefix: string) {
    this.#prefix = prefix;
    this.#base = macToNumber(`${prefix}:00:00:00`);
  }

  claim(mac: string): void {
    if (mac.startsWith(this.#prefix)) this.#taken.add(mac);
  }

  /** The address whose last three bytes follow those of `ip`, or the next free one. */
  take(ip: number): string {
    const space = 0xfffffe;
    for (let i = 0; i < space; i++) {
      const mac = macFromNumber(this.#base + (((ip & 0xffffff) + i) % space) + 1);
      if (!this.#taken.has(mac)) return mac;
    }
    return macFromNumber(0);
  }
}

/**
 * `check_in_port_sec` and `check_out_port_sec`: what a port may send and receive,
 * by the entries of its `port_security` (ovn-nb(5), Logical_Switch_Port), as
 * ovn-controller reads them (controller/lflow.c, `consider_port_sec_flows`).
 */
import type { PacketSet, Space } from '../../engine/sets/index.ts';
import { linkLocal, type Network, parseSecuredAddresses, type SecuredAddresses } from '../trace/addresses.ts';
import { always, type Certainty, combined, matching, type Test } from './matching.ts';
import { type Here, portsIn, type Run } from './run.ts';
import { at, type Store } from './store.ts';
import type { NetworkDatapath, NetworkPort } from './types.ts';

const ones = (width: number): bigint => (1n << BigInt(width)) - 1n;

const is = (place: number, width: number, value: bigint): Test => ({
  type: 'bits',
  place,
  value,
  mask: ones(width),
  equal: true,
});
const not = (test: Test & { type: 'bits' }): Test => ({ ...test, equal: false });
const all = (...terms: Test[]): Test => combined('and', terms);
const any = (terms: readonly Test[]): Test =>
  terms.length === 0 ? { type: 'constant', value: false } : combined('or', terms);

const ethType = (value: bigint): Test & { type: 'bits' } => is(at.ethType, 16, value) as Test & { type: 'bits' };
const ip4 = ethType(0x800n);
const ip6 = ethType(0x86ddn);
const arp = ethType(0x806n);

/** The address under the prefix; an entry with host bits set names one host: ovn-nb(5), port_security. */
function inNetwork(place: number, { family, value, prefixLength }: Network): Test {
  const width = family === 4 ? 32 : 128;
  const hostBits = ones(width - prefixLength);
  const mask = (value & hostBits) === 0n ? ones(width) & ~hostBits : ones(width);
  return mask === 0n ? always : { type: 'bits', place, value: value & mask, mask, equal: true };
}

const inAny = (place: number, list: readonly Network[]): Test => any(list.map((one) => inNetwork(place, one)));

const unrestricted = ({ ip4: four, ip6: six }: SecuredAddresses): boolean => four.length === 0 && six.length === 0;

/** Who has no address yet asks for one from 0.0.0.0. */
const dhcpRequest: Test = all(
  ip4,
  is(at.ipProto, 8, 17n),
  is(at.tpSrc, 16, 68n),
  is(at.tpDst, 16, 67n),
  is(at.ip4Src, 32, 0n),
  is(at.ip4Dst, 32, 0xffffffffn),
);

/** What ARP says of its sender is that sender's. */
function arpTest({ mac, ip4: four, ip6: six }: SecuredAddresses): Test {
  if (four.length === 0 && six.length > 0) return any([]);
  const own = all(is(at.ethSrc, 48, mac), is(at.arpSha, 48, mac));
  return four.length === 0 ? own : all(own, inAny(at.arpSpa, four));
}

/** What is no ARP has its sender's addresses; frames that are neither IP pass where no address is named. */
function sourceTest(entry: SecuredAddresses): Test {
  const own = is(at.ethSrc, 48, entry.mac);
  if (unrestricted(entry)) return own;
  const four = entry.ip4.length === 0 ? any([]) : all(ip4, any([inAny(at.ip4Src, entry.ip4), dhcpRequest]));
  const six = entry.ip6.length === 0 ? any([]) : all(ip6, ip6Source(entry));
  return all(own, any([four, six]));
}

const icmp6 = is(at.ipProto, 8, 58n) as Test & { type: 'bits' };
const lastHop = is(at.ttl, 8, 255n) as Test & { type: 'bits' };
const icmp6Type = (value: bigint) => is(at.icmpType, 8, value) as Test & { type: 'bits' };

/** Who has no address yet tells routers of its groups, and asks whether somebody has the address it wants. */
function ip6Source({ mac, ip6: addresses }: SecuredAddresses): Test {
  const source = any([is(at.ip6Src, 128, linkLocal(mac)), inAny(at.ip6Src, addresses)]);
  const toAll: Test = { type: 'bits', place: at.ip6Dst, value: 0xff02n << 112n, mask: 0xffffn << 112n, equal: true };
  const forDuplicates = all(
    is(at.ip6Src, 128, 0n),
    icmp6,
    is(at.icmpCode, 8, 0n),
    toAll,
    any([icmp6Type(131n), icmp6Type(143n), icmp6Type(135n)]),
  );
  return any([source, forDuplicates]);
}

/** An advertisement for an address of the entry; the link-local one and the MAC address are those of any sender of the port. */
function advertisementTest({ mac, ip6: addresses }: SecuredAddresses): Test {
  const told = all(is(at.icmpCode, 8, 0n), any([is(at.ndTll, 48, 0n), is(at.ndTll, 48, mac)]));
  if (addresses.length === 0) return told;
  const own = all(is(at.ethSrc, 48, mac), inAny(at.ndTarget, addresses));
  return all(told, any([is(at.ndTarget, 128, linkLocal(mac)), own]));
}

/** What a port with these entries may send. Neighbour solicitations pass whatever they say of their sender. */
function enterTest(entries: readonly SecuredAddresses[]): Test {
  const advertises = any(entries.map(advertisementTest));
  const discovery = any([not(ip6), not(icmp6), not(icmp6Type(136n)), not(lastHop), advertises]);
  return any([all(arp, any(entries.map(arpTest))), all(not(arp), any(entries.map(sourceTest)), discovery)]);
}

function leaveTest(entry: SecuredAddresses): Test {
  const own = is(at.ethDst, 48, entry.mac);
  if (unrestricted(entry)) return own;
  const multicast4: Test = { type: 'bits', place: at.ip4Dst, value: 0xen << 28n, mask: 0xfn << 28n, equal: true };
  const broadcasts = entry.ip4.map(({ value, prefixLength }) => is(at.ip4Dst, 32, value | ones(32 - prefixLength)));
  const four =
    entry.ip4.length === 0
      ? any([])
      : all(ip4, any([multicast4, is(at.ip4Dst, 32, 0xffffffffn), inAny(at.ip4Dst, entry.ip4), ...broadcasts]));
  const multicast6: Test = { type: 'bits', place: at.ip6Dst, value: 0xffn << 120n, mask: 0xffn << 120n, equal: true };
  const six =
    entry.ip6.length === 0
      ? any([])
      : all(ip6, any([multicast6, is(at.ip6Dst, 128, linkLocal(entry.mac)), inAny(at.ip6Dst, entry.ip6)]));
  return all(own, any([four, six, all(not(ip4), not(ip6))]));
}

/** What one port lets through. */
function portTest({ binding }: NetworkPort, end: 'inport' | 'outport'): Test {
  const entries = binding.portSecurity.map(parseSecuredAddresses).filter((entry) => entry !== undefined);
  if (entries.length === 0) return always;
  if (end === 'inport') return enterTest(entries);
  // An entry without addresses does not lift what another entry of its MAC address demands of IP.
  const restricting = entries.filter((entry) => !unrestricted(entry));
  return any(
    entries.map((entry) => {
      const isLifted = unrestricted(entry) && restricting.some(({ mac }) => mac === entry.mac);
      return isLifted ? all(leaveTest(entry), not(ip4), not(ip6)) : leaveTest(entry);
    }),
  );
}

const tests = new WeakMap<NetworkPort, { inport?: Test; outport?: Test }>();

function testOfPort(port: NetworkPort, end: 'inport' | 'outport'): Test {
  let known = tests.get(port);
  if (!known) {
    known = {};
    tests.set(port, known);
  }
  known[end] ??= portTest(port, end);
  return known[end];
}

/** The packets that may or must pass port security on their way out of a port, looking as the store says. */
export const receivable = (space: Space, port: NetworkPort, store: Store, certainty: Certainty): PacketSet =>
  matching(space, store, testOfPort(port, 'outport'), certainty);

/**
 * The packets that port security lets through, of those that look as the store says: all that it may, or those that it
 * surely does; `end` is where it is checked.
 */
export function secured(
  run: Run,
  { datapath }: Here,
  store: Store,
  end: 'inport' | 'outport',
  certainty: Certainty,
): PacketSet {
  const { space, network, memory } = run;
  const place = end === 'inport' ? at.inport : at.outport;
  const key = `secured ${datapath.datapath.uuid} ${end} ${store.id} ${certainty}`;
  let set = memory.sets.get(key);
  if (set === undefined) {
    set = space.orAll(
      portsIn(run, store, place).map(({ packets, number }) => {
        if (typeof number !== 'number') {
          return space.and(packets, securedBy(run, datapath.datapath, store, place, end, certainty));
        }
        const port = network.portsByNumber[number];
        return port ? space.and(packets, matching(space, store, testOfPort(port, end), certainty)) : packets;
      }),
    );
    memory.sets.set(key, set);
  }
  return set;
}

/** Whichever of a datapath's ports it is. */
function securedBy(
  { space }: Run,
  { ports }: NetworkDatapath,
  store: Store,
  place: number,
  end: 'inport' | 'outport',
  certainty: Certainty,
): PacketSet {
  const guarded = ports.filter((port) => testOfPort(port, end) !== always);
  const isPort = (port: NetworkPort): Test => is(place, 20, BigInt(port.number));
  // What may be at a guarded port is not surely free of guards.
  const other = certainty === 'may' ? 'must' : 'may';
  const free = space.not(space.orAll(guarded.map((port) => matching(space, store, isPort(port), other))));
  return space.orAll([
    free,
    ...guarded.map((port) => matching(space, store, all(isPort(port), testOfPort(port, end)), certainty)),
  ]);
}

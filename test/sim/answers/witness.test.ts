import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseFrame, parseHex } from '../../../engine/frame.ts';
import { parseIpv4 } from '../../../engine/lang/index.ts';
import { computeSouthbound } from '../../../engine/northd/index.ts';
import { createSpace, type Literal, type PacketSet } from '../../../engine/sets/index.ts';
import { northboundOfPlan, planTopology } from '../../../engine/vpc/index.ts';
import { sentOf, witnessOf } from '../../../sim/answers/witness.ts';
import { fieldIndex, packetFields } from '../../../sim/symbolic/fields.ts';
import { networkOf } from '../../../sim/symbolic/network.ts';
import type { NetworkPort } from '../../../sim/symbolic/types.ts';
import { redAndBlue } from '../../topology.ts';

const { southbound } = computeSouthbound(northboundOfPlan(planTopology(redAndBlue())));
const network = networkOf(southbound);
const space = createSpace(packetFields);

const is = (name: string, value: bigint | number, mask?: bigint): PacketSet => {
  const field = fieldIndex(name);
  const width = packetFields[field]?.width ?? 0;
  return space.cube([{ field, value: BigInt(value), mask: mask ?? (1n << BigInt(width)) - 1n }]);
};
const both = (...sets: PacketSet[]): PacketSet => sets.reduce((a, b) => space.and(a, b));
const edges = space.oneOf(
  fieldIndex('inport'),
  [...network.ports.values()].filter(({ edge }) => edge).map(({ number }) => BigInt(number)),
);
const said = (packets: PacketSet) => {
  const witness = witnessOf(network, space, space.and(edges, packets));
  return witness && sentOf(witness, southbound);
};
const red = [...network.ports.values()].find(({ name }) => name.startsWith('default/red-a')) as NetworkPort;
const [mac = '', ip = ''] = red.binding.mac[0]?.split(' ') ?? [];
const fromRed = is('inport', red.number);
const localnet = [...network.ports.values()].find(({ edge }) => edge === 'outside') as NetworkPort;

describe('the packet that is shown of a set', () => {
  it('of all packets is an honest ping to somebody on the same network', () => {
    const { inport, summary, microflow } = said(fromRed) ?? {};
    expect(inport).toBe(red.name);
    expect(summary).toMatch(new RegExp(`^icmp echo request ${ip} > 10\\.\\d+\\.\\d+\\.\\d+, from ${mac} to 02:`));
    expect(microflow).toMatch(new RegExp(`^inport == "${red.name}" && eth.src == ${mac} && `));
    expect(microflow).toMatch(/ip.ttl == 64 && icmp4.type == 8 && icmp4.code == 0$/);
  });

  it('goes to the next hop that has its destination, or else to the router', () => {
    const other = [...network.ports.values()].find(
      ({ name, edge }) => edge === 'vif' && name.startsWith('default/red-a') && name !== red.name,
    );
    const [otherMac, otherIp = ''] = other?.binding.mac[0]?.split(' ') ?? [];
    const number = (address: string) => parseIpv4(address) ?? 0n;
    expect(said(both(fromRed, is('ip4.dst', number(otherIp))))?.summary).toMatch(new RegExp(`to ${otherMac}$`));
    const router =
      network.ports.get(red.name) &&
      [...network.ports.values()].find(({ peer, datapath }) => peer && datapath.name === 'default/red-a')?.peer;
    const [routerMac] = router?.binding.mac[0]?.split(' ') ?? [];
    expect(said(both(fromRed, is('ip4.dst', number('8.8.8.8'))))?.summary).toMatch(
      new RegExp(`> 8.8.8.8, .* to ${routerMac}$`),
    );
  });

  it('of TCP opens a connection to a port that people know', () => {
    const tcp = both(fromRed, is('ip.proto', 6));
    expect(said(tcp)?.summary).toMatch(new RegExp(`^tcp ${ip}:49152 > [^ ]*:443, `));
    expect(said(space.diff(tcp, is('tp.dst', 443)))?.summary).toMatch(/:80, /);
    expect(said(both(tcp, is('tp.dst', 22)))?.summary).toMatch(/^tcp .*:49152 > .*:22, /);
    expect(said(space.diff(tcp, is('tcp.flags', 2)))?.summary).toMatch(/^tcp .+ .*:443, /);
  });

  it('of packets that no honest host sends is dishonest only as far as it has to be', () => {
    const forged = space.diff(fromRed, is('ip4.src', parseIpv4(ip) ?? 0n));
    const { summary } = said(both(forged, is('ip.proto', 17), is('eth.type', 0x800))) ?? {};
    expect(summary).not.toContain(` ${ip}:`);
    expect(summary).toMatch(new RegExp(`from ${mac} `));
  });

  it('enters by a port whose host is honest, if there is one', () => {
    const last = [...network.ports.values()].filter(({ name }) => name.startsWith('default/red-b-vf')).at(-1);
    const [, address = ''] = last?.binding.mac[0]?.split(' ') ?? [];
    expect(said(both(is('ip4.src', parseIpv4(address) ?? 0n), is('eth.type', 0x800)))?.inport).toBe(last?.name);
  });

  it('from the world outside has an address that is nobody’s', () => {
    expect(said(is('inport', localnet.number))?.summary).toMatch(
      /^icmp echo request 203\.0\.113\.10 > .*, from 02:00:5e:00:53:01 to /,
    );
  });

  it('is as odd as the set', () => {
    expect(said(both(fromRed, is('vlan.tci', 0x1007)))?.summary).toMatch(/, vlan 7$/);
    expect(said(both(fromRed, is('ip.ttl', 1), is('eth.type', 0x800)))?.summary).toMatch(/, ttl 1$/);
    expect(said(both(fromRed, is('eth.type', 0x806)))?.summary).toMatch(
      new RegExp(`^arp request who has .*, tell ${ip} \\(${mac}\\), from ${mac} to ff:ff:ff:ff:ff:ff$`),
    );
  });

  it('is none of an empty set', () => {
    expect(said(space.empty)).toBeUndefined();
    expect(witnessOf(network, space, is('inport', 0))).toBeUndefined();
  });

  it('is always one of the set, and its frame says what it says', () => {
    const literal = fc
      .tuple(
        fc.integer({ min: 0, max: packetFields.length - 1 }),
        fc.bigInt(0n, (1n << 128n) - 1n),
        fc.bigInt(0n, (1n << 128n) - 1n),
      )
      .map(([field, value, mask]): Literal => {
        const kept = mask & ((1n << BigInt(packetFields[field]?.width ?? 0)) - 1n);
        return { field, value: value & kept, mask: kept };
      });
    fc.assert(
      fc.property(fc.array(fc.array(literal, { maxLength: 4 }), { minLength: 1, maxLength: 4 }), (cubes) => {
        const one = (literals: readonly Literal[]): PacketSet =>
          both(space.all, ...literals.map((each) => space.cube([each])));
        const set = both(fromRed, space.orAll(cubes.map(one)));
        const witness = witnessOf(network, space, set);
        expect(witness !== undefined).toBe(set !== space.empty);
        if (!witness) return;
        expect(space.contains(set, witness.packet)).toBe(true);
        const sent = sentOf(witness);
        expect(parseFrame(parseHex(sent.frame)).fields['eth.src']).toBe(witness.packet[fieldIndex('eth.src')]);
      }),
      { numRuns: 40 },
    );
  });
});

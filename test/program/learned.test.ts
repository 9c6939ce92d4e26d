import { describe, expect, test } from 'vitest';
import { LEARNED_FDB, LEARNED_NEIGHBOR } from '../../asm/plane/image.ts';
import {
  B_FRAG,
  B_HASH_BOTH,
  CS_DNAT,
  CS_EST,
  CS_TRK,
  DROP_FLOW,
  FLOW_WORDS,
  W_CT,
  W_DERIVED,
  W_ETH_DST,
  W_ETH_SRC,
  W_IN,
  W_IP4,
  W_L4,
} from '../../asm/plane/layout.ts';
import type { LoadBalancer, PortBinding } from '../../engine/ovsdb/southbound.ts';
import { buildProgram } from '../../engine/program/index.ts';
import { southboundFrom } from '../trace/southbound.ts';
import { type Flow, TestPlane } from './plane.ts';

/** A switch with ports a (1, physical port 1) and b (2), these flows of table 0 and 1, and egress that lets all out. */
function plane(
  flows: string[],
  balancers: LoadBalancer[] = [],
  given: Record<string, Partial<PortBinding>> = {},
): TestPlane {
  const texts = { s: { ports: { a: {}, b: {}, ...given }, flows: [...flows, 'egress 0 0 1 => output;'] } };
  const southbound = southboundFrom(texts);
  southbound.loadBalancers = balancers.map((one) => ({
    ...one,
    datapaths: southbound.datapaths.map(({ uuid }) => uuid),
  }));
  const ports = new Map(southbound.ports.map(({ logicalPort }, i) => [logicalPort, i + 1]));
  const program = buildProgram({ southbound, chassis: 'here', ports });
  expect(program.problems).toEqual([]);
  return new TestPlane(program);
}

/** UDP from 10.0.0.1:1000 to 10.0.0.2:80, from physical port 1. */
function packet(fields: Partial<Record<number, bigint>> = {}): Flow {
  const flow = new BigUint64Array(FLOW_WORDS);
  flow[W_ETH_DST] = (0x800n << 48n) | 0x020000000002n;
  flow[W_ETH_SRC] = 0x020000000001n;
  flow[W_IP4] = 0x0a000001_0a000002n;
  flow[W_L4] = (1000n << 48n) | (80n << 32n) | (64n << 8n) | 17n;
  flow[W_IN] = 1n;
  for (const [word, value] of Object.entries(fields)) flow[Number(word)] = value as bigint;
  return flow;
}

/** Physical ports that the packet leaves by. */
const leaves = (of: TestPlane, flow = packet()): number[] =>
  of.send(flow).effects.flatMap((effect) => (effect.type === 'output' ? [effect.port] : []));

/** Port b if the condition holds, else nothing. */
const toB = (condition: string): string => `1 1 ${condition} => outport = "b"; output;`;

describe('neighbours and learned addresses', () => {
  test('a neighbour is found by port and address; a question leaves a tag that its answer changes', () => {
    const there = plane([
      '0 0 1 => outport = "b"; reg0 = ip4.dst; get_arp(outport, reg0); next;',
      '1 1 eth.dst == 0 => drop;',
      '1 0 1 => output;',
    ]);
    expect(leaves(there)).toEqual([]);
    const { tags } = there.translate(packet());
    expect(tags).not.toBe(0n);
    there.exports.takeChangedTags();
    there.exports.learnedKey(LEARNED_NEIGHBOR, 0, 0, 2, 0n, 0x0a000002n, 4n, 0n);
    expect(there.exports.learn(0x020000000077n, 0n, 0, 0)).toBeTruthy();
    expect(there.exports.takeChangedTags()).toBe(tags);
    const [effect] = there.send(packet()).effects;
    expect(effect?.type === 'output' && BigInt.asUintN(48, effect.flow[W_ETH_DST] as bigint)).toBe(0x020000000077n);
    // The same again changes nothing; forgetting does.
    there.exports.learn(0x020000000077n, 0n, 0, 0);
    expect(there.exports.takeChangedTags()).toBe(0n);
    there.exports.forget();
    expect(there.exports.takeChangedTags()).toBe(tags);
    expect(leaves(there)).toEqual([]);
    expect(there.exports.learnedCount()).toBe(0);
  });

  test('lookup_arp compares the address, lookup_arp_ip does not', () => {
    const there = plane([
      '0 0 1 => reg0[0] = lookup_arp(inport, ip4.src, eth.src); reg0[1] = lookup_arp_ip(inport, ip4.src); next;',
      toB('reg0[0..1] == 2'),
    ]);
    expect(leaves(there)).toEqual([]);
    there.exports.learnedKey(LEARNED_NEIGHBOR, 0, 0, 1, 0n, 0x0a000001n, 4n, 0n);
    there.exports.learn(0x020000000099n, 0n, 0, 0);
    expect(leaves(there)).toEqual([2]);
  });

  test('an address is found on its port, and only looked at where any is known', () => {
    const there = plane(['0 0 1 => outport = get_fdb(eth.dst); output;']);
    expect(there.translate(packet()).mask[W_ETH_DST]).toBe(0n);
    there.exports.learnedKey(LEARNED_FDB, 0, 0, 0, 0n, 0n, 0n, 0n);
    there.exports.learn(1n, 0n, 0, 0);
    there.exports.learnedKey(LEARNED_FDB, 0, 0, 0, 0x020000000002n, 0n, 0n, 0n);
    there.exports.learn(2n, 0n, 0, 0);
    expect(there.translate(packet()).mask[W_ETH_DST]).toBe(0xffff_ffff_ffffn);
    expect(leaves(there)).toEqual([2]);
    there.exports.forgetAll(LEARNED_FDB, 0);
    expect(leaves(there)).toEqual([]);
  });

  test('many are found, whatever order they come and go in', () => {
    const { exports } = plane(['0 0 1 => drop;']);
    const put = (i: number) => exports.learnedKey(LEARNED_NEIGHBOR, 0, 0, 1, 0n, BigInt(i), 4n, 0n);
    for (let i = 0; i < 100_001; i++) {
      put(i);
      expect(!!exports.learn(BigInt(i), 0n, 0, 0)).toBe(i < 100_000);
    }
    for (let i = 0; i < 100_000; i += 2) {
      put(i);
      exports.forget();
    }
    expect(exports.learnedCount()).toBe(50_000);
    exports.forgetAll(LEARNED_NEIGHBOR, 0);
    expect(exports.learnedCount()).toBe(0);
  });
});

describe('choices', () => {
  test('select follows the hash, by weight', () => {
    const there = plane(['0 0 1 => reg0 = select(1=1, 2=3);', toB('reg0 == 2')]);
    const chosen = Array.from(
      { length: 256 },
      (_, hash) => leaves(there, packet({ [W_DERIVED]: BigInt(hash) << BigInt(B_HASH_BOTH) })).length,
    );
    expect(chosen.reduce((sum, one) => sum + one, 0)).toBe(192);
    expect(there.translate(packet()).mask[W_DERIVED]).toBe(0xffn << BigInt(B_HASH_BOTH));
  });

  test('with hash_fields the fields that it names are looked at, and whom they fall to is whom Open vSwitch chose', () => {
    const chosenBy = (fields: string, flow: Flow): number[] => {
      const there = plane([
        `0 0 1 => reg0 = select(values=(1=100, 2=100); hash_fields="${fields}");`,
        toB('reg0 == 2'),
      ]);
      return leaves(there, flow);
    };
    const to = (source: bigint): Flow => packet({ [W_IP4]: (source << 32n) | 0x0a000264n });
    expect(chosenBy('ip_src,ip_dst', to(0x0a000202n))).toEqual([]);
    expect(chosenBy('ip_src,ip_dst', to(0x0a000201n))).toEqual([2]);
    expect(chosenBy('ip_dst ip_src', to(0x0a000201n))).toEqual([2]);
    const looked = (fields: string): [number, bigint][] => {
      const there = plane([`0 0 1 => reg0 = select(values=(1, 2); hash_fields="${fields}");`, toB('reg0 == 2')]);
      return [...there.translate(packet()).mask.entries()].filter(([word, mask]) => mask !== 0n && word !== W_IN);
    };
    const type = 0xffffn << 48n;
    expect(looked('ip_dst')).toEqual([
      [W_ETH_DST, type],
      [W_IP4, 0xffff_ffffn],
    ]);
    // What the packet cannot have is not taken in, but that it cannot is looked at.
    expect(looked('ipv6_src')).toEqual([[W_ETH_DST, type]]);
    const protocol = 0xffn | (2n << BigInt(B_FRAG));
    expect(looked('tcp_dst')).toEqual([
      [W_ETH_DST, type],
      [W_L4, protocol],
    ]);
    expect(looked('udp_dst')).toEqual([
      [W_ETH_DST, type],
      [W_L4, protocol | (0xffffn << 32n)],
    ]);
    expect(looked('eth_src')).toEqual([[W_ETH_SRC, 0xffff_ffff_ffffn]]);
    const spread = new Set(
      Array.from({ length: 64 }, (_, i) => String(chosenBy('eth_dst', packet({ [W_ETH_DST]: BigInt(i) })))),
    );
    expect([...spread].sort()).toEqual(['', '2']);
  });

  test('a field that cannot be chosen by is told, and the flow drops', () => {
    const texts = {
      s: { ports: { a: {}, b: {} }, flows: ['0 0 1 => reg0 = select(values=(1, 2); hash_fields="tun_id");'] },
    };
    const southbound = southboundFrom(texts);
    const ports = new Map(southbound.ports.map(({ logicalPort }, i) => [logicalPort, i + 1]));
    const { problems } = buildProgram({ southbound, chassis: 'here', ports });
    expect(problems.join()).toContain('hash_fields names tun_id; what can be chosen by is eth_src, eth_dst');
  });

  test('a session keeps its backend', () => {
    const there = plane([
      '0 2 reg9[6] == 0 && ip4.dst == 10.0.0.2 && udp => reg9[6] = chk_lb_aff(); next;',
      '1 1 reg9[6] == 1 && reg4 == 10.0.0.9 && reg8[0..15] == 8080 => outport = "b"; output;',
      '1 0 1 => commit_lb_aff(vip = "10.0.0.2:80", backend = "10.0.0.9:8080", proto = udp, timeout = 60);',
    ]);
    expect(leaves(there)).toEqual([]);
    expect(leaves(there)).toEqual([2]);
    expect(leaves(there, packet({ [W_IP4]: 0x0a000005_0a000002n }))).toEqual([]);
  });

  test('a session that packets use goes on, though caches serve them; one that they do not ends', () => {
    const there = plane([
      '0 2 reg9[6] == 0 && ip4.dst == 10.0.0.2 && udp => reg9[6] = chk_lb_aff(); next;',
      '1 1 reg9[6] == 1 => outport = "b"; output;',
      '1 0 1 => commit_lb_aff(vip = "10.0.0.2:80", backend = "10.0.0.9:8080", proto = udp, timeout = 16);',
    ]);
    leaves(there);
    // What a cache does: the translation serves until one of its tags changes.
    let cached = there.translate(packet());
    let asked = 0;
    for (let second = 0; second < 60; second++) {
      there.exports.ctExpire(second * 1000, 0);
      if ((there.exports.takeChangedTags() & cached.tags) === 0n) continue;
      cached = there.translate(packet());
      asked++;
    }
    expect(leaves(there)).toEqual([2]);
    // Every other second or so, not with every packet.
    expect(asked).toBeGreaterThan(20);
    expect(asked).toBeLessThan(40);
    there.exports.takeChangedTags();
    there.exports.ctExpire(80_000, 0);
    expect(leaves(there)).toEqual([]);
  });

  test('a next hop is remembered with its address', () => {
    const there = plane([
      '0 1 eth.src == 02:00:00:00:00:01 && udp => commit_ecmp_nh(ipv6 = false, proto = udp);',
      '0 0 udp => reg0[0] = chk_ecmp_nh(); reg0[1] = chk_ecmp_nh_mac(); next;',
      toB('reg0[0..1] == 1'),
    ]);
    const other = packet({ [W_ETH_SRC]: 0x020000000007n });
    expect(leaves(there, other)).toEqual([]);
    expect(leaves(there)).toEqual([]);
    expect(leaves(there, other)).toEqual([2]);
  });
});

describe('hairpins', () => {
  const balancer = {
    uuid: 'lb',
    name: 'lb',
    vips: { '10.0.0.100:80': '10.0.0.1:80,10.0.0.2:80' },
    protocol: 'udp',
    options: {},
    datapaths: [],
  };
  const flows = [
    '0 0 udp => reg1 = 10.0.0.100; reg2[0..15] = 80; ct_next;',
    '1 0 udp => reg0[0] = chk_lb_hairpin(); reg0[1] = chk_lb_hairpin_reply(); next;',
    '2 1 reg0[0] == 1 => ct_snat_to_vip; outport = inport; flags.loopback = 1; output;',
    '2 1 reg0[1] == 1 => outport = "b"; output;',
  ];

  test('a backend that calls its own service is told, and so are its answers', () => {
    const there = plane(flows, [balancer]);
    const marked = (flow: Flow) => {
      // As it comes from conntrack: translated, and marked so.
      const [pass] = [there.translate(flow)];
      const next = flow.slice();
      next[W_IN] = (BigInt(pass.program.at(-1) ?? 0) << 32n) | (flow[W_IN] as bigint);
      next[W_CT] = (2n << 32n) | BigInt(CS_EST | CS_TRK | CS_DNAT);
      return next;
    };
    const answer = marked(packet({ [W_IP4]: 0x0a000001_0a000064n, [W_L4]: (80n << 48n) | (555n << 32n) | 17n }));
    expect(leaves(there, answer)).toEqual([]);
    expect(leaves(there, marked(packet({ [W_IP4]: 0x0a000001_0a000001n })))).toEqual([1]);
    expect(leaves(there, answer)).toEqual([2]);
    expect(leaves(there, marked(packet({ [W_IP4]: 0x0a000001_0a000002n })))).toEqual([]);
  });
});

describe('port security', () => {
  test('is what ovn-controller makes of it', () => {
    const there = plane(['0 0 1 => reg0[0] = check_in_port_sec(); next;', toB('reg0[0] == 0')], [], {
      a: { portSecurity: ['02:00:00:00:00:01 10.0.0.0/24'] },
    });
    const sends = (fields: Partial<Record<number, bigint>>) => leaves(there, packet(fields)).length === 1;
    expect(sends({})).toBe(true);
    expect(sends({ [W_IP4]: 0x0a0000fe_0a000002n })).toBe(true);
    expect(sends({ [W_IP4]: 0x0a000101_0a000002n })).toBe(false);
    expect(sends({ [W_ETH_SRC]: 0x020000000007n })).toBe(false);
    // DHCP from who has no address yet.
    expect(sends({ [W_IP4]: 0xffffffffn, [W_L4]: (68n << 48n) | (67n << 32n) | 17n })).toBe(true);
    // Only what was named passes: no IPv6, no other protocol.
    expect(sends({ [W_ETH_DST]: (0x86ddn << 48n) | 2n })).toBe(false);
    expect(sends({ [W_ETH_DST]: (0x88ccn << 48n) | 2n })).toBe(false);
    expect(there.send(packet({ [W_IN]: 3n })).effects).not.toContainEqual({ type: 'drop', reason: DROP_FLOW });
  });
});

import { describe, expect, test } from 'vitest';
import {
  DP_CLONE,
  DP_CT,
  DP_CT_CLEAR,
  DP_DROP,
  DP_OUTPUT,
  DP_POP_VLAN,
  DP_PUSH_VLAN,
  DP_RECIRC,
  DP_SET,
  DP_TUNNEL,
  DROP_FLOW,
  DROP_LOOPBACK,
  DROP_NO_PORT,
  DROP_TOO_DEEP,
  DROP_TTL,
  FLOW_WORDS,
  W_CT,
  W_DERIVED,
  W_ETH_DST,
  W_ETH_SRC,
  W_IN,
  W_IP4,
  W_L4,
  W_SHA,
  W_TUNNEL,
} from '../../asm/plane/layout.ts';
import type { Southbound } from '../../engine/ovsdb/southbound.ts';
import {
  buildProgram,
  changedTables,
  NO_PLACEMENT,
  type Placement,
  type PortPlacement,
  ProgramBuilder,
  portsHere,
  type Tunnel,
} from '../../engine/program/index.ts';
import { type SwitchText, southboundFrom } from '../trace/southbound.ts';
import { type Flow, TestPlane } from './plane.ts';

const ports = (...names: string[]): ReadonlyMap<string, number> => new Map(names.map((name, i) => [name, i + 1]));

const placed = (given: Record<string, PortPlacement>): Placement => {
  return { ...NO_PLACEMENT, ports: new Map(Object.entries(given)) };
};

/** An IPv4 packet: UDP, TTL 64. */
function packet(inPort: number, fields: Partial<Record<number, bigint>> = {}): Flow {
  const flow = new BigUint64Array(FLOW_WORDS);
  flow[W_ETH_DST] = (0x800n << 48n) | 0x020000000002n;
  flow[W_ETH_SRC] = 0x020000000001n;
  flow[W_IP4] = 0x0a000001_0a000002n;
  flow[W_L4] = (1000n << 48n) | (2000n << 32n) | (64n << 8n) | 17n;
  flow[W_IN] = BigInt(inPort);
  for (const [word, value] of Object.entries(fields)) flow[Number(word)] = value as bigint;
  return flow;
}

/** Instructions of a program, bodies of clones flattened. */
function opcodes(program: Uint32Array): number[] {
  const list: number[] = [];
  for (let at = 0; at < program.length; at += ((program[at] as number) >>> 8) & 0xff) {
    list.push((program[at] as number) & 0xff);
  }
  return list;
}

function plane(southbound: Southbound, numbers: ReadonlyMap<string, number>, extra: object = {}): TestPlane {
  return new TestPlane(buildProgram({ southbound, chassis: 'here', ports: numbers, ...extra }));
}

const program = (of: TestPlane, flow: Flow): number[] => [...of.translate(flow).program];
const head = (opcode: number, words: number, argument = 0): number => opcode | (words << 8) | (argument << 16);
const output = (port: number): number[] => [head(DP_OUTPUT, 2), port];
const drop = (reason: number): number[] => [head(DP_DROP, 1, reason)];

const out = 'egress 0 0 1 => output;';
const to = (port: string): string => `0 0 1 => outport = "${port}"; output;`;
const one = (text: SwitchText): Southbound => southboundFrom({ s: text });

describe('ports', () => {
  test('a packet passes from one to another, and not back', () => {
    const there = plane(one({ ports: { a: {}, b: {} }, flows: [to('b'), out] }), ports('a', 'b'));
    expect(program(there, packet(1))).toEqual(output(2));
    expect(program(there, packet(2))).toEqual(drop(DROP_LOOPBACK));
    expect(program(there, packet(3))).toEqual(drop(DROP_NO_PORT));
  });

  test('with flags.loopback a packet goes back', () => {
    const back = '0 0 1 => outport = inport; flags.loopback = 1; output;';
    expect(program(plane(one({ ports: { a: {} }, flows: [back, out] }), ports('a')), packet(1))).toEqual(output(1));
  });

  test('a nested port is told by its tag', () => {
    const southbound = one({
      ports: { vm: {}, child: {}, b: {} },
      flows: ['0 1 inport == "b" => outport = "child"; output;', to('b'), out],
    });
    const nested = plane(southbound, ports('vm', 'b'), { placement: placed({ child: { parent: 'vm', tag: 7 } }) });
    expect(program(nested, packet(2))).toEqual([head(DP_PUSH_VLAN, 1, 0x1007), ...output(1)]);
    const tagged = packet(1, { [W_ETH_SRC]: (0x1007n << 48n) | 1n });
    expect(program(nested, tagged)).toEqual([head(DP_POP_VLAN, 1), ...output(2)]);
    expect(program(nested, packet(1))).toEqual(output(2));
  });

  test('behind a tag that is taken off is the next one', () => {
    const southbound = one({
      ports: { vm: {}, child: {}, other: {}, b: {} },
      flows: ['0 9 vlan.present => drop;', '0 1 inport == "child" => outport = "other"; output;', to('b'), out],
    });
    const nested = plane(southbound, ports('vm', 'b'), {
      placement: placed({ child: { parent: 'vm', tag: 7 }, other: { parent: 'vm', tag: 8 } }),
    });
    const tagged = (inner: bigint) => packet(1, { [W_ETH_SRC]: (0x1007n << 48n) | 1n, [W_SHA]: (inner << 48n) | 2n });
    expect(program(nested, tagged(0x1008n))).toEqual(drop(DROP_FLOW));
    const [first, ...rest] = program(nested, tagged(0n));
    expect([(first ?? 0) & 0xff, rest.slice(-2)]).toEqual([DP_SET, output(1)]);
    expect(nested.translate(tagged(0n)).mask[W_SHA]).toBe(0xffffn << 48n);
    const through = plane(one({ ports: { vm: {}, child: {}, b: {} }, flows: [to('b'), out] }), ports('vm', 'b'), {
      placement: placed({ child: { parent: 'vm', tag: 7 } }),
    });
    expect(program(through, tagged(0x1008n))).toEqual([head(DP_POP_VLAN, 1), ...output(2)]);
    // A host's own tag is no port's: it stays where it is, and so does the one behind it.
    const own = packet(1, { [W_ETH_SRC]: (0x1009n << 48n) | 1n, [W_SHA]: 0x1007n << 48n });
    expect(program(through, own)).toEqual(output(2));
  });

  test('a localnet port has its own tag, or none', () => {
    const southbound = one({
      ports: { a: {}, net: { type: 'localnet' } },
      flows: ['0 1 inport == "a" => outport = "net"; output;', to('a'), out],
    });
    const tagged = plane(southbound, ports('a', 'net'), { placement: placed({ net: { tag: 42 } }) });
    expect(program(tagged, packet(1))).toEqual([head(DP_PUSH_VLAN, 1, 0x102a), ...output(2)]);
    expect(program(tagged, packet(2, { [W_ETH_SRC]: 0x102an << 48n }))).toEqual([head(DP_POP_VLAN, 1), ...output(1)]);
    expect(program(tagged, packet(2, { [W_ETH_SRC]: 0x102bn << 48n }))).toEqual(drop(DROP_NO_PORT));
    expect(program(tagged, packet(2))).toEqual(drop(DROP_NO_PORT));
    const plain = plane(southbound, ports('a', 'net'));
    expect(program(plain, packet(2))).toEqual(output(1));
    // A priority tag is taken off.
    expect(program(plain, packet(2, { [W_ETH_SRC]: 0x1000n << 48n }))).toEqual([head(DP_POP_VLAN, 1), ...output(1)]);
    expect(program(plain, packet(2, { [W_ETH_SRC]: 0x102an << 48n }))).toEqual(drop(DROP_NO_PORT));
  });
});

describe('other chassis', () => {
  const tunnel = (type: Tunnel['type']) => ({ tunnels: new Map([['there', { number: 5, port: 9, type }]]) });
  const southbound = one({
    ports: { a: {}, far: { chassis: 'there' } },
    flows: ['0 1 inport == "a" => outport = "far"; output;', to('a'), out],
  });

  test('are reached by Geneve with both ports in the option', () => {
    const there = plane(southbound, ports('a'), tunnel('geneve'));
    expect(program(there, packet(1))).toEqual([head(DP_TUNNEL, 4), 5, 1, (1 << 16) | 2]);
    const back = packet(9, { [W_TUNNEL]: (((2n << 16n) | 1n) << 32n) | 1n });
    expect(program(there, back)).toEqual(output(1));
    expect(program(there, packet(9, { [W_TUNNEL]: (1n << 32n) | 77n }))).toEqual(drop(DROP_NO_PORT));
  });

  test('are reached by VXLAN with the outport in the VNI', () => {
    const there = plane(southbound, ports('a'), tunnel('vxlan'));
    expect(program(there, packet(1))).toEqual([head(DP_TUNNEL, 4), 5, (2 << 12) | 1, 0]);
    expect(program(there, packet(9, { [W_TUNNEL]: (1n << 12n) | 1n }))).toEqual(output(1));
  });

  test('have the ports of a forwarding group whose life is asked of their tunnels', () => {
    const group = (liveness: boolean, ...ports: string[]): Southbound => {
      const children = ports.map((port) => `"${port}"`).join(', ');
      const action = `fwd_group(${liveness ? 'liveness="true", ' : ''}childports=${children});`;
      return one({
        ports: { a: {}, b: {}, far: { chassis: 'there' }, far2: { chassis: 'there' } },
        flows: [`0 1 inport == "a" => ${action}`, out],
      });
    };
    const chosen = (southbound: Southbound, hash: bigint): number[] =>
      program(plane(southbound, ports('a', 'b'), tunnel('geneve')), packet(1, { [W_DERIVED]: hash }));
    const through = (key: number): number[] => [head(DP_TUNNEL, 4), 5, 1, (1 << 16) | key];
    expect([0n, 1n, 2n].map((hash) => chosen(group(true, 'far', 'far2'), hash))).toEqual([3, 4, 3].map(through));
    expect([0n, 1n].map((hash) => chosen(group(false, 'b', 'far'), hash))).toEqual([output(2), through(3)]);
    // A port that is here has no tunnel to be asked, and a group needs all of its ports.
    expect(chosen(group(true, 'b', 'far'), 0n)).toEqual(drop(DROP_FLOW));
    expect(chosen(group(false, 'b', 'nobody'), 0n)).toEqual(drop(DROP_FLOW));
    const there = plane(group(true, 'far', 'far2'), ports('a', 'b'), tunnel('geneve'));
    expect(there.translate(packet(1)).mask[W_DERIVED]).toBe(0xffn);
  });

  test('have a port each, where several were asked to have it', () => {
    const requested = { options: { 'requested-chassis': 'there,here' } };
    const flows = ['0 1 inport == "a" => outport = "m"; output;', out];
    const several = one({ ports: { a: {}, m: requested }, flows });
    const through = [head(DP_TUNNEL, 4), 5, 1, (1 << 16) | 2];
    // From here to both, but what comes through a tunnel only here.
    expect(program(plane(several, ports('a', 'm'), tunnel('geneve')), packet(1))).toEqual([...through, ...output(2)]);
    const arriving = packet(9, { [W_TUNNEL]: (((1n << 16n) | 2n) << 32n) | 1n });
    expect(program(plane(several, ports('a', 'm'), tunnel('geneve')), arriving)).toEqual(output(2));
    expect(portsHere(several, 'here')).toEqual(['m']);
    const tunnels = new Map([
      ['there', { number: 5, port: 9, type: 'geneve' } as const],
      ['third', { number: 6, port: 10, type: 'geneve' } as const],
    ]);
    requested.options['requested-chassis'] = 'there,third';
    const elsewhere = one({ ports: { a: {}, m: requested, net: { type: 'localnet' } }, flows });
    const both = [...through, head(DP_TUNNEL, 4), 6, 1, (1 << 16) | 2];
    expect(program(plane(elsewhere, ports('a', 'net'), { tunnels }), packet(1))).toEqual(both);
  });

  test('get one copy of what goes to a group, and deliver to their own ports only', () => {
    const flood = one({
      ports: { a: {}, b: {}, far: { chassis: 'there' }, far2: { chassis: 'there' } },
      flows: ['0 0 1 => outport = "_MC_flood"; output;', out],
    });
    const { uuid = '' } = flood.datapaths[0] ?? {};
    const members = flood.ports.map((port) => port.uuid);
    flood.multicastGroups = [{ uuid: 'f', datapath: uuid, name: '_MC_flood', tunnelKey: 32768, ports: members }];
    const there = plane(flood, ports('a', 'b'), tunnel('geneve'));
    expect(program(there, packet(1))).toEqual([head(DP_TUNNEL, 4), 5, 1, (1 << 16) | 32768, ...output(2)]);
    const arriving = packet(9, { [W_TUNNEL]: (((3n << 16n) | 32768n) << 32n) | 1n });
    expect(program(there, arriving)).toEqual([...output(1), ...output(2)]);
  });

  test('serve a gateway port unless it resides here', () => {
    const gateway = southboundFrom({
      s: { ports: { a: {}, 's-r': { type: 'patch', options: { peer: 'r-s' } } }, flows: [to('s-r'), out] },
      r: {
        kind: 'router',
        ports: {
          'r-s': { type: 'patch', options: { peer: 's-r' } },
          'r-n': { type: 'patch', options: { peer: 'n-r' } },
          'cr-r-n': { type: 'chassisredirect', options: { 'distributed-port': 'r-n' } },
        },
        flows: [to('cr-r-n'), out],
      },
      n: {
        ports: { 'n-r': { type: 'patch', options: { peer: 'r-n' } }, net: { type: 'localnet' } },
        flows: [to('net'), out],
      },
    });
    const placement = (...chassis: string[]) => placed({ 'cr-r-n': { chassis } });
    const far = { ...tunnel('geneve'), placement: placement('there', 'here') };
    expect(program(plane(gateway, ports('a', 'net'), far), packet(1))).toEqual([
      head(DP_TUNNEL, 4),
      5,
      2,
      (1 << 16) | 3,
    ]);
    const bridged = structuredClone(gateway);
    for (const port of bridged.ports) {
      if (port.type !== 'chassisredirect') continue;
      port.options['redirect-type'] = 'bridged';
      port.mac = ['02:00:00:00:00:99 10.0.0.1/24'];
    }
    const fromGateway = [head(DP_SET, 5, W_ETH_SRC), 0x99, 0x0200, 0xffffffff, 0xffff];
    expect(program(plane(bridged, ports('a', 'net'), far), packet(1))).toEqual([...fromGateway, ...output(2)]);
    // Without the physical network it does not get there.
    expect(program(plane(bridged, ports('a'), far), packet(1))).toEqual(drop(DROP_NO_PORT));
    const near = { ...tunnel('geneve'), placement: placement('here', 'there') };
    expect(program(plane(gateway, ports('a', 'net'), near), packet(1))).toEqual(output(2));
    expect(
      buildProgram({ southbound: gateway, chassis: 'here', ports: ports('a'), placement: placement('gone') }).view
        .missingTunnels,
    ).toEqual(['gone']);
  });
});

describe('chassis with MAC addresses of their own on a network', () => {
  const routed = southboundFrom({
    n: {
      ports: { a: {}, 'n-r': { type: 'patch', options: { peer: 'r-n' } }, net: { type: 'localnet' } },
      flows: ['0 1 inport == "a" => outport = "net"; output;', '0 1 inport == "net" => outport = "a"; output;', out],
    },
    r: { kind: 'router', ports: { 'r-n': { type: 'patch', options: { peer: 'n-r' } } }, flows: [out] },
  });
  for (const port of routed.ports) {
    if (port.logicalPort === 'r-n') port.mac = ['02:00:00:00:00:99 10.0.0.1/24'];
    if (port.type === 'localnet') port.options.network_name = 'physnet';
  }
  const chassisMacs = {
    here: { physnet: '02:00:00:00:00:11', other: '02:00:00:00:00:12' },
    there: { physnet: '02:00:00:00:00:22' },
  };
  const from = (mac: bigint): bigint => 0x0200_0000_0000n | mac;
  /** The address was looked at, so only what is different is set. */
  const setSource = (bits: number, mask: number): number[] => [head(DP_SET, 5, W_ETH_SRC), bits, 0, mask, 0];
  const numbers = ports('a', 'net');

  test('send what a router sends from these', () => {
    const there = plane(routed, numbers, { chassisMacs });
    const sent = (mac: bigint): number[] => program(there, packet(1, { [W_ETH_SRC]: from(mac) }));
    expect(sent(0x99n)).toEqual([...setSource(0x11 & (0x11 ^ 0x99), 0x11 ^ 0x99), ...output(2)]);
    expect(sent(0x98n)).toEqual(output(2));
    expect(there.translate(packet(1, { [W_ETH_SRC]: from(0x98n) })).mask[W_ETH_SRC]).toBe(0xffff_ffff_ffffn);
    // Another network's is none of this one's.
    const elsewhere = { here: { other: '02:00:00:00:00:12' } };
    expect(
      program(plane(routed, numbers, { chassisMacs: elsewhere }), packet(1, { [W_ETH_SRC]: from(0x99n) })),
    ).toEqual(output(2));
  });

  test('take what comes from those of others for the router’s', () => {
    const there = plane(routed, numbers, { chassisMacs });
    const taken = (mac: bigint): number[] => program(there, packet(2, { [W_ETH_SRC]: from(mac) }));
    expect(taken(0x22n)).toEqual([...setSource(0x99 & (0x99 ^ 0x22), 0x99 ^ 0x22), ...output(1)]);
    expect(taken(0x11n)).toEqual(output(1));
    expect(program(plane(routed, numbers), packet(2, { [W_ETH_SRC]: from(0x22n) }))).toEqual(output(1));
  });
});

describe('programs', () => {
  test('set only what was assigned, before the packet is shown', () => {
    const rewrite = '0 0 1 => eth.src = 02:00:00:00:00:99; ip.ttl--; outport = "b"; output;';
    const there = plane(one({ ports: { a: {}, b: {} }, flows: [rewrite, out] }), ports('a', 'b'));
    const { program: words, mask } = there.translate(packet(1));
    expect(opcodes(words)).toEqual([DP_SET, DP_SET, DP_OUTPUT]);
    expect([...words.subarray(0, 5)]).toEqual([head(DP_SET, 5, W_ETH_SRC), 0x99, 0x0200, 0xffffffff, 0xffff]);
    // The hop limit was looked at, and the protocol, as that of protocol 0 does not change; the address was not.
    expect([mask[W_ETH_SRC], mask[W_L4]]).toEqual([0n, 0xffffn]);
    expect(program(there, packet(1, { [W_L4]: (1n << 8n) | 17n }))).toEqual(drop(DROP_TTL));
  });

  test('copy the packet where one copy is changed and another goes on', () => {
    const both = '0 0 1 => clone { ip4.dst = 1.2.3.4; outport = "b"; output; }; outport = "c"; output;';
    const there = plane(one({ ports: { a: {}, b: {}, c: {} }, flows: [both, out] }), ports('a', 'b', 'c'));
    expect(opcodes(there.translate(packet(1)).program)[0]).toBe(DP_CLONE);
    const { effects } = there.send(packet(1));
    expect(effects.map((effect) => effect.type === 'output' && [effect.port, effect.flow[W_IP4]])).toEqual([
      [2, 0x0a000001_01020304n],
      [3, 0x0a000001_0a000002n],
    ]);
    const same = '0 0 1 => clone { outport = "b"; output; }; outport = "c"; output;';
    const unchanged = plane(one({ ports: { a: {}, b: {}, c: {} }, flows: [same, out] }), ports('a', 'b', 'c'));
    expect(program(unchanged, packet(1))).toEqual([...output(2), ...output(3)]);
  });

  test('end with the look-up behind conntrack; what follows it in the flow works on a copy', () => {
    const track = plane(
      one({ ports: { a: {}, b: {} }, flows: ['0 0 1 => ct_next;', '1 0 ct.est => outport = "b"; output;', out] }),
      ports('a', 'b'),
    );
    expect(opcodes(track.translate(packet(1)).program)).toEqual([DP_CT, DP_RECIRC]);
    expect(track.send(packet(1)).effects).toMatchObject([{ type: 'output', port: 2 }]);
    const more = plane(
      one({ ports: { a: {}, b: {} }, flows: ['0 0 1 => ct_next; outport = "b"; output;', '1 0 1 => drop;', out] }),
      ports('a', 'b'),
    );
    expect(opcodes(more.translate(packet(1)).program)[0]).toBe(DP_CLONE);
  });

  test('forget what conntrack said only where that would count', () => {
    const cleared = one({ ports: { a: {} }, flows: ['0 0 1 => ct_next;', '1 0 1 => ct_clear; ct_next;'] });
    const there = plane(cleared, ports('a'));
    const recirc = BigInt(there.translate(packet(1)).program.at(-1) ?? 0);
    const zone = 1n;
    const back = (said: bigint) => packet(1, { [W_IN]: (recirc << 32n) | 1n, [W_CT]: (said << 16n) | 0x22n });
    expect(opcodes(there.translate(back(zone)).program)).toEqual([DP_CT_CLEAR, DP_CT, DP_RECIRC]);
    expect(opcodes(there.translate(back(zone + 1n)).program)).toEqual([DP_CT, DP_RECIRC]);
    expect(there.translate(back(zone)).mask[W_CT]).toBe(0xffff0000n);
  });

  test('equal frozen packets have one number', () => {
    const track = plane(
      one({ ports: { a: {}, b: {} }, flows: ['0 0 1 => ct_next;', '1 0 1 => drop;'] }),
      ports('a', 'b'),
    );
    const recirc = (flow: Flow) => track.translate(flow).program.at(-1);
    expect(recirc(packet(1))).toBe(recirc(packet(1, { [W_IP4]: 5n })));
    expect(recirc(packet(1))).not.toBe(recirc(packet(2)));
    expect(track.exports.findFrozen(12345678)).toBe(0);
  });

  test('drop what goes round for ever', () => {
    const loop = southboundFrom({
      r: {
        kind: 'router',
        ports: { x: { type: 'patch', options: { peer: 'y' } }, z: {} },
        flows: [to('x'), out],
      },
      q: {
        kind: 'router',
        ports: { y: { type: 'patch', options: { peer: 'x' } } },
        flows: ['0 0 1 => outport = inport; flags.loopback = 1; output;', out],
      },
    });
    expect(program(plane(loop, ports('z')), packet(1))).toEqual(drop(DROP_LOOPBACK));
    const round = one({ ports: { a: {} }, flows: ['0 0 1 => next(pipeline=ingress, table=0);'] });
    expect(program(plane(round, ports('a')), packet(1))).toEqual(drop(DROP_TOO_DEEP));
    const wide = one({
      ports: { a: {} },
      flows: [
        '0 0 1 => next(pipeline=ingress, table=1); next(pipeline=ingress, table=1);',
        ...Array.from(
          { length: 20 },
          (_, i) => `${i + 1} 0 1 => next(pipeline=ingress, table=${i + 2}); next(pipeline=ingress, table=${i + 2});`,
        ),
      ],
    });
    expect(program(plane(wide, ports('a')), packet(1))).toEqual(drop(DROP_TOO_DEEP));
  });

  test('say which flows cannot be run, and drop their packets', () => {
    const southbound = one({
      ports: { a: {} },
      flows: ['0 0 1 => flood_remote;', '0 1 ip4.src == 1.1.1.1 => nonsense;'],
    });
    const built = buildProgram({ southbound, chassis: 'here', ports: ports('a') });
    expect(built.problems).toHaveLength(2);
    expect(built.problems.join()).toContain('the action flood_remote is not known to the packet plane');
    expect(opcodes(new TestPlane(built).translate(packet(1)).program)).toEqual([DP_DROP]);
  });
});

describe('another program', () => {
  test('keeps its numbers, and tells which datapaths changed', () => {
    const texts = (action: string): Record<string, SwitchText> => ({
      s: { ports: { a: {} }, flows: ['0 0 1 => drop;'] },
      t: { ports: { b: {} }, flows: [`0 0 1 => ${action}`] },
    });
    const builder = new ProgramBuilder();
    const build = (made: Southbound) => builder.build({ southbound: made, chassis: 'here', ports: ports('a', 'b') });
    const first = build(southboundFrom(texts('drop;')));
    expect(changedTables(first, build(southboundFrom(texts('drop;'))))).toBe(0n);
    const changed = build(southboundFrom(texts('outport = inport; flags.loopback = 1; output;')));
    const number = (of: typeof first, name: string) =>
      of.datapaths.find(({ view }) => view.binding.name === name)?.number;
    expect(changedTables(first, changed)).toBe(1n << BigInt(number(first, 't') ?? 0));
    const southbound = southboundFrom(texts('drop;'));
    const again = build(southbound);
    const fewer = build({ ...southbound, datapaths: southbound.datapaths.slice(1), ports: southbound.ports.slice(1) });
    expect(number(fewer, 't')).toBe(number(first, 't'));
    expect(fewer.zones.get('b')).toBe(first.zones.get('b'));
    // The port that went, and what was behind it.
    expect(changedTables(again, fewer)).toBe((1n << 63n) | (1n << BigInt(number(first, 's') ?? 0)));
  });
});

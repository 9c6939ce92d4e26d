/** Whom routers know as neighbours: where they are among themselves, each other, and nobody else, unless somebody may have told them. */
import { describe, expect, test } from 'vitest';
import type { MacBinding, Southbound } from '../../../engine/ovsdb/southbound.ts';
import { matchSet } from '../../../sim/policy/packets.ts';
import { analyse, networkOf } from '../../../sim/symbolic/index.ts';
import { amongRouters, goesRound } from '../../../sim/symbolic/neighbors.ts';
import { southboundFrom } from '../../trace/southbound.ts';
import { exampleView } from '../properties/views.ts';

const patch = (peer: string, mac: string[] = []) => ({ type: 'patch', options: { peer }, mac });
const [mac1, mac2] = ['0a:00:00:00:00:01', '0a:00:00:00:00:02'];
const out = 'egress 0 0 1 => output;';

interface Change {
  /** More flows of the switch between the routers, of the first router, and of the second. */
  readonly between?: string[];
  readonly first?: string[];
  readonly second?: string[];
  /** A host on that switch. */
  readonly host?: boolean;
  /** The second router's addresses there. */
  readonly addresses?: string;
  readonly rows?: Partial<Pick<Southbound, 'macBindings' | 'staticMacBindings'>>;
}

/** Host `a`, router 1, a switch `j`, router 2, and `u` outside. What is for router 2's MAC address comes to `u`. */
const network = ({
  between = [],
  first = [],
  second = [],
  host = false,
  addresses = '100.64.0.2/24 fd00::2/64',
  rows = {},
}: Change = {}): Southbound => ({
  ...southboundFrom({
    s: {
      ports: { a: {}, 's-r1': patch('r1-s') },
      flows: ['0 0 inport == "a" => outport = "s-r1"; output;', '0 0 inport == "s-r1" => outport = "a"; output;', out],
    },
    r1: {
      kind: 'router',
      ports: { 'r1-s': patch('s-r1'), 'r1-j': patch('j-r1', [`${mac1} 100.64.0.1/24 fd00::1/64`]) },
      flows: [
        ...first,
        '0 90 arp => put_arp(inport, arp.spa, arp.sha);',
        '0 90 nd_na => put_nd(inport, nd.target, nd.tll);',
        '0 50 ip4 => outport = "r1-j"; reg0 = ip4.dst; get_arp(outport, reg0); next;',
        '0 50 ip6 => outport = "r1-j"; xxreg0 = ip6.dst; get_nd(outport, xxreg0); next;',
        `1 50 ip4 && eth.dst == 00:00:00:00:00:00 => arp { eth.src = ${mac1}; eth.dst = ff:ff:ff:ff:ff:ff; arp.spa = 100.64.0.1; arp.tpa = reg0; arp.sha = ${mac1}; arp.op = 1; output; };`,
        '1 0 1 => output;',
        out,
      ],
    },
    j: {
      ports: { 'j-r1': patch('r1-j'), 'j-r2': patch('r2-j'), ...(host && { h: {} }) },
      flows: [
        ...between,
        '0 50 inport == "j-r1" => outport = "j-r2"; output;',
        '0 50 inport == "j-r2" => outport = "j-r1"; output;',
        out,
      ],
    },
    r2: {
      kind: 'router',
      ports: { 'r2-j': patch('j-r2', [`${mac2} ${addresses}`]), 'r2-o': patch('o-r2') },
      flows: [
        ...second,
        `0 90 arp.op == 1 && arp.tpa == 100.64.0.2 => put_arp(inport, arp.spa, arp.sha); eth.dst = eth.src; eth.src = ${mac2}; arp.op = 2; arp.tpa = arp.spa; arp.spa = 100.64.0.2; arp.sha = ${mac2}; outport = inport; flags.loopback = 1; output;`,
        `0 50 eth.dst == ${mac2} && inport == "r2-j" => outport = "r2-o"; output;`,
        out,
      ],
    },
    o: {
      ports: { u: {}, 'o-r2': patch('r2-o') },
      flows: ['0 0 inport == "o-r2" => outport = "u"; output;', out],
    },
  }),
  ...rows,
});

/** Whether what `a` sends to an address may come to `u`, of all packets or of those that only know honest routers. */
function arrives(southbound: Southbound, address: string, isHonest = false): boolean {
  const { classes, space } = analyse(networkOf(southbound));
  const to = matchSet(space, `ip${address.includes(':') ? 6 : 4}.dst == ${address}`);
  const sent = isHonest ? space.and(to, amongRouters(space)) : to;
  return classes.some(
    ({ end, made, packets }) =>
      end.kind === 'port' && end.port.name === 'u' && made === undefined && space.intersects(packets, sent),
  );
}

const row = (logicalPort: string, ip: string, mac: string): MacBinding => ({ logicalPort, ip, mac }) as MacBinding;

describe('among routers', () => {
  test.each(['100.64.0.2', 'fd00::2', 'fe80::800:ff:fe00:2'])('the other one is known by its own address, %s', (ip) => {
    expect(arrives(network(), ip)).toBe(true);
  });

  test.each(['100.64.0.9', '9.9.9.9', 'fd00::9'])('nobody is known by another address, %s', (ip) => {
    expect(arrives(network(), ip)).toBe(false);
  });

  test('the other one is known by any address that it answers for, and by no other', () => {
    const answer = `eth.dst = eth.src; eth.src = ${mac2}; arp.op = 2; arp.tpa = arp.spa; arp.spa = 172.18.0.3; arp.sha = ${mac2}; outport = inport; flags.loopback = 1; output;`;
    const southbound = network({ second: [`0 90 arp.op == 1 && arp.tpa == {172.18.0.3, 172.18.0.4} => ${answer}`] });
    expect(['172.18.0.3', '100.64.0.2', '9.9.9.9'].map((ip) => arrives(southbound, ip))).toEqual([true, true, false]);
  });

  test.each(['macBindings', 'staticMacBindings'] as const)('who is known in %s is, there and nowhere else', (table) => {
    const southbound = network({ rows: { [table]: [row('r1-j', '9.9.9.9', mac2), row('r2-j', '8.8.8.8', mac2)] } });
    expect(arrives(southbound, '9.9.9.9')).toBe(true);
    expect(arrives(southbound, '8.8.8.8')).toBe(false);
  });
});

describe('anybody may be known', () => {
  test.each<[string, Change]>([
    ['where there is a host', { host: true }],
    [
      'where the switch answers in the name of others',
      {
        between: [
          `0 60 arp.op == 1 && arp.tpa == 9.9.9.9 => eth.dst = eth.src; eth.src = ${mac2}; arp.op = 2; arp.tpa = arp.spa; arp.spa = 9.9.9.9; arp.sha = ${mac2}; outport = inport; flags.loopback = 1; output;`,
        ],
      },
    ],
    [
      'where a router passes what hosts say',
      {
        first: ['0 95 arp && inport == "r1-s" => outport = "r1-j"; output;'],
        between: ['0 60 arp && inport == "j-r1" => outport = "j-r1"; flags.loopback = 1; output;'],
      },
    ],
    ['where something is not followed', { first: ['0 95 ip.proto == 99 => mirror("x"); drop;'] }],
  ])('%s', (_, change) => {
    expect(arrives(network(change), '9.9.9.9')).toBe(true);
  });
});

describe('an honest router is known', () => {
  const own = ['100.64.0.2', 'fd00::2', 'fe80::800:ff:fe00:2'];

  test.each([false, true])('by its own addresses, whether there is a host (%s)', (host) => {
    expect(own.map((ip) => arrives(network({ host }), ip, true))).toEqual([true, true, true]);
  });

  test('by no other one, where anybody may be known', () => {
    expect(arrives(network({ host: true }), '9.9.9.9', true)).toBe(false);
  });

  test('by no address that it might answer for, nor by rows', () => {
    const southbound = network({
      second: ['0 90 arp.op == 1 && arp.tpa == 172.18.0.3 => drop;'],
      rows: { macBindings: [row('r1-j', '9.9.9.9', mac2)] },
    });
    const known = (isHonest: boolean) => ['172.18.0.3', '9.9.9.9'].map((ip) => arrives(southbound, ip, isHonest));
    expect([known(false), known(true)]).toEqual([
      [true, true],
      [false, false],
    ]);
  });

  test.each(['100.64.0.2/32 fd00::2/128', '100.64.0.2/8 fd01::2/16'])(
    'in a network of both routers: %s',
    (addresses) => {
      const [ip4 = '', ip6 = ''] = addresses.split(/\/\d+ ?/);
      const southbound = network({ addresses });
      expect([ip4, ip6, 'fe80::800:ff:fe00:2'].map((ip) => arrives(southbound, ip))).toEqual([true, true, true]);
      expect([ip4, ip6, 'fe80::800:ff:fe00:2'].map((ip) => arrives(southbound, ip, true))).toEqual([
        false,
        false,
        true,
      ]);
    },
  );
});

test('who goes round by what routers learned of each other is no reason to follow others less far', () => {
  const bad = (name: string): boolean => {
    const { space, classes } = exampleView(name, 'bad').analysis;
    return goesRound(space, classes);
  };
  expect(['properties/no-loop', 'properties/no-loop-learned'].map(bad)).toEqual([true, false]);
}, 120_000);

test.each([false, true])(
  'packets whose neighbour cannot be known go the way of those whose neighbour is not, whatever is said of it (%s)',
  (host) => {
    const { classes, gaps, possible, space, network: all } = analyse(networkOf(network({ host })));
    const a = all.ports.get('a')?.number ?? 0;
    const sent = space.and(possible, matchSet(space, 'ip4.dst == 9.9.9.9'));
    const own = space.and(
      sent,
      space.cube([
        { field: space.fields.findIndex(({ name }) => name === 'inport'), value: BigInt(a), mask: 0xfffffn },
      ]),
    );
    const followed = classes.filter(({ connection }) => connection === 'new').map(({ packets }) => packets);
    expect(gaps).toEqual([]);
    expect(space.isSubset(own, space.orAll(followed))).toBe(true);
  },
);

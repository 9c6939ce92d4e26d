/**
 * Random load balancers on random routers and switches: few addresses, so that
 * virtual addresses, NAT rules, routers' own addresses and backends meet, and
 * now and then something that is wrong.
 */
import fc from 'fast-check';
import { insertRow, type Northbound, rowUuid } from '../../engine/ovsdb/northbound.ts';
import {
  addGatewayChassis,
  addLocalnet,
  addNat,
  addPort,
  addRouter,
  addRouterPort,
  addSwitch,
  attach,
  northbound,
} from './router/build.ts';

const switches = ['s0', 's1'];
const routers = ['r0', 'r1', 'r2'];

const host4 = fc
  .tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 1, max: 5 }))
  .map(([n, h]) => `10.0.${n}.${h}`);
const host6 = fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 1, max: 5 })).map(([n, h]) => `fd0${n}::${h}`);
const number = fc.constantFrom('80', '53', '80', '0', '65535');

function mostly<T>(usual: fc.Arbitrary<T>, odd: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof({ weight: 20, arbitrary: usual }, { weight: 1, arbitrary: odd });
}

function optional(values: Record<string, string[]>): fc.Arbitrary<Record<string, string>> {
  const model = Object.fromEntries(
    Object.entries(values).map(([key, choices]) => [key, fc.constantFrom(...choices)] as const),
  );
  return fc.record(model, { requiredKeys: [] }).map((chosen) => ({ ...chosen }) as Record<string, string>);
}

const odd = fc.constantFrom(
  '',
  'x',
  '10.0.0.1:x',
  '10.0.0.300',
  '[fd00::1',
  'fd00:::1',
  '10.0.0.1:70000',
  ':80',
  '^v:^p',
);

/** A virtual address and its backends, which mostly go together. */
const vip = fc
  .record({ six: fc.boolean(), port: fc.option(number, { nil: undefined }), count: fc.integer({ min: 0, max: 3 }) })
  .chain(({ six, port, count }) => {
    const host = six ? host6 : host4;
    const endpoint = (withPort: string | undefined) => (ip: string) => {
      if (withPort === undefined) return ip;
      return six ? `[${ip}]:${withPort}` : `${ip}:${withPort}`;
    };
    const backendPort = port === undefined || port === '0' ? fc.constant(undefined) : number;
    const backend = mostly(
      fc.tuple(host, backendPort).map(([ip, p]) => endpoint(p)(ip)),
      odd,
    );
    return fc.tuple(
      mostly(host.map(endpoint(port)), odd),
      fc.array(backend, { minLength: count, maxLength: count }).map((list) => list.join(',')),
    );
  });

const balancer = fc.record({
  vips: fc.array(vip, { maxLength: 4 }),
  protocol: fc.constantFrom(undefined, 'tcp', 'udp', 'sctp'),
  selection: fc.subarray(['eth_dst', 'eth_src', 'ip_dst', 'ip_src', 'tp_dst', 'tp_src'], { maxLength: 3 }),
  options: optional({
    reject: ['true', 'false'],
    event: ['true'],
    skip_snat: ['true', 'false'],
    add_route: ['true'],
    neighbor_responder: ['all', 'none', 'reachable', 'odd'],
    affinity_timeout: ['10', '0', '65536', 'odd'],
    hairpin_snat_ip: ['10.0.0.9 fd00::9', 'odd'],
  }),
  template: fc.constantFrom(undefined, undefined, undefined, undefined, 'true'),
  watched: fc.boolean(),
  on: fc.subarray([...switches, ...routers]),
  grouped: fc.boolean(),
});

const router = fc.record({
  kind: fc.constantFrom('distributed', 'gateway', 'gateway', 'redirect', 'redirect', 'two'),
  options: optional({
    lb_force_snat_ip: ['10.0.9.1', '10.0.9.1 fd09::1', 'router_ip', 'odd'],
    dnat_force_snat_ip: ['10.0.9.2'],
  }),
  copp: fc.boolean(),
  grouped: fc.boolean(),
  nats: fc.array(
    fc.record({
      type: fc.constantFrom('snat', 'dnat', 'dnat_and_snat'),
      external: fc.oneof(host4, host6),
      distributed: fc.boolean(),
      options: optional({ stateless: ['true'], add_route: ['true'] }),
    }),
    { maxLength: 3 },
  ),
});

/** What a random database is made of: small enough to shrink well. */
export const randomBalancers = fc.record({
  balancers: fc.array(balancer, { minLength: 1, maxLength: 4 }),
  routers: fc.tuple(router, router, router),
  switches: fc.tuple(
    fc.record({ localnet: fc.boolean(), copp: fc.boolean(), grouped: fc.boolean(), acl: fc.boolean() }),
    fc.record({ localnet: fc.boolean(), copp: fc.boolean(), grouped: fc.boolean(), acl: fc.boolean() }),
  ),
  globals: optional({
    controller_event: ['true'],
    install_ls_lb_from_router: ['true'],
    debug_drop_collector_set: ['5'],
    use_ct_inv_match: ['false'],
  }),
});

type Made<T> = T extends fc.Arbitrary<infer V> ? V : never;

/** The database of a random value. */
export function northboundOf(made: Made<typeof randomBalancers>): Northbound {
  const nb = northbound();
  for (const row of nb.NB_Global.values()) Object.assign(row.options, made.globals);
  const band = insertRow(nb, 'Meter_Band', 'm', { action: 'drop', rate: 10 });
  insertRow(nb, 'Meter', 'm', { name: 'm', unit: 'pktps', bands: [band._uuid] });
  const copp = insertRow(nb, 'Copp', 'c', { name: 'c', meters: { reject: 'm', 'event-elb': 'm', 'nd-na': 'm' } })._uuid;
  for (const [i, one] of made.switches.entries()) {
    addSwitch(nb, switches[i], { copp: one.copp ? copp : undefined });
    addPort(
      nb,
      switches[i],
      `p${i}`,
      [`02:00:00:00:0f:0${i} 10.0.${i}.5 fd0${i}::5`],
      i === 1 ? { enabled: false } : {},
    );
    if (one.localnet) addLocalnet(nb, switches[i], `ln${i}`);
    if (one.acl) {
      const acl = { direction: 'from-lport', match: 'ip4', action: 'allow-related', priority: 5 };
      const row = nb.Logical_Switch.get(rowUuid('Logical_Switch', switches[i]));
      row?.acls.push(insertRow(nb, 'ACL', switches[i], acl)._uuid);
    }
  }
  for (const [i, one] of made.routers.entries()) addMadeRouter(nb, i, one, copp);
  const grouped = made.balancers.flatMap((one, i) => (one.grouped ? [addMadeBalancer(nb, i, one)] : []));
  for (const [i, one] of made.balancers.entries()) if (!one.grouped) addMadeBalancer(nb, i, one);
  if (grouped.length > 0) addGroup(nb, grouped, made);
  return nb;
}

function addMadeRouter(nb: Northbound, i: number, made: Made<typeof router>, copp: string): void {
  const name = routers[i];
  const options = { ...made.options, 'requested-tnl-key': String(50 + i) };
  addRouter(nb, name, {
    options: made.kind === 'gateway' ? { ...options, chassis: 'n1' } : options,
    copp: made.copp ? copp : undefined,
  });
  for (const n of [0, 1]) {
    const port = `${name}:${n}`;
    addRouterPort(nb, name, port, `02:00:00:00:0${i}:0${n}`, [`10.0.${n}.${i + 1}/24`, `fd0${n}::${i + 1}/64`]);
    attach(nb, switches[n], port);
    if (made.kind === 'two' || (made.kind === 'redirect' && n === 1)) addGatewayChassis(nb, port, { n1: 1 });
  }
  for (const nat of made.nats) {
    const where = nat.distributed ? { logical_port: 'p0', external_mac: '02:00:00:00:99:01' } : {};
    const logical = nat.external.includes(':') ? 'fd02::9' : '10.0.2.9';
    addNat(nb, name, nat.type, nat.external, logical, { ...where, options: nat.options });
  }
}

function addMadeBalancer(nb: Northbound, i: number, made: Made<typeof balancer>): string {
  const vips = Object.fromEntries(made.vips);
  const check = Object.keys(vips)[0];
  const checks = made.watched && check !== undefined ? [check] : [];
  const row = insertRow(nb, 'Load_Balancer', `lb${i}`, {
    name: `lb${i}`,
    vips,
    protocol: made.protocol,
    selection_fields: made.selection,
    options: { ...made.options, ...(made.template && { template: made.template }) },
    health_check: checks.map((key) => insertRow(nb, 'Load_Balancer_Health_Check', `lb${i}`, { vip: key })._uuid),
    ip_port_mappings: Object.fromEntries([
      ...[1, 2, 3].map((h) => [`10.0.0.${h}`, `p0:10.0.0.8`]),
      ...[1, 2, 3].map((h) => [`[fd01::${h}]`, `p${h - 1}:[fd01::8]`]),
      ['10.0.1.1', 'p1:10.0.1.8'],
    ]),
  });
  if (made.grouped) return row._uuid;
  for (const owner of [...nb.Logical_Switch.values(), ...nb.Logical_Router.values()]) {
    if (made.on.includes(owner.name)) owner.load_balancer.push(row._uuid);
  }
  return row._uuid;
}

function addGroup(nb: Northbound, balancers: string[], made: Made<typeof randomBalancers>): void {
  const group = insertRow(nb, 'Load_Balancer_Group', 'g', { name: 'g', load_balancer: balancers })._uuid;
  // ovn-northd corrupts its memory if with install_ls_lb_from_router a group is on a switch by several ways.
  const once = made.globals.install_ls_lb_from_router === 'true';
  const owners = [
    ...made.routers.flatMap((one, i) =>
      one.grouped ? [nb.Logical_Router.get(rowUuid('Logical_Router', routers[i]))] : [],
    ),
    ...made.switches.flatMap((one, i) =>
      one.grouped ? [nb.Logical_Switch.get(rowUuid('Logical_Switch', switches[i]))] : [],
    ),
  ];
  for (const owner of once ? owners.slice(0, 1) : owners) owner?.load_balancer_group.push(group);
}

/** Northbound databases that between them show every flow that load balancers cause, on switches and on routers. */
import { insertRow, type Northbound, type NorthboundColumns, rowUuid } from '../../engine/ovsdb/northbound.ts';
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

type Balancer = NorthboundColumns<'Load_Balancer'>;

/** A load balancer of the switches and routers `on`. */
export function addBalancer(
  nb: Northbound,
  on: readonly string[],
  name: string,
  vips: Balancer['vips'],
  extra: Partial<Balancer> = {},
): void {
  const row = insertRow(nb, 'Load_Balancer', name, { name, vips, ...extra });
  for (const owner of [...nb.Logical_Switch.values(), ...nb.Logical_Router.values()]) {
    if (on.includes(owner.name)) owner.load_balancer.push(row._uuid);
  }
}

/** Watches the backends of `vip` of load balancer `name`. */
function watch(nb: Northbound, name: string, vip: string): void {
  const row = insertRow(nb, 'Load_Balancer_Health_Check', `${name} ${vip}`, { vip, options: { interval: '5' } });
  nb.Load_Balancer.get(rowUuid('Load_Balancer', name))?.health_check.push(row._uuid);
}

const routers = ['d', 'r', 'two', 'g', 'forced', 'byPort'];
const everywhere = ['a', 'b', ...routers];

/**
 * Switches with hosts, routers of every kind between them and an outer switch.
 * The routers' tunnel keys, which flows mention, are given.
 */
export function balanced(): Northbound {
  const nb = northbound();
  for (const name of ['a', 'b', 'ext']) addSwitch(nb, name);
  addLocalnet(nb, 'ext', 'ext:physnet');
  addPort(nb, 'a', 'a1', ['02:00:00:00:0a:11 10.0.0.11 fd00::11']);
  addPort(nb, 'a', 'a2', ['02:00:00:00:0a:12 10.0.0.12 fd00::12'], { enabled: false });
  addPort(nb, 'b', 'b1', ['02:00:00:00:0b:11 10.1.0.11 fd01::11']);
  const options: Record<string, Record<string, string>> = {
    g: { chassis: 'n1' },
    forced: { chassis: 'n1', lb_force_snat_ip: '100.64.0.1 fd64::1', dnat_force_snat_ip: '100.64.0.2' },
    byPort: { chassis: 'n2', lb_force_snat_ip: 'router_ip' },
    d: { lb_force_snat_ip: '100.64.0.3' },
  };
  for (const [i, name] of routers.entries()) {
    addRouter(nb, name, { options: { ...options[name], 'requested-tnl-key': String(100 + i) } });
    const mac = (n: number) => `02:00:00:00:1${i}:0${n}`;
    addRouterPort(nb, name, `${name}:a`, mac(1), [`10.0.0.${i + 1}/24`, `fd00::${i + 1}/64`]);
    addRouterPort(nb, name, `${name}:ext`, mac(2), [`30.0.0.${i + 1}/24`, `fd30::${i + 1}/64`]);
    attach(nb, 'a', `${name}:a`);
    attach(nb, 'ext', `${name}:ext`);
  }
  addRouterPort(nb, 'r', 'r:b', '02:00:00:00:1b:01', ['10.1.0.1/24', 'fd01::1/64']);
  attach(nb, 'b', 'r:b');
  addGatewayChassis(nb, 'r:ext', { n1: 10 });
  addGatewayChassis(nb, 'two:ext', { n1: 10 });
  addGatewayChassis(nb, 'two:a', { n2: 10 });
  return nb;
}

/** Protocols, addresses of both families with and without ports, and fields that choose the backend. */
function balancers(): Northbound {
  const nb = balanced();
  addBalancer(nb, everywhere, 'plain', {
    '30.0.0.100:80': '10.0.0.11:8080,10.1.0.11:8080',
    '30.0.0.100:81': '10.0.0.11:8081',
    '30.0.0.101': '10.0.0.11',
    '9.9.9.9:80': '10.0.0.11:80',
    '[fd30:0::100]:80': '[fd00::11]:8080,[fd01:0::11]:8080',
    'fd30::101': 'fd00::11,fd01::11',
    '10.0.0.1:22': '10.0.0.11:22',
  });
  addBalancer(nb, everywhere, 'udp', { '30.0.0.102:53': '10.0.0.11:53' }, { protocol: 'udp' });
  addBalancer(nb, everywhere, 'sctp', { '30.0.0.103:53': '10.0.0.11:53' }, { protocol: 'sctp' });
  addBalancer(
    nb,
    everywhere,
    'portless',
    { '30.0.0.104': '10.0.0.11', '30.0.0.105:0': '10.0.0.11' },
    { protocol: 'udp' },
  );
  const selection_fields = ['tp_src', 'ip_dst', 'eth_src', 'tp_dst'];
  addBalancer(nb, everywhere, 'hashed', { '30.0.0.106:80': '10.0.0.11:80' }, { selection_fields });
  addBalancer(nb, everywhere, 'hashedUdp', { '30.0.0.107:80': '10.0.0.11:80' }, { selection_fields, protocol: 'udp' });
  addBalancer(nb, everywhere, 'twin', { '30.0.0.100:80': '10.0.0.12:8080', '30.0.0.101': '10.0.0.11' });
  addBalancer(
    nb,
    ['a', 'd', 'r', 'g', 'forced'],
    'unskipped',
    { '30.0.0.108:80': '10.0.0.11:80' },
    {
      options: { skip_snat: 'true', hairpin_snat_ip: '1.1.1.1 fd11::1', hairpin_orig_tuple: 'true' },
    },
  );
  addBalancer(nb, [], 'unused', { '30.0.0.109:80': '10.0.0.11:80' });
  addBalancer(nb, ['b', 'r'], 'idle', {});
  return nb;
}

/** Virtual addresses without backends: told, refused or dropped; with meters. */
function emptyBalancers(): Northbound {
  const nb = balanced();
  for (const [name, options] of Object.entries<Record<string, string>>({
    silent: {},
    told: { event: 'true' },
    refused: { reject: 'true' },
    both: { reject: 'true', event: 'true' },
    toldSkip: { event: 'true', skip_snat: 'true' },
    refusedSkip: { reject: 'true', skip_snat: 'true', affinity_timeout: '60' },
  })) {
    const n = 120 + nb.Load_Balancer.size * 2;
    addBalancer(
      nb,
      everywhere,
      name,
      { [`30.0.0.${n}:80`]: '', [`[fd30::${n}]:80`]: '', [`30.0.0.${n + 1}`]: '' },
      {
        options,
      },
    );
  }
  const meters = { 'event-elb': 'elb', reject: 'reject' };
  for (const name of Object.values(meters)) {
    const band = insertRow(nb, 'Meter_Band', name, { action: 'drop', rate: 10 });
    insertRow(nb, 'Meter', name, { name, unit: 'pktps', bands: [band._uuid] });
  }
  const copp = insertRow(nb, 'Copp', 'c', { name: 'c', meters })._uuid;
  for (const row of [...nb.Logical_Switch.values(), ...nb.Logical_Router.values()]) {
    if (['a', 'r', 'forced'].includes(row.name)) row.copp = copp;
  }
  return nb;
}

/** NB_Global's options about load balancers, and drops that are sampled. */
function globalBalancers(): Northbound {
  const nb = emptyBalancers();
  addBalancer(nb, ['r', 'g'], 'ofRouters', { '30.0.0.150:80': '10.0.0.11:80' }, { options: { affinity_timeout: '7' } });
  const grouped = insertRow(nb, 'Load_Balancer', 'grouped', { name: 'grouped', vips: { '30.0.0.151': '10.0.0.11' } });
  const group = insertRow(nb, 'Load_Balancer_Group', 'g', { name: 'g', load_balancer: [grouped._uuid] });
  // ovn-northd corrupts its memory if with install_ls_lb_from_router a group is on a switch by several ways.
  for (const row of nb.Logical_Router.values()) if (row.name === 'g') row.load_balancer_group.push(group._uuid);
  for (const row of nb.NB_Global.values()) {
    Object.assign(row.options, {
      controller_event: 'true',
      install_ls_lb_from_router: 'true',
      debug_drop_collector_set: '7',
      debug_drop_domain_id: '9',
    });
  }
  return nb;
}

/** options:affinity_timeout, alone and with what else changes the action. */
function affinity(): Northbound {
  const nb = balanced();
  const vips = {
    '30.0.0.100:80': '10.0.0.11:8080,10.1.0.11:8081',
    '30.0.0.101': '10.0.0.11,10.1.0.11',
    '[fd30::100]:80': '[fd00::11]:8080,[fd01::11]:8080',
    'fd30::101': 'fd00::11',
  };
  addBalancer(nb, everywhere, 'affine', vips, { options: { affinity_timeout: '60' } });
  const second = { '30.0.0.102:53': '10.0.0.11:53', 'fd30::102': 'fd00::11' };
  addBalancer(nb, everywhere, 'skipping', second, {
    protocol: 'udp',
    selection_fields: ['ip_src'],
    options: { affinity_timeout: '70000', skip_snat: 'true', reject: 'true' },
  });
  addBalancer(nb, everywhere, 'nonsense', { '30.0.0.103:53': '10.0.0.11:53' }, { options: { affinity_timeout: 'x' } });
  addBalancer(nb, everywhere, 'negative', { '30.0.0.104:53': '10.0.0.11:53' }, { options: { affinity_timeout: '-1' } });
  return nb;
}

/** Backends whose health is watched, or should be but cannot. */
function healthChecks(): Northbound {
  const nb = balanced();
  const ip_port_mappings = {
    '10.0.0.11': 'a1:10.0.0.2',
    '10.0.0.12': 'a2:10.0.0.2',
    '10.1.0.11': 'b1:10.1.0.2',
    '10.1.0.12': 'nobody:10.1.0.3',
    '10.1.0.13': 'b1',
    '10.1.0.14': 'b1:x',
    '10.1.0.16': 'b1:10.1.0.2:8',
    '10.1.0.17': 'b1:[10.1.0.2]',
    '[fd00::11]': 'a1:[fd00::2]',
    '[fd01::11]': 'b1:fd01::2',
    'fd01::12': 'b1:fd01::3',
  };
  const vips = {
    '30.0.0.100:80':
      '10.0.0.11:80,10.0.0.12:80,10.1.0.11:81,10.1.0.12:80,10.1.0.13:80,10.1.0.14:80,10.1.0.15:80,10.1.0.16:80,10.1.0.17:80',
    '[fd30::100]:80': '[fd00::11]:80,[fd01::11]:80,[fd01::12]:80',
    '30.0.0.101:80': '10.0.0.11:8080',
    '30.0.0.102:80': '10.0.0.12:80',
    '30.0.0.103:80': '',
    '30.0.0.104': '10.0.0.11',
  };
  for (const [name, on, extra] of [
    ['watched', everywhere, { options: { event: 'true' } }],
    ['refusing', ['b', 'r', 'g'], { selection_fields: ['ip_src'], options: { reject: 'true', skip_snat: 'true' } }],
    ['udp', ['b'], { protocol: 'udp', options: { affinity_timeout: '60' } }],
    ['sctp', ['b'], { protocol: 'sctp' }],
    ['unused', [], {}],
    ['template', ['b'], { options: { template: 'true' } }],
  ] as [string, string[], Partial<Balancer>][]) {
    addBalancer(nb, on, name, vips, { ip_port_mappings, ...extra });
    for (const vip of Object.keys(vips)) if (vip !== '30.0.0.101:80') watch(nb, name, vip);
  }
  return nb;
}

/** Variables that each chassis replaces by its own values. */
function templates(): Northbound {
  const nb = balanced();
  for (const [name, extra] of Object.entries<Record<string, string>>({
    four: { 'address-family': 'ipv4' },
    six: { 'address-family': 'ipv6' },
    answering: { neighbor_responder: 'all', add_route: 'true' },
    unreachable: { neighbor_responder: 'reachable' },
    affine: { affinity_timeout: '60', event: 'true', 'address-family': 'ipv6' },
  })) {
    addBalancer(
      nb,
      everywhere,
      name,
      {
        '^vip:^port': '^back:^bport',
        '^vip2:80': '^b1,^b2:81',
        '^vip3': '10.0.0.11',
        '^vip4': '[fd00::11]:80',
        '^vip5:80': '10.0.0.11:80,[fd00::11]:80',
        '^vip6': '',
        '30.0.0.100:80': '^back:90',
        'a:b:c': '^back',
      },
      { options: { template: 'true', ...extra } },
    );
  }
  insertRow(nb, 'Chassis_Template_Var', 'n1', { chassis: 'n1', variables: { vip: '30.0.0.100', back: '10.0.0.11' } });
  return nb;
}

/** Which addresses routers answer for, and which other routers route to. */
function answeredBalancers(): Northbound {
  const nb = balanced();
  for (const [name, options] of Object.entries<Record<string, string>>({
    reachable: { neighbor_responder: 'reachable' },
    all: { neighbor_responder: 'all' },
    none: { neighbor_responder: 'none' },
    nonsense: { neighbor_responder: 'nonsense' },
    routed: { add_route: 'true' },
    routedAll: { add_route: 'true', neighbor_responder: 'all' },
  })) {
    const n = 160 + nb.Load_Balancer.size;
    addBalancer(
      nb,
      routers,
      name,
      { [`30.0.0.${n}:80`]: '10.0.0.11:80', [`40.0.0.${n}:80`]: '', [`[fd40::${n}]:1`]: '' },
      {
        options,
      },
    );
  }
  return nb;
}

/** Virtual addresses that are also those of NAT rules or of the router itself. */
function balancersAndNat(): Northbound {
  const nb = balanced();
  const vips = {
    '30.0.0.1:80': '10.0.0.11:80',
    '30.0.0.2:80': '10.0.0.11:80',
    '30.0.0.4': '10.0.0.11',
    '30.0.0.5:80': '10.0.0.11:80',
    '30.0.0.100:80': '10.0.0.11:80',
    '30.0.0.101:80': '10.0.0.11:80',
    '30.0.0.102': '10.0.0.11',
    '[fd30::100]:80': '[fd00::11]:80',
  };
  addBalancer(nb, routers, 'lb', vips);
  addBalancer(
    nb,
    routers,
    'skip',
    { '30.0.0.103:80': '10.0.0.11:80' },
    { protocol: 'udp', options: { skip_snat: 'true' } },
  );
  for (const name of routers) {
    addNat(nb, name, 'snat', '30.0.0.100', '10.0.0.0/24');
    addNat(nb, name, 'dnat', '30.0.0.101', '10.0.0.11');
    addNat(nb, name, 'dnat_and_snat', '30.0.0.102', '10.0.0.12');
    addNat(nb, name, 'dnat_and_snat', '30.0.0.103', '10.0.0.12', {
      logical_port: 'a1',
      external_mac: '02:00:00:00:99:01',
    });
    addNat(nb, name, 'dnat', 'fd30::100', 'fd00::11');
  }
  return nb;
}

/** Load balancers with mistakes in them: northd passes over each mistake. */
function badBalancers(): Northbound {
  const nb = balanced();
  const vips = {
    'x:80': '10.0.0.11:80',
    '30.0.0.100:80': '10.0.0.11',
    '30.0.0.101': '10.0.0.11:80',
    '30.0.0.102:80': '[fd00::11]:80',
    '30.0.0.103:70000': '10.0.0.11:80',
    '30.0.0.104:80': '10.0.0.11:80, 10.0.0.12:80',
    '30.0.0.105:80': '10.0.0.11:80,,10.0.0.12:80',
    '30.0.0.106:80': '10.0.0.11:80,x',
    '30.0.0.107:': '10.0.0.11',
    '': '10.0.0.11',
    '30.0.0.300:80': '10.0.0.11:80',
    '[fd30::100]:80': 'fd00::11:80',
    '[fd30::101]': '[fd00::11]',
    'fd30::102': '[fd00::11]:0',
    '[fd30::103]:80': '[fd00::11]:80,[fd00:0::12]:80',
    ',': ',',
    '30.0.0.108:80': ',',
    '[30.0.0.109]:80': '[10.0.0.11]:80',
    '30.0.0.110:x': '10.0.0.11:80',
    '30.0.0.111:+80': '10.0.0.11:80',
  };
  addBalancer(nb, everywhere, 'bad', vips, { protocol: 'udp' });
  addBalancer(nb, ['a', 'g'], 'allBad', { x: 'y' });
  return nb;
}

/** By name: each is compared with ovn-northd's switch pipeline and with its router pipeline. */
export const balancerTopologies: Readonly<Record<string, () => Northbound>> = {
  balancers,
  emptyBalancers,
  globalBalancers,
  affinity,
  healthChecks,
  templates,
  answeredBalancers,
  balancersAndNat,
  badBalancers,
};

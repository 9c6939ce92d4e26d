/** Northbound databases, and what chassis may have written into the southbound ones that belong to them. */
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import { balancerTopologies } from './balancers.ts';
import { addPort, addRouter, addRouterPort, addSwitch, attach, northbound } from './router/build.ts';

/** What a chassis writes, by names of ports. */
export interface Writing {
  /** Encapsulation of its tunnels. */
  readonly tunnels?: readonly string[];
  /** IGMP_Group: the datapath and the address, and who asked for it. */
  readonly groups?: readonly { readonly on: string; readonly address: string; readonly ports: readonly string[] }[];
  /** Service_Monitor: status by the logical port whose health is watched. */
  readonly status?: Readonly<Record<string, string>>;
  /** Port_Binding: who has a virtual port. */
  readonly parents?: Readonly<Record<string, string>>;
}

/** Switches that learn who wants which group, and routers that relay between them. */
function groups(): Northbound {
  const nb = northbound();
  const snoop = { other_config: { mcast_snoop: 'true' } };
  for (const name of ['one', 'two', 'three']) addSwitch(nb, name, snoop);
  addSwitch(nb, 'flooding', { other_config: { mcast_snoop: 'true', mcast_flood_unregistered: 'true' } });
  addSwitch(nb, 'plain');
  for (const [at, on] of ['one', 'two', 'three', 'flooding', 'plain'].entries()) {
    for (const n of [1, 2, 3]) addPort(nb, on, `${on}${n}`, [`02:00:00:00:0${at}:0${n} 10.${at}.0.1${n}`]);
  }
  addPort(nb, 'one', 'static', ['02:00:00:00:00:04'], { options: { mcast_flood: 'true' } });
  addPort(nb, 'one', 'reports', ['02:00:00:00:00:05'], { options: { mcast_flood_reports: 'true' } });
  addRouter(nb, 'relay', { options: { mcast_relay: 'true' } });
  addRouter(nb, 'static', { options: { mcast_relay: 'true' } });
  addRouter(nb, 'other');
  for (const [router, on, n, extra] of [
    ['relay', 'one', 1, {}],
    ['relay', 'two', 2, {}],
    ['relay', 'plain', 3, {}],
    ['static', 'two', 4, { options: { mcast_flood: 'true' } }],
    ['static', 'flooding', 5, {}],
    ['other', 'three', 6, {}],
  ] as const) {
    addRouterPort(nb, router, `${router}:${on}`, `02:00:00:00:09:0${n}`, [`10.${n}.0.1/24`, `fd0${n}::1/64`], extra);
    attach(nb, on, `${router}:${on}`);
  }
  return nb;
}

/** A virtual port, which may be one parent's, another's, or that of one that is not there. */
function virtual(): Northbound {
  const nb = northbound();
  addSwitch(nb, 'a');
  addPort(nb, 'a', 'vm1', ['02:00:00:00:00:01 10.0.0.11', '02:00:00:00:00:03 10.0.0.13']);
  addPort(nb, 'a', 'vm2', ['02:00:00:00:00:02 10.0.0.12']);
  for (const [name, ip] of [
    ['vip4', '10.0.0.50'],
    ['vip6', 'fd00::50'],
    ['lone', '10.0.0.51'],
    ['far', '10.7.0.51'],
  ]) {
    addPort(nb, 'a', `${name}`, [], {
      type: 'virtual',
      options: { 'virtual-ip': `${ip}`, 'virtual-parents': 'vm1,vm2' },
    });
  }
  addRouter(nb, 'r');
  addRouterPort(nb, 'r', 'r:a', '02:00:00:00:09:01', ['10.0.0.1/24', 'fd00::1/64']);
  attach(nb, 'a', 'r:a');
  return nb;
}

/** More of everything than the keys of VXLAN are, if somebody asks for such. */
function keys(): Northbound {
  const nb = northbound();
  addSwitch(nb, 'a');
  addSwitch(nb, 'b', { other_config: { 'requested-tnl-key': '4095' } });
  addSwitch(nb, 'c', { other_config: { 'requested-tnl-key': '4096' } });
  addSwitch(nb, 'transit', { other_config: { 'requested-tnl-key': '5000', 'interconn-ts': 'transit' } });
  addRouter(nb, 'r', { options: { 'requested-tnl-key': '4097' } });
  for (const on of ['a', 'transit']) {
    for (const key of [2047, 2048, 4095]) {
      addPort(nb, on, `${on}${key}`, [], { options: { 'requested-tnl-key': `${key}` } });
    }
  }
  return nb;
}

/** A switch with more ports than VXLAN has keys for them. */
function crowd(): Northbound {
  const nb = northbound();
  addSwitch(nb, 'crowd');
  for (let n = 0; n < 2060; n++) addPort(nb, 'crowd', `p${n}`, []);
  return nb;
}

/** Databases and what was written beside them. */
export const writtenTopologies: Readonly<Record<string, () => { nb: Northbound; writing: Writing }>> = {
  groups: () => ({
    nb: groups(),
    writing: {
      groups: [
        ...['one', 'two', 'three', 'flooding', 'plain'].map((on) => ({
          on,
          address: '239.0.1.68',
          ports: [`${on}1`, `${on}2`],
        })),
        { on: 'one', address: '239.0.1.69', ports: ['static', 'one3', 'reports'] },
        { on: 'one', address: '239.0.1.70', ports: ['static', 'reports'] },
        { on: 'one', address: '239.0.1.71', ports: ['static'] },
        { on: 'one', address: '239.0.1.72', ports: ['one-relay:one', 'one1'] },
        { on: 'one', address: '239.0.1.73', ports: ['one-relay:one'] },
        { on: 'one', address: '239.0.1.74', ports: [] },
        ...['ff05::1234', 'ff02::5', 'ff02::1', 'ff01::5', 'ff0e::5', 'ff03::5', 'ff02::2', 'ff05::1'].map(
          (address) => ({
            on: 'two',
            address,
            ports: ['two1'],
          }),
        ),
        ...['224.0.0.5', '224.0.1.5', '224.0.0.251', 'mrouters'].map((address) => ({
          on: 'two',
          address,
          ports: ['two2'],
        })),
        { on: 'three', address: 'mrouters', ports: ['three2', 'three-other:three'] },
        { on: 'one', address: 'mrouters', ports: ['one-relay:one', 'static'] },
        { on: 'three', address: '10.1.1.1', ports: ['three2'] },
        { on: 'three', address: 'rubbish', ports: ['three2'] },
      ],
    },
  }),
  virtual: () => ({ nb: virtual(), writing: { parents: { vip4: 'vm1', vip6: 'vm2', lone: 'nobody', far: 'vm1' } } }),
  health: () => ({
    nb: balancerTopologies.healthChecks(),
    writing: { status: { a1: 'online', a2: 'offline', b1: 'error' } },
  }),
  healthy: () => ({ nb: balancerTopologies.healthChecks(), writing: { status: { a1: 'offline', b1: 'offline' } } }),
  geneve: () => ({ nb: keys(), writing: { tunnels: ['geneve', 'stt'] } }),
  vxlan: () => ({ nb: keys(), writing: { tunnels: ['geneve', 'vxlan'] } }),
};

/** As one of `writtenTopologies`; of what has no key it is not said which port it is. */
export const crowded = (): { nb: Northbound; writing: Writing } => ({ nb: crowd(), writing: { tunnels: ['vxlan'] } });

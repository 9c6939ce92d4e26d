/**
 * What a change costs a computation that follows its northbound database: `createNorthd(nb).apply` of one port more
 * and one less, of another ACL, of a router port more, each many times, on databases of two shapes.
 */
import { createNorthd, type NorthboundChange, type Northd } from '../engine/northd/incremental.ts';
import { type Northbound, type NorthboundRow, rowUuid } from '../engine/ovsdb/northbound.ts';
import { northboundOf } from '../engine/vpc/index.ts';
import { duration, median } from './measure.ts';
import { resourcesOf, type Size } from './topology.ts';

/** Milliseconds of one kind of change: what passed, and what this process used of its processors. */
export interface ChangeTimes {
  readonly change: string;
  readonly wall: { readonly median: number; readonly worst: number };
  readonly cpu: { readonly median: number; readonly worst: number };
}

/** As many ports as `size` has, all on one switch behind one router. */
export function oneSwitch({ vpcs, networks, nodes, interfaces }: Size): Size {
  return { vpcs: 1, networks: 1, nodes, interfaces: Math.ceil((vpcs * networks * interfaces * nodes) / nodes) };
}

/** Measures each kind of change `count` times on the network of `size`. */
export function changeTimes(size: Size, count: number): ChangeTimes[] {
  const nb = northboundOf(resourcesOf(size));
  const homes = homesOf(nb);
  const northd = createNorthd(nb);
  const timed = (change: string, kind: Change): ChangeTimes => {
    const times = Array.from({ length: count }, (_, at) => {
      const home = homes[(at * 7) % homes.length] as Home;
      if (kind.before) northd.apply(kind.before(home, at));
      const time = cost(northd, kind.make(home, at));
      if (kind.after) northd.apply(kind.after(home, at));
      return time;
    });
    const of = (figure: keyof Cost) => {
      const values = times.map((time) => time[figure]);
      return { median: median(values), worst: Math.max(...values) };
    };
    return { change, wall: of('wall'), cpu: of('cpu') };
  };
  return [
    timed('one port more', { make: portMore, after: portLess }),
    timed('one port less', { before: portMore, make: portLess }),
    timed('another ACL', { make: otherAcl, after: ownAcl }),
    timed('a router port more', { make: routerPortMore, after: routerPortLess }),
  ];
}

/** The cells of a table's rows. */
export function changeRows(times: readonly ChangeTimes[]): string[][] {
  return times.map(({ change, wall, cpu }) => [
    change,
    ...[wall.median, wall.worst, cpu.median, cpu.worst].map(duration),
  ]);
}

type Make = (home: Home, at: number) => NorthboundChange[];

/** What is measured, and what is done before and after so that the next finds the network as it was. */
interface Change {
  readonly before?: Make;
  readonly make: Make;
  readonly after?: Make;
}

interface Cost {
  readonly wall: number;
  readonly cpu: number;
}

function cost(northd: Northd, changes: NorthboundChange[]): Cost {
  const start = performance.now();
  const cpu = process.cpuUsage();
  northd.apply(changes);
  const { user, system } = process.cpuUsage(cpu);
  return { wall: performance.now() - start, cpu: (user + system) / 1000 };
}

/** A switch with hosts, and what a change takes as its pattern. */
interface Home {
  readonly network: NorthboundRow<'Logical_Switch'>;
  readonly host: NorthboundRow<'Logical_Switch_Port'>;
  readonly acl: NorthboundRow<'ACL'>;
  readonly router: NorthboundRow<'Logical_Router'>;
  readonly routerPort: NorthboundRow<'Logical_Router_Port'>;
}

function homesOf(nb: Northbound): Home[] {
  const routerPorts = new Map([...nb.Logical_Router_Port.values()].map((row) => [row.name, row]));
  const routers = new Map([...nb.Logical_Router.values()].flatMap((row) => row.ports.map((port) => [port, row])));
  return [...nb.Logical_Switch.values()].flatMap((network) => {
    const ports = network.ports.flatMap((uuid) => nb.Logical_Switch_Port.get(uuid) ?? []);
    const host = ports.find(({ type, addresses }) => type === '' && addresses.length > 0);
    const link = ports.find(({ type }) => type === 'router');
    const routerPort = routerPorts.get(link?.options['router-port'] ?? '');
    const router = routers.get(routerPort?._uuid ?? '');
    const acl = nb.ACL.get(network.acls[0] ?? '');
    return host && acl && router && routerPort ? [{ network, host, acl, router, routerPort }] : [];
  });
}

const hostUuid = (at: number) => rowUuid('Logical_Switch_Port', `one more ${at}`);

function portMore({ network, host }: Home, at: number): NorthboundChange[] {
  const address = `02:00:00:00:99:${(at % 256).toString(16).padStart(2, '0')} 10.0.250.${at % 250}`;
  const row = { ...host, _uuid: hostUuid(at), name: `one more ${at}`, addresses: [address], port_security: [address] };
  return [
    { table: 'Logical_Switch_Port', row },
    { table: 'Logical_Switch', row: { ...network, ports: [...network.ports, row._uuid] } },
  ];
}

function portLess({ network }: Home, at: number): NorthboundChange[] {
  return [
    { table: 'Logical_Switch', row: { ...network, ports: [...network.ports] } },
    { table: 'Logical_Switch_Port', deleted: hostUuid(at) },
  ];
}

function otherAcl({ acl }: Home, at: number): NorthboundChange[] {
  return [{ table: 'ACL', row: { ...acl, match: `(${acl.match}) && ip.ttl != ${at}` } }];
}

function ownAcl({ acl }: Home): NorthboundChange[] {
  return [{ table: 'ACL', row: acl }];
}

const routerPortUuid = (at: number) => rowUuid('Logical_Router_Port', `one more ${at}`);

function routerPortMore({ router, routerPort }: Home, at: number): NorthboundChange[] {
  const row = {
    ...routerPort,
    _uuid: routerPortUuid(at),
    name: `one more ${at}`,
    mac: `02:00:00:00:98:${(at % 256).toString(16).padStart(2, '0')}`,
    networks: [`10.251.${at % 256}.1/24`],
  };
  return [
    { table: 'Logical_Router_Port', row },
    { table: 'Logical_Router', row: { ...router, ports: [...router.ports, row._uuid] } },
  ];
}

function routerPortLess({ router }: Home, at: number): NorthboundChange[] {
  return [
    { table: 'Logical_Router', row: { ...router, ports: [...router.ports] } },
    { table: 'Logical_Router_Port', deleted: routerPortUuid(at) },
  ];
}

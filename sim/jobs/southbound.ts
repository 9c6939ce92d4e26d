/** The southbound rows of each part of a network. */
import type { ControllerServices, LogicalFlow, Southbound } from '../../engine/ovsdb/southbound.ts';

/** Says which part something belongs to by the UUID of its datapath, or by the name of its port. */
export interface Homes {
  readonly count: number;
  ofDatapath(uuid: string): number | undefined;
  ofPort(name: string): number | undefined;
}

/** A database for each part; what every chassis is told is in all of them. */
export function southboundsOf(southbound: Southbound, homes: Homes): Southbound[] {
  const { datapaths, ports, flows, multicastGroups, macBindings, staticMacBindings, fdb } = southbound;
  const byDatapath = <T extends { datapath: string }>(rows: readonly T[]): T[][] =>
    sorted(rows, homes, ({ datapath }) => homes.ofDatapath(datapath));
  const byPort = <T extends { logicalPort: string }>(rows: readonly T[]): T[][] =>
    sorted(rows, homes, ({ logicalPort }) => homes.ofPort(logicalPort));
  const keys = new Map(datapaths.map(({ tunnelKey, uuid }) => [tunnelKey, uuid]));
  const own = {
    datapaths: sorted(datapaths, homes, ({ uuid }) => homes.ofDatapath(uuid)),
    ports: byDatapath(ports),
    flows: byDatapath(flows),
    multicastGroups: byDatapath(multicastGroups),
    macBindings: byPort(macBindings),
    staticMacBindings: byPort(staticMacBindings),
    fdb: sorted(fdb, homes, ({ datapathKey }) => homes.ofDatapath(keys.get(datapathKey) ?? '')),
    services: southbound.services && servicesOf(southbound.services, homes),
  };
  return Array.from({ length: homes.count }, (_, part): Southbound => {
    const rows = own.flows[part] ?? [];
    return {
      ...southbound,
      datapaths: own.datapaths[part] ?? [],
      ports: own.ports[part] ?? [],
      flows: rows,
      multicastGroups: own.multicastGroups[part] ?? [],
      ...namesIn(southbound, rows, (name) => homes.ofPort(name) === part),
      macBindings: own.macBindings[part] ?? [],
      staticMacBindings: own.staticMacBindings[part] ?? [],
      fdb: own.fdb[part] ?? [],
      origins: originsOf(southbound, rows),
      ...(southbound.loadBalancers && {
        loadBalancers: southbound.loadBalancers.filter((one) =>
          one.datapaths.some((uuid) => homes.ofDatapath(uuid) === part),
        ),
      }),
      ...(own.services?.[part] && { services: own.services[part] }),
    };
  });
}

/** The rows of each part, in their order; those of no part are left out. */
function sorted<T>(rows: Iterable<T>, { count }: Homes, homeOf: (row: T) => number | undefined): T[][] {
  const lists = Array.from({ length: count }, (): T[] => []);
  for (const row of rows) lists[homeOf(row) ?? count]?.push(row);
  return lists;
}

const reference = /[$@]([\w.]+)/g;

/** Always there: who has these addresses is asked without a flow that says so. */
const monitors = 'svc_monitor_mac';

/** The sets and groups that flows speak of; of a group the ports of the part. */
function namesIn(
  { addressSets, portGroups }: Southbound,
  flows: readonly LogicalFlow[],
  isOwn: (port: string) => boolean,
): Pick<Southbound, 'addressSets' | 'portGroups'> {
  const names = new Set([monitors]);
  if (portGroups.size > 0 || [...addressSets.keys()].some((name) => name !== monitors)) {
    for (const { match, actions } of flows) {
      for (const text of [match, actions]) {
        if (!text.includes('$') && !text.includes('@')) continue;
        for (const [, name = ''] of text.matchAll(reference)) names.add(name);
      }
    }
  }
  return {
    addressSets: new Map([...addressSets].filter(([name]) => names.has(name))),
    portGroups: new Map(
      [...portGroups].flatMap(([name, ports]) => (names.has(name) ? [[name, ports.filter(isOwn)] as const] : [])),
    ),
  };
}

function originsOf({ origins }: Southbound, flows: readonly LogicalFlow[]): Southbound['origins'] {
  const found: Southbound['origins'] = new Map();
  let last: string | undefined;
  for (const { hint } of flows) {
    if (hint === undefined || hint === last) continue;
    last = hint;
    const origin = origins.get(hint);
    if (origin) found.set(hint, origin);
  }
  return found;
}

function servicesOf(services: ControllerServices, homes: Homes): ControllerServices[] {
  const byPort = <T>(map: ReadonlyMap<string, T>): Map<string, T>[] =>
    sorted(map, homes, ([name]) => homes.ofPort(name)).map((entries) => new Map(entries));
  const monitored = sorted(services.serviceMonitors, homes, ({ logicalPort }) => homes.ofPort(logicalPort));
  const multicast = sorted(services.multicast, homes, ({ datapath }) => homes.ofDatapath(datapath));
  const bfd = sorted(services.bfd, homes, ({ logicalPort }) => homes.ofPort(logicalPort));
  const addresses = byPort(services.natAddresses);
  const ports = byPort(services.ports);
  return Array.from({ length: homes.count }, (_, part) => ({
    ...services,
    dns: services.dns.filter(({ datapaths }) => datapaths.some((uuid) => homes.ofDatapath(uuid) === part)),
    serviceMonitors: monitored[part] ?? [],
    multicast: multicast[part] ?? [],
    bfd: bfd[part] ?? [],
    natAddresses: addresses[part] ?? new Map(),
    ports: ports[part] ?? new Map(),
  }));
}

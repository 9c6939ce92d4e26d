/** Mutants of northbound rows, as engine/vpc writes them: what keeps packets out, or lets them in, is taken away or turned round. */
import type { Northbound, NorthboundRow, NorthboundTable } from '../../engine/ovsdb/northbound.ts';
import type { RowMutant } from './mutant.ts';
import { widened } from './terms.ts';

/** The columns that refer to rows which can be taken away. */
const holders = [
  ['Logical_Router', 'policies', 'Logical_Router_Policy', 'policy'],
  ['Logical_Router', 'nat', 'NAT', 'NAT rule'],
  ['Logical_Router', 'static_routes', 'Logical_Router_Static_Route', 'route'],
  ['Logical_Switch', 'acls', 'ACL', 'ACL'],
] as const;

/** All mutants of the rows. */
export function rowMutants(nb: Northbound): RowMutant[] {
  return [
    ...removed(nb),
    ...filters(nb),
    ...nextHops(nb),
    ...translations(nb),
    ...portSecurity(nb),
    ...dhcp(nb),
    ...addressSets(nb),
    ...moved(nb),
  ];
}

type Row<T extends NorthboundTable> = NorthboundRow<T>;

/** Changes one row of the copy that a mutant is made of. */
const change =
  <T extends NorthboundTable>(table: T, uuid: string, how: (row: Row<T>) => void) =>
  (nb: Northbound): void => {
    const rows: Map<string, Row<T>> = nb[table];
    how(rows.get(uuid) as Row<T>);
  };

function mutant(kind: string, what: string, damage: (nb: Northbound) => void): RowMutant {
  return { of: 'rows', kind, what, damage };
}

function removed(nb: Northbound): RowMutant[] {
  return holders.flatMap(([table, column, of, word]) =>
    [...nb[table].values()].flatMap((holder) => {
      const uuids = (holder as unknown as Record<string, string[]>)[column] ?? [];
      return uuids.map((uuid) =>
        mutant(`${word} removed`, `${holder.name}: ${wordsOf(nb, of, uuid)}`, (copy) => {
          const own = copy[table].get(holder._uuid) as unknown as Record<string, string[]>;
          own[column] = uuids.filter((one) => one !== uuid);
          copy[of].delete(uuid);
        }),
      );
    }),
  );
}

function wordsOf(nb: Northbound, table: (typeof holders)[number][2], uuid: string): string {
  const row: Partial<Record<string, unknown>> = nb[table].get(uuid) ?? {};
  const told = ['type', 'priority', 'match', 'action', 'ip_prefix', 'nexthop', 'nexthops', 'logical_ip', 'external_ip'];
  return told.flatMap((name) => (row[name] === undefined || `${row[name]}` === '' ? [] : [`${row[name]}`])).join(' ');
}

/** Policies and ACLs turned round, and widened. */
function filters(nb: Northbound): RowMutant[] {
  return holders.flatMap(([holding, column, table, word]) => {
    if (table !== 'ACL' && table !== 'Logical_Router_Policy') return [];
    return [...nb[holding].values()].flatMap((holder) =>
      ((holder as unknown as Record<string, string[]>)[column] ?? []).flatMap((uuid) => {
        const rows: Map<string, { match: string; action: string }> = nb[table];
        const { match, action } = rows.get(uuid) as { match: string; action: string };
        const what = `${holder.name}: ${wordsOf(nb, table, uuid)}`;
        return [
          mutant(
            `${word} turned`,
            what,
            change(table, uuid, (row) => {
              row.action = action === 'allow' ? 'drop' : 'allow';
              if ('nexthops' in row) row.nexthops = [];
            }),
          ),
          ...widened(match).map(({ how, match: wider }) =>
            mutant(
              `${word} ${how}`,
              what,
              change(table, uuid, (row) => {
                row.match = wider;
              }),
            ),
          ),
        ];
      }),
    );
  });
}

/** The next one in a list, or the first behind the last. */
function another<T>(all: readonly T[], one: T): T | undefined {
  const other = all[(all.indexOf(one) + 1) % all.length];
  return other === one ? undefined : other;
}

/** Of policies and routes: another next hop that is there. */
function nextHops(nb: Northbound): RowMutant[] {
  const policies = [...nb.Logical_Router_Policy.values()].filter(({ nexthops }) => nexthops.length > 0);
  const routes = [...nb.Logical_Router_Static_Route.values()];
  const hops = [...new Set([...policies.flatMap(({ nexthops }) => nexthops), ...routes.map(({ nexthop }) => nexthop)])];
  return [
    ...policies.map(({ _uuid, nexthops, match }) =>
      mutant(
        'policy leads elsewhere',
        `${match} ${nexthops}`,
        change('Logical_Router_Policy', _uuid, (row) => {
          row.nexthops = [another(hops, nexthops[0]) ?? '100.64.255.254'];
        }),
      ),
    ),
    ...routes.map(({ _uuid, nexthop, ip_prefix }) =>
      mutant(
        'route leads elsewhere',
        `${ip_prefix} ${nexthop}`,
        change('Logical_Router_Static_Route', _uuid, (row) => {
          row.nexthop = another(hops, nexthop) ?? '100.64.255.254';
        }),
      ),
    ),
  ];
}

/** Of source NAT: another one's address. */
function translations(nb: Northbound): RowMutant[] {
  const all = [...nb.NAT.values()];
  const external = [...new Set(all.map(({ external_ip }) => external_ip))];
  return all.flatMap(({ _uuid, external_ip, logical_ip }) => {
    const other = another(external, external_ip);
    if (other === undefined) return [];
    return mutant(
      "NAT rule with another one's address",
      `${logical_ip} ${external_ip}`,
      change('NAT', _uuid, (row) => {
        row.external_ip = other;
      }),
    );
  });
}

function portSecurity(nb: Northbound): RowMutant[] {
  return [...nb.Logical_Switch_Port.values()]
    .filter(({ port_security }) => port_security.length > 0)
    .map(({ _uuid, name }) =>
      mutant(
        'port security removed',
        name,
        change('Logical_Switch_Port', _uuid, (row) => {
          row.port_security = [];
        }),
      ),
    );
}

/** Ports without DHCP, and each option that hosts depend on. */
function dhcp(nb: Northbound): RowMutant[] {
  const served = [...nb.Logical_Switch_Port.values()].filter(({ dhcpv4_options }) => dhcpv4_options !== undefined);
  return [
    ...served.map(({ _uuid, name }) =>
      mutant(
        'DHCP removed',
        name,
        change('Logical_Switch_Port', _uuid, (row) => {
          delete row.dhcpv4_options;
        }),
      ),
    ),
    ...[...nb.DHCP_Options.values()].flatMap(({ _uuid, cidr, options }) =>
      Object.keys(options).map((option) =>
        mutant(
          'DHCP option removed',
          `${cidr} ${option}`,
          change('DHCP_Options', _uuid, (row) => {
            row.options = Object.fromEntries(Object.entries(options).filter(([name]) => name !== option));
          }),
        ),
      ),
    ),
  ];
}

function addressSets(nb: Northbound): RowMutant[] {
  return [...nb.Address_Set.values()].flatMap(({ _uuid, name, addresses }) =>
    addresses.map((address) =>
      mutant(
        'address taken out of its set',
        `$${name} ${address}`,
        change('Address_Set', _uuid, (row) => {
          row.addresses = addresses.filter((one) => one !== address);
        }),
      ),
    ),
  );
}

/** Each interface in the next network that has any. */
function moved(nb: Northbound): RowMutant[] {
  const isHost = (uuid: string): boolean => nb.Logical_Switch_Port.get(uuid)?.type === '';
  const switches = [...nb.Logical_Switch.values()].filter(({ ports }) => ports.some(isHost));
  return switches.flatMap((from) => {
    const to = another(switches, from);
    if (!to) return [];
    return from.ports.filter(isHost).map((uuid) =>
      mutant('interface moved', `${nb.Logical_Switch_Port.get(uuid)?.name} to ${to.name}`, (copy) => {
        change('Logical_Switch', from._uuid, (row) => {
          row.ports = row.ports.filter((one) => one !== uuid);
        })(copy);
        change('Logical_Switch', to._uuid, (row) => {
          row.ports = [...row.ports, uuid];
        })(copy);
      }),
    );
  });
}

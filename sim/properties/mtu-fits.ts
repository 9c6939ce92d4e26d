/** What hosts are told to send fits through the tunnels. */
import type { Northbound, NorthboundRow } from '../../engine/ovsdb/northbound.ts';
import { type Check, holds, type Judgement, type Property, violated } from './property.ts';
import { settingsIn } from './told.ts';
import type { View } from './view.ts';

/** Bytes that tunnels add, over IPv4: docs/properties/mtu-fits.md; IPv6 takes 20 more. */
const headers = { geneve: 58, vxlan: 50 } as const;

export const mtuFits: Property = {
  id: 'mtu-fits',
  severity: 'warning',
  promise: 'what hosts are told to send fits through the tunnels',
  *checks(view) {
    const { northbound } = view;
    if (!northbound) return;
    const routerPorts = routerPortsOf(northbound);
    for (const network of northbound.Logical_Switch.values()) {
      const told = toldMtus(northbound, routerPorts, network);
      if (told.length > 0) yield check(view, network.name, told);
    }
  },
};

/** An MTU that hosts are told, and by which row. */
interface Told {
  readonly mtu: number;
  readonly row: string;
}

function toldMtus(northbound: Northbound, routerPorts: RouterPorts, network: NorthboundRow<'Logical_Switch'>): Told[] {
  const ports = network.ports.flatMap((uuid) => northbound.Logical_Switch_Port.get(uuid) ?? []);
  const byDhcp = ports.flatMap(({ name, dhcpv4_options: uuid }) => {
    const options = uuid === undefined ? undefined : northbound.DHCP_Options.get(uuid);
    const mtu = Number(options?.options.mtu ?? Number.NaN);
    return Number.isNaN(mtu) ? [] : [{ mtu, row: `DHCP_Options of ${name}` }];
  });
  const byRouter = ports.flatMap(({ options }) => {
    const wanted = options['router-port'];
    if (wanted === undefined) return [];
    const router = routerPorts.get(wanted);
    const mtu = Number(router?.ipv6_ra_configs.mtu ?? Number.NaN);
    return router && !Number.isNaN(mtu) ? [{ mtu, row: `Logical_Router_Port ${router.name}` }] : [];
  });
  return [...byDhcp, ...byRouter];
}

type RouterPorts = ReadonlyMap<string, NorthboundRow<'Logical_Router_Port'>>;

/** The routers' ports by name: of those that have the same, the first. */
const routerPortsOf = (northbound: Northbound): RouterPorts =>
  new Map([...northbound.Logical_Router_Port.values()].reverse().map((row) => [row.name, row]));

function check(view: View, subject: string, told: readonly Told[]): Check {
  const underlay = settingsIn(view)?.underlay;
  const why = "nobody says how large the underlay's packets may be; a policy does, under builtin.mtu-fits.underlay";
  return {
    subject,
    source: [],
    ...(!underlay && { vacuous: why }),
    judge: () => (underlay ? judge(underlay, told) : holds),
  };
}

function judge(
  { mtu, encap, ip }: NonNullable<NonNullable<ReturnType<typeof settingsIn>>['underlay']>,
  told: readonly Told[],
): Judgement {
  const added = headers[encap] + (ip === 6 ? 20 : 0);
  const most = told.reduce((a, b) => (b.mtu > a.mtu ? b : a));
  if (most.mtu + added <= mtu) return holds;
  const sentence = `hosts are told an MTU of ${most.mtu}, which is ${most.mtu + added} bytes with the headers of ${encap}, and the underlay takes ${mtu}`;
  return violated({ kind: 'written', sentence, rows: [most.row] });
}

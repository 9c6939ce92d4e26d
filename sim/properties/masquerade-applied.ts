/** What leaves a masqueraded network has an external address, in whatever state conntrack finds it. */
import { formatIpv4 } from '../../engine/address.ts';
import { formatIpv4 as formatAddress } from '../../engine/lang/index.ts';
import { localnetPort } from '../../engine/vpc/names.ts';
import type { GatewayPlan } from '../../engine/vpc/plan.ts';
import { matchSet } from '../policy/packets.ts';
import type { NetworkDatapath, NetworkPort } from '../symbolic/index.ts';
import { networksOf, outsideOfNetwork } from './outside.ts';
import type { Check, Property } from './property.ts';
import { endText, judgeRefusals, type Refusal, whatText } from './refusal.ts';
import { networksMeant, settingsIn } from './told.ts';
import { amongStrangers } from './unguarded.ts';
import { from, portsOf, type TenantNetwork, tenantPortsOf, type View } from './view.ts';

export const masqueradeApplied: Property = {
  id: 'masquerade-applied',
  severity: 'error',
  promise: 'what leaves a masqueraded network has an external address, always',
  *checks(view) {
    const planned = networksOf(view).filter(({ plan }) => plan);
    for (const network of planned) yield plannedCheck(view, network);
    if (planned.length === 0) yield* foundChecks(view);
  },
};

function plannedCheck(view: View, network: TenantNetwork): Check {
  const { plan, hosts } = network;
  const isMeant = plan?.network.externallyRouted && plan.network.masquerade;
  const vacuous = !isMeant ? 'it is not masqueraded' : hosts.length === 0 ? 'it has no interface' : undefined;
  return {
    subject: network.name,
    source: network.source,
    ...(vacuous !== undefined && { vacuous }),
    judge: () => {
      const { tenant } = network;
      const gateways = tenant.plan?.gateways ?? [];
      return judgeRefusals(
        view,
        gateways.flatMap((gateway) => plannedRefusal(view, network, gateway)),
      );
    },
  };
}

/** By a node's gateway nothing leaves but with the node's external address. */
function plannedRefusal(view: View, network: TenantNetwork, gateway: GatewayPlan): Refusal[] {
  const { space, network: all } = view.analysis;
  const { vpc } = network.tenant.plan ?? {};
  const port = vpc && all.ports.get(localnetPort(vpc, gateway.node));
  if (!port) return [];
  const external = formatIpv4(gateway.externalAddress);
  return [
    {
      packets: space.and(from(view, portsOf([network])), amongStrangers(view)),
      ports: [port],
      bad: ({ store }, certainty) =>
        space.and(
          matchSet(space, 'ip4', store, certainty),
          space.not(matchSet(space, `ip4.src == ${external}`, store, certainty === 'may' ? 'must' : 'may')),
        ),
      sentence: (one) =>
        `${whatText(one)} of ${network.name} leaves by ${endText(view, one)} with another source address than ${external}`,
    },
    inward(view, network, [port], prefixesOf([network])),
  ];
}

/** Nothing leaves for an address that a network inside has. */
function inward(
  view: View,
  network: TenantNetwork,
  ports: readonly NetworkPort[],
  prefixes: readonly string[],
): Refusal {
  const text = `ip4.dst == {${prefixes.join(', ')}}`;
  return {
    packets: from(view, tenantPortsOf([network])),
    ports,
    bad: ({ store }, certainty) =>
      prefixes.length === 0 ? view.analysis.space.empty : matchSet(view.analysis.space, text, store, certainty),
    sentence: (one) => `${whatText(one)} of ${network.name}, for an address inside, leaves by ${endText(view, one)}`,
  };
}

/** The IPv4 networks that gateways of networks are in. */
function prefixesOf(networks: readonly TenantNetwork[]): string[] {
  const found = networks.flatMap(({ gateways }) =>
    gateways.flatMap(({ addresses }) =>
      addresses.flatMap(({ address, prefixLength }) =>
        address.family === 4 ? [`${formatAddress(networkAddress(address.value, prefixLength))}/${prefixLength}`] : [],
      ),
    ),
  );
  return [...new Set(found)];
}

const networkAddress = (value: bigint, length: number): bigint => (value >> BigInt(32 - length)) << BigInt(32 - length);

/** Routers with source NAT, for the networks that are joined with them. */
function* foundChecks(view: View): Generator<Check, void> {
  const routed = networksMeant(view, settingsIn(view)?.routed ?? []);
  const networks = networksOf(view).filter((network) => !routed.has(network));
  const { datapaths } = view.analysis.network;
  for (const router of datapaths.values()) {
    if (router.kind !== 'router' || !translates(view, router)) continue;
    const behind = networks.filter(({ datapath }) => datapath.component === router.component);
    yield foundCheck(view, router, behind);
  }
}

function foundCheck(view: View, router: NetworkDatapath, behind: readonly TenantNetwork[]): Check {
  const { space } = view.analysis;
  const prefixes = prefixesOf(behind);
  const ports = behind.flatMap((network) => outsideOfNetwork(view, network)).filter((port) => isBeside(port, router));
  const vacuous = prefixes.length === 0 ? 'no network is behind it that has an IPv4 gateway' : undefined;
  return {
    subject: router.name,
    source: [],
    ...(vacuous !== undefined && { vacuous }),
    judge: () =>
      judgeRefusals(view, [
        {
          packets: space.and(from(view, tenantPortsOf(behind)), amongStrangers(view)),
          ports: [...new Set(ports)],
          bad: ({ store }, certainty) => matchSet(space, `ip4.src == {${prefixes.join(', ')}}`, store, certainty),
          sentence: (one) => `${whatText(one)} leaves by ${endText(view, one)} with a source address of the inside`,
        },
        ...behind.map((network) => inward(view, network, [...new Set(ports)], prefixes)),
      ]),
  };
}

/** Whether a port outside is on a switch that the router is attached to. */
const isBeside = ({ datapath }: NetworkPort, router: NetworkDatapath): boolean =>
  datapath.ports.some(({ peer }) => peer?.datapath === router);

/** Whether a router has a NAT rule of type snat. */
function translates({ northbound, southbound }: View, router: NetworkDatapath): boolean {
  if (northbound) {
    const row = [...northbound.Logical_Router.values()].find(({ name }) => name === router.name);
    return row?.nat.some((uuid) => northbound.NAT.get(uuid)?.type === 'snat') ?? false;
  }
  return southbound.flows.some(
    ({ datapath, stage, match, actions }) =>
      datapath === router.uuid &&
      stage === 'lr_out_snat' &&
      /\bct_snat(_in_czone)?\(/.test(actions) &&
      /\bip4\.src == \S+\/\d+/.test(match),
  );
}

/**
 * The northbound database of plans: globals, what lies outside, and the rows of each VPC by itself, which follow from its
 * plan and from where that is written down.
 */

import { formatCidr, formatIpv4 } from '../address.ts';
import type { Position } from '../origin.ts';
import { emptyNorthbound, insertRow, type Northbound, type NorthboundTable } from '../ovsdb/northbound.ts';
import { isSame } from '../same.ts';
import { addGateway } from './gateway.ts';
import { routerName, vpcExternalSet } from './names.ts';
import { addNetwork } from './network.ts';
import type { VpcPlan } from './plan.ts';
import { addJoinSwitch, addRouter } from './router.ts';

/** The northbound database of a plan. */
export const northboundOfPlan = (plans: readonly VpcPlan[]): Northbound => openNorthboundMaker()(plans);

/**
 * Makes the databases of plans that follow each other: of a VPC that is planned as in the plans before, at the same places,
 * the rows are the very objects.
 */
export function openNorthboundMaker(): (plans: readonly VpcPlan[]) => Northbound {
  let known: ReadonlyMap<string, MadeVpc> = new Map();
  return (plans) => {
    const nb = emptyNorthbound();
    const made = new Map<string, MadeVpc>();
    addGlobals(nb);
    addExternalSet(nb, plans);
    for (const plan of plans) {
      const name = routerName(plan.vpc);
      const before = known.get(name);
      const vpc = before && isCurrent(before, plan) ? before : vpcOf(plan);
      made.set(name, vpc);
      addRows(nb, vpc.rows);
    }
    known = made;
    return nb;
  };
}

/** The rows of a VPC, and all that they follow from. */
interface MadeVpc {
  readonly plan: VpcPlan;
  readonly rows: Northbound;
  /** Which fields' places were asked for, and what they were. */
  readonly asked: readonly Asked[];
}

/** Of a network, by its number, or of the VPC. */
interface Asked {
  readonly network?: number;
  readonly path: string;
  readonly position: Position;
}

const isCurrent = ({ plan, asked }: MadeVpc, now: VpcPlan): boolean =>
  isSame(plan, now) &&
  asked.every(({ network, path, position }) => {
    const resource = network === undefined ? now.vpc : now.networks[network]?.network;
    return isSame(resource?.at(path), position);
  });

function vpcOf(plan: VpcPlan): MadeVpc {
  const asked: Asked[] = [];
  const rows = emptyNorthbound();
  addVpc(rows, noting(plan, asked));
  return { plan, rows, asked };
}

/** A plan that notes which places are asked of it. */
function noting(plan: VpcPlan, asked: Asked[]): VpcPlan {
  const noted = (at: (path: string) => Position, network?: number) => (path: string) => {
    const position = at(path);
    asked.push({ path, position, ...(network !== undefined && { network }) });
    return position;
  };
  return {
    ...plan,
    vpc: { ...plan.vpc, at: noted(plan.vpc.at) },
    networks: plan.networks.map((one, index) => ({
      ...one,
      network: { ...one.network, at: noted(one.network.at, index) },
    })),
  };
}

function addVpc(nb: Northbound, plan: VpcPlan): void {
  for (const network of plan.networks) addNetwork(nb, plan, network);
  addRouter(nb, plan);
  const ports = plan.gateways.map((gateway) => addGateway(nb, plan, gateway));
  if (ports.length > 0) addJoinSwitch(nb, plan, ports);
}

function addRows(nb: Northbound, rows: Northbound): void {
  for (const table of Object.keys(rows) as NorthboundTable[]) {
    const own = nb[table] as Map<string, unknown>;
    for (const [uuid, row] of rows[table]) own.set(uuid, row);
  }
}

/** northd makes up both addresses unless they are set. */
function addGlobals(nb: Northbound): void {
  insertRow(nb, 'NB_Global', '', { options: { mac_prefix: '06:00:00', svc_monitor_mac: '06:00:00:00:00:01' } });
}

/**
 * What lies outside and yet is a VPC's: nobody in a VPC may send there, or two
 * of them could meet by sending to each other at once.
 */
function addExternalSet(nb: Northbound, plans: readonly VpcPlan[]): void {
  const addresses = plans.flatMap(({ gateways, networks }) => [
    ...gateways.map(({ externalAddress }) => formatIpv4(externalAddress)),
    ...networks
      .filter(({ network }) => gateways.length > 0 && network.externallyRouted && !network.masquerade)
      .map(({ subnet }) => formatCidr(subnet)),
  ]);
  const unique = [...new Set(addresses)];
  if (unique.length > 0) insertRow(nb, 'Address_Set', vpcExternalSet, { name: vpcExternalSet, addresses: unique });
}

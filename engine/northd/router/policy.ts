/** lr_in_policy and lr_in_policy_ecmp: Logical_Router_Policy rows allow, drop or reroute what was routed. */
import type { NorthboundRow } from '../../ovsdb/northbound.ts';
import {
  REG_ECMP_GROUP_ID,
  REG_ECMP_MEMBER_ID,
  REG_NEXT_HOP_IPV4,
  REG_NEXT_HOP_IPV6,
  REG_SRC_IPV4,
  REG_SRC_IPV6,
  stages,
} from '../stages.ts';
import { warn } from '../warning.ts';
import { addressFacing } from './networks.ts';
import { rowsByUuid } from './order.ts';
import type { Router } from './router.ts';

type PolicyRow = NorthboundRow<'Logical_Router_Policy'>;

const stage = stages.lr_in_policy;

export function buildPolicy(router: Router): void {
  const { dp, drop, emit, topology } = router;
  emit(stage, 0, '1', `${REG_ECMP_GROUP_ID} = 0; next;`, 12213);
  emit(stages.lr_in_policy_ecmp, 150, `${REG_ECMP_GROUP_ID} == 0`, 'next;', 12215);
  emit(stages.lr_in_policy_ecmp, 0, '1', drop, 12217);
  let group = 0;
  for (const row of rowsByUuid(topology, 'Logical_Router_Policy', dp.row.policies)) {
    const nexthops = [...new Set(row.nexthops)].sort();
    if (row.action === 'reroute' && nexthops.length > 1) rerouteToSeveral(router, row, nexthops, ++group);
    else decide(router, row, nexthops[0] ?? row.nexthop);
  }
}

function decide(router: Router, row: PolicyRow, nexthop: string | undefined): void {
  const actions = actionsOf(router, row, nexthop);
  if (actions !== undefined) router.emit(stage, row.priority, row.match, actions, 9526, row);
}

function actionsOf(router: Router, row: PolicyRow, nexthop: string | undefined): string | undefined {
  if (row.action === 'drop') return router.drop;
  if (row.action === 'allow') return `${mark(row)}${REG_ECMP_GROUP_ID} = 0; next;`;
  if (nexthop === undefined) return refuse(router, row, 'it reroutes without a next hop');
  const hop = hopTo(router, row, nexthop);
  return hop && `${hop}flags.loopback = 1; ${REG_ECMP_GROUP_ID} = 0; next;`;
}

function rerouteToSeveral(router: Router, row: PolicyRow, nexthops: readonly string[], group: number): void {
  const { emit } = router;
  const other = nexthops.find((nexthop) => nexthop.includes('.') !== nexthops[0].includes('.'));
  if (other !== undefined) {
    refuse(router, row, `its next hops ${nexthops[0]} and ${other} are of different IP versions`);
    return;
  }
  for (const [index, nexthop] of nexthops.entries()) {
    const hop = hopTo(router, row, nexthop);
    if (hop === undefined) return;
    const match = `${REG_ECMP_GROUP_ID} == ${group} && ${REG_ECMP_MEMBER_ID} == ${index + 1}`;
    emit(stages.lr_in_policy_ecmp, 100, match, `${hop}flags.loopback = 1; next;`, 9606, row);
  }
  const members = nexthops.map((_, index) => index + 1).join(', ');
  const choose = `${REG_ECMP_GROUP_ID} = ${group}; ${REG_ECMP_MEMBER_ID} = select(${members});`;
  emit(stage, row.priority, row.match, choose, 9624, row);
}

/** Actions that send a packet to `nexthop`; undefined, with a warning, if no port of the router reaches it. */
function hopTo(router: Router, row: PolicyRow, nexthop: string): string | undefined {
  for (const port of router.portsByUuid) {
    const address = addressFacing(port, nexthop);
    if (address === undefined) continue;
    const [hop, source] = nexthop.includes('.') ? [REG_NEXT_HOP_IPV4, REG_SRC_IPV4] : [REG_NEXT_HOP_IPV6, REG_SRC_IPV6];
    return `${mark(row)}${hop} = ${nexthop}; ${source} = ${address}; eth.src = ${port.networks.mac}; outport = ${port.quoted}; `;
  }
  return refuse(router, row, `no port of the router has a network with its next hop ${nexthop}`);
}

function refuse({ dp, topology }: Router, row: PolicyRow, why: string): undefined {
  const message = `Routing policy ${row.priority} "${row.match}" of router "${dp.name}" is not applied: ${why}`;
  warn(topology.warnings, row, 'bad-policy', message);
}

/** options:pkt_mark, a number of 32 bits that is not 0. */
function mark({ options }: PolicyRow): string {
  const text = options.pkt_mark ?? '';
  const value = /^\s*\+?\d+$/.test(text) ? Number(text) : 0;
  return value > 0 && value <= 0xffffffff ? `pkt.mark = ${value}; ` : '';
}

/** Replies to ARP requests and neighbor solicitations for the router's addresses (lr_in_ip_input). */
import type { NorthboundRow } from '../../ovsdb/northbound.ts';
import { parseMac } from '../addresses.ts';
import { booleanOption } from '../options.ts';
import { REG_INPORT_ETH_ADDR, stages } from '../stages.ts';
import type { RouterPort } from '../topology.ts';
import { appliesAt, type ExternalAddress } from './nat.ts';
import type { Router } from './router.ts';
import { answeredSet } from './virtual-addresses.ts';

const stage = stages.lr_in_ip_input;

interface Reply {
  /** '' for a request on any port. */
  inport: string;
  /** An address, or a set of them. */
  address: string;
  /** '' where a solicitation may be sent to any address. */
  solicitedNode: string;
  /** Further condition, or ''. */
  condition: string;
  /** The MAC address that is answered: a constant or a field; undefined drops the request. */
  mac: string | undefined;
  priority: number;
  hint: NorthboundRow<'Logical_Router_Port'> | NorthboundRow<'NAT'> | undefined;
}

/** Replies to requests for `port`'s own addresses. */
export function replyForPort(router: Router, port: RouterPort): void {
  const inport = `inport == ${port.quoted}`;
  const common = { inport, mac: REG_INPORT_ETH_ADDR, priority: 90, hint: port.row };
  for (const { address, network, prefixLength } of port.networks.ipv4) {
    const condition = `arp.spa == ${network}/${prefixLength}${arpResidence(port)}`;
    arpReply(router, { ...common, address, solicitedNode: '', condition });
  }
  const condition = port.redirect ? `is_chassis_resident(${port.redirect.quoted})` : '';
  for (const { address, solicitedNode } of port.networks.ipv6) {
    ndReply(router, 'nd_na_router', { ...common, address, solicitedNode, condition });
  }
}

/** Replies to requests for load balancers' addresses: on a distributed gateway port, its chassis only. */
export function replyForVirtualAddresses(router: Router, port: RouterPort): void {
  const { answered } = router.dp.virtualAddresses;
  const condition = port.redirect ? `is_chassis_resident(${port.redirect.quoted})` : '';
  const inport = `inport == ${port.quoted}`;
  const common = { inport, solicitedNode: '', condition, mac: REG_INPORT_ETH_ADDR, priority: 90, hint: undefined };
  if (answered['4'].length > 0) arpReply(router, { ...common, address: answeredSet(router.dp, '4') });
  if (answered['6'].length > 0) ndReply(router, 'nd_na', { ...common, address: answeredSet(router.dp, '6') });
}

/** Replies to requests for the external addresses of NAT rules, on any port. */
export function replyForNat(router: Router): void {
  for (const external of router.nat.external) {
    natReply(router, external, { inport: '', condition: '', mac: REG_INPORT_ETH_ADDR, priority: 90 });
  }
}

/**
 * Replies to the same requests on a distributed gateway port: only one chassis
 * may answer there, all others drop.
 */
export function replyForNatAt(router: Router, port: RouterPort): void {
  if (!port.redirect) return;
  for (const external of router.nat.external) {
    const { row } = external;
    if (!appliesAt(row, port)) continue;
    const isDistributed = row.logical_port !== undefined && parseMac(row.external_mac ?? '') !== undefined;
    const resident = isDistributed ? `"${row.logical_port}"` : port.redirect.quoted;
    const inport = `inport == ${port.quoted}`;
    const mac = isDistributed ? row.external_mac : REG_INPORT_ETH_ADDR;
    natReply(router, external, { inport, condition: `is_chassis_resident(${resident})`, mac, priority: 92 });
    natReply(router, external, { inport, condition: '', mac: undefined, priority: 91 });
  }
}

function natReply(
  router: Router,
  { row, family, address, solicitedNode }: ExternalAddress,
  rest: Pick<Reply, 'inport' | 'condition' | 'mac' | 'priority'>,
): void {
  const reply = { ...rest, address, solicitedNode, hint: row };
  if (family === '4') arpReply(router, reply);
  else ndReply(router, 'nd_na', reply);
}

function arpReply({ drop, emit }: Router, { inport, address, condition, mac, priority, hint }: Reply): void {
  const match = conjunction(inport, `arp.op == 1 && arp.tpa == ${address}`, condition);
  const actions =
    mac === undefined
      ? drop
      : `eth.dst = eth.src; eth.src = ${mac}; arp.op = 2; /* ARP reply */ arp.tha = arp.sha; arp.sha = ${mac}; arp.tpa <-> arp.spa; outport = inport; flags.loopback = 1; output;`;
  emit(stage, priority, match, actions, 11115, hint);
}

function ndReply(
  { drop, emit, meter }: Router,
  action: 'nd_na' | 'nd_na_router',
  { inport, address, solicitedNode, condition, mac, priority, hint }: Reply,
): void {
  const match = conjunction(
    inport,
    solicitedNode === '' ? '' : `ip6.dst == {${address}, ${solicitedNode}}`,
    `nd_ns && nd.target == ${address}`,
    condition,
  );
  if (mac === undefined) emit(stage, priority, match, drop, 11156, hint);
  else {
    const actions = `${action} { eth.src = ${mac}; ip6.src = nd.target; nd.tll = ${mac}; outport = inport; flags.loopback = 1; output; };`;
    emit(stage, priority, match, actions, 11171, hint, meter('nd-na'));
  }
}

function conjunction(...terms: string[]): string {
  return terms.filter((term) => term !== '').join(' && ');
}

/**
 * Where a network leaves by a localnet port, every chassis would answer: a
 * distributed gateway port answers on its chassis only, and so does a port with
 * options:reside-on-redirect-chassis.
 */
function arpResidence(port: RouterPort): string {
  const { gatewayPorts } = port.datapath;
  if (gatewayPorts.length === 0 || port.peer?.kind !== 'switch-port') return '';
  if (port.peer.datapath.localnetPorts.length === 0) return '';
  const resides = gatewayPorts.length === 1 && booleanOption(port.row.options, 'reside-on-redirect-chassis', false);
  const redirect = port.redirect ?? (resides ? gatewayPorts[0].redirect : undefined);
  return redirect ? ` && is_chassis_resident(${redirect.quoted})` : '';
}

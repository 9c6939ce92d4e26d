/**
 * Load balancing on a router: lr_in_unsnat, lr_in_defrag, lr_in_lb_aff_check,
 * lr_in_dnat, lr_in_lb_aff_learn, lr_out_undnat and lr_out_snat.  Beside these
 * the default flows of the stages that belong to load balancers alone, and of
 * lr_in_ecmp_stateful, which belongs to routes with symmetric replies (ecmp.ts).
 */
import { buildAffinity } from '../affinity.ts';
import { balance, emptyEvent, endpointMatch } from '../balance.ts';
import type { LoadBalancer, Vip } from '../load-balancer.ts';
import {
  REG_LB_AFF_BACKEND_IP4,
  REG_LB_L3_AFF_BACKEND_IP6,
  REG_NEXT_HOP_IPV4,
  REG_NEXT_HOP_IPV6,
  REG_ORIG_TP_DPORT_ROUTER,
  REGBIT_KNOWN_LB_SESSION,
  stages,
} from '../stages.ts';
import type { RouterPort } from '../topology.ts';
import { warn } from '../warning.ts';
import { onGatewayChassis } from './networks.ts';
import type { Router } from './router.ts';

/** What happens to the source of balanced packets: as NAT rules have it, it stays, or it becomes lb_force_snat_ip. */
type SourceNat = 'usual' | 'skip' | 'force';

export function buildLoadBalancer(router: Router): void {
  const { dp, emit } = router;
  emit(stages.lr_in_defrag, 0, '1', 'next;', 14243);
  emit(stages.lr_in_lb_aff_check, 0, '1', 'next;', 7490);
  emit(stages.lr_in_lb_aff_learn, 0, '1', 'next;', 7491);
  emit(stages.lr_in_ecmp_stateful, 0, '1', 'next;', 14253);
  if (dp.hasLbVip) buildKnownConnections(router);
  if (dp.hasLbVip && dp.gatewayPorts.length > 1) warnOfGatewayPorts(router);
  for (const balancer of dp.loadBalancers) buildBalancer(router, balancer);
}

function warnOfGatewayPorts({ dp, portsByUuid, topology }: Router): void {
  const names = portsByUuid.flatMap(({ name, redirect }) => (redirect ? [name] : []));
  const message = `Router "${dp.name}" has load balancers and several distributed gateway ports: they balance at "${names[0]}" alone`;
  warn(topology.warnings, dp.row, 'load-balancer-at-one-gateway-port', message);
}

/** What belongs to a connection that was balanced before, or is an error about one. */
function buildKnownConnections({ emit }: Router): void {
  const stage = stages.lr_in_dnat;
  const related = 'ct.rel && !ct.est && !ct.new';
  const established = 'ct.est && !ct.rel && !ct.new && ct_mark.natted';
  const skip = 'flags.skip_snat_for_lb = 1; ';
  const force = 'flags.force_snat_for_lb = 1; ';
  emit(stage, 70, `${related} && ct_mark.skip_snat == 1`, `${skip}ct_commit_nat;`, 14274);
  emit(stage, 70, `${related} && ct_mark.force_snat == 1`, `${force}ct_commit_nat;`, 14279);
  emit(stage, 50, related, 'ct_commit_nat;', 14283);
  emit(stage, 70, `${established} && ct_mark.skip_snat == 1`, `${skip}next;`, 14300);
  emit(stage, 70, `${established} && ct_mark.force_snat == 1`, `${force}next;`, 14305);
  emit(stage, 50, established, 'next;', 14309);
}

function buildBalancer(router: Router, balancer: LoadBalancer): void {
  const { emit, meter, topology } = router;
  for (const vip of balancer.vips) {
    const { family, address } = vip;
    emit(stages.lr_in_defrag, 100, `ip && ip${family}.dst == ${address}`, 'ct_dnat;', 10857, balancer.row);
    buildNew(router, balancer, vip);
    buildReverse(router, balancer, vip);
    keepFromUnsnat(router, balancer, vip);
    affinity(router, balancer, vip);
    const event = emptyEvent(balancer, vip, topology);
    if (event) emit(stages.lr_in_dnat, 130, event.match, event.actions, 10889, balancer.row, meter('event-elb'));
  }
  if (balancer.skipsSnat) emit(stages.lr_out_snat, 120, 'flags.skip_snat_for_lb == 1 && ip', 'next;', 10903);
}

/** A new connection gets a backend: on the gateway chassis, where the router has one. */
function buildNew(router: Router, balancer: LoadBalancer, vip: Vip): void {
  const sourceNat = sourceNatOf(router, balancer);
  const { actions, rejects } = balance(balancer, vip, router.topology, stages.lr_out_snat, flagOf(sourceNat));
  const gatewayPort = firstGatewayPort(router);
  const anywhere = gatewayPort === undefined || (vip.backends.length === 0 && balancer.rejects);
  const match = newConnection(balancer, vip) + (anywhere ? '' : onGatewayChassis(gatewayPort));
  const priority = vip.port === undefined ? 110 : 120;
  const meter = rejects ? router.meter('reject') : undefined;
  const line = () => {
    if (gatewayPort) return 10551;
    return meter === undefined ? 10603 : 10597;
  };
  router.emit(stages.lr_in_dnat, priority, match, setFlag(sourceNat) + actions, line(), balancer.row, meter);
}

function firstGatewayPort({ portsByUuid }: Router): RouterPort | undefined {
  return portsByUuid.find(({ redirect }) => redirect !== undefined);
}

function newConnection({ protocol }: LoadBalancer, { family, address, port }: Vip): string {
  const match = `ct.new && !ct.rel && ip${family} && ip${family}.dst == ${address}`;
  return port === undefined ? match : `${match} && ${protocol} && ${protocol}.dst == ${port}`;
}

function sourceNatOf(router: Router, balancer: LoadBalancer): SourceNat {
  if (balancer.skipsSnat) return 'skip';
  return forcesSnat(router) ? 'force' : 'usual';
}

function forcesSnat({ nat }: Router): boolean {
  return nat.lbForceSnatRouterIp || nat.lbForceSnat.ipv4.length + nat.lbForceSnat.ipv6.length > 0;
}

/** The action that marks the packet, for the stage that translates sources. */
function setFlag(sourceNat: SourceNat): string {
  return sourceNat === 'usual' ? '' : `flags.${sourceNat}_snat_for_lb = 1; `;
}

/** What ct_lb_mark remembers for the connection's other packets. */
function flagOf(sourceNat: SourceNat): string {
  return sourceNat === 'usual' ? '' : `; ${sourceNat}_snat`;
}

/** What backends answer leaves by the gateway port with the virtual address as its source. */
function buildReverse(router: Router, balancer: LoadBalancer, { family, backends }: Vip): void {
  const gatewayPort = firstGatewayPort(router);
  if (gatewayPort === undefined || backends.length === 0) return;
  const from = backends.map(({ address, port }) => {
    const source = `ip${family}.src == ${address}`;
    return port === undefined ? `(${source})` : `(${source} && ${balancer.protocol}.src == ${port})`;
  });
  const match = `ip${family} && (${from.join(' || ')}) && outport == ${gatewayPort.quoted}${onGatewayChassis(gatewayPort)}`;
  const sourceNat = sourceNatOf(router, balancer);
  const actions = sourceNat === 'usual' ? 'ct_dnat_in_czone;' : `${setFlag(sourceNat)}next;`;
  router.emit(stages.lr_out_undnat, 120, match, actions, 10565, balancer.row);
}

/** A virtual address that NAT rules have too is not taken for the destination of their replies. */
function keepFromUnsnat({ emit, nat }: Router, balancer: LoadBalancer, vip: Vip): void {
  if (!nat.rows.some(({ external_ip }) => external_ip === vip.address)) return;
  const match = `ip${vip.family} && ${endpointMatch(balancer, vip)}`;
  emit(stages.lr_in_unsnat, 120, match, 'next;', 10748, balancer.row);
}

function affinity(router: Router, balancer: LoadBalancer, vip: Vip): void {
  const sourceNat = forcesSnat(router) ? 'force' : sourceNatOf(router, balancer);
  buildAffinity(balancer, vip, router.emit, {
    stages: { check: stages.lr_in_lb_aff_check, balance: stages.lr_in_dnat, learn: stages.lr_in_lb_aff_learn },
    lines: { check: 7200, balance: 7287, learn: 7281 },
    registers: {
      vip: { '4': REG_NEXT_HOP_IPV4, '6': REG_NEXT_HOP_IPV6 },
      port: REG_ORIG_TP_DPORT_ROUTER,
      backend: { '4': REG_LB_AFF_BACKEND_IP4, '6': REG_LB_L3_AFF_BACKEND_IP6 },
    },
    check: (family, registers) => {
      const setPort = vip.port === undefined ? '' : `${registers.port} = ${balancer.protocol}.dst; `;
      const setVip = `${registers.vip[family]} = ip${family}.dst; `;
      const actions = `${setVip}${setPort}${REGBIT_KNOWN_LB_SESSION} = chk_lb_aff(); next;`;
      return { match: newConnection(balancer, vip), actions };
    },
    prepare: (family, registers) => `${registers.vip[family]} = ${vip.address}; ${setFlag(sourceNat)}`,
    flag: flagOf(sourceNat),
  });
}

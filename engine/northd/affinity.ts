/**
 * Session affinity (options:affinity_timeout of a load balancer): a client that
 * comes again soon gets the backend that it had.  Three stages of switches and
 * routers alike: one looks for a backend that is remembered, the balancing one
 * uses it, the third remembers the one that was chosen.
 */
import type { Family } from './addresses.ts';
import { endpoint } from './balance.ts';
import type { Emit } from './emit.ts';
import type { LoadBalancer, Vip } from './load-balancer.ts';
import { REG_LB_AFF_MATCH_PORT, REGBIT_KNOWN_LB_SESSION, type Stage } from './stages.ts';

/** What differs between switches and routers. */
export interface AffinityPipeline {
  readonly stages: { readonly check: Stage; readonly balance: Stage; readonly learn: Stage };
  /** Lines of northd.c. */
  readonly lines: { readonly check: number; readonly balance: number; readonly learn: number };
  readonly registers: AffinityRegisters;
  /** The flow that looks for the backend. */
  check(family: Family, registers: AffinityRegisters): { match: string; actions: string };
  /** What the balancing flow does first. */
  prepare(family: Family, registers: AffinityRegisters): string;
  /** What ct_lb_mark has to remember: `; skip_snat`, `; force_snat` or ''. */
  readonly flag: string;
}

export interface AffinityRegisters {
  /** The virtual address and its port. */
  readonly vip: Readonly<Record<Family, string>>;
  readonly port: string;
  /** The backend that was found. */
  readonly backend: Readonly<Record<Family, string>>;
}

export function buildAffinity(balancer: LoadBalancer, vip: Vip, emit: Emit, pipeline: AffinityPipeline): void {
  if (balancer.affinityTimeout === 0) return;
  const { stages, lines, registers, flag } = pipeline;
  // Templates' addresses are not known yet: ovn-northd takes them for IPv6.
  const family = vip.ip?.family ?? '6';
  const check = pipeline.check(family, registers);
  emit(stages.check, 100, check.match, check.actions, lines.check, balancer.row);

  const prepare = pipeline.prepare(family, registers);
  const isPort = vip.port === undefined ? '' : ` && ${registers.port} == ${vip.port}`;
  const isVip = `ct.new && ip${family} && ${registers.vip[family]} == ${vip.address}${isPort}`;
  const name = endpoint(family, vip.address, vip.port);
  const ofProtocol = vip.port === undefined ? '' : `, proto = ${balancer.protocol}`;
  for (const { address, portNumber } of vip.backends) {
    const backend = endpoint(family, address, portNumber === 0 ? undefined : String(portNumber));
    const [isKnownPort, isChosenPort] =
      portNumber === 0
        ? ['', '']
        : [` && ${REG_LB_AFF_MATCH_PORT} == ${portNumber}`, ` && ${balancer.protocol}.dst == ${portNumber}`];
    const known = `${REGBIT_KNOWN_LB_SESSION} == 1 && ct.new && ip${family} && ${registers.backend[family]} == ${address}${isKnownPort}`;
    const again = `${prepare}ct_lb_mark(backends=${backend}${flag});`;
    emit(stages.balance, 150, known, again, lines.balance, balancer.row);
    const chosen = `${REGBIT_KNOWN_LB_SESSION} == 0 && ${isVip} && ip${family}.dst == ${address}${isChosenPort}`;
    const learn = `commit_lb_aff(vip = "${name}", backend = "${backend}"${ofProtocol}, timeout = ${balancer.affinityTimeout}); /* drop */`;
    emit(stages.learn, 100, chosen, learn, lines.learn, balancer.row);
  }
}

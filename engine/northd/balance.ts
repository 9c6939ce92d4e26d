/** How flows of switches and routers alike match virtual addresses and choose a backend. */
import { isUsable, type LoadBalancer, type Vip } from './load-balancer.ts';
import { booleanOption } from './options.ts';
import type { Stage } from './stages.ts';
import type { Topology } from './topology.ts';

/**
 * The actions that give a new connection its backend, or refuse or drop it where
 * there is none.  `answer` is the stage of the egress pipeline from which a
 * refusal goes back, `flag` what ct_lb_mark has to remember: `; skip_snat`,
 * `; force_snat` or ''.
 */
export function balance(
  balancer: LoadBalancer,
  vip: Vip,
  topology: Topology,
  answer: Stage,
  flag = '',
): { actions: string; rejects: boolean; drops: boolean } {
  const usable = vip.backends.filter((backend) => isUsable(vip, backend));
  if (usable.length === 0) {
    const actions = balancer.rejects
      ? `reg0 = 0; reject { outport <-> inport; next(pipeline=egress,table=${answer.table});};`
      : topology.drop.drop;
    return { actions, rejects: balancer.rejects, drops: !balancer.rejects };
  }
  const backends = vip.isWatched
    ? usable.map(({ address, portNumber }) => endpoint(vip.family, address, String(portNumber))).join(',')
    : vip.backendText;
  const hash = balancer.hashFields === '' ? '' : `; hash_fields="${balancer.hashFields}"`;
  return { actions: `ct_lb_mark(backends=${backends}${hash}${flag});`, rejects: false, drops: false };
}

/** `ADDRESS`, `ADDRESS:PORT` or `[ADDRESS]:PORT`. */
export function endpoint(family: '4' | '6', address: string, port: string | undefined): string {
  if (port === undefined) return address;
  return family === '4' ? `${address}:${port}` : `[${address}]:${port}`;
}

/** Matches packets to a virtual address, which the load balancer's protocol has to be of. */
export function endpointMatch({ protocol }: LoadBalancer, { family, address, port }: Vip): string {
  const match = `ip${family}.dst == ${address} && ${protocol}`;
  return port === undefined ? match : `${match} && ${protocol}.dst == ${port}`;
}

/**
 * The flow that tells of packets to a virtual address without backends, so that
 * somebody may start one; undefined unless options:event of the load balancer
 * or options:controller_event of NB_Global ask for it.
 */
export function emptyEvent(
  balancer: LoadBalancer,
  vip: Vip,
  topology: Topology,
): { match: string; actions: string } | undefined {
  const { row, protocol, rejects, tellsEmpty } = balancer;
  if (vip.backends.length > 0 || rejects) return undefined;
  if (!tellsEmpty && !booleanOption(topology.options, 'controller_event', false)) return undefined;
  const address = endpoint(vip.family, vip.address, vip.port);
  const actions = `trigger_event(event = "empty_lb_backends", vip = "${address}", protocol = "${protocol}", load_balancer = "${row._uuid}");`;
  return { match: endpointMatch(balancer, vip), actions };
}
